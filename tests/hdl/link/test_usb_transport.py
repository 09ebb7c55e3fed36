"""USB, from the bits of a packet to a training."""

from __future__ import annotations

import random

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.board import BoardTop
from backspike.hdl.link.usb_transport import UsbTransport
from backspike.hdl.verilog import emit
from backspike.sim.exercise import random_config
from backspike.sim.runner import run_bench
from tests.hdl.benches.usb import NAME, PORTS, ClockedBoard, UsbBench, wrapped
from tests.hdl.variants import ON_BOTH

SEED = 20275


def run(simulator: str, config: NetworkConfig, **job) -> None:
    board = ClockedBoard(BoardTop(config, UsbTransport()))
    run_bench(
        "tests.hdl.benches.verilog",
        emit(board, "usb_board") + wrapped("usb_bench", "usb_board"),
        "usb_bench",
        simulator=simulator,
        parameters={
            "seed": SEED,
            "ports": PORTS,
            "turns": [{NAME: (UsbBench.__module__, UsbBench.__name__)}],
            "jobs": {NAME: {"config": config.to_dict(), **job}},
        },
        public=[],
        seed=SEED,
    )


@ON_BOTH
def test_a_host_trains_over_usb(simulator: str) -> None:
    config = random_config(SEED, layers=(6, 4, 3), lanes=(2, 1), input="spikes", ticks=7, patience=2, rates=(256, 256))
    run(simulator, config, rounds=7, skew=0.001, damage=0.05)
