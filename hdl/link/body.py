"""A request's body as a stream of bytes."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.link import FRAME_BYTES, OVERHEAD

__all__ = ["BodyReader"]


class BodyReader(wiring.Component):
    """Reads a body out of a `FrameReceiver`, from its first byte to its last, as often as it is asked to.

    Latency: the first byte is there in the cycle after `rewind`. Throughput: a byte per cycle.

    Parameters
    ----------
    frame_bytes : int
        Most bytes of a frame.

    Members
    -------
    rewind : ``In(1)``
        Go back to the first byte.
    size : ``In(range(frame_bytes - OVERHEAD + 1))``
        Bytes of the body.
    o : ``Out(stream.Signature(8))``
        Not `valid` after the last byte.
    skip : ``In(16)``
        With a byte that is taken: pairs of bytes after it that are passed over.
    beyond : ``Out(1)``
        With `skip`: it leads beyond the end. What follows then is of no use before the next `rewind`.
    address, data : ``Out(range(frame_bytes))``, ``In(8)``
        Those of a `FrameReceiver`.
    """

    def __init__(self, frame_bytes: int = FRAME_BYTES) -> None:
        super().__init__(
            {
                "rewind": In(1),
                "size": In(range(frame_bytes - OVERHEAD + 1)),
                "o": Out(stream.Signature(8)),
                "skip": In(16),
                "beyond": Out(1),
                "address": Out(range(frame_bytes)),
                "data": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        place = Signal.like(self.address)
        # Pairs that no frame has lead beyond its end, wherever it is.
        within = len(place) - 1
        following = Signal(len(place) + 1)
        m.d.comb += [
            following.eq(place + Cat(Const(1, 1), self.skip[:within])),
            self.beyond.eq(self.skip[within:].any() | (following > self.size)),
            self.o.valid.eq(place != self.size),
            self.o.payload.eq(self.data),
            self.address.eq(place),
        ]
        m.d.sync += place.eq(self.address)
        with m.If(self.rewind):
            m.d.comb += self.address.eq(0)
        with m.Elif(self.o.valid & self.o.ready):
            m.d.comb += self.address.eq(following)
        return m
