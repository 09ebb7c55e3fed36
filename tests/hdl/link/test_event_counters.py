"""Counters in a memory: a byte's carry, several events at once, readers in between."""

from __future__ import annotations

from backspike.hdl.link.event_counters import EventCounters
from tests.hdl.benches.event_counters import EventCountersBench
from tests.hdl.benches.simulation import simulate

SEED = 20266


def variants():
    return {f"kinds_{kinds}": (EventCounters(kinds), {"kinds": kinds, "rounds": 600}) for kinds in (2, 7)}


def test_every_event_is_counted() -> None:
    simulate(EventCountersBench, variants(), SEED)
