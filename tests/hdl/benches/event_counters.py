"""Bench of `backspike.hdl.link.event_counters.EventCounters`."""

from __future__ import annotations

from .bench import Bench


class EventCountersBench(Bench):
    """The job has ``kinds`` and ``rounds``."""

    async def run(self) -> None:
        """Count in rounds, and compare all counters."""
        kinds = self.job["kinds"]
        counted = [0] * kinds
        for number in range(self.job["rounds"]):
            happening = self.random.getrandbits(kinds) & self.random.getrandbits(kinds) | 2
            self.unit.put(events=happening)
            await self.unit.edge
            self.unit.put(events=0)
            counted = [count + (happening >> kind & 1) for kind, count in enumerate(counted)]
            await self.clocks(5 * kinds)
            assert self.unit.get("idle"), f"round {number}: not counted in {5 * kinds} cycles"
            if number % 97 == 0 or number == self.job["rounds"] - 1:
                await self.compare(counted)

    async def compare(self, counted: list[int]) -> None:
        """Read all bytes, in any order."""
        self.unit.put(reading=1)
        got = [0] * len(counted)
        for address in self.random.sample(range(2 * len(counted)), 2 * len(counted)):
            self.unit.put(address=address)
            await self.unit.edge
            await self.unit.edge
            got[address // 2] |= self.unit.get("data") << 8 * (address % 2)
        self.unit.put(reading=0)
        expected = [count % 65_536 for count in counted]
        assert got == expected, f"expected {expected}, got {got}"
