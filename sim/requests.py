"""Requests of random contents, right in their CRC alone: what a board does with them, beside the golden model."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.datasets import load_dataset
from backspike.errors import BackspikeError
from backspike.fpga.link.frames import Frame, FrameError
from backspike.fpga.link.samples import pack_samples
from backspike.fpga.link.serial_transport import decode_line, encode_line
from backspike.hdl.timing import sample_limit
from backspike.link import (
    MEMORY_READ_WORDS,
    PARTS,
    RUN_WRITES,
    WORDS,
    LinkEvent,
    MemoryRequest,
    Request,
    memory_write_words,
)
from backspike.model.records import longest_record, pack_order, pack_records
from backspike.registers import Control, RegisterKind, RegisterMap, window_words

from .board import SimulatedBoard
from .faults import damaged_lines, refusals
from .link import LinkModel, Show

__all__ = ["Conversation", "MemoryContents", "random_request"]

_LONG = 0.01
"""Share of requests as long as they may be, which take as much time on the line as fifty others."""


class Conversation:
    """A board and the golden model of it, which are told the same frames.

    Parameters
    ----------
    board : SimulatedBoard
        Fresh from its power-up.
    config : NetworkConfig
    random : Random
    show : callable, optional
        As of `LinkModel`.
    memory_bits : int, optional
        Bits of an address of the board's sample memory, if it has one: at least 10.

    Attributes
    ----------
    comparisons : int
        How often all weights and counters were compared.
    """

    def __init__(
        self,
        board: SimulatedBoard,
        config: NetworkConfig,
        random: Random,
        show: Show | None = None,
        memory_bits: int | None = None,
    ) -> None:
        self.model = LinkModel(config, show, memory_bits, board.frame_bytes)
        self._contents: MemoryContents | None = None
        if memory_bits is not None:
            self._contents = MemoryContents(config, random, 1 << memory_bits, board.frame_bytes)
        self.comparisons = 0
        self._board, self._config, self._random = board, config, random
        self._registers = RegisterMap(config)
        # Bytes that mean nothing, and take as long as a sample or the seeding does.
        self._pause = b"\0" * (sample_limit(config) // board.byte_clocks + 1)

    def tell(self, request: Frame) -> LinkEvent:
        """Send a frame, and compare what comes; return what it counts as.

        Raises
        ------
        BackspikeError
            The board answers otherwise than the model, or hangs.
        """
        heard = self._board.exchange(encode_line(request))
        try:
            answer = decode_line(heard[:-1]) if heard else None
        except FrameError as error:
            raise BackspikeError(f"{request} is answered with {heard.hex()}, which is {error}") from error
        return self.model.take(request, answer)

    def load(self, weights: Sequence[NDArray[np.int64]], rate: int = 256) -> None:
        """Write the weights of all layers, shape (inputs + 1, units) each, and a learning rate for all of them."""
        self.rest()
        for layer, matrix in zip(self._config.weight_layers, weights, strict=True):
            self._write(f"RATE_{layer.number}", rate)
            for name, value in self._registers.window(layer).items():
                self._write(name, value)
            values = window_words(layer, matrix).tolist()
            for start in range(0, len(values), WORDS):
                self._write("WEIGHT_DATA", *values[start : start + WORDS])

    def show(self, values: NDArray[np.uint8], labels: NDArray[np.int64], learn: NDArray[np.bool_]) -> None:
        """Show samples that are right, of shapes as `Device.show` takes them."""
        for body in pack_samples(values, labels, learn):
            self._ask(Request.SAMPLES, body.content)
        self.rest()
        self._ask(Request.RESULTS)

    def access(self, rounds: int) -> None:
        """Write any bits to each register, and read it, `rounds` times; seed the LFSRs, and clear the counters."""
        for number in range(rounds):
            for name, register in self._registers.registers.items():
                value = self._random.getrandbits(32)
                if register.kind in (RegisterKind.WINDOW, RegisterKind.RATE):
                    value = self._random.randint(0, register.largest)
                self.rest()
                self._write(name, *[(0, 0xFFFF_FFFF)[number % 2]] * (number < 2), value)
                self._ask(Request.READ, bytes((register.address, 1)))
            for _ in range(6):
                self.rest()
                for name in ("SEED_LOW", "SEED_HIGH"):
                    self._write(name, self._random.getrandbits(32))
                # The next value comes while they are seeded.
                self._write("CONTROL", 1 << Control.SEED_LFSRS, 0)

    def add_up(self) -> None:
        """Have as many values summed up as there may be, of a register that stays as it is."""
        self._ask(Request.CHECKSUM, bytes((self._registers["IDENTITY"].address, 0, 0)))

    def meanwhile(self, body: bytes) -> None:
        """Access registers while samples are shown, as far as that changes nothing."""
        for name in ("STATUS", "TICKS", "IDENTITY", "RATE_1"):
            self._ask(Request.SAMPLES, body)
            self._ask(Request.READ, bytes((self._registers[name].address, self._random.choice([1, 9]))))
            self._write("IDENTITY", 1)
        self.rest()
        self._ask(Request.RESULTS)

    def damage(self, count: int) -> None:
        """Send damaged frames, none of which may be answered or do anything; what they count as is noted.

        Raises
        ------
        BackspikeError
            One is answered, or the device hangs.
        """
        last = self.model.sequence
        stream = b"".join(line for _, line in damaged_lines(self._config, self._random, last, count))
        heard = self._board.exchange(stream)
        if heard:
            raise BackspikeError(f"the device answered damaged frames with {heard.hex()}")
        self.model.counted.update(refusals(stream, last))

    def interrupt(self) -> None:
        """Send a request, and another before it is answered, which is refused."""
        read = Frame((self.model.sequence + 1) % 256, Request.READ, bytes((0, self._random.choice([1, 9, WORDS]))))
        other = random_request(self._config, self._random, read.sequence)
        heard = self._board.exchange(encode_line(read) + encode_line(other))
        self.model.counted[LinkEvent.BUSY] += 1
        self.model.take(read, decode_line(heard[:-1]))

    def reset(self, body: bytes, clocks: int, by_break: bool = False) -> None:
        """Reset the design, by a break on its line or at once, so many clocks after a whole request of samples.

        They are at least 100. Then it is greeted.
        """
        line = encode_line(Frame((self.model.sequence + 1) % 256, Request.SAMPLES, body))
        self._board.run(len(line) * self._board.byte_clocks + clocks, line)
        if by_break:
            self._board.send_break()
        else:
            self._board.reset()
        # The host that sent them has not heard an answer, or a part of one.
        self._board.run(2 * self._board.byte_clocks)
        self._board.exchange(b"")
        self.model.counted[LinkEvent.TAKEN] += 1
        self.model.resting = False
        self.model.reset()
        self._ask(Request.HELLO)
        self.compare_weights()

    def hello(self, body: bytes, clocks: int) -> None:
        """Greet the device so many clocks after the answer to a request of samples."""
        self._ask(Request.SAMPLES, body)
        self._board.run(clocks)
        self._ask(Request.HELLO)
        self.compare_weights()

    def fill_memory(self) -> None:
        """Write samples and orders into the memory, for runs to play."""
        assert self._contents is not None
        for body in self._contents.fill():
            self._ask(MemoryRequest.MEMORY_WRITE, body)

    def rest(self) -> None:
        """Wait until nothing moves in the network, and no run is left."""
        while not self.model.resting:
            self._board.exchange(self._pause * max(1, self.model.outstanding + self.model.playing))
            self.model.rest()
            if not self.model.resting:
                # Runs begin when the results of all samples before are fetched.
                self._ask(Request.RESULTS)

    def run(
        self, count: int, interval: int = 500, progress: Callable[[int], object] | None = None
    ) -> tuple[Counter[str], Counter[LinkEvent]]:
        """Send random requests; return how many of each kind, and what they counted as.

        Parameters
        ----------
        count : int
        interval : int
            Requests between two comparisons of all weights and counters, at least 1.
        progress : callable, optional
            Called with the requests done since the last call.

        Raises
        ------
        BackspikeError
            The board answers otherwise than the model, hangs, or has other weights or counters.
        """
        kinds: Counter[str] = Counter()
        events: Counter[LinkEvent] = Counter()
        for number in range(count):
            request = random_request(self._config, self._random, self.model.sequence, self._contents)
            if self.model.timed(request) or self._random.random() < 0.2:
                self.rest()
            event = self.tell(request)
            events[event] += 1
            kinds[kind_of(request) if event is LinkEvent.TAKEN else event.name.lower()] += 1
            if self.model.unsure:
                self.compare_weights()
            if (number + 1) % interval == 0 or number + 1 == count:
                self.compare()
                if progress:
                    progress(number % interval + 1)
        return kinds, events

    def compare(self) -> None:
        """Compare all weights and counters; samples that are not whole are given up."""
        self.rest()
        if self.model.mid_sample:
            self._ask(Request.HELLO)
        for name in self._registers.counters:
            self._ask(Request.READ, bytes((self._registers[name].address, 1)))
        self.compare_weights()
        if self._contents:
            self.compare_memory()
        self._ask(Request.LINK)
        self.comparisons += 1

    def compare_memory(self) -> None:
        """Read all of the sample memory."""
        words = len(self.model.memory)
        for start in range(0, words, MEMORY_READ_WORDS):
            count = min(MEMORY_READ_WORDS, words - start)
            self._ask(MemoryRequest.MEMORY_READ, struct.pack("<IH", start, count))

    def compare_weights(self) -> None:
        """Read all weights, those of lanes that are no unit included."""
        data = self._registers["WEIGHT_DATA"].address
        for layer in self._config.weight_layers:
            for name, value in self._registers.window(layer).items():
                self._write(name, value)
            left = layer.rows * layer.row_lanes
            while left:
                self._ask(Request.READ, bytes((data, min(WORDS, left))))
                left -= min(WORDS, left)

    def _write(self, name: str, *values: int) -> None:
        words = b"".join((value & 0xFFFF_FFFF).to_bytes(4, "little") for value in values)
        self._ask(Request.WRITE, bytes((self._registers[name].address,)) + words)

    def _ask(self, kind: Request | MemoryRequest, body: bytes = b"") -> None:
        self.tell(Frame((self.model.sequence + 1) % 256, kind, body))


def kind_of(request: Frame) -> str:
    """Return the name of a request's kind."""
    names: dict[int, str] = {kind.value: kind.name for kind in (*Request, *MemoryRequest)}
    return names.get(request.kind, "unknown kind")


