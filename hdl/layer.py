"""Layer engines: the sweep of a weight layer, and what its units do at the end of a tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import RATE_BITS, NetworkConfig
from backspike.layers import WeightLayer
from backspike.model.lfsr import POLYNOMIALS

from .description import Probe, below
from .lfsr import leap
from .neuron import CompositeNeuron, error_spikes, neuron_flags, neuron_state
from .seeding import seed_layout, units_group
from .sweep import FlagPort, RowSweep, SweepEvents, row_ports
from .synapses import BackwardPort, WeightPort, drive_shape, error_shape
from .word_store import WordStore, index_shape, word_of
from .wta import WinnerTakeAll

__all__ = ["HiddenLayer", "LayerControl", "OutputLayer"]


class LayerControl(wiring.Signature):
    """How a network drives a layer, as seen by the network.

    ``begin``: a sample starts, forget errors; ``start``: a tick begins with the next clock cycle; ``rate``: the layer's
    learning rate in 1/256; ``learn``: whether the sample is learned; ``finished``: the tick's registers have moved
    before a sweep that starts now can read them; ``error``: error spikes are registered.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "begin": Out(1),
                "start": Out(1),
                "rate": Out(RATE_BITS),
                "learn": Out(1),
                "finished": In(1, init=1),
                "error": In(1),
            }
        )


def _layer_ports(layer: WeightLayer) -> dict[str, wiring.Member]:
    """Return the ports that both kinds of layer have; their docstrings describe them."""
    return {
        "control": In(LayerControl()),
        **row_ports(layer),
        "weight": In(WeightPort(layer.config)),
        "seeds": In(seed_layout(layer.config)),
        "events": Out(SweepEvents(layer.banks)),
    }


def _add_sweep(
    m: Module, engine: HiddenLayer | OutputLayer, layer: WeightLayer, weights: NDArray[np.int64] | None
) -> RowSweep:
    """Add the sweep of a layer, its outer ports connected to those of the layer's engine."""
    m.submodules.sweep = sweep = RowSweep(layer, weights)
    m.d.comb += [
        sweep.start.eq(engine.control.start),
        sweep.rate.eq(engine.control.rate),
        sweep.error.eq(engine.control.error),
    ]
    for name in (*row_ports(layer), "weight", "seeds", "events"):
        inner, outer = getattr(sweep, name), getattr(engine, name)
        if sweep.signature.members[name].is_signature:
            connect(m, inner, flipped(outer))
        else:
            m.d.comb += inner.eq(outer) if sweep.signature.members[name].flow == In else outer.eq(inner)
    return sweep


@dataclass(frozen=True)
class _Turn:
    """Whose turn it is to move: words of a hidden layer's units, one per cycle.

    ``begin``: the first word moves with the next cycle; ``moving``: one moves; ``word`` and ``following``: this one,
    and that of the next cycle; ``last``: it is the last one; ``first``: the layer's first tick of a sample.
    """

    begin: Value
    moving: Signal
    word: Signal
    following: Signal
    last: Signal
    first: Signal


@dataclass(frozen=True)
class _Error:
    """An error that has come from a bank of the layer above: for which lane, with which flags, sign and magnitude."""

    valid: Value
    lane: Value
    spike: Value
    permit: Value
    negative: Value
    magnitude: Value


