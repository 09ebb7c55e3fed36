"""No bench of a unit waits for ever: on a design that does nothing it fails, after a number of clocks."""

from __future__ import annotations

import importlib
from inspect import signature

import pytest
from amaranth import Module, Signal

from backspike.sim.runner import BenchError
from tests.sim.accumulator import NEEDS_ICARUS

from . import variants

LIMIT = 3_000

# Each waits in a way of its own: for a byte to be taken, for an answer, for a result, for a transfer.
BENCHES = ("test_lists", "test_board", "test_network", "test_uart")


def silent(self, platform) -> Module:
    """Leave all outputs at 0."""
    m = Module()
    beat = Signal()
    m.d.sync += beat.eq(~beat)
    return m


@NEEDS_ICARUS
@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_of_what_does_nothing_ends(name: str, monkeypatch) -> None:
    def impatient(*arguments, parameters, **options):
        return run_bench(*arguments, parameters={**parameters, "limit": LIMIT}, **options)

    run_bench = variants.run_bench
    monkeypatch.setattr(variants.Variants, "elaborate", silent)
    monkeypatch.setattr(variants, "run_bench", impatient)
    module = importlib.import_module(f".{name}", __package__)
    tests = [test for test in vars(module).values() if getattr(test, "__module__", "") == module.__name__]
    benches = [test for test in tests if callable(test) and [*signature(test).parameters] == ["simulator"]]
    assert benches
    for bench in benches:
        if bench.__name__.startswith("test_"):
            with pytest.raises(BenchError, match=r"failed on icarus: \w+: AssertionError: \S"):
                bench("icarus")