def random_request(config: NetworkConfig, random: Random, last: int, contents: MemoryContents | None = None) -> Frame:
    """Draw a request: mostly the next one, of a kind that there is, with a body that the kind may have or may not.

    Parameters
    ----------
    config : NetworkConfig
    random : Random
    last : int
        Sequence of the last request that was taken.
    contents : MemoryContents, optional
        Of the device's sample memory, if it has one: a part of the requests are then of it.
    """
    kind: int = random.choice(
        [Request.READ] * 4
        + [Request.WRITE] * 5
        + [Request.SAMPLES] * 6
        + [Request.RESULTS, Request.RESULTS, Request.LINK, Request.CHECKSUM, Request.HELLO, random.randrange(256)]
    )
    sequence = (last + random.choice([1] * 20 + [0, random.randrange(256)])) % 256
    if contents and random.random() < 0.5:
        kind = random.choice([*MemoryRequest, *[MemoryRequest.RUN, MemoryRequest.MEMORY_WRITE] * 3])
        body = contents.random_body(kind)
    else:
        body = random_body(config, kind, random)
    if random.random() < 0.05:
        # A byte too many, or too few.
        body = body + random.randbytes(1) if random.random() < 0.5 else body[:-1]
    return Frame(sequence, kind, body)


class MemoryContents:
    """What random requests lay into a sample memory: records in a quarter of it, orders in the next, results behind.

    So what a run reads is not what it writes.

    Parameters
    ----------
    config : NetworkConfig
    random : Random
    words : int
        Of the memory, at least 1,024.
    frame_bytes : int
        Most bytes of a frame.
    """

    def __init__(self, config: NetworkConfig, random: Random, words: int, frame_bytes: int) -> None:
        self._config, self._random, self._words = config, random, words
        self._most_written = min(memory_write_words(frame_bytes), words // 2 - 1)
        room = longest_record(config) + longest_record(config) % 2
        # The last is as near to the memory's end as it can be: what its length says is beyond it now and then.
        self._places = [*range(0, words // 4 - room + 1, room), words - 4]
        self._orders = range(words // 4, words // 2)
        self._samples = load_dataset("random", config, random.getrandbits(31))

    def fill(self) -> Iterator[bytes]:
        """Give bodies of ``MEMORY_WRITE`` that fill the half that runs read: records, and orders of them."""
        half = np.zeros(self._words // 2, dtype=np.uint16)
        for place in self._places[:-1]:
            words = self._record(place)
            half[place : place + len(words)] = words
        entries = self._entries(self._orders.start, len(self._orders) // 2)
        half[self._orders.start :] = entries
        for start in range(0, len(half), self._most_written):
            yield _write_body(start, half[start : start + self._most_written])

    def random_body(self, kind: int) -> bytes:
        """Draw a body that a kind may have, or may not."""
        random, words = self._random, self._words
        if random.random() < 0.02:
            return random.randbytes(random.choice([1, 3, 4, 5, 6, 7, 12, 14, 18, 20, 49, 300]))
        if kind == MemoryRequest.MEMORY_READ:
            count = random.choice([0, 1, 2, 9, 40, MEMORY_READ_WORDS, MEMORY_READ_WORDS + 1, 256])
            start = random.choice([random.randrange(words), words - count, words - count + 1, 1 << 24, 1 << 31])
            return struct.pack("<IH", max(0, start), count)
        if kind == MemoryRequest.MEMORY_WRITE:
            return self._random_write()
        if kind == MemoryRequest.RUN:
            return self._random_run()
        return b""

    def _random_write(self) -> bytes:
        random = self._random
        place = random.choice(self._places)
        order = 2 * random.randrange(self._orders.start // 2, self._orders.stop // 2)
        written = random.choice(["record", "record", "order", "order", "order", "damage", "words", "beyond"])
        if written == "record":
            return _write_body(place, self._record(place)[: self._words - place])
        if written == "order":
            return _write_body(order, self._entries(order, min(random.randint(1, 6), (self._orders.stop - order) // 2)))
        if written == "damage":
            # A word of a record, or of an entry.
            where = min(random.choice([place, place, order]) + random.randrange(4), self._words - 1)
            return _write_body(where, np.array([random.choice([0, 1, 3, 8, 0xFFFF, random.getrandbits(16)])]))
        count = random.choice([0, 1, 2, 9, self._most_written]) if random.random() < 0.2 else random.randint(1, 5)
        start = random.randrange(self._words // 2, self._words - count)
        if written == "beyond":
            start = random.choice([self._words - count + 1, self._words, 1 << 24, 1 << 31])
        return _write_body(start, np.array([random.getrandbits(16) for _ in range(count)], dtype=np.uint16))

    def _random_run(self) -> bytes:
        random, words = self._random, self._words
        samples = random.choice([0, 1, 1, 2, 3, 5])
        order = 2 * random.randrange(self._orders.start // 2, self._orders.stop // 2 - samples + 1)
        kept = 2 * random.randrange(words // 4, (words - 4) // 2 - samples + 1)
        flags = random.choice([*range(4), *range(4), *range(4), 4, 6, 8, 0x83])
        if random.random() < 0.1:
            order, kept, samples = random.choice(
                [
                    (order + 1, kept, samples),
                    (order, kept + 1, samples),
                    (order, words, samples + 1),
                    (order, words - 2 * samples + 2, samples),
                    (order, kept, 1 << 23),
                    (order, kept, (1 << 31) + 1),
                    (1 << 31, 0, 1),
                ]
            )
        registers = RegisterMap(self._config)
        writes = b""
        for _ in range(random.choice([0, 0, 0, 1, 1, 2, RUN_WRITES, RUN_WRITES + 1])):
            name = random.choice(["RATE_1", "CONTROL", "SEED_LOW", *registers.registers])
            address = random.choice([registers[name].address] * 60 + [len(registers.registers), 255])
            writes += struct.pack("<BI", address, _random_value(self._config, name, random))
        return struct.pack("<IIIB", samples, order, kept, flags) + writes

    def _record(self, place: int) -> NDArray[np.uint16]:
        """Return the record of a new sample, which is damaged now and then."""
        dataset, number = self._samples, self._random.randrange(len(self._samples.train_labels))
        values, labels = dataset.train_values[number : number + 1], dataset.train_labels[number : number + 1]
        words = pack_records(self._config, values, labels, place).words
        if self._random.random() < 0.1:
            words[self._random.randrange(len(words))] ^= 1 << self._random.randrange(16)
        return words

    def _entries(self, place: int, count: int) -> NDArray[np.uint16]:
        """Return entries of an order: of records, now and then of what is none, or damaged."""
        random = self._random
        anywhere = [1, self._words, self._words - 2, (1 << 24) - 1]
        chosen = [random.choice(self._places if random.random() < 0.95 else anywhere) for _ in range(count)]
        words = pack_order(np.array(chosen, dtype=np.int64), place)
        if count and random.random() < 0.2:
            words[random.randrange(len(words))] ^= 1 << random.randrange(16)
        return words


def _write_body(address: int, words: NDArray[np.uint16]) -> bytes:
    return struct.pack("<I", address) + words.astype("<u2").tobytes()


def random_body(config: NetworkConfig, kind: int, random: Random) -> bytes:
    """Draw a body that a kind may have, or may not."""
    registers, long = RegisterMap(config), random.random() < _LONG
    names = list(registers.registers)
    if random.random() < 0.02:
        return random.randbytes(random.choice([0, 1, 2, 3, 4, 5, 8, 9, 20, 300]))
    if kind == Request.READ:
        address = random.choice([random.randrange(len(names)), registers["WEIGHT_DATA"].address])
        count = random.choice([WORDS, WORDS + 1]) if long else random.choice([0, 1, 1, 1, 2, 2, 3, 5, 9])
        return bytes((random.choice([address] * 30 + [len(names), random.randrange(256)]), count))
    if kind == Request.CHECKSUM:
        address = random.choice([random.randrange(len(names)), *[registers["WEIGHT_DATA"].address] * 3])
        count = random.choice([256, 257, 3000]) if long else random.choice([1, 2, 9, 40])
        return struct.pack("<BH", random.choice([address] * 30 + [len(names), random.randrange(256)]), count)
    if kind == Request.WRITE:
        name = random.choice([random.choice(names), "WEIGHT_DATA", random.choice(names)])
        count = random.choice([WORDS, WORDS + 1]) if long else random.choice([1, 1, 1, 2, 3, 6])
        values = (_random_value(config, name, random) for _ in range(count))
        address = random.choice([registers[name].address] * 30 + [len(names), random.randrange(256)])
        return bytes((address,)) + b"".join(value.to_bytes(4, "little") for value in values)
    if kind == Request.SAMPLES:
        if long and random.random() < 0.25:
            # As long as a part can be.
            return random.randrange(config.layers[-1]).to_bytes(2, "little") + b"\xfb\1" + random.randbytes(2 * 507)
        count = random.choice([PARTS - 1, PARTS, PARTS + 1]) if long else random.choice([0, 1, 1, 1, 2, 2, 3, 5])
        return b"".join(_random_parts(config, random, count))
    return random.randbytes(random.choice([0] * 20 + [7]))


def _random_value(config: NetworkConfig, name: str, random: Random) -> int:
    """Draw what is written to a register: of the window, mostly what there is; of all, now and then what there is not.

    Control is a matter of its lowest bits, and of the others now and then.
    """
    anything = random.choice(
        [0, 1, 256, 257, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, *(random.getrandbits(32) for _ in range(8))]
    )
    most = {
        "CONTROL": 3,
        "WEIGHT_LAYER": config.depth + 1,
        "WEIGHT_ROW": max(layer.rows for layer in config.weight_layers),
        "WEIGHT_WORD": max(layer.fold for layer in config.weight_layers),
        "WEIGHT_LANE": max(layer.lanes for layer in config.weight_layers),
    }
    kind = RegisterMap(config)[name].kind
    if kind is RegisterKind.RATE:
        return random.choice([random.randrange(257), 256, anything])
    if kind is RegisterKind.WEIGHT:
        return random.choice([random.getrandbits(32), config.weight_max, config.weight_min & 0xFFFF_FFFF])
    return random.choice([random.randint(0, most[name])] * 5 + [anything]) if name in most else anything


def _random_parts(config: NetworkConfig, random: Random, count: int) -> Iterator[bytes]:
    """Draw lists, and parts of them: of any length, with steps of 0 and beyond the inputs, and labels of no class."""
    inputs, classes = config.layers[0], config.layers[-1]
    for _ in range(count):
        label = random.choice([random.randrange(classes)] * 60 + [classes, random.getrandbits(14)])
        flags = label | random.choice([0, 0, 0, 1]) << 14 | random.choice([0, 1, 1]) << 15
        size = (
            random.choice([0, 1, 2, inputs // 2, inputs, inputs + 3]) if count < PARTS // 2 else random.choice([0, 1])
        )
        size = min(size, 400 // count)
        steps = random.choice([(1, 1), (1, 2), (0, 3), (0, 255), (1, max(1, min(255, inputs // (size + 1))))])
        entries = bytes(
            byte
            for _ in range(size)
            for byte in (
                random.randint(*steps),
                random.choice([0, 1, 255, random.randrange(256), random.randrange(256)]),
            )
        )
        stated = random.choice([size] * 60 + [size + 1, random.getrandbits(16)])
        yield flags.to_bytes(2, "little") + stated.to_bytes(2, "little") + entries
