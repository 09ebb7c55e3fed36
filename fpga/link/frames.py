"""Frames of the host link (docs/host_link.md), as any transport carries them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from backspike.link import CRC_BYTES, FRAME_BYTES, HEADER_BYTES, LONG_FRAME_BYTES, OVERHEAD

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
        At most 8,186 bytes, and to a device no more than its frames take.
    """

    sequence: int
    kind: int
    body: bytes = b""

    def pack(self) -> bytes:
        """Return the frame's bytes, with its CRC."""
        most = LONG_FRAME_BYTES - OVERHEAD
        if len(self.body) > most:
            raise ValueError(f"a body has at most {most} bytes, not {len(self.body)}")
        content = bytes([self.sequence, self.kind]) + self.body
        return content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")

    @classmethod
    def unpack(cls, packed: bytes, frame_bytes: int = FRAME_BYTES) -> Frame:
        """Return the frame of bytes that `pack` has made, for one that takes frames of up to so many.

        Raises
        ------
        FrameError
            ``"short"`` or ``"long"``: its length; ``"damaged"``: a wrong CRC.
        """
        if len(packed) > frame_bytes:
            raise FrameError("long")
        if len(packed) < OVERHEAD:
            raise FrameError("short")
        content, crc = packed[:-CRC_BYTES], packed[-CRC_BYTES:]
        if zlib.crc32(content).to_bytes(CRC_BYTES, "little") != crc:
            raise FrameError("damaged")
        return cls(content[0], content[1], content[HEADER_BYTES:])
