"""Several variants of a unit in one design, and the benches that run on it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from backspike.config import LFSR_WIDTHS, NetworkConfig
from backspike.hdl.verilog import describe_ports, emit
from backspike.sim.runner import run_bench

from .benches.bench import Bench

NEEDS_ICARUS = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="needs Icarus Verilog: apt-get install iverilog"
)
ON_BOTH = pytest.mark.parametrize("simulator", [pytest.param("icarus", marks=NEEDS_ICARUS), "verilator"])
"""On what compiles the emitted Verilog: a whole design, or one in which the text matters."""

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


def check(
    turns: Sequence[Mapping[str, type[Bench]]], variants: Kinds, simulator: str, seed: int, name: str = "variants"
) -> None:
    """Run benches on variants of units as Verilog, in one design: in each turn all variants at once, each with a bench.

    `benches.simulation.simulate` does it with the variants as they are.
    """
    design = Variants({variant: unit for variant, (unit, _) in variants.items()})
    ports = describe_ports(design)
    run_bench(
        "tests.hdl.benches.verilog",
        emit(design, name),
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
