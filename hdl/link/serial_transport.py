"""Frames on a serial line: COBS on a UART."""

from __future__ import annotations

from typing import ClassVar

from amaranth import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .cobs import CobsDecoder, CobsEncoder
from .transport import ANSWER_BYTES, AnswerPort, token_layout
from .uart import UartReceiver, UartTransmitter

__all__ = ["SerialTransport"]


class SerialTransport(wiring.Component):
    """Carries the link's bytes over a UART; the bytes 0 between frames are COBS's.

    Latency: a token comes out three cycles after the middle of its byte's stop bit at most; an answer's first block of
    n bytes is on its way n + 3 cycles after `start`.

    Parameters
    ----------
    divisor : int
        Cycles per bit of the line, 4 to 65,535.

    Members
    -------
    rx, tx : ``In(1)``, ``Out(1)``
        The line, 1 when idle; `rx` is of no clock domain.
    received : ``Out(stream.Signature(token_layout(), always_ready=True))``
    answer : ``In(AnswerPort())``
    reset : ``Out(1)``
        The host sends a break.
    """

    RESOURCE = "uart"
    """What platforms call its pins."""

    CLOCKS: ClassVar[dict[str, float]] = {}
    """It has no other clock than `sync`."""

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "received": Out(stream.Signature(token_layout(), always_ready=True)),
                "answer": In(AnswerPort()),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self._divisor)
        transmitter, decoder, encoder = UartTransmitter(self._divisor), CobsDecoder(), CobsEncoder(ANSWER_BYTES)
        parts = {"transmitter": transmitter, "decoder": decoder, "encoder": encoder}
        for name, part in parts.items():
            m.submodules[name] = ResetInserter(self.reset)(part)
        connect(m, receiver.o, decoder.i)
        connect(m, decoder.o, flipped(self.received))
        connect(m, flipped(self.answer), encoder.answer)
        connect(m, encoder.o, transmitter.i)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        m.d.sync += self.reset.eq(receiver.broken)
        return m
