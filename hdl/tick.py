"""The tick: when samples and their ticks begin and end, and which layers take part."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

from .comparison import is_below

__all__ = ["TickSequencer"]


class TickSequencer(wiring.Component):
    """Lets a sample's ticks follow each other: the next one begins with the cycle after all layers have finished.

    Layer l takes part from tick l - 1 on. A sample has `ticks` of them, or ends with the tick after the one in which
    `enough` is set (docs/semantics.md, 4.1 and 4.9).

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    available, hold : ``In(1)``
        A sample may be started; none is to be started.
    finished : ``In(L)``
        Layers whose registers have moved, or do so before the next sweep reads them.
    enough : ``In(1)``
        The tick that begins next is the sample's last.
    ended : ``In(1)``
        The sample's result has been handed over.
    begin : ``Out(1)``
        A sample begins: its first tick with the next cycle.
    advance, last : ``Out(1)``
        A tick ends; the tick is the sample's last.
    final : ``Out(1)``
        The tick that begins next, if one does, is the sample's last.
    starting : ``Out(L)``
        Layers that take part in the tick that begins with the next cycle; zero if none begins.
    showing, ending : ``Out(1)``
        A sample is being shown; all of its ticks are over.
    moved : ``Out(1)``
        All registers have moved: two cycles after a tick, as those of a single word do so when the next one has begun.
    begun : ``Out(1)``
        The same, where another tick of the sample follows.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._ticks = config.ticks
        depth = config.depth
        super().__init__(
            {
                "available": In(1),
                "hold": In(1),
                "finished": In(depth),
                "enough": In(1),
                "ended": In(1),
                "begin": Out(1),
                "advance": Out(1),
                "last": Out(1),
                "final": Out(1),
                "starting": Out(depth),
                "showing": Out(1),
                "ending": Out(1),
                "moved": Out(1),
                "begun": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tick = Signal(range(self._ticks))
        active = Signal.like(self.starting)
        advanced = Signal()
        follows = Signal()
        m.d.comb += [
            self.begin.eq(~self.showing & self.available & ~self.hold),
            self.advance.eq(self.showing & ~self.ending & self.finished.all()),
            self.final.eq(~is_below(tick, self._ticks - 2) | self.enough),
            self.starting.eq(Mux(self.begin, 1, Mux(self.advance & ~self.last, (active << 1) | 1, 0))),
        ]
        m.d.sync += [
            advanced.eq(self.advance),
            self.moved.eq(advanced),
            follows.eq(self.advance & ~self.last),
            self.begun.eq(follows),
        ]
        with m.If(self.starting.any()):
            m.d.sync += active.eq(self.starting)
        with m.If(self.begin):
            m.d.sync += [self.showing.eq(1), tick.eq(0), self.last.eq(self._ticks == 1)]
        with m.Elif(self.advance):
            m.d.sync += [tick.eq(tick + 1), self.last.eq(self.final), self.ending.eq(self.last)]
        with m.If(self.ended):
            m.d.sync += [self.showing.eq(0), self.ending.eq(0)]
        return m
