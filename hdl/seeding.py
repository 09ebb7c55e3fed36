"""Seeding of the LFSRs: a bus that loads the state of each after a reset."""

from __future__ import annotations

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.layers import WeightLayer
from backspike.model.lfsr import SEEDING_POLYNOMIALS

from .word_store import index_shape

__all__ = ["INPUT_GROUP", "LfsrSeeder", "bias_group", "lfsr_groups", "seed_layout", "units_group"]

BYTE = 8
"""Bits by which the seeding register moves per cycle: they divide the width of each, and none needs more taps."""

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
    """Loads all LFSRs, one after the other, from the seeding register.

    LFSR n takes the seeding register's state after n + 1 leaps of its width. The register moves by a byte per cycle:
    so it is given its first state, and so it leaps. Latency: the first LFSR is loaded ``lfsr_bits / 8 + 1`` cycles
    after the last byte has come; one follows every ``lfsr_bits / 8`` cycles.

    Members
    -------
    load, byte : ``In(1)``, ``In(8)``
        A byte of the seeding register's first state, the lowest first; of a state of zero, 1 is taken. With the last
        byte the seeding begins; no more of them before it is over.
    busy : ``Out(1)``
        LFSRs are being loaded, or are to be: from a reset, or the first byte, to the last LFSR.
    o : ``Out(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__({"load": In(1), "byte": In(BYTE), "busy": Out(1, init=1), "o": Out(seed_layout(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        groups, width = lfsr_groups(self._config), self._config.lfsr_bits

        # The register: with each byte that comes in from above, one goes out below.
        state = Signal(width, reset_less=True)
        leaping = Signal()
        place = Signal(range(width // BYTE))
        something = Signal()
        fresh = Cat(_parity(state, step, SEEDING_POLYNOMIALS[width]) for step in range(BYTE))
        whole = place == width // BYTE - 1
        nothing = self.load & whole & ~something & (self.byte == 0)
        with m.If(self.load | leaping):
            m.d.sync += [
                state.eq(Cat(state[BYTE] | nothing, state[BYTE + 1 :], Mux(leaping, fresh, self.byte))),
                place.eq(Mux(whole, 0, place + 1)),
                # What is on the input while the register leaps is none of its first state.
                something.eq(self.load & ~whole & (something | (self.byte != 0))),
            ]
        with m.If(self.load):
            m.d.sync += [self.busy.eq(1), leaping.eq(whole)]

        # Whose state it is, once it has leapt.
        group = Signal.like(self.o.group)
        word = Signal.like(self.o.word)
        lane = Signal.like(self.o.lane)
        left = Signal(range(max(lfsrs for lfsrs, _ in groups)), init=groups[0][0] - 1)
        lanes = Array(Const(lfsrs_in_word - 1, lane.shape()) for _, lfsrs_in_word in groups)
        sizes = Array(Const(lfsrs - 1, left.shape()) for lfsrs, _ in [*groups[1:], groups[0]])
        valid = Signal()
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.group.eq(group),
            self.o.word.eq(word),
            self.o.lane.eq(lane),
            self.o.state.eq(state),
        ]
        m.d.sync += valid.eq(leaping & whole)
        with m.If(valid):
            m.d.sync += [lane.eq(lane + 1), left.eq(left - 1)]
            with m.If(lane == lanes[group]):
                m.d.sync += [lane.eq(0), word.eq(word + 1)]
            with m.If(left == 0):
                m.d.sync += [lane.eq(0), word.eq(0), group.eq(group + 1), left.eq(sizes[group])]
                with m.If(group == len(groups) - 1):
                    m.d.sync += [group.eq(0), place.eq(0), leaping.eq(0), self.busy.eq(0)]
        return m


def _parity(state: Value, step: int, exponents: tuple[int, ...]) -> Value:
    """Return the bit that comes into a register with a step, counted from 0: its taps are all in the state as it is."""
    return Cat(state[exponent + step] for exponent in exponents).xor()
