"""Several variants of a unit in one design, and the benches that run on it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from backspike.hdl.verilog import describe_ports, emit
from backspike.sim.runner import run_bench

from .benches.bench import Bench

NEEDS_ICARUS = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="needs Icarus Verilog: apt-get install iverilog"
)
ON_BOTH = pytest.mark.parametrize(
    "simulator",
    [
        pytest.param("icarus", marks=[NEEDS_ICARUS, pytest.mark.slow]),
        pytest.param("verilator", marks=pytest.mark.slow),
    ],
)
"""On what compiles the emitted Verilog: a whole design, or one in which the text matters."""

FEW_AND_REST = pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["few", "rest"])
"""A few variants that show each side of a unit, and all others."""

Kinds = Mapping[str, tuple[wiring.Component, Mapping[str, Any]]]
"""Variants of a unit, and what the bench of each gets."""


class Variants(wiring.Component):
    """Components side by side; the ports of each have its name and two underscores in front."""

    def __init__(self, units: Mapping[str, wiring.Component]) -> None:
        self._units = units
        super().__init__({name: Out(unit.signature) for name, unit in units.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, unit in self._units.items():
            m.submodules[name] = unit
            connect(m, flipped(getattr(self, name)), unit)
        # Units of logic alone have no clock, but benches do.
        beat = Signal()
        m.d.sync += beat.eq(~beat)
        return m


def choose(variants: Kinds, names: Collection[str], few: bool) -> Kinds:
    """Return the variants of some names, or all others."""
    assert set(names) <= set(variants)
    return {name: variant for name, variant in variants.items() if (name in names) == few}


def check(
    turns: Sequence[Mapping[str, type[Bench]]],
    variants: Kinds,
    simulator: str,
    seed: int,
    name: str = "variants",
    added: str = "",
) -> None:
    """Run benches on variants of units as Verilog, in one design: in each turn all variants at once, each with a bench.

    `benches.simulation.simulate` does it with the variants as they are. `added` is Verilog of modules that they take.
    """
    design = Variants({variant: unit for variant, (unit, _) in variants.items()})
    ports = describe_ports(design)
    run_bench(
        "tests.hdl.benches.verilog",
        emit(design, name) + added,
        name,
        simulator=simulator,
        parameters={
            "seed": seed,
            "ports": ports,
            "turns": [{variant: (kind.__module__, kind.__name__) for variant, kind in turn.items()} for turn in turns],
            "jobs": {variant: job for variant, (_, job) in variants.items()},
        },
        public=[],
        seed=seed,
    )
