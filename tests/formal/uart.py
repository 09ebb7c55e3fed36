"""The serial line: what goes out as bits comes in as the same bytes."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.hdl.link import uart

from .contracts import claim_order
from .proof import Bench, Proof, mutant

DIVISOR = 4
BYTE = 10 * DIVISOR


def line(bench: Bench) -> None:
    """A byte is a start bit, its bits from the lowest up, and a stop bit, each as long; all else is idle."""
    m, unit = bench.m, bench.unit
    frame = Signal(10)
    left = Signal(range(BYTE + 1))
    taken = bench.named(unit.i.valid & unit.i.ready & bench.running)
    with m.If(taken):
        m.d.sync += [frame.eq(Cat(Const(0, 1), unit.i.payload, Const(1, 1))), left.eq(BYTE)]
    with m.Elif(left != 0):
        m.d.sync += left.eq(left - 1)
    bench.claim(unit.tx == Mux(left == 0, 1, frame.bit_select((BYTE - left)[:6] // DIVISOR, 1)))
    # A byte waits for the one before it, and no longer.
    bench.claim(~taken | (left <= 1))
    bench.claim((left > 1) | unit.i.ready)


class Line(wiring.Component):
    """A transmitter and a receiver at the ends of a line."""

    def __init__(self, module) -> None:
        self._module = module
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transmitter = transmitter = self._module.UartTransmitter(DIVISOR)
        m.submodules.receiver = receiver = self._module.UartReceiver(DIVISOR)
        connect(m, flipped(self.i), transmitter.i)
        connect(m, receiver.o, flipped(self.o))
        m.d.comb += receiver.rx.eq(transmitter.tx)
        return m


def carried(bench: Bench) -> None:
    """Each byte comes out once, in order, before the one after it is on its way."""
    claim_order(bench, bench.unit.i, bench.unit.o, late=BYTE + 4)


PROOFS = [
    Proof(
        "uart_transmitter",
        f"UartTransmitter({DIVISOR})",
        "the line carries start bit, bits and stop bit of each byte, without a gap, and else is idle",
        lambda: uart.UartTransmitter(DIVISOR),
        line,
        depth=BYTE + 12,
        unbounded=False,
        twin=lambda: mutant(
            uart, "self.i.ready.eq(over & (bits[1:] == 0))", "self.i.ready.eq(over & (bits[2:] == 0))"
        ).UartTransmitter(DIVISOR),
    ),
    Proof(
        "uart_line",
        f"UartTransmitter({DIVISOR}) and UartReceiver({DIVISOR})",
        "each byte comes out once, unchanged and in order",
        lambda: Line(uart),
        carried,
        depth=2 * BYTE + 10,
        unbounded=False,
        free={"number": 2},
        twin=lambda: Line(mutant(uart, "self._divisor // 2 - 1", "self._divisor - 1")),
    ),
]
