"""Comparison with a constant: all values of a few bits, with bounds below, among and above them."""

from __future__ import annotations

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from backspike.hdl.comparison import is_below


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_a_value_is_below_a_bound_where_it_is_less(bits) -> None:
    m, value = Module(), Signal(bits)
    bounds = range(-1, (1 << bits) + 2)
    below = [Signal(name=f"below_{bound + 1}") for bound in bounds]
    m.d.comb += [found.eq(is_below(value, bound)) for found, bound in zip(below, bounds, strict=True)]

    async def compare(context) -> None:
        for number in range(1 << bits):
            context.set(value, number)
            assert [context.get(found) for found in below] == [number < bound for bound in bounds]

    simulator = Simulator(m)
    simulator.add_testbench(compare)
    simulator.run()
