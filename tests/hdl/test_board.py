"""A board's design at the end of its line: training, refusals, and a line on which nothing hangs."""

from __future__ import annotations

import random

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.board import BoardTop
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.link.uart import LEAST_DIVISOR
from backspike.sim.exercise import random_config

from .benches.board import LinkBench
from .benches.line import BoardBench
from .benches.simulation import simulate
from .variants import ON_BOTH, check

SEED = 20261


def variants(simulator: str):
    generator = random.Random(SEED)
    fixed = [
        # A round has one of the seven kinds of what is refused.
        {"layers": (6, 4, 3), "lanes": (2, 1), "input": "spikes", "divisor": 7, "rounds": 7, "ticks": 7, "patience": 2},
        # Lists of more than one part, each of which takes as long on the line as all samples of another's round.
        {"layers": (300, 2, 3), "lanes": (2, 3), "input": "rate", "divisor": 5, "rounds": 2, "ticks": 5, "leak": 0},
    ]
    if simulator == "icarus":
        # It takes twenty times as long, and gets a small network on the fastest line.
        fixed = [{"layers": (3, 2), "input": "spikes", "divisor": LEAST_DIVISOR, "rounds": 1, "ticks": 5}]
    drawn = {}
    for number, values in enumerate(fixed):
        divisor, rounds = values.pop("divisor"), values.pop("rounds")
        config = random_config(generator.getrandbits(32), rates=(256,) * (len(values["layers"]) - 1), **values)
        job = {"config": config.to_dict(), "divisor": divisor, "rounds": rounds}
        drawn[f"board_{number}"] = (BoardTop(config, SerialTransport(divisor)), job)
    return drawn


@ON_BOTH
def test_a_host_trains_and_nothing_else_has_an_effect(simulator: str) -> None:
    drawn = variants(simulator)
    check([dict.fromkeys(drawn, LinkBench)], drawn, simulator, SEED)


@pytest.mark.slow
def test_a_host_trains_a_small_board() -> None:
    config = NetworkConfig(layers=(3, 2), ticks=5, rates=(256,), input="rate")
    board = BoardTop(config, SerialTransport(4))
    simulate(BoardBench, {"small": (board, {"config": config.to_dict(), "divisor": 4})}, SEED)
