"""Early exit: a sample ends once the network is sure of it."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

from .word_store import index_shape

__all__ = ["Patience"]


class Patience(wiring.Component):
    """Counts how often the same unit has won in a row: the label's in learning, any in inference.

    Latency: `enough` follows from the winner in the same cycle (docs/semantics.md, 4.9).

    Parameters
    ----------
    config : NetworkConfig
        One whose samples may end early, in learning or in inference.

    Members
    -------
    begin : ``In(1)``
        A sample begins: forget the streak.
    won, winner : ``In(1)``, ``In(index_shape(n_L))``
        `winner` is that of this tick, for one cycle.
    label, learn : ``In(index_shape(n_L))``, ``In(1)``
        The sample's class, and whether it is learned.
    enough : ``Out(1)``
        The streak is as long as the patience, and that is not 0.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._learning, self._inferring = config.patience_for(True), config.patience_for(False)
        unit = index_shape(config.layers[-1])
        super().__init__(
            {
                "begin": In(1),
                "won": In(1),
                "winner": In(unit),
                "label": In(unit),
                "learn": In(1),
                "enough": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        learning, inferring = self._learning, self._inferring
        patience = Mux(self.learn, learning, inferring) if learning != inferring else learning
        streak = Signal(range(max(learning, inferring) + 1))
        following = Signal.like(streak)
        winner_before = Signal.like(self.winner)
        same = self.winner == Mux(self.learn, self.label, winner_before)
        m.d.comb += following.eq(streak)
        with m.If(self.won):
            m.d.sync += winner_before.eq(self.winner)
            m.d.comb += following.eq(Mux(same, Mux(streak == patience, patience, streak + 1), ~self.learn))
        m.d.sync += streak.eq(Mux(self.begin, 0, following))
        reached = following == patience
        m.d.comb += self.enough.eq(reached & (patience != 0) if 0 in (learning, inferring) else reached)
        return m
