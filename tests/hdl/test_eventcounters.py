"""Counters in a memory: a byte's carry, several events at once, readers in between."""

from __future__ import annotations

from backspike.hdl.link.eventcounters import EventCounters

from .variants import ON_BOTH, check

SEED = 20266


@ON_BOTH
def test_every_event_is_counted(simulator: str) -> None:
    variants = {f"kinds_{kinds}": (EventCounters(kinds), {"kinds": kinds, "rounds": 600}) for kinds in (2, 7)}
    check("eventcounters", variants, simulator, SEED)
