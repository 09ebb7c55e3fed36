"""The host's driver: a board at the end of a serial line, by the protocol of docs/host_link.md."""

from __future__ import annotations

import errno
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.link import ANSWER, PARTS, PROTOCOL_VERSION, WORDS, LinkEvent, Request, Status
from backspike.registers import IDENTITY, SEMANTICS_VERSION, RegisterMap

from .frames import Frame, FrameError, pack_samples, unpack_results

try:
    import serial
except ModuleNotFoundError as error:
    raise BackspikeError("pyserial is missing; install it with: pip install backspike[fpga]") from error

__all__ = ["BAUD", "Device", "Line", "NoAnswerError", "open_port"]

BAUD = 1_000_000
"""Bits a second of a board's line, unless its build says another."""

GREETINGS = 5
"""Times that HELLO is sent before a device is taken to be absent."""

ATTEMPTS = 40
"""Times that any other request is sent."""

_GONE = (errno.EIO, errno.ENODEV, errno.ENXIO)

_REFUSALS: dict[int, str] = {
    Status.UNKNOWN_KIND: "does not know the request",
    Status.WRONG_BODY: "refuses the request's body",
    Status.MID_SAMPLE: "is in the middle of a sample",
}


class NoAnswerError(BackspikeError):
    """A request was sent many times, and no answer came."""


