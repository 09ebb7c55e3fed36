"""Bench of `backspike.hdl.strata` against `backspike.model.strata`."""

from __future__ import annotations

import numpy as np

from backspike.model.strata import ROUND_DIRECTIONS, TICK_DIRECTIONS, offsets

from .bench import Bench

SAMPLES = 4


class DrawStrataBench(Bench):
    """The job has ``ticks`` and ``rounds``."""

    async def run(self) -> None:
        """Show samples of lists of any length, and compare in every cycle."""
        for sample in range(SAMPLES):
            for _ in range(self.random.choice([1, 1, 5])):
                self.unit.put(fresh=1, restart=self.random.randrange(2), turned=self.random.randrange(2))
                await self.unit.edge
            rounds = self.random.choice([1, self.job["rounds"], self.random.randint(1, self.job["rounds"])])
            # A sample may end early.
            for tick in range(self.random.choice([self.job["ticks"], self.random.randint(1, self.job["ticks"])])):
                for turn in range(rounds):
                    await self._round(f"sample {sample}, tick {tick}, round {turn}", tick, turn, turn == rounds - 1)

    async def _round(self, where: str, tick: int, turn: int, last: bool) -> None:
        """Wait, perhaps, then let all LFSRs have had their turn, or the list end before or with it."""
        waits = self.random.choice([0, 0, 0, 1, 3])
        for wait in range(waits + 1):
            over = wait == waits
            self.unit.put(fresh=0, restart=int(over and last), turned=int(over and (not last or self.one_in(2))))
            await self.unit.edge
            # What was put is there from this edge on, and counts with the next one.
            got = self.unit.get("taking"), self.unit.get("offset")
            numbers = np.array(tick), np.array(turn)
            offset = offsets(numbers[0], TICK_DIRECTIONS) ^ offsets(numbers[1], ROUND_DIRECTIONS)
            expected = int(tick == 0 and turn == 0), int(offset)
            assert got == expected, f"{where}: expected taking and offset {expected}, got {got}"
