"""Bench of `backspike.hdl.wta.WinnerTakeAll` against `backspike.model.wta.WinnerTakeAll`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.hdl.seeding import bias_group, units_group
from backspike.hdl.timing import noise_cycles, race_cycles
from backspike.model.wta import WinnerTakeAll

from .bench import Bench

RACES = 60


class WinnerTakeAllBench(Bench):
    """The job has ``config``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.layer = layer = self.config.weight_layers[-1]
        self.units, self.fold, self.lanes = layer.units, layer.fold, layer.lanes
        self.drives: NDArray[np.int64] = np.zeros(self.units, dtype=np.int64)

    async def run(self) -> None:
        """Seed the units, and compare winner and errors of all races."""
        unit, config, layer = self.unit, self.config, self.layer
        seeds = [self.random.getrandbits(config.lfsr_bits) for _ in range(self.units)]
        for number, state in enumerate(seeds):
            for group in (bias_group(layer), units_group(layer)):
                word, lane = divmod(number, layer.unit_width)
                state_sent = state if group == units_group(layer) else self.random.getrandbits(config.lfsr_bits)
                unit.put(seeds={"valid": 1, "group": group, "word": word, "lane": lane, "state": state_sent})
                await unit.edge
        unit.put(seeds=dict.fromkeys(("valid", "group", "word", "lane", "state"), 0))
        model = WinnerTakeAll(config, np.array(seeds, dtype=np.uint64))
        self.drive_bits = unit.ports["drives"]["elements"]["width"]
        self.start(self._answer())
        labels = 1 << unit.ports["label"]["width"]
        for race in range(RACES):
            if self.one_in(8):
                unit.put(clear=1)
                await unit.edge
                unit.put(clear=0)
                await unit.edge
                model.clear()
                self._compare(race, "after clear", model)
            first = race == 0 or self.one_in(6)
            label = self.random.randrange(labels)
            learn = label < self.units and self.random.randrange(2)
            self.drives = self._draw()
            await self._race(race, first, label, int(learn))
            model.tick(self.drives, first, label, bool(learn))
            assert unit.get("winner") == model.winner, f"race {race}: expected winner {model.winner}"
            for _ in range(self.random.choice([0, 0, 1, 7])):
                await unit.edge
                self._compare(race, "later", model)

    def _draw(self) -> NDArray[np.int64]:
        """Draw drives: anywhere, close to each other, all the same, or at the extremes."""
        bits = self.drive_bits
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        spread = self.random.choice([0, 3, high])
        extremes = self.one_in(8)
        choices = [
            self.random.choice([low, high]) if extremes else self.random.randint(-spread, spread)
            for _ in "_" * self.units
        ]
        return np.array([min(max(choice, low), high) for choice in choices])

    async def _answer(self) -> None:
        """Give the drives of the word asked for, a cycle later, or at once if there is but one."""
        while True:
            asked = self.unit.get("word") if self.fold > 1 else 0
            word = self.drives[asked * self.lanes : (asked + 1) * self.lanes]
            # Lanes that no unit has must not win.
            padding = [(1 << (self.drive_bits - 1)) - 1] * (self.lanes - len(word))
            self.unit.put(drives=[*word, *padding])
            await self.unit.edge

    async def _race(self, race: int, first: bool, label: int, learn: int) -> None:
        """Draw, race, and check how long it takes; return after the clock of ``done``."""
        unit = self.unit
        unit.put(draw=1, first=int(first), label=label, learn=learn)
        await unit.edge
        drawn = self.now() + noise_cycles(self.layer)
        unit.put(draw=0)
        for _ in range(self.random.randrange(2 * self.units + 4)):
            await unit.edge
        unit.put(start=1)
        await unit.edge
        # The race begins when the drives and the last noise are there.
        begun = max(self.now(), drawn + 1)
        unit.put(start=0)
        await self.until("done", patience=2 * self.units + 20)
        took = self.now() - begun
        expected = race_cycles(self.layer)
        assert took == expected, f"race {race} of {self.units} units, {self.lanes} at a time, took {took} cycles"

    def _compare(self, race: int, when: str, model: WinnerTakeAll) -> None:
        unit = self.unit
        for name, flags in (("error_pos", model.error_pos), ("error_neg", model.error_neg)):
            expected = [int(flag) for flag in flags]
            got = [(unit.get(name) >> index) & 1 for index in range(self.units)]
            assert got == expected, f"race {race}, {when}: expected {name} {expected}, got {got}"
        error = int(model.error_pos.any())
        assert unit.get("error") == error, f"race {race}, {when}: expected error {error}"
        assert unit.get("winner") == model.winner, f"race {race}, {when}: expected winner {model.winner}"
        assert unit.get("done") == 0, f"race {race}, {when}: done again"
