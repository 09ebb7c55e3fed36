"""Leap-forward maximal-length linear-feedback shift registers, in Fibonacci form, as arrays of lanes.

The state is a window on a maximal-length sequence: bit i of a `width`-bit state is the sequence's element
n + i. Stepping moves the window by one: the state shifts right and the parity of the polynomial's taps enters
at the top. Leaping by b steps at once takes b fresh bits, bits 0 .. b-1 of the state before the leap.

Source of `POLYNOMIALS`: R. W. Ward, T. C. A. Molteno, "Table of Linear Feedback Shift Registers" (University of
Otago, 2007), four-tap entries, as reciprocals, so that the feedback taps lie low and many bits leap in parallel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["POLYNOMIALS", "SEEDING_POLYNOMIALS", "States", "leap"]

States = NDArray[np.uint64]

POLYNOMIALS: dict[int, tuple[int, ...]] = {
    16: (5, 3, 2, 0),
    24: (4, 3, 1, 0),
    32: (7, 6, 2, 0),
    40: (5, 4, 3, 0),
    48: (9, 7, 4, 0),
    64: (4, 3, 1, 0),
}
"""Exponents below the degree of the primitive polynomial of every LFSR that is drawn from, by width."""

SEEDING_POLYNOMIALS: dict[int, tuple[int, ...]] = {
    16: (5, 4, 3, 0),
    24: (7, 2, 1, 0),
    32: (8, 5, 2, 0),
    40: (8, 7, 5, 0),
    48: (9, 8, 6, 0),
    64: (4, 3, 2, 0),
}
"""The same for the register that seeds the LFSRs: another polynomial, so that no LFSR is its neighbour's copy,
a few steps late. Primitive too (checked by the tests, as the others are)."""


def leap(states: States, steps: int, width: int, exponents: tuple[int, ...]) -> States:
    """Return the states after `steps` single steps.

    Parameters
    ----------
    states : uint64 array of any shape
        States of `width` bits. Zero, which a maximal-length register never reaches by itself, is taken as 1.
    steps : int
        Bits consumed, 0 or more.
    width, exponents
        A row of `POLYNOMIALS` or `SEEDING_POLYNOMIALS`.
    """
    states = states | (states == 0).astype(np.uint64)
    block = width - max(exponents)
    while steps > 0:
        count = min(steps, block)
        fresh = states >> np.uint64(exponents[0])
        for exponent in exponents[1:]:
            fresh = fresh ^ (states >> np.uint64(exponent))
        fresh &= np.uint64((1 << count) - 1)
        states = (states >> np.uint64(count)) | (fresh << np.uint64(width - count))
        steps -= count
    return states
