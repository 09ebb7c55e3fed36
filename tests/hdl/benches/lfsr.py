"""Bench of `backspike.hdl.lfsr.LeapForwardLFSR` against `backspike.model.lfsr.leap`."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from backspike.model.lfsr import leap

from .variants import Bench, run_variants

CLOCKS = 400


@cocotb.test()
async def random_steps(dut: Any) -> None:
    """Leaps, loads and pauses in any order, a zero state among them: each is there in the next clock."""
    await run_variants(dut, RandomSteps)


@cocotb.test()
async def whole_period(dut: Any) -> None:
    """Every state of the register, once."""
    await run_variants(dut, WholePeriod)


class LfsrBench(Bench):
    """What both tests know; the job has ``width``, ``steps`` and ``exponents``."""

    def following(self, state: int) -> int:
        """Return the model's next state."""
        job = self.job
        return int(leap(np.array([state], dtype=np.uint64), job["steps"], job["width"], tuple(job["exponents"]))[0])


class RandomSteps(LfsrBench):
    """Random inputs in every clock."""

    async def run(self) -> None:
        """Compare the state in every clock, from the reset on."""
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
                state = self.following(state)


class WholePeriod(LfsrBench):
    """A leap a clock until the first state comes round."""

    async def run(self) -> None:
        """Compare each state with the model; all are different, and none is zero."""
        period = (1 << self.job["width"]) - 1
        self.unit.put(enable=1)
        state, seen = 1, set()
        for clock in range(period):
            await self.unit.edge
            got = self.unit.get("state")
            assert got == state, f"clock {clock}: expected state {state:#x}, got {got:#x}"
            seen.add(got)
            state = self.following(state)
        await self.unit.edge
        assert self.unit.get("state") == 1, "the period does not end where it began"
        assert len(seen) == period, f"{len(seen)} different states instead of {period}"
        assert 0 not in seen
