"""The host link's numbers, as `docs/host_link.md` gives them: what device and host agree on."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ANSWER",
    "BODY_BYTES",
    "BYTE_BITS",
    "CHECKSUM_WORDS",
    "CRC_BYTES",
    "DAMAGED_RESULT",
    "FRAME_BYTES",
    "FRAME_UNIT",
    "HEADER_BYTES",
    "LONG_FRAME_BYTES",
    "MEMORY_READ_WORDS",
    "OVERHEAD",
    "PARTS",
    "PROTOCOL_VERSION",
    "RUNS",
    "RUN_WRITES",
    "WORDS",
    "LinkEvent",
    "MemoryRequest",
    "Request",
    "RunFlag",
    "Status",
    "greeting",
    "memory_write_words",
]

PROTOCOL_VERSION = 5
"""Version of the protocol."""

FRAME_BYTES = 1024
"""Most bytes of a frame that every device takes, before it is encoded: header, body and CRC."""

LONG_FRAME_BYTES = 8192
"""Those of a device that says so in its answer to HELLO: one with RAM to spare, and samples to load."""

FRAME_UNIT = 1024
"""Bytes in which that answer counts them."""

HEADER_BYTES = 2
"""Bytes of a frame ahead of its body: sequence and kind."""

CRC_BYTES = 4
"""Bytes of a frame after its body."""

OVERHEAD = HEADER_BYTES + CRC_BYTES
"""Bytes of a frame besides its body."""

BODY_BYTES = FRAME_BYTES - OVERHEAD
"""Most bytes of a body in a frame that every device takes."""

BYTE_BITS = 10
"""Bits of a byte on a serial line: start and stop are two of them."""

WORDS = 126
"""Most values that a frame reads or writes: those of the longest answer."""

CHECKSUM_WORDS = 1 << 16
"""Most values of a register that are summed up for one frame."""

PARTS = 64
"""Most lists, or parts of them, of a frame of samples."""

MEMORY_READ_WORDS = 252
"""Most words that a frame reads from it."""

RUNS = 8
"""Runs that are kept: those that are not finished, and the last that are."""

RUN_WRITES = 7
"""Most register writes of a run."""

DAMAGED_RESULT = (0xFFFF, 0)
"""Winner and wins of a sample that is damaged."""

ANSWER = 0x80
"""What an answer's kind has more than that of its request."""


class Request(IntEnum):
    """Kinds of requests."""

    HELLO = 1
    READ = 2
    WRITE = 3
    SAMPLES = 4
    RESULTS = 5
    LINK = 6
    CHECKSUM = 12


class MemoryRequest(IntEnum):
    """Kinds of requests of the sample memory (docs/sample_memory.md), which a device without one does not know."""

    MEMORY = 7
    MEMORY_WRITE = 8
    MEMORY_READ = 9
    RUN = 10
    RUNS = 11


class RunFlag(IntEnum):
    """Bits of a run's flags."""

    LEARN = 0
    WRITE_RESULTS = 1
    CHECK = 2


class Status(IntEnum):
    """First byte of an answer's body."""

    DONE = 0
    UNKNOWN_KIND = 1
    WRONG_BODY = 2
    MID_SAMPLE = 3
    WRONG_LABEL = 4
    RUNNING = 5
    QUEUE_FULL = 6
    NOT_READY = 7


class LinkEvent(IntEnum):
    """What the link counts, in the order in which it is read."""

    TAKEN = 0
    REPEATED = 1
    DAMAGED = 2
    SHORT = 3
    LONG = 4
    ORDER = 5
    BUSY = 6


def greeting(frame_bytes: int = FRAME_BYTES) -> bytes:
    """Return what a device that takes frames of up to so many bytes says to HELLO, after the status."""
    return bytes((PROTOCOL_VERSION, PARTS, frame_bytes // FRAME_UNIT))


def memory_write_words(frame_bytes: int = FRAME_BYTES) -> int:
    """Return how many words a frame of so many bytes writes into the sample memory at most: 507, or 4,091."""
    return (frame_bytes - OVERHEAD - 4) // 2
