"""Bench of `backspike.hdl.lfsr.LeapForwardLfsr` against `backspike.model.lfsr.leap`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backspike.model.lfsr import leap

from .bench import Bench

CLOCKS = 400


class LfsrBench(Bench):
    """What both tests know; the job has ``width``, ``steps`` and ``exponents``."""

    def following(self, states: Sequence[int]) -> list[int]:
        """Return the model's next state of each."""
        job = self.job
        array = np.array(states, dtype=np.uint64)
        following: list[int] = leap(array, job["steps"], job["width"], tuple(job["exponents"])).tolist()
        return following


class RandomSteps(LfsrBench):
    """Random inputs in every cycle."""

    async def run(self) -> None:
        """Compare the state in every cycle, from the reset on."""
        state = 1
        for clock in range(CLOCKS):
            enable, load = int(not self.one_in(4)), int(self.one_in(12))
            seed = 0 if self.one_in(3) else self.random.getrandbits(self.job["width"])
            self.unit.put(enable=enable, load=load, seed=seed)
            await self.unit.edge
            got = self.unit.get("state")
            assert got == state, f"clock {clock}: expected state {state:#x}, got {got:#x}"
            if load:
                state = seed
            elif enable:
                (state,) = self.following([state])


class WholePeriod(LfsrBench):
    """A leap per cycle until the first state comes round."""

    async def run(self) -> None:
        """Compare each state with the model; all are different, and none is zero."""
        period = (1 << self.job["width"]) - 1
        self.unit.put(enable=1)
        states = []
        for _ in range(period + 1):
            await self.unit.edge
            states.append(self.unit.get("state"))
        for clock, (got, expected) in enumerate(zip(states, [1, *self.following(states[:-1])], strict=True)):
            assert got == expected, f"clock {clock}: expected state {expected:#x}, got {got:#x}"
        assert states[-1] == 1, "the period does not end where it began"
        assert len(set(states)) == period, f"{len(set(states))} different states instead of {period}"
        assert 0 not in states
