"""The rows of a crossbar in a tick: all that are visited, and the bias row, in one visit."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.layers import WeightLayer

from .entries import entries_layout
from .visits import visit_layout
from .word_store import index_shape

__all__ = ["EntryLines", "FlagLines"]


class EntryLines(wiring.Component):
    """Gathers the entries of a list, word by word, and gives all that spike as one visit.

    It takes the place of an `EntrySorter`. The words of the next list come while the visit waits to be taken, or in the
    cycle in which it is. Latency: a cycle from the word that ends a list to its visit. Throughput: a word per cycle.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    entries, bias_permit, visits
        See `EntrySorter`.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._layer = layer = config.weight_layer(1)
        super().__init__(
            {
                "entries": In(stream.Signature(entries_layout(config))),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(layer.inputs, 1, 1, layer.banks))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs, word = self._layer.inputs, self.entries.p
        spikes = Signal(inputs)
        permits = Signal(inputs)
        complete = Signal()
        taken = self.visits.valid & self.visits.ready
        accepted = self.entries.valid & self.entries.ready
        m.d.comb += [self.entries.ready.eq(~complete | self.visits.ready), self.visits.valid.eq(complete)]
        with m.If(accepted | taken):
            m.d.sync += complete.eq(accepted & word.last)
        for row in range(inputs):
            mine = Cat(word.spikes[slot] & (word.rows[slot] == row) for slot in range(len(word.spikes)))
            here = Signal(name=f"here_{row}")
            m.d.comb += here.eq(accepted & mine.any())
            with m.If(here):
                m.d.sync += [spikes[row].eq(1), permits[row].eq((mine & word.permits).any())]
            with m.Elif(taken):
                m.d.sync += spikes[row].eq(0)
        _set_lines(m, self.visits.p, spikes, Const(0, inputs), permits, self.bias_permit)
        return m


class FlagLines(wiring.Component):
    """Gives the flags of the layer below, all of them, as one visit.

    It takes the place of a `RowScanner`. A row is visited if its unit spikes or, where the layer carries errors, if its
    unit's gate is open. Latency: a cycle from `start` to the visit.

    Parameters
    ----------
    layer : WeightLayer
        From 2 on.

    Members
    -------
    start, word, spike, gate, permit, gates, bias_permit, visits
        See `RowScanner`; there is one word.
    """

    def __init__(self, layer: WeightLayer) -> None:
        units = layer.inputs
        super().__init__(
            {
                "start": In(1),
                "word": Out(index_shape(1)),
                "spike": In(units),
                "gate": In(units),
                "permit": In(units),
                "gates": In(1),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(units, 1, units, layer.banks))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.start | self.visits.ready):
            m.d.sync += self.visits.valid.eq(self.start)
        gates = self.gate & self.gates.replicate(len(self.gate))
        _set_lines(m, self.visits.p, self.spike, gates, self.permit, self.bias_permit)
        return m


def _set_lines(m: Module, visit: data.View, spikes: Value, gates: Value, permits: Value, bias_permit: Value) -> None:
    """Make a visit of the flags of all rows but the bias row, which is the last."""
    *rows, bias = visit.banks
    for row, own in enumerate(rows):
        m.d.comb += [
            own.active.eq(spikes[row] | gates[row]),
            own.spike.eq(spikes[row]),
            own.gate.eq(gates[row]),
            own.permit.eq(permits[row]),
            own.lane.eq(row),
        ]
    m.d.comb += [visit.last.eq(1), bias.active.eq(1), bias.spike.eq(1), bias.permit.eq(bias_permit)]
