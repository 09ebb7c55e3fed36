"""Serialiser: from words of marked slots to one marked item per clock cycle."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .word_store import index_shape

__all__ = ["Serialiser"]


class Serialiser(wiring.Component):
    """Turns words of marked slots into their marked items, one per cycle, in ascending order of slots.

    Words without a mark are skipped, one per cycle, while the marks of an earlier word are being emitted. After the
    marks of a word flagged `last` one more item is emitted, flagged `last`: the place of the bias row.
    Latency: two cycles. Throughput: an item per cycle where a word is followed by fewer empty ones than it has items;
    each further one costs a cycle. `i.ready` depends on registers alone.

    Parameters
    ----------
    slots : int
        Slots of a word.
    item : shape-like
        What comes with each slot.
    context : shape-like
        What comes with each word.

    Members
    -------
    i : ``In(stream.Signature({mask, items, context, last}))``
    o : ``Out(stream.Signature({slot, item, context, last}))``
    """

    def __init__(self, slots: int, item: data.Layout | int, context: data.Layout | int) -> None:
        self._word = data.StructLayout(
            {"mask": slots, "items": data.ArrayLayout(item, slots), "context": context, "last": 1}
        )
        self._out = data.StructLayout({"slot": index_shape(slots), "item": item, "context": context, "last": 1})
        super().__init__({"i": In(stream.Signature(self._word)), "o": Out(stream.Signature(self._out))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        current = Signal(self._word, reset_less=True)
        waiting = Signal(self._word, reset_less=True)
        current_valid = Signal()
        waiting_valid = Signal()

        rest = Signal(current.mask.shape())
        slot = Signal(self.o.p.slot.shape())
        m.d.comb += rest.eq(current.mask & (current.mask - 1))
        for index in reversed(range(len(current.mask))):
            with m.If(current.mask[index]):
                m.d.comb += slot.eq(index)
        # An item is found in one cycle, and is out in the next: it takes long to find, and goes far.
        moving = ~self.o.valid | self.o.ready
        with m.If(moving):
            m.d.sync += [
                self.o.valid.eq(current_valid),
                self.o.p.slot.eq(slot),
                self.o.p.item.eq(current["items"][slot]),
                self.o.p.context.eq(current.context),
                self.o.p.last.eq(current.mask == 0),
            ]

        finishing = Signal()
        m.d.comb += finishing.eq(moving & Mux(current.last, current.mask == 0, rest == 0))
        take = Signal()
        m.d.comb += [take.eq(~current_valid | finishing), self.i.ready.eq(~waiting_valid)]
        # A word goes past the waiting place where nothing waits, and the next one can be taken.
        useful = self.i.valid & ((self.i.p.mask != 0) | self.i.p.last)
        with m.If(moving):
            m.d.sync += current.mask.eq(rest)
        with m.If(take):
            m.d.sync += [
                current.eq(Mux(waiting_valid, waiting.as_value(), self.i.payload.as_value())),
                current_valid.eq(waiting_valid | useful),
            ]
        with m.If(self.i.ready):
            m.d.sync += [waiting.eq(self.i.payload), waiting_valid.eq(useful & ~take)]
        with m.Elif(take):
            m.d.sync += waiting_valid.eq(0)
        return m
