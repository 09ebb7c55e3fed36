"""What has been counted lately: any events in any clock, taken at any time, and a clear in any clock."""

from __future__ import annotations

from backspike.hdl.counters import EventKind, RecentEvents

from .benches.counters import RecentEventsBench
from .benches.simulation import simulate

SEED = 20267


def variants():
    variants = {}
    for kinds, period in (
        (((1, 1),), 1),
        (((1, 1), (4, 3)), 9),
        (((1, 1), (2, 2), (4, 1), (4, 7)), 18),
        (((1, 1),) * 9 + ((4, 64),) * 4, 54),
    ):
        named = {f"kind_{number}": EventKind(*kind) for number, kind in enumerate(kinds)}
        job = {"kinds": [list(kind) for kind in kinds], "period": period, "clocks": 4000}
        variants[f"kinds_{len(kinds)}"] = (RecentEvents(named, period), job)
    return variants


def test_every_event_is_counted() -> None:
    simulate(RecentEventsBench, variants(), SEED)
