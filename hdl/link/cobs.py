"""Consistent overhead byte stuffing (Cheshire and Baker 1999): frames of any bytes, with a 0 after each."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .transport import AnswerPort, Token, token_layout

__all__ = ["BLOCK", "CobsDecoder", "CobsEncoder"]

BLOCK = 254
"""Most bytes after a code byte."""


class CobsDecoder(wiring.Component):
    """Turns bytes of a line into bytes of frames.

    A 0 ends a frame wherever it comes; several in a row end one.

    Latency: none; a token comes out in the cycle in which its byte goes in.

    Members
    -------
    i : ``In(stream.Signature(8, always_ready=True))``
    o : ``Out(stream.Signature(token_layout(), always_ready=True))``
        A code that stands for no byte is a `Token.FRAMING`; a frame that ends inside a block is `Token.BROKEN`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "o": Out(stream.Signature(token_layout(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Bytes left of the block; whether a 0 stands between it and the next; whether there is one before this.
        left = Signal(8)
        zero = Signal()
        inside = Signal()
        code = left == 0
        token = self.o.payload
        m.d.comb += token.byte.eq(Mux(code, 0, self.i.payload))
        with m.If(self.i.valid):
            with m.If(self.i.payload == 0):
                m.d.comb += [self.o.valid.eq(inside), token.kind.eq(Mux(code, Token.END, Token.BROKEN))]
                m.d.sync += [left.eq(0), zero.eq(0), inside.eq(0)]
            with m.Else():
                m.d.comb += [self.o.valid.eq(1), token.kind.eq(Mux(code & ~zero, Token.FRAMING, Token.BYTE))]
                m.d.sync += [inside.eq(1), left.eq(Mux(code, self.i.payload, left) - 1)]
                with m.If(code):
                    m.d.sync += zero.eq(self.i.payload != BLOCK + 1)
        return m


class CobsEncoder(wiring.Component):
    """Takes an answer out of its memory, encodes it, and gives its bytes and the 0 after them.

    A block's length has to be known ahead of it, so each is read twice.

    Latency: a block of n bytes is begun after n + 2 cycles. Throughput within it: a byte per cycle.

    Parameters
    ----------
    most : int
        Bytes that the memory has.

    Members
    -------
    answer : ``In(AnswerPort(most))``
        `done` in the cycle in which the 0 is taken.
    o : ``Out(stream.Signature(8))``
    """

    def __init__(self, most: int) -> None:
        super().__init__({"answer": In(AnswerPort(most)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        answer = self.answer
        # Before a block's code is sent, it goes back to the byte ahead of the block: from 0 on that is the last number.
        position = Signal.like(answer.length)
        code = Signal(8, init=1)
        full = Signal()
        back = Signal()
        onward = Signal()
        down = Signal()
        at_end = position == answer.length
        # One adder each: position - code, or + 1; code - 1, or + 1.
        moved = Signal(len(position) + 1)
        away = Cat(~code, Const(-1, len(position) - len(code))) if len(position) > len(code) else ~code[: len(position)]
        m.d.comb += [
            moved.eq(Cat(back | onward, position) + Cat(back | onward, Mux(back, away, 0))),
            answer.address.eq(moved[1:]),
        ]
        m.d.sync += position.eq(moved[1:])

        def count() -> None:
            m.d.sync += code.eq(code + Cat(1, down.replicate(7)))

        with m.FSM():
            with m.State("Idle"), m.If(answer.start):
                m.next = "Measure"
            with m.State("Measure"):
                with m.If(at_end | (answer.data == 0) | (code == BLOCK + 1)):
                    m.d.comb += back.eq(1)
                    m.next = "Code"
                with m.Else():
                    m.d.comb += onward.eq(1)
                    count()
            with m.State("Code"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(code), onward.eq(self.o.ready)]
                m.d.sync += full.eq(code == BLOCK + 1)
                with m.If(self.o.ready):
                    m.next = "Data"
            with m.State("Data"):
                m.d.comb += [self.o.payload.eq(answer.data), down.eq(1)]
                with m.If(code != 1):
                    m.d.comb += self.o.valid.eq(1)
                    with m.If(self.o.ready):
                        m.d.comb += onward.eq(1)
                        count()
                with m.Else():
                    m.next = "Measure"
                    with m.If(at_end):
                        m.next = "End"
                    # A full block has no 0 after it; of any other it is not sent.
                    with m.Elif(~full):
                        m.d.comb += onward.eq(1)
            with m.State("End"):
                m.d.comb += [self.o.valid.eq(1), answer.done.eq(self.o.ready)]
                m.d.sync += position.eq(0)
                with m.If(self.o.ready):
                    m.next = "Idle"
        return m
