"""Consistent overhead byte stuffing (Cheshire and Baker 1999): frames of any bytes, with a 0 behind each."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BLOCK", "CobsDecoder", "CobsEncoder"]

BLOCK = 254
"""Most bytes behind a code byte."""


class CobsDecoder(wiring.Component):
    """Turns bytes of a line into bytes of frames.

    A 0 ends a frame wherever it comes; several in a row end one.

    Latency: none; a byte comes out in the clock in which its code goes in, and one byte at most.

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``
    o : ``Out(stream.Signature(8, always_ready=True))``
    began : ``Out(1)``
        A byte of a frame goes in, in this clock.
    end : ``Out(1)``
        A frame of at least one byte, before decoding, ends with this clock.
    broken : ``Out(1)``
        With `end`: the frame ends inside a block.
    """

    def __init__(self) -> None:
        byte = stream.Signature(8, always_ready=True)
        super().__init__({"i": In(byte), "o": Out(byte), "began": Out(1), "end": Out(1), "broken": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Bytes left of the block; whether a 0 stands between it and the next; whether there is one before this.
        left = Signal(8)
        zero = Signal()
        inside = Signal()
        code = left == 0
        m.d.comb += [
            self.o.payload.eq(Mux(code, 0, self.i.payload)),
            self.broken.eq(~code),
        ]
        with m.If(self.i.valid):
            with m.If(self.i.payload == 0):
                m.d.comb += self.end.eq(inside)
                m.d.sync += [left.eq(0), zero.eq(0), inside.eq(0)]
            with m.Else():
                m.d.comb += [self.began.eq(1), self.o.valid.eq(~code | zero)]
                m.d.sync += [inside.eq(1), left.eq(Mux(code, self.i.payload, left) - 1)]
                with m.If(code):
                    m.d.sync += zero.eq(self.i.payload != BLOCK + 1)
        return m


class CobsEncoder(wiring.Component):
    """Takes a frame out of a memory, encodes it, and gives its bytes and the 0 behind them.

    A block's length has to be known ahead of it, so each is read twice.

    Latency: a block of n bytes is begun after n + 2 clocks. Throughput within it: a byte a clock.

    Parameters
    ----------
    most : int
        Bytes that the memory has.

    Members
    -------
    start : ``In(1)``
        Begin with the next clock.
    length : ``In(range(most + 1))``
        Bytes of the frame, at least 1; held until `done`.
    address : ``Out(range(most))``
        Of the byte that is wanted in the next clock.
    data : ``In(8)``
        The byte at the last clock's `address`.
    o : ``Out(stream.Signature(8))``
    done : ``Out(1)``
        The 0 is taken in this clock.
    """

    def __init__(self, most: int) -> None:
        super().__init__(
            {
                "start": In(1),
                "length": In(range(most + 1)),
                "address": Out(range(most)),
                "data": In(8),
                "o": Out(stream.Signature(8)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        position = Signal.like(self.length)
        following = Signal.like(self.length)
        run = Signal(8)
        left = Signal(8)
        at_end = position == self.length
        m.d.comb += [following.eq(position), self.address.eq(following)]
        m.d.sync += position.eq(following)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += following.eq(0)
                m.d.sync += run.eq(0)
                with m.If(self.start):
                    m.next = "Measure"
            with m.State("Measure"):
                with m.If(at_end | (self.data == 0) | (run == BLOCK)):
                    m.d.comb += following.eq(position - run)
                    m.d.sync += left.eq(run)
                    m.next = "Code"
                with m.Else():
                    m.d.comb += following.eq(position + 1)
                    m.d.sync += run.eq(run + 1)
            with m.State("Code"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(run + 1)]
                with m.If(self.o.ready):
                    m.next = "Data"
            with m.State("Data"):
                m.d.comb += self.o.payload.eq(self.data)
                with m.If(left != 0):
                    m.d.comb += self.o.valid.eq(1)
                    with m.If(self.o.ready):
                        m.d.comb += following.eq(position + 1)
                        m.d.sync += left.eq(left - 1)
                with m.Else():
                    m.d.sync += run.eq(0)
                    m.next = "Measure"
                    with m.If(at_end):
                        m.next = "End"
                    # A full block has no 0 behind it; of any other it is not sent.
                    with m.Elif(run != BLOCK):
                        m.d.comb += following.eq(position + 1)
            with m.State("End"):
                m.d.comb += [self.o.valid.eq(1), self.done.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "Idle"
        return m
