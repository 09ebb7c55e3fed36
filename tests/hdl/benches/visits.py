"""Benches of `backspike.hdl.visits`: every item, and where nothing stalls its clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bench import Bench, Monitor, Unit, pack_flags

LISTS = 20


def item_clocks(items: Sequence[int], first: int) -> list[list[int]]:
    """Return the clocks in which a `Serialiser` emits the items of words, when nothing stalls.

    Parameters
    ----------
    items : sequence of int
        Items of each word, the one after a list's last word included. Each word is offered as soon as it can be taken.
    first : int
        The clock that takes the first word.
    """
    clocks: list[list[int]] = []
    taken, moved, done = first - 1, first - 1, first
    for count in items:
        # A word is taken after the clock in which the one ahead of it waits no more, and then waits for its own turn.
        taken = max(taken, moved) + 1
        if count:
            moved = max(taken, done)
            done = moved + count
        clocks.append(list(range(done - count + 2, done + 2)))
    return clocks


def slowest_end(counts: Sequence[Sequence[int]], first: int) -> int:
    """Return the clock that the last visit of a list must not come after, when nothing stalls.

    Parameters
    ----------
    counts : sequence of sequence of int
        For each word of the list the items of each bank, without the bias row. Banks that wait for each other at every
        word would be done in this cycle.
    first : int
        The clock that takes the first word.
    """
    return first + sum(max(1, *word) for word in counts) + 2


class SerialiserBench(Bench):
    """The job has ``slots``, ``item`` and ``context`` (bits) and ``stalls``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.words = self.driver("i", self.job["stalls"])
        self.items = self.monitor("o", self.job["stalls"])

    async def run(self) -> None:
        """Send lists, and compare what comes out."""
        job = self.job
        words = [word for _ in range(LISTS) for word in self._list()]
        begins = self.now() + 1
        sending = self.start(self._send(words))
        counts = [word["mask"].bit_count() + word["last"] for word in words]
        for number, (word, clocks) in enumerate(zip(words, item_clocks(counts, begins), strict=True)):
            where = f"word {number} ({word})"
            slots = [slot for slot in range(job["slots"]) if word["mask"] >> slot & 1]
            for slot, clock in zip([*slots, None] if word["last"] else slots, clocks, strict=True):
                got = await self.items.receive()
                assert isinstance(got, dict)
                if slot is None:
                    assert (got["last"], got["context"]) == (1, word["context"]), (
                        f"{where}: expected the end, got {got}"
                    )
                else:
                    expected = {"slot": slot, "item": word["items"][slot], "context": word["context"], "last": 0}
                    assert got == expected, f"{where}: expected {expected}, got {got}"
                if not job["stalls"]:
                    assert self.now() == clock, f"{where}: expected in clock {clock}, came in {self.now()}"
        await sending
        await self.items.finish()

    async def _send(self, words: list[dict[str, Any]]) -> None:
        for word in words:
            await self.words.send(word)

    def _list(self) -> list[dict[str, Any]]:
        """Draw a list of words; the fewer marks, the longer."""
        job, length = self.job, self.random.randint(1, 8)
        sparse = self.random.choice([0, 1, 3])
        return [
            {
                "mask": 0 if self.random.randrange(4) < sparse else self.random.getrandbits(job["slots"]),
                "items": [self.random.getrandbits(job["item"]) for _ in range(job["slots"])],
                "context": self.random.getrandbits(job["context"]) if job["context"] else 0,
                "last": int(position == length - 1),
            }
            for position in range(length)
        ]


