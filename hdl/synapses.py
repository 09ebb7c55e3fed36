"""The synapse array of one layer: row memory, weighted sums forwards and backwards, coincidence update."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth import Array, Cat, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.layers import WeightLayer

from .description import Probe
from .ram import ram
from .visits import bank_rows, visit_layout
from .word_store import WordStore, index_shape

__all__ = [
    "BackwardPort",
    "SynapseArray",
    "WeightPort",
    "adder_tree",
    "drive_shape",
    "error_shape",
    "follow_access",
    "product_of_errors",
    "row_contents",
    "row_word",
    "synapse_ports",
]


def drive_shape(layer: WeightLayer) -> Shape:
    """Return the shape of the drive of a unit of a layer: the sum of all rows, exact."""
    return signed(layer.config.weight_bits + ceil_log2(layer.rows))


def row_word(layer: WeightLayer) -> data.ArrayLayout:
    """Return the layout of a word of a row: a weight per lane."""
    return data.ArrayLayout(signed(layer.config.weight_bits), layer.lanes)


def error_shape(layer: WeightLayer) -> Shape:
    """Return the shape of the error that a layer passes back to one of its inputs, exact."""
    return signed(layer.config.weight_bits + ceil_log2(layer.units) + 1)


def row_contents(layer: WeightLayer, bank: int, weights: NDArray[np.int64]) -> list[list[int]]:
    """Return the words of a bank's memory, a weight per lane, with the weights of a layer in them.

    Parameters
    ----------
    layer : WeightLayer
    bank : int
    weights : int64 array, shape (inputs + 1, units)
    """
    whole = np.pad(weights, ((0, 0), (0, layer.row_lanes - layer.units)))
    words: list[list[int]] = whole[bank :: layer.banks].reshape(-1, layer.lanes).tolist()
    return words


class WeightPort(wiring.Signature):
    """Access to a single weight while no visits come: held until `done`, four cycles later.

    Members, as seen by the one who asks: ``valid``, ``write``, ``row``, ``word``, ``lane``, ``w_data`` out;
    ``r_data`` (the old weight) and ``done`` in.
    """

    def __init__(self, config: NetworkConfig) -> None:
        weight = signed(config.weight_bits)
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "row": Out(range(max(layer.rows for layer in config.weight_layers))),
                "word": Out(index_shape(max(layer.fold for layer in config.weight_layers))),
                "lane": Out(index_shape(max(config.lanes))),
                "w_data": Out(weight),
                "r_data": In(weight),
                "done": In(1),
            }
        )


class BackwardPort(wiring.Signature):
    """Errors on their way from a layer, 2 .. L, to the units below.

    ``swept``: no more of them in this tick; ``word``: that of the units whose errors are there; ``valid``, ``lane``,
    ``spike``, ``permit``, ``error``: for each bank whether there is one, the lane of its unit, this one's flags (its
    gate is open), and the signed error in weight LSBs.
    """

    def __init__(self, layer: WeightLayer) -> None:
        banks = layer.banks
        lane = index_shape(layer.below.unit_width)
        super().__init__(
            {
                "swept": Out(1),
                "word": Out(index_shape(layer.below.unit_fold)),
                "valid": Out(banks),
                "lane": Out(data.ArrayLayout(lane, banks)),
                "spike": Out(banks),
                "permit": Out(banks),
                "error": Out(data.ArrayLayout(error_shape(layer), banks)),
            }
        )


def synapse_ports(layer: WeightLayer) -> dict[str, wiring.Member]:
    """Return the ports of the synapses of a layer, whichever kind they are; `SynapseArray` describes them."""
    below = (1, 1) if layer.first else (layer.below.unit_fold, layer.below.unit_width)
    return {
        "visits": In(stream.Signature(visit_layout(layer.inputs, *below, layer.banks))),
        "error_word": Out(index_shape(layer.fold)),
        "error_pos": In(layer.lanes),
        "error_neg": In(layer.lanes),
        "update": In(1),
        "swept": Out(1),
        "word": In(index_shape(layer.fold)),
        "drives": Out(data.ArrayLayout(drive_shape(layer), layer.lanes)),
        **({} if layer.first else {"back": Out(BackwardPort(layer))}),
        "weight": In(WeightPort(layer.config)),
        "wrote": Out(range(layer.banks + 1)),
        "writing": Out(1),
    }


def follow_access(m: Module, port: wiring.PureInterface, host: Signal, asked: Signal, exchanging: Signal) -> None:
    """Move the host's access to a weight on by a step per clock cycle: from `host` over the others to done."""
    m.d.sync += [
        host.eq(port.valid & ~(host | asked | exchanging | port.done)),
        asked.eq(host),
        exchanging.eq(asked),
        port.done.eq(exchanging),
    ]


