"""The answer: written byte by byte, summed up, and kept for a host that has not heard it."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.hdl.ram import ram
from backspike.link import CRC_BYTES

from .checksum import ChecksumPort
from .transport import ANSWER_BYTES, AnswerPort

__all__ = ["AnswerWriter"]


class AnswerWriter(wiring.Component):
    """Keeps an answer, with its CRC, and has it sent as often as it is asked for.

    Latency: an answer is handed to the transport five cycles after `seal`, and one after `send`.

    Members
    -------
    begin : ``In(1)``
        Forget the answer that is kept, or what there is of one.
    i : ``In(stream.Signature(8, always_ready=True))``
        Bytes of the answer, its CRC apart: at most `ANSWER_BYTES` - 5, or any number of those that are forgotten. From
        the cycle after `begin` on.
    look : ``In(1)``
        Go on to the next byte of `sum`, in each of four cycles without a byte.
    sum : ``Out(8)``
        The first byte of the CRC of all bytes since `begin`, or the one that `look` has gone on to.
    seal : ``In(1)``
        With the last byte or after it: append the CRC, and send the answer.
    send : ``In(1)``
        Send the answer that is kept.
    done : ``Out(1)``
        Strobe: it is sent.
    answer : ``Out(AnswerPort())``
    crc : ``Out(ChecksumPort())``
        The answer's sum, from `begin` until `answer.start`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "begin": In(1),
                "i": In(stream.Signature(8, always_ready=True)),
                "look": In(1),
                "sum": Out(8),
                "seal": In(1),
                "send": In(1),
                "done": Out(1),
                "answer": Out(AnswerPort()),
                "crc": Out(ChecksumPort()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bytes = memory = ram(8, ANSWER_BYTES)
        written = memory.write_port()
        read = memory.read_port()
        filled = Signal(range(ANSWER_BYTES))
        crc_bytes = Signal(range(CRC_BYTES))
        m.d.comb += [
            written.addr.eq(filled),
            read.addr.eq(self.answer.address),
            self.answer.data.eq(read.data),
            self.answer.length.eq(filled),
            self.crc.start.eq(self.begin),
            self.crc.byte.eq(self.i.payload),
            self.sum.eq(self.crc.crc),
        ]

        def write(byte: object) -> None:
            m.d.comb += [written.en.eq(1), written.data.eq(byte)]
            m.d.sync += filled.eq(filled + 1)

        with m.FSM() as fsm:
            with m.State("Write"):
                with m.If(self.begin):
                    m.d.sync += filled.eq(0)
                with m.Elif(self.i.valid):
                    write(self.i.payload)
                    m.d.comb += self.crc.valid.eq(1)
                with m.If(self.seal):
                    m.next = "Seal"
                with m.Elif(self.send):
                    m.next = "Start"
            with m.State("Seal"):
                write(self.sum)
                m.d.sync += crc_bytes.eq(crc_bytes + 1)
                with m.If(crc_bytes == CRC_BYTES - 1):
                    m.next = "Start"
            with m.State("Start"):
                m.d.comb += self.answer.start.eq(1)
                m.next = "Send"
            with m.State("Send"), m.If(self.answer.done):
                m.d.comb += self.done.eq(1)
                m.next = "Write"
        m.d.comb += self.crc.shift.eq(self.look | fsm.ongoing("Seal"))
        return m
