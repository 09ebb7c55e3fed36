"""Visits: which rows of a synapse array are worked on, one of each bank at a time."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .wordstore import index_shape, word_of

__all__ = ["RowScanner", "Serialiser", "VisitJoiner", "bank_rows", "visit_layout"]


def bank_rows(inputs: int, banks: int) -> int:
    """Return the rows of a bank of a synapse array with `inputs` rows and a bias row: row j is row j // banks there."""
    return -(-(inputs + 1) // banks)


def mark_layout(inputs: int, fold: int, lanes: int, banks: int) -> data.StructLayout:
    """Return the layout of what is to be done with a row of a bank; see `visit_layout`."""
    return data.StructLayout(
        {
            "row": range(max(2, bank_rows(inputs, banks))),
            "spike": 1,
            "gate": 1,
            "permit": 1,
            "word": index_shape(fold),
            "lane": index_shape(lanes),
            "last": 1,
        }
    )


def visit_layout(inputs: int, fold: int, lanes: int, banks: int) -> data.StructLayout:
    """Return the layout of a visit to one row, or none, of each bank of a synapse array.

    The array has `inputs` rows and a bias row; row j lies in bank j modulo `banks`. Fields: ``banks``, for each bank
    ``active``, whether a row of it is visited at all (all else is zero if not), ``row``, its number in the bank,
    ``spike``, whether it is summed, ``gate``, whether its unit takes an error, ``permit``, whether it may learn, and
    ``lane``; ``word``, which with a bank's lane
    is where the row's input unit is in the layer below (`fold` words of `lanes`); ``last``, set on the visit of the
    bias row, which ends the list.
    """
    mark = mark_layout(inputs, fold, lanes, banks)
    bank = {"active": 1, **{name: mark[name].shape for name in ("row", "spike", "gate", "permit", "lane")}}
    return data.StructLayout(
        {"banks": data.ArrayLayout(data.StructLayout(bank), banks), "word": mark["word"].shape, "last": 1}
    )


class Serialiser(wiring.Component):
    """Turns words of marked slots into their marked items, one a clock, in ascending order of slots.

    Words without a mark are skipped, one a clock, while the marks of an earlier word are being emitted. After the
    marks of a word flagged `last` one more item is emitted, flagged `last`: the place of the bias row.
    Latency: two clocks. Throughput: an item a clock where a word is followed by fewer empty ones than it has items;
    each further one costs a clock. `i.ready` depends on registers alone.

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
        current = Signal(self._word)
        waiting = Signal(self._word)
        current_valid = Signal()
        waiting_valid = Signal()

        rest = Signal(current.mask.shape())
        slot = Signal(self.o.p.slot.shape())
        m.d.comb += rest.eq(current.mask & (current.mask - 1))
        for index in reversed(range(len(current.mask))):
            with m.If(current.mask[index]):
                m.d.comb += slot.eq(index)
        # An item is found in one clock, and is out in the next: it takes long to find, and goes far.
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


class VisitJoiner(wiring.Component):
    """Joins the rows that the banks' lists name to visits of all banks, and adds the bias row's.

    Each bank goes through its list by itself, as fast as it gets it; the next visit takes a row of every bank that has
    one. Where the layer below has several words of units, the rows of a visit share a word: errors on their way
    back meet one word of states in a clock. Latency: none. Throughput: a visit a clock.

    Parameters
    ----------
    inputs, fold, lanes, banks : int
        See `visit_layout`.

    Members
    -------
    i : ``In(stream.Signature(mark_layout(...))).array(banks)``
        For each bank its rows in ascending order of words, and behind them something with ``last`` set.
    bias_permit : ``In(1)``
        Whether the bias row may learn.
    o : ``Out(stream.Signature(visit_layout(...)))``
    """

    def __init__(self, inputs: int, fold: int, lanes: int, banks: int) -> None:
        self._inputs, self._fold, self._banks = inputs, fold, banks
        self._mark = mark_layout(inputs, fold, lanes, banks)
        super().__init__(
            {
                "i": In(stream.Signature(self._mark)).array(banks),
                "bias_permit": In(1),
                "o": Out(stream.Signature(visit_layout(inputs, fold, lanes, banks))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        banks, visit = self._banks, self.o.p
        there = Signal(banks)
        ended = Signal()
        m.d.comb += [
            there.eq(Cat(mark.valid & ~mark.p.last for mark in self.i)),
            ended.eq(Cat(mark.valid & mark.p.last for mark in self.i).all()),
        ]
        # Of different words, the least one comes first.
        fitting = Signal(banks)
        words = [(there[bank], self.i[bank].p.word) for bank in range(banks)]
        least = words[0]
        for other in words[1:]:
            earlier = other[0] & (~least[0] | (other[1] < least[1]))
            least = (least[0] | other[0], Mux(earlier, other[1], least[1]))
        m.d.comb += fitting.eq(there)
        if self._fold > 1:
            m.d.comb += fitting.eq(Cat(valid & (word == least[1]) for valid, word in words))

        # What has been offered stays: a bank that comes later, be it of a lesser word, waits for the next visit, and
        # gives zeros meanwhile.
        chosen = Signal(banks)
        held = Signal()
        kept = Signal(banks)
        kept_word = Signal.like(visit.word)
        m.d.comb += [
            chosen.eq(Mux(held, kept, fitting)),
            visit.word.eq(Mux(held, kept_word, least[1])),
            self.o.valid.eq(ended | chosen.any()),
            visit.last.eq(ended),
        ]
        m.d.sync += [held.eq(self.o.valid & ~self.o.ready), kept.eq(chosen), kept_word.eq(visit.word)]
        for bank, mark in enumerate(self.i):
            own = visit.banks[bank]
            m.d.comb += mark.ready.eq(self.o.ready & (ended | chosen[bank]))
            with m.If(chosen[bank]):
                m.d.comb += [
                    own.active.eq(1),
                    own.row.eq(mark.p.row),
                    own.spike.eq(mark.p.spike),
                    own.gate.eq(mark.p.gate),
                    own.permit.eq(mark.p.permit),
                    own.lane.eq(mark.p.lane),
                ]
        bias = visit.banks[self._inputs % banks]
        with m.If(ended):
            m.d.comb += [
                bias.active.eq(1),
                bias.row.eq(self._inputs // banks),
                bias.spike.eq(1),
                bias.permit.eq(self.bias_permit),
            ]
        return m


class RowScanner(wiring.Component):
    """Lists the rows of a layer that a tick has to visit, from the flags its input units have registered.

    A row is visited if its unit spikes or, where the layer carries errors, if its unit's gate is open. The bias
    row comes last. `CHUNK` units, or a word if that is less, are looked at in a clock. Latency: three clocks
    from `start` to the first visit, if it is in the first chunk. Throughput: that of a `Serialiser` of chunks a bank.

    Parameters
    ----------
    units, lanes : int
        Units of the layer below, and how many of them a word of its flags holds.
    banks : int
        Banks of the rows. Unless one word holds all units, they divide `lanes`.

    Members
    -------
    start : ``In(1)``
        Begin a list at the end of this clock; the flags must stay until the list has been taken.
    word : ``Out(index_shape(fold))``
        The word of flags that is wanted in the next clock.
    spike, gate, permit : ``In(lanes)``
        Flags of the word that was wanted in the last clock; zero for lanes beyond the last unit.
    gates : ``In(1)``
        Also visit rows whose gate is open.
    bias_permit : ``In(1)``
        Whether the bias row may learn.
    visits : ``Out(stream.Signature(visit_layout(units, fold, lanes, banks)))``
    """

    CHUNK = 16
    """Units looked at in a clock."""

    def __init__(self, units: int, lanes: int, banks: int = 1) -> None:
        fold = -(-units // lanes)
        self._units, self._lanes, self._fold, self._banks = units, lanes, fold, banks
        super().__init__(
            {
                "start": In(1),
                "word": Out(index_shape(fold)),
                "spike": In(lanes),
                "gate": In(lanes),
                "permit": In(lanes),
                "gates": In(1),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(units, fold, lanes, banks))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, fold, banks = self._lanes, self._fold, self._banks
        chunk = min(self.CHUNK, lanes)
        chunks = -(-lanes // chunk)
        word = Signal(index_shape(fold))
        part = Signal(index_shape(chunks))
        row = Signal(range(fold * lanes + 1))
        lane = Signal(index_shape(lanes))
        busy = Signal()
        last = Signal()
        accepted = Signal()

        def select(flags: Value) -> Value:
            """Select the flags of the present chunk, zero beyond the word's end."""
            return word_of(flags, part, chunk)

        spike = Signal(chunk)
        gate = Signal(chunk)
        permit = Signal(chunk)
        m.d.comb += [
            spike.eq(select(self.spike)),
            gate.eq(select(self.gate) & self.gates.replicate(chunk)),
            permit.eq(select(self.permit)),
            last.eq((word == fold - 1) & (part == chunks - 1)),
        ]
        m.submodules.joiner = joiner = VisitJoiner(self._units, fold, lanes, banks)
        m.d.comb += joiner.bias_permit.eq(self.bias_permit)
        connect(m, joiner.o, flipped(self.visits))

        # A chunk begins at a multiple of the banks, so a slot of it always belongs to the same bank.
        context = data.StructLayout({"row": row.shape(), "word": word.shape(), "lane": lane.shape()})
        item = data.StructLayout({"spike": 1, "gate": 1, "permit": 1})
        serialisers = []
        for bank in range(banks):
            slots = range(bank, chunk, banks)
            serialiser = Serialiser(max(1, len(slots)), item, context)
            m.submodules[f"serialiser_{bank}"] = serialiser
            serialisers.append(serialiser)
            emitted, mark = serialiser.o, joiner.i[bank]
            m.d.comb += [
                serialiser.i.valid.eq(accepted),
                serialiser.i.p.mask.eq(Cat(spike[slot] | gate[slot] for slot in slots)),
                serialiser.i.p.context.row.eq(row),
                serialiser.i.p.context.word.eq(word),
                serialiser.i.p.context.lane.eq(lane),
                serialiser.i.p.last.eq(last),
                mark.valid.eq(emitted.valid),
                emitted.ready.eq(mark.ready),
                mark.p.row.eq(emitted.p.context.row // banks + emitted.p.slot),
                mark.p.word.eq(emitted.p.context.word),
                mark.p.lane.eq(emitted.p.context.lane + emitted.p.slot * banks + bank),
                mark.p.spike.eq(emitted.p.item.spike),
                mark.p.gate.eq(emitted.p.item.gate),
                mark.p.permit.eq(emitted.p.item.permit),
                mark.p.last.eq(emitted.p.last),
            ]
            for position, slot in enumerate(slots):
                flags = serialiser.i.p["items"][position]
                m.d.comb += [flags.spike.eq(spike[slot]), flags.gate.eq(gate[slot]), flags.permit.eq(permit[slot])]
        m.d.comb += accepted.eq(busy & Cat(serialiser.i.ready for serialiser in serialisers).all())

        m.d.comb += self.word.eq(word)
        m.d.sync += word.eq(self.word)
        with m.If(self.start):
            m.d.comb += self.word.eq(0)
            m.d.sync += [busy.eq(1), part.eq(0), row.eq(0), lane.eq(0)]
        with m.Elif(accepted):
            with m.If(last):
                m.d.sync += busy.eq(0)
            with m.Elif(part == chunks - 1):
                m.d.comb += self.word.eq(word + 1)
                m.d.sync += [part.eq(0), lane.eq(0), row.eq(row + lanes - (chunks - 1) * chunk)]
            with m.Else():
                m.d.sync += [part.eq(part + 1), lane.eq(lane + chunk), row.eq(row + chunk)]
        return m
