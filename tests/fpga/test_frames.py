"""Frames of the host link: bytes as docs/host_link.md has them, and samples that come out as they went in."""

from __future__ import annotations

import numpy as np
import pytest

from backspike.fpga.link.frames import Frame, FrameError
from backspike.fpga.link.samples import pack_samples, unpack_results
from backspike.fpga.link.serial_transport import decode_line, encode_line
from backspike.link import BODY_BYTES, Request


def plain_cobs(content: bytes) -> bytes:
    """Encode as Cheshire and Baker (1999) do, byte by byte."""
    out, block = bytearray(), bytearray()
    for byte in content:
        if byte:
            block.append(byte)
        if not byte or len(block) == 254:
            out += bytes([len(block) + 1]) + block
            block = bytearray()
            if byte:
                continue
    return bytes(out + bytes([len(block) + 1]) + block)


def plain_crc(content: bytes) -> int:
    """CRC-32/ISO-HDLC, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_frame_is_head_body_and_crc() -> None:
    assert plain_crc(b"123456789") == 0xCBF43926
    content = bytes([7, Request.READ, 0, 64])
    wanted = plain_cobs(content + plain_crc(content).to_bytes(4, "little")) + b"\0"
    assert encode_line(Frame(7, Request.READ, bytes([0, 64]))) == wanted


@pytest.mark.parametrize("length", [0, 1, 247, 248, 249, 253, 254, 255, 508, BODY_BYTES])
@pytest.mark.parametrize("fill", ["zeros", "ones", "random"])
def test_frames_come_back(length: int, fill: str) -> None:
    random = np.random.default_rng(length)
    body = {"zeros": bytes(length), "ones": b"\1" * length, "random": random.bytes(length)}[fill]
    frame = Frame(255, Request.SAMPLES, body)
    line = encode_line(frame)
    assert line.count(0) == 1
    assert line[-1] == 0
    assert decode_line(line[:-1]) == frame


def test_every_flipped_bit_is_noticed() -> None:
    line = encode_line(Frame(3, Request.WRITE, b"\5" + bytes(range(16))))[:-1]
    for place in range(len(line)):
        for bit in range(8):
            damaged = bytearray(line)
            damaged[place] ^= 1 << bit
            with pytest.raises(FrameError, match=r"^(damaged|short)$"):
                decode_line(bytes(damaged))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\5ab", "damaged"),
        (b"\1\1", "short"),
        (plain_cobs(bytes(1025)), "long"),
        (plain_cobs(bytes(1024)), "damaged"),
        (b"\1\1\1\1\1\1", "short"),
    ],
)
def test_what_is_no_frame_has_a_reason(line: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=f"^{reason}$"):
        decode_line(line)


def test_a_body_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a body has at most 8186 bytes, not 8187$"):
        Frame(0, Request.SAMPLES, bytes(8187)).pack()


def unpacked(bodies: list[bytes], inputs: int) -> tuple[list[tuple[int, bool]], np.ndarray]:
    """Read bodies as the text says, entry by entry; return label and learn flag of each list, and the lists."""
    heads, lists = [], []
    values, index = np.zeros(inputs, dtype=np.uint8), -1
    for body in bodies:
        at = parts = 0
        while at < len(body):
            label, count = (int.from_bytes(body[at + k : at + k + 2], "little") for k in (0, 2))
            at, parts = at + 4, parts + 1
            for step, value in zip(body[at : at + 2 * count : 2], body[at + 1 : at + 2 * count : 2], strict=True):
                assert step > 0
                index += step
                values[index] = value
            at += 2 * count
            if not label & 0x4000:
                heads.append((label & 0x3FFF, bool(label & 0x8000)))
                lists.append(values)
                values, index = np.zeros(inputs, dtype=np.uint8), -1
        assert at == len(body)
        assert 0 < parts <= 64
    assert index == -1, "a list without an end"
    return heads, np.array(lists)


@pytest.mark.parametrize("inputs", [1, 8, 64, 784, 3000])
@pytest.mark.parametrize("density", [0.0, 0.002, 0.2, 1.0])
@pytest.mark.parametrize("most", [6, 7, 100, 1018])
@pytest.mark.parametrize("whole", [None, 1, 3])
def test_samples_come_out_as_they_went_in(inputs: int, density: float, most: int, whole: int | None) -> None:
    random = np.random.default_rng([inputs, int(1000 * density), most])
    # More than go into a frame, unless each of them takes several.
    samples = 70 if inputs * density < 100 else 9
    values = random.integers(1, 256, (samples, inputs)) * (random.random((samples, inputs)) < density)
    values = values.astype(np.uint8)
    labels, learn = random.integers(0, 16384, samples), random.random(samples) < 0.5
    bodies = list(pack_samples(values, labels, learn, most, whole))
    heads, lists = unpacked([body.content for body in bodies], inputs)
    assert heads == list(zip(labels.tolist(), learn.tolist(), strict=True))
    assert np.array_equal(lists, values)
    assert max(len(body.content) for body in bodies) <= most
    assert sum(body.samples for body in bodies) == samples


def test_recorded_spikes_are_a_list_a_tick() -> None:
    random = np.random.default_rng(1)
    values = random.integers(0, 2, (20, 7, 300), dtype=np.uint8)
    bodies = list(pack_samples(values, np.arange(20), False))
    heads, lists = unpacked([body.content for body in bodies], 300)
    assert heads == [(label, False) for label in np.repeat(np.arange(20), 7)]
    assert np.array_equal(lists, values.reshape(-1, 300))
    assert sum(body.samples for body in bodies) == 20


def test_as_many_samples_as_fit_are_in_a_frame() -> None:
    values = np.ones((130, 4), dtype=np.uint8)
    bodies = list(pack_samples(values, np.zeros(130, dtype=np.int64), True))
    assert [body.samples for body in bodies] == [64, 64, 2]


def test_a_frame_of_whole_samples_ends_with_the_last_of_them() -> None:
    values = np.ones((7, 4), dtype=np.uint8)
    labels, learn = np.arange(7), np.arange(7) % 2 == 0
    bodies = list(pack_samples(values, labels, learn, whole_samples=3))
    assert [body.samples for body in bodies] == [3, 3, 1]
    heads, _ = unpacked([body.content for body in bodies], 4)
    assert heads == list(zip(labels.tolist(), learn.tolist(), strict=True))
    # What does not go into one goes on in the next, which then holds nothing else.
    bodies = list(pack_samples(np.ones((2, 600), dtype=np.uint8), np.arange(2), True, whole_samples=1))
    assert [body.samples for body in bodies] == [0, 1, 0, 1]


def test_no_samples_are_no_frames() -> None:
    assert list(pack_samples(np.zeros((0, 4), dtype=np.uint8), np.zeros(0, dtype=np.int64), True)) == []


def test_results_are_winner_and_wins() -> None:
    assert unpack_results(b"\3\0\20\1\xff\xff\0\0").tolist() == [[3, 272], [65535, 0]]
    assert unpack_results(b"").shape == (0, 2)
    with pytest.raises(FrameError):
        unpack_results(b"\3\0\20")
