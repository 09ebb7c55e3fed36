"""Golden model of a board behind its host link: what docs/host_link.md demands of the answer to any frame."""

from __future__ import annotations

import struct
import zlib
from collections import Counter, deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.fpga.link.frames import Frame
from backspike.link import (
    ANSWER,
    CHECKSUM_WORDS,
    DAMAGED_RESULT,
    FRAME_BYTES,
    MEMORY_READ_WORDS,
    PARTS,
    RUN_WRITES,
    RUNS,
    WORDS,
    LinkEvent,
    MemoryRequest,
    Request,
    RunFlag,
    Status,
    greeting,
)
from backspike.model import Network, Sample
from backspike.model.records import ENTRY_WORDS, FRAME_WORDS, digest, longest_record, read_entry, read_record
from backspike.model.seeding import LfsrMap, seeded_states, seeding_start
from backspike.model.state import NetworkState
from backspike.registers import (
    IDENTITY,
    SEMANTICS_VERSION,
    WINDOW,
    Control,
    Register,
    RegisterKind,
    RegisterMap,
)

__all__ = ["LinkModel", "Show"]

Show = Callable[[Network, Sample], NDArray[np.int64]]
"""Shows a network a sample, and returns the wins of each class, shape (n_L,)."""

_OUTSTANDING = 3
"""Most samples that are on their way after an answered SAMPLES."""

_ANY = 0xFFFF_FFFF


@dataclass(frozen=True)
class _Part:
    """A list of a ``SAMPLES`` body, or a part of one: its entries are steps and values, shape (count, 2)."""

    label: int
    goes_on: bool
    learn: bool
    entries: NDArray[np.uint8]


@dataclass
class _Run:
    """A run, and its results once it has been played: winner and wins, shape (samples, 2), and which were right."""

    samples: int
    order: int
    kept: int
    flags: int
    writes: list[tuple[int, int]]
    results: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    right: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def counts(self, done: int) -> tuple[int, int, int, int]:
        """Return what has been counted after so many samples: done, right, damaged, digest."""
        results = self.results[:done]
        damaged = (results == DAMAGED_RESULT).all(axis=1)
        return done, int(self.right[:done].sum()), int(damaged.sum()), digest(results)

    def flag(self, flag: RunFlag) -> bool:
        return bool(self.flags >> flag & 1)


