"""Bench of `backspike.hdl.seeding.LfsrSeeder` against `backspike.model.seeding.lfsr_seeds`."""

from __future__ import annotations

from typing import Any

from backspike.config import NetworkConfig
from backspike.hdl.seeding import INPUT_GROUP, bias_group, units_group
from backspike.model.seeding import LfsrMap, lfsr_seeds, seeding_start

from .bench import Bench

RESTARTS = 4


class LfsrSeederBench(Bench):
    """The job has ``config``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        # The first seeding begins with the first clock without reset: before `run` is called.
        self.first = self.start(self._after_reset())

    async def run(self) -> None:
        """Follow the first seeding, and some that are asked for."""
        await self.first
        unit, config = self.unit, self.config
        lfsrs = LfsrMap(config).count
        for _ in range(RESTARTS):
            stop = self.random.choice([lfsrs, self.random.randrange(lfsrs)])
            seed = self._start(stop < lfsrs)
            await self._follow(seed, stop)
            for _ in range(self.random.choice([0, 1, 9])):
                await unit.edge
                if stop == lfsrs:
                    self._idle()
        await self._follow(self._start(False), lfsrs)
        for _ in range(lfsrs + 20):
            await unit.edge
            self._idle()

    async def _after_reset(self) -> None:
        await self.unit.edge
        while self.unit.in_reset():
            await self.unit.edge
        await self._follow(self.config.seed, LfsrMap(self.config).count, loaded=True)

    def _start(self, again: bool) -> int:
        seed = self.random.randint(1, 2**32 - 1)
        self.unit.put(start=1, seed=seeding_start(seed, self.config.lfsr_bits))
        return seed

    def _idle(self) -> None:
        assert self.unit.get("busy") == 0, "busy after the last LFSR"
        assert self.unit.get("o")["valid"] == 0, "an LFSR more than there are"

    async def _follow(self, seed: int, stop: int, loaded: bool = False) -> None:
        """Compare the first `stop` LFSRs of a seeding; the register is loaded, or is in the cycle that starts now."""
        unit, config = self.unit, self.config
        if not loaded:
            await unit.edge
            # Garbage: it is not looked at any more.
            unit.put(start=0, seed=self.random.getrandbits(config.lfsr_bits))
        await unit.edge
        where = f"seed {seed}"
        assert (unit.get("busy"), unit.get("o")["valid"]) == (1, 0), f"{where}: expected one cycle ahead of the LFSRs"
        seeds = lfsr_seeds(seed, LfsrMap(config).count, config.lfsr_bits).tolist()
        for number, (place, state) in enumerate(zip(self._places(), seeds, strict=True)):
            if number == stop:
                return
            await unit.edge
            expected = {"valid": 1, **dict(zip(("group", "word", "lane"), place, strict=True)), "state": state}
            got = unit.get("o")
            assert got == expected, f"{where}, LFSR {number}: expected {expected}, got {got}"
            assert unit.get("busy") == 1, f"{where}, LFSR {number}: not busy"

    def _places(self) -> list[tuple[int, int, int]]:
        """Return group, word and lane of each LFSR, in the order of their numbers."""
        config = self.config
        width = config.input_lfsrs // config.input_turns
        places = [(INPUT_GROUP, *divmod(lfsr, width)) for lfsr in range(config.input_lfsrs)]
        for layer in config.weight_layers:
            # The output's race takes its units one by one.
            width = layer.unit_width if layer.hidden else 1
            places += [(units_group(layer), *divmod(unit, width)) for unit in range(layer.units)]
            places.append((bias_group(layer), 0, 0))
        return places
