"""Benches of `backspike.hdl.visits`: every item, and where nothing stalls its clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cocotb

from .variants import Bench, now, pack_lanes, run_variants

LISTS = 20


@cocotb.test()
async def serialiser(dut: Any) -> None:
    """Words with any marks, none among them, in lists of any length."""
    await run_variants(dut, SerialiserBench)


@cocotb.test()
async def row_scanner(dut: Any) -> None:
    """Scan flags of any density, with and without open gates."""
    await run_variants(dut, RowScannerBench)


def item_clocks(items: Sequence[int], first: int) -> list[list[int]]:
    """Return the clocks in which a `Serialiser` emits the items of words, when nothing stalls.

    Parameters
    ----------
    items : sequence of int
        Items of each word, the one behind a list's last word included. Each word is offered as soon as it can be taken.
    first : int
        The clock that takes the first word.
    """
    clocks: list[list[int]] = []
    taken, moved, done = first - 1, first, first
    for count in items:
        # A word waits for the one ahead of it to be worked on, and then for its own turn.
        taken = max(taken + 1, moved)
        if count:
            moved = max(taken + 1, done)
            done = moved + count
        clocks.append(list(range(done - count + 1, done + 1)))
    return clocks


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
        begins = now() + 1
        sending = cocotb.start_soon(self._send(words))
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
                    item = (word["items"] >> (slot * job["item"])) & ((1 << job["item"]) - 1)
                    expected = {"slot": slot, "item": item, "context": word["context"], "last": 0}
                    assert got == expected, f"{where}: expected {expected}, got {got}"
                if not job["stalls"]:
                    assert now() == clock, f"{where}: expected in clock {clock}, came in {now()}"
        await sending
        await self.items.finish()

    async def _send(self, words: list[dict[str, int]]) -> None:
        for word in words:
            await self.words.send(word)

    def _list(self) -> list[dict[str, int]]:
        """Draw a list of words; the fewer marks, the longer."""
        job, length = self.job, self.random.randint(1, 8)
        sparse = self.random.choice([0, 1, 3])
        return [
            {
                "mask": 0 if self.random.randrange(4) < sparse else self.random.getrandbits(job["slots"]),
                "items": self.random.getrandbits(job["slots"] * job["item"]),
                "context": self.random.getrandbits(job["context"]) if job["context"] else 0,
                "last": int(position == length - 1),
            }
            for position in range(length)
        ]


class RowScannerBench(Bench):
    """The job has ``units``, ``lanes``, ``chunk`` (units looked at in a clock) and ``stalls``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.visits = self.monitor("visits", self.job["stalls"])

    async def run(self) -> None:
        """Compare all visits of several lists."""
        job, unit = self.job, self.unit
        for number in range(LISTS):
            spike, gate, permit = (self._flags() for _ in range(3))
            gates, bias_permit = self.random.randrange(2), self.random.randrange(2)
            flags = {"spike": pack_lanes(spike, 1), "gate": pack_lanes(gate, 1), "permit": pack_lanes(permit, 1)}
            unit.put(**flags, gates=gates, bias_permit=bias_permit, start=1)
            await unit.edge
            started = now()
            unit.put(start=0)
            rows = [row for row in range(job["units"]) if spike[row] or (gates and gate[row])]
            clocks = [clock for chunk in self._clocks(rows, started + 1) for clock in chunk]
            for row, clock in zip([*rows, job["units"]], clocks, strict=True):
                got = await self.visits.receive()
                assert isinstance(got, dict)
                where = f"list {number}, row {row}"
                if row == job["units"]:
                    # The bias row has no unit below, so no word or lane.
                    expected = {"row": row, "spike": 1, "permit": bias_permit, "last": 1}
                    got = {name: got[name] for name in expected}
                else:
                    word, lane = divmod(row, job["lanes"])
                    expected = {
                        "row": row,
                        "spike": spike[row],
                        "permit": permit[row],
                        "word": word,
                        "lane": lane,
                        "last": 0,
                    }
                assert got == expected, f"{where}: expected {expected}, got {got}"
                if not job["stalls"]:
                    assert now() == clock, (
                        f"{where}: expected {clock - started} clocks from the start, not {now() - started}"
                    )
            for _ in range(self.random.choice([0, 1, 20])):
                await unit.edge
                assert unit.get("visits__valid") == 0, f"list {number}: a visit more behind the bias row"
        await self.visits.finish()

    def _flags(self) -> list[int]:
        """Draw flags; those of units that are not there are never set."""
        lanes, units = self.job["lanes"], self.job["units"]
        density = self.random.choice([0, 10, 50, 100])
        flags = [int(self.random.randrange(100) < density) for _ in range(units)]
        return flags + [0] * (-units % lanes)

    def _clocks(self, rows: list[int], first: int) -> list[list[int]]:
        """Return the clocks of the visits, chunk by chunk."""
        lanes, chunk, units = self.job["lanes"], self.job["chunk"], self.job["units"]
        starts = [word + part for word in range(0, units, lanes) for part in range(0, lanes, chunk)]
        ends = [min(start + chunk, start - start % lanes + lanes) for start in starts]
        counts = [sum(start <= row < end for row in rows) for start, end in zip(starts, ends, strict=True)]
        counts[-1] += 1
        return item_clocks(counts, first)
