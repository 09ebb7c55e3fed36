"""Several variants of a unit in one design, and the benches that run on it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from backspike.config import LFSR_WIDTHS, NetworkConfig
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
    """Run a bench of `tests.hdl.benches` on components, each with the job that its bench gets.

    Verilator, which builds slowly, may be left with some of them.
    """
    if simulator == "verilator" and on_verilator is not None:
        variants = {name: variants[name] for name in on_verilator}
    design = Variants({name: unit for name, (unit, _) in variants.items()})
    ports = describe_ports(design)
    run_bench(
        f"tests.hdl.benches.{module}",
        emit(design, f"{module}_variants"),
        f"{module}_variants",
        simulator=simulator,
        parameters={"seed": seed, "ports": ports, "jobs": {name: job for name, (_, job) in variants.items()}},
        public=[],
        seed=seed,
        test=test,
    )


def random_config(generator: random.Random, **fixed: Any) -> NetworkConfig:
    """Draw a small configuration: sizes, depth, bits, leak, streams and lanes; `fixed` values are taken as they are."""
    layers = fixed.get("layers") or tuple(generator.randint(2, 20) for _ in range(generator.randint(2, 4)))
    fraction = generator.randint(2, 6)
    drawn: dict[str, Any] = {
        "layers": layers,
        "ticks": generator.randint(len(layers) - 1, 12),
        "weight_bits": generator.randint(max(4, fraction), 10),
        "weight_frac": fraction,
        "activation_range": generator.choice([0.5, 1.0, 2.0]),
        "error_range": generator.choice([0.5, 1.0]),
        "leak": generator.choice([0, 0, 1, 3]),
        "temperature": generator.choice([0.5, 1.0, 2.0]),
        "rates": tuple(generator.choice([0, 100, 256]) for _ in layers[1:]),
        "seed": generator.randint(1, 2**32 - 1),
        "lfsr_bits": generator.choice([width for width in LFSR_WIDTHS if width > 16]),
        "input": generator.choice(["rate", "spikes"]),
        "input_streams": generator.randint(1, 9),
        "lanes": tuple(generator.randint(1, units) for units in layers[1:]),
        "ports": tuple(generator.randint(1, 2) for _ in layers[1:]),
    }
    lanes = fixed.get("lanes") or drawn["lanes"]
    divisors = [[count for count in range(1, width + 1) if width % count == 0] for width in lanes[:-1]]
    drawn["unit_lanes"] = tuple(generator.choice([0, *counts]) for counts in divisors)
    if max(fixed.get("banks", (1,))) > 1:
        drawn["unit_lanes"] = ()
    return NetworkConfig(**{**drawn, **fixed})
