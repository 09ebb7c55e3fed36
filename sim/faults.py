"""Damaged frames for the host link, and what it has to count of them."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from random import Random

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.fpga.link.device import Device
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import encode_line
from backspike.link import BODY_BYTES, FRAME_BYTES, OVERHEAD, LinkEvent, Request
from backspike.registers import RegisterMap

from .board import SimulatedBoard

__all__ = ["KINDS", "damaged_lines", "inject", "refusals"]

KINDS = ("bits flipped", "byte lost", "byte doubled", "cut short", "foreign bytes", "wrong order", "too long")
"""Kinds of damage."""

_LONG = 0.01
"""Share of frames that are too long, which take as much time on the line as fifty others."""


def damaged_lines(config: NetworkConfig, random: Random, sequence: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Draw kinds of damage, and damaged frames with the 0 after them.

    Undamaged, each would be taken by a device whose last request had this sequence, and would change weights, show
    samples to be learned, or reset the network.
    """
    for _ in range(count):
        kind = "too long" if random.random() < _LONG else random.choice(KINDS[:-1])
        while True:
            line = _damaged(kind, _harmful(config, random, (sequence + 1) % 256), random, sequence)
            # A flip may be undone by the next one.
            if not refusals(line, sequence).keys() & {LinkEvent.TAKEN, LinkEvent.REPEATED}:
                break
        yield kind, line


def refusals(stream: bytes, last: int) -> Counter[LinkEvent]:
    """Count what docs/host_link.md says of the frames in a stream of bytes, none of which is executed.

    Parameters
    ----------
    stream : bytes
        Ends with a 0.
    last : int
        Sequence of the last request that was taken.
    """
    return Counter(_event(line, last) for line in stream.split(b"\0") if line)


def inject(
    board: SimulatedBoard, device: Device, random: Random, count: int
) -> tuple[Counter[str], Counter[LinkEvent]]:
    """Send damaged frames to a device, one right after the other; return their kinds, and what its link counted.

    Raises
    ------
    BackspikeError
        The device answers one, or hangs; its counters are not those that the protocol demands.
    """
    before = device.link_counters()
    sequence = device.session.sequence
    drawn = list(damaged_lines(device.config, random, sequence, count))
    stream = b"".join(line for _, line in drawn)
    heard = board.exchange(stream)
    if heard:
        raise BackspikeError(f"the device answered damaged frames with {heard.hex()}")
    after = device.link_counters()
    counted = Counter({event: (after[event] - before[event]) % 65_536 for event in LinkEvent})
    # The request that has read the counters.
    counted[LinkEvent.TAKEN] -= 1
    expected = refusals(stream, sequence)
    for event in LinkEvent:
        if counted[event] != expected[event]:
            raise BackspikeError(f"of {count} damaged frames the device counts {counted}, not {expected}")
    return Counter(kind for kind, _ in drawn), +counted


def _harmful(config: NetworkConfig, random: Random, sequence: int) -> Frame:
    address = RegisterMap(config)["WEIGHT_DATA"].address
    some = bytes((address,)) + random.randbytes(4 * random.randint(1, 4))
    part = (0x8000).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes((1, 255))
    kind, body = random.choice([(Request.WRITE, some), (Request.SAMPLES, part), (Request.HELLO, b"")])
    return Frame(sequence, kind, body)


def _damaged(kind: str, frame: Frame, random: Random, last: int) -> bytes:
    line = bytearray(encode_line(frame)[:-1])
    place = random.randrange(len(line))
    if kind == "bits flipped":
        for _ in range(random.choice([1, 1, 1, 2, 3, 8])):
            line[random.randrange(len(line))] ^= 1 << random.randrange(8)
    elif kind == "byte lost":
        del line[place]
    elif kind == "byte doubled":
        line.insert(place, line[place])
    elif kind == "cut short":
        del line[max(1, place) :]
    elif kind == "foreign bytes":
        foreign = random.randbytes(random.randint(1, 30))
        line = line[:place] + foreign + line[random.choice([place, len(line)]) :]
    elif kind == "wrong order":
        others = [request for request in range(256) if request != Request.HELLO]
        other = Frame((last + random.randint(2, 255)) % 256, random.choice(others), frame.body)
        line = bytearray(encode_line(other)[:-1])
    else:
        body = random.randbytes(BODY_BYTES + random.randint(1, 40))
        content = bytes((frame.sequence, Request.WRITE)) + body
        line = bytearray(_stuffed(content + zlib.crc32(content).to_bytes(4, "little")))
    return bytes(line) + b"\0"


def _stuffed(content: bytes) -> bytes:
    """Encode by COBS what is too long to be a `Frame`."""
    line = bytearray()
    for part in content.split(b"\0"):
        while len(part) > 254:
            line += b"\xff" + part[:254]
            part = part[254:]
        line += bytes((len(part) + 1,)) + part
    return bytes(line)


def _event(line: bytes, last: int) -> LinkEvent:
    """Return what the protocol says of one frame."""
    content, broken, place = bytearray(), False, 0
    while place < len(line):
        end = place + line[place]
        content += line[place + 1 : end]
        broken = end > len(line)
        if end < len(line) and line[place] != 255:
            content.append(0)
        place = end
    if len(content) > FRAME_BYTES:
        return LinkEvent.LONG
    if len(content) < OVERHEAD:
        return LinkEvent.SHORT
    if broken or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return LinkEvent.DAMAGED
    if content[1] == Request.HELLO or content[0] == (last + 1) % 256:
        return LinkEvent.TAKEN
    return LinkEvent.REPEATED if content[0] == last else LinkEvent.ORDER
