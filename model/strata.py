"""Strata of spike draws: what turns a sample's phases into the draws of its ticks, so that these are spread evenly.

Sources: J. G. van der Corput, "Verteilungsfunktionen" (1935), for the ticks; I. M. Sobol, "On the distribution of
points in a cube and the approximate evaluation of integrals" (1967), whose second coordinate serves the rounds. XOR
with a phase is the digital shift of quasi-Monte Carlo methods: it keeps the strata, and makes each value equally
likely.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backspike.config import PIXEL_BITS

__all__ = ["ROUND_DIRECTIONS", "TICK_DIRECTIONS", "offsets"]

TICK_DIRECTIONS = tuple(1 << (PIXEL_BITS - 1 - bit) for bit in range(PIXEL_BITS))
"""What each bit of a tick's number, from bit 0 up, adds to the offset by XOR: its own, in reverse order."""

ROUND_DIRECTIONS = (0x80, 0xC0, 0xA0, 0xF0, 0x88, 0xCC, 0xAA, 0xFF)
"""The same for the round of a list: another order of the strata, so that a round is no other round some ticks later."""


def offsets(numbers: NDArray[np.int64], directions: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return what draws are changed by, 0 to 255, in ticks or rounds of these numbers, modulo 256; of any shape."""
    result = np.zeros(numbers.shape, dtype=np.uint64)
    for bit, direction in enumerate(directions):
        result ^= ((numbers >> bit) & 1).astype(np.uint64) * np.uint64(direction)
    return result
