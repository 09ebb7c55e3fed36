"""The sweep of a weight layer: in each tick, one pass over the rows that have to be visited."""

from __future__ import annotations

import numpy as np
from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import PERMISSION_BITS, RATE_BITS
from backspike.layers import WeightLayer

from .crossbar import Crossbar
from .description import Probe, below
from .lfsr import LeapForwardLfsr
from .lines import FlagLines
from .scanner import RowScanner
from .seeding import bias_group, seed_layout
from .synapses import BackwardPort, SynapseArray, WeightPort, adder_tree, drive_shape
from .visits import visit_layout
from .word_store import index_shape

__all__ = ["FlagPort", "RowSweep", "SweepEvents", "row_ports"]


class FlagPort(wiring.Signature):
    """What a hidden layer registers for the layer above: ``spike``, ``gate``, ``permit``, a bit for a unit of a word.

    ``word``: the word that is wanted in the next cycle; ``changing``: flags, and the layer's error spikes, change at
    the end of the next cycle.
    """

    def __init__(self, layer: WeightLayer) -> None:
        super().__init__(
            {
                "word": In(index_shape(layer.unit_fold)),
                "spike": Out(layer.unit_width),
                "gate": Out(layer.unit_width),
                "permit": Out(layer.unit_width),
                "changing": Out(1),
            }
        )


class SweepEvents(wiring.Signature):
    """What a sweep does in a clock cycle, for the counters.

    ``sweeping``: its list is not yet at its end; ``reading``: a row of it is read; ``writing``: the memories' only port
    writes, so that no row can be read; ``visited`` and ``wrote``: rows taken and written back, 0 to the number of
    banks.
    """

    def __init__(self, banks: int) -> None:
        super().__init__(
            {
                "sweeping": Out(1),
                "reading": Out(1),
                "writing": Out(1),
                "visited": Out(range(banks + 1)),
                "wrote": Out(range(banks + 1)),
            }
        )


def row_ports(layer: WeightLayer) -> dict[str, wiring.Member]:
    """Return the ports through which a layer gets its rows, and gives errors back.

    Layer 1: ``visits``, the rows of the tick, and ``bias_permit``, whether its bias row may learn. The others:
    ``below``, the flags of the layer below, and ``back``, the errors of its units.
    """
    if layer.first:
        visits = stream.Signature(visit_layout(layer.inputs, 1, 1, layer.banks))
        return {"visits": In(visits), "bias_permit": Out(1)}
    return {"below": In(FlagPort(layer.below)), "back": Out(BackwardPort(layer))}


