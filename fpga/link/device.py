"""The host's driver: a network on a board, by the protocol of docs/host_link.md."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Generator, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.layers import WeightLayer
from backspike.link import (
    CHECKSUM_WORDS,
    FRAME_BYTES,
    FRAME_UNIT,
    LONG_FRAME_BYTES,
    OVERHEAD,
    PROTOCOL_VERSION,
    WORDS,
    LinkEvent,
    Request,
    greeting,
)
from backspike.model.network import check_rates, check_samples, check_weights
from backspike.registers import IDENTITY, SEMANTICS_VERSION, RegisterMap, window_weights, window_words

from .frames import FrameError
from .samples import pack_samples, unpack_results
from .session import ATTEMPTS, NoAnswerError, Session
from .transport import Transport

__all__ = ["Device"]


class Device:
    """A network on a board.

    Making one greets the device, which resets the network but for its weights, and asks what it is. A device that does
    not answer is reset by the transport, and greeted again.

    Parameters
    ----------
    transport : Transport
    config : NetworkConfig
        What the device has to be built from.
    timeout : float
        Seconds after which a request that was not answered is sent again; twice as many if bytes keep coming.
    samples_per_frame : int, optional
        Whole samples of a frame; as much as goes in when left out. A device answers when its network has taken all of
        them, and works on the last `input_buffers` of the configuration while the next frame comes.

    Attributes
    ----------
    config : NetworkConfig
    session : Session
    registers : RegisterMap
    frame_bytes : int
        Most bytes of a frame that the device takes.

    Raises
    ------
    NoAnswerError
        Nobody answers, here and in all methods.
    BackspikeError
        The device speaks another version of the protocol, is no Backspike network, or is built from another
        configuration; here and in all methods, it refuses a request, or its answer is not what the protocol says.
    """

    def __init__(
        self,
        transport: Transport,
        config: NetworkConfig,
        timeout: float = 0.5,
        samples_per_frame: int | None = None,
    ) -> None:
        if samples_per_frame is not None and samples_per_frame < 1:
            raise BackspikeError(f"samples per frame must be at least 1, not {samples_per_frame}")
        self.config = config
        self.session = Session(transport, timeout)
        self._samples_per_frame = samples_per_frame
        self.registers = RegisterMap(config)
        try:
            self.hello()
        except NoAnswerError:
            # It may hang, or be in a state that nothing but an upset gets it into.
            transport.reset()
            try:
                self.hello()
            except NoAnswerError as error:
                raise NoAnswerError(f"{error}; as often before it was reset, and once more after that") from error
        self._identify()

    def hello(self) -> None:
        """Reset the network: LFSRs, rates and counters are the initial ones, samples are gone, weights stay."""
        answer = self.session.ask(Request.HELLO)
        version = answer[0] if answer else "none"
        if version != PROTOCOL_VERSION:
            raise BackspikeError(
                f"the device speaks version {version} of the protocol, and this is version {PROTOCOL_VERSION}"
            )
        possible = {greeting(size): size for size in range(FRAME_BYTES, LONG_FRAME_BYTES + 1, FRAME_UNIT)}
        if answer not in possible:
            first, *_, last = (expected.hex() for expected in possible)
            raise BackspikeError(f"the device answers HELLO with the bytes {answer.hex()}, not with {first} to {last}")
        self.frame_bytes = possible[answer]

    # -- registers --------------------------------------------------------------------------------------------

    def read(self, name: str) -> int:
        """Return a register's value, 0 to 2**32 - 1."""
        return int(self.read_many(name, 1)[0])

    def read_many(self, name: str, count: int) -> NDArray[np.uint32]:
        """Read a register 1 to `WORDS` times in one frame; return the values, a uint32 array."""
        content = self.session.ask(Request.READ, bytes((self.registers[name].address, count)), size=4 * count)
        return np.frombuffer(content, dtype="<u4")

    def checksum(self, name: str, count: int) -> int:
        """Return the CRC-32/ISO-HDLC of what a register reads 1 to `CHECKSUM_WORDS` times, 4 bytes each."""
        if not 1 <= count <= CHECKSUM_WORDS:
            raise BackspikeError(f"values that are summed up must be 1 to {CHECKSUM_WORDS}, not {count}")
        body = struct.pack("<BH", self.registers[name].address, count & 0xFFFF)
        return int.from_bytes(self.session.ask(Request.CHECKSUM, body, size=4), "little")

    def write(self, name: str, *values: int) -> None:
        """Write values, of 32 bits, signed or not, to a register, one after the other."""
        register = self.registers[name]
        if not register.writable:
            raise BackspikeError(f"register {name} cannot be written")
        for value in values:
            if not -(1 << 31) <= value < 1 << 32:
                raise BackspikeError(f"a register's value must be from -2^31 to 2^32 - 1, not {value}")
        for start in range(0, len(values), WORDS):
            words = [value & 0xFFFF_FFFF for value in values[start : start + WORDS]]
            self.session.ask(Request.WRITE, bytes((register.address,)) + struct.pack(f"<{len(words)}I", *words), size=0)

    def reseed(self, seed: int) -> None:
        """Seed all LFSRs anew, from a seed of 1 to 2**32 - 1."""
        if not 1 <= seed < 1 << 32:
            raise BackspikeError(f"seed must be from 1 to 2^32 - 1, not {seed}")
        for name, value in self.registers.seeding(seed).items():
            self.write(name, value)

    def set_rates(self, rates: Sequence[int]) -> None:
        """Write the learning rate of each layer, in 1/256, 0 to 256."""
        check_rates(self.config, rates)
        for name, value in self.registers.rates(rates).items():
            self.write(name, value)

    def counters(self) -> dict[str, int]:
        """Return the network's counters by name."""
        return {name: self.read(name) for name in self.registers.counters}

    def link_counters(self) -> dict[LinkEvent, int]:
        """Return what the device's link has counted, modulo 65,536."""
        layout = struct.Struct(f"<{len(LinkEvent)}H")
        return dict(zip(LinkEvent, layout.unpack(self.session.ask(Request.LINK, size=layout.size)), strict=True))

    # -- weights ----------------------------------------------------------------------------------------------

    def write_weights(
        self, weights: Sequence[NDArray[np.int64]], progress: Callable[[int], object] | None = None
    ) -> None:
        """Load the weights of all layers, shape (inputs + 1, units) each; `progress` gets numbers of weights done.

        Raises
        ------
        BackspikeError
            Before anything is written: weights of other shapes, or that a weight's bits do not hold.
        """
        check_weights(self.config, weights)
        for layer, matrix in zip(self.config.weight_layers, weights, strict=True):
            values = window_words(layer, matrix).tolist()
            self._open_window(layer)
            for start in range(0, len(values), WORDS):
                part = values[start : start + WORDS]
                self.write("WEIGHT_DATA", *part)
                if progress:
                    progress(len(part))

    def read_weights(self, progress: Callable[[int], object] | None = None) -> list[NDArray[np.int64]]:
        """Return the weights of all layers, shape (inputs + 1, units) each; `progress` gets numbers of weights done."""
        found = [self._read_layer(layer, progress) for layer in self.config.weight_layers]
        try:
            check_weights(self.config, found)
        except BackspikeError as error:
            raise BackspikeError(f"the device gives what cannot be its weights: {error}") from error
        return found

    def weight_checksums(self) -> list[int]:
        """Return what `window_checksum` gives of each layer's weights, in a frame for each 65,536 of them.

        Lanes that are no unit are summed up as well: `write_weights` makes them 0, and they stay so.
        """
        return [self._layer_checksum(layer) for layer in self.config.weight_layers]

    def _layer_checksum(self, layer: WeightLayer) -> int:
        self._open_window(layer)
        checksum, left = 0, layer.rows * layer.row_lanes
        while left:
            count = min(left, CHECKSUM_WORDS)
            zeros = bytes(4 * count)
            # The CRC is linear: what went before counts as if zeros had followed it.
            checksum = self.checksum("WEIGHT_DATA", count) ^ zlib.crc32(zeros, checksum) ^ zlib.crc32(zeros)
            left -= count
        return checksum

    def has_weights(self) -> bool:
        """Return whether a weight of the output layer is not 0, as all are that nothing has been loaded into."""
        return bool(self._read_layer(self.config.weight_layers[-1]).any())

    def _read_layer(self, layer: WeightLayer, progress: Callable[[int], object] | None = None) -> NDArray[np.int64]:
        values = bytearray()
        self._open_window(layer)
        left = layer.rows * layer.row_lanes
        while left:
            part = self.read_many("WEIGHT_DATA", min(left, WORDS))
            values += part.tobytes()
            left -= len(part)
            if progress:
                progress(len(part))
        return window_weights(layer, np.frombuffer(bytes(values), dtype="<u4"))

    @property
    def weight_words(self) -> int:
        """Weights that are loaded or read in all, those of unused lanes included."""
        return sum(layer.rows * layer.row_lanes for layer in self.config.weight_layers)

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
            Before anything is sent: samples or labels that are not the network's. Later: the device gives too few
            results, too many, or what can be none.
        """
        check_samples(self.config, values, labels)
        if not isinstance(learn, bool) and learn.shape != labels.shape:
            raise BackspikeError(f"learn must be one truth value, or {len(labels)}, not {learn.size}")
        results: list[NDArray[np.int64]] = []
        sent, came = 0, 0

        def collect(content: bytes) -> int:
            nonlocal came
            results.append(self._results(content))
            fresh = len(results[-1])
            came += fresh
            if came > sent:
                raise BackspikeError(f"the device gave {came} results to {sent} samples")
            if progress and fresh:
                progress(fresh)
            return fresh

        for body in pack_samples(values, labels, learn, self.frame_bytes - OVERHEAD, self._samples_per_frame):
            sent += body.samples
            collect(self.session.ask(Request.SAMPLES, body.content))
        seconds = self.session.transport.seconds
        waited = seconds()
        while came < len(values):
            if collect(self.session.ask(Request.RESULTS)):
                waited = seconds()
            elif seconds() - waited > ATTEMPTS * self.session.timeout:
                raise BackspikeError(f"the device gave {came} of {len(values)} results, then no more")
        return np.concatenate(results) if results else np.zeros((0, 2), dtype=np.int64)

    def stream(
        self, samples: Iterable[tuple[NDArray[np.uint8], int]], learn: bool
    ) -> Generator[tuple[int, int], None, None]:
        """Show samples one by one as they come, and give the winner of each and the ticks it has won.

        A sample is taken when its result is asked for, and shown by itself: what it costs is a request and its answer.

        Parameters
        ----------
        samples : iterable
            Pairs of a uint8 array, shape (n_0,), or (T, n_0) for recorded spikes, and a label.
        learn : bool
            Whether the network learns from them; otherwise a label may be any class.

        Raises
        ------
        BackspikeError
            Before it is sent, a sample or a label is not the network's; the message says which one, counted from 0.
        """
        for number, (values, label) in enumerate(samples):
            row, labels = np.asarray(values)[np.newaxis], np.array([label])
            try:
                check_samples(self.config, row, labels)
            except BackspikeError as error:
                raise BackspikeError(f"sample {number}: {error}") from error
            winner, wins = self.show(row, labels, learn)[0].tolist()
            yield winner, wins

    def _results(self, content: bytes) -> NDArray[np.int64]:
        try:
            results = unpack_results(content)
        except FrameError as error:
            raise BackspikeError(f"the device gave results of {len(content)} bytes, not of 4 each") from error
        classes, most = self.config.layers[-1], self.config.ticks - self.config.depth + 1
        for winner, wins in results:
            if winner >= classes or not 1 <= wins <= most:
                raise BackspikeError(
                    f"the device gave class {winner} with {wins} wins; "
                    f"classes are 0 to {classes - 1}, and wins 1 to {most}"
                )
        return results

    # -- what it is, and the window on its weights -----------------------------------------------------------------

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

    def _open_window(self, layer: WeightLayer) -> None:
        for name, value in self.registers.window(layer).items():
            self.write(name, value)
