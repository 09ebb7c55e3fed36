"""Results on their way to a bus: a place for each before its sample is let in, and words of 32 bits."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.wins import result_layout
from backspike.hdl.word_store import index_shape
from backspike.registers import BUS_PLACES, bus_registers

from .access import fields_layout

__all__ = ["ResultQueue", "ResultWriter", "result_beat"]


class ResultQueue(wiring.Component):
    """Keeps results until they are taken, and lets a sample in only if there is a place for its result.

    So a sample that is shown always ends, whoever takes results or does not, and whoever waits for its end does not
    wait for ever. Latency: a result is offered in the cycle after it came.

    Parameters
    ----------
    config : NetworkConfig
    places : int
        Results that can wait; at least 1.

    Members
    -------
    results : ``In(stream.Signature(result_layout(config)))``
        Always ready, since a result has a place.
    o : ``Out(stream.Signature(result_layout(config)))``
    begin : ``In(1)``
        A sample is let in; only with `admit`.
    admit : ``Out(1)``
        There is a place for the result of one more.
    waiting, inside : ``Out(range(places + 1))``
        Results that wait here, and samples that have none yet.
    reset : ``In(1)``
        The network is reset, so the samples inside are gone. Results that wait stay.
    """

    def __init__(self, config: NetworkConfig, places: int = BUS_PLACES) -> None:
        if places < 1:
            raise ValueError(f"places must be at least 1, not {places!r}")
        self._places = places
        layout = result_layout(config)
        super().__init__(
            {
                "results": In(stream.Signature(layout)),
                "o": Out(stream.Signature(layout)),
                "begin": In(1),
                "admit": Out(1),
                "waiting": Out(range(places + 1)),
                "inside": Out(range(places + 1)),
                "reset": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = SyncFIFO(width=len(self.o.payload.as_value()), depth=self._places)
        m.d.comb += [
            queue.w_data.eq(self.results.payload),
            queue.w_en.eq(self.results.valid),
            self.results.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.waiting.eq(queue.level),
            self.admit.eq(self.waiting + self.inside < self._places),
        ]
        m.d.sync += self.inside.eq(self.inside + self.begin - (self.results.valid & self.results.ready))
        with m.If(self.reset):
            m.d.sync += self.inside.eq(0)
        return m


def result_beat() -> data.StructLayout:
    """Return the layout of a word of a result: ``data``, a ``class`` and its ``wins``; ``last``, the result's last."""
    return data.StructLayout({"data": fields_layout(bus_registers(streams=True)["RESULT"]), "last": 1})


class ResultWriter(wiring.Component):
    """Makes words of results: first the winner's, then one of each class, from class 0 up.

    Latency: none. Throughput: a word per cycle.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    i : ``In(stream.Signature(result_layout(config)))``
    o : ``Out(stream.Signature(result_beat()))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._classes = config.layers[-1]
        super().__init__({"i": In(stream.Signature(result_layout(config))), "o": Out(stream.Signature(result_beat()))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        listing = Signal()
        following = Signal(index_shape(self._classes))
        unit = Signal.like(following)
        m.d.comb += [
            unit.eq(Mux(listing, following, self.i.p.winner)),
            self.o.valid.eq(self.i.valid),
            self.o.p.data["class"].eq(unit),
            self.o.p.data.wins.eq(self.i.p.wins[unit]),
            self.o.p.last.eq(listing & (following == self._classes - 1)),
            self.i.ready.eq(self.o.ready & self.o.p.last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [listing.eq(~self.o.p.last), following.eq(Mux(listing, following + 1, 0))]
        return m
