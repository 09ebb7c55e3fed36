"""Counters in a memory: any events in any clock, both halves, a clear in any clock of a scan."""

from __future__ import annotations

from backspike.hdl.counters import Counters

from .variants import ON_BOTH, check

SEED = 20267


@ON_BOTH
def test_every_event_is_counted(simulator: str) -> None:
    variants = {
        f"kinds_{kinds}": (Counters(kinds, most), {"kinds": kinds, "most": most, "clocks": 4000})
        for kinds, most in ((1, 21_845), (2, 1), (4, 4096), (7, 4))
    }
    check("counters", variants, simulator, SEED)
