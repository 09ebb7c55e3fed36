"""Benches of `backspike.hdl.sweep`: what it adds to its parts, whose own benches look at drives, errors and lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from backspike.config import PERMISSION_BITS, NetworkConfig
from backspike.hdl.seeding import bias_group
from backspike.model.lfsr import POLYNOMIALS, leap

from .bench import Bench, pack_flags

TICKS = 40
LIMIT = 200
"""Clocks that a tick takes at most."""


class FirstSweepBench(Bench):
    """Layer 1, of a row a word and one bank. The job has ``config``."""

    async def run(self) -> None:
        """Send lists, and look at the bias row's permission in each clock, and at what is counted."""
        config = NetworkConfig.from_dict(self.job["config"])
        layer, unit = config.weight_layer(1), self.unit
        assert (layer.fold, layer.banks) == (1, 1)
        state, one_port, changed = self._draw(config), layer.ports == 1, 0
        await self._seed(bias_group(layer), state)
        for tick in range(TICKS):
            if self.one_in(3):
                # Seeds of all groups pass by; only its own is for it.
                group, seed = self.random.randrange(2 * config.depth + 1), self._draw(config)
                await self._seed(group, seed)
                state = seed if group == bias_group(layer) else state
            rate, error = self.random.choice([0, 90, 200, 256]), self.random.getrandbits(1)
            signs = [self.random.choice([0, 1, -1]) for _ in range(layer.units)]
            positive, negative = (pack_flags(sign == wanted for sign in signs) for wanted in (1, -1))
            unit.put(start=1, rate=rate, error=error, error_pos=positive, error_neg=negative)
            await unit.edge
            unit.put(start=0)
            rows = [row for row in range(layer.inputs) if self.one_in(2)]
            totals = dict.fromkeys(("visited", "wrote", "reading", "writing"), 0)
            for row in [*rows, layer.inputs]:
                permit = self.random.getrandbits(1)
                bank = {"active": 1, "row": row, "spike": 1, "gate": 0, "permit": permit, "lane": 0}
                unit.put(visits__payload={"banks": [bank], "word": 0, "last": int(row == layer.inputs)})
                unit.put(visits__valid=1)
                changed += permit and error and any(signs)
                for _ in range(LIMIT):
                    await unit.edge
                    self._sum_up(totals)
                    expected = int((state & ((1 << PERMISSION_BITS) - 1)) < rate)
                    got = unit.get("bias_permit")
                    assert got == expected, f"tick {tick}, row {row}: bias permit: expected {expected}, got {got}"
                    assert unit.get("events__sweeping"), f"tick {tick}, row {row}: it does not sweep"
                    if unit.get("visits__ready"):
                        break
                    assert one_port, f"tick {tick}, row {row}: it waits, with a port for writing alone"
                    assert unit.get("events__writing"), f"tick {tick}, row {row}: it waits for nothing"
                else:
                    raise AssertionError(f"tick {tick}: row {row} was not taken")
            unit.put(visits__valid=self.random.getrandbits(1))
            state = self._leap(config, state)
            # What changes in this list is written by the end of the next one.
            for _ in range(8):
                await unit.edge
                self._sum_up(totals)
                assert not unit.get("events__sweeping"), f"tick {tick}: it sweeps after the bias row"
                assert not unit.get("visits__ready"), f"tick {tick}: a visit is taken after the bias row"
            unit.put(visits__valid=0)
            await unit.edge
            assert totals["visited"] == len(rows) + 1, f"tick {tick}: {totals} of {len(rows)} rows and the bias row"
            assert totals["reading"] == len(rows) + 1, f"tick {tick}: {totals} of {len(rows)} rows and the bias row"
            # Of two ports one is for writing alone.
            assert bool(totals["writing"]) <= one_port, f"tick {tick}: {totals} of {layer.ports} ports"
            assert one_port <= (totals["writing"] >= totals["wrote"]), f"tick {tick}: {totals} of one port"
            changed -= totals["wrote"]
        assert changed == 0, f"{changed} rows changed that nobody has counted"

    @staticmethod
    def _leap(config: NetworkConfig, state: int) -> int:
        states = np.array([state], dtype=np.uint64)
        return int(leap(states, PERMISSION_BITS, config.lfsr_bits, POLYNOMIALS[config.lfsr_bits])[0])

    def _draw(self, config: NetworkConfig) -> int:
        return self.random.randrange(1, 1 << config.lfsr_bits)

    async def _seed(self, group: int, state: int) -> None:
        self.unit.put(seeds={"valid": 1, "group": group, "word": 0, "lane": 0, "state": state})
        await self.unit.edge
        self.unit.put(seeds={"valid": 0, "group": group, "word": 0, "lane": 0, "state": self.random.getrandbits(8)})
        await self.unit.edge

    def _sum_up(self, totals: dict[str, int]) -> None:
        for name in totals:
            totals[name] += self.unit.get(f"events__{name}")


class LaterSweepBench(Bench):
    """A layer that scans the flags of the one below. The job has ``config``, ``layer`` and ``weights``."""

    async def run(self) -> None:
        """Compare drives and rows of ticks whose flags, or errors, change as they begin."""
        config = NetworkConfig.from_dict(self.job["config"])
        layer, unit = config.weight_layer(self.job["layer"]), self.unit
        weights, width = np.array(self.job["weights"]), layer.below.unit_width
        self.flags = np.zeros(layer.below.unit_fold * width, dtype=np.int64)
        self.start(self._show(width))
        starts: dict[int, set[int]] = {0: set(), 1: set()}
        for tick in range(TICKS):
            late = self.random.choice(["", "changing", "below__changing"])
            before, flags = self.flags, np.zeros_like(self.flags)
            flags[: layer.inputs] = [self.random.getrandbits(1) for _ in range(layer.inputs)]
            self.flags = before if late else flags
            await unit.edge
            unit.put(start=1, **({late: 1} if late else {}))
            await unit.edge
            unit.put(start=0, changing=0, below__changing=0)
            # They are there at the end of the next cycle.
            await unit.edge
            self.flags = flags
            visited, begins = 0, self.now()
            for _ in range(LIMIT):
                if unit.get("events__visited") and not visited and flags[0]:
                    starts[bool(late)].add(self.now() - begins)
                visited += unit.get("events__visited")
                if unit.get("swept"):
                    break
                await unit.edge
            else:
                raise AssertionError(f"tick {tick} ({late}): it is not swept")
            rows = int(flags.sum()) + 1
            assert visited == rows, f"tick {tick} ({late}): {rows} rows are to be visited, {visited} were"
            drives = flags[: layer.inputs] @ weights[:-1] + weights[-1]
            for word in range(layer.fold):
                unit.put(word=word)
                await unit.edge
                await unit.edge
                got: list[Any] = unit.get("drives")
                share = drives[word * layer.lanes : (word + 1) * layer.lanes].tolist()
                assert got[: len(share)] == share, f"tick {tick} ({late}), word {word}: expected {share}, got {got}"
        # A cycle later where flags or errors change.
        (first,), (later,) = starts[0], starts[1]
        assert later == first + 1, f"the first row comes after {first} cycles, or {later}"

    async def _show(self, width: int) -> None:
        """Show flags of the word that is wanted, in the cycle after."""
        while True:
            await self.unit.edge
            word = self.unit.get("below__word")
            self.unit.put(below__spike=pack_flags(self.flags[word * width : (word + 1) * width].tolist()))
