"""The simulated board as a serial port, and as bytes in and bytes out."""

from __future__ import annotations

import time

import numpy as np
import pytest
import serial

from backspike import BackspikeError, NetworkConfig
from backspike.datasets import load_dataset
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import SerialTransport, encode_line
from backspike.fpga.link.session import NoAnswerError
from backspike.link import ANSWER, LinkEvent, Request
from backspike.model import Network
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.compare import schedule_of
from backspike.sim.exercise import lively_weights
from backspike.training.device import compare_device
from backspike.training.differences import result_difference, weight_difference
from backspike.training.engines import load_engine

from .boards import CONFIG

HELLO = encode_line(Frame(7, Request.HELLO))
ANSWERED = encode_line(Frame(7, Request.HELLO | ANSWER, bytes((0, 5, 64, 1))))


@pytest.fixture(scope="module")
def board():
    with SimulatedBoard(CONFIG) as board:
        yield board


def test_bytes_go_in_and_come_out(board) -> None:
    before = board.clocks
    assert board.exchange(HELLO) == ANSWERED
    # Each byte takes ten bits of four cycles.
    assert board.clocks - before > 40 * (len(HELLO) + len(ANSWERED))
    line = DirectLine(board)
    assert line.write(HELLO) == len(HELLO)
    assert line.in_waiting == len(ANSWERED)
    assert (line.read(3), line.read(100), line.read()) == (ANSWERED[:3], ANSWERED[3:], b"")


def test_answers_in_parts_are_whole(board, monkeypatch) -> None:
    """Less room than an answer takes, and fewer cycles at a time than it takes."""
    monkeypatch.setattr("backspike.sim.board._ROOM", 3)
    monkeypatch.setattr("backspike.sim.board._SLICE", 100)
    assert board.exchange(HELLO + b"\0\0") == ANSWERED


def test_time_is_that_of_the_simulation(board) -> None:
    """It goes on with the clocks, and while something is waited for; never by itself."""
    line = DirectLine(board)
    begun, clocks = line.seconds(), board.clocks
    assert line.seconds() == begun
    line.write(HELLO)
    assert line.seconds() - begun == pytest.approx((board.clocks - clocks) / 12e6)
    line.read(line.in_waiting)
    before = line.seconds()
    assert (line.read(0), line.seconds()) == (b"", before)
    assert (line.read(), line.seconds()) == (b"", pytest.approx(before + 0.02))


def test_a_port_is_opened_again_and_its_clock_rests() -> None:
    with SimulatedBoard(CONFIG) as board, board.terminal() as path:
        for _ in range(2):
            with serial.Serial(path, 1_000_000, timeout=10) as port:
                port.write(HELLO)
                assert port.read_until(b"\0") == ANSWERED
        time.sleep(0.5)
        clocks = board.clocks
        time.sleep(0.2)
        assert board.clocks == clocks


def test_a_board_is_served_at_one_terminal_after_another() -> None:
    with SimulatedBoard(CONFIG) as board:
        for _ in range(2):
            with board.terminal() as path, serial.Serial(path, 1_000_000, timeout=10) as port:
                port.write(HELLO)
                assert port.read_until(b"\0") == ANSWERED


def test_noise_is_that_of_its_seed() -> None:
    heard = []
    for seed in (3, 3, 4):
        with SimulatedBoard(CONFIG, noise=0.1, seed=seed) as board:
            heard.append([board.exchange(HELLO) for _ in range(20)])
    assert heard[0] == heard[1] != heard[2]
    assert heard[0].count(ANSWERED) < 20


@pytest.mark.parametrize("noise", [-0.1, 1.0])
def test_impossible_noise_is_refused(noise) -> None:
    with pytest.raises(BackspikeError, match=rf"^noise must be at least 0 and below 1, not {noise}$"):
        SimulatedBoard(CONFIG, noise=noise)


