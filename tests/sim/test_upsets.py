"""Bits that flip: all registers of a board can be upset, a break ends what hangs, an LFSR leaves zero by itself."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.experiments.flips import flip_lfsrs, flip_weights
from backspike.experiments.upsets import train_upset
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import SerialTransport, encode_line
from backspike.hdl.link.uart import BREAK_BITS
from backspike.link import Request
from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.registers import window_checksum
from backspike.sim.board import DirectLine
from backspike.sim.exercise import lively_weights
from backspike.sim.interruptions import INTERRUPTED
from backspike.sim.native import RtlEngine
from backspike.sim.upsets import PARTS, Outcome, UpsetBench, part_of
from backspike.training.differences import weight_difference
from backspike.training.engines import load_engine

SEED = 20267


@pytest.fixture(scope="module")
def bench():
    return UpsetBench(INTERRUPTED, SEED)


def the(bench, instance, name):
    (found,) = (r for r in bench.registers if (r.instance, r.name) == (instance, name))
    return found


def test_every_register_is_of_a_part(bench) -> None:
    bits = Counter()
    for register in bench.registers:
        bits[part_of(register)] += register.size
    assert set(bits) == set(PARTS)
    layers = INTERRUPTED.weight_layers
    assert bits["weights"] == sum(layer.rows * layer.row_lanes * INTERRUPTED.weight_bits for layer in layers)
    assert bits["table of noise"] == 1024 * 8
    assert bits["frames of the link"] == 8 * (1024 + 512)


def test_a_weights_bit_stays_flipped_until_it_is_written(bench) -> None:
    """In the last clock before the weights are read, or nearly, nothing but the bit itself has changed."""
    rows = the(bench, "network.layer_1.sweep.synapses", "rows_0")
    found = bench.upset(rows, rows.size - 1, 0)
    assert (found.part, found.outcome, found.lasting) == ("weights", Outcome.SILENT, False)


@pytest.mark.parametrize("number", [1, 2])
def test_a_weights_bit_is_found_by_the_checksum_of_its_layer(number: int, bench) -> None:
    weights, random = lively_weights(INTERRUPTED, SEED), Random(SEED)
    rows = the(bench, f"network.layer_{number}.sweep.synapses", "rows_0")
    with bench.board() as board:
        device = Device(SerialTransport(DirectLine(board)), INTERRUPTED)
        device.write_weights(weights)
        assert device.weight_checksums() == list(map(window_checksum, INTERRUPTED.weight_layers, weights))
        for _ in range(5):
            before, bit = device.weight_checksums(), random.randrange(rows.size)
            board.upset(rows, bit, 0)
            board.run(2)
            changed = [new != old for new, old in zip(device.weight_checksums(), before, strict=True)]
            assert changed == [layer.number == number for layer in INTERRUPTED.weight_layers], f"bit {bit}, seed {SEED}"
        assert weight_difference(weights, device.read_weights()).startswith(f"weight of layer {number}, ")


def test_what_hangs_is_ended_by_a_break(bench) -> None:
    """An upset of the sequencer lets a sample wait for ever, and with it the link, which hears no HELLO any more."""
    showing, random = the(bench, "network.sequencer", "showing"), Random(SEED)
    for _ in range(20):
        found = bench.upset(showing, 0, random.randrange(bench.clocks // 2))
        assert found.outcome is not Outcome.LOST, found
        if found.outcome is Outcome.HANGS:
            break
    else:
        raise AssertionError(f"nothing hangs, seed {SEED}")
    assert not found.lasting, found


def test_a_broken_table_of_noise_outlives_a_greeting(bench) -> None:
    """It is loaded with the configuration alone."""
    noise, random = the(bench, "network.layer_2.wta", "noise"), Random(SEED)
    found = [bench.upset(noise, 8 * random.randrange(1024) + 6, 0) for _ in range(12)]
    assert {upset.outcome for upset in found} == {Outcome.NOTHING, Outcome.SILENT}
    # Not in every run is the entry drawn.
    assert any(upset.lasting for upset in found)


def test_no_upset_takes_a_board_away_for_good(bench) -> None:
    random, found = Random(SEED), Counter()
    for part in PARTS:
        for upset in bench.upsets(part, random, 2):
            assert upset.outcome is not Outcome.LOST, upset
            assert not upset.lasting or part == "table of noise", upset
            found[upset.outcome] += 1
    assert found[Outcome.NOTHING] > found[Outcome.SILENT] > 0, found


def test_a_break_resets_all_but_weights_and_a_shorter_one_nothing(bench) -> None:
    weights = lively_weights(INTERRUPTED, SEED)
    with bench.board() as board:
        device = Device(SerialTransport(DirectLine(board)), INTERRUPTED)
        device.write_weights(weights)
        device.write("RATE_1", 9)
        # Less than a frame, and then nearly a break: the next frame is taken, as ever.
        board.run(200, b"\x05\x01\x02")
        board.send_break(BREAK_BITS - 3)
        assert device.read("RATE_1") == 9
        board.run(200, b"\x05\x01\x02")
        board.send_break()
        # The link knows no sequence, and takes a HELLO alone; the driver sends it.
        following = Frame((device.session.sequence + 1) % 256, Request.RESULTS)
        assert board.exchange(b"\0" + encode_line(following)) == b""
        device = Device(SerialTransport(DirectLine(board)), INTERRUPTED)
        assert device.read("RATE_1") == INTERRUPTED.rates[0]
        assert weight_difference(weights, device.read_weights()) == ""


def test_lfsrs_that_are_zero_leave_it_by_themselves() -> None:
    """The hardware as the model: a draw of zero, and then the draws of an LFSR that was one."""
    config = PRESETS["tiny"]
    data, rtl = load_dataset("random", config, SEED), RtlEngine()
    networks = [Network(config, lively_weights(config, SEED)) for _ in range(2)]
    for network in networks:
        state = NetworkState.of(network, StateKind.RANDOM)
        NetworkState(config, {name: np.zeros_like(states) for name, states in state.items()}).put_into(network)
    wins = [
        show(network, data.train_values, data.train_labels, np.arange(8), True)
        for show, network in zip((load_engine("numpy"), rtl), networks, strict=True)
    ]
    assert np.array_equal(*wins)
    golden, hardware = (NetworkState.of(network, StateKind.RANDOM).lfsrs for network in networks)
    assert np.array_equal(golden, hardware)
    assert golden.all()
    assert weight_difference(networks[0].weights, networks[1].weights) == ""


@pytest.mark.parametrize("flip", [flip_weights, flip_lfsrs])
def test_model_and_hardware_learn_the_same_when_bits_flip(flip) -> None:
    config = PRESETS["tiny"]
    data = load_dataset("random", config, SEED)
    golden, hardware = (train_upset(config, data, 2, flip, 0.2, engine, samples=96) for engine in ("fast", RtlEngine()))
    assert weight_difference(golden.weights, hardware.weights) == ""
    states = [NetworkState.of(network, StateKind.RANDOM).lfsrs for network in (golden, hardware)]
    assert np.array_equal(*states)
