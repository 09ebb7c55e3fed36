"""Serial ports."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backspike.errors import BackspikeError
from backspike.link import BYTE_BITS

from .serial_transport import Line, SerialTransport, UsbTransport

try:
    import serial
except ModuleNotFoundError as error:
    raise BackspikeError("pyserial is missing; install it with: pip install backspike[host]") from error

try:
    from termios import error as TerminalError
except ModuleNotFoundError:
    # A system that has other ports, and never raises this.
    class TerminalError(Exception):  # type: ignore[no-redef]
        """What Linux and macOS say of a port that sends no break."""


__all__ = ["open_port", "open_transport", "open_usb"]

WRITE_SECONDS = 10.0
"""Seconds in which a port has to take a request, of at most 8,300 bytes: 8.7 seconds at 9,600 bits per second."""

_GONE = (errno.EIO, errno.ENODEV, errno.ENXIO)


@contextmanager
def open_port(path: Path | str, baud: int, write_timeout: float | None = WRITE_SECONDS) -> Iterator[Line]:
    """Open a serial port while in the context; its answers come without delay where the system knows how (Linux).

    Parameters
    ----------
    path : Path or str
    baud : int
        Bits per second.
    write_timeout : float, optional
        Seconds in which the port has to take what is sent at a time; None for no limit, where the other end is a
        program that may get no time from a busy machine.

    Raises
    ------
    BackspikeError
        There is none, it is in use, takes no bytes, or is lost on the way.
    """
    try:
        port = serial.Serial(str(path), baud, timeout=0.02, write_timeout=write_timeout, exclusive=True)
    # ValueError for a bit rate that the port does not have.
    except (OSError, ValueError) as error:
        raise BackspikeError(f"cannot open serial port {path}: {_reason(error)}") from error
    # An FTDI bridge keeps few bytes back for 16 ms in the hope of more, which is longer than a frame takes; with this,
    # for 1 ms. A port that is no such bridge, or a system that knows no such mode, does without.
    with suppress(ValueError, NotImplementedError, AttributeError):
        port.set_low_latency_mode(True)
    try:
        with port:
            yield port
    except serial.SerialTimeoutException as error:
        raise BackspikeError(f"serial port {path} has not taken a request in {write_timeout:g} seconds") from error
    except (OSError, TerminalError) as error:
        # What the system says of a port that is unplugged, where pyserial does not say it in its own words.
        if not isinstance(error, serial.SerialException) and error.args[0] not in _GONE:
            raise
        raise BackspikeError(f"lost serial port {path}: {_reason(error)}") from error


@contextmanager
def open_transport(path: Path | str, baud: int) -> Iterator[SerialTransport]:
    """Open a serial port as `open_port` does, to carry frames."""
    with open_port(path, baud) as line:
        yield SerialTransport(line, byte_seconds=BYTE_BITS / baud)


@contextmanager
def open_usb(path: Path | str) -> Iterator[UsbTransport]:
    """Open a port as `open_port` does, where it is no line but the device itself: it has no bit rate."""
    # What a port is asked for all the same.
    with open_port(path, 115_200) as line:
        yield UsbTransport(line)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.EBUSY):
        return "it is in use"
    if isinstance(error, TerminalError):
        return os.strerror(error.args[0])
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
