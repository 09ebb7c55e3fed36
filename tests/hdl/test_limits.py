"""No bench waits for ever: on a design that does nothing it fails, after a number of cycles."""

from __future__ import annotations

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring

from backspike.sim.runner import BenchError, run_bench

from . import test_board, test_network, variants
from .benches.bench import Bench
from .benches.board import LinkBench
from .benches.lists import ListBench
from .benches.network import BENCHES
from .benches.simulation import simulate
from .link import test_lists
from .test_units import UNITS, Unit
from .variants import NEEDS_ICARUS, Kinds, check

SEED = 20271
LIMIT = 3_000


class Silent(wiring.Component):
    """Has another's ports, and leaves all outputs at 0."""

    def elaborate(self, platform: object) -> Module:
        return Module()


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_bench_of_a_unit_that_does_nothing_ends(unit: Unit) -> None:
    drawn = unit.variants()
    assert_ends(unit.bench, {name: drawn[name] for name in unit.few})


@pytest.mark.parametrize("bench", BENCHES)
def test_a_bench_of_a_network_that_does_nothing_ends(bench: type[Bench]) -> None:
    assert_ends(bench, test_network.variants())


def assert_ends(bench: type[Bench], variants: Kinds) -> None:
    for name, (component, job) in variants.items():
        with pytest.raises(AssertionError, match=rf"^[^( ].* \({bench.__name__} of variant {name} "):
            simulate(bench, {name: (Silent(component.signature), job)}, SEED, LIMIT)


@NEEDS_ICARUS
@pytest.mark.slow
def test_a_bench_of_verilog_that_does_nothing_ends(monkeypatch) -> None:
    def silent(self, platform) -> Module:
        m = Module()
        beat = Signal()
        m.d.sync += beat.eq(~beat)
        return m

    def impatient(*arguments, parameters, **options):
        return run_bench(*arguments, parameters={**parameters, "limit": LIMIT}, **options)

    monkeypatch.setattr(variants.Variants, "elaborate", silent)
    monkeypatch.setattr(variants, "run_bench", impatient)
    for bench, drawn in ((LinkBench, test_board.variants("icarus")), (ListBench, test_lists.variants())):
        with pytest.raises(BenchError, match=r"failed on icarus: \w+.*: AssertionError: \S"):
            check([dict.fromkeys(drawn, bench)], drawn, "icarus", SEED)