class RowScannerBench(Bench):
    """The job has ``units``, ``lanes``, ``banks``, ``chunk`` (units looked at in a clock) and ``stalls``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.visits = self.monitor("visits", self.job["stalls"])
        self.reader = VisitReader(self.unit, self.job["units"], self.job["banks"], self.job["lanes"])
        self.flags: dict[str, list[int]] = {}

    async def run(self) -> None:
        """Compare all visits of several lists."""
        job, unit = self.job, self.unit
        self.start(self._show())
        for number in range(LISTS):
            spike, gate, permit = (self._flags() for _ in range(3))
            gates, bias_permit = self.random.randrange(2), self.random.randrange(2)
            self.flags = {"spike": spike, "gate": gate, "permit": permit}
            unit.put(gates=gates, bias_permit=bias_permit, start=1)
            await unit.edge
            started = self.now()
            unit.put(start=0)
            rows = [row for row in range(job["units"]) if spike[row] or (gates and gate[row])]
            counts = self._counts(rows)
            expected = {row: (spike[row], gates & gate[row], permit[row]) for row in rows}
            clocks = await self.reader.read(self.visits, f"list {number}", expected, bias_permit)
            took = [clock - started for clock in clocks]
            if not job["stalls"]:
                if job["banks"] == 1:
                    alone = [count for (count,) in counts]
                    alone[-1] += 1
                    exact = [clock for word in item_clocks(alone, 1) for clock in word]
                    assert took == exact, f"list {number}: expected visits {exact} cycles from the start, not {took}"
                assert took[-1] <= slowest_end(counts, 1), f"list {number}, {counts} rows a chunk: took {took}"
            for _ in range(self.random.choice([0, 1, 20])):
                await unit.edge
                assert unit.get("visits__valid") == 0, f"list {number}: a visit more after the bias row"
        await self.visits.finish()

    async def _show(self) -> None:
        """Show the word of flags that was wanted in the last cycle; nothing that means anything where it was none."""
        lanes = self.job["lanes"]
        while True:
            await self.unit.edge
            word = self.unit.get("word")
            self.unit.put(**{name: pack_flags(bits[word * lanes :][:lanes]) for name, bits in self.flags.items()})

    def _flags(self) -> list[int]:
        """Draw flags; those of units that are not there are never set."""
        lanes, units = self.job["lanes"], self.job["units"]
        density = self.random.choice([0, 10, 50, 100])
        flags = [int(self.random.randrange(100) < density) for _ in range(units)]
        return flags + [0] * (-units % lanes)

    def _counts(self, rows: list[int]) -> list[list[int]]:
        """Return the rows of each bank in each chunk."""
        lanes, chunk, units, banks = self.job["lanes"], self.job["chunk"], self.job["units"], self.job["banks"]
        starts = [word + part for word in range(0, units, lanes) for part in range(0, lanes, chunk)]
        ends = [min(start + chunk, start - start % lanes + lanes) for start in starts]
        return [
            [sum(start <= row < end and row % banks == bank for row in rows) for bank in range(banks)]
            for start, end in zip(starts, ends, strict=True)
        ]


class VisitJoinerBench(Bench):
    """The job has ``units``, ``lanes``, ``banks``, ``stalls`` and ``waits``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.banks = [self.driver(f"i_{bank}", self.job["stalls"]) for bank in range(self.job["banks"])]
        # It fails if a visit changes while it is offered.
        self.visits = self.monitor("o", self.job["stalls"])
        self.reader = VisitReader(self.unit, self.job["units"], self.job["banks"], self.job["lanes"])

    async def run(self) -> None:
        """Compare all visits of several lists."""
        units, banks = self.job["units"], self.job["banks"]
        if self.job["waits"]:
            self.start(self._wait())
        for number in range(LISTS):
            density = self.random.choice([0, 10, 50, 100])
            rows = [row for row in range(units) if self.random.randrange(100) < density]
            expected = {
                row: (self.random.randrange(2), self.random.randrange(2), self.random.randrange(2)) for row in rows
            }
            bias_permit = self.random.randrange(2)
            self.unit.put(bias_permit=bias_permit)
            sending = [
                self.start(self._send(bank, {row: expected[row] for row in rows if row % banks == bank}))
                for bank in range(banks)
            ]
            await self.reader.read(self.visits, f"list {number}", expected, bias_permit)
            for task in sending:
                await task
        await self.visits.finish()

    async def _wait(self) -> None:
        """Let visits wait at times: a new one begins then only with something of each bank, else with a row of any."""
        unit, held = self.unit, False
        while True:
            wait = self.random.randrange(2)
            unit.put(wait=wait)
            await unit.edge
            marks = [
                unit.get(f"i_{bank}__payload") for bank in range(self.job["banks"]) if unit.get(f"i_{bank}__valid")
            ]
            all_there = len(marks) == self.job["banks"]
            if not held:
                begins = all_there or (not wait and any(not mark["last"] for mark in marks))
                got = unit.get("o__valid")
                assert got == begins, (
                    f"cycle {self.now()}: expected valid {int(begins)}, got {got} with {marks}, {wait=}"
                )
            held = bool(unit.get("o__valid") and not unit.get("o__ready"))

    async def _send(self, bank: int, rows: dict[int, tuple[int, int, int]]) -> None:
        """Send a bank's rows and what ends them."""
        for row, (spike, gate, permit) in rows.items():
            word, lane = divmod(row, self.job["lanes"])
            mark = {"row": row // self.job["banks"], "word": word, "lane": lane, "last": 0}
            await self.banks[bank].send({**mark, "spike": spike, "gate": gate, "permit": permit})
        # Nothing else of that counts, and a serialiser leaves there what it likes.
        flags = {flag: self.random.randrange(2) for flag in ("spike", "gate", "permit")}
        word, lane = divmod(self.random.randrange(self.job["units"]), self.job["lanes"])
        row = self.random.randrange(max(1, self.job["units"] // self.job["banks"]))
        await self.banks[bank].send({"row": row, "word": word, "lane": lane, "last": 1, **flags})


class VisitReader:
    """Takes the visits of a list apart and compares their rows.

    Parameters
    ----------
    unit : Unit
    inputs, banks : int
        Rows without the bias row, and the banks.
    lanes : int, optional
        Lanes of the layer below; None if there is none, so that word and lane are zero.
    """

    def __init__(self, unit: Unit, inputs: int, banks: int, lanes: int | None) -> None:
        self._unit, self._inputs, self._lanes, self._banks = unit, inputs, lanes, banks

    async def read(
        self, visits: Monitor, where: str, expected: dict[int, tuple[int, int, int]], bias_permit: int
    ) -> list[int]:
        """Receive a list; return the clock of each visit.

        `expected` has the flags ``spike``, ``gate`` and ``permit`` of each row, and each row must come once, each
        bank's in ascending order; then the bias row comes alone.
        """
        clocks: list[int] = []
        seen: list[int] = []
        while True:
            visit = await visits.receive()
            assert isinstance(visit, dict)
            clocks.append(self._unit.now())
            rows = self._rows(visit)
            at = f"{where}, visit {len(clocks)}"
            if visit["last"]:
                bias = [(row, spike, gate, permit) for row, spike, gate, permit, _ in rows]
                assert bias == [(self._inputs, 1, 0, bias_permit)], f"{at}: expected the bias row, got {bias}"
                break
            assert rows, f"{at}: no row"
            for row, *flags, lane in rows:
                assert expected.get(row) == tuple(flags), f"{at}, row {row}: got flags {flags}"
                wanted = divmod(row, self._lanes) if self._lanes else (0, 0)
                assert (visit["word"], lane) == wanted, f"{at}, row {row}: expected word and lane {wanted}"
                before = [other for other in seen if other % self._banks == row % self._banks]
                assert not before or before[-1] < row, f"{at}: row {row} after {before[-1]}"
                seen.append(row)
        assert sorted(seen) == list(expected), f"{where}: expected rows {list(expected)}, got {sorted(seen)}"
        return clocks

    def _rows(self, visit: dict[str, Any]) -> list[tuple[int, int, int, int, int]]:
        """Return row, spike, gate, permit and lane of each row that is visited."""
        return [
            (mark["row"] * self._banks + bank, mark["spike"], mark["gate"], mark["permit"], mark["lane"])
            for bank, mark in enumerate(visit["banks"])
            if mark["active"]
        ]
