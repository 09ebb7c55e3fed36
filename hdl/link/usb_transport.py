"""Frames over USB: COBS on a serial device, as on a serial line."""

from __future__ import annotations

from typing import Any, ClassVar

from amaranth import Cat, Module, ResetInserter, Signal
from amaranth.lib import io, stream, wiring
from amaranth.lib.fifo import AsyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped

from .cobs import CobsDecoder, CobsEncoder
from .transport import ANSWER_BYTES, AnswerPort, token_layout
from .usb_device import UsbSerialDevice
from .usb_phy import CLOCK_HZ

__all__ = ["UsbTransport"]

_CROSSING = 9
"""Bytes on their way from one clock to the other; a power of two and one."""


class UsbTransport(wiring.Component):
    """Carries the link's bytes over USB, full speed; they are those of a `SerialTransport`.

    What comes is given on at once, whether the link is busy or not: the link counts what comes too early, and the host
    sends no request before the last one is answered. So the way from the host is free again as fast as `sync` takes a
    byte in a cycle; where that is slower than the bus, the host is told to try again, and no byte is lost. What goes to
    the host waits for it: a host that fetches nothing holds an answer back, up to the next `reset`.

    A break, SEND_BREAK of the communications class, and a reset of the bus give `reset` after the bytes that came
    before. A 0 is sent then, which ends the answer that was broken off.

    Latency: a packet's first token comes out within a microsecond, and 4 cycles of `sync`, of its end, and the others
    as fast as both clocks allow; an answer's first block of n bytes is on its way n + 3 cycles after `start`, and can
    be fetched when it fills a packet, or with the 0 at the answer's end. Throughput: 19 packets of 64 bytes in a
    millisecond, 1.2 MB/s, in both directions together (USB 2.0, table 5-9).

    Members
    -------
    d_p, d_n : ``Out(io.Buffer.Signature(io.Direction.Bidir, 1))``
    pullup : ``Out(io.Buffer.Signature(io.Direction.Output, 1))``
        The port's lines, as of the `UsbSerialDevice`.
    received : ``Out(stream.Signature(token_layout(), always_ready=True))``
    answer : ``In(AnswerPort())``
    reset : ``Out(1)``
        Strobe: the host breaks, or resets the bus.
    """

    RESOURCE = "usb"
    """What platforms call its pins."""

    CLOCKS: ClassVar[dict[str, float]] = {"usb": CLOCK_HZ / 1e6}
    """Domains that it has besides `sync`, and their clocks in MHz."""

    def __init__(self) -> None:
        super().__init__(
            {
                "d_p": Out(io.Buffer.Signature(io.Direction.Bidir, 1)),
                "d_n": Out(io.Buffer.Signature(io.Direction.Bidir, 1)),
                "pullup": Out(io.Buffer.Signature(io.Direction.Output, 1)),
                "received": Out(stream.Signature(token_layout(), always_ready=True)),
                "answer": In(AnswerPort()),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.device = device = UsbSerialDevice()
        for name in ("d_p", "d_n", "pullup"):
            connect(m, flipped(getattr(self, name)), getattr(device, name))

        # From the host: bytes, and in their order, as a ninth bit, breaks.
        m.submodules.requests = requests = AsyncFIFOBuffered(width=9, depth=_CROSSING, w_domain="usb", r_domain="sync")
        breaking = Signal()
        m.d.comb += [
            requests.w_data.eq(Cat(device.received, ~device.valid)),
            requests.w_en.eq(device.valid | breaking),
            device.ready.eq(requests.w_rdy),
        ]
        with m.If(requests.w_rdy & ~device.valid):
            m.d.usb += breaking.eq(0)
        with m.If(device.broken):
            m.d.usb += breaking.eq(1)
        m.submodules.decoder = decoder = ResetInserter(self.reset)(CobsDecoder())
        connect(m, decoder.o, flipped(self.received))
        # A byte after a break waits for the cycle of the reset.
        m.d.comb += [
            requests.r_en.eq(~self.reset),
            decoder.i.payload.eq(requests.r_data[:8]),
            decoder.i.valid.eq(requests.r_rdy & requests.r_en & ~requests.r_data[8]),
        ]
        m.d.sync += self.reset.eq(requests.r_rdy & requests.r_en & requests.r_data[8])

        # To the host.
        m.submodules.answers = answers = AsyncFIFOBuffered(width=8, depth=_CROSSING, w_domain="sync", r_domain="usb")
        m.submodules.encoder = encoder = ResetInserter(self.reset)(CobsEncoder(ANSWER_BYTES))
        connect(m, flipped(self.answer), encoder.answer)
        ending = Signal()
        with m.If(ending):
            m.d.comb += [answers.w_data.eq(0), answers.w_en.eq(1)]
            m.d.sync += ending.eq(~answers.w_rdy)
        with m.Else():
            m.d.comb += [
                answers.w_data.eq(encoder.o.payload),
                answers.w_en.eq(encoder.o.valid),
                encoder.o.ready.eq(answers.w_rdy),
            ]
        with m.If(self.reset):
            m.d.sync += ending.eq(1)
        m.d.comb += [
            device.sent.payload.eq(answers.r_data),
            device.sent.valid.eq(answers.r_rdy),
            device.last.eq(answers.r_data == 0),
            answers.r_en.eq(device.sent.ready),
        ]
        return m
