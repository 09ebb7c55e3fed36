"""Row scanner: from the flags of a layer's units to the rows that the layer above has to visit."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .joiner import VisitJoiner
from .serialiser import Serialiser
from .visits import visit_layout
from .word_store import index_shape, word_of

__all__ = ["RowScanner"]


class RowScanner(wiring.Component):
    """Lists the rows of a layer that a tick has to visit, from the flags its input units have registered.

    A row is visited if its unit spikes or, where the layer carries errors, if its unit's gate is open. The bias
    row comes last. `CHUNK` units, or a word if that is less, are looked at per cycle. Latency: three cycles
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
        Begin a list at the end of this cycle; the flags must stay until the list has been taken.
    word : ``Out(index_shape(fold))``
        The word of flags that is wanted in the next cycle.
    spike, gate, permit : ``In(lanes)``
        Flags of the word that was wanted in the last cycle; zero for lanes beyond the last unit.
    gates : ``In(1)``
        Also visit rows whose gate is open.
    bias_permit : ``In(1)``
        Whether the bias row may learn.
    visits : ``Out(stream.Signature(visit_layout(units, fold, lanes, banks)))``
    """

    CHUNK = 16
    """Units looked at per cycle."""

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
