"""The winner-take-all unit in hardware: every winner, every error spike, and the clocks of a race."""

from __future__ import annotations

import random

from backspike.hdl.wta import WinnerTakeAll
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
