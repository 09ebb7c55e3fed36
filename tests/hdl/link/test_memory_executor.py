"""What requests of the sample memory do, at a memory that stalls and a table of runs that is kept by the bench."""

from __future__ import annotations

import struct
from random import Random

from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.link.memory_executor import MemoryExecutor
from backspike.hdl.memory.runs import NO_REGISTER
from backspike.link import MEMORY_READ_WORDS, RUNS, MemoryRequest
from backspike.model.records import longest_record

SEED = 20295
CONFIG = NetworkConfig(layers=(300, 4, 3), ticks=9)
BITS = 9
REQUESTS = 30
PLACE = 64
"""Bytes of a place: 48 of what a run does, 16 of what came of it."""


class Bench:
    """A request at one end, a memory and a table of runs at the other; what each cycle brings is drawn anew."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.executor = MemoryExecutor(CONFIG, BITS)
        self.memory = [self.random.getrandbits(16) for _ in range(1 << BITS)]
        self.table = bytearray(self.random.randbytes(RUNS * PLACE))
        self.number = self.random.randrange(256)
        self.unfinished = 0
        self.ready = 0
        # The probability with which each stream waits in a cycle, and that with which the player keeps the table.
        self.stalls = 0.0
        self.words: list[int] = []
        self.looked = 0
        self.granted = False

    def drive(self, ctx, body: bytes, place: int) -> None:
        """Put what this cycle brings."""
        executor, go = self.executor, lambda: self.random.random() >= self.stalls
        ctx.set(executor.ready, self.ready)
        ctx.set(executor.body.valid, place < len(body))
        # Behind the body's end are other bytes.
        ctx.set(executor.body.payload, body[place] if place < len(body) else self.random.randrange(256))
        ctx.set(executor.memory.store.ready, go())
        ctx.set(executor.memory.fetch.ready, go())
        offered = bool(self.words) and go()
        ctx.set(executor.memory.words.valid, offered)
        ctx.set(executor.memory.words.payload, self.words[0] if offered else self.random.getrandbits(16))
        runs = executor.runs
        ctx.set(runs.number, self.number)
        ctx.set(runs.unfinished, self.unfinished)
        ctx.set(runs.data, self.table[self.looked] if self.granted else self.random.randrange(256))
        ctx.set(runs.granted, 0)
        self.granted = bool(ctx.get(runs.lock)) and (self.granted or go())
        ctx.set(runs.granted, self.granted)

    def follow(self, ctx, last: bool) -> bool:
        """Do what this cycle asks of memory and table; return whether the body's byte is taken."""
        memory, runs = self.executor.memory, self.executor.runs
        if ctx.get(memory.store.valid) and ctx.get(memory.store.ready):
            self.memory[ctx.get(memory.store.p.address)] = ctx.get(memory.store.p.word)
        if ctx.get(memory.words.valid) and ctx.get(memory.words.ready):
            self.words.pop(0)
        if ctx.get(memory.fetch.valid) and ctx.get(memory.fetch.ready):
            address, count = ctx.get(memory.fetch.p.address), ctx.get(memory.fetch.p.count)
            assert 0 < count <= len(self.memory) - address, f"{count} words from {address} on"
            self.words += self.memory[address : address + count]
        self.looked = ctx.get(runs.address)
        if ctx.get(runs.write):
            assert self.granted, "a byte is written to a table that is the player's"
            self.table[self.looked] = ctx.get(runs.byte)
        if ctx.get(runs.append):
            assert last, "a run is put into the queue before it is whole"
            self.number = (self.number + 1) % 256
        return bool(ctx.get(self.executor.body.ready))

    async def ask(self, ctx, kind: MemoryRequest, body: bytes, limit: int) -> bytes:
        """Have a request executed in so many cycles at most, if nothing stalls; return its answer."""
        answer, place, cycles, done = bytearray(), 0, 0, False
        waits = limit if not self.stalls else 20 * limit
        ctx.set(self.executor.kind, kind)
        ctx.set(self.executor.start, 1)
        while not done:
            self.drive(ctx, body, place)
            done = bool(ctx.get(self.executor.done))
            if ctx.get(self.executor.answer.valid):
                answer.append(ctx.get(self.executor.answer.payload))
            place += self.follow(ctx, done)
            await ctx.tick()
            ctx.set(self.executor.start, 0)
            cycles += 1
            assert cycles <= waits, f"{kind.name}: not done after {waits} cycles"
        assert not self.words, f"{len(self.words)} words are left"
        for _ in range(self.random.choice([0, 0, 1, 5])):
            self.drive(ctx, b"", 0)
            for signal in (self.executor.done, self.executor.memory.store.valid, self.executor.runs.lock):
                assert not ctx.get(signal), f"{kind.name}: goes on when it is done"
            await ctx.tick()
        return bytes(answer)