class Line(Protocol):
    """What is needed of a serial port: pyserial's names."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1) -> bytes:
        """Return up to so many bytes, fewer if they do not come in time."""

    def write(self, content: bytes, /) -> int | None:
        """Send bytes."""


@contextmanager
def open_port(path: Path | str, baud: int = BAUD) -> Iterator[Line]:
    """Open a serial port while in the context; its answers come without delay where the system knows how (Linux).

    Raises
    ------
    BackspikeError
        There is none, it is in use, or it is lost on the way.
    """
    try:
        port = serial.Serial(str(path), baud, timeout=0.02, write_timeout=10, exclusive=True)
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
    except OSError as error:
        # What the system says of a port that is unplugged, where pyserial does not say it in its own words.
        if not isinstance(error, serial.SerialException) and error.errno not in _GONE:
            raise
        raise BackspikeError(f"lost serial port {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


class Device:
    """A network on a board.

    Making one greets the device, which resets the network but for its weights, and asks what it is.

    Parameters
    ----------
    line : Line
    config : NetworkConfig
        What the device has to be built from.
    timeout : float
        Seconds after which a request that was not answered is sent again.
    samples_a_frame : int, optional
        Whole samples of a frame; as much as goes in when left out. A device answers when its network has taken all of
        them, and works on the last `input_buffers` of the configuration while the next frame comes.

    Raises
    ------
    NoAnswerError
        Nobody answers, here and in all methods.
    BackspikeError
        The device speaks another version of the protocol, is no Backspike network, or is built from another
        configuration.
    """

    def __init__(
        self, line: Line, config: NetworkConfig, timeout: float = 0.5, samples_a_frame: int | None = None
    ) -> None:
        self.config = config
        self.repeats = 0
        """Requests that had to be sent again."""
        self._line, self._timeout, self._samples_a_frame = line, timeout, samples_a_frame
        self._registers = RegisterMap(config)
        self._sequence = 0
        self._heard = bytearray()
        self.hello()
        self._identify()

    @property
    def sequence(self) -> int:
        """Sequence of the last request."""
        return self._sequence

    def hello(self) -> None:
        """Reset the network: streams, rates and counters are the initial ones, samples are gone, weights stay."""
        answer = self._ask(Request.HELLO, attempts=GREETINGS)
        if answer != bytes((PROTOCOL_VERSION, PARTS)):
            version = answer[0] if answer else "none"
            raise BackspikeError(
                f"the device speaks version {version} of the protocol, and this is version {PROTOCOL_VERSION}"
            )

    # -- registers --------------------------------------------------------------------------------------------

    def read(self, name: str) -> int:
        """Return a register's value, 0 to 2**32 - 1."""
        return int(self._read_many(name, 1)[0])

    def write(self, name: str, *values: int) -> None:
        """Write values, of 32 bits, signed or not, to a register, one after the other."""
        address = bytes((self._registers[name].address,))
        for start in range(0, len(values), WORDS):
            words = [value & 0xFFFF_FFFF for value in values[start : start + WORDS]]
            self._ask(Request.WRITE, address + struct.pack(f"<{len(words)}I", *words))

    def reseed(self, seed: int) -> None:
        """Seed all random streams anew."""
        for name, value in self._registers.seeding(seed).items():
            self.write(name, value)

    def set_rates(self, rates: Sequence[int]) -> None:
        """Write the learning rate of each layer, in 1/256."""
        for name, value in self._registers.rates(rates).items():
            self.write(name, value)

    def counters(self) -> dict[str, int]:
        """Return the network's counters by name."""
        return {name: self.read(name) for name in self._registers.counters}

    def link_counters(self) -> dict[LinkEvent, int]:
        """Return what the device's link has counted, modulo 65,536."""
        return dict(zip(LinkEvent, struct.unpack(f"<{len(LinkEvent)}H", self._ask(Request.LINK)), strict=True))

    # -- weights ----------------------------------------------------------------------------------------------

    def write_weights(
        self, weights: Sequence[NDArray[np.int64]], progress: Callable[[int], object] | None = None
    ) -> None:
        """Load the weights of all layers, shape (inputs + 1, units) each; `progress` gets numbers of weights done."""
        for layer, matrix in enumerate(weights, start=1):
            width = self._row_width(layer)
            # Unused lanes hold zero.
            values = np.pad(matrix, ((0, 0), (0, width - matrix.shape[1]))).ravel().tolist()
            self._open_window(layer)
            for start in range(0, len(values), WORDS):
                part = values[start : start + WORDS]
                self.write("WEIGHT_DATA", *part)
                if progress:
                    progress(len(part))

    def read_weights(self, progress: Callable[[int], object] | None = None) -> list[NDArray[np.int64]]:
        """Return the weights of all layers, shape (inputs + 1, units) each; `progress` gets numbers of weights done."""
        found = []
        for layer, (inputs, units) in enumerate(zip(self.config.layers[:-1], self.config.layers[1:], strict=True), 1):
            width, values = self._row_width(layer), bytearray()
            self._open_window(layer)
            left = (inputs + 1) * width
            while left:
                part = self._read_many("WEIGHT_DATA", min(left, WORDS))
                values += part.tobytes()
                left -= len(part)
                if progress:
                    progress(len(part))
            matrix = np.frombuffer(bytes(values), dtype="<i4").astype(np.int64).reshape(inputs + 1, width)
            found.append(matrix[:, :units])
        return found

    @property
    def weight_words(self) -> int:
        """Weights that are loaded or read in all, those of unused lanes included."""
        return sum((inputs + 1) * self._row_width(layer) for layer, inputs in enumerate(self.config.layers[:-1], 1))

    # -- samples ----------------------------------------------------------------------------------------------

    def show(
        self,
        values: NDArray[np.uint8],
        labels: NDArray[np.int64],
        learn: bool | NDArray[np.bool_],
        progress: Callable[[int], object] | None = None,
    ) -> NDArray[np.int64]:
        """Stream samples, and return the winner of each, and the ticks it has won, shape (samples, 2).

        Parameters
        ----------
        values : uint8 array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
        labels : int64 array, shape (samples,)
        learn : bool, or bool array, shape (samples,)
            Whether the network learns from them.
        progress : callable, optional
            Gets the number of results that have come.

        Raises
        ------
        BackspikeError
            The device gives too few results, or too many.
        """
        results: list[NDArray[np.int64]] = []
        came = 0

        def collect(content: bytes) -> int:
            nonlocal came
            results.append(_results(content))
            fresh = len(results[-1])
            came += fresh
            if progress and fresh:
                progress(fresh)
            return fresh

        for body in pack_samples(values, labels, learn, whole_samples=self._samples_a_frame):
            collect(self._ask(Request.SAMPLES, body.content))
        waited = time.monotonic()
        while came < len(values):
            if collect(self._ask(Request.RESULTS)):
                waited = time.monotonic()
            elif time.monotonic() - waited > ATTEMPTS * self._timeout:
                raise BackspikeError(f"the device gave {came} of {len(values)} results, then no more")
        if came > len(values):
            raise BackspikeError(f"the device gave {came} results to {len(values)} samples")
        return np.concatenate(results) if results else np.zeros((0, 2), dtype=np.int64)

    # -- requests ---------------------------------------------------------------------------------------------

    def _ask(self, kind: Request, body: bytes = b"", attempts: int = ATTEMPTS) -> bytes:
        """Send a request until it is answered; return the answer's body behind the status."""
        self._sequence = (self._sequence + 1) % 256
        # The 0 ahead ends whatever noise, or a host before this one, has left on the line.
        request = b"\0" + Frame(self._sequence, kind, body).encode()
        for attempt in range(attempts):
            self.repeats += attempt > 0
            self._line.write(request)
            answer = self._hear(self._sequence, kind | ANSWER)
            if answer is None:
                continue
            if answer[0] != Status.DONE:
                reason = _REFUSALS.get(answer[0], f"answers with the unknown status {answer[0]}")
                raise BackspikeError(f"the device {reason} ({kind.name})")
            return answer[1:]
        hint = "; is it the right port, and --baud that of the build?" if kind == Request.HELLO else ""
        raise NoAnswerError(f"no answer from the device to {kind.name}, which was sent {attempts} times{hint}")

    def _hear(self, sequence: int, kind: int) -> bytes | None:
        """Return the body of an answer, or None if it does not come in time; what else comes is passed over."""
        end = time.monotonic() + self._timeout
        while True:
            place = self._heard.find(0)
            if place >= 0:
                line = bytes(self._heard[:place])
                del self._heard[: place + 1]
                try:
                    frame = Frame.decode(line)
                except FrameError:
                    continue
                if (frame.sequence, frame.kind) == (sequence, kind) and frame.body:
                    return frame.body
                continue
            came = self._line.read(max(1, self._line.in_waiting))
            if came:
                # An answer is on its way as long as bytes come.
                end = max(end, time.monotonic() + self._timeout / 4)
            elif time.monotonic() >= end:
                return None
            self._heard += came

    def _identify(self) -> None:
        identity, semantics = self.read("IDENTITY"), self.read("SEMANTICS")
        if identity != IDENTITY:
            raise BackspikeError(f"the device is no Backspike network: its identity is {identity:#010x}")
        if semantics != SEMANTICS_VERSION:
            raise BackspikeError(
                f"the device follows version {semantics} of the semantics, and this is version {SEMANTICS_VERSION}"
            )
        theirs, mine = f"{self.read('CONFIG_HASH'):08x}", self.config.hash[:8]
        if theirs != mine:
            raise BackspikeError(
                f"the device is built from another configuration: its hash begins with {theirs}, "
                f"that of {self.config.name} with {mine}; --config has to be the config.toml that the build has left, "
                f"or the preset that was built, with --board NAME"
            )

    def _read_many(self, name: str, count: int) -> NDArray[np.uint32]:
        """Read a register several times, up to `WORDS`."""
        content = self._ask(Request.READ, bytes((self._registers[name].address, count)))
        return np.frombuffer(content, dtype="<u4")

    def _open_window(self, layer: int) -> None:
        self.write("WEIGHT_LAYER", layer)
        for name in ("WEIGHT_ROW", "WEIGHT_WORD", "WEIGHT_LANE"):
            self.write(name, 0)

    def _row_width(self, layer: int) -> int:
        return self.config.folds[layer - 1] * self.config.lanes[layer - 1]


def _results(content: bytes) -> NDArray[np.int64]:
    try:
        return unpack_results(content)
    except FrameError as error:
        raise BackspikeError("the device gave a result that is not whole") from error