class LinkModel:
    """What a host may see of a board, from its power-up on.

    Clock cycles are not modelled. What a frame does is known for certain once the network rests: the host says so
    with `rest`. Between samples and that, a counter may be anything from its last known value to its next, results may
    have come or not, and a ``HELLO`` leaves weights that nobody knows until they are read. Runs are played here when
    they are asked for; what they touch in memory is of use to nobody until the host has rested.

    Parameters
    ----------
    config : NetworkConfig
    show : callable
        How samples are shown to the model's network: the fast engine, when left out.
    memory_bits : int, optional
        Bits of an address of the sample memory; left out, there is none.
    frame_bytes : int
        Most bytes of a frame that the board says it takes.

    Attributes
    ----------
    network : Network
        Its weights are those of the board.
    sequence : int
        That of the last request that was taken, 0 to 255.
    counted : Counter of LinkEvent
        Since the power-up.
    resting : bool
        No sample is being shown, and no LFSR is being seeded.
    shown : int
        Samples that the model's network was shown.
    mid_sample : bool
        A sample has begun to come in, and is not whole.
    memory : uint16 array
        The sample memory.
    memory_unsure : bool array
        Which of its words nobody knows until they are read or written.
    """

    def __init__(
        self,
        config: NetworkConfig,
        show: Show | None = None,
        memory_bits: int | None = None,
        frame_bytes: int = FRAME_BYTES,
    ) -> None:
        self._greeting, self._frame_bytes = greeting(frame_bytes), frame_bytes
        self._config, self._show = config, show or _show_fast
        self._registers = RegisterMap(config)
        self._by_address = list(self._registers.registers.items())
        self._lfsrs = LfsrMap(config)
        # Lanes of the last word of a row that are no unit hold what was written, too.
        self._words = [np.zeros((layer.rows, layer.row_lanes), dtype=np.int64) for layer in config.weight_layers]
        self._unsure = [np.zeros(words.shape, dtype=np.bool_) for words in self._words]
        self._known, self.sequence = False, 0
        self._kept = b""
        self._has_memory = memory_bits is not None
        self.memory = np.zeros(1 << (memory_bits or 0), dtype=np.uint16)
        self.memory_unsure = np.ones(len(self.memory), dtype=np.bool_)
        self._runs: deque[_Run] = deque(maxlen=RUNS)
        self._next_run = self._unfinished = 0
        # What runs that may not be finished look at, and what they write.
        self._touched = np.zeros((2, len(self.memory)), dtype=np.bool_)
        self.counted: Counter[LinkEvent] = Counter()
        self.shown = 0
        self._reset()

    def reset(self) -> None:
        """Note a reset of all of the design; weights and the link's counters stay, and nobody is known any more."""
        self._forget()
        self._known = False
        self._reset()

    # -- time -------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """Note that the host has waited until nothing moves in the network, and no run can go on."""
        if self._unfinished and self._results:
            return
        self._end_runs(0)
        self.resting = True
        self._before = self.network.counters.by_register()

    def timed(self, frame: Frame) -> bool:
        """Whether what a frame does may depend on when samples end: a host that wants to know rests before it."""
        if frame.kind in (MemoryRequest.MEMORY_READ, MemoryRequest.MEMORY_WRITE) and len(frame.body) >= 4:
            start = int.from_bytes(frame.body[:4], "little")
            # The words that a frame has room for are more than it reads or writes.
            return bool(self._touched[frame.kind == MemoryRequest.MEMORY_READ :, start : start + len(frame.body)].any())
        if self.resting or not frame.body or frame.body[0] >= len(self._by_address):
            return False
        kind = self._by_address[frame.body[0]][1].kind
        if frame.kind in (Request.READ, Request.CHECKSUM):
            return kind is RegisterKind.WEIGHT
        return frame.kind == Request.WRITE and kind in (RegisterKind.WEIGHT, RegisterKind.RATE, RegisterKind.CONTROL)

    @property
    def outstanding(self) -> int:
        """Samples whose results have not come yet, recorded spikes that are not whole left out."""
        return len(self._results)

    @property
    def unsure(self) -> bool:
        """Whether there are weights that nobody knows until they are read or written."""
        return any(unsure.any() for unsure in self._unsure)

    @property
    def playing(self) -> int:
        """Samples of runs that may not be finished."""
        return sum(run.samples + 1 for run in self._last_runs(self._unfinished))

    # -- frames -----------------------------------------------------------------------------------------------

    def take(self, request: Frame, answer: Frame | None) -> LinkEvent:
        """Take a frame that is whole, and what came until the device was quiet; return what the frame counts as.

        Raises
        ------
        BackspikeError
            The answer is not what the protocol and the golden model demand.
        """
        sequence = request.sequence
        if len(request.pack()) > self._frame_bytes:
            event = LinkEvent.LONG
        elif request.kind == Request.HELLO or (self._known and sequence == (self.sequence + 1) % 256):
            event = LinkEvent.TAKEN
        elif self._known and sequence == self.sequence:
            event = LinkEvent.REPEATED
        else:
            event = LinkEvent.ORDER
        self.counted[event] += 1
        if event is LinkEvent.LONG:
            _demand(answer is None, request, "is answered, though it is too long")
            return event
        if event is LinkEvent.ORDER:
            _demand(answer is None, request, "is answered, though it is neither the next nor the last")
            return event
        _demand(answer is not None, request, "is not answered")
        assert answer is not None
        if event is LinkEvent.REPEATED:
            _demand(
                answer.pack() == self._kept, request, f"is answered with {answer}, not with the answer that is kept"
            )
            return event
        self.sequence, self._known, self._kept = sequence, True, answer.pack()
        # How many runs are finished is known if they cannot have begun, or if the host has rested.
        least = self._unfinished if self._results else 0
        allowed = {self.status_of(request, unfinished) for unfinished in range(least, self._unfinished + 1)}
        found = (answer.sequence, answer.kind, answer.body[:1])
        expected = [(sequence, request.kind | ANSWER, bytes((status,))) for status in sorted(allowed)]
        _demand(
            found in expected,
            request,
            f"has an answer of sequence, kind and status {found}, not {' or '.join(map(str, expected))}",
        )
        status, rest = answer.body[0], answer.body[1:]
        if status == Status.DONE:
            while self.status_of(request, self._unfinished) != Status.DONE:
                self._end_runs(self._unfinished - 1)
            self._execute(request, rest)
        else:
            _demand(not rest, request, "is refused with an answer that has more than a status")
        return event

    def status_of(self, request: Frame, unfinished: int = 0) -> Status:
        """Return the status of the answer to a request that is taken while so many runs are not finished."""
        if self._has_memory and request.kind in list(MemoryRequest):
            return self._memory_status_of(request, unfinished)
        status = self._status_of(request)
        waits = unfinished and request.kind in (Request.READ, Request.WRITE, Request.SAMPLES, Request.CHECKSUM)
        return Status.RUNNING if status is Status.DONE and waits else status

    def _memory_status_of(self, request: Frame, unfinished: int) -> Status:
        body, size, words = request.body, len(request.body), len(self.memory)
        right = Status.DONE
        if request.kind in (MemoryRequest.MEMORY, MemoryRequest.RUNS):
            fits = size == 0
        elif request.kind == MemoryRequest.MEMORY_WRITE:
            fits = size % 2 == 0 and size > 4 and _number(body, 0) + size // 2 - 2 <= words
        elif request.kind == MemoryRequest.MEMORY_READ:
            count = int.from_bytes(body[4:6], "little")
            fits = size == 6 and 1 <= count <= MEMORY_READ_WORDS and _number(body, 0) + count <= words
        else:
            samples, *places = (_number(body, place) for place in (0, 4, 8))
            fits = size in range(13, 14 + 5 * RUN_WRITES, 5) and body[12] < 1 << len(RunFlag)
            fits = fits and all(place % 2 == 0 and place < words for place in places)
            fits = fits and all(place + ENTRY_WORDS * samples <= words for place in places)
            fits = fits and all(register < len(self._by_address) for register in body[13::5])
            if self.mid_sample:
                right = Status.MID_SAMPLE
            elif unfinished == RUNS:
                right = Status.QUEUE_FULL
        return right if fits else Status.WRONG_BODY

    def _status_of(self, request: Frame) -> Status:
        body, size = request.body, len(request.body)
        right = Status.MID_SAMPLE if self.mid_sample else Status.DONE
        known = size > 0 and body[0] < len(self._by_address)
        if request.kind in (Request.HELLO, Request.RESULTS, Request.LINK):
            return Status.WRONG_BODY if body else Status.DONE
        if request.kind == Request.READ:
            return right if size == 2 and known and 1 <= body[1] <= WORDS else Status.WRONG_BODY
        if request.kind == Request.CHECKSUM:
            return right if size == 3 and known else Status.WRONG_BODY
        if request.kind == Request.WRITE:
            return right if size % 4 == 1 and 5 <= size <= 4 * WORDS + 1 and known else Status.WRONG_BODY
        if request.kind != Request.SAMPLES:
            return Status.UNKNOWN_KIND
        parts = _parts_of(body)
        if parts is None:
            return Status.WRONG_BODY
        lost = any(part.label >= self._config.layers[-1] for part in parts)
        return Status.WRONG_LABEL if lost else Status.DONE

    def _execute(self, request: Frame, answer: bytes) -> None:
        body, kind = request.body, request.kind
        if kind == Request.HELLO:
            _demand(answer == self._greeting, request, f"is answered with {answer.hex()}")
            self._forget()
            self._reset()
        elif kind == Request.READ:
            _demand(len(answer) == 4 * body[1], request, f"is answered with {len(answer)} bytes")
            self._read(request, *self._by_address[body[0]], struct.unpack(f"<{body[1]}I", answer))
        elif kind == Request.CHECKSUM:
            _demand(len(answer) == 4, request, f"is answered with {len(answer)} bytes")
            count = int.from_bytes(body[1:], "little") or CHECKSUM_WORDS
            self._sum(request, *self._by_address[body[0]], count, _number(answer, 0))
        elif kind == Request.WRITE:
            _demand(not answer, request, "is answered with more than a status")
            for value in struct.unpack(f"<{len(body) // 4}I", body[1:]):
                self._write(*self._by_address[body[0]], value)
        elif kind == Request.LINK:
            counts = tuple(self.counted[event] % 65_536 for event in LinkEvent)
            expected = struct.pack(f"<{len(counts)}H", *counts)
            _demand(answer == expected, request, f"is answered with {answer.hex()}, not with {counts}")
        elif kind in list(MemoryRequest):
            self._execute_of_memory(request, answer)
        else:
            if kind == Request.SAMPLES:
                for part in _parts_of(body) or ():
                    self._feed(part)
                self._run_early()
            self._compare_results(request, answer)

    # -- the sample memory ------------------------------------------------------------------------------------

    def _execute_of_memory(self, request: Frame, answer: bytes) -> None:
        body, kind = request.body, request.kind
        start = _number(body, 0)
        if kind == MemoryRequest.MEMORY:
            expected = struct.pack("<IHBB", len(self.memory), longest_record(self._config), RUNS, 1)
            _demand(answer == expected, request, f"is answered with {answer.hex()}, not {expected.hex()}")
        elif kind == MemoryRequest.MEMORY_WRITE:
            _demand(not answer, request, "is answered with more than a status")
            words = np.frombuffer(body[4:], dtype="<u2")
            self.memory[start : start + len(words)] = words
            self.memory_unsure[start : start + len(words)] = False
        elif kind == MemoryRequest.MEMORY_READ:
            read = slice(start, start + int.from_bytes(body[4:], "little"))
            _demand(len(answer) == 2 * (read.stop - start), request, f"is answered with {len(answer)} bytes")
            found, unsure = np.frombuffer(answer, dtype="<u2"), self.memory_unsure[read]
            self.memory[read][unsure] = found[unsure]
            unsure[:] = False
            same = self.memory[read] == found
            _demand(bool(same.all()), request, f"reads {found.tolist()}, not {self.memory[read].tolist()}")
        elif kind == MemoryRequest.RUN:
            _demand(answer == bytes((self._next_run,)), request, f"is answered with {answer.hex()}")
            writes = [(body[place], _number(body, place + 1)) for place in range(13, len(body), 5)]
            samples, order, kept = (_number(body, place) for place in (0, 4, 8))
            run = _Run(samples, order, kept, body[12], writes)
            self._next_run, self._unfinished, self.resting = (self._next_run + 1) % 256, self._unfinished + 1, False
            self._runs.append(run)
            self._play(run)
        else:
            self._compare_runs(request, answer)

    def _play(self, run: _Run) -> None:
        for address, value in run.writes:
            self._write(*self._by_address[address], value)
        results, right = np.zeros((run.samples, 2), dtype=np.int64), np.zeros(run.samples, dtype=np.bool_)
        for number in range(run.samples):
            sample = self._look_up(run.order + ENTRY_WORDS * number)
            if not sample:
                results[number] = DAMAGED_RESULT
            elif run.flag(RunFlag.CHECK):
                results[number] = sample[1], 0
            else:
                results[number] = self._run(Sample(*sample, run.flag(RunFlag.LEARN)))
                right[number] = results[number, 0] == sample[1]
            if run.flag(RunFlag.WRITE_RESULTS):
                kept = slice(run.kept + ENTRY_WORDS * number, run.kept + ENTRY_WORDS * (number + 1))
                self.memory[kept], self.memory_unsure[kept], self._touched[:, kept] = results[number], False, True
        run.results, run.right = results, right

    def _look_up(self, place: int) -> tuple[NDArray[np.uint8], int] | None:
        """Return the sample of an order's entry, and note what is read to find it; None if something is damaged."""
        self._touched[0, place : place + ENTRY_WORDS] = True
        address = read_entry(self.memory, place)
        if address is None:
            return None
        length = int(self.memory[address + 1]) if address + 1 < len(self.memory) else 0
        self._touched[0, address : address + max(FRAME_WORDS, min(length, longest_record(self._config)))] = True
        return read_record(self._config, self.memory, address)

    def _last_runs(self, count: int) -> list[_Run]:
        return list(self._runs)[len(self._runs) - count :]

    def _end_runs(self, unfinished: int) -> None:
        """Note that all runs but so many are finished."""
        self._unfinished = unfinished
        if not unfinished:
            self._touched[:] = False

    def _compare_runs(self, request: Frame, answer: bytes) -> None:
        _demand(len(answer) == 2 + 16 * RUNS, request, f"is answered with {len(answer)} bytes")
        number, unfinished = answer[:2]
        least = self._unfinished if self._results else 0
        expected = f"{self._next_run}, {least} to {self._unfinished}"
        _demand(
            number == self._next_run and least <= unfinished <= self._unfinished,
            request,
            f"tells of the next run and unfinished ones {number}, {unfinished}, not {expected}",
        )
        self._end_runs(unfinished)
        for back, run in enumerate(reversed(self._runs)):
            told = struct.unpack_from("<4I", answer, 2 + 16 * ((self._next_run - 1 - back) % RUNS))
            # Of those that are not finished, all but the first have not begun.
            most = run.samples if back < unfinished and back == unfinished - 1 and not self._results else 0
            done = range(most + 1) if back < unfinished else [run.samples]
            counts = run.counts(told[0]) if told[0] in done else (done[-1], 0, 0, 0)
            _demand(told == counts, request, f"tells of a run {told}, not {counts}")

    # -- registers --------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """Be unsure of the weights that a sample may learn when it is given up."""
        if not self.resting or (self.mid_sample and self._config.input == "spikes"):
            for unsure, layer in zip(self._unsure, self._config.weight_layers, strict=True):
                unsure[:, : layer.units] = True
        # What runs have written, or would have.
        self.memory_unsure |= self._touched[1]

    def _reset(self) -> None:
        config = self._config
        self._runs.clear()
        self._next_run = 0
        self._end_runs(0)
        weights = [words[:, : layer.units] for words, layer in zip(self._words, config.weight_layers, strict=True)]
        self.network = Network(config, weights)
        self.resting, self.mid_sample = True, False
        self._before = self.network.counters.by_register()
        self._window = dict.fromkeys(WINDOW, 0)
        start = seeding_start(config.seed, config.lfsr_bits)
        self._seed = {"SEED_LOW": start & 0xFFFF_FFFF, "SEED_HIGH": start >> 32}
        self._results: deque[tuple[int, int]] = deque()
        self._lists: list[NDArray[np.uint8]] = []
        self._begin_list()
        self._first: tuple[int, bool] | None = None
        self._shown_early = False

    def _read(self, request: Frame, name: str, register: Register, words: tuple[int, ...]) -> None:
        least = 0
        for word in words:
            if register.kind is RegisterKind.WEIGHT:
                low, high = self._read_weight(word)
            else:
                low, high = self._range(name, register)
                least = max(least, low)
            place = f"the read of {name}"
            _demand(max(low, least) <= word <= high, request, f"{place} gives {word:#x}, not {low:#x} to {high:#x}")
            if register.kind is RegisterKind.COUNTER:
                # One that is counted on while it is read again and again never goes back.
                least = word

    def _sum(self, request: Frame, name: str, register: Register, count: int, checksum: int) -> None:
        """Compare the checksum of so many reads, unless what one of them gives is not certain."""
        content, certain = bytearray(), True
        for _ in range(count):
            is_weight = register.kind is RegisterKind.WEIGHT
            low, high = self._read_weight() if is_weight else self._range(name, register)
            certain = certain and low == high
            content += low.to_bytes(4, "little")
        expected = zlib.crc32(content)
        place = f"the checksum of {count} reads of {name}"
        _demand(not certain or checksum == expected, request, f"{place} is {checksum:#010x}, not {expected:#010x}")

    def _range(self, name: str, register: Register) -> tuple[int, int]:
        """Return the least and the greatest that a read may give."""
        exact = {
            "IDENTITY": IDENTITY,
            "SEMANTICS": SEMANTICS_VERSION,
            "CONFIG_HASH": int(self._config.hash[:8], 16),
            "CONTROL": 0,
            **self._seed,
            **self._window,
            **self._registers.rates(self.network.rates),
        }
        if name in exact:
            return exact[name], exact[name]
        if register.kind is RegisterKind.STATUS:
            return 0, 0 if self.resting else 3
        counted = self.network.counters.by_register()
        if name not in counted:
            return 0, _ANY
        return (counted[name] if self.resting else self._before[name]), counted[name]

    def _write(self, name: str, register: Register, value: int) -> None:
        config = self._config
        if register.kind is RegisterKind.CONTROL:
            if value >> Control.CLEAR_COUNTERS & 1:
                counters = self.network.counters
                counters.samples = counters.ticks = counters.error_ticks = 0
                counters.rows[:] = counters.writes[:] = 0
                self._before = counters.by_register()
            if value >> Control.SEED_LFSRS & 1:
                start = (self._seed["SEED_HIGH"] << 32 | self._seed["SEED_LOW"]) & ((1 << config.lfsr_bits) - 1) or 1
                states = seeded_states(start, self._lfsrs.count, config.lfsr_bits)
                NetworkState.of_lfsrs(config, states).put_into(self.network)
                self.resting = False
        elif register.kind is RegisterKind.SEED:
            self._seed[name] = value
        elif register.kind is RegisterKind.WINDOW:
            self._window[name] = min(value, register.largest)
        elif register.kind is RegisterKind.RATE:
            self.network.rates[list(self._registers.of_kind(RegisterKind.RATE)).index(name)] = min(
                value, register.largest
            )
        elif register.kind is RegisterKind.WEIGHT:
            place = self._place()
            if place:
                index, row, lane = place
                least = 1 << (config.weight_bits - 1)
                self._put_weight(index, row, lane, ((value + least) & (2 * least - 1)) - least)
                self._move_window()

    def _read_weight(self, word: int | None = None) -> tuple[int, int]:
        """Return the least and the greatest that a read may give, which has given `word`, and move the window on."""
        place = self._place()
        if not place:
            return 0, 0
        index, row, lane = place
        if self._unsure[index][row, lane]:
            if word is None:
                self._move_window()
                return 0, _ANY
            weight = word - (word >> 31 << 32)
            if self._config.weight_min <= weight <= self._config.weight_max:
                self._put_weight(index, row, lane, weight)
        self._move_window()
        units = self._config.weight_layers[index].units
        held = self.network.weights[index][row, lane] if lane < units else self._words[index][row, lane]
        return int(held) & 0xFFFF_FFFF, int(held) & 0xFFFF_FFFF

    def _place(self) -> tuple[int, int, int] | None:
        """Return layer from 0 up, row and lane in all words of the weight in the window, if there is one."""
        number, row, word, lane = (self._window[name] for name in WINDOW)
        if not 1 <= number <= self._config.depth:
            return None
        layer = self._config.weight_layer(number)
        if row >= layer.rows or word >= layer.fold or lane >= layer.lanes:
            return None
        return number - 1, row, word * layer.lanes + lane

    def _put_weight(self, index: int, row: int, lane: int, weight: int) -> None:
        self._words[index][row, lane], self._unsure[index][row, lane] = weight, False
        if lane < self._config.weight_layers[index].units:
            self.network.weights[index][row, lane] = weight

    def _move_window(self) -> None:
        number, row, word, lane = (self._window[name] for name in WINDOW)
        layer = self._config.weight_layer(number)
        at = (row * layer.fold + word) * layer.lanes + lane + 1
        at, lane = divmod(at, layer.lanes)
        row, word = divmod(at, layer.fold)
        self._window.update(zip(WINDOW, (number, row, word, lane), strict=True))

    # -- samples ----------------------------------------------------------------------------------------------

    def _begin_list(self) -> None:
        self._above = 0
        self._list = np.zeros(self._config.layers[0], dtype=np.uint8)

    def _feed(self, part: _Part) -> None:
        """Take a list, or a part of one."""
        inputs = self._config.layers[0]
        self.mid_sample = True
        for step, value in part.entries.tolist():
            stepped = self._above + step
            if step and stepped <= inputs:
                self._list[stepped - 1] = value
            self._above = min(stepped, inputs + 1)
        if len(part.entries) or not part.goes_on:
            self._first = self._first or (part.label, part.learn)
        if part.goes_on:
            return
        self._lists.append(self._list)
        self._begin_list()
        spikes = self._config.input == "spikes"
        if len(self._lists) < (self._config.ticks if spikes else 1):
            return
        label, learn = self._first if spikes and self._first else (part.label, part.learn)
        values = np.array(self._lists) if spikes else self._lists[0]
        if not self._shown_early:
            self._results.append(self._run(Sample(values, label, learn)))
        self._lists, self._first, self._shown_early, self.mid_sample = [], None, False, False

    def _run(self, sample: Sample) -> tuple[int, int]:
        wins = self._show(self.network, sample)
        self.shown += 1
        self.resting = False
        for words, weights in zip(self._words, self.network.weights, strict=True):
            words[:, : weights.shape[1]] = weights
        winner = int(wins.argmax())
        return winner, int(wins[winner])

    def _run_early(self) -> None:
        """Show recorded spikes of which not all lists have come, if the sample ends before those that are missing."""
        config, came = self._config, len(self._lists)
        if not (config.ends_early and config.input == "spikes" and self._first and came) or self._shown_early:
            return
        missing = np.zeros((config.ticks - came, config.layers[0]), dtype=np.uint8)
        sample = Sample(np.concatenate([self._lists, missing]), *self._first)
        trial = deepcopy(self.network)
        _show_fast(trial, sample)
        self._shown_early = trial.counters.ticks - self.network.counters.ticks <= came
        if self._shown_early:
            self._results.append(self._run(sample))

    def _compare_results(self, request: Frame, answer: bytes) -> None:
        _demand(len(answer) % 4 == 0, request, f"is answered with results of {len(answer)} bytes")
        for winner, wins in struct.iter_unpack("<HH", answer):
            _demand(bool(self._results), request, "is answered with a result of no sample")
            expected = self._results.popleft()
            _demand((winner, wins) == expected, request, f"has winner and wins {winner}, {wins}, not {expected}")
        left = len(self._results)
        _demand(left <= _OUTSTANDING, request, f"leaves {left} results outstanding")
        if self.resting:
            _demand(not left, request, f"leaves {left} results behind, though the network rests")


