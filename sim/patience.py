"""How long hardware may take: what waits for it gives up after clocks, never after seconds."""

from __future__ import annotations

from backspike.config import NetworkConfig

__all__ = ["sample_clocks"]


def sample_clocks(config: NetworkConfig) -> int:
    """Return clocks that no sample comes near: every row of every layer, one layer after the other, four times over."""
    sizes = zip(config.folds, config.layers[:-1], config.layers[1:], strict=True)
    tick = sum(fold * (inputs + 8) + 2 * units for fold, inputs, units in sizes)
    return 4 * config.ticks * tick
