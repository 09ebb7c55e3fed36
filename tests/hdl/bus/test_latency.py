"""The cycles that docstrings promise, of accesses for which nothing is waited."""

from __future__ import annotations

import pytest
from amaranth.lib import wiring
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.bus.axi import AxiNetwork
from backspike.hdl.bus.wishbone import WishboneNetwork

CONFIG = NetworkConfig(layers=(3, 2), ticks=3, weight_bits=4, weight_frac=2, lfsr_bits=24, input_lfsrs=1)
STATUS, CONTROL, SAMPLE, RESULT = 0x800, 0x804, 0x808, 0x80C


def clocks(component: wiring.Component, ask, ended) -> int:
    """Return how many cycles after it has been asked for an end comes."""
    found = []

    async def bench(ctx):
        await ctx.tick().repeat(500)
        ask(ctx)
        while not any(ctx.get(signal) for signal in ended):
            assert len(found) < 100, "no end comes"
            await ctx.tick()
            found.append(1)

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return len(found)


@pytest.mark.parametrize("write", [False, True])
def test_axi_responds_four_cycles_after_an_access_of_its_own_registers(write: bool) -> None:
    component = AxiNetwork(CONFIG)
    bus = component.s_axi

    def ask(ctx):
        for channel in (bus.aw, bus.w) if write else (bus.ar,):
            ctx.set(channel.valid, 1)
        ctx.set(bus.aw.p.addr, CONTROL)
        ctx.set(bus.w.p.strb, 15)
        ctx.set(bus.ar.p.addr, STATUS)

    assert clocks(component, ask, [bus.b.valid, bus.r.valid]) == 4


@pytest.mark.parametrize(
    ("address", "write", "expected"),
    [
        # Three cycles; another where a word is handed on, or an answer.
        pytest.param(RESULT, False, 3, id="result"),
        pytest.param(SAMPLE, True, 4, id="a label"),
        pytest.param(STATUS, False, 4, id="passed on"),
        pytest.param(0xFFC, True, 4, id="refused"),
    ],
)
def test_wishbone_ends_an_access(address: int, write: bool, expected: int) -> None:
    component = WishboneNetwork(CONFIG)
    bus = component.wb

    def ask(ctx):
        ctx.set(bus.adr, address)
        ctx.set(bus.we, write)
        ctx.set(bus.dat_w, 1 << 31)
        ctx.set(bus.sel, 15)
        ctx.set(bus.cyc, 1)
        ctx.set(bus.stb, 1)

    assert clocks(component, ask, [bus.ack, bus.err]) == expected
