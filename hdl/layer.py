"""Layer engines: a synapse array and what its units do at the end of a tick."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import PERMISSION_BITS, NetworkConfig
from backspike.model.lfsr import POLYNOMIALS

from .lfsr import LeapForwardLFSR, leap
from .neuron import CompositeNeuron
from .streams import seed_layout
from .synapses import SynapseArray, WeightPort, drive_shape, error_shape, unit_state
from .visits import RowScanner, visit_layout
from .wordstore import WordStore, index_shape, word_of
from .wta import WinnerTakeAll

__all__ = ["BackwardPort", "FlagPort", "HiddenLayer", "OutputLayer"]


class FlagPort(wiring.Signature):
    """What a hidden layer registers for the layer above: ``spike``, ``gate``, ``permit``, a bit for a unit of a word.

    ``word``: the word that is wanted in the next clock; ``coming``: flags, and the layer's error spikes, change at the
    end of the next clock.
    """

    def __init__(self, config: NetworkConfig, layer: int) -> None:
        width, fold = config.unit_widths[layer - 1], config.unit_folds[layer - 1]
        super().__init__(
            {
                "word": In(index_shape(fold)),
                "spike": Out(width),
                "gate": Out(width),
                "permit": Out(width),
                "coming": Out(1),
            }
        )


class BackwardPort(wiring.Signature):
    """Errors on their way from weight layer `layer` to the units below.

    ``swept``: no more of them in this tick; ``word``: that of the units whose errors are there; ``valid``, ``lane``,
    ``spike``, ``permit``, ``error``: for each bank whether there is one, the lane of its unit, this one's flags (its
    gate is open), and the signed error in weight LSBs.
    """

    def __init__(self, config: NetworkConfig, layer: int) -> None:
        word, lane = index_shape(config.unit_folds[layer - 2]), index_shape(config.unit_widths[layer - 2])
        banks = config.banks[layer - 1]
        super().__init__(
            {
                "swept": Out(1),
                "word": Out(word),
                "valid": Out(banks),
                "lane": Out(data.ArrayLayout(lane, banks)),
                "spike": Out(banks),
                "permit": Out(banks),
                "error": Out(data.ArrayLayout(error_shape(config, layer), banks)),
            }
        )


def error_spikes() -> data.StructLayout:
    """Return the layout of a unit's error spikes."""
    return data.StructLayout({"pos": 1, "neg": 1})


def unit_marks() -> data.StructLayout:
    """Return the layout of the flags that a hidden unit has in a tick, and of the error spikes it will have next."""
    return data.StructLayout({"spike": 1, "gate": 1, "permit": 1, "dropped": 1, "coming": error_spikes()})


def _common_ports(config: NetworkConfig, layer: int) -> dict[str, object]:
    """Return the ports that both kinds of layer have.

    ``begin``: a sample starts, forget errors; ``start``: a tick begins with the next clock; ``finished``: the tick's
    registers have moved before a sweep that starts now can read them; ``rate``; ``error``: error spikes are registered;
    ``sweeping`` and ``reading``: a list is not yet at its end, a row of it is read; ``writing``: the memories' only
    port writes, so that no row can be read; ``visited`` and ``wrote``: rows taken and written back in this clock; what
    comes from below (spikes), or goes there (errors).
    """
    ports: dict[str, object] = {
        "begin": In(1),
        "start": In(1),
        "finished": Out(1, init=1),
        "rate": In(PERMISSION_BITS + 1),
        "error": Out(1),
        "sweeping": Out(1),
        "reading": Out(1),
        "writing": Out(1),
        "visited": Out(range(config.banks[layer - 1] + 1)),
        "wrote": Out(range(config.banks[layer - 1] + 1)),
        "weight": In(WeightPort(config)),
        "seeds": In(seed_layout(config)),
    }
    if layer == 1:
        ports["visits"] = In(stream.Signature(visit_layout(config.layers[0], 1, 1, config.banks[0])))
        ports["bias_permit"] = Out(1)
    else:
        ports["below"] = In(FlagPort(config, layer - 1))
        ports["back"] = Out(BackwardPort(config, layer))
    return ports


