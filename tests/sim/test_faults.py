"""Damaged frames: what the protocol says of them, by hand, and that a device says the same of thousands."""

from __future__ import annotations

from random import Random

import pytest

from backspike import BackspikeError
from backspike.datasets import load_dataset
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import SerialTransport, decode_line, encode_line
from backspike.link import ANSWER, LinkEvent, Request
from backspike.registers import RegisterMap
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.compare import schedule_of
from backspike.sim.exercise import lively_weights
from backspike.sim.faults import KINDS, inject, refusals
from backspike.training.device import compare_device, weight_difference

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


def any_body(kind: int, random: Random) -> bytes:
    """Draw a body that a kind may have, or may not."""
    registers = len(RegisterMap(CONFIG).registers)
    if kind == Request.READ:
        return bytes((random.randrange(registers + 1), random.choice([0, 1, 2, 64, 65])))
    if kind == Request.WRITE:
        return bytes((random.randrange(registers),)) + random.randbytes(4 * random.choice([1, 2, 64]))
    if kind == Request.SAMPLES:
        # Now and then a label that is no class.
        def flags() -> bytes:
            label = random.choice([random.randrange(10)] * 20 + [random.getrandbits(14)])
            return (label | random.randrange(4) << 14).to_bytes(2, "little")

        sizes = [random.choice([0, 1, 5]) for _ in range(random.choice([0, 1, 1, 2, 30]))]
        return b"".join(flags() + bytes((size, 0)) + random.randbytes(2 * size) for size in sizes)
    return random.randbytes(random.choice([0, 0, 0, 7]))


def test_no_requests_hang_the_device(board) -> None:
    """Samples without an end, of classes that there are not; seeds and rates of any value, resets at any time."""
    random, line = Random(20268), DirectLine(board)
    sequence = Device(SerialTransport(line), CONFIG).session.sequence
    for _ in range(400):
        sequence = (sequence + 1) % 256
        kind = random.choice([*Request, Request.SAMPLES, Request.SAMPLES, random.randrange(256)])
        answer = decode_line(board.exchange(encode_line(Frame(sequence, kind, any_body(kind, random))))[:-1])
        assert (answer.sequence, answer.kind) == (sequence, kind | ANSWER)
    schedule = schedule_of(CONFIG, load_dataset("digits", CONFIG, 1), 20, 1)
    assert compare_device(Device(SerialTransport(line), CONFIG), schedule).mismatch == ""


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
