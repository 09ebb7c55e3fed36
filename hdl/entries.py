"""Words of a list's entries, and their way into the lists of layer 1's banks."""

from __future__ import annotations

from amaranth import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import NetworkConfig

from .joiner import VisitJoiner
from .serialiser import Serialiser
from .visits import visit_layout

__all__ = ["EntrySorter", "entries_layout"]


def entries_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of a word of entries: as many as there are input lanes.

    Fields: ``rows``, the input unit of each entry; ``spikes``, which of them spike; ``permits``, which of those may
    learn; ``last``, on the word that ends a list.
    """
    return data.StructLayout(
        {
            "rows": data.ArrayLayout(range(config.layers[0] + 1), config.input_width),
            "spikes": config.input_width,
            "permits": config.input_width,
            "last": 1,
        }
    )


class EntrySorter(wiring.Component):
    """Gives each bank of layer 1 the rows of its own among the entries, and joins them to visits.

    Where a visit takes several cycles, the next one is joined meanwhile: it waits until each of several banks has a
    row, unless none can come before one is taken, and a full bank stops no word without an entry of its own.
    Latency: that of a `Serialiser`, two cycles, and a third where visits are joined meanwhile. Throughput: that of a
    `Serialiser` of words for each bank.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    entries : ``In(stream.Signature(entries_layout(config)))``
    bias_permit : ``In(1)``
        Whether the bias row may learn in the tick that is listed.
    visits : ``Out(stream.Signature(visit_layout(n_0, 1, 1, banks)))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._inputs, self._banks = config.layers[0], config.banks[0]
        self._gathers = self._banks > 1 and config.weight_layer(1).fold > 1
        super().__init__(
            {
                "entries": In(stream.Signature(entries_layout(config))),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(config.layers[0], 1, 1, config.banks[0]))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        banks, word = self._banks, self.entries.p
        slots = len(word.spikes)
        m.submodules.joiner = joiner = VisitJoiner(self._inputs, 1, 1, banks, waits=self._gathers)
        m.d.comb += joiner.bias_permit.eq(self.bias_permit)
        if self._gathers:
            self._gather(m, joiner)
        else:
            connect(m, joiner.o, flipped(self.visits))
        item = data.StructLayout({"row": joiner.i[0].p.row.shape(), "permit": 1})
        serialisers = []
        for bank in range(banks):
            m.submodules[f"serialiser_{bank}"] = serialiser = Serialiser(slots, item, 0)
            serialisers.append(serialiser)
            emitted, mark = serialiser.o, joiner.i[bank]
            m.d.comb += [
                serialiser.i.valid.eq(self.entries.valid & self.entries.ready),
                serialiser.i.p.last.eq(word.last),
                mark.valid.eq(emitted.valid),
                emitted.ready.eq(mark.ready),
                mark.p.row.eq(emitted.p.item.row),
                mark.p.permit.eq(emitted.p.item.permit),
                mark.p.spike.eq(1),
                mark.p.last.eq(emitted.p.last),
            ]
            for slot in range(slots):
                row = word.rows[slot]
                m.d.comb += [
                    serialiser.i.p.mask[slot].eq(word.spikes[slot] & (row % banks == bank)),
                    serialiser.i.p["items"][slot].row.eq(row // banks),
                    serialiser.i.p["items"][slot].permit.eq(word.permits[slot]),
                ]
        ready = [serialiser.i.ready for serialiser in serialisers]
        if self._gathers:
            own = [Cat(row % banks == bank for row in word.rows).any() for bank in range(banks)]
            ready = [free | ~(word.last | has) for free, has in zip(ready, own, strict=True)]
        m.d.comb += self.entries.ready.eq(Cat(ready).all())
        return m

    def _gather(self, m: Module, joiner: VisitJoiner) -> None:
        """Join the next visit while the present one is worked on: as long as entries come, a bank may get its row."""
        visits = self.visits
        present = Signal(visits.p.shape(), reset_less=True)
        m.d.comb += [
            joiner.wait.eq(~joiner.o.ready | ~self.entries.valid | self.entries.ready),
            joiner.o.ready.eq(~visits.valid | visits.ready),
            visits.payload.eq(present),
        ]
        with m.If(joiner.o.ready):
            m.d.sync += [visits.valid.eq(joiner.o.valid), present.eq(joiner.o.payload)]
        with m.If(present.last):
            # It follows from the bias row's visit before this one, which may have ended only just now.
            m.d.comb += visits.p.banks[self._inputs % self._banks].permit.eq(self.bias_permit)
