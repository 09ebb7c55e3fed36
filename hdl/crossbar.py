"""The synapses of one layer as a crossbar: a counter where a row's line meets a column's, all of them at work at once.

A counter steps where the line of its row, on which an input's spike and its permission are, and that of its column, on
which a unit's error is, are set together: the resistive processing unit of the paper, in logic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from numpy.typing import NDArray

from backspike.layers import WeightLayer

from .description import Probe
from .synapses import adder_tree, follow_access, product_of_errors, row_contents, row_word, synapse_ports

__all__ = ["Crossbar"]


class Crossbar(wiring.Component):
    """Weights of one layer: an up-down counter for each, which all sum, pass errors back and step in one clock cycle.

    It takes the place of a `SynapseArray` whose banks have a row each. A list is one visit, of the bias row and all
    rows that are visited with it. The visit sets the lines of the rows; in the next cycle each column adds the weights
    of the lines that are set, each row multiplies its weights with the columns' errors, and, at the end of that cycle,
    a weight moves by one LSB where the line of a row that may learn meets that of a column with an error.

    A host's access goes over the same lines. That of its row alone is set, and the sum of the column is the weight; to
    write, the column's line then carries the difference to the new weight as its step. So a cell has no way in or out
    of its own, and its counter is all that it holds.

    Throughput: a list per cycle. Latency: from the cycle that takes the visit, the drives are there after two cycles
    (`swept` is set in the first), the errors are out in the second, the last of the layer (``back.swept`` is set), and
    the weights have moved after two.

    Parameters
    ----------
    layer : WeightLayer
        From layer 2 on errors go back to the layer below.
    weights : int64 array, shape (inputs + 1, units), optional
        Those at power-up; when left out they are undefined, and zero in a simulation.

    Members
    -------
    visits, error_word, error_pos, error_neg, update, swept, word, drives, back, weight, wrote, writing
        See `SynapseArray`; `writing` is never set.
    """

    def __init__(self, layer: WeightLayer, weights: NDArray[np.int64] | None = None) -> None:
        self._layer, self._weights = layer, weights
        super().__init__(synapse_ports(layer))

    @staticmethod
    def probes(layer: WeightLayer) -> dict[str, Probe]:
        """Return the registers of the rows."""
        return {f"weights_{row}": Probe(f"row_{row}", row_word(layer), field="weights") for row in range(layer.rows)}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self._layer
        host = Signal()
        asked = Signal()
        exchanging = Signal()
        follow_access(m, self.weight, host, asked, exchanging)

        # Cycle 0: the lines of the rows are set; for the host, that of its row.
        visiting = Signal()
        spikes = Signal(layer.rows)
        permits = Signal(layer.rows)
        gates = Signal(layer.rows)
        banks = list(self.visits.p.banks)
        chosen = Cat(self.weight.row == row for row in range(layer.rows))
        m.d.comb += self.visits.ready.eq(1)
        m.d.sync += visiting.eq(self.visits.valid)
        with m.If(self.visits.valid):
            m.d.sync += [
                spikes.eq(Cat(bank.spike for bank in banks)),
                permits.eq(Cat(bank.permit for bank in banks)),
                gates.eq(Cat(bank.gate for bank in banks)),
            ]
        with m.Elif(host):
            m.d.sync += [spikes.eq(chosen), permits.eq(self.weight.write.replicate(layer.rows))]

        # Cycle 1: sums, errors and steps, all of the weights as they are before it.
        updating = Signal()
        learning = Signal(layer.rows)
        stepping = Signal(layer.rows)
        m.d.comb += [
            updating.eq(visiting & self.update),
            learning.eq(spikes & permits),
            stepping.eq(learning & (updating | exchanging).replicate(layer.rows)),
            self.swept.eq(visiting),
            self.wrote.eq(Mux(updating, adder_tree(list(learning)), 0)),
        ]
        words = self._add_cells(m, stepping, exchanging)
        drives = Signal(self.drives.shape(), reset_less=True)
        sums = Signal(self.drives.shape())
        for lane in range(layer.lanes):
            m.d.comb += sums[lane].eq(adder_tree([Mux(spikes[row], word[lane], 0) for row, word in enumerate(words)]))
        with m.If(visiting):
            m.d.sync += drives.eq(sums)
        with m.If(asked):
            m.d.sync += self.weight.r_data.eq(sums[self.weight.lane])
        m.d.comb += self.drives.eq(drives)

        if not layer.first:
            back = self.back
            m.d.sync += back.swept.eq(visiting)
            for row in range(layer.inputs):
                m.d.comb += [back.lane[row].eq(row), back.spike[row].eq(spikes[row]), back.permit[row].eq(permits[row])]
                m.d.sync += back.valid[row].eq(updating & gates[row])
                with m.If(updating):
                    m.d.sync += back.error[row].eq(product_of_errors(layer, words[row], self.error_pos, self.error_neg))
        return m

    def _add_cells(self, m: Module, stepping: Signal, exchanging: Signal) -> list[data.View]:
        """Add the counters, which step where the line of their row is set; return the weights, row by row."""
        layer, config = self._layer, self._layer.config
        difference = Signal(signed(config.weight_bits + 1))
        m.d.comb += difference.eq(self.weight.w_data - self.weight.r_data)

        # The columns' lines: the step, modulo the weights' width, and the bound that it leads to.
        steps = Signal(row_word(layer))
        bounds = Signal(row_word(layer))
        for lane in range(layer.lanes):
            chosen = self.weight.lane == lane
            learnt = Mux(self.error_neg[lane], -1, self.error_pos[lane])
            down = Mux(exchanging, difference < 0, self.error_neg[lane])
            m.d.comb += [
                steps[lane].eq(Mux(exchanging, Mux(chosen, difference, 0), learnt)),
                bounds[lane].eq(Mux(down, config.weight_min, config.weight_max)),
            ]

        words = []
        for row in range(layer.rows):
            init: Any = None if self._weights is None else row_contents(layer, row, self._weights)[0]
            word: Any = Signal(row_word(layer), name=f"row_{row}", init=init, reset_less=True)
            words.append(word)
            for lane in range(layer.lanes):
                # Of the host's steps, which never lead past a bound, none is held that is not zero.
                with m.If(stepping[row] & (word[lane] != bounds[lane])):
                    m.d.sync += word[lane].eq(word[lane] + steps[lane])
        return words
