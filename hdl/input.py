"""The input layer: from samples to the rows of layer 1 that spike, tick by tick."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import RATE_BITS, NetworkConfig

from .comparison import is_below
from .entries import EntrySorter
from .input_lfsrs import InputLfsrs
from .lines import EntryLines
from .pace import ListPace
from .pixel_lists import PixelLists
from .recorded_spikes import RecordedSpikes
from .samples import sample_layout
from .seeding import seed_layout
from .visits import visit_layout
from .word_store import index_shape

__all__ = ["InputLayer"]


class InputLayer(wiring.Component):
    """Takes samples and lists, tick by tick, the rows of layer 1 that spike.

    Rate-coded samples are stored (`PixelLists`); recorded spikes go, entry by entry, to layer 1 as they arrive
    (`RecordedSpikes`).

    Latency: three cycles from `start` to the first visit, if it is of the first word (or entry). Throughput: that of
    an `EntrySorter`. For a crossbar it is that of `EntryLines`: a visit of all rows two cycles after the first word of
    a list that is one word, and a cycle later for each word more.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    samples : ``In(stream.Signature(sample_layout(config)))``
    available : ``Out(1)``
        A sample may be started; `label` and `learn` are its.
    start : ``In(1)``
        Show it: emit the lists of its ticks. Must not be set unless `available`.
    ticked, final : ``In(1)``, ``In(1)``
        A tick of the sample, not its first, begins with the next cycle; it is the last one. Only looked at with a
        patience, without which T ticks are shown: the lists then run no more than one tick ahead.
    label, learn : ``Out(index_shape(n_L))``, ``Out(1)``
        Of the sample that is available.
    rate : ``In(9)``
        Learning rate of layer 1.
    bias_permit : ``In(1)``
        Whether the bias row may learn in the tick that is listed.
    visits : ``Out(stream.Signature(visit_layout(n_0, 1, 1, banks)))``
    seeds : ``In(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(config))),
                "available": Out(1),
                "start": In(1),
                "ticked": In(1),
                "final": In(1),
                "label": Out(index_shape(config.layers[-1])),
                "learn": Out(1),
                "rate": In(RATE_BITS),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(config.layers[0], 1, 1, config.weight_layer(1).banks))),
                "seeds": In(seed_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.lfsrs = lfsrs = InputLfsrs(config)
        m.submodules.lists = lists = PixelLists(config) if config.input == "rate" else RecordedSpikes(config)
        crossbar = config.weight_layer(1).crossbar
        m.submodules.sorter = sorter = EntryLines(config) if crossbar else EntrySorter(config)
        m.submodules.pace = pace = ListPace(config)
        connect(m, flipped(self.samples), lists.samples)
        connect(m, lists.draws, lfsrs.draws)
        connect(m, lists.entries, sorter.entries)
        connect(m, sorter.visits, flipped(self.visits))
        m.d.comb += [
            self.available.eq(lists.available),
            self.label.eq(lists.label),
            self.learn.eq(lists.learn),
            lists.start.eq(self.start),
            lists.showing.eq(pace.showing),
            lists.listing.eq(pace.listing),
            lists.ended.eq(pace.ended),
            pace.start.eq(self.start),
            pace.ticked.eq(self.ticked),
            pace.final.eq(self.final),
            pace.listed.eq(lists.entries.valid & lists.entries.ready & lists.entries.p.last),
            lfsrs.rate.eq(self.rate),
            lfsrs.seeds.eq(self.seeds),
            sorter.bias_permit.eq(self.bias_permit),
        ]
        entry = self.samples.p
        # The index comes in ascending order, so that no list is longer than there are units.
        least = Signal(range(config.layers[0] + 1))
        m.d.comb += lists.counts.eq(
            (entry.value != 0) & (entry.index >= least) & is_below(entry.index, config.layers[0])
        )
        with m.If(self.samples.valid & self.samples.ready):
            with m.If(entry.last):
                m.d.sync += least.eq(0)
            with m.Elif(lists.counts):
                m.d.sync += least.eq(entry.index + 1)
        return m
