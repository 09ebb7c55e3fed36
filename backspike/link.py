"""The host link's numbers, as `docs/host_link.md` gives them: what device and host agree on."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ANSWER",
    "BODY_BYTES",
    "CRC_BYTES",
    "FRAME_BYTES",
    "HEADER_BYTES",
    "OVERHEAD",
    "PARTS",
    "PROTOCOL_VERSION",
    "WORDS",
    "LinkEvent",
    "Request",
    "Status",
]

PROTOCOL_VERSION = 2
"""Version of the protocol."""

FRAME_BYTES = 1024
"""Most bytes of a frame, before it is encoded: header, body and CRC."""

HEADER_BYTES = 2
"""Bytes of a frame ahead of its body: sequence and kind."""

CRC_BYTES = 4
"""Bytes of a frame after its body."""

OVERHEAD = HEADER_BYTES + CRC_BYTES
"""Bytes of a frame besides its body."""

BODY_BYTES = FRAME_BYTES - OVERHEAD
"""Most bytes of a body."""

WORDS = 64
"""Most values that a frame reads or writes."""

PARTS = 64
"""Most lists, or parts of them, of a frame of samples."""

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


class Status(IntEnum):
    """First byte of an answer's body."""

    DONE = 0
    UNKNOWN_KIND = 1
    WRONG_BODY = 2
    MID_SAMPLE = 3
    WRONG_LABEL = 4


class LinkEvent(IntEnum):
    """What the link counts, in the order in which it is read."""

    TAKEN = 0
    REPEATED = 1
    DAMAGED = 2
    SHORT = 3
    LONG = 4
    ORDER = 5
    BUSY = 6
