"""Bench of `backspike.hdl.wins`."""

from __future__ import annotations

from typing import Any

from .bench import Bench


class WinCounterBench(Bench):
    """The job has ``ticks``, ``units`` and ``samples``."""

    async def run(self) -> None:
        """Have samples won by any units, and their results taken at any time, in a clock that is computed here."""
        unit, units = self.unit, self.job["units"]
        results: list[dict[str, Any]] = []
        taking = self.start(self._take(results))
        for sample in range(self.job["samples"]):
            # Now and then all ticks are one unit's, as many as there may be.
            winners = [self.random.randrange(units) for _ in range(self.random.randint(0, self.job["ticks"]))]
            if self.one_in(3):
                winners = [self.random.randrange(units)] * self.job["ticks"]
            unit.put(begin=1)
            await unit.edge
            unit.put(begin=0)
            for winner in winners:
                await self._pause()
                unit.put(won=1, winner=winner)
                await unit.edge
                unit.put(won=0)
                await unit.edge
            if not winners:
                await unit.edge
            unit.put(ending=1)
            await unit.edge
            assert not unit.get("ended"), f"sample {sample}: its result is there before it is counted"
            assert not unit.get("waiting"), f"sample {sample}: it waits before it is counted"
            while True:
                await unit.edge
                free = not unit.get("results__valid") or unit.get("results__ready")
                assert unit.get("ended") == free, f"sample {sample}: ended is not {free}, as the result before says"
                assert unit.get("waiting") == (not free), f"sample {sample}: waiting is not {not free}"
                if free:
                    break
            wins = [winners.count(each) for each in range(units)]
            results.append({"winner": wins.index(max(wins)), "wins": wins, "most": max(wins)})
            unit.put(ending=0)
            await self._pause()
        await taking

    async def _pause(self) -> None:
        if self.one_in(2):
            await self.clocks(self.random.randint(1, 4))

    async def _take(self, results: list[dict[str, Any]]) -> None:
        """Take results, each as it was first offered, and no more of them."""
        unit = self.unit
        for number in range(self.job["samples"]):
            stall = self.random.choice([0, 0, 1, 30])
            while True:
                ready = int(stall == 0)
                unit.put(results__ready=ready)
                await unit.edge
                assert not unit.get("results__valid") or len(results) > number, "a result of no sample"
                if unit.get("results__valid"):
                    got = unit.get("results__payload")
                    assert got == results[number], f"result {number}: expected {results[number]}, got {got}"
                    if ready:
                        break
                    stall -= 1
        unit.put(results__ready=0)
        await unit.edge
        assert not unit.get("results__valid"), "a result more than there are samples"
