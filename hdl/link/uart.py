"""Asynchronous serial line: 8 data bits, least significant first, no parity, one stop bit."""

from __future__ import annotations

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["BREAK_BITS", "LEAST_DIVISOR", "UartReceiver", "UartTransmitter"]

BREAK_BITS = 64
"""Bits' time that a line has to be 0 for a break: no bytes look like it, not even if a few stop bits are damaged."""

LEAST_DIVISOR = 4
"""Least cycles per bit: with fewer, a bit is not looked at near enough to its middle."""


def _checked(divisor: int) -> int:
    if not LEAST_DIVISOR <= divisor < 1 << 16:
        raise ValueError(f"divisor must be from {LEAST_DIVISOR} to 65535 cycles per bit, not {divisor!r}")
    return divisor


class UartReceiver(wiring.Component):
    """Takes bytes off a line.

    Each bit is looked at once, in its middle. A start bit that is over by then is passed over; a byte without its
    stop bit is dropped, and the next start bit is looked for once the line is idle again. If it is not in
    `BREAK_BITS`, this is a break. An idle line, and a break after it, are understood in any state, also in one that
    only an upset leads to.

    Latency: a byte is out for one cycle, in the middle of its stop bit.

    Parameters
    ----------
    divisor : int
        Cycles per bit, 4 to 65,535.

    Members
    -------
    rx : ``In(1)``
        The line, 1 when idle; of no clock domain.
    o : ``Out(stream.Signature(8, always_ready=True))``
    broken : ``Out(1)``
        A break has come, and the line is not idle again.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _checked(divisor)
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True)), "broken": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        clocks = Signal(range(self._divisor))
        bits = Signal(range(BREAK_BITS))
        look = Signal()
        m.d.comb += look.eq(clocks == 0)
        m.d.sync += clocks.eq(clocks - 1)
        with m.If(look):
            m.d.sync += clocks.eq(self._divisor - 1)
        with m.FSM():
            with m.State("Idle"):
                # The edge has been seen a cycle late, besides the synchroniser's two.
                m.d.sync += [clocks.eq(self._divisor // 2 - 1), bits.eq(0)]
                with m.If(~line):
                    m.next = "Bits"
            with m.State("Bits"), m.If(look):
                m.d.sync += bits.eq(bits + 1)
                with m.If(bits == 0), m.If(line):
                    m.next = "Idle"
                with m.Elif(bits == 9):
                    m.d.comb += self.o.valid.eq(line)
                    # The next start bit may be there in the next cycle.
                    m.next = "Idle"
                    with m.If(~line):
                        m.next = "Low"
                with m.Else():
                    m.d.sync += self.o.payload.eq(Cat(self.o.payload[1:], line))
            with m.State("Low"):
                with m.If(line):
                    m.next = "Idle"
                with m.Elif(look):
                    m.d.sync += bits.eq(bits + 1)
                    with m.If(bits == BREAK_BITS - 1):
                        m.next = "Break"
            with m.State("Break"):
                m.d.comb += self.broken.eq(1)
                with m.If(line):
                    m.next = "Idle"
        return m


class UartTransmitter(wiring.Component):
    """Puts bytes on a line.

    Throughput: a byte in ``10 * divisor`` cycles, without a gap.

    Parameters
    ----------
    divisor : int
        Cycles per bit, 4 to 65,535.

    Members
    -------
    i : ``In(stream.Signature(8))``
    tx : ``Out(1)``
        The line, 1 when idle; a register.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _checked(divisor)
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Data, stop bit, and a mark above them: when the mark alone is left, the stop bit is on the line.
        clocks = Signal(range(self._divisor))
        bits = Signal(10)
        over = Signal()
        m.d.comb += [over.eq(clocks == 0), self.i.ready.eq(over & (bits[1:] == 0))]
        with m.If(~over):
            m.d.sync += clocks.eq(clocks - 1)
        with m.Elif(self.i.ready), m.If(self.i.valid):
            m.d.sync += [self.tx.eq(0), bits.eq(Cat(self.i.payload, 1, 1)), clocks.eq(self._divisor - 1)]
        with m.Else():
            m.d.sync += [self.tx.eq(bits[0]), bits.eq(bits >> 1), clocks.eq(self._divisor - 1)]
        return m
