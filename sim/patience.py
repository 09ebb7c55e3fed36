"""How long hardware may take: what waits for it gives up after clocks, never after seconds."""

from __future__ import annotations

__all__ = ["BENCH_CLOCKS", "WAIT_CLOCKS"]

WAIT_CLOCKS = 1_000_000
"""Most clocks that a bench waits for one thing, unless it says otherwise."""

BENCH_CLOCKS = 20_000_000
"""Most clocks that a bench takes, unless it says otherwise."""
