"""A board's whole design: the network and its host link, with clock, reset and pins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, connect
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.hdl.board import BoardTop
from backspike.hdl.link.transport import pins
from backspike.hdl.memory.sdram import SdramController

from .boards import Board
from .families.family import Pll
from .sdram import CLOCK_DOMAIN, SdramPads

__all__ = ["BoardDesign"]

RESET_MICROSECONDS = 20
"""Block RAMs of an iCE40 read as zero for 3 microseconds after configuration; this is ample for any of the families."""


class BoardDesign(Elaboratable):
    """`BoardTop` at the pins of a board, in the clock of its PLL; reset until the PLL has been locked for a while.

    Parameters
    ----------
    board : Board
    config : NetworkConfig
    pll : Pll
    divisor : int or None
        Cycles per bit of the line; None for the board's USB port, whose clock comes from a second PLL.
    weights : sequence of int64 array, optional
        At power-up, as those of the `BoardTop`.
    memory : wiring.Component, optional
        The `BoardTop`'s, for samples. An `SdramController` gets the pins of the board's SDRAM, and the second clock
        that the PLL then has to have.
    """

    def __init__(
        self,
        board: Board,
        config: NetworkConfig,
        pll: Pll,
        divisor: int | None,
        weights: Sequence[NDArray[np.int64]] | None = None,
        memory: wiring.Component | None = None,
    ) -> None:
        self._board, self._config, self._pll, self._divisor = board, config, pll, divisor
        self._weights, self._memory = weights, memory

    def elaborate(self, platform: Any) -> Module:
        """Build it; `platform` is the board's."""
        m = Module()
        locked = Signal()
        settled = Signal()
        m.domains.sync = ClockDomain()
        m.domains.start = ClockDomain(reset_less=True)
        pin = platform.request(platform.default_clk, dir="-")
        family, at_pll = self._board.family, self._board.clock_at_pll
        later = None
        if self._pll.delay is not None:
            m.domains += ClockDomain(CLOCK_DOMAIN, reset_less=True)
            later = ClockSignal(CLOCK_DOMAIN)
        m.submodules.pll = family.pll_instance(m, self._pll, pin, ClockSignal("sync"), locked, at_pll, later)
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

        transport = self._board.make_transport(self._divisor)
        for domain, frequency in transport.CLOCKS.items():
            m.domains += ClockDomain(domain)
            second = family.exact(platform.default_clk_frequency / 1e6, frequency)
            its_lock = Signal(name=f"{domain}_locked")
            oscillator = m.submodules.oscillator.i
            m.submodules[f"pll_{domain}"] = family.exact_instance(second, oscillator, ClockSignal(domain), its_lock)
            # It has ample time until `sync` is out of reset; if it has lost its lock then, it is not to go on either.
            m.submodules[f"reset_{domain}"] = ResetSynchronizer(~its_lock | ResetSignal("sync"), domain=domain)
        m.submodules.board = board = BoardTop(self._config, transport, self._weights, self._memory)
        names = [subsignal.name for subsignal in platform.lookup(transport.RESOURCE, 0).ios]
        line = platform.request(transport.RESOURCE, 0, dir=dict.fromkeys(names, "-"))
        for name, pin in pins(transport).items():
            if pin.is_signature:
                m.submodules[name] = buffer = io.Buffer(pin.signature.direction, getattr(line, name))
                connect(m, getattr(board, name), buffer)
            elif pin.flow == In:
                m.submodules[name] = buffer = io.Buffer(io.Direction.Input, getattr(line, name))
                m.d.comb += getattr(board, name).eq(buffer.i)
            else:
                m.submodules[name] = buffer = io.Buffer(io.Direction.Output, getattr(line, name))
                m.d.comb += buffer.o.eq(getattr(board, name))
        if isinstance(self._memory, SdramController):
            m.submodules.sdram = SdramPads(board.pins)
        if self._board.led:
            m.submodules.led = led = io.Buffer(io.Direction.Output, platform.request("led", 0, dir="-"))
            m.d.comb += led.o.eq(board.busy)
        return m