def test_a_device_that_hangs_is_one_sentence(board, monkeypatch) -> None:
    monkeypatch.setattr(board, "patience", 10)
    monkeypatch.setattr("backspike.sim.board._SLICE", 1)
    monkeypatch.setattr("backspike.sim.board.BYTE_BITS", 0)
    with pytest.raises(BackspikeError, match=r"^the device has not become quiet in 10 cycles$"):
        board.exchange(HELLO)


def greeted(board) -> Device:
    line = DirectLine(board)
    return Device(SerialTransport(line, line.seconds), CONFIG)


def trains(device: Device, samples: int) -> None:
    """What a device that is trained over the line computes is what the golden model does."""
    schedule = schedule_of(CONFIG, load_dataset("random", CONFIG, 1), samples, 1)
    result = compare_device(device, schedule)
    assert result.mismatch == ""
    assert any((before != after).any() for before, after in zip(schedule.weights, result.weights, strict=True))


def errors(device: Device) -> int:
    """How many frames the device has not understood."""
    counted = device.link_counters()
    return sum(counted[event] for event in (LinkEvent.DAMAGED, LinkEvent.SHORT, LinkEvent.LONG))


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("skew", [-0.02, 0.02])
def test_a_host_whose_clock_is_off_by_two_per_cent_is_understood(skew, phase, board) -> None:
    """Also with four cycles a bit, the fewest: no byte is lost in either direction."""
    before = errors(greeted(board))
    board.set_line(skew, phase)
    device = greeted(board)
    trains(device, 2)
    assert (errors(device), device.session.repeats) == (before, 0)
    board.set_line(0)


@pytest.mark.parametrize("skew", [-0.06, 0.06])
def test_a_host_whose_clock_is_off_by_six_per_cent_is_not(skew, board) -> None:
    """Last bits are looked at beside their time. Either end notices, and the host says that there is no answer."""
    before = errors(greeted(board))
    board.set_line(skew)
    with pytest.raises(
        NoAnswerError,
        match=r"^no answer from the device to HELLO, which was sent 5 times.*; as often before it was reset",
    ) as told:
        greeted(board)
    board.set_line(0)
    assert errors(greeted(board)) > before or "bytes came that are no answer" in str(told.value)


def test_after_power_up_it_works_without_a_reset() -> None:
    """Registers as the bitstream has them, and anything where the weights will be."""
    held = []
    for seed in (1, 2):
        with SimulatedBoard(CONFIG, seed=seed, power_up=True) as board:
            device = greeted(board)
            held.append(device.read_weights())
            trains(device, 2)
    assert all((one != other).any() for one, other in zip(*held, strict=True))


def test_weights_of_a_checkpoint_are_there_at_power_up() -> None:
    """Layers of several banks, with a word that is not full, and one that stays after a reset by the host."""
    config = NetworkConfig(layers=(7, 6, 3), name="trained", lanes=(4, 2), banks=(2, 1), weight_bits=5, weight_frac=2)
    weights = lively_weights(config, 3)
    with SimulatedBoard(config, weights=weights, optimise=False, power_up=True) as board:
        line = DirectLine(board)
        device = Device(SerialTransport(line, line.seconds), config, 0.2)
        assert device.has_weights()
        for _ in range(2):
            found = device.read_weights()
            assert weight_difference(weights, found) == ""
            device.hello()
        dataset = load_dataset("random", config, 1)
        golden = Network(config, weights)
        wins = load_engine("fast")(golden, dataset.test_values, dataset.test_labels, np.arange(12), False)
        assert result_difference(wins, device.show(dataset.test_values[:12], dataset.test_labels[:12], False), 0) == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [((0.2,), "skew must be from -0.1 to 0.1, not 0.2"), ((0, 1.0), "phase must be at least 0 and below 1, not 1.0")],
)
def test_impossible_lines_are_refused(arguments, sentence, board) -> None:
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        board.set_line(*arguments)
