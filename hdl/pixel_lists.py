"""Lists of rate-coded samples: stored pixels, drawn anew in every tick."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data

from backspike.config import PIXEL_BITS

from .lister import SampleLists
from .ram import ram
from .word_store import index_shape

__all__ = ["PixelLists"]


class PixelLists(SampleLists):
    """Stores samples as lists of non-zero pixels, and draws the one that is shown once per tick.

    One entry is stored per cycle; a word has `input_width` of them, in `input_buffers` buffers: of two, one fills while
    the other is shown. Latency: the first word is there in the cycle after `start`. Throughput: a word per cycle, as
    fast as the LFSRs draw; a list after one of a single word begins a cycle later where LFSRs take turns.

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
        config, entry, draws, entries = self._config, self.samples.p, self.draws, self.entries
        slots = config.input_width
        words = -(-config.layers[0] // slots)
        stored = data.StructLayout({"row": range(config.layers[0] + 1), "value": PIXEL_BITS})
        header = data.StructLayout(
            {
                "last_word": index_shape(config.input_buffers * words),
                "last_used": range(slots + 1),
                "label": entry.label.shape(),
                "learn": 1,
            }
        )
        buffers = config.input_buffers
        headers = Signal(data.ArrayLayout(header, buffers), reset_less=True)
        full = Signal(buffers)
        filling = Signal()
        shown = Signal()

        # Fill. The last word is the one before where nothing has come after that, but for an entry that does not count.
        slot = Signal(index_shape(slots))
        word = Signal(range(words + 1))
        address = Signal(range(buffers * words + 1))
        m.d.comb += [self.samples.ready.eq(~full.bit_select(filling, 1)), address.eq(word + Mux(filling, words, 0))]
        taken = self.samples.valid & self.samples.ready
        filled = headers[filling]
        ended_before = ~self.counts & (slot == 0) & (word != 0)
        with m.If(taken):
            with m.If(self.counts):
                m.d.sync += slot.eq(slot + 1)
                with m.If(slot == slots - 1):
                    m.d.sync += [slot.eq(0), word.eq(word + 1)]
            with m.If(entry.last):
                m.d.sync += [
                    filled.last_word.eq(address - ended_before),
                    filled.last_used.eq(Mux(ended_before, slots, slot + self.counts)),
                    filled.label.eq(entry.label),
                    filled.learn.eq(entry.learn),
                    full.bit_select(filling, 1).eq(1),
                    filling.eq(~filling if buffers == 2 else 0),
                    slot.eq(0),
                    word.eq(0),
                ]

        # Show.
        present = headers[shown]
        m.d.comb += [
            self.available.eq(full.bit_select(shown, 1) & ~self.showing),
            self.label.eq(present.label),
            self.learn.eq(present.learn),
        ]
        position = Signal(index_shape(buffers * words))
        following = Signal.like(position)
        accepted = entries.valid & entries.ready
        at_end = position == present.last_word
        m.d.comb += [
            entries.valid.eq(self.listing & draws.ready),
            entries.p.last.eq(at_end),
            draws.restart.eq(~self.showing | (accepted & at_end)),
            following.eq(Mux(~self.showing | (accepted & at_end), Mux(shown, words, 0), position + accepted)),
        ]
        if config.input_draws == "stratified":
            m.d.comb += draws.fresh.eq(~self.showing)
        m.d.sync += position.eq(following)
        with m.If(self.ended):
            m.d.sync += [full.bit_select(shown, 1).eq(0), shown.eq(~shown if buffers == 2 else 0)]

        for index in range(slots):
            m.submodules[f"list_{index}"] = listed = ram(stored, buffers * words)
            read = listed.read_port()
            write = listed.write_port()
            exists = ~at_end | (present.last_used > index)
            m.d.comb += [
                write.addr.eq(address),
                write.data.row.eq(entry.index),
                write.data.value.eq(entry.value),
                write.en.eq(taken & self.counts & (slot == index)),
                read.addr.eq(following),
                draws.values[index].eq(read.data.value),
                draws.used[index].eq(accepted & exists),
                entries.p.spikes[index].eq(draws.spikes[index] & exists),
                entries.p.rows[index].eq(read.data.row),
                entries.p.permits[index].eq(draws.permits[index]),
            ]
        return m
