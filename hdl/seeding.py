"""Seeding of the LFSRs: a bus that loads the state of each after a reset."""

from __future__ import annotations

from amaranth import Array, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.layers import WeightLayer
from backspike.model.lfsr import SEEDING_POLYNOMIALS
from backspike.model.seeding import seeding_start

from .lfsr import LeapForwardLfsr
from .word_store import index_shape

__all__ = ["INPUT_GROUP", "LfsrSeeder", "bias_group", "lfsr_groups", "seed_layout", "units_group"]


INPUT_GROUP = 0
"""Group of the input LFSRs."""


def units_group(layer: WeightLayer) -> int:
    """Return the number of the group that holds the LFSRs of a layer's units."""
    return 2 * layer.number - 1


def bias_group(layer: WeightLayer) -> int:
    """Return the number of the group that holds the LFSR of a layer's bias row."""
    return 2 * layer.number


def lfsr_groups(config: NetworkConfig) -> list[tuple[int, int]]:
    """Return (LFSRs, LFSRs per word) of each group, in the order of `model.seeding.LfsrMap`.

    The input LFSRs, in words of the input lanes; then for each weight layer its units, in words of its unit lanes
    (the output layer: one by one, as its race takes them), and its bias row. A group's number is its place in this
    list.
    """
    groups = [(config.input_lfsrs, config.input_width)]
    for layer in config.weight_layers:
        groups += [(layer.units, layer.unit_width), (1, 1)]
    return groups


def seed_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of a state on its way to an LFSR: group, word and lane, and whether it is valid."""
    groups = lfsr_groups(config)
    return data.StructLayout(
        {
            "valid": 1,
            "group": index_shape(len(groups)),
            "word": index_shape(max(-(-lfsrs // width) for lfsrs, width in groups)),
            "lane": index_shape(max(width for _, width in groups)),
            "state": config.lfsr_bits,
        }
    )


class LfsrSeeder(wiring.Component):
    """Loads all LFSRs, one per cycle, from the seeding register.

    LFSR n takes the seeding register's state after n + 1 leaps of its width. Runs after a reset, with the
    configuration's seed, and whenever `start` is set, with the seed given.

    Members
    -------
    start : ``In(1)``
        Seed anew from `seed`, beginning with the next cycle.
    seed : ``In(lfsr_bits)``
        Start of the seeding register, not zero (`model.seeding.seeding_start`).
    busy : ``Out(1)``
        LFSRs are being loaded.
    o : ``Out(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {"start": In(1), "seed": In(config.lfsr_bits), "busy": Out(1, init=1), "o": Out(seed_layout(config))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, groups = self._config, lfsr_groups(self._config)
        width = config.lfsr_bits
        m.submodules.register = register = LeapForwardLfsr(width, width, SEEDING_POLYNOMIALS[width])
        group = Signal.like(self.o.group)
        word = Signal.like(self.o.word)
        lane = Signal.like(self.o.lane)
        left = Signal(range(max(lfsrs for lfsrs, _ in groups)), init=groups[0][0] - 1)
        # The first leap of a sequence comes before its first LFSR.
        primed = Signal()
        loaded = Signal()
        lanes = Array(Const(width - 1, lane.shape()) for _, width in groups)
        sizes = Array(Const(lfsrs - 1, left.shape()) for lfsrs, _ in [*groups[1:], groups[0]])

        m.d.comb += [
            register.load.eq(self.start | ~loaded),
            register.seed.eq(seeding_start(config.seed, width)),
            register.enable.eq(self.busy),
            self.o.valid.eq(self.busy & primed),
            self.o.group.eq(group),
            self.o.word.eq(word),
            self.o.lane.eq(lane),
            self.o.state.eq(register.state),
        ]
        m.d.sync += [loaded.eq(1), primed.eq(loaded)]
        with m.If(self.start):
            m.d.comb += register.seed.eq(self.seed)
            m.d.sync += [self.busy.eq(1), primed.eq(0), group.eq(0), word.eq(0), lane.eq(0), left.eq(groups[0][0] - 1)]
        with m.Elif(self.o.valid):
            m.d.sync += [lane.eq(lane + 1), left.eq(left - 1)]
            with m.If(lane == lanes[group]):
                m.d.sync += [lane.eq(0), word.eq(word + 1)]
            with m.If(left == 0):
                m.d.sync += [lane.eq(0), word.eq(0), group.eq(group + 1), left.eq(sizes[group])]
                with m.If(group == len(groups) - 1):
                    m.d.sync += [group.eq(0), self.busy.eq(0)]
        return m
