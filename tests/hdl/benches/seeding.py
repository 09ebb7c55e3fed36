"""Bench of `backspike.hdl.seeding.LfsrSeeder` against `backspike.model.seeding.lfsr_seeds`."""

from __future__ import annotations

from typing import Any

from backspike.config import NetworkConfig
from backspike.hdl.seeding import INPUT_GROUP, bias_group, units_group
from backspike.model.lfsr import SEEDING_POLYNOMIALS
from backspike.model.seeding import LfsrMap, lfsr_seeds, seeding_start

from .bench import Bench

SEEDS = 4


class LfsrSeederBench(Bench):
    """The job has ``config``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.leap = self.config.lfsr_bits // 8

    async def run(self) -> None:
        """Seed some times, from seeds and from states of a byte or none; before the first, the seeder waits for it."""
        unit = self.unit
        for _ in range(self.random.randrange(9)):
            await unit.edge
            assert (unit.get("busy"), unit.get("o")["valid"]) == (1, 0), "after the reset it waits for a seed"
        config, count = self.config, LfsrMap(self.config).count
        seeds = [self.random.randint(1, 2**32 - 1) for _ in range(SEEDS - 1)]
        drawn = [
            (seeding_start(seed, config.lfsr_bits), lfsr_seeds(seed, count, config.lfsr_bits).tolist())
            for seed in seeds
        ]
        few = [self.random.randrange(1, 256) << 8 * byte for byte in (0, self.leap - 1)]
        # Of zero also after seeds, of which nothing may be left.
        given = [(state, _leaps(state or 1, count, config.lfsr_bits)) for state in (0, *few, 0)]
        for first, states in [given[0], *drawn, *given[1:]]:
            await self._seed(first, states)
            for _ in range(self.random.choice([0, 1, 20])):
                await unit.edge
                assert unit.get("busy") == 0, "busy after the last LFSR"
                assert unit.get("o")["valid"] == 0, "an LFSR more than there are"

    async def _seed(self, first: int, states: list[int]) -> None:
        """Give the first state, byte by byte, and compare all LFSRs: each state, its place, and its clock."""
        unit = self.unit
        where = f"first state {first:#x}"
        for byte in range(self.leap):
            unit.put(load=1, byte=first >> 8 * byte & 0xFF)
            await unit.edge
            unit.put(load=0, byte=self.random.getrandbits(8))
            for _ in range(self.random.choice([0, 0, 1, 5]) if byte < self.leap - 1 else 0):
                await unit.edge
                assert (unit.get("busy"), unit.get("o")["valid"]) == (1, 0), f"{where}: not all bytes have come"
        late = 1
        for number, (place, state) in enumerate(zip(self._places(), states, strict=True)):
            for _ in range(self.leap + late - 1):
                await unit.edge
                assert (unit.get("busy"), unit.get("o")["valid"]) == (1, 0), f"{where}: LFSR {number} is early"
            late = 0
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
            width = layer.unit_width
            places += [(units_group(layer), *divmod(unit, width)) for unit in range(layer.units)]
            places.append((bias_group(layer), 0, 0))
        return places


def _leaps(state: int, count: int, width: int) -> list[int]:
    """Return states of the seeding register, each a leap over its width after the one before, bit by bit."""
    states = []
    for _ in range(count):
        for _ in range(width):
            fresh = sum(state >> exponent for exponent in SEEDING_POLYNOMIALS[width]) & 1
            state = state >> 1 | fresh << (width - 1)
        states.append(state)
    return states
