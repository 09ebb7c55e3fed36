"""The result of a sample: how many ticks each class has won."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

from .word_store import index_shape

__all__ = ["WinCounter", "result_layout"]


def result_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of a result.

    ``winner``, the class; ``wins``, the ticks that each class has won; ``most``, those that the winner has.
    """
    units, ticks = config.layers[-1], range(config.ticks + 1)
    return data.StructLayout({"winner": index_shape(units), "wins": data.ArrayLayout(ticks, units), "most": ticks})


class WinCounter(wiring.Component):
    """Counts the wins of each class, and hands a result over for each sample.

    The class is the unit with the most wins, the lowest of them (docs/semantics.md, 5). Latency: a win is counted two
    cycles after `won`; the result is handed over in the cycle after the first of `ending`, or as soon as the one before
    it has been taken, and offered from the next cycle on.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    begin, ending : ``In(1)``
        A sample begins; all of its ticks are over, until `ended`.
    won, winner : ``In(1)``, ``In(index_shape(n_L))``
        `winner` has won a tick, and stays for the next cycle.
    ended, waiting : ``Out(1)``
        The result is handed over; it waits for the one before it to be taken.
    results : ``Out(stream.Signature(result_layout(config)))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "begin": In(1),
                "ending": In(1),
                "won": In(1),
                "winner": In(index_shape(config.layers[-1])),
                "ended": Out(1),
                "waiting": Out(1),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result = Signal(result_layout(self._config))
        most = result.most
        won = Signal()
        count = Signal(most.shape())
        m.d.sync += [won.eq(self.won), count.eq(result.wins[self.winner] + 1)]
        with m.If(self.begin):
            m.d.sync += result.eq(0)
        with m.Elif(won):
            m.d.sync += result.wins[self.winner].eq(count)
            with m.If((count > most) | ((count == most) & (self.winner < result.winner))):
                m.d.sync += [most.eq(count), result.winner.eq(self.winner)]
        with m.If(self.results.ready):
            m.d.sync += self.results.valid.eq(0)
        counted = Signal()
        free = Signal()
        m.d.sync += counted.eq(self.ending)
        m.d.comb += [
            free.eq(~self.results.valid | self.results.ready),
            self.ended.eq(self.ending & counted & free),
            self.waiting.eq(self.ending & counted & ~free),
        ]
        with m.If(self.ended):
            m.d.sync += [self.results.payload.eq(result), self.results.valid.eq(1)]
        return m
