"""Comparison with a constant, in logic."""

from __future__ import annotations

from amaranth import Const, Value

__all__ = ["is_below"]


def is_below(value: Value, bound: int) -> Value:
    """Return whether an unsigned value is less than a constant.

    Synthesis makes a carry chain of an ordinary comparison, a cell for each bit; a constant leaves so little to decide
    that look-up tables alone take a third of that.

    Parameters
    ----------
    value : Value
        Unsigned.
    bound : int
        Any number.
    """
    if bound <= 0:
        return Const(0)
    if bound >> len(value):
        return Const(1)
    below: Value = Const(0)
    for place, bit in enumerate(value):
        below = below | ~bit if bound >> place & 1 else below & ~bit
    return below
