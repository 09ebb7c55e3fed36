"""Bench of `backspike.hdl.synapses.SynapseArray` against `backspike.model.synapses.SynapseArray`."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model.synapses import SynapseArray

from .bench import Bench, pack_flags, unpack_flags

TICKS = 30


class Row(NamedTuple):
    """A row of a visit and its flags."""

    number: int
    spike: bool
    gate: int
    permit: int


class SynapseArrayBench(Bench):
    """The job has ``config``, ``layer`` and ``stalls``.

    A watcher notes, from clock to clock, every error that goes back and every strobe.
    """

    errors_late = 0
    """Cycles from the end of a sweep to that of its errors."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = config = NetworkConfig.from_dict(self.job["config"])
        self.layer = layer = config.weight_layer(self.job["layer"])
        self.fold, self.lanes = layer.fold, layer.lanes
        self.inputs, self.units = layer.inputs, layer.units
        self.lanes_below = 1 if layer.first else layer.below.unit_width
        self.banks = layer.banks
        self.visits = self.driver("visits", self.job["stalls"])
        self.drive_bits = self.unit.ports["drives"]["elements"]["width"]
        self.swept: list[int] = []
        self.wrote: list[tuple[int, int]] = []
        self.errors: list[tuple[int, ...]] = []
        self.shown: tuple[NDArray[np.bool_], ...] = ()

    async def run(self) -> None:
        """Compare drives, errors and strobes of all ticks, and the weights between and after them."""
        config, shape = self.config, (self.layer.rows, self.layer.row_lanes)
        weights: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        for row in range(shape[0]):
            for unit in range(self.units):
                weights[row, unit] = self._weight()
        for row in range(shape[0]):
            for unit in range(shape[1]):
                await self._access(row, unit, int(weights[row, unit]))
        self.start(self._watch())
        self.start(self._show())
        model = SynapseArray(config, weights, np.array([1], dtype=np.uint64))
        for tick in range(TICKS):
            await self._tick(tick, model)
            if not self.job["stalls"] and self.one_in(4):
                await self._list_after_list(tick, model)
            for _ in range(self.random.choice([0, 0, 1, 5])):
                await self.unit.edge
            if self.one_in(4):
                row, unit = self.random.randint(0, self.inputs), self.random.randrange(self.units)
                value = self._weight() if self.one_in(2) else None
                got = await self._access(row, unit, value)
                expected = int(model.weights[row, unit])
                assert got == expected, f"tick {tick}, row {row}, unit {unit}: expected {expected}, got {got}"
                if value is not None:
                    model.weights[row, unit] = value
        for row in range(shape[0]):
            for unit in range(shape[1]):
                got, expected = await self._access(row, unit, None), int(model.weights[row, unit])
                assert got == expected, f"in the end, row {row}, unit {unit}: expected {expected}, got {got}"

    def _weight(self) -> int:
        """Draw a weight; many are so close to a bound that they reach it."""
        low, high = self.config.weight_min, self.config.weight_max
        return self.random.choice([low, low + 1, high, high - 1, *[self.random.randint(low, high)] * 4])

    async def _access(self, row: int, unit: int, value: int | None) -> int:
        """Read a weight, or replace it; return the old one."""
        word, lane = divmod(unit, self.lanes)
        self.unit.put(weight__valid=1, weight__write=int(value is not None), weight__row=row, weight__word=word)
        self.unit.put(weight__lane=lane, weight__w_data=self._weight() if value is None else value)
        started = self.now()
        await self.until("weight__done", patience=10)
        # The edge that begins the first clock came before it, so four cycles later is the fifth edge.
        assert self.now() == started + 5, f"done {self.now() - started - 1} cycles after an access was asked for, not 4"
        self.unit.put(weight__valid=0)
        return int(self.unit.get("weight__r_data"))

    async def _show(self) -> None:
        """Show the word of error spikes that was wanted in the last cycle."""
        while True:
            await self.unit.edge
            word = self.unit.get("error_word") * self.lanes
            for name, errors in zip(("error_pos", "error_neg"), self.shown, strict=False):
                self.unit.put(**{name: pack_flags(errors[word : word + self.lanes])})

    async def _watch(self) -> None:
        unit = self.unit
        while True:
            await unit.edge
            if unit.get("swept"):
                self.swept.append(self.now())
            if unit.get("wrote"):
                self.wrote.append((self.now(), unit.get("wrote")))
            if not self.layer.first:
                if unit.get("back__valid"):
                    self.errors += [(self.now(), unit.get("back__word"), *back) for back in self._back()]
                over = self.now() - self.errors_late in self.swept
                assert unit.get("back__swept") == over, "the end of the errors follows from that of the sweep"
            else:
                assert not any(port.startswith("back__") for port in unit.ports), "a way for errors to the inputs"

    def _back(self) -> list[tuple[int, int, int, int]]:
        """Return lane, spike, permission and error of each unit that gets one now."""
        valid, spike, permit = (
            unpack_flags(self.unit.get(f"back__{name}"), self.banks) for name in ("valid", "spike", "permit")
        )
        lane = self.unit.get("back__lane")
        return [
            (lane[bank], spike[bank], permit[bank], self.unit.get_element("back__error", bank))
            for bank in range(self.banks)
            if valid[bank]
        ]

    async def _tick(self, tick: int, model: SynapseArray) -> None:
        """Sweep one list of rows, and compare all that comes of it."""
        unit = self.unit
        error_pos, error_neg = self._errors()
        update = bool(error_pos.any() or error_neg.any())
        self.shown = error_pos, error_neg
        unit.put(update=int(update))
        density = self.random.choice([0, 30, 100])
        listed = [row for row in range(self.inputs) if self.random.randrange(100) < density]
        rows = [
            Row(row, self.random.randrange(4) > 0, self.random.randrange(2), self.random.randrange(2)) for row in listed
        ]
        rows.append(Row(self.inputs, True, 0, self.random.randrange(2)))
        self.swept, self.wrote, self.errors = [], [], []
        ends: dict[int, int] = {}
        times = []
        visits = self._visits(rows)
        for visit in visits:
            await self.visits.send(self._payload(visit))
            times.append(self.now())
            ends |= {row.number: self.now() for row in visit}
        if not self.job["stalls"]:
            steps = [later - earlier for earlier, later in pairwise(times)]
            expected_steps = self._steps(visits, error_pos | error_neg)
            assert steps == expected_steps, f"tick {tick}: visits took {steps} cycles, not {expected_steps}"
        await unit.edge  # swept
        drives = await self._drives()
        for _ in range(3):
            await unit.edge

        where = f"tick {tick}, rows {[row.number for row in rows]}"
        spiking = np.array([row.number for row in rows if row.spike])
        expected = [*model.forward(spiking)[: self.units].tolist(), *[0] * (self.layer.row_lanes - self.units)]
        assert drives == expected, f"{where}: expected drives {expected}, got {drives}"
        assert self.swept == [ends[self.inputs] + 1], (
            f"{where}: swept in {self.swept}, last word taken {ends[self.inputs]}"
        )
        learning = [row.number for row in rows if update and row.spike and row.permit]
        strobes = sorted(Counter(ends[row] + 1 for row in learning).items())
        assert self.wrote == strobes, f"{where}: expected write-backs in {strobes}, got {self.wrote}"
        back = model.backward(error_pos, error_neg)
        errors = [
            (ends[row.number] + 2, *self._place(row.number), int(row.spike), row.permit, int(back[row.number]))
            for row in rows[:-1]
            if update and row.gate and not self.layer.first
        ]
        self.errors.sort()
        errors.sort()
        assert self.errors == errors, f"{where}: expected errors {errors}, got {self.errors}"
        model.update(np.array(learning, dtype=np.int64), error_pos, error_neg)

    async def _list_after_list(self, tick: int, model: SynapseArray) -> None:
        """Have the bias row learn, and list it alone again, as soon after as can be: it is read as it was written."""
        unit, bias = self.unit, Row(self.inputs, True, 0, 1)
        self.shown = error_pos, error_neg = self._errors()
        update = bool(error_pos.any() or error_neg.any())
        unit.put(update=int(update))
        visits = self._visits([bias])
        gap = 1 if self.layer.first else 3
        times = []
        for visit in visits * 2:
            await self.visits.send(self._payload(visit))
            times.append(self.now())
            if len(times) == 1:
                for _ in range(gap):
                    await unit.edge
        steps = self._steps(visits * 2, error_pos | error_neg, gap)
        assert [times[1] - times[0]] == steps, f"tick {tick}: list after list took {times} cycles, not {steps}"
        await unit.edge
        drives = await self._drives()
        for _ in range(2):
            expected = model.forward(np.array([self.inputs]))[: self.units].tolist()
            if update:
                model.update(np.array([self.inputs]), error_pos, error_neg)
        assert drives[: self.units] == expected, (
            f"tick {tick}, list after list: expected drives {expected}, got {drives}"
        )

    def _visits(self, rows: list[Row]) -> list[list[Row]]:
        """Draw visits: rows of different banks whose units share a word below, in any order; then the bias."""
        visits: list[list[Row]] = []
        for row in rows[:-1]:
            joined = visits and len(visits[-1]) < self.banks and not self.one_in(4)
            if joined and all(
                row.number % self.banks != other.number % self.banks
                and self._place(row.number)[0] == self._place(other.number)[0]
                for other in visits[-1]
            ):
                visits[-1].append(row)
            else:
                visits.append([row])
        self.random.shuffle(visits)
        return [*visits, [rows[-1]]]

    def _steps(self, visits: list[list[Row]], error: NDArray[np.bool_], gap: int = 0) -> list[int]:
        """Return the clocks from visit to visit, with a gap between: a word each, but not those in which it waits.

        A single port writes a word that changes in the second clock after that in which the word was read. Two ports
        read no bias row in that clock, where a list can come so soon and begins with the word.
        """
        layer = self.layer
        single = layer.ports == 1
        waits = layer.first and layer.fold == 1 and not single and not layer.crossbar
        writes = [single and bool(word.any()) for word in error.reshape(self.fold, self.lanes)]
        clock, written, taken = 0, set(), []
        for visit in visits:
            learning = any(row.spike and row.permit for row in visit)
            for changes in writes:
                while clock in written:
                    clock += 1
                if (changes and learning) or (waits and visit[0].number == self.inputs):
                    written.add(clock + 2)
                clock += 1
            taken.append(clock)
            clock += gap
        return [later - earlier for earlier, later in pairwise(taken)]

    def _payload(self, visit: list[Row]) -> dict[str, Any]:
        """Return a visit as the array takes it."""
        banks = [dict.fromkeys(("active", "row", "spike", "gate", "permit", "lane"), 0) for _ in range(self.banks)]
        for row in visit:
            _, lane = self._place(row.number)
            flags = {"spike": int(row.spike), "gate": row.gate, "permit": row.permit}
            banks[row.number % self.banks] = {"active": 1, "row": row.number // self.banks, **flags, "lane": lane}
        first = visit[0].number
        word, _ = self._place(first)
        return {"banks": banks, "word": word, "last": int(first == self.inputs)}

    def _place(self, row: int) -> tuple[int, int]:
        """Return word and lane of a row's input unit, where there is one with a state."""
        return divmod(row, self.lanes_below) if not self.layer.first and row < self.inputs else (0, 0)

    async def _drives(self) -> list[int]:
        """Read all drives out."""
        drives = []
        for word in range(self.fold):
            self.unit.put(word=word)
            await self.unit.edge
            # A register shows them at once, a memory a clock after the word.
            await self.unit.edge
            drives += self.unit.get("drives")
        return drives

    def _errors(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Draw error spikes: none, few or many; never both for a unit, and none for lanes without one.

        Those of the output layer are at most one up and one down.
        """
        density = self.random.choice([0, 0, 20, 100])
        signs = [self.random.choice([-1, 1]) * (self.random.randrange(100) < density) for _ in range(self.units)]
        if not self.layer.hidden:
            for sign in (-1, 1):
                for unit in [unit for unit in range(self.units) if signs[unit] == sign][1:]:
                    signs[unit] = 0
            self.random.shuffle(signs)
        signs += [0] * (self.layer.row_lanes - self.units)
        return np.array(signs) > 0, np.array(signs) < 0
