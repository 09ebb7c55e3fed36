"""The winner-take-all inhibition unit: a Gumbel race between the output units, one unit a clock."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import GUMBEL_BITS, NetworkConfig
from backspike.model.lfsr import POLYNOMIALS
from backspike.model.wta import gumbel_table

from .lfsr import leap
from .neuron import Membrane
from .streams import seed_layout
from .synapses import drive_shape, unit_state
from .wordstore import WordStore, index_shape

__all__ = ["WinnerTakeAll"]


class WinnerTakeAll(wiring.Component):
    """Draws one winner a tick with the probability softmax(U)_k, and makes the error spikes.

    Each unit's potential plus its Gumbel noise races against the best so far; ties go to the lowest index. Units
    come one a clock, so that one table of noise serves all. Latency: units + 3 clocks from `start` to `done`.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    start : ``In(1)``
        Begin a race with the next clock.
    unit, drive : ``Out(index_shape(n_L))``, ``In(drive_shape(config, L))``
        The unit whose drive is wanted, and, a clock later, its drive.
    first, label, learn : ``In``
        The layer's first tick of a sample; the sample's class; whether it is learned.
    clear : ``In(1)``
        Forget winner and errors, as at a sample's start.
    done : ``Out(1)``
        Set for a clock: `winner` is there from now on, the error spikes from the next clock.
    winner : ``Out(index_shape(n_L))``
    error_pos, error_neg : ``Out(n_L)``
        Error spikes: target and winner, where they differ and the sample is learned.
    error : ``Out(1)``
        There are error spikes.
    seeds : ``In(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        units = config.layers[-1]
        super().__init__(
            {
                "start": In(1),
                "unit": Out(index_shape(units)),
                "drive": In(drive_shape(config, config.depth)),
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

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, units = self._config, self._config.layers[-1]
        drive = drive_shape(config, config.depth)
        m.submodules.states = states = WordStore(unit_state(config, config.depth), 1, units)
        table = [int(entry) for entry in gumbel_table(config.weight_frac, config.temperature)]
        bits = max(entry.bit_length() for entry in table) + 1
        m.submodules.noise = noise = memory.Memory(shape=signed(bits), depth=len(table), init=table)
        read = noise.read_port()
        m.submodules.membrane = membrane = Membrane(drive.width, config.leak)

        # Clock 0: ask for a unit's drive and state.
        busy = Signal()
        with m.If(self.start):
            m.d.sync += [busy.eq(1), self.unit.eq(0)]
        with m.Elif(busy):
            m.d.sync += self.unit.eq(self.unit + 1)
            with m.If(self.unit == units - 1):
                m.d.sync += busy.eq(0)

        # Clock 1: integrate, leap, look the noise up.
        integrating, unit_1 = Signal(), Signal.like(self.unit)
        now, following = states.r_data[0], states.w_data[0]
        mine = self.seeds.valid & (self.seeds.group == 2 * config.depth - 1)
        m.d.sync += [integrating.eq(busy), unit_1.eq(self.unit)]
        m.d.comb += [
            states.r_address.eq(self.unit),
            membrane.drive.eq(self.drive),
            membrane.first.eq(self.first),
            membrane.state.eq(now.membrane),
            read.addr.eq(now.random[:GUMBEL_BITS]),
            states.w_address.eq(unit_1),
            states.w_enable.eq(integrating | mine),
            following.random.eq(leap(now.random, GUMBEL_BITS, POLYNOMIALS[config.lfsr_bits])),
            following.membrane.eq(membrane.following),
        ]
        with m.If(mine):
            m.d.comb += [states.w_address.eq(self.seeds.word), following.random.eq(self.seeds.state)]

        # Clock 2: race.
        racing, unit_2, potential = Signal(), Signal.like(self.unit), Signal(drive)
        m.d.sync += [racing.eq(integrating), unit_2.eq(unit_1), potential.eq(membrane.potential)]
        score = Signal(signed(max(drive.width, bits) + 1))
        best = Signal.like(score)
        m.d.comb += score.eq(potential + read.data)
        with m.If(racing & ((unit_2 == 0) | (score > best))):
            m.d.sync += [best.eq(score), self.winner.eq(unit_2)]
        m.d.sync += self.done.eq(racing & (unit_2 == units - 1))

        # Clock 3: the winner is known.
        wrong = self.learn & (self.label < units) & (self.winner != self.label)
        with m.If(self.done):
            m.d.sync += [
                self.error.eq(wrong),
                self.error_pos.eq(Cat((self.label == unit) & wrong for unit in range(units))),
                self.error_neg.eq(Cat((self.winner == unit) & wrong for unit in range(units))),
            ]
        with m.If(self.clear):
            m.d.sync += [self.winner.eq(0), self.error.eq(0), self.error_pos.eq(0), self.error_neg.eq(0)]
        return m