@dataclass(frozen=True)
class _Reading:
    """Cycle 0, in which a word is read.

    ``advance``: a visit's; ``word``: its number in the row; ``last``: the row's last; ``first``: the first visit of a
    list; ``host``: the host's instead; ``asked``: the host's was read in the cycle before.
    """

    advance: Signal
    word: Signal
    last: Value
    first: Signal
    host: Signal
    asked: Signal


@dataclass(frozen=True)
class _Visiting:
    """Cycle 1, in which the words that were read are there: what cycle 0 says of them, and the visit itself."""

    valid: Signal
    visit: Signal
    word: Signal
    last: Signal
    first: Signal


@dataclass(frozen=True)
class _Change:
    """Cycle 2, in which words are written: lanes with an error up or down, that of the host's weight, and whether."""

    up: Signal
    down: Signal
    valid: Signal
    chosen: Signal


class SynapseArray(wiring.Component):
    """Weights of one layer: memories of rows, worked on a word of ``lanes`` weights of each per cycle.

    The rows are spread over banks, row j in bank j modulo their number, each a memory with one read and one write
    port, or with one port that does both in turn. A row has ``fold`` words. A visit reads a row of each bank, or of
    some, once and does everything with it: adds it to the drives (if it spikes), multiplies it with the error spikes
    (the error of its input unit), and writes it back, changed by one LSB where a row that spikes and may learn meets an
    error spike. The first visit of a list starts the drives anew. No list names a row twice, and two lists are a cycle
    apart, or three that are scanned; so a read never races a write, but for the bias row's of a list with no other,
    which waits.

    Throughput: a visit takes ``fold`` cycles, and with a single port one more for each word of it that changes. A list
    of the bias row alone that comes two cycles after the end of another begins a cycle later.
    Latency: from the cycle that takes a visit's last word, the drives are in the store after two cycles (`swept` is set
    in the first), the error is out in the second, and the row is in its memory after three.

    Parameters
    ----------
    layer : WeightLayer
        From layer 2 on errors go back to the layer below.
    weights : int64 array, shape (inputs + 1, units), optional
        Those at power-up; undefined until they are loaded when left out.

    Members
    -------
    visits : ``In(stream.Signature(visit_layout(...)))``
    error_word : ``Out(index_shape(fold))``
        The word of units whose error spikes are wanted in the next cycle.
    error_pos, error_neg : ``In(lanes)``
        Error spikes of the word that was wanted in the last cycle; in layer L, one at most of each sign in all words.
    update : ``In(1)``
        There are any error spikes in this tick.
    swept : ``Out(1)``
        The list's last word is being added.
    word, drives : ``In(index_shape(fold))``, ``Out(ArrayLayout(drive_shape, lanes))``
        Read-out of the drives, the cycle after `word`; not in the middle of a list.
    back : ``Out(BackwardPort(layer))``
        From layer 2 on: errors of the input units with an open gate, never of the bias row.
    weight : ``In(WeightPort(config))``
    wrote : ``Out(range(banks + 1))``
        Rows that will be written back in the next cycle (in their last word).
    writing : ``Out(1)``
        A word of the visit before the last cycle's is written, and so none is read: through the memories' single port,
        or because it is the one that would be.
    """

    def __init__(self, layer: WeightLayer, weights: NDArray[np.int64] | None = None) -> None:
        self._layer, self._weights = layer, weights
        super().__init__(synapse_ports(layer))
        self._visit = self.visits.p.shape()

    @staticmethod
    def probes(layer: WeightLayer) -> dict[str, Probe]:
        """Return the memories of the rows: row j is row j // banks of bank j modulo banks, in ``fold`` words."""
        words = bank_rows(layer.inputs, layer.banks) * layer.fold
        return {
            f"weights_{bank}": Probe(f"rows_{bank}", row_word(layer), words, "weights") for bank in range(layer.banks)
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self._layer
        m.submodules.drive_store = drive = WordStore(drive_shape(layer), layer.lanes, layer.fold)
        reading = self._read(m, drive)
        now = self._follow(m, reading, drive)
        words = self._update(m, reading, now)
        self._add(m, now, words, drive)
        if not layer.first:
            self._send_errors_back(m, now, words)
        return m

    def _read(self, m: Module, drive: WordStore) -> _Reading:
        """Cycle 0: address. The host's access takes the place of a visit; so does, with a single port, a write."""
        fold = self._layer.fold
        word = Signal(index_shape(fold))
        last_word = word == fold - 1
        host = Signal()
        asked = Signal()
        exchanging = Signal()
        advance = Signal()
        first = Signal(init=1)
        m.d.comb += [
            advance.eq(self.visits.valid & ~self.writing),
            self.visits.ready.eq(last_word & ~self.writing),
            drive.r_address.eq(Mux(self.visits.valid, word, self.word)),
            self.error_word.eq(word),
        ]
        if fold > 1:
            with m.If(advance):
                m.d.sync += word.eq(Mux(last_word, 0, word + 1))
        with m.If(advance & last_word):
            m.d.sync += first.eq(self.visits.p.last)
        follow_access(m, self.weight, host, asked, exchanging)
        return _Reading(advance, word, last_word, first, host, asked)

    def _follow(self, m: Module, reading: _Reading, drive: WordStore) -> _Visiting:
        """Cycle 1: the visit whose word has been read; its drives are on their way into the store."""
        visiting = Signal()
        visit = Signal(self._visit)
        now_word = Signal(index_shape(self._layer.fold))
        now_last = Signal()
        now_first = Signal()
        m.d.sync += [
            visiting.eq(reading.advance),
            visit.eq(self.visits.payload),
            now_word.eq(reading.word),
            now_last.eq(reading.last),
            now_first.eq(reading.first),
        ]
        m.d.comb += [
            drive.w_address.eq(now_word),
            drive.w_enable.eq(visiting.replicate(self._layer.lanes)),
            self.drives.eq(drive.r_data),
            self.swept.eq(visiting & visit.last & now_last),
        ]
        return _Visiting(visiting, visit, now_word, now_last, now_first)

    def _update(self, m: Module, reading: _Reading, now: _Visiting) -> list[data.View]:
        """Cycle 2: change by one LSB, and write back. Return the words that are there in cycle 1, of each bank one.

        In a cycle of its own: a large memory is slow, and far away. The host's weight takes the place of the old one,
        which does not change since no visit has come.
        """
        layer, lanes, banks = self._layer, self._layer.lanes, self._layer.banks
        coincide = Signal(banks)
        changes = Signal(banks)
        up = Signal(lanes, reset_less=True)
        down = Signal(lanes, reset_less=True)
        changing = Signal()
        chosen = Signal(lanes)
        m.d.sync += [
            up.eq(self.error_pos),
            down.eq(self.error_neg),
            changing.eq(now.valid),
            chosen.eq(Cat(reading.asked & (self.weight.lane == lane) for lane in range(lanes))),
        ]
        change = _Change(up, down, changing, chosen)
        words, held_words = zip(
            *(self._add_bank(m, bank, reading, now, change, coincide[bank], changes[bank]) for bank in range(banks)),
            strict=True,
        )
        if layer.ports == 1:
            m.d.comb += self.writing.eq(changes.any())
        elif layer.first and layer.fold == 1:
            # Any other list is scanned first, and other words of the bias row come between.
            written = Signal()
            m.d.sync += written.eq(self.swept)
            m.d.comb += self.writing.eq(written & self.visits.valid & self.visits.p.last)
        m.d.comb += self.wrote.eq(Mux(now.last, adder_tree(list(coincide)), 0))
        m.d.sync += self.weight.r_data.eq(Array(held_words)[self.weight.row % banks][self.weight.lane])
        return list(words)

    def _add_bank(
        self,
        m: Module,
        bank: int,
        reading: _Reading,
        now: _Visiting,
        change: _Change,
        coincide: Value,
        changes: Value,
    ) -> tuple[data.View, Signal]:
        """Add a bank's memory, read in cycle 0 and written in cycle 2; return its word in cycle 1, and in cycle 2."""
        layer, config, banks = self._layer, self._layer.config, self._layer.banks
        words = bank_rows(layer.inputs, banks) * layer.fold
        if self._weights is None:
            store = ram(row_word(layer), words, cleared=True)
        else:
            store = ram(row_word(layer), words, init=row_contents(layer, bank, self._weights))
        m.submodules[f"rows_{bank}"] = store
        read = store.read_port()
        write = store.write_port()
        own = now.visit.banks[bank]
        address = Signal(range(max(2, words)))
        at = Signal.like(address)
        held_at = Signal.like(address)
        held = Signal(row_word(layer), reset_less=True)
        coincided = Signal()
        host_writes = Signal()
        # The host's is worked out a cycle before: registers far away would make this the longest path.
        host_address = Signal.like(address)
        m.d.comb += [
            address.eq(Mux(reading.host, host_address, self.visits.p.banks[bank].row * layer.fold + reading.word)),
            coincide.eq(now.valid & own.spike & own.permit & self.update),
            changes.eq(coincided & (change.up | change.down).any()),
        ]
        m.d.sync += [
            host_address.eq(self.weight.row // banks * layer.fold + self.weight.word),
            at.eq(address),
            held_at.eq(at),
            held.eq(read.data),
            coincided.eq(coincide),
            host_writes.eq(reading.asked & self.weight.write & (self.weight.row % banks == bank)),
        ]
        if layer.ports == 1:
            # Few words change: those that do not need no cycle of their own. One address, and never both at once.
            m.d.comb += [
                write.en.eq(changes | host_writes),
                write.addr.eq(Mux(write.en, held_at, address)),
                read.addr.eq(write.addr),
                read.en.eq(~write.en),
            ]
        else:
            m.d.comb += [write.en.eq(coincided | host_writes), write.addr.eq(held_at), read.addr.eq(address)]
        for lane in range(layer.lanes):
            # Never both. Two comparisons for equality are cheaper than a sum of one bit more and two for order.
            old = held[lane]
            saturated = Signal(signed(config.weight_bits))
            higher = change.up[lane] & change.valid & (old != config.weight_max)
            lower = change.down[lane] & change.valid & (old != config.weight_min)
            m.d.comb += [
                saturated.eq(old + Mux(lower, -1, higher)),
                write.data[lane].eq(Mux(change.chosen[lane], self.weight.w_data, saturated)),
            ]
        return read.data, held

    def _add(self, m: Module, now: _Visiting, words: list[data.View], drive: WordStore) -> None:
        """Cycle 1: add what spikes to the drives."""
        for lane in range(self._layer.lanes):
            spiking = [Mux(now.visit.banks[bank].spike, word[lane], 0) for bank, word in enumerate(words)]
            m.d.comb += drive.w_data[lane].eq(Mux(now.first, 0, drive.r_data[lane]) + adder_tree(spiking))

    def _send_errors_back(self, m: Module, now: _Visiting, words: list[data.View]) -> None:
        """Cycle 2: the errors of the rows' input units."""
        fold = self._layer.fold
        m.d.comb += self.back.swept.eq(self.swept)
        m.d.sync += self.back.word.eq(now.visit.word)
        going_back = now.valid & self.update & now.last & ~now.visit.last
        for bank, word in enumerate(words):
            own, error = now.visit.banks[bank], self.back.error[bank]
            product = product_of_errors(self._layer, word, self.error_pos, self.error_neg)
            partial = Signal(error.shape(), reset_less=True)
            total = Signal(error.shape(), reset_less=True)
            begins = Signal(reset_less=True)
            with m.If(now.valid):
                m.d.sync += [partial.eq(product), total.eq(error), begins.eq(now.word == 0)]
            # Only rows of several words are summed up.
            m.d.comb += error.eq(partial + Mux(begins, 0, total) if fold > 1 else partial)
            m.d.sync += [
                self.back.valid[bank].eq(going_back & own.gate),
                self.back.lane[bank].eq(own.lane),
                self.back.spike[bank].eq(own.spike),
                self.back.permit[bank].eq(own.permit),
            ]


def product_of_errors(layer: WeightLayer, word: data.View, error_pos: Value, error_neg: Value) -> Value:
    """Return the sum of a word's weights, each times the error of its unit: 1, -1 or 0."""
    plus, minus = ([Mux(way[lane], word[lane], 0) for lane in range(layer.lanes)] for way in (error_pos, error_neg))
    if layer.hidden:
        return adder_tree([up - down for up, down in zip(plus, minus, strict=True)])
    # Of the output's units one at most has an error up, one at most an error down.
    return _union(plus) - _union(minus)


def adder_tree(terms: list[Value]) -> Value:
    """Return the sum of the terms, added in pairs."""
    while len(terms) > 1:
        terms = [sum(terms[index + 1 : index + 2], terms[index]) for index in range(0, len(terms), 2)]
    return terms[0]


def _union(terms: list[Value]) -> Value:
    """Return the one of some signed values, of the same width, that is not zero; zero if all are."""
    union = Cat(*(Cat(term.as_unsigned()[bit] for term in terms).any() for bit in range(len(terms[0]))))
    return union.as_signed()