def _demand(met: bool, request: Frame, what: str) -> None:
    if not met:
        names = {kind.value: kind.name for kind in (*Request, *MemoryRequest)}
        kind = names.get(request.kind, f"kind {request.kind:#x}")
        raise BackspikeError(
            f"the request {kind} {request.sequence} with the body {request.body.hex() or 'empty'} {what}"
        )


def _number(body: bytes, place: int) -> int:
    return int.from_bytes(body[place : place + 4], "little")


def _parts_of(body: bytes) -> list[_Part] | None:
    """Return the parts of a body of samples; None if it is not made of whole ones, or of more than there may be."""
    found: list[_Part] = []
    place = 0
    while place < len(body):
        end = place + 4 + 2 * int.from_bytes(body[place + 2 : place + 4], "little")
        if len(found) == PARTS or place + 4 > len(body) or end > len(body):
            return None
        flags = int.from_bytes(body[place : place + 2], "little")
        entries = np.frombuffer(body[place + 4 : end], dtype=np.uint8).reshape(-1, 2)
        found.append(_Part(flags & 0x3FFF, bool(flags & 0x4000), bool(flags & 0x8000), entries))
        place = end
    return found


def _show_fast(network: Network, sample: Sample) -> NDArray[np.int64]:
    from backspike.model.fast import run_samples  # the compiler takes a second to load

    values, label = sample.values[np.newaxis], np.array([sample.label])
    wins: NDArray[np.int64] = run_samples(network, values, label, np.array([0]), sample.learn)[0]
    return wins