class RowSweep(wiring.Component):
    """Synapses of a weight layer, the list of rows that it visits in a tick, and its bias row's LFSR.

    Layer 1 is given its list; the others scan the flags of the layer below for it. A sweep takes ``fold`` cycles for
    each row visited (with banks, for each row of the bank that has most; with a single port, one more for each word
    that changes), and two more, or three where flags or errors are `changing`, before the first row of a scanned list.
    That of a crossbar takes one, or two where they are changing; errors come a cycle later than its end.

    Parameters
    ----------
    layer : WeightLayer
    weights : int64 array, optional
        As those of the `SynapseArray`.

    Members
    -------
    start : ``In(1)``
        A tick begins with the next clock cycle.
    changing : ``In(1)``
        The layer's own error spikes change at the end of the next cycle.
    rate : ``In(9)``
        Learning rate of the layer in 1/256: for the permission of the bias row.
    error : ``In(1)``
        Error spikes of the layer are registered.
    error_word, error_pos, error_neg, word, drives, swept
        As those of the `SynapseArray`.
    visits, bias_permit, or below, back
        See `row_ports`.
    weight : ``In(WeightPort(config))``
    seeds : ``In(seed_layout(config))``
    events : ``Out(SweepEvents(banks))``
    """

    def __init__(self, layer: WeightLayer, weights: NDArray[np.int64] | None = None) -> None:
        self._layer, self._weights = layer, weights
        fold, lanes = layer.fold, layer.lanes
        super().__init__(
            {
                "start": In(1),
                "changing": In(1),
                "rate": In(RATE_BITS),
                "error": In(1),
                "error_word": Out(index_shape(fold)),
                "error_pos": In(lanes),
                "error_neg": In(lanes),
                "word": In(index_shape(fold)),
                "drives": Out(data.ArrayLayout(drive_shape(layer), lanes)),
                "swept": Out(1),
                **row_ports(layer),
                "weight": In(WeightPort(layer.config)),
                "seeds": In(seed_layout(layer.config)),
                "events": Out(SweepEvents(layer.banks)),
            }
        )

    @staticmethod
    def probes(layer: WeightLayer) -> dict[str, Probe]:
        """Return where weights are, and the state of the bias row's LFSR."""
        return {
            **below("synapses", (Crossbar if layer.crossbar else SynapseArray).probes(layer)),
            "bias": Probe("bias.state", layer.config.lfsr_bits, field="bias"),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self._layer
        kind = Crossbar if layer.crossbar else SynapseArray
        m.submodules.synapses = array = kind(layer, self._weights)
        m.submodules.bias = bias = LeapForwardLfsr(layer.config.lfsr_bits, PERMISSION_BITS)
        connect(m, array.weight, flipped(self.weight))
        m.d.comb += [
            array.update.eq(self.error),
            array.error_pos.eq(self.error_pos),
            array.error_neg.eq(self.error_neg),
            array.word.eq(self.word),
            self.error_word.eq(array.error_word),
            self.drives.eq(array.drives),
            self.swept.eq(array.swept),
        ]

        # The list of rows.
        bias_permit = bias.state[:PERMISSION_BITS] < self.rate
        if layer.first:
            visits = self.visits
            m.d.comb += self.bias_permit.eq(bias_permit)
        else:
            scanner = (
                FlagLines(layer) if layer.crossbar else RowScanner(layer.inputs, layer.below.unit_width, layer.banks)
            )
            m.submodules.scanner = scanner
            visits = scanner.visits
            connect(m, array.back, flipped(self.back))
            # It follows from flags below and errors here: it begins a cycle later where they are not there yet.
            changing = Signal()
            late = Signal()
            m.d.comb += changing.eq(self.below.changing | self.changing)
            m.d.sync += late.eq(self.start & changing)
            m.d.comb += [
                scanner.start.eq((self.start & ~changing) | late),
                self.below.word.eq(scanner.word),
                scanner.spike.eq(self.below.spike),
                scanner.gate.eq(self.below.gate),
                scanner.permit.eq(self.below.permit),
                scanner.gates.eq(self.error),
                scanner.bias_permit.eq(bias_permit),
            ]

        # Its visits go to the array from the tick's start to the bias row, which is the last.
        events = self.events
        taken = Signal()
        active = [bank.active for bank in visits.p.banks]
        m.d.comb += [
            array.visits.payload.eq(visits.payload),
            array.visits.valid.eq(visits.valid & events.sweeping),
            visits.ready.eq(array.visits.ready & events.sweeping),
            taken.eq(visits.valid & visits.ready),
            bias.enable.eq(taken & visits.p.last),
            bias.load.eq(self.seeds.valid & (self.seeds.group == bias_group(layer))),
            bias.seed.eq(self.seeds.state),
            events.writing.eq(array.writing),
            events.reading.eq(visits.valid & events.sweeping & ~array.writing),
            events.visited.eq(Mux(taken, adder_tree(active) if layer.crossbar else sum(active), 0)),
            events.wrote.eq(array.wrote),
        ]
        with m.If(self.start):
            m.d.sync += events.sweeping.eq(1)
        with m.Elif(taken & visits.p.last):
            m.d.sync += events.sweeping.eq(0)
        return m
