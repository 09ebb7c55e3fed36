"""Frames of the host link (docs/host_link.md), as any transport carries them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from backspike.link import BODY_BYTES, CRC_BYTES, FRAME_BYTES, HEADER_BYTES, OVERHEAD

__all__ = ["Frame", "FrameError"]


class FrameError(ValueError):
    """Bytes that are no frame; its text says in a word why."""


@dataclass(frozen=True)
class Frame:
    """One frame, request or answer.

    Parameters
    ----------
    sequence, kind : int
        A byte each.
    body : bytes
        At most `BODY_BYTES`.
    """

    sequence: int
    kind: int
    body: bytes = b""

    def pack(self) -> bytes:
        """Return the frame's bytes, with its CRC."""
        if len(self.body) > BODY_BYTES:
            raise ValueError(f"a body has at most {BODY_BYTES} bytes, not {len(self.body)}")
        content = bytes([self.sequence, self.kind]) + self.body
        return content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")

    @classmethod
    def unpack(cls, packed: bytes) -> Frame:
        """Return the frame of bytes that `pack` has made.

        Raises
        ------
        FrameError
            ``"short"`` or ``"long"``: its length; ``"damaged"``: a wrong CRC.
        """
        if len(packed) > FRAME_BYTES:
            raise FrameError("long")
        if len(packed) < OVERHEAD:
            raise FrameError("short")
        content, crc = packed[:-CRC_BYTES], packed[-CRC_BYTES:]
        if zlib.crc32(content).to_bytes(CRC_BYTES, "little") != crc:
            raise FrameError("damaged")
        return cls(content[0], content[1], content[HEADER_BYTES:])