def _sweep(m: Module, layer: HiddenLayer | OutputLayer, config: NetworkConfig, number: int) -> SynapseArray:
    """Add the synapse array, the list of visits that feeds it, and the bias row's stream."""
    m.submodules.synapses = array = SynapseArray(config, number)
    m.submodules.bias = bias = LeapForwardLFSR(config.lfsr_bits, PERMISSION_BITS)
    bias_permit = bias.state[:PERMISSION_BITS] < layer.rate
    if number == 1:
        visits = layer.visits
        m.d.comb += layer.bias_permit.eq(bias_permit)
    else:
        units, width, banks = config.layers[number - 1], config.unit_widths[number - 2], config.banks[number - 1]
        m.submodules.scanner = scanner = RowScanner(units, width, banks)
        visits = scanner.visits
        # The list follows from flags below and errors here: it begins a clock later where they are not there yet.
        coming = Signal()
        late = Signal()
        m.d.comb += coming.eq(layer.below.coming | (layer.flags.coming if isinstance(layer, HiddenLayer) else 0))
        m.d.sync += late.eq(layer.start & coming)
        m.d.comb += [
            scanner.start.eq((layer.start & ~coming) | late),
            layer.below.word.eq(scanner.word),
            scanner.spike.eq(layer.below.spike),
            scanner.gate.eq(layer.below.gate),
            scanner.permit.eq(layer.below.permit),
            scanner.gates.eq(layer.error),
            scanner.bias_permit.eq(bias_permit),
            layer.back.swept.eq(array.swept),
            layer.back.word.eq(array.back_word),
            layer.back.valid.eq(array.back_valid),
            layer.back.lane.eq(array.back_lanes),
            layer.back.spike.eq(array.back_spikes),
            layer.back.permit.eq(array.back_permits),
            layer.back.error.eq(array.back_errors),
        ]
    connect(m, array.weight, flipped(layer.weight))

    taken = Signal()
    m.d.comb += [
        layer.writing.eq(array.writing),
        layer.reading.eq(visits.valid & layer.sweeping & ~array.writing),
        array.visits.payload.eq(visits.payload),
        array.visits.valid.eq(visits.valid & layer.sweeping),
        visits.ready.eq(array.visits.ready & layer.sweeping),
        taken.eq(visits.valid & visits.ready),
        array.update.eq(layer.error),
        bias.enable.eq(taken & visits.p.last),
        bias.load.eq(layer.seeds.valid & (layer.seeds.group == 2 * number)),
        bias.seed.eq(layer.seeds.state),
        layer.visited.eq(Mux(taken, sum(bank.active for bank in visits.p.banks), 0)),
        layer.wrote.eq(array.wrote),
    ]
    with m.If(layer.start):
        m.d.sync += layer.sweeping.eq(1)
    with m.Elif(taken & visits.p.last):
        m.d.sync += layer.sweeping.eq(0)
    return array


