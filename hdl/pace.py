"""The pace of a sample's lists: when they begin, how far they run ahead, and when they have ended."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

__all__ = ["ListPace"]


class ListPace(wiring.Component):
    """Starts and ends the lists of a sample, one per tick.

    Without a patience there are T of them. With one, they run no more than one tick ahead, as the last tick is known
    when it begins: its list may have begun by then, or ended, but no list after it.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    start : ``In(1)``
        A sample starts at the end of this cycle.
    ticked, final : ``In(1)``, ``In(1)``
        A tick of the sample, not its first, begins with the next cycle; it is the last one. Only looked at with a
        patience.
    listed : ``In(1)``
        A list ends with this cycle. May depend on `listing`.
    showing, listing : ``Out(1)``, ``Out(1)``
        A sample is shown; its lists may go on.
    ended : ``Out(1)``
        The sample's last list has ended: nothing is shown from the next cycle on, unless started.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "ticked": In(1),
                "final": In(1),
                "listed": In(1),
                "showing": Out(1),
                "listing": Out(1),
                "ended": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ticks = self._config.ticks
        if self._config.ends_early:
            # Lists ended, less ticks begun, and one more.
            ahead = Signal(range(3))
            last = Signal()
            m.d.comb += [
                self.ended.eq(self.showing & last & ((ahead == 1) | self.listed)),
                self.listing.eq(self.showing & (ahead != 2) & ~(last & (ahead == 1))),
            ]
            with m.If(self.start):
                m.d.sync += [ahead.eq(0), last.eq(ticks == 1)]
            with m.Else():
                m.d.sync += [ahead.eq(ahead + self.listed - self.ticked), last.eq(Mux(self.ticked, self.final, last))]
        else:
            tick = Signal(range(ticks))
            m.d.comb += [self.ended.eq(self.listed & (tick == ticks - 1)), self.listing.eq(self.showing)]
            m.d.sync += tick.eq(Mux(self.start, 0, tick + self.listed))
        m.d.sync += self.showing.eq(self.start | (self.showing & ~self.ended))
        return m
