"""Reception of requests: a frame is offered once all of it is there and its CRC is right, and then alone."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.hdl.comparison import is_below
from backspike.hdl.ram import ram
from backspike.link import CRC_BYTES, FRAME_BYTES, HEADER_BYTES, OVERHEAD, LinkEvent

from .checksum import ChecksumPort
from .transport import Token, token_layout

__all__ = ["FrameReceiver", "frame_layout"]


def frame_layout(frame_bytes: int = FRAME_BYTES) -> data.StructLayout:
    """Return the layout of a received frame: its ``sequence`` and ``kind``, and the ``size`` of its body in bytes."""
    return data.StructLayout({"sequence": 8, "kind": 8, "size": range(frame_bytes - OVERHEAD + 1)})


class FrameReceiver(wiring.Component):
    """Takes frames from a transport, and offers those that are whole.

    A frame is offered until it is taken, and what comes from its end until then is dropped: its taker reads the body
    at leisure.

    Latency: a frame is offered two cycles after the token at its end. Throughput: a token per cycle.

    Parameters
    ----------
    frame_bytes : int
        Most bytes of a frame, from sequence to CRC.

    Members
    -------
    i : ``In(stream.Signature(token_layout(), always_ready=True))``
    frame : ``Out(stream.Signature(frame_layout(frame_bytes)))``
        A frame with a right CRC; `ready` says that its body is not needed any more.
    address, data : ``In(range(frame_bytes))``, ``Out(8)``
        The body of the frame that is offered: the byte at the last cycle's address.
    busy : ``Out(1)``
        A frame is looked at or offered: what comes is dropped.
    events : ``Out(len(LinkEvent))``
        Strobes: a frame is refused as LONG, SHORT, DAMAGED or, at its end, BUSY.
    crc : ``Out(ChecksumPort())``
        The sum of the frame that comes. Free to be used for other things while a frame is offered.
    """

    def __init__(self, frame_bytes: int = FRAME_BYTES) -> None:
        self._frame_bytes = frame_bytes
        super().__init__(
            {
                "i": In(stream.Signature(token_layout(), always_ready=True)),
                "frame": Out(stream.Signature(frame_layout(frame_bytes))),
                "address": In(range(frame_bytes)),
                "data": Out(8),
                "busy": Out(1),
                "events": Out(len(LinkEvent)),
                "crc": Out(ChecksumPort()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, most = Module(), self._frame_bytes
        m.submodules.bytes = memory = ram(8, most)
        stored = memory.write_port()
        read = memory.read_port()
        token = self.i.payload
        frame = Signal(frame_layout(most), reset_less=True)
        # Of the next byte, in the body: the header lies before it, in the memory's last bytes, which no body reaches.
        place = Signal(range(-HEADER_BYTES, most - HEADER_BYTES + 1), init=-HEADER_BYTES)
        too_long = Signal()
        broken = Signal(reset_less=True)
        m.d.comb += [
            self.frame.payload.eq(frame),
            read.addr.eq(self.address),
            self.data.eq(read.data),
            stored.addr.eq(place),
            stored.data.eq(token.byte),
            self.crc.byte.eq(token.byte),
        ]

        def store() -> None:
            m.d.comb += [stored.en.eq(1), self.crc.valid.eq(1)]
            with m.If(place == most - HEADER_BYTES):
                m.d.sync += too_long.eq(1)
            with m.Else():
                m.d.sync += place.eq(place + 1)
            with m.If(place == -2):
                m.d.sync += frame.sequence.eq(token.byte)
            with m.If(place == -1):
                m.d.sync += frame.kind.eq(token.byte)

        def listen() -> None:
            m.d.comb += self.crc.start.eq(1)
            m.d.sync += [place.eq(-HEADER_BYTES), too_long.eq(0)]
            m.next = "Receive"

        def refuse(event: LinkEvent) -> None:
            m.d.comb += self.events[event].eq(1)
            listen()

        # Whether something of the frame that comes has been dropped.
        lost = Signal()
        ends = (token.kind == Token.END) | (token.kind == Token.BROKEN)
        with m.If(self.i.valid & ends):
            m.d.comb += self.events[LinkEvent.BUSY].eq(lost)
            m.d.sync += lost.eq(0)
        with m.Elif(self.i.valid & self.busy):
            m.d.sync += lost.eq(1)

        with m.FSM() as fsm:
            with m.State("Receive"), m.If(self.i.valid & ~lost):
                with m.If(ends):
                    m.d.sync += [broken.eq(token.kind == Token.BROKEN), frame.size.eq(place - CRC_BYTES)]
                    m.next = "Judge"
                with m.Elif(token.kind == Token.BYTE):
                    store()
            with m.State("Judge"):
                with m.If(too_long):
                    refuse(LinkEvent.LONG)
                with m.Elif((place < 0) | is_below(place[:-1], CRC_BYTES)):
                    refuse(LinkEvent.SHORT)
                with m.Elif(broken | ~self.crc.match):
                    refuse(LinkEvent.DAMAGED)
                with m.Else():
                    m.next = "Offer"
            with m.State("Offer"):
                m.d.comb += self.frame.valid.eq(1)
                with m.If(self.frame.ready):
                    listen()
        m.d.comb += self.busy.eq(~fsm.ongoing("Receive"))
        return m