class HiddenLayer(wiring.Component):
    """A weight layer below L: sweeps its rows, then lets its composite neurons move their registers.

    A tick takes ``fold * rows visited + 1`` cycles where all units move in one, else ``fold * rows visited +
    unit_fold + 2``; it ends no earlier than the sweep of the layer above, which brings the errors.

    Parameters
    ----------
    layer : WeightLayer
    weights : int64 array, optional
        As those of the `SynapseArray`.

    Members
    -------
    control : ``In(LayerControl())``
    above : ``In(BackwardPort(layer.above))``
    above_active : ``In(1)``
        The layer above takes part in this tick.
    next_rate : ``In(9)``
        Learning rate of the layer above.
    flags : ``Out(FlagPort(layer))``
    visits, bias_permit, or below, back
        See `row_ports`.
    weight : ``In(WeightPort(config))``
    seeds : ``In(seed_layout(config))``
    events : ``Out(SweepEvents(banks))``
    """

    def __init__(self, layer: WeightLayer, weights: NDArray[np.int64] | None = None) -> None:
        self._layer, self._weights = layer, weights
        self._drive, self._error = drive_shape(layer), error_shape(layer.above)
        super().__init__(
            {
                **_layer_ports(layer),
                "above": In(BackwardPort(layer.above)),
                "above_active": In(1),
                "next_rate": In(RATE_BITS),
                "flags": Out(FlagPort(layer)),
            }
        )

    @staticmethod
    def _stored(layer: WeightLayer) -> dict[str, tuple[data.StructLayout, int, int]]:
        """Return what the units store: element, lanes and depth of each `WordStore`."""
        return {
            "states": (neuron_state(layer), layer.unit_width, layer.unit_fold),
            "marks": (neuron_flags(), layer.unit_width, layer.unit_fold),
            "errors": (error_spikes(), layer.lanes, layer.fold),
        }

    @staticmethod
    def probes(layer: WeightLayer) -> dict[str, Probe]:
        """Return those of the sweep, what the units store, and ``first``: while it is set, all flags mean 0."""
        return {
            **below("sweep", RowSweep.probes(layer)),
            **{name: WordStore.probe(name, *shape) for name, shape in HiddenLayer._stored(layer).items()},
            "first": Probe("first", 1),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self._layer
        sweep = _add_sweep(m, self, layer, self._weights)
        stored = self._stored(layer)
        m.submodules.states = states = WordStore(*stored["states"])
        # Errors from above may be for the word that is read.
        m.submodules.marks = marks = WordStore(*stored["marks"], fresh=True)
        m.submodules.errors = errors = WordStore(*stored["errors"])
        turn = self._take_turns(m, sweep)
        drives, place, part = self._read_drives(m, sweep, turn)
        arrived = self._receive_errors(m)
        self._move_units(m, turn, drives, arrived, states, marks)
        self._hand_over_errors(m, turn, sweep, marks, errors, place, part)
        return m

    def _near(self, m: Module, name: str, value: Value) -> Value:
        """Return the value in a register where there are several words: their units are far from the neurons."""
        if self._layer.unit_fold == 1:
            return value
        # What says that there is something is a bit, and is reset; the rest need not be.
        held = Signal.like(value, name=name, reset_less=len(value) > 1)
        m.d.sync += held.eq(value)
        return held

    def _take_turns(self, m: Module, sweep: RowSweep) -> _Turn:
        """Let words of units move once the layer's own sweep and the one above are over.

        One word per cycle; where there are several, a cycle later, since drives and errors are on their way.
        """
        fold = self._layer.unit_fold
        idle = Signal(init=1)
        own_swept = Signal()
        above_swept = Signal()
        first = Signal()
        moving = Signal()
        word = Signal(index_shape(fold))
        following = Signal(index_shape(fold))
        own_now = Signal()
        above_now = Signal()
        swept = Signal()
        last_word = Signal()
        begin_moving = self._near(m, "begin_moving", swept)
        m.d.comb += [
            own_now.eq(own_swept | sweep.swept),
            above_now.eq(above_swept | self.above.swept),
            swept.eq(own_now & above_now & ~idle & ~moving & (1 if fold == 1 else ~begin_moving)),
            last_word.eq(moving & (word == fold - 1)),
            following.eq(Mux(moving, word + 1, 0)),
        ]
        m.d.sync += [own_swept.eq(own_now), above_swept.eq(above_now), word.eq(following)]
        with m.If(begin_moving):
            m.d.sync += moving.eq(1)
        with m.If(last_word):
            m.d.sync += [moving.eq(0), first.eq(0)]
        # A single word moves while the next sweep reads its first row.
        finishing = begin_moving if fold == 1 else last_word
        changing = begin_moving if fold == 1 else 0
        m.d.comb += [
            self.control.finished.eq(idle | finishing),
            self.flags.changing.eq(changing),
            sweep.changing.eq(changing),
        ]
        with m.If(finishing):
            m.d.sync += idle.eq(1)
        with m.If(self.control.start):
            m.d.sync += [idle.eq(0), own_swept.eq(0), above_swept.eq(~self.above_active)]
        # What a sample before has left behind in the stores is never looked at: flags not before the layer has taken
        # part, errors not unless there are any.
        with m.If(self.control.begin):
            m.d.sync += first.eq(1)
        return _Turn(begin_moving, moving, word, following, last_word, first)

    def _read_drives(self, m: Module, sweep: RowSweep, turn: _Turn) -> tuple[data.View, Value, Value]:
        """Read the drives of the word that moves: a part of one of the array's, which may be several times as wide.

        Return the drives, the array's word they are from, and which part of it they are.
        """
        place = Signal.like(sweep.word)
        width, parts = self._layer.unit_width, self._layer.lanes // self._layer.unit_width
        part = Signal(index_shape(parts))
        whole = part == parts - 1
        with m.If(turn.begin | turn.moving):
            m.d.comb += sweep.word.eq(place + whole)
            m.d.sync += [place.eq(place + whole), part.eq(Mux(whole, 0, part + 1))]
        with m.Else():
            m.d.sync += [place.eq(0), part.eq(0)]
        words = word_of(sweep.drives.as_value(), part, self._drive.width * width)
        drives = data.View(data.ArrayLayout(self._drive, width), self._near(m, "drives", words))
        return drives, self._near(m, "place_now", place), self._near(m, "part_now", part)

    def _receive_errors(self, m: Module) -> list[_Error]:
        """Return the errors that come from above in this clock cycle, of each bank one at most."""
        above = self.above
        return [
            _Error(
                self._near(m, "valid_above", above.valid[bank]),
                self._near(m, "lane_above", above.lane[bank]),
                self._near(m, "spike_above", above.spike[bank]),
                self._near(m, "permit_above", above.permit[bank]),
                self._near(m, "negative", above.error[bank] < 0),
                self._near(m, "magnitude", abs(above.error[bank])),
            )
            for bank in range(self._layer.above.banks)
        ]

    def _move_units(
        self, m: Module, turn: _Turn, drives: data.View, arrived: list[_Error], states: WordStore, marks: WordStore
    ) -> None:
        """Move the registers of the word whose turn it is; before, turn errors from above into error spikes to come.

        Between sweeps states and marks are read for the neurons; during them states for the errors that come from
        above, marks for the list of rows there.
        """
        layer, config, moving = self._layer, self._layer.config, turn.moving
        seeding = self.seeds.valid & (self.seeds.group == units_group(layer))
        m.d.comb += [
            states.r_address.eq(Mux(turn.begin | moving, turn.following, self.above.word)),
            states.w_address.eq(Mux(seeding, self.seeds.word, turn.word)),
            marks.r_address.eq(Mux(turn.begin | (moving & ~turn.last), turn.following, self.flags.word)),
            marks.w_address.eq(Mux(moving, turn.word, self._near(m, "word_above", self.above.word))),
        ]
        hit_pos = Signal(layer.unit_width)
        hit_neg = Signal(layer.unit_width)
        next_error = Signal()
        for lane in range(layer.unit_width):
            m.submodules[f"neuron_{lane}"] = neuron = CompositeNeuron(
                config, layer.dropout, self._drive.width, self._error.width
            )
            state, next_state = states.r_data[lane], states.w_data[lane]
            mark, next_mark = marks.r_data[lane], marks.w_data[lane]
            # Row j of the layer above is in bank j modulo banks, and so are all rows of a lane.
            error = arrived[lane % len(arrived)]
            hit = error.valid & (error.lane == lane)
            leapt = leap(state.random, config.hidden_draw_bits, POLYNOMIALS[config.lfsr_bits])
            m.d.comb += [
                neuron.draw.eq(state.random[: config.hidden_draw_bits]),
                neuron.drive.eq(drives[lane]),
                neuron.first.eq(turn.first),
                neuron.membrane.eq(state.membrane),
                neuron.next_rate.eq(self.next_rate),
                neuron.learn.eq(self.control.learn),
                neuron.dropped_before.eq(mark.dropped),
                neuron.error_magnitude.eq(error.magnitude),
                neuron.error_negative.eq(error.negative),
                hit_pos[lane].eq(hit & neuron.error_pos),
                hit_neg[lane].eq(hit & neuron.error_neg),
                next_state.random.eq(Mux(seeding, self.seeds.state, leapt)),
                next_state.membrane.eq(neuron.membrane_following),
                states.w_enable[lane].eq(moving | (seeding & (self.seeds.lane == lane))),
                # A unit with an open gate is not dropped. Errors wait here, since the sweep still works on the present
                # ones.
                next_mark.spike.eq(Mux(moving, neuron.spike, error.spike)),
                next_mark.gate.eq(neuron.gate | ~moving),
                next_mark.permit.eq(Mux(moving, neuron.permit, error.permit)),
                next_mark.dropped.eq(neuron.dropped & moving),
                next_mark.next_errors.error_pos.eq(neuron.error_pos & ~moving),
                next_mark.next_errors.error_neg.eq(neuron.error_neg & ~moving),
                marks.w_enable[lane].eq(moving | hit),
                self.flags.spike[lane].eq(mark.spike),
                self.flags.gate[lane].eq(mark.gate),
                self.flags.permit[lane].eq(mark.permit),
            ]
        with m.If(Cat(error.valid for error in arrived).any()):
            m.d.sync += next_error.eq(next_error | hit_pos.any() | hit_neg.any())
        with m.If(turn.last):
            m.d.sync += [self.control.error.eq(next_error), next_error.eq(0)]
        with m.If(self.control.begin):
            m.d.sync += self.control.error.eq(0)

    def _hand_over_errors(
        self, m: Module, turn: _Turn, sweep: RowSweep, marks: WordStore, errors: WordStore, place: Value, part: Value
    ) -> None:
        """Register the error spikes that have waited in the marks, for the next sweep to update weights with."""
        m.d.comb += [errors.r_address.eq(sweep.error_word), errors.w_address.eq(place)]
        width = self._layer.unit_width
        for lane in range(self._layer.lanes):
            m.d.comb += [
                sweep.error_pos[lane].eq(errors.r_data[lane].error_pos),
                sweep.error_neg[lane].eq(errors.r_data[lane].error_neg),
                errors.w_data[lane].eq(marks.r_data[lane % width].next_errors),
                errors.w_enable[lane].eq(turn.moving & (part == lane // width)),
            ]


class OutputLayer(wiring.Component):
    """Weight layer L: sweeps its rows, then runs its race.

    A tick takes ``fold * rows visited + fold + 5`` cycles (5 with one word), and no fewer than ``units + fold + 7`` (7
    with one word); the race goes on while lower layers still sweep.

    Parameters
    ----------
    config : NetworkConfig
    weights : int64 array, optional
        As those of the `SynapseArray`.

    Members
    -------
    control : ``In(LayerControl())``
    label : ``In(index_shape(n_L))``
        The sample's class.
    won : ``Out(1)``
        `winner` is that of this tick, for one cycle.
    winner : ``Out(index_shape(n_L))``
    visits, bias_permit, or below, back
        See `row_ports`.
    weight : ``In(WeightPort(config))``
    seeds : ``In(seed_layout(config))``
    events : ``Out(SweepEvents(banks))``
    """

    def __init__(self, config: NetworkConfig, weights: NDArray[np.int64] | None = None) -> None:
        self._config, self._weights = config, weights
        super().__init__(
            {
                **_layer_ports(config.weight_layers[-1]),
                "label": In(index_shape(config.layers[-1])),
                "won": Out(1),
                "winner": Out(index_shape(config.layers[-1])),
            }
        )

    @staticmethod
    def probes(config: NetworkConfig) -> dict[str, Probe]:
        """Return those of the sweep and of the race."""
        return {
            **below("sweep", RowSweep.probes(config.weight_layers[-1])),
            **below("wta", WinnerTakeAll.probes(config)),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer, control = self._config.weight_layers[-1], self.control
        sweep = _add_sweep(m, self, layer, self._weights)
        m.submodules.wta = wta = WinnerTakeAll(self._config)
        first = Signal()
        idle = Signal(init=1)
        error_word = Signal.like(sweep.error_word)
        error_pos = Signal(layer.row_lanes)
        error_neg = Signal(layer.row_lanes)
        m.d.sync += error_word.eq(sweep.error_word)
        m.d.comb += [
            sweep.word.eq(wta.word),
            error_pos.eq(wta.error_pos),
            error_neg.eq(wta.error_neg),
            sweep.error_pos.eq(word_of(error_pos, error_word, layer.lanes)),
            sweep.error_neg.eq(word_of(error_neg, error_word, layer.lanes)),
            wta.draw.eq(control.start),
            wta.start.eq(sweep.swept),
            wta.drives.eq(sweep.drives),
            wta.first.eq(first),
            wta.label.eq(self.label),
            wta.learn.eq(control.learn),
            wta.clear.eq(control.begin),
            wta.seeds.eq(self.seeds),
            control.error.eq(wta.error),
            self.won.eq(wta.done),
            self.winner.eq(wta.winner),
            control.finished.eq(idle | wta.done),
        ]
        with m.If(wta.done):
            m.d.sync += [idle.eq(1), first.eq(0)]
        with m.If(control.start):
            m.d.sync += idle.eq(0)
        with m.If(control.begin):
            m.d.sync += first.eq(1)
        return m
