"""The winner-take-all inhibition unit: a Gumbel race between the output units, a word of them per cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import GUMBEL_BITS, NetworkConfig
from backspike.model.lfsr import POLYNOMIALS
from backspike.model.wta import gumbel_table

from .comparison import is_below
from .description import Probe
from .lfsr import leap
from .neuron import Membrane
from .seeding import seed_layout, units_group
from .synapses import drive_shape
from .word_store import WordStore, index_shape

__all__ = ["WinnerTakeAll"]

GROUP = 10
"""Units that are compared each with each: n of them take n (n - 1) / 2 comparisons."""


class WinnerTakeAll(wiring.Component):
    """Draws one winner per tick with the probability softmax(U)_k, and makes the error spikes.

    Each unit's potential plus its Gumbel noise races against the others; ties go to the lowest index. The noise needs
    no drive, so it is drawn while the layer still sweeps: unit after unit, since one table serves all, in units + 2
    cycles from `draw`. The race then takes a word of units per cycle. Latency from `start`, or the last noise if that
    comes later, to `done`: 4 cycles, or fold + 4 where there is more than one word. Above a crossbar, whose sweep is
    over before so much noise is drawn, each unit has a table of its own, and all noise is drawn with `start`.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    draw : ``In(1)``
        A tick begins with the next cycle: draw the noise for its race. Not looked at above a crossbar.
    start : ``In(1)``
        The drives are there from the next cycle on.
    word, drives : ``Out(index_shape(fold))``, ``In(ArrayLayout(drive_shape(layer), lanes))``
        The word whose drives are wanted, and its drives: a cycle later, or with one word at once.
    first, label, learn : ``In``
        The layer's first tick of a sample; the sample's class; whether it is learned, which one of no class is not.
    clear : ``In(1)``
        Forget winner and errors, as at a sample's start.
    done : ``Out(1)``
        Set for one cycle: `winner` is there from now on, the error spikes from the next cycle.
    winner : ``Out(index_shape(n_L))``
    error_pos, error_neg : ``Out(n_L)``
        Error spikes: target and winner, where they differ and the sample is learned.
    error : ``Out(1)``
        There are error spikes.
    seeds : ``In(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        layer = config.weight_layers[-1]
        units = layer.units
        super().__init__(
            {
                "draw": In(1),
                "start": In(1),
                "word": Out(index_shape(layer.fold)),
                "drives": In(data.ArrayLayout(drive_shape(layer), layer.lanes)),
                "first": In(1),
                "label": In(index_shape(units)),
                "learn": In(1),
                "clear": In(1),
                "done": Out(1),
                "winner": Out(index_shape(units)),
                "error_pos": Out(units),
                "error_neg": Out(units),
                "error": Out(1),
                "seeds": In(seed_layout(config)),
            }
        )

    @staticmethod
    def _stored(config: NetworkConfig) -> dict[str, tuple[data.StructLayout, int, int]]:
        """Return what the units store in a `WordStore`: element, lanes and depth."""
        layer = config.weight_layers[-1]
        return {"states": (data.StructLayout({"random": config.lfsr_bits}), layer.unit_width, layer.unit_fold)}

    @staticmethod
    def _membranes(config: NetworkConfig) -> data.ArrayLayout:
        """Return the layout of the membranes of all lanes, word by word; there are some with a leak alone."""
        layer = config.weight_layers[-1]
        membrane = data.StructLayout({"membrane": signed(drive_shape(layer).width + config.leak)})
        return data.ArrayLayout(membrane, layer.row_lanes)

    @staticmethod
    def probes(config: NetworkConfig) -> dict[str, Probe]:
        """Return where what the output units store is."""
        units = config.layers[-1]
        membranes = {"membranes": Probe("membranes", WinnerTakeAll._membranes(config))} if config.leak else {}
        return {
            **{name: WordStore.probe(name, *shape) for name, shape in WinnerTakeAll._stored(config).items()},
            **membranes,
            "error_pos": Probe("error_pos", data.ArrayLayout(1, units), field="error_pos"),
            "error_neg": Probe("error_neg", data.ArrayLayout(1, units), field="error_neg"),
            "winner": Probe("winner", index_shape(units), field="winner"),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        units = self._config.layers[-1]
        table = [int(entry) for entry in gumbel_table(self._config.weight_frac, self._config.temperature)]
        bits = max(entry.bit_length() for entry in table) + 1
        draw_noise = self._draw_all_noise if self._config.weight_layers[-1].crossbar else self._draw_noise
        noises, drawn = draw_noise(m, table, signed(bits))
        racing = self._race(m, noises, drawn, bits)

        # The winner is known.
        m.d.sync += self.done.eq(racing)
        wrong = self.learn & (self.winner != self.label)
        with m.If(self.done):
            m.d.sync += [
                self.error.eq(wrong),
                self.error_pos.eq(Cat((self.label == unit) & wrong for unit in range(units))),
                self.error_neg.eq(Cat((self.winner == unit) & wrong for unit in range(units))),
            ]
        with m.If(self.clear):
            m.d.sync += [self.winner.eq(0), self.error.eq(0), self.error_pos.eq(0), self.error_neg.eq(0)]
        return m

    def _draw_all_noise(self, m: Module, table: list[int], entry: Shape) -> tuple[Sequence[Value], Value]:
        """Draw the noise of all units with `start`, for the next cycle; return it, and that it is there."""
        config, layer = self._config, self._config.weight_layers[-1]
        m.submodules.states = states = WordStore(*self._stored(config)["states"])
        seeding = self.seeds.valid & (self.seeds.group == units_group(layer))
        noises = []
        for unit in range(layer.units):
            state, next_state = states.r_data[unit].random, states.w_data[unit].random
            leapt = leap(state, GUMBEL_BITS, POLYNOMIALS[config.lfsr_bits])
            m.d.comb += [
                next_state.eq(Mux(seeding, self.seeds.state, leapt)),
                states.w_enable[unit].eq(self.start | (seeding & (self.seeds.lane == unit))),
            ]
            noises.append(self._look_up(m, f"noise_{unit}", state[:GUMBEL_BITS], table, entry))
        return noises, Const(1)

    def _draw_noise(self, m: Module, table: list[int], entry: Shape) -> tuple[Sequence[Value], Value]:
        """Draw the noise of each unit into a store of words; return the word that is read, and whether all is there."""
        config, layer = self._config, self._config.weight_layers[-1]
        units, lanes = layer.units, layer.lanes
        m.submodules.states = states = WordStore(*self._stored(config)["states"])
        drawn = Signal()

        # Clock 0: ask for a unit's state.
        drawing = Signal()
        unit = Signal(index_shape(units))
        with m.If(self.draw):
            m.d.sync += [drawing.eq(1), unit.eq(0)]
        with m.Elif(drawing):
            m.d.sync += unit.eq(unit + 1)
            with m.If(unit == units - 1):
                m.d.sync += drawing.eq(0)

        # Clock 1: leap, look the noise up.
        looking = Signal()
        unit_1 = Signal.like(unit)
        seeding = self.seeds.valid & (self.seeds.group == units_group(layer))
        now = states.r_data[0].random
        leapt = leap(now, GUMBEL_BITS, POLYNOMIALS[config.lfsr_bits])
        m.d.sync += [looking.eq(drawing), unit_1.eq(unit)]
        m.d.comb += [
            states.r_address.eq(unit),
            states.w_address.eq(Mux(seeding, self.seeds.word, unit_1)),
            states.w_enable.eq(looking | seeding),
            states.w_data[0].random.eq(Mux(seeding, self.seeds.state, leapt)),
        ]
        drawn_noise = self._look_up(m, "noise", now[:GUMBEL_BITS], table, entry)
        m.submodules.noises = noises = WordStore(entry, lanes, layer.fold)

        # Clock 2: keep it.
        keeping = Signal()
        last = Signal()
        word = Signal(index_shape(layer.fold))
        lane = Signal(index_shape(lanes))
        m.d.sync += [keeping.eq(looking), last.eq(unit_1 == units - 1)]
        m.d.comb += noises.w_address.eq(word)
        for index in range(lanes):
            m.d.comb += [
                noises.w_data[index].eq(drawn_noise),
                noises.w_enable[index].eq(keeping & (lane == index)),
            ]
        with m.If(keeping):
            m.d.sync += lane.eq(lane + 1)
            with m.If(lane == lanes - 1):
                m.d.sync += [lane.eq(0), word.eq(word + 1)]
        with m.If(keeping & last):
            m.d.sync += drawn.eq(1)
        with m.If(self.draw):
            m.d.sync += [drawn.eq(0), word.eq(0), lane.eq(0)]
        m.d.comb += noises.r_address.eq(self.word)
        return [noises.r_data[index] for index in range(lanes)], drawn

    def _look_up(self, m: Module, name: str, index: Value, table: list[int], entry: Shape) -> Signal:
        """Add a table of noise, and return the entry of an index, the cycle after it."""
        # A memory keeps a bit at least: Yosys knows none without.
        upper_bits = min(_upper_bits(table, entry.width), entry.width - 1)
        lower_bits = entry.width - upper_bits
        lower = [number & (1 << lower_bits) - 1 for number in table]
        m.submodules[name] = noise = memory.Memory(shape=lower_bits, depth=len(table), init=lower)
        read = noise.read_port()
        drawn = Signal(entry, name=f"drawn_{name}")
        m.d.comb += [read.addr.eq(index), drawn.eq(read.data)]
        if upper_bits:
            upper = Signal(upper_bits, name="upper" if name == "noise" else f"upper_{name}")
            uppers = [number >> lower_bits for number in table]
            steps = [place for place, (one, other) in enumerate(pairwise(uppers), start=1) if one != other]
            m.d.sync += upper.eq(uppers[0] + sum((~is_below(read.addr, step) for step in steps), Const(0)))
            m.d.comb += drawn.eq(Cat(read.data, upper))
        return drawn

    def _race(self, m: Module, noises: Sequence[Value], drawn: Value, noise_bits: int) -> Signal:
        """Find the unit with the greatest sum, into `winner`; return a strobe that is set in the last cycle."""
        config, layer = self._config, self._config.weight_layers[-1]
        units, fold, lanes = layer.units, layer.fold, layer.lanes
        drive = drive_shape(layer)

        # Clock 0: ask for a word of drives; a single word is there without asking.
        waiting = Signal()
        asking = Signal()
        begin = (self.start | waiting) & drawn
        m.d.sync += waiting.eq((self.start | waiting) & ~drawn)
        with m.If(begin):
            m.d.sync += [asking.eq(1), self.word.eq(0)]
        with m.Elif(asking):
            m.d.sync += self.word.eq(self.word + 1)
            with m.If(self.word == fold - 1):
                m.d.sync += asking.eq(0)
        adding = Signal()
        at = Signal.like(self.word)
        if fold == 1:
            m.d.comb += adding.eq(asking)
        else:
            m.d.sync += [adding.eq(asking), at.eq(self.word)]

        # Clock 1: integrate, add the noise.
        score = signed(max(drive.width, noise_bits) + 1)
        scores = Signal(data.ArrayLayout(score, lanes))
        scored = Signal()
        scored_word = Signal.like(self.word)
        m.d.sync += [scored.eq(adding), scored_word.eq(at)]
        # Each word's membranes come by once in a race, in order: so they go round, and nothing has to select them.
        membranes = Signal(self._membranes(config), reset_less=True)
        integrated = Signal(data.ArrayLayout(membranes.shape().elem_shape, lanes))
        if config.leak:
            with m.If(adding):
                m.d.sync += membranes.eq(Cat(membranes, integrated)[len(integrated.as_value()) :])
        for lane in range(lanes):
            m.submodules[f"membrane_{lane}"] = membrane = Membrane(drive.width, config.leak)
            m.d.comb += [membrane.drive.eq(self.drives[lane]), membrane.first.eq(self.first)]
            if config.leak:
                m.d.comb += [
                    membrane.state.eq(membranes[lane].membrane),
                    integrated[lane].membrane.eq(membrane.following),
                ]
            total = membrane.potential + noises[lane]
            if lane > (units - 1) % lanes:
                # In the last word there is no such unit: it comes last in any race, and ties go to a unit before it.
                total = Mux(at == fold - 1, -(1 << (score.width - 1)), total)
            m.d.sync += scores[lane].eq(total)

        # Clock 2: compare units of the word.
        compared = Signal()
        compared_word = Signal.like(self.word)
        kept_scores = Signal.like(scores, reset_less=True)
        m.d.sync += [compared.eq(scored), compared_word.eq(scored_word), kept_scores.eq(scores)]
        entries: list[tuple[Value, Value]] = [(kept_scores[lane], Const(lane)) for lane in range(lanes)]
        groups = []
        for start in range(0, lanes, GROUP):
            found = _greater([scores[lane] for lane in range(start, min(start + GROUP, lanes))])
            known = Signal(len(found), reset_less=True)
            m.d.sync += known.eq(Cat(found.values()))
            groups.append(_best(entries[start : start + GROUP], dict(zip(found, known, strict=True))))

        # Clock 3: the best of the word, and of the words so far.
        best, best_lane = _greatest(groups)
        if fold == 1:
            with m.If(compared):
                m.d.sync += self.winner.eq(best_lane)
        else:
            so_far = Signal(score, reset_less=True)
            base = Signal(range(fold * lanes + 1))
            with m.If(compared):
                m.d.sync += base.eq(base + lanes)
                with m.If((compared_word == 0) | (best > so_far)):
                    m.d.sync += [so_far.eq(best), self.winner.eq(base + best_lane)]
            with m.If(begin):
                m.d.sync += base.eq(0)
        over = Signal()
        m.d.comb += over.eq(compared & (compared_word == fold - 1))
        return over


def _upper_bits(table: list[int], bits: int) -> int:
    """Return how many bits of the noise, the highest, follow from where in the table it is, and are not stored.

    The table ascends: so they change in three places at most, if they are one or two, each by one. Not those that share
    a block of RAM with others in the smallest devices, where one has 1,024 words of four bits.
    """
    upper = bits % 4
    ascending = all(0 <= other - one < 1 << bits - upper for one, other in pairwise(table))
    return upper if upper in (1, 2) and ascending else 0


def _greater(values: list[Value]) -> dict[tuple[int, int], Value]:
    """Return for each pair j > i whether value j is greater than value i."""
    return {(j, i): values[j] > values[i] for j in range(len(values)) for i in range(j)}


def _greatest(entries: list[tuple[Value, Value]]) -> tuple[Value, Value]:
    """Return the entry of the greatest value, and of equals the first; an entry is a signed value and an index.

    A tree whose nodes compare `GROUP` entries, each with each: many comparisons, of which few are one after the other.
    """
    while len(entries) > 1:
        parts = [entries[start : start + GROUP] for start in range(0, len(entries), GROUP)]
        entries = [_best(part, _greater([value for value, _ in part])) for part in parts]
    return entries[0]


def _best(entries: list[tuple[Value, Value]], greater: Mapping[tuple[int, int], Value]) -> tuple[Value, Value]:
    """Return the entry of the greatest value, and of equals the first, by what `_greater` says of the values."""
    if len(entries) == 1:
        return entries[0]
    best: Value = Const(0, entries[0][0].shape())
    best_index: Value = Const(0)
    for number, (value, index) in enumerate(entries):
        # Greater than all before it, and none after it is greater.
        taken = Cat(
            *(greater[number, before] for before in range(number)),
            *(~greater[later, number] for later in range(number + 1, len(entries))),
        ).all()
        best, best_index = best | Mux(taken, value, 0), best_index | Mux(taken, index, 0)
    return best, best_index
