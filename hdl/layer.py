"""Layer engines: a synapse array and what its units do at the end of a tick."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value
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
    """What a hidden layer registers for the layer above: ``spike``, ``gate``, ``permit``, a bit a unit.

    ``coming``: they, and the layer's error spikes, change at the end of the next clock.
    """

    def __init__(self, config: NetworkConfig, layer: int) -> None:
        units = config.folds[layer - 1] * config.lanes[layer - 1]
        super().__init__({"spike": Out(units), "gate": Out(units), "permit": Out(units), "coming": Out(1)})


class BackwardPort(wiring.Signature):
    """Errors on their way from weight layer `layer` to the units below.

    ``swept``: no more of them in this tick; ``ahead``: word of the units whose errors come in the next clock;
    ``word``: that of the units whose errors are there; ``valid``, ``lane``, ``error``: for each bank whether there is
    one, the lane of its unit, and the signed error in weight LSBs.
    """

    def __init__(self, config: NetworkConfig, layer: int) -> None:
        word, lane = index_shape(config.folds[layer - 2]), index_shape(config.lanes[layer - 2])
        banks = config.banks[layer - 1]
        super().__init__(
            {
                "swept": Out(1),
                "ahead": Out(word),
                "word": Out(word),
                "valid": Out(banks),
                "lane": Out(data.ArrayLayout(lane, banks)),
                "error": Out(data.ArrayLayout(error_shape(config, layer), banks)),
            }
        )


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
        units, lanes, banks = config.layers[number - 1], config.lanes[number - 2], config.banks[number - 1]
        m.submodules.scanner = scanner = RowScanner(units, lanes, banks)
        visits = scanner.visits
        # The list follows from flags below and errors here: it begins a clock later where they are not there yet.
        coming, late = Signal(), Signal()
        m.d.comb += coming.eq(layer.below.coming | (layer.flags.coming if isinstance(layer, HiddenLayer) else 0))
        m.d.sync += late.eq(layer.start & coming)
        m.d.comb += [
            scanner.start.eq((layer.start & ~coming) | late),
            scanner.spike.eq(layer.below.spike),
            scanner.gate.eq(layer.below.gate),
            scanner.permit.eq(layer.below.permit),
            scanner.gates.eq(layer.error),
            scanner.bias_permit.eq(bias_permit),
            layer.back.swept.eq(array.swept),
            layer.back.ahead.eq(array.back_ahead),
            layer.back.word.eq(array.back_word),
            layer.back.valid.eq(array.back_valid),
            layer.back.lane.eq(array.back_lanes),
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

    A tick takes ``fold * rows visited + fold + 1`` clocks, or one less where there is one word; it ends no earlier than
    the sweep of the layer above, which brings the errors.

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
        fold, lanes = config.folds[number - 1], config.lanes[number - 1]
        drive, error = drive_shape(config, number), error_shape(config, number + 1)
        dropout = config.dropout[number - 1]
        array = _sweep(m, self, config, number)
        m.submodules.states = states = WordStore(unit_state(config, number), lanes, fold)

        # When its own sweep and the one above are over, the layer's words of neurons come one a clock.
        idle = Signal(init=1)
        own_swept, above_swept, first = Signal(), Signal(), Signal()
        moving, word, following = Signal(), Signal(index_shape(fold)), Signal(index_shape(fold))
        own_now, above_now, begin_moving, last_word = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            own_now.eq(own_swept | array.swept),
            above_now.eq(above_swept | self.above.swept),
            begin_moving.eq(own_now & above_now & ~idle & ~moving),
            last_word.eq(moving & (word == fold - 1)),
            following.eq(Mux(moving, word + 1, 0)),
            array.word.eq(following),
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

        # Between sweeps the states are read for the neurons, during them for the errors that come from above.
        mine = self.seeds.valid & (self.seeds.group == 2 * number - 1)
        m.d.comb += [
            states.r_address.eq(Mux(begin_moving | moving, following, self.above.ahead)),
            states.w_address.eq(Mux(mine, self.seeds.word, word)),
        ]
        banks = config.banks[number]
        magnitude, negative = Signal(data.ArrayLayout(error.width, banks)), Signal(banks)
        for bank in range(banks):
            came = self.above.error[bank]
            m.d.comb += [negative[bank].eq(came < 0), magnitude[bank].eq(Mux(came < 0, -came, came))]

        # Errors are gathered aside, since the sweep still works on the present ones.
        error_pos, error_neg = Signal.like(array.error_pos), Signal.like(array.error_pos)
        next_pos, next_neg, next_error = Signal.like(error_pos), Signal.like(error_pos), Signal()
        hit_pos, hit_neg = Signal(lanes), Signal(lanes)
        m.d.comb += [array.error_pos.eq(error_pos), array.error_neg.eq(error_neg)]

        def part(vector: Value, index: Value) -> Value:
            return word_of(vector, index, lanes)

        gate_before = part(self.flags.gate, self.above.word)
        spike, gate, permit, dropping = Signal(lanes), Signal(lanes), Signal(lanes), Signal(lanes)
        dropped = Signal.like(self.flags.spike)
        dropped_before = part(dropped, word)
        for lane in range(lanes):
            m.submodules[f"neuron_{lane}"] = neuron = CompositeNeuron(config, dropout, drive.width, error.width)
            now, then = states.r_data[lane], states.w_data[lane]
            # Row j of the layer above is in bank j modulo banks, and so are all rows of a lane.
            bank = lane % banks
            hit = self.above.valid[bank] & (self.above.lane[bank] == lane)
            m.d.comb += [
                neuron.draw.eq(now.random[: config.hidden_draw_bits]),
                neuron.drive.eq(array.drives[lane]),
                neuron.first.eq(first),
                neuron.membrane.eq(now.membrane),
                neuron.next_rate.eq(self.next_rate),
                neuron.learn.eq(self.learn),
                neuron.dropped_before.eq(dropped_before[lane]),
                neuron.gate_before.eq(gate_before[lane]),
                neuron.error_magnitude.eq(magnitude[bank]),
                neuron.error_negative.eq(negative[bank]),
                hit_pos[lane].eq(hit & neuron.error_pos),
                hit_neg[lane].eq(hit & neuron.error_neg),
                spike[lane].eq(neuron.spike),
                gate[lane].eq(neuron.gate),
                permit[lane].eq(neuron.permit),
                dropping[lane].eq(neuron.dropped),
                then.random.eq(
                    Mux(
                        mine,
                        self.seeds.state,
                        leap(now.random, config.hidden_draw_bits, POLYNOMIALS[config.lfsr_bits]),
                    )
                ),
                then.membrane.eq(neuron.membrane_following),
                states.w_enable[lane].eq(moving | (mine & (self.seeds.lane == lane))),
            ]

        with m.If(moving):
            m.d.sync += [
                part(self.flags.spike, word).eq(spike),
                part(self.flags.gate, word).eq(gate),
                part(self.flags.permit, word).eq(permit),
                part(dropped, word).eq(dropping),
            ]
        with m.If(self.above.valid.any()):
            m.d.sync += [
                part(next_pos, self.above.word).eq(part(next_pos, self.above.word) | hit_pos),
                part(next_neg, self.above.word).eq(part(next_neg, self.above.word) | hit_neg),
                next_error.eq(next_error | hit_pos.any() | hit_neg.any()),
            ]
        with m.If(last_word):
            m.d.sync += [
                error_pos.eq(next_pos),
                error_neg.eq(next_neg),
                self.error.eq(next_error),
                next_pos.eq(0),
                next_neg.eq(0),
                next_error.eq(0),
            ]
        with m.If(self.begin):
            m.d.sync += [self.error.eq(0), error_pos.eq(0), error_neg.eq(0), first.eq(1)]
            m.d.sync += [self.flags.spike.eq(0), self.flags.gate.eq(0), self.flags.permit.eq(0), dropped.eq(0)]
        return m


class OutputLayer(wiring.Component):
    """Weight layer L: sweeps its rows, then runs its race.

    A tick takes ``fold * rows visited + fold + 4`` clocks (4 with one word), and no fewer than ``units + fold + 6`` (6
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
        first, idle = Signal(), Signal(init=1)
        m.d.comb += [
            array.word.eq(wta.word),
            array.error_pos.eq(wta.error_pos),
            array.error_neg.eq(wta.error_neg),
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
