"""Frames on a serial line: each is encoded by COBS, with a 0 after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from backspike.errors import BackspikeError
from backspike.link import FRAME_BYTES

from .frames import Frame, FrameError

try:
    from cobs import cobs
except ModuleNotFoundError as error:
    raise BackspikeError("cobs is missing; install it with: pip install backspike[host]") from error

__all__ = ["LINE_BYTES", "NOISE", "Line", "LineReader", "SerialTransport", "UsbTransport", "decode_line", "encode_line"]

LINE_BYTES = FRAME_BYTES + -(-FRAME_BYTES // 254)
"""Most bytes of an answer on the line, the 0 at its end apart."""

NOISE = 1 << 16
"""Bytes that are no answer, after which none is waited for: a line may bring any number of them."""

_CHUNK = 4096
_BREAK_SECONDS = 0.25


class Line(Protocol):
    """What is needed of a serial port: pyserial's names."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1) -> bytes:
        """Return up to so many bytes, fewer if they do not come in time."""

    def write(self, content: bytes, /) -> int | None:
        """Send bytes."""

    def send_break(self, duration: float = 0.25) -> None:
        """Hold the line at 0 for so many seconds."""


def encode_line(frame: Frame) -> bytes:
    """Return a frame's bytes on the line, the 0 at the end included."""
    encoded: bytes = cobs.encode(frame.pack())
    return encoded + b"\0"


def decode_line(line: bytes, frame_bytes: int = FRAME_BYTES) -> Frame:
    """Return the frame in the bytes before a 0, for one that takes frames of up to so many.

    Raises
    ------
    FrameError
        ``"damaged"``: an impossible COBS block; or as `Frame.unpack`.
    """
    try:
        packed: bytes = cobs.decode(line)
    except cobs.DecodeError as error:
        raise FrameError("damaged") from error
    return Frame.unpack(packed, frame_bytes)


class LineReader:
    """Finds frames in whatever bytes come; keeps no more of them than one frame can have."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, content: bytes) -> list[Frame]:
        """Return the frames that are whole with these bytes; bytes that are no frame are passed over."""
        frames = []
        *ended, rest = content.split(b"\0")
        for part in ended:
            self._keep(part)
            if self._line:
                with suppress(FrameError):
                    frames.append(decode_line(bytes(self._line)))
                self._line.clear()
        self._keep(rest)
        return frames

    def _keep(self, part: bytes) -> None:
        # One byte above the most makes a frame too long, however many follow.
        self._line += part[: LINE_BYTES + 1 - len(self._line)]


class SerialTransport:
    """A `Transport` on a serial line.

    Parameters
    ----------
    line : Line
    clock : callable
        Gives the seconds that time-outs are measured by: of a simulated line, those of the simulation.
    byte_seconds : float
        Seconds that a byte is on the line for, where `line` takes bytes sooner than it sends them.
    """

    silence = "is it the right port, and --baud that of the build?"

    def __init__(self, line: Line, clock: Callable[[], float] = time.monotonic, byte_seconds: float = 0.0) -> None:
        self._line, self._clock, self._byte_seconds = line, clock, byte_seconds
        self._heard = 0
        self._on_line = 0.0

    @property
    def heard(self) -> int:
        """Bytes that `receive` has seen in all."""
        return self._heard

    def seconds(self) -> float:
        """Return the clock's time."""
        return self._clock()

    def discard(self) -> None:
        """Forget what has come, at most a few frames of it: more is noise, which `receive` passes over."""
        self._line.read(min(self._line.in_waiting, _CHUNK))

    def send(self, frame: Frame) -> None:
        """Send a frame, with a 0 ahead, which ends whatever noise, or a host before this one, has left on the line."""
        content = b"\0" + encode_line(frame)
        self._line.write(content)
        # Until when, at the latest, bytes are on the line that the port has taken.
        self._on_line = self._clock() + len(content) * self._byte_seconds

    def reset(self) -> None:
        """Send a break, which takes long enough at any bit rate from 300 a second on."""
        self._line.send_break(_BREAK_SECONDS)

    def receive(self, timeout: float) -> Iterator[Frame]:
        """Give the frames that come, until `timeout` or `NOISE`."""
        reader, heard, late = LineReader(), 0, False
        begun = max(self._clock(), self._on_line)
        end, latest = begun + timeout, begun + 2 * timeout
        while heard < NOISE:
            came = self._line.read(min(max(1, self._line.in_waiting), _CHUNK))
            heard += len(came)
            self._heard += len(came)
            yield from reader.feed(came)
            now = self._clock()
            if came:
                # An answer is on its way as long as bytes come, but not for ever.
                end = min(max(end, now + timeout / 4), latest)
            if now >= end:
                # Looked at once more: what came while this process got no time is not late.
                if late:
                    break
                late = True


class UsbTransport(SerialTransport):
    """A `Transport` to a device that is a serial one on USB: the same bytes, and a break that USB has a request for.

    Parameters
    ----------
    line : Line
    clock : callable
        As of a `SerialTransport`.
    """

    silence = "is it the port of the device itself, and built with --usb?"
