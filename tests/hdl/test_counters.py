"""Counters in a memory: any events in any clock, both halves, a clear in any clock of a scan."""

from __future__ import annotations

from backspike.hdl.counters import Counters

from .benches.counters import CountersBench
from .benches.simulation import simulate

SEED = 20267


def variants():
    return {
        f"kinds_{kinds}": (Counters(kinds, most), {"kinds": kinds, "most": most, "clocks": 4000})
        for kinds, most in ((1, 21_845), (2, 1), (4, 4096), (7, 4))
    }


def test_every_event_is_counted() -> None:
    simulate(CountersBench, variants(), SEED)
