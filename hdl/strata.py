"""Strata of spike draws: the offset of a sample's phases, in each tick and each round of its list."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.config import PIXEL_BITS, NetworkConfig
from backspike.model.strata import ROUND_DIRECTIONS, TICK_DIRECTIONS

__all__ = ["DrawStrata", "offset"]


def offset(number: Value, directions: tuple[int, ...]) -> Value:
    """Return what draws are changed by, 8 bits, in a tick or round of this number: an XOR for each bit of it."""
    taken = list(zip(number, directions, strict=False))
    return Cat(Cat(bit for bit, direction in taken if direction >> place & 1).xor() for place in range(PIXEL_BITS))


class DrawStrata(wiring.Component):
    """Counts a sample's ticks and the rounds of each list, and says what makes draws of phases in them.

    Latency: what a cycle's `restart` and `turned` say holds from the next one on.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    fresh : ``In(1)``
        No sample is shown: the list to come is the first one of a sample.
    restart : ``In(1)``
        A list ends with this cycle.
    turned : ``In(1)``
        All LFSRs have had their turn, and the first ones come next.
    taking : ``Out(1)``
        The LFSRs draw for the first time in this sample: their draws are its phases.
    offset : ``Out(8)``
        A spike draw is the phase of its LFSR XOR this; 0 while phases are taken.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._ticks = config.ticks
        self._rounds = -(-config.layers[0] // config.input_lfsrs)
        super().__init__(
            {"fresh": In(1), "restart": In(1), "turned": In(1), "taking": Out(1), "offset": Out(PIXEL_BITS)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        most = (1 << PIXEL_BITS) - 1
        tick = Signal(range(min(self._ticks, most + 1)))
        turn = Signal(range(min(self._rounds, most + 1)))
        next_tick = Signal.like(tick)
        next_turn = Signal.like(turn)
        m.d.comb += [
            next_tick.eq(Mux(self.fresh, 0, tick + self.restart)),
            next_turn.eq(Mux(self.fresh | self.restart, 0, turn + self.turned)),
        ]
        m.d.sync += [
            tick.eq(next_tick),
            turn.eq(next_turn),
            # From what follows, so that no draw waits for it.
            self.offset.eq(offset(next_tick, TICK_DIRECTIONS) ^ offset(next_turn, ROUND_DIRECTIONS)),
            self.taking.eq(self.fresh | (self.taking & ~self.restart & ~self.turned)),
        ]
        return m
