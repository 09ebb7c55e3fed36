"""Bench of a memory, whatever it is made of (`backspike.hdl.memory.port`), beside a naive one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.lib import wiring
from amaranth.sim import Simulator

from backspike.sim.sdram import describe_violation

from .bench import Bench

PATIENCE = 3000
"""Clocks in which a burst is done, with all stalls: a memory that has not made ready by then, or hangs, fails."""


class MemoryBench(Bench):
    """Random bursts, which prefer borders and places that were written.

    The job has ``address_bits``; ``bursts``, how many; ``most``, the words of the longest; ``stalls``, the probability
    with which the user waits in a cycle, on each of the three streams; and ``borders``, powers of two at whose
    multiples something ends.
    """

    async def run(self) -> None:
        """Do bursts in a row, and compare all words that are read."""
        job, stalls = self.job, self.job["stalls"]
        bursts = self.driver("memory__burst", stalls)
        written = self.driver("memory__written", stalls)
        read = self.monitor("memory__read", stalls)
        await self.until("memory__ready", job["ready_within"])
        naive: dict[int, int] = {}
        requests, data, wanted = [], [], []
        for _ in range(job["bursts"]):
            address, count = self.place()
            write = self.one_in(2) or not naive
            if not write and self.one_in(2):
                address = min(self.random.choice(list(naive)), (1 << job["address_bits"]) - count)
            requests.append({"write": int(write), "address": address, "count": count})
            for place in range(address, address + count):
                if write:
                    naive[place] = self.random.getrandbits(16)
                    data.append(naive[place])
                else:
                    # A word that was never written is anything.
                    wanted.append((place, naive.get(place)))

        async def send() -> None:
            for request in requests:
                if self.one_in(8):
                    await self.clocks(1 + self.random.randrange(job["gap"]))
                await bursts.send(request)

        async def write() -> None:
            for word in data:
                await written.send(word)

        self.start(send())
        writing = self.start(write())
        for number, (place, word) in enumerate(wanted):
            got = await read.receive(PATIENCE)
            assert word is None or got == word, f"word {number} read, at {place}: expected {word:#06x}, got {got:#06x}"
        await self.unit.within(PATIENCE, _ended(writing), f"{len(data) - written.count} words were not written")
        await read.finish(200)
        await self.check()

    async def check(self) -> None:
        """Look at what else there is when all is done."""

    def place(self) -> tuple[int, int]:
        """Draw an address and a number of words, often across a border."""
        size, most = 1 << self.job["address_bits"], self.job["most"]
        count = self.random.choice([1, 2, 3, 1 + self.random.randrange(most), most])
        if self.one_in(2):
            border = self.random.choice(self.job["borders"])
            address = border * self.random.randrange(1, size // border) - self.random.randrange(count + 2)
        else:
            address = self.random.randrange(size)
        return max(0, min(address, size - count)), count


async def _ended(task) -> None:
    await task


class SdramBench(MemoryBench):
    """The same of a `backspike.sim.sdram.SimulatedSdram`, which has nothing to complain of."""

    async def check(self) -> None:
        """No time was too short, and what is made ready was made ready right."""
        complaint = describe_violation(self.unit.get("part__first"), self.unit.get("part__first_clock"))
        assert not complaint, complaint


def clocks_of_bursts(memory: wiring.Component, count: int, places: Sequence[int], write: int) -> int:
    """Return the cycles that bursts of so many words take, which follow each other without a wait of the user's.

    From the cycle in which the first is offered to that of the last word.
    """
    clocks = 0

    async def testbench(ctx: Any) -> None:
        nonlocal clocks
        port = memory.memory
        await ctx.tick().until(port.ready)
        ctx.set(port.read.ready, 1)
        ctx.set(port.written.valid, 1)
        ctx.set(port.burst.valid, 1)
        moved, left = 0, list(places)
        while moved < count * len(places):
            ctx.set(port.burst.valid, bool(left))
            if left:
                ctx.set(port.burst.payload, {"write": write, "address": left[0], "count": count})
            if left and ctx.get(port.burst.ready):
                left.pop(0)
            moved += ctx.get(port.written.ready if write else port.read.valid)
            clocks += 1
            assert clocks < 4 * (count + PATIENCE) * len(places), f"{moved} words in {clocks} cycles"
            await ctx.tick()

    simulate_testbench(memory, testbench)
    return clocks


def simulate_testbench(memory: wiring.Component, testbench: Any) -> None:
    """Run a testbench of Amaranth's at a memory."""
    simulator = Simulator(memory)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
