"""From the lists of a record to the entries that a network takes."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.samples import sample_layout
from backspike.hdl.word_store import index_shape
from backspike.model.records import gap_bits

from .fetcher import list_words
from .port import WORD_BITS

__all__ = ["RecordDecoder"]


class RecordDecoder(wiring.Component):
    """Reads a record's lists (docs/sample_memory.md) out of a `RecordFetcher`, and gives their entries to a network.

    Latency: the first header is looked at two cycles after `start`. Throughput: a byte per cycle of rate-coded lists,
    and an entry of the value 0 ends them; an entry per cycle of recorded spikes, and a cycle more for each list and
    each header that only skips.

    Members
    -------
    start : ``In(1)``
        Read the record that is offered, until `done`.
    label, learn, words : ``In(index_shape(n_L))``, ``In(1)``, ``In(range(list_words(config) + 1))``
        Of the record; they stay until `done`.
    address, data : ``Out(range(list_words(config)))``, ``In(16)``
        Those of a `RecordFetcher`.
    samples : ``Out(stream.Signature(sample_layout(config)))``
    done : ``Out(1)``
        Strobe: the last entry is taken in this cycle.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        words = list_words(config)
        super().__init__(
            {
                "start": In(1),
                "label": In(index_shape(config.layers[-1])),
                "learn": In(1),
                "words": In(range(words + 1)),
                "address": Out(index_shape(words)),
                "data": In(WORD_BITS),
                "samples": Out(stream.Signature(sample_layout(config))),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, entry = self._config, self.samples.p
        inputs, gaps, recorded = config.layers[0], gap_bits(config), config.input == "spikes"

        # Bytes, one after the other; after the last there are zeros.
        odd = Signal()
        word = Signal(range(list_words(config) + 1))
        place = Cat(odd, word)
        following = Signal.like(place)
        take = Signal()
        fill = Signal()
        byte = Signal(8)
        there = word != self.words
        m.d.comb += [following.eq(place + ((take | fill) & there)), self.address.eq(following[1:])]
        m.d.sync += place.eq(following)
        # A register between the RAM and all that a header decides: the byte at `place` is the one after it.
        with m.If(take | fill):
            m.d.sync += byte.eq(Mux(there, self.data.word_select(odd, 8), 0))

        # The next unit; what is beyond all of them stays there.
        position = Signal(range(inputs + 1))
        left = Signal(8 - gaps)
        count = byte[: 8 - gaps]
        gap = byte[8 - gaps :]
        begin: Value = Mux(count == 0, Cat(Const(0, gaps), gap), gap)

        def reach(unit: object) -> None:
            target = Value.cast(unit)
            m.d.sync += position.eq(Mux(target > inputs, inputs, target))

        def load(base: Value) -> None:
            """Take a header that does not end a list."""
            m.d.comb += take.eq(1)
            m.d.sync += left.eq(count)
            reach(base + begin)
            m.next = "Header"
            with m.If(count != 0):
                m.next = "Entries"

        m.d.comb += [entry.index.eq(position), entry.label.eq(self.label), entry.learn.eq(self.learn)]
        value = Const(1) if recorded else byte
        lists = Signal(range(config.ticks))

        def close() -> None:
            """End a list."""
            m.d.sync += position.eq(0)
            m.next = "Header"
            with m.If(lists == (config.ticks - 1 if recorded else 0)):
                m.d.comb += self.done.eq(1)
                m.d.sync += lists.eq(0)
                m.next = "Idle"
            with m.Else():
                m.d.sync += lists.eq(lists + 1)

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += following.eq(0)
                m.d.sync += position.eq(0)
                with m.If(self.start):
                    m.next = "Fill"
            with m.State("Fill"):
                m.d.comb += fill.eq(1)
                m.next = "Header"
            with m.State("Header"):
                with m.If(byte == 0):
                    m.next = "End"
                with m.Else():
                    load(position)
            with m.State("Entries"):
                m.d.comb += [self.samples.valid.eq(1), entry.value.eq(Mux(position == inputs, 0, value))]
                if recorded:
                    m.d.comb += entry.last.eq((left == 1) & (byte == 0))
                with m.If(self.samples.ready):
                    m.d.sync += left.eq(left - 1)
                    reach(position + 1)
                    if recorded:
                        # The next header comes with the last unit of the one before.
                        with m.If(entry.last):
                            m.d.comb += take.eq(1)
                            close()
                        with m.Elif(left == 1):
                            load(position + 1)
                    else:
                        m.d.comb += take.eq(1)
                        with m.If(left == 1):
                            m.next = "Header"
            with m.State("End"):
                m.d.comb += [self.samples.valid.eq(1), entry.last.eq(1)]
                with m.If(self.samples.ready):
                    m.d.comb += take.eq(1)
                    close()
        return m
