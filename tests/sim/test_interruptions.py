"""Resets, greetings and hosts that go away, at any clock; results that nobody takes."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.datasets import load_dataset
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.hdl.link.uart import LEAST_DIVISOR
from backspike.model import Network
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.exercise import lively_weights
from backspike.sim.interruptions import INTERRUPTED, KINDS, check_weights_between, interrupt, may_be_whole
from backspike.sim.native import HardwareError, NativeNetwork
from backspike.training.engines import load_engine

SEED = 20266
MOMENTS = 50


def test_a_device_that_is_interrupted_is_whole() -> None:
    random, found = Random(SEED), Counter()
    weights = lively_weights(INTERRUPTED, SEED)
    with SimulatedBoard(INTERRUPTED, exposed=True) as board:
        Device(SerialTransport(DirectLine(board)), INTERRUPTED).write_weights(weights)
        for moment in range(MOMENTS):
            try:
                interruption, weights = interrupt(board, INTERRUPTED, weights, random)
            except BackspikeError as error:
                raise AssertionError(f"moment {moment}, seed {SEED}: {error}") from error
            found[interruption.kind, interruption.done] += 1
    missed = {(kind, done) for kind in KINDS for done in ("part", "all")} | {
        ("reset", "nothing"),
        ("vanished", "nothing"),
    }
    assert not missed - found.keys(), found


@pytest.mark.parametrize(
    ("byte", "bit", "whole"),
    [(0xF8, 3, True), (0xF8, 2, False), (0xF0, 3, False), (0xFF, 0, True), (0x7F, 7, False), (0x7F, 8, True)],
)
def test_ones_that_an_idle_line_goes_on_with_are_the_frames(byte, bit, whole) -> None:
    line = bytes((5, byte, 0))
    assert may_be_whole(line, (10 + bit) * LEAST_DIVISOR + 1) == whole
    assert not may_be_whole(line, 10 * LEAST_DIVISOR - 1)
    assert may_be_whole(line, 20 * LEAST_DIVISOR)


@pytest.mark.parametrize(
    ("found", "done"),
    [((0, 0, 0), "nothing"), ((1, 0, 0), "part"), ((1, 1, 0), "part"), ((1, 1, 9), "part"), ((2, 1, 9), "all")],
)
def test_weights_between_two_steps_are_told_apart(found, done) -> None:
    states = np.array([(0, 0, 0), (1, 1, 0), (1, 1, 9), (2, 1, 9)])
    assert check_weights_between(states, np.array(found), "this") == done


@pytest.mark.parametrize("found", [(0, 0, 9), (2, 0, 9), (2, 1, 0), (0, 0, 1)])
def test_weights_of_no_moment_are_found(found) -> None:
    states = np.array([(0, 0, 0), (1, 1, 0), (1, 1, 9), (2, 1, 9)])
    with pytest.raises(BackspikeError, match=r"^after this the weights are those of no moment: \["):
        check_weights_between(states, np.array(found), "this")


def test_a_request_that_has_not_come_in_may_change_nothing() -> None:
    assert check_weights_between(np.array([(1, 2)]), np.array((1, 2)), "this") == "nothing"
    with pytest.raises(BackspikeError, match="of no moment"):
        check_weights_between(np.array([(1, 2)]), np.array((1, 3)), "this")


def test_results_wait_until_they_are_taken() -> None:
    """A network whose results nobody takes stops, answers reads, and goes on as if nothing had been."""
    config = PRESETS["tiny"]
    data = load_dataset("random", config, SEED)
    count = 4
    values, labels = data.train_values[:count], data.train_labels[:count]
    golden = Network(config, lively_weights(config, SEED))
    wins = load_engine("numpy")(golden, values, labels, np.arange(count), True)
    with NativeNetwork(config) as network:
        for layer in (1, 2):
            network.write_weights(layer, lively_weights(config, SEED)[layer - 1])
        network.offer(values, labels, learn=True)
        # One is offered, one waits behind it, and two are stored: what has begun is over long before this is read.
        network.access("STATUS", count=2000)
        assert network.read("SAMPLES") == 1
        stalls = [network.read("STALLS_RESULT") for _ in range(2)]
        assert 0 < stalls[0] < stalls[1]
        ticks = network.read("TICKS")
        assert ticks == 2 * config.ticks
        with pytest.raises(HardwareError, match=r"^the hardware gave 0 of 1 accesses to RATE_1, then nothing for "):
            network.write("RATE_1", config.rates[0])
        # The write that was asked for is still waiting, and lets no sample begin before it is done.
        assert np.array_equal(network.take(count), wins)
