"""Damaged frames: what the protocol says of them, by hand, and that a device says the same of thousands."""

from __future__ import annotations

from random import Random

import pytest

from backspike import BackspikeError
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import SerialTransport, encode_line
from backspike.link import LinkEvent
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.exercise import lively_weights
from backspike.sim.faults import KINDS, inject, refusals
from backspike.training.differences import weight_difference

from .boards import CONFIG


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        (encode_line(Frame(8, 3, b"abc")), LinkEvent.TAKEN),
        (encode_line(Frame(200, 1)), LinkEvent.TAKEN),
        (encode_line(Frame(7, 3)), LinkEvent.REPEATED),
        (encode_line(Frame(9, 3)), LinkEvent.ORDER),
        (encode_line(Frame(8, 3))[1:], LinkEvent.SHORT),
        (b"\7abcdef\0", LinkEvent.DAMAGED),
        (b"\x09abcdef\0", LinkEvent.DAMAGED),
        (b"\6abcde\0", LinkEvent.SHORT),
        ((b"\xff" + b"a" * 254) * 4 + b"\x09" + b"a" * 8 + b"\0", LinkEvent.DAMAGED),
        ((b"\xff" + b"a" * 254) * 4 + b"\x0a" + b"a" * 9 + b"\0", LinkEvent.LONG),
    ],
)
def test_a_frame_is_what_the_protocol_says(stream: bytes, event: LinkEvent) -> None:
    assert refusals(b"\0" + stream, 7) == {event: 1}


@pytest.fixture(scope="module")
def board():
    with SimulatedBoard(CONFIG) as board:
        yield board


def test_no_damaged_frame_is_taken(board) -> None:
    device, weights = Device(SerialTransport(DirectLine(board)), CONFIG), lively_weights(CONFIG, 1)
    device.write_weights(weights)
    kinds, counted = inject(board, device, Random(20262), 3000)
    assert set(kinds) == set(KINDS)
    assert set(counted) == {LinkEvent.DAMAGED, LinkEvent.SHORT, LinkEvent.LONG, LinkEvent.ORDER}
    assert weight_difference(weights, device.read_weights()) == ""
    assert device.counters()["SAMPLES"] == 0


def test_a_frame_that_is_taken_would_be_found(board, monkeypatch) -> None:
    device = Device(SerialTransport(DirectLine(board)), CONFIG)
    good = encode_line(Frame((device.session.sequence + 2) % 256, 2, b"\0\1"))
    monkeypatch.setattr("backspike.sim.faults.damaged_lines", lambda *arguments: iter([("good", good)]))
    with pytest.raises(BackspikeError, match=r"^the device answered damaged frames with "):
        inject(board, device, Random(1), 1)


def test_a_wrong_count_would_be_found(board, monkeypatch) -> None:
    device = Device(SerialTransport(DirectLine(board)), CONFIG)
    monkeypatch.setattr("backspike.sim.faults.refusals", lambda *arguments: dict.fromkeys(LinkEvent, 0))
    monkeypatch.setattr("backspike.sim.faults.damaged_lines", lambda *arguments: iter([("short", b"\1\0")]))
    with pytest.raises(BackspikeError, match=r"^of 1 damaged frames the device counts .*SHORT.*: 1"):
        inject(board, device, Random(1), 1)
