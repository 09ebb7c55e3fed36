"""The host's side of a board's sample memory (docs/sample_memory.md): data in, runs begun, and how they went."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError
from backspike.link import (
    MEMORY_READ_WORDS,
    RUN_WRITES,
    RUNS,
    MemoryRequest,
    RunFlag,
    Status,
    memory_write_words,
)
from backspike.model.records import ADDRESS_LIMIT, ENTRY_WORDS, Records, pack_order, pack_records

from .device import Device
from .session import RefusedError

__all__ = ["RunState", "SampleMemory"]

_PAUSE = 0.02
"""Seconds between two looks at a run that goes on."""

_READY_SECONDS = 2.0
"""Seconds in which a memory has to become ready: SDRAM takes less than a millisecond."""


@dataclass(frozen=True)
class RunState:
    """How far a run has come.

    Attributes
    ----------
    done, right, damaged : int
        Samples that it is done with; those shown whose winner was the label; those damaged.
    digest : int
        CRC-32 over the results so far.
    finished : bool
    """

    done: int
    right: int
    damaged: int
    digest: int
    finished: bool


class SampleMemory:
    """A device's sample memory.

    Making one waits until the memory is ready.

    Parameters
    ----------
    device : Device

    Attributes
    ----------
    words : int
        Words of 16 bits.

    Raises
    ------
    BackspikeError
        The device has no sample memory, or it does not become ready; here and in all methods, it refuses a request, or
        its answer is not what the protocol says.
    NoAnswerError
        Nobody answers, here and in all methods.
    """

    def __init__(self, device: Device) -> None:
        self._session, self._config, self._registers = device.session, device.config, device.registers
        self._write_words = memory_write_words(device.frame_bytes)
        session = device.session
        begun = session.transport.seconds()
        while True:
            try:
                answer = session.ask(MemoryRequest.MEMORY, size=8)
            except RefusedError as error:
                if error.status == Status.UNKNOWN_KIND:
                    raise BackspikeError(
                        "the device has no sample memory; `backspike build --sample-memory` gives it one"
                    ) from error
                raise
            self.words, _, _, ready = struct.unpack("<IHBB", answer)
            if ready:
                return
            if session.transport.seconds() - begun > _READY_SECONDS:
                raise BackspikeError(f"the device's sample memory was not ready in {_READY_SECONDS:g} seconds")
            self._pause()

    # -- words ------------------------------------------------------------------------------------------------

    def write(self, address: int, words: NDArray[np.uint16], progress: Callable[[int], object] | None = None) -> None:
        """Write words from an address on; `progress` gets numbers of words written."""
        for start in range(0, len(words), self._write_words):
            part = words[start : start + self._write_words]
            body = (address + start).to_bytes(4, "little") + part.astype("<u2").tobytes()
            self._session.ask(MemoryRequest.MEMORY_WRITE, body, size=0)
            if progress:
                progress(len(part))

    def read(self, address: int, count: int) -> NDArray[np.uint16]:
        """Return words from an address on."""
        parts = [np.zeros(0, dtype=np.uint16)]
        for start in range(0, count, MEMORY_READ_WORDS):
            size = min(MEMORY_READ_WORDS, count - start)
            body = struct.pack("<IH", address + start, size)
            answer = self._session.ask(MemoryRequest.MEMORY_READ, body, size=2 * size)
            parts.append(np.frombuffer(answer, dtype="<u2"))
        return np.concatenate(parts).astype(np.uint16)

    def require_room(self, words: int, samples: int, name: str) -> None:
        """Raise `BackspikeError` unless there are so many words within the reach of an order."""
        most = min(self.words, ADDRESS_LIMIT)
        if words > most:
            raise BackspikeError(
                f"the {samples:,} samples of {name} and their orders take {words:,} words, and the device's sample "
                f"memory has {most:,}: about {samples * most // words:,} fit"
            )

    # -- samples ----------------------------------------------------------------------------------------------

    def pack(self, values: NDArray[np.uint8], labels: NDArray[np.int64], address: int = 0) -> Records:
        """Pack samples as they are to lie in the memory from an even address on (`pack_records`)."""
        return pack_records(self._config, values, labels, address)

    def write_order(
        self, address: int, addresses: NDArray[np.int64], progress: Callable[[int], object] | None = None
    ) -> None:
        """Write the order of the samples whose records are at `addresses` to the even address `address`."""
        self.write(address, pack_order(addresses, address), progress)

    def read_results(self, address: int, samples: int) -> NDArray[np.int64]:
        """Return winner and wins of the first samples of a run that has written them, int64, shape (samples, 2)."""
        return self.read(address, ENTRY_WORDS * samples).reshape(-1, 2).astype(np.int64)

    # -- runs -------------------------------------------------------------------------------------------------

    def run(
        self,
        order: int,
        samples: int,
        *,
        learn: bool = False,
        check: bool = False,
        results: int | None = None,
        writes: Mapping[str, int] | None = None,
    ) -> int:
        """Put a run into the device's queue, and return its number.

        Parameters
        ----------
        order : int
            Address of the order.
        samples : int
        learn : bool
            Whether the samples are learned.
        check : bool
            Whether they are only looked at, and not shown.
        results : int, optional
            Where results are written; nowhere when left out.
        writes : mapping of str to int, optional
            Values of registers by name, written before the first sample, at most `RUN_WRITES`. More are those of runs
            of no samples ahead.
        """
        flags = learn << RunFlag.LEARN | (results is not None) << RunFlag.WRITE_RESULTS | check << RunFlag.CHECK
        packed = [
            struct.pack("<BI", self._registers[name].address, value & 0xFFFF_FFFF)
            for name, value in (writes or {}).items()
        ]
        while len(packed) > RUN_WRITES:
            self._queue(0, order, order, 0, packed[:RUN_WRITES])
            packed = packed[RUN_WRITES:]
        return self._queue(samples, order, order if results is None else results, flags, packed)

    def _queue(self, samples: int, order: int, results: int, flags: int, writes: list[bytes]) -> int:
        """Put a run into the queue, as soon as it has room."""
        body = struct.pack("<IIIB", samples, order, results, flags) + b"".join(writes)
        while True:
            try:
                return self._session.ask(MemoryRequest.RUN, body, size=1)[0]
            except RefusedError as error:
                if error.status != Status.QUEUE_FULL:
                    raise
            self._pause()

    def runs(self) -> dict[int, RunState]:
        """Return the last `RUNS` runs by their numbers."""
        answer = self._session.ask(MemoryRequest.RUNS, size=2 + 16 * RUNS)
        following, unfinished = answer[0], answer[1]
        found = {}
        for back in range(1, RUNS + 1):
            number = (following - back) % 256
            done, right, damaged, results = struct.unpack_from("<IIII", answer, 2 + 16 * (number % RUNS))
            found[number] = RunState(done, right, damaged, results, back > unfinished)
        return found

    def wait(self, number: int, progress: Callable[[int], object] | None = None) -> RunState:
        """Wait until a run is finished, and return how it went; `progress` gets numbers of samples done.

        It must be one of the last `RUNS`.
        """
        before = 0
        while True:
            state = self.runs()[number]
            if progress and state.done > before:
                progress(state.done - before)
            before = state.done
            if state.finished:
                return state
            self._pause()

    def _pause(self) -> None:
        """Let some time go by, that of a simulation where the device is one."""
        for _ in self._session.transport.receive(_PAUSE):
            pass