class HiddenLayer(wiring.Component):
    """Weight layer `layer` < L: sweeps its rows, then lets its composite neurons move their registers.

    A tick takes ``fold * rows visited + 1`` clocks where all units move in one clock, else ``fold * rows visited +
    unit_fold + 2``; it ends no earlier than the sweep of the layer above, which brings the errors.

    Parameters
    ----------
    config : NetworkConfig
    layer : int

    Members
    -------
    above : ``In(BackwardPort(config, layer + 1))``
    above_active : ``In(1)``
        The layer above takes part in this tick.
    next_rate : ``In(9)``
        Learning rate of the layer above.
    learn : ``In(1)``
        Whether the sample is learned.
    flags : ``Out(FlagPort(config, layer))``
    The other members are those of every layer: begin, start, finished, rate, error, sweeping, reading, writing,
    visited, wrote, weight, seeds, and visits and bias_permit, or below and back.
    """

    def __init__(self, config: NetworkConfig, layer: int) -> None:
        self._config, self._layer = config, layer
        super().__init__(
            {
                **_common_ports(config, layer),
                "above": In(BackwardPort(config, layer + 1)),
                "above_active": In(1),
                "next_rate": In(PERMISSION_BITS + 1),
                "learn": In(1),
                "flags": Out(FlagPort(config, layer)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number = self._config, self._layer
        lanes, width, fold = config.lanes[number - 1], config.unit_widths[number - 1], config.unit_folds[number - 1]
        drive, error = drive_shape(config, number), error_shape(config, number + 1)
        array = _sweep(m, self, config, number)
        m.submodules.states = states = WordStore(unit_state(config, number), width, fold)
        # Errors from above may be for the word that is read.
        m.submodules.marks = marks = WordStore(unit_marks(), width, fold, fresh=True)
        m.submodules.errors = errors = WordStore(error_spikes(), lanes, config.folds[number - 1])

        def near(name: str, value: Value) -> Value:
            """Return the value in a register where there are several words: their units are far from the neurons."""
            if fold == 1:
                return value
            # What says that there is something is a bit, and is reset; the rest need not be.
            held = Signal.like(value, name=name, reset_less=len(value) > 1)
            m.d.sync += held.eq(value)
            return held

        # When its own sweep and the one above are over, the words of units come one a clock: where there are several,
        # a clock later, since drives and errors are on their way.
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
        begin_moving = near("begin_moving", swept)
        m.d.comb += [
            own_now.eq(own_swept | array.swept),
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
        m.d.comb += [self.finished.eq(idle | finishing), self.flags.coming.eq(begin_moving if fold == 1 else 0)]
        with m.If(finishing):
            m.d.sync += idle.eq(1)
        with m.If(self.start):
            m.d.sync += [idle.eq(0), own_swept.eq(0), above_swept.eq(~self.above_active)]

        # Where the word that follows is in the array's, which may be several times as wide.
        shares = lanes // width
        place = Signal.like(array.word)
        part = Signal(index_shape(shares))
        whole = part == shares - 1
        with m.If(begin_moving | moving):
            m.d.comb += array.word.eq(place + whole)
            m.d.sync += [place.eq(place + whole), part.eq(Mux(whole, 0, part + 1))]
        with m.Else():
            m.d.sync += [place.eq(0), part.eq(0)]
        drives = data.View(
            data.ArrayLayout(drive, width), near("drives", word_of(array.drives.as_value(), part, drive.width * width))
        )
        place_now, part_now = near("place_now", place), near("part_now", part)

        # Between sweeps states and marks are read for the neurons; during them states for the errors that come from
        # above, marks for the list of rows there.
        mine = self.seeds.valid & (self.seeds.group == 2 * number - 1)
        m.d.comb += [
            states.r_address.eq(Mux(begin_moving | moving, following, self.above.word)),
            states.w_address.eq(Mux(mine, self.seeds.word, word)),
            marks.r_address.eq(Mux(begin_moving | (moving & ~last_word), following, self.flags.word)),
            marks.w_address.eq(Mux(moving, word, near("word_above", self.above.word))),
            errors.r_address.eq(array.error_word),
            errors.w_address.eq(place_now),
        ]
        banks = config.banks[number]
        came = [(near("valid_above", self.above.valid[bank]), near("lane_above", self.above.lane[bank]),
                 near("spike_above", self.above.spike[bank]), near("permit_above", self.above.permit[bank]),
                 near("negative", self.above.error[bank] < 0), near("magnitude", abs(self.above.error[bank])))
                for bank in range(banks)]  # fmt: skip
        hit_pos = Signal(width)
        hit_neg = Signal(width)
        next_error = Signal()
        for lane in range(width):
            m.submodules[f"neuron_{lane}"] = neuron = CompositeNeuron(
                config, config.dropout[number - 1], drive.width, error.width
            )
            now, then, mark, marked = (
                store[lane] for store in (states.r_data, states.w_data, marks.r_data, marks.w_data)
            )
            # Row j of the layer above is in bank j modulo banks, and so are all rows of a lane.
            valid, lane_above, spike, permit, negative, magnitude = came[lane % banks]
            hits = valid & (lane_above == lane)
            m.d.comb += [
                neuron.draw.eq(now.random[: config.hidden_draw_bits]),
                neuron.drive.eq(drives[lane]),
                neuron.first.eq(first),
                neuron.membrane.eq(now.membrane),
                neuron.next_rate.eq(self.next_rate),
                neuron.learn.eq(self.learn),
                neuron.dropped_before.eq(mark.dropped),
                neuron.error_magnitude.eq(magnitude),
                neuron.error_negative.eq(negative),
                hit_pos[lane].eq(hits & neuron.error_pos),
                hit_neg[lane].eq(hits & neuron.error_neg),
                then.random.eq(
                    Mux(
                        mine,
                        self.seeds.state,
                        leap(now.random, config.hidden_draw_bits, POLYNOMIALS[config.lfsr_bits]),
                    )
                ),
                then.membrane.eq(neuron.membrane_following),
                states.w_enable[lane].eq(moving | (mine & (self.seeds.lane == lane))),
                # A unit with an open gate is not dropped. Errors wait here, since the sweep still works on the present
                # ones.
                marked.spike.eq(Mux(moving, neuron.spike, spike)),
                marked.gate.eq(neuron.gate | ~moving),
                marked.permit.eq(Mux(moving, neuron.permit, permit)),
                marked.dropped.eq(neuron.dropped & moving),
                marked.coming.pos.eq(neuron.error_pos & ~moving),
                marked.coming.neg.eq(neuron.error_neg & ~moving),
                marks.w_enable[lane].eq(moving | hits),
                self.flags.spike[lane].eq(mark.spike),
                self.flags.gate[lane].eq(mark.gate),
                self.flags.permit[lane].eq(mark.permit),
            ]
        for lane in range(lanes):
            m.d.comb += [
                array.error_pos[lane].eq(errors.r_data[lane].pos),
                array.error_neg[lane].eq(errors.r_data[lane].neg),
                errors.w_data[lane].eq(marks.r_data[lane % width].coming),
                errors.w_enable[lane].eq(moving & (part_now == lane // width)),
            ]
        with m.If(Cat(valid for valid, *_ in came).any()):
            m.d.sync += next_error.eq(next_error | hit_pos.any() | hit_neg.any())
        with m.If(last_word):
            m.d.sync += [self.error.eq(next_error), next_error.eq(0)]
        # What a sample before has left behind in the stores is never looked at: flags not before the layer has taken
        # part, errors not unless there are any.
        with m.If(self.begin):
            m.d.sync += [self.error.eq(0), first.eq(1)]
        return m


class OutputLayer(wiring.Component):
    """Weight layer L: sweeps its rows, then runs its race.

    A tick takes ``fold * rows visited + fold + 5`` clocks (5 with one word), and no fewer than ``units + fold + 7`` (7
    with one word); the race goes on while lower layers still sweep.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    label, learn : ``In(index_shape(n_L))``, ``In(1)``
        The sample's class, and whether it is learned.
    won : ``Out(1)``
        `winner` is that of this tick, for one clock.
    winner : ``Out(index_shape(n_L))``
    The other members are those of every layer: begin, start, finished, rate, error, sweeping, reading, writing,
    visited, wrote, weight, seeds, and visits and bias_permit, or below and back.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                **_common_ports(config, config.depth),
                "label": In(index_shape(config.layers[-1])),
                "learn": In(1),
                "won": Out(1),
                "winner": Out(index_shape(config.layers[-1])),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number = self._config, self._config.depth
        array = _sweep(m, self, config, number)
        m.submodules.wta = wta = WinnerTakeAll(config)
        first = Signal()
        idle = Signal(init=1)
        lanes = config.lanes[-1]
        error_word = Signal.like(array.error_word)
        error_pos = Signal(config.folds[-1] * lanes)
        error_neg = Signal(config.folds[-1] * lanes)
        m.d.sync += error_word.eq(array.error_word)
        m.d.comb += [
            array.word.eq(wta.word),
            error_pos.eq(wta.error_pos),
            error_neg.eq(wta.error_neg),
            array.error_pos.eq(word_of(error_pos, error_word, lanes)),
            array.error_neg.eq(word_of(error_neg, error_word, lanes)),
            wta.draw.eq(self.start),
            wta.start.eq(array.swept),
            wta.drives.eq(array.drives),
            wta.first.eq(first),
            wta.label.eq(self.label),
            wta.learn.eq(self.learn),
            wta.clear.eq(self.begin),
            wta.seeds.eq(self.seeds),
            self.error.eq(wta.error),
            self.won.eq(wta.done),
            self.winner.eq(wta.winner),
            self.finished.eq(idle | wta.done),
        ]
        with m.If(wta.done):
            m.d.sync += [idle.eq(1), first.eq(0)]
        with m.If(self.start):
            m.d.sync += idle.eq(0)
        with m.If(self.begin):
            m.d.sync += first.eq(1)
        return m
