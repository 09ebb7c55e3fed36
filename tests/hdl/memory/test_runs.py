"""The table of runs: what the host writes comes byte for byte, and counts are sums, in the clocks that are promised."""

from __future__ import annotations

import struct
from random import Random

from amaranth.sim import Simulator

from backspike.hdl.memory.runs import COUNT_BYTES, RUN_BYTES, RunTable
from backspike.link import RUNS

SEED = 20302
PLACE = RUN_BYTES + COUNT_BYTES


class Bench:
    """Host and player of a table; the host's accesses are in between."""

    def __init__(self) -> None:
        self.ctx, self.random, self.table = None, Random(SEED), RunTable()
        self.unfinished = self.number = 0

    async def tick(self, **values: int) -> None:
        """Set strobes of the host's for a cycle."""
        for name, value in values.items():
            self.ctx.set(getattr(self.table.link, name), value)
        await self.ctx.tick()
        for name in values:
            self.ctx.set(getattr(self.table.link, name), 0)

    async def locked(self) -> None:
        """Keep the player off: no byte comes, and no result is counted, whatever it asks for."""
        self.ctx.set(self.table.link.lock, 1)
        for _ in range(self.random.choice([0, 3])):
            await self.ctx.tick()
        assert self.ctx.get(self.table.link.granted), "not granted at rest"

    async def write(self, place: int, content: bytes) -> None:
        await self.locked()
        for offset, byte in enumerate(content):
            await self.tick(address=place * PLACE + offset, byte=byte, write=1)
        self.ctx.set(self.table.link.lock, 0)

    async def read(self, place: int) -> bytes:
        await self.locked()
        got = []
        for offset in range(PLACE):
            await self.tick(address=place * PLACE + offset)
            got.append(self.ctx.get(self.table.link.data))
        self.ctx.set(self.table.link.lock, 0)
        return bytes(got)

    async def append(self, finish: int = 0) -> None:
        self.ctx.set(self.table.finish, finish)
        await self.tick(append=1)
        self.ctx.set(self.table.finish, 0)
        self.number, self.unfinished = (self.number + 1) % 256, self.unfinished + 1 - finish
        self.look()

    def look(self) -> None:
        link = self.table.link
        assert (self.ctx.get(link.number), self.ctx.get(link.unfinished)) == (self.number, self.unfinished)

    async def until(self, signal, other) -> int:
        """Return the cycles until a strobe; what the other way gives must not come before it."""
        cycles = 0
        while not self.ctx.get(signal):
            assert not self.ctx.get(other)
            assert cycles < 40, "it does not come"
            await self.ctx.tick()
            cycles += 1
        return cycles

    async def come(self, expected: bytes) -> None:
        """Want bytes."""
        table = self.table
        for byte in expected:
            self.ctx.set(table.wanted, 1)
            assert await self.until(table.came, table.counted.ready) == 1
            assert self.ctx.get(table.byte) == byte
            await self.ctx.tick()
            if self.random.random() < 0.5:
                self.ctx.set(table.wanted, 0)
                await self.ctx.tick()
                assert not self.ctx.get(table.came)
        self.ctx.set(table.wanted, 0)

    async def count(self, right: int, damaged: int, digest: int) -> None:
        """Give a result."""
        table = self.table
        self.ctx.set(table.counted.payload, {"right": right, "damaged": damaged, "digest": digest})
        self.ctx.set(table.counted.valid, 1)
        if self.random.random() < 0.5:
            # It waits for the host.
            self.ctx.set(table.link.lock, 1)
            for _ in range(3):
                await self.ctx.tick()
                assert not self.ctx.get(table.counted.ready)
            self.ctx.set(table.link.lock, 0)
        assert await self.until(table.counted.ready, table.came) == COUNT_BYTES
        assert not self.ctx.get(table.link.granted)
        await self.ctx.tick()
        self.ctx.set(table.counted.valid, 0)

    async def run(self, ctx) -> None:
        """Play more runs than there are places, with counts that are about to carry."""
        self.ctx, random, contents = ctx, self.random, {}
        for number in range(RUNS + 3):
            if number not in contents:
                for waiting in range(number, number + random.randint(1, 2)):
                    counts = [random.choice([0, 0xFF, 0xFFFE, 0xFFFFFF, random.getrandbits(31)]) for _ in range(4)]
                    contents[waiting] = random.randbytes(RUN_BYTES), counts
                    await self.write(waiting % RUNS, contents[waiting][0] + struct.pack("<4I", *counts))
                    await self.append()
            said, counts = contents[number]
            await self.come(said[: random.choice([1, 13, RUN_BYTES])])
            for _ in range(random.choice([1, 3])):
                right, damaged = random.choice([(0, 0), (1, 0), (0, 1)])
                digest = random.getrandbits(32)
                await self.count(right, damaged, digest)
                counts[:] = [counts[0] + 1, counts[1] + right, counts[2] + damaged, digest]
            if number % 3 == 2 and number + 1 not in contents:
                contents[number + 1] = random.randbytes(RUN_BYTES), [0, 0, 0, 0]
                await self.write((number + 1) % RUNS, contents[number + 1][0] + bytes(COUNT_BYTES))
                await self.append(finish=1)
            else:
                self.ctx.set(self.table.finish, 1)
                await self.ctx.tick()
                self.ctx.set(self.table.finish, 0)
                self.unfinished -= 1
                self.look()
            got = await self.read(number % RUNS)
            assert got[:RUN_BYTES] == said, f"run {number}, seed {SEED}"
            assert struct.unpack("<4I", got[RUN_BYTES:]) == tuple(counts), f"run {number}, seed {SEED}"


def test_runs_come_and_are_counted() -> None:
    bench = Bench()
    simulator = Simulator(bench.table)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.run)
    simulator.run()
    assert bench.number > RUNS
