"""Whose network it is: the host's, or the player's while a run is played."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.registers import request_layout
from backspike.hdl.samples import sample_layout
from backspike.hdl.wins import result_layout

__all__ = ["NetworkPort", "NetworkSwitch"]


class NetworkPort(wiring.Signature):
    """What goes to a `NetworkTop` and comes from it, as its user sees it.

    ``samples``, ``results``, ``requests``, ``responses``
        Those of a `NetworkTop`.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(
            {
                "samples": Out(stream.Signature(sample_layout(config))),
                "results": In(stream.Signature(result_layout(config))),
                "requests": Out(stream.Signature(request_layout(config))),
                "responses": In(stream.Signature(32)),
            }
        )


class NetworkSwitch(wiring.Component):
    """Connects a network to the host link or to the player. No latency.

    Members
    -------
    link, player : ``In(NetworkPort(config))``
    network : ``Out(NetworkPort(config))``
    playing : ``In(1)``
        The network is the player's. Set only while `free` is, and nothing of the link's is on its way; and no longer
        than what it has begun is done.
    mid_sample : ``In(1)``
        A sample of the link's has begun to come in, and is not whole.
    unfetched : ``In(1)``
        There are results that the link has taken and the host has not.
    free : ``Out(1)``
        The host has the results of all the link's samples.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(
            {
                "link": In(NetworkPort(config)),
                "player": In(NetworkPort(config)),
                "network": Out(NetworkPort(config)),
                "playing": In(1),
                "mid_sample": In(1),
                "unfetched": In(1),
                "free": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for playing, user in enumerate((self.link, self.player)):
            with m.If(self.playing == playing):
                for name in ("samples", "requests"):
                    source, sink = getattr(user, name), getattr(self.network, name)
                    m.d.comb += [sink.valid.eq(source.valid), sink.p.eq(source.p), source.ready.eq(sink.ready)]
                for name in ("results", "responses"):
                    source, sink = getattr(self.network, name), getattr(user, name)
                    m.d.comb += [sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
            m.d.comb += [user.results.p.eq(self.network.results.p), user.responses.p.eq(self.network.responses.p)]

        # Below 0 for a while when a sample of recorded spikes ends before it is whole.
        outstanding = Signal(3)
        before = Signal()
        whole = before & ~self.mid_sample
        result = self.link.results.valid & self.link.results.ready
        m.d.sync += [before.eq(self.mid_sample), outstanding.eq(outstanding + whole - result)]
        m.d.comb += self.free.eq((outstanding == 0) & ~before & ~self.unfetched)
        return m
