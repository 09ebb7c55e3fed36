"""Visit joiner: from the lists of the banks to visits of all banks."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .visits import mark_layout, visit_layout

__all__ = ["VisitJoiner"]


class VisitJoiner(wiring.Component):
    """Joins the rows that the banks' lists name to visits of all banks, and adds the bias row's.

    Each bank goes through its list by itself, as fast as it gets it; the next visit takes a row of every bank that has
    one. Where the layer below has several words of units, the rows of a visit share a word: errors on their way
    back meet one word of states in a cycle. Latency: none. Throughput: one visit per cycle.

    Parameters
    ----------
    inputs, fold, lanes, banks : int
        See `visit_layout`.
    waits : bool
        Whether it has the member ``wait``.

    Members
    -------
    i : ``In(stream.Signature(mark_layout(...))).array(banks)``
        For each bank its rows in ascending order of words, and after them something with ``last`` set.
    wait : ``In(1)``, optional
        A visit begins only if every bank has a row or has come to its end: worth it where a visit takes many cycles,
        and what is missing comes soon. What has been offered stays.
    bias_permit : ``In(1)``
        Whether the bias row may learn.
    o : ``Out(stream.Signature(visit_layout(...)))``
    """

    def __init__(self, inputs: int, fold: int, lanes: int, banks: int, waits: bool = False) -> None:
        self._inputs, self._fold, self._banks, self._waits = inputs, fold, banks, waits
        self._mark = mark_layout(inputs, fold, lanes, banks)
        super().__init__(
            {
                "i": In(stream.Signature(self._mark)).array(banks),
                **({"wait": In(1)} if waits else {}),
                "bias_permit": In(1),
                "o": Out(stream.Signature(visit_layout(inputs, fold, lanes, banks))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        banks, visit = self._banks, self.o.p
        has_row = Signal(banks)
        ended = Signal()
        m.d.comb += [
            has_row.eq(Cat(mark.valid & ~mark.p.last for mark in self.i)),
            ended.eq(Cat(mark.valid & mark.p.last for mark in self.i).all()),
        ]
        # Of different words, the least one comes first.
        fitting = Signal(banks)
        words = [(has_row[bank], self.i[bank].p.word) for bank in range(banks)]
        least = words[0]
        for other in words[1:]:
            earlier = other[0] & (~least[0] | (other[1] < least[1]))
            least = (least[0] | other[0], Mux(earlier, other[1], least[1]))
        m.d.comb += fitting.eq(has_row)
        if self._fold > 1:
            m.d.comb += fitting.eq(Cat(valid & (word == least[1]) for valid, word in words))
        if self._waits:
            with m.If(self.wait & ~Cat(mark.valid for mark in self.i).all()):
                m.d.comb += fitting.eq(0)

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
