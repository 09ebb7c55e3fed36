"""Bench of `backspike.hdl.board.BoardTop`: requests on the line, good and bad, against protocol and golden model."""

from __future__ import annotations

import struct
from itertools import groupby
from typing import Any

import numpy as np
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, Timer
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.samples import pack_samples, unpack_results
from backspike.fpga.link.serial_transport import decode_line, encode_line
from backspike.layers import WeightLayer
from backspike.link import ANSWER, PARTS, WORDS, LinkEvent, Request, Status, greeting
from backspike.model import Network, Sample
from backspike.registers import IDENTITY, RegisterMap, window_weights, window_words
from backspike.sim.exercise import lively_weights
from backspike.sim.streams import CLOCK_PERIOD, within

from .bench import Bench, random_samples

PATIENCE = 200_000


class LinkBench(Bench):
    """The job has ``config``, ``divisor`` and ``rounds``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.bit = self.idle_line()
        self.registers = RegisterMap(self.config)
        self._lists_per_sample = 1 if self.config.input == "rate" else self.config.ticks
        self.sequence = self.random.randrange(256)
        self.counted = dict.fromkeys(LinkEvent, 0)
        self.wins: list[tuple[int, int]] = []
        self.expected: list[tuple[int, int]] = []
        self.answers: Queue[Frame] = Queue()

    async def run(self) -> None:
        """Refuse everything before the first HELLO; then train in rounds; then compare all weights."""
        self.start(self._listen())
        await self.refuse(LinkEvent.ORDER, encode_line(Frame(self.sequence, Request.READ, bytes((0, 1)))))
        await self.hello()
        assert (await self.read("IDENTITY"), await self.read("CONFIG_HASH")) == (
            IDENTITY,
            int(self.config.hash[:8], 16),
        )
        seed = self.random.getrandbits(32)
        weights, samples = lively_weights(self.config, seed), random_samples(self.config, seed)
        for layer, matrix in enumerate(weights, start=1):
            await self.write_weights(layer, matrix)
        model = Network(self.config, weights)
        kinds = [
            self.refuse_damaged,
            self.refuse_short_or_long,
            self.refuse_order,
            self.repeat,
            self.interrupt,
            self.refuse_body,
            self.unknown_registers,
        ]
        self.random.shuffle(kinds)
        for number in range(self.job["rounds"]):
            await kinds[number % len(kinds)]()
            await self.show(model, [self._some(next(samples)) for _ in range(self.random.randint(1, 5))])
            if number == self.job["rounds"] // 2:
                # LFSRs and rates begin anew, weights stay.
                await self.collect()
                await self.hello()
                model = Network(self.config, model.weights)
        await self.collect()
        for layer, matrix in enumerate(model.weights, start=1):
            got = await self.read_weights(layer)
            assert (got == matrix).all(), f"weights of layer {layer}: expected {matrix.tolist()}, got {got.tolist()}"
        for name, value in (("SAMPLES", model.counters.samples), ("TICKS", model.counters.ticks)):
            got_count = await self.read(name)
            assert got_count == value, f"{name}: expected {value}, got {got_count}"
        await self.compare_counters()
        assert self.answers.empty(), "an answer that nobody asked for"

    # -- good requests ----------------------------------------------------------------------------------------

    async def ask(self, kind: int, body: bytes = b"", status: Status = Status.DONE) -> bytes:
        """Send the next request; return its answer's body after the status, which is as expected."""
        self.sequence = (self.sequence + 1) % 256
        frame = Frame(self.sequence, kind, body)
        self.counted[LinkEvent.TAKEN] += 1
        await self.send(encode_line(frame))
        return self._check(frame, await self.hear(), status)

    async def hello(self) -> None:
        """Say hello, with any sequence."""
        self.sequence = self.random.randrange(256)
        assert await self.ask(Request.HELLO) == greeting()

    async def read(self, name: str, count: int = 1) -> int:
        """Read a register a few times; return what it held last."""
        answer = await self.ask(Request.READ, bytes((self.registers[name].address, count)))
        assert len(answer) == 4 * count
        return int(struct.unpack_from("<I", answer, 4 * count - 4)[0])

    async def write(self, name: str, *values: int) -> None:
        """Write values to a register."""
        body = bytes((self.registers[name].address,)) + struct.pack(f"<{len(values)}i", *values)
        assert await self.ask(Request.WRITE, body) == b""

    async def write_weights(self, number: int, weights: NDArray[np.int64]) -> None:
        """Load a layer's weights, a random number in a frame."""
        layer = self.config.weight_layer(number)
        values = window_words(layer, weights).tolist()
        await self._open_window(layer)
        while values:
            size = self.random.randint(1, WORDS)
            await self.write("WEIGHT_DATA", *values[:size])
            values = values[size:]

    async def read_weights(self, number: int) -> NDArray[np.int64]:
        """Read a layer's weights."""
        layer = self.config.weight_layer(number)
        size = layer.rows * layer.row_lanes
        await self._open_window(layer)
        words, address = b"", self.registers["WEIGHT_DATA"].address
        while len(words) < 4 * size:
            left = size - len(words) // 4
            words += await self.ask(Request.READ, bytes((address, min(WORDS, left))))
        return window_weights(layer, np.frombuffer(words, dtype="<u4"))

    async def show(self, model: Network, samples: list[Sample]) -> None:
        """Show samples to device and model."""
        for sample in samples:
            found = model.run(sample)
            self.expected.append((found.winner, int(found.wins[found.winner])))
        values, labels = np.array([sample.values for sample in samples]), np.array([sample.label for sample in samples])
        learn = np.array([sample.learn for sample in samples])
        ended = 0
        for body in pack_samples(values, labels, learn, self.random.choice([6, 20, 200, 1018])):
            self._take_results(await self.ask(Request.SAMPLES, body.content))
            flags = _part_flags(body.content)
            ended += sum(not _goes_on(part) for part in flags)
            if self.one_in(3):
                await self.access_between(_goes_on(flags[-1]) or ended % self._lists_per_sample != 0)
        if self.one_in(2):
            # The network works on, and its results are not fetched: registers have to wait, but not for ever.
            await self.write("CONTROL", 0)

    async def access_between(self, mid_sample: bool) -> None:
        """Access registers between two frames of samples: refused if a sample is not whole."""
        status = Status.MID_SAMPLE if mid_sample else Status.DONE
        await self.ask(Request.READ, bytes((self.registers["STATUS"].address, 1)), status)
        await self.ask(Request.WRITE, bytes((self.registers["CONTROL"].address, 0, 0, 0, 0)), status)

    async def collect(self) -> None:
        """Fetch the results that are missing, and compare all of them."""
        for _ in range(PATIENCE // 100):
            self._take_results(await self.ask(Request.RESULTS))
            if len(self.wins) >= len(self.expected):
                break
        for number, (expected, got) in enumerate(zip(self.expected, self.wins, strict=True)):
            assert got == expected, f"sample {number}: expected winner and wins {expected}, got {got}"

    # -- bad ones ---------------------------------------------------------------------------------------------

    async def refuse(self, event: LinkEvent, line: bytes) -> None:
        """Send bytes that are to be refused, and counted as `event`."""
        self.counted[event] += 1
        await self.send(line)
        await Timer(60 * self.bit, "ns")
        assert self.answers.empty(), f"an answer to {line.hex()}, which is to be refused as {event.name}"

    async def refuse_damaged(self) -> None:
        """Flip bits of a frame, lose a byte of it or double one."""
        for _ in range(4):
            frame = Frame((self.sequence + 1) % 256, Request.WRITE, self._some_write())
            line = bytearray(encode_line(frame)[:-1])
            place = self.random.randrange(len(line))
            damage = self.random.randrange(3)
            if damage == 0:
                # Not to a 0, which would make two frames of one.
                line[place] ^= self.random.choice([bit for bit in range(1, 256) if bit != line[place]])
            elif damage == 1:
                del line[place]
            else:
                line.insert(place, line[place])
            await self.refuse(LinkEvent.DAMAGED, bytes(line) + b"\0")

    async def refuse_short_or_long(self) -> None:
        """Send too few bytes, or too many."""
        if self.one_in(3):
            content = bytes(1 + self.random.randrange(255) for _ in range(1025 + self.random.randrange(30)))
            line = b"".join(
                bytes((len(content[start : start + 254]) + 1,)) + content[start : start + 254]
                for start in range(0, len(content), 254)
            )
            await self.refuse(LinkEvent.LONG, line + b"\0")
        else:
            size = self.random.randrange(6)
            line = bytes((size + 1,)) + bytes(1 + self.random.randrange(255) for _ in range(size))
            await self.refuse(LinkEvent.SHORT, line + b"\0")

    async def refuse_order(self) -> None:
        """Send whole frames that are neither the next nor the last."""
        for _ in range(3):
            sequence = (self.sequence + self.random.randint(2, 255)) % 256
            kind = self.random.choice([kind for kind in range(256) if kind != Request.HELLO])
            await self.refuse(LinkEvent.ORDER, encode_line(Frame(sequence, kind, self._some_write())))

    async def repeat(self) -> None:
        """Send a request again: its answer comes again, and nothing is done twice."""
        for layer in self.config.weight_layers:
            await self.write(f"RATE_{layer.number}", layer.rate)
        await self._open_window(self.config.weight_layer(1))
        before = await self.read("WEIGHT_DATA")
        frame = Frame(self.sequence, Request.READ, bytes((self.registers["WEIGHT_DATA"].address, 1)))
        for _ in range(2):
            self.counted[LinkEvent.REPEATED] += 1
            await self.send(b"\0" * self.random.randrange(3) + encode_line(frame))
            assert self._check(frame, await self.hear(), Status.DONE) == struct.pack("<I", before)
        place = (await self.read("WEIGHT_LANE"), await self.read("WEIGHT_WORD"), await self.read("WEIGHT_ROW"))
        first = self.config.weight_layer(1)
        moved = divmod(1, first.lanes)
        row, word = divmod(moved[0], first.fold)
        assert place == (moved[1], word, row), f"the window moved to {place}"

    async def interrupt(self) -> None:
        """Send bytes while a request is executed or answered."""
        self.sequence = (self.sequence + 1) % 256
        frame = Frame(self.sequence, Request.READ, bytes((self.registers["TICKS"].address, WORDS)))
        self.counted[LinkEvent.TAKEN] += 1
        await self.send(encode_line(frame))
        await Timer(self.random.randrange(400) * self.bit, "ns")
        other = Frame((self.sequence + 1) % 256, Request.WRITE, self._some_write())
        self.counted[LinkEvent.BUSY] += 1
        await self.send(encode_line(other))
        self._check(frame, await self.hear(), Status.DONE)
        await Timer(60 * self.bit, "ns")
        assert self.answers.empty(), "an answer to a frame that came too early"

    async def refuse_body(self) -> None:
        """Send kinds that there are not, and bodies that the kinds do not have."""
        unknown = self.random.choice([kind for kind in range(256) if kind not in list(Request)])
        await self.ask(unknown, b"", Status.UNKNOWN_KIND)
        data = self.registers["WEIGHT_DATA"].address
        entries, classes = bytes((1, 255, 1, 255)), self.config.layers[-1]
        part = struct.pack("<HH", 0, 2) + entries
        no_class = self.random.choice([classes, classes | 0x100, 0x3FFF, self.random.randint(classes, 0x3FFF)])
        # Learned or not, whole or going on; the last of 64 empty parts; but not told of a body that is not whole.
        lost = struct.pack("<HH", no_class | self.random.randrange(4) << 14, 2) + entries
        for body in (lost, part + lost, lost + part, struct.pack("<HH", 0x4000, 0) * (PARTS - 1) + lost):
            if self.one_in(3):
                await self.ask(Request.SAMPLES, body, Status.WRONG_LABEL)
        for kind, body in (
            (Request.HELLO, b"x"),
            (Request.RESULTS, b"x"),
            (Request.LINK, b"xy"),
            (Request.READ, b""),
            (Request.READ, bytes((data,))),
            (Request.READ, bytes((data, 0))),
            (Request.READ, bytes((data, WORDS + 1))),
            (Request.READ, bytes((data, 1, 1))),
            (Request.CHECKSUM, bytes((data, 1))),
            (Request.CHECKSUM, bytes((data, 1, 1, 1))),
            (Request.WRITE, b""),
            (Request.WRITE, bytes((data,))),
            (Request.WRITE, bytes((data, 1, 2, 3))),
            (Request.WRITE, bytes((data,)) + bytes(4 * WORDS + 4)),
            (Request.SAMPLES, b"\0\0\0"),
            (Request.SAMPLES, part[:-1]),
            (Request.SAMPLES, lost[:-1]),
            (Request.SAMPLES, lost + b"\0"),
            (Request.SAMPLES, part + b"\0"),
            (Request.SAMPLES, struct.pack("<HH", 0, 0xFFFF) + part),
            (Request.SAMPLES, struct.pack("<HH", 0x4000, 0) * (PARTS + 1)),
        ):
            if self.one_in(3):
                await self.ask(kind, body, Status.WRONG_BODY)

    async def unknown_registers(self) -> None:
        """Access registers that there are not."""
        for address in (len(self.registers.registers), self.random.randint(len(self.registers.registers), 255)):
            await self.ask(Request.READ, bytes((address, 1)), Status.WRONG_BODY)
            await self.ask(Request.CHECKSUM, bytes((address, 1, 0)), Status.WRONG_BODY)
            await self.ask(Request.WRITE, bytes((address, 1, 2, 3, 4)), Status.WRONG_BODY)

    async def compare_counters(self) -> None:
        """Compare what the link has counted."""
        answer = struct.unpack(f"<{len(LinkEvent)}H", await self.ask(Request.LINK))
        expected = tuple(self.counted[event] for event in LinkEvent)
        assert answer == expected, f"{[event.name for event in LinkEvent]}: expected {expected}, got {answer}"

    # -- the line ---------------------------------------------------------------------------------------------

    def idle_line(self) -> int:
        """Put what the host drives at rest; return how long a bit takes on the line, in nanoseconds."""
        self.unit.put(rx=1)
        bit: int = self.job["divisor"] * CLOCK_PERIOD
        return bit

    async def send(self, line: bytes) -> None:
        """Put bytes on the line, now and then with a gap."""
        for byte in line:
            for level, bits in groupby((0, *((byte >> bit) & 1 for bit in range(8)), 1)):
                self.unit.put(rx=level)
                await Timer(self.bit * len(list(bits)), "ns")
            if self.one_in(50):
                await Timer(self.random.randrange(1, 40) * CLOCK_PERIOD, "ns")

    async def hear(self) -> Frame:
        """Return the next frame that comes."""
        return await within(PATIENCE, self.answers.get(), f"no answer in {PATIENCE} cycles")

    async def _listen(self) -> None:
        """Take bytes off the line, and make frames of them."""
        tx, line = self.unit.tx, bytearray()
        while True:
            if int(tx.value):
                await FallingEdge(tx)
            await Timer(self.bit + self.bit // 2, "ns")
            byte = 0
            for bit in range(8):
                byte |= int(tx.value) << bit
                await Timer(self.bit, "ns")
            assert int(tx.value), f"byte {byte:#x} came without a stop bit"
            if byte:
                line.append(byte)
            else:
                self.answers.put_nowait(decode_line(bytes(line)))
                line.clear()

    def _check(self, request: Frame, answer: Frame, status: Status) -> bytes:
        got = (answer.sequence, answer.kind, answer.body[0])
        expected = (request.sequence, request.kind | ANSWER, status)
        assert got == expected, f"{request}: expected sequence, kind and status {expected}, got {got}"
        assert status == Status.DONE or len(answer.body) == 1, f"{request} was refused, but its answer has a body"
        return answer.body[1:]

    # -- what is sent -----------------------------------------------------------------------------------------

    def _take_results(self, body: bytes) -> None:
        self.wins += [(winner, wins) for winner, wins in unpack_results(body).tolist()]

    async def _open_window(self, layer: WeightLayer) -> None:
        for name, value in self.registers.window(layer).items():
            await self.write(name, value)

    def _some(self, sample: Sample) -> Sample:
        """Return a sample that is not learned, one in four times."""
        return Sample(sample.values, sample.label, not self.one_in(4))

    def _some_write(self) -> bytes:
        """Return a body that would change a weight."""
        return bytes((self.registers["WEIGHT_DATA"].address,)) + bytes(
            self.random.randrange(256) for _ in range(4 * self.random.randint(1, 6))
        )


def _goes_on(flags: int) -> bool:
    return bool(flags & 0x4000)


def _part_flags(body: bytes) -> list[int]:
    """Return the first two bytes of each part of a body of samples."""
    found, place = [], 0
    while place < len(body):
        flags, count = struct.unpack_from("<HH", body, place)
        found.append(flags)
        place += 4 + 2 * count
    return found
