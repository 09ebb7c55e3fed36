"""Several variants of a unit in one design, and the benches that run on it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from backspike.hdl.verilog import describe_ports, emit
from backspike.sim.runner import run_bench

ON_BOTH = pytest.mark.parametrize(
    "simulator",
    [
        pytest.param(
            "icarus",
            marks=pytest.mark.skipif(
                shutil.which("iverilog") is None, reason="needs Icarus Verilog: apt-get install iverilog"
            ),
        ),
        "verilator",
    ],
)


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


def check(
    module: str,
    variants: Mapping[str, tuple[wiring.Component, Mapping[str, Any]]],
    simulator: str,
    seed: int,
    test: str | None = None,
    on_verilator: Collection[str] | None = None,
) -> None:
    """Run a bench of `backspike.sim.units` on components, each with the job that its bench gets.

    Verilator, which builds slowly, may be left with some of them.
    """
    if simulator == "verilator" and on_verilator is not None:
        variants = {name: variants[name] for name in on_verilator}
    design = Variants({name: unit for name, (unit, _) in variants.items()})
    ports = describe_ports(design)
    run_bench(
        f"backspike.sim.units.{module}",
        emit(design, f"{module}_variants"),
        f"{module}_variants",
        simulator=simulator,
        parameters={"seed": seed, "ports": ports, "jobs": {name: job for name, (_, job) in variants.items()}},
        public=[],
        seed=seed,
        test=test,
    )
