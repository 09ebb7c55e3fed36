"""The winner-take-all unit in hardware: every winner, every error spike, and the clocks of a race."""

from __future__ import annotations

import random

import pytest
from amaranth import Module, Signal
from amaranth.hdl import signed
from amaranth.sim import Simulator

from backspike.config import PRESETS
from backspike.hdl.wta import WinnerTakeAll
from backspike.model.wta import GUMBEL_BITS, gumbel_table
from backspike.sim.exercise import random_config

from .benches.simulation import simulate
from .benches.wta import WinnerTakeAllBench

SEED = 20234


def variants():
    generator = random.Random(SEED)
    variants = {}
    races = [(2, 2, 0, 16), (3, 2, 2, 64), (10, 10, 0, 32), (10, 5, 3, 32), (16, 1, 8, 24), (26, 7, 0, 48)]
    # Each unit with a table of its own.
    races += [(2, 0, 1, 32), (11, 0, 0, 16)]
    for number, (classes, lanes, leak, width) in enumerate(races):
        config = random_config(
            generator.getrandbits(32),
            layers=(generator.randint(1, 30), 4, classes),
            lanes=(0, lanes),
            leak=leak,
            lfsr_bits=width,
            synapses="rows" if lanes else "crossbar",
            activation_range=0.5,
            error_range=0.5,
            weight_bits=8,
            weight_frac=3,
        )
        variants[f"race_{number}"] = (WinnerTakeAll(config), {"config": config.to_dict()})
    return variants


def test_races_have_the_winners_of_the_model() -> None:
    simulate(WinnerTakeAllBench, variants(), SEED)


@pytest.mark.parametrize(("weight_frac", "temperature"), [(2, 1.0), (3, 1.0), (4, 1.0), (5, 0.75), (6, 1.0)])
def test_each_draw_has_the_noise_of_the_table(weight_frac: int, temperature: float) -> None:
    """Also where the highest bits are not stored, but follow from the draw."""
    table = [int(entry) for entry in gumbel_table(weight_frac, temperature)]
    index = Signal(GUMBEL_BITS)
    m = Module()
    bits = max(entry.bit_length() for entry in table) + 1
    noise = WinnerTakeAll(PRESETS["tiny"])._look_up(m, "noise", index, table, signed(bits))

    async def bench(ctx) -> None:
        for draw, entry in enumerate(table):
            ctx.set(index, draw)
            await ctx.tick()
            assert ctx.get(noise) == entry, f"draw {draw}"

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
