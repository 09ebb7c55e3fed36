"""The simulated board as a serial port, and as bytes in and bytes out."""

from __future__ import annotations

import time

import pytest
import serial

from backspike import BackspikeError
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import encode_line
from backspike.link import ANSWER, Request
from backspike.sim.board import DirectLine, SimulatedBoard

from .boards import CONFIG

HELLO = encode_line(Frame(7, Request.HELLO))
ANSWERED = encode_line(Frame(7, Request.HELLO | ANSWER, bytes((0, 2, 64))))


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
    monkeypatch.setattr("backspike.sim.board._BYTE_BITS", 0)
    with pytest.raises(BackspikeError, match=r"^the device has not become quiet in 10 cycles$"):
        board.exchange(HELLO)