async def say_size(bench: Bench, ctx) -> None:
    answer = await bench.ask(ctx, MemoryRequest.MEMORY, b"", 9)
    assert answer == struct.pack("<IHBB", 1 << BITS, longest_record(CONFIG), RUNS, bench.ready)


async def write(bench: Bench, ctx) -> None:
    count = bench.random.choice([1, 2, 30])
    address = bench.random.choice([0, 255, 256, (1 << BITS) - count])
    words = [bench.random.getrandbits(16) for _ in range(count)]
    expected = list(bench.memory)
    expected[address : address + count] = words
    body = struct.pack(f"<I{count}H", address, *words)
    assert await bench.ask(ctx, MemoryRequest.MEMORY_WRITE, body, 7 + 4 * count) == b""
    assert bench.memory == expected, f"{count} words at {address}, seed {SEED}"


async def read(bench: Bench, ctx) -> None:
    count = bench.random.choice([1, 2, 30, MEMORY_READ_WORDS])
    address = bench.random.choice([0, 255, (1 << BITS) - count])
    body = struct.pack("<IH", address, count)
    answer = await bench.ask(ctx, MemoryRequest.MEMORY_READ, body, 9 + 3 * count)
    assert answer == struct.pack(f"<{count}H", *bench.memory[address : address + count]), f"{count} words at {address}"


async def queue(bench: Bench, ctx) -> None:
    """The run, without register writes in its unused bytes, and counts of 0 in the place that its number has."""
    body = bench.random.randbytes(13 + 5 * bench.random.choice([0, 1, 7]))
    number, start = bench.number, PLACE * (bench.number % RUNS)
    expected = bench.table[:start] + body.ljust(48, bytes((NO_REGISTER,))) + bytes(16) + bench.table[start + PLACE :]
    assert await bench.ask(ctx, MemoryRequest.RUN, body, 68) == bytes((number,))
    assert bench.table == expected, f"run {number} of {len(body)} bytes, seed {SEED}"
    assert bench.number == (number + 1) % 256


async def tell(bench: Bench, ctx) -> None:
    bench.unfinished = bench.random.randrange(RUNS + 1)
    answer = await bench.ask(ctx, MemoryRequest.RUNS, b"", 134)
    assert answer[:2] == bytes((bench.number, bench.unfinished))
    counts = [bench.table[start + 48 : start + PLACE] for start in range(0, RUNS * PLACE, PLACE)]
    assert answer[2:] == b"".join(counts), f"seed {SEED}"


def test_requests_do_what_the_protocol_says() -> None:
    bench = Bench()

    async def host(ctx) -> None:
        kinds = [say_size, write, read, queue, tell]
        # Each of them with and without stalls, and after any other.
        for number, request in enumerate(bench.random.sample(REQUESTS // len(kinds) * kinds, REQUESTS)):
            bench.stalls, bench.ready = (0.0, 0.6)[number % 2], bench.random.randrange(2)
            await request(bench, ctx)

    simulator = Simulator(bench.executor)
    simulator.add_clock(1e-6)
    simulator.add_testbench(host)
    simulator.run()
