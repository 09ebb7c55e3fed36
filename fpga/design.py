"""A board's whole design: the network and its host link, with clock, reset and pins."""

from __future__ import annotations

from typing import Any

from amaranth import ClockDomain, ClockSignal, Elaboratable, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In

from backspike.config import NetworkConfig
from backspike.hdl.board import BoardTop
from backspike.hdl.link.transport import pins

from .boards import Board
from .pll import Pll

__all__ = ["BoardDesign"]

RESET_MICROSECONDS = 20
"""Block RAMs of an iCE40 read as zero for 3 microseconds after configuration; this is ample for any of the families."""

# Charge pump and loop filter, as Trellis's ecppll sets them for any clock: nextpnr takes what is missing for 0, and a
# charge pump without current never locks.
_ECP5_LOOP = {
    "a_ICP_CURRENT": "12",
    "a_LPF_RESISTOR": "8",
    "a_MFG_ENABLE_FILTEROPAMP": "1",
    "a_MFG_GMCREF_SEL": "2",
}


class BoardDesign(Elaboratable):
    """`BoardTop` at the pins of a board, in the clock of its PLL; reset until the PLL has been locked for a while.

    Parameters
    ----------
    board : Board
    config : NetworkConfig
    pll : Pll
    divisor : int
        Clocks a bit of the line.
    """

    def __init__(self, board: Board, config: NetworkConfig, pll: Pll, divisor: int) -> None:
        self._board, self._config, self._pll, self._divisor = board, config, pll, divisor

    def elaborate(self, platform: Any) -> Module:
        """Build it; `platform` is the board's."""
        m = Module()
        locked = Signal()
        settled = Signal()
        m.domains.sync = ClockDomain()
        m.domains.start = ClockDomain(reset_less=True)
        m.submodules.pll = self._instance(m, platform, ClockSignal("sync"), locked)
        m.d.comb += [ClockSignal("start").eq(ClockSignal("sync")), ResetSignal("sync").eq(~settled)]
        stable = Signal()
        m.submodules.lock = FFSynchronizer(locked, stable, o_domain="start")
        wait = int(RESET_MICROSECONDS * self._pll.frequency)
        waited = Signal(range(wait + 1))
        with m.If(~stable):
            m.d.start += [waited.eq(0), settled.eq(0)]
        with m.Elif(waited != wait):
            m.d.start += waited.eq(waited + 1)
        with m.Else():
            m.d.start += settled.eq(1)

        transport = self._board.transport(self._divisor)
        m.submodules.board = board = BoardTop(self._config, transport)
        names = [subsignal.name for subsignal in platform.lookup(transport.RESOURCE, 0).ios]
        line = platform.request(transport.RESOURCE, 0, dir=dict.fromkeys(names, "-"))
        for name, pin in pins(transport).items():
            if pin.flow == In:
                m.submodules[name] = buffer = io.Buffer(io.Direction.Input, getattr(line, name))
                m.d.comb += getattr(board, name).eq(buffer.i)
            else:
                m.submodules[name] = buffer = io.Buffer(io.Direction.Output, getattr(line, name))
                m.d.comb += buffer.o.eq(getattr(board, name))
        if self._board.led:
            m.submodules.led = led = io.Buffer(io.Direction.Output, platform.request("led", 0, dir="-"))
            m.d.comb += led.o.eq(board.busy)
        return m

    def _instance(self, m: Module, platform: Any, clock: Value, locked: Signal) -> Instance:
        """Return the PLL's primitive, and the buffer of its input where that is not part of it."""
        pin = platform.request(platform.default_clk, dir="-")
        parameters = {f"p_{name}": value for name, value in self._pll.parameters.items()}
        if self._board.clock_at_pll:
            return Instance(
                "SB_PLL40_PAD",
                **parameters,
                i_PACKAGEPIN=pin.io,
                i_RESETB=1,
                i_BYPASS=0,
                o_PLLOUTGLOBAL=clock,
                o_LOCK=locked,
            )
        m.submodules.oscillator = oscillator = io.Buffer(io.Direction.Input, pin)
        if self._board.family == "ice40":
            return Instance(
                "SB_PLL40_CORE",
                **parameters,
                i_REFERENCECLK=oscillator.i,
                i_RESETB=1,
                i_BYPASS=0,
                o_PLLOUTGLOBAL=clock,
                o_LOCK=locked,
            )
        if self._board.family == "ecp5":
            return Instance(
                "EHXPLLL",
                **parameters,
                **_ECP5_LOOP,
                i_CLKI=oscillator.i,
                i_CLKFB=clock,
                i_RST=0,
                i_STDBY=0,
                i_PHASESEL0=0,
                i_PHASESEL1=0,
                i_PHASEDIR=1,
                i_PHASESTEP=1,
                i_PHASELOADREG=1,
                i_PLLWAKESYNC=0,
                i_ENCLKOP=0,
                o_CLKOP=clock,
                o_LOCK=locked,
            )
        return Instance(
            "rPLL",
            **parameters,
            p_DEVICE="GW1NR-9C",
            p_CLKFB_SEL="internal",
            i_CLKIN=oscillator.i,
            i_CLKFB=0,
            i_RESET=0,
            i_RESET_P=0,
            i_ODSEL=0,
            i_IDSEL=0,
            i_FBDSEL=0,
            i_PSDA=0,
            i_DUTYDA=0,
            i_FDLY=0,
            o_CLKOUT=clock,
            o_LOCK=locked,
        )
