"""Lists of recorded spikes: passed on as they come."""

from __future__ import annotations

from amaranth import Module, Mux, Signal

from .lister import SampleLists

__all__ = ["RecordedSpikes"]


class RecordedSpikes(SampleLists):
    """Passes recorded spikes on as they come; entry n of a list draws LFSR n modulo their number, for permission.

    Nothing is stored, so a sample is available while its first entry waits. A sample that ends early leaves lists that
    have not come yet: they are dropped, an entry per cycle. Latency: none. Throughput: an entry per cycle.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    samples, counts, available, label, learn, start, showing, listing, ended, draws, entries
        See `SampleLists`.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        entry, draws, entries = self.samples.p, self.draws, self.entries
        dropping = Signal()
        taken = self.samples.valid & self.samples.ready
        accepted = taken & ~dropping
        m.d.comb += [
            self.available.eq(self.samples.valid & ~self.showing & ~dropping),
            self.label.eq(entry.label),
            self.learn.eq(entry.learn),
            entries.valid.eq(self.samples.valid & self.listing & draws.ready),
            self.samples.ready.eq((entries.ready & self.listing & draws.ready) | dropping),
            entries.p.permits.eq(draws.permits),
            draws.used.eq(accepted & self.counts),
            draws.restart.eq(accepted & entry.last),
            entries.p.spikes.eq(self.counts),
            entries.p.rows[0].eq(entry.index),
            entries.p.last.eq(entry.last),
        ]
        if self._config.ends_early:
            lists = Signal(range(self._config.ticks + 1))
            following = Signal.like(lists)
            m.d.comb += following.eq(lists + (taken & entry.last))
            m.d.sync += [
                lists.eq(Mux(self.start, 0, following)),
                dropping.eq((dropping | self.ended) & (following != self._config.ticks)),
            ]
        return m
