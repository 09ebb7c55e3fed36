"""Visits: which row of a synapse array is worked on, one after the other."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .wordstore import index_shape, word_of

__all__ = ["RowScanner", "Serialiser", "visit_layout"]


def visit_layout(inputs: int, fold: int, lanes: int) -> data.StructLayout:
    """Return the layout of a visit to one row of a synapse array with `inputs` rows and a bias row.

    Fields: ``row``, 0 to `inputs` (the bias row); ``spike``, whether the row is summed; ``permit``, whether it may
    learn; ``word`` and ``lane``, where the input unit's state is in the layer below; ``last``, set on the bias
    row, which ends the tick's list.
    """
    return data.StructLayout(
        {
            "row": range(inputs + 1),
            "spike": 1,
            "permit": 1,
            "word": index_shape(fold),
            "lane": index_shape(lanes),
            "last": 1,
        }
    )


class Serialiser(wiring.Component):
    """Turns words of marked slots into their marked items, one a clock, in ascending order of slots.

    Words without a mark are skipped, one a clock, while the marks of an earlier word are being emitted. After the
    marks of a word flagged `last` one more item is emitted, flagged `last`: the place of the bias row.
    Latency: two clocks. Throughput: an item a clock where a word is followed by fewer empty ones than it has items;
    each empty word from that number on costs a clock.

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
        current, waiting = Signal(self._word), Signal(self._word)
        current_valid, waiting_valid = Signal(), Signal()

        rest = Signal(current.mask.shape())
        m.d.comb += rest.eq(current.mask & (current.mask - 1))
        slot = self.o.p.slot
        for index in reversed(range(len(current.mask))):
            with m.If(current.mask[index]):
                m.d.comb += slot.eq(index)
        m.d.comb += [
            self.o.valid.eq(current_valid),
            self.o.p.item.eq(current["items"][slot]),
            self.o.p.context.eq(current.context),
            self.o.p.last.eq(current.mask == 0),
        ]

        finishing = Signal()
        m.d.comb += finishing.eq(self.o.ready & Mux(current.last, current.mask == 0, rest == 0))
        take = Signal()
        m.d.comb += [
            take.eq(~current_valid | finishing),
            self.i.ready.eq(~waiting_valid | take),
        ]
        with m.If(self.o.ready):
            m.d.sync += current.mask.eq(rest)
        with m.If(take):
            m.d.sync += [current.eq(waiting), current_valid.eq(waiting_valid)]
        with m.If(self.i.ready):
            m.d.sync += [
                waiting.eq(self.i.payload),
                waiting_valid.eq(self.i.valid & ((self.i.p.mask != 0) | self.i.p.last)),
            ]
        return m


class RowScanner(wiring.Component):
    """Lists the rows of a layer that a tick has to visit, from the flags its input units have registered.

    A row is visited if its unit spikes or, where the layer carries errors, if its unit's gate is open. The bias
    row comes last. `CHUNK` units, or a word if that is less, are looked at in a clock. Latency: three clocks from
    `start` to the first visit, if it is in the first chunk. Throughput: that of a `Serialiser` of chunks.

    Parameters
    ----------
    units, lanes : int
        Units of the layer below, and how many of them a word of its state holds.

    Members
    -------
    start : ``In(1)``
        Begin a list at the end of this clock; the flags must stay until the list has been taken.
    spike, gate, permit : ``In(fold * lanes)``
        Flags of the units below; zero for lanes beyond the last unit.
    gates : ``In(1)``
        Also visit rows whose gate is open.
    bias_permit : ``In(1)``
        Whether the bias row may learn.
    visits : ``Out(stream.Signature(visit_layout(units, fold, lanes)))``
    """

    CHUNK = 16
    """Units looked at in a clock."""

    def __init__(self, units: int, lanes: int) -> None:
        fold = -(-units // lanes)
        self._units, self._lanes, self._fold = units, lanes, fold
        flags = fold * lanes
        super().__init__(
            {
                "start": In(1),
                "spike": In(flags),
                "gate": In(flags),
                "permit": In(flags),
                "gates": In(1),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(units, fold, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, fold = self._lanes, self._fold
        chunk = min(self.CHUNK, lanes)
        chunks = -(-lanes // chunk)
        context = data.StructLayout(
            {"row": range(self._units + 1), "word": index_shape(fold), "lane": index_shape(lanes)}
        )
        m.submodules.serialiser = serialiser = Serialiser(chunk, data.StructLayout({"spike": 1, "permit": 1}), context)
        word, part = Signal(index_shape(fold)), Signal(index_shape(chunks))
        row, lane = Signal(range(fold * lanes + 1)), Signal(index_shape(lanes))
        busy = Signal()

        def select(flags: Value) -> Value:
            """Select the flags of the present chunk, zero beyond the word's end."""
            return word_of(flags, word, lanes).word_select(part, chunk)

        spike, permit = Signal(chunk), Signal(chunk)
        m.d.comb += [
            spike.eq(select(self.spike)),
            permit.eq(select(self.permit)),
            serialiser.i.valid.eq(busy),
            serialiser.i.p.mask.eq(spike | (select(self.gate) & self.gates.replicate(chunk))),
            serialiser.i.p.context.row.eq(row),
            serialiser.i.p.context.word.eq(word),
            serialiser.i.p.context.lane.eq(lane),
            serialiser.i.p.last.eq((word == fold - 1) & (part == chunks - 1)),
        ]
        for slot in range(chunk):
            m.d.comb += serialiser.i.p["items"][slot].spike.eq(spike[slot])
            m.d.comb += serialiser.i.p["items"][slot].permit.eq(permit[slot])

        with m.If(self.start):
            m.d.sync += [busy.eq(1), word.eq(0), part.eq(0), row.eq(0), lane.eq(0)]
        with m.Elif(busy & serialiser.i.ready):
            with m.If(serialiser.i.p.last):
                m.d.sync += busy.eq(0)
            with m.Elif(part == chunks - 1):
                m.d.sync += [part.eq(0), lane.eq(0), word.eq(word + 1), row.eq(row + lanes - (chunks - 1) * chunk)]
            with m.Else():
                m.d.sync += [part.eq(part + 1), lane.eq(lane + chunk), row.eq(row + chunk)]

        item = serialiser.o.p
        visit = self.visits.p
        m.d.comb += [
            self.visits.valid.eq(serialiser.o.valid),
            serialiser.o.ready.eq(self.visits.ready),
            visit.row.eq(item.context.row + item.slot),
            visit.word.eq(item.context.word),
            visit.lane.eq(item.context.lane + item.slot),
            visit.spike.eq(item.item.spike),
            visit.permit.eq(item.item.permit),
            visit.last.eq(item.last),
        ]
        with m.If(item.last):
            m.d.comb += [visit.row.eq(self._units), visit.spike.eq(1), visit.permit.eq(self.bias_permit)]
        return m
