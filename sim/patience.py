"""How long hardware may take: what waits for it gives up after clocks, never after seconds."""

from __future__ import annotations

from backspike.config import NetworkConfig

__all__ = ["BENCH_CLOCKS", "WAIT_CLOCKS", "sample_clocks"]

WAIT_CLOCKS = 1_000_000
"""Most clocks that a bench waits for one thing, unless it says otherwise."""

BENCH_CLOCKS = 20_000_000
"""Most clocks that a bench takes, unless it says otherwise."""


def sample_clocks(config: NetworkConfig) -> int:
    """Return clocks that no sample comes near: every row of every layer, one layer after the other, four times over."""
    tick = sum(layer.fold * (layer.inputs + 8) + 2 * layer.units for layer in config.weight_layers)
    return 4 * config.ticks * tick
