"""Counters in a memory: a byte's carry, several events at once, readers in between."""

from __future__ import annotations

import pytest

from backspike.hdl.link import event_counters
from backspike.hdl.link.event_counters import EventCounters
from tests.hdl.benches.event_counters import EventCountersBench
from tests.hdl.benches.memory import simulate_testbench
from tests.hdl.benches.simulation import simulate

SEED = 20266


def variants():
    return {f"kinds_{kinds}": (EventCounters(kinds), {"kinds": kinds, "rounds": 600}) for kinds in (2, 7)}


def test_every_event_is_counted() -> None:
    simulate(EventCountersBench, variants(), SEED)


def test_a_count_begins_anew_after_65_535(monkeypatch: pytest.MonkeyPatch) -> None:
    ram = event_counters.ram
    monkeypatch.setattr(event_counters, "ram", lambda shape, depth, init: ram(shape, depth, init=[255] * depth))
    counters = EventCounters(3)

    async def testbench(ctx) -> None:
        async def count() -> list[int]:
            found = []
            for _ in range(40):
                await ctx.tick()
                if ctx.get(counters.idle):
                    break
            ctx.set(counters.reading, 1)
            for address in range(6):
                ctx.set(counters.address, address)
                await ctx.tick()
                found.append(ctx.get(counters.data))
            ctx.set(counters.reading, 0)
            return found

        for expected in ([255, 255, 0, 0, 255, 255], [255, 255, 1, 0, 255, 255]):
            ctx.set(counters.events, 2)
            await ctx.tick()
            ctx.set(counters.events, 0)
            assert await count() == expected

    simulate_testbench(counters, testbench)
