"""The stochastic spike generator, and the input layer that feeds it with a sample's list."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.config import PERMISSION_BITS, PIXEL_BITS, NetworkConfig
from backspike.model.lfsr import POLYNOMIALS

from .joiner import VisitJoiner
from .lfsr import leap
from .ram import ram
from .serialiser import Serialiser
from .streams import seed_layout
from .visits import visit_layout
from .wordstore import WordStore, index_shape

__all__ = ["InputLayer", "SpikeGenerator", "sample_layout"]


def sample_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of one entry of a sample's list.

    Fields: ``index``, the input unit; ``value``, its pixel 1..255 (recorded spikes: anything but zero); ``last``,
    the end of the list; ``label`` and ``learn``, the same in every entry of a sample, which is not learned if its label
    is no class. An entry whose value is zero or whose index is not above the one before, or not below n_0, only counts
    for its flags: this is how an empty list is sent. Rate-coded samples are one list, recorded spikes T lists, one a
    tick.
    """
    return data.StructLayout(
        {
            "index": index_shape(config.layers[0]),
            "value": PIXEL_BITS,
            "label": index_shape(config.layers[-1]),
            "learn": 1,
            "last": 1,
        }
    )


class SpikeGenerator(wiring.Component):
    """One stream of Bernoulli spikes: ``spike`` with probability `value` / 256, ``permit`` with `rate` / 256.

    Combinational: the stream's state is kept outside, so that one generator serves several streams in turn.

    Parameters
    ----------
    lfsr_bits : int
        Width of the stream's register.

    Members
    -------
    state, following : ``In(lfsr_bits)``, ``Out(lfsr_bits)``
        State of the stream's register, and behind the 16 bits of this draw.
    value : ``In(8)``
    rate : ``In(9)``
    spike, permit : ``Out(1)``
    """

    def __init__(self, lfsr_bits: int) -> None:
        self._lfsr_bits = lfsr_bits
        super().__init__(
            {
                "state": In(lfsr_bits),
                "following": Out(lfsr_bits),
                "value": In(PIXEL_BITS),
                "rate": In(PERMISSION_BITS + 1),
                "spike": Out(1),
                "permit": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = PIXEL_BITS + PERMISSION_BITS
        m.d.comb += [
            self.following.eq(leap(self.state, bits, POLYNOMIALS[self._lfsr_bits])),
            self.spike.eq(self.state[:PIXEL_BITS] < self.value),
            self.permit.eq(self.state[PIXEL_BITS:bits] < self.rate),
        ]
        return m


class _Entries:
    """A word of a list's entries on its way to the banks' lists: which of them spike, and which of those may learn."""

    def __init__(self, inputs: int, slots: int) -> None:
        self.valid = Signal()
        self.ready = Signal()
        self.last = Signal()
        self.spikes = Signal(slots)
        self.permits = Signal(slots)
        self.rows = Signal(data.ArrayLayout(range(inputs + 1), slots))


class _Streams:
    """The streams whose turn it is: ready, what they draw, which draws are used, and whether the first come next."""

    def __init__(self, slots: int) -> None:
        self.ready = Signal()
        self.restart = Signal()
        self.used = Signal(slots)
        self.values = Signal(data.ArrayLayout(PIXEL_BITS, slots))
        self.spikes = Signal(slots)
        self.permits = Signal(slots)


class _Pace:
    """When a sample's lists are listed: one is shown, its lists may go on, it ends with this clock."""

    def __init__(self) -> None:
        self.showing = Signal()
        self.listing = Signal()
        self.ended = Signal()


class InputLayer(wiring.Component):
    """Takes samples and lists, tick by tick, the rows of layer 1 that spike.

    Rate-coded samples are stored as lists of non-zero pixels, `input_lanes` entries a word, in `input_buffers`: of
    two, one fills while the other is shown. A word of entries is drawn in a clock; where there are more streams than
    lanes, they take turns, and a list behind one of a single word begins a clock later. Recorded spikes are not stored:
    they go, entry by entry, to layer 1 as they arrive.

    Latency: three clocks from `start` to the first visit, if it is of the first word (or entry). Throughput: that of
    a `Serialiser` of words for each bank.

    Members
    -------
    samples : ``In(stream.Signature(sample_layout(config)))``
    available : ``Out(1)``
        A sample may be started; `label` and `learn` are its.
    start : ``In(1)``
        Show it: emit the lists of its ticks. Must not be set unless `available`.
    ticked, final : ``In(1)``, ``In(1)``
        A tick of the sample, not its first, begins with the next clock; it is the last one. Only looked at with a
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
                "rate": In(PERMISSION_BITS + 1),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(config.layers[0], 1, 1, config.banks[0]))),
                "seeds": In(seed_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        turns = self._config.input_turns
        slots = self._config.input_streams // turns
        streams = self._add_streams(m, slots, turns)

        # The index comes in ascending order, so that no list is longer than there are units.
        entry = self.samples.p
        least = Signal(range(self._config.layers[0] + 1))
        counts = Signal()
        m.d.comb += counts.eq((entry.value != 0) & (entry.index >= least) & (entry.index < self._config.layers[0]))
        with m.If(self.samples.valid & self.samples.ready):
            with m.If(entry.last):
                m.d.sync += least.eq(0)
            with m.Elif(counts):
                m.d.sync += least.eq(entry.index + 1)

        entries = self._add_lists(m, slots)
        pace = self._add_pace(m, entries.valid & entries.ready & entries.last)
        if self._config.input == "rate":
            self._list_pixels(m, counts, pace, streams, entries)
        else:
            self._list_spikes(m, counts, pace, streams, entries)
        return m

    def _add_streams(self, m: Module, slots: int, turns: int) -> _Streams:
        """Add the input streams: their states, in words, and a generator for each state of a word."""
        m.submodules.states = states = WordStore(self._config.lfsr_bits, slots, turns)
        streams = _Streams(slots)
        seeding = self.seeds.valid & (self.seeds.group == 0)
        turn = Signal(index_shape(turns))
        following = Signal(index_shape(turns))
        stale = Signal()
        m.d.comb += [
            following.eq(Mux(streams.restart, 0, turn)),
            streams.ready.eq(~stale),
            states.r_address.eq(following),
            states.w_address.eq(Mux(seeding, self.seeds.word, turn)),
        ]
        with m.If(streams.used.any() & ~streams.restart):
            m.d.comb += following.eq(Mux(turn == turns - 1, 0, turn + 1))
        m.d.sync += turn.eq(following)
        if turns > 1:
            # What is written in a clock cannot be read in it.
            m.d.sync += stale.eq(streams.used.any() & (following == turn))
        for slot in range(slots):
            m.submodules[f"generator_{slot}"] = generator = SpikeGenerator(self._config.lfsr_bits)
            m.d.comb += [
                generator.rate.eq(self.rate),
                generator.state.eq(states.r_data[slot]),
                generator.value.eq(streams.values[slot]),
                streams.spikes[slot].eq(generator.spike),
                streams.permits[slot].eq(generator.permit),
                states.w_data[slot].eq(Mux(seeding, self.seeds.state, generator.following)),
                states.w_enable[slot].eq(streams.used[slot] | (seeding & (self.seeds.lane == slot))),
            ]
        return streams

    def _add_pace(self, m: Module, listed: Value) -> _Pace:
        """Add what starts and ends lists; `listed` says that one ends with this clock."""
        config, pace = self._config, _Pace()
        if config.ends_early:
            # Lists ended, less ticks begun, and one more. The last tick is known when it begins, when its list may have
            # begun, or ended, but no list behind it.
            ahead = Signal(range(3))
            last = Signal()
            m.d.comb += [
                pace.ended.eq(pace.showing & last & ((ahead == 1) | listed)),
                pace.listing.eq(pace.showing & (ahead != 2) & ~(last & (ahead == 1))),
            ]
            with m.If(self.start):
                m.d.sync += [ahead.eq(0), last.eq(config.ticks == 1)]
            with m.Else():
                m.d.sync += [ahead.eq(ahead + listed - self.ticked), last.eq(Mux(self.ticked, self.final, last))]
        else:
            tick = Signal(range(config.ticks))
            m.d.comb += [pace.ended.eq(listed & (tick == config.ticks - 1)), pace.listing.eq(pace.showing)]
            m.d.sync += tick.eq(Mux(self.start, 0, tick + listed))
        m.d.sync += pace.showing.eq(self.start | (pace.showing & ~pace.ended))
        return pace

    def _add_lists(self, m: Module, slots: int) -> _Entries:
        """Add a list for each bank, and what joins them; return the word of entries that goes into all of them."""
        inputs, banks = self._config.layers[0], self._config.banks[0]
        m.submodules.joiner = joiner = VisitJoiner(inputs, 1, 1, banks)
        m.d.comb += joiner.bias_permit.eq(self.bias_permit)
        connect(m, joiner.o, flipped(self.visits))
        entries = _Entries(inputs, slots)
        item = data.StructLayout({"row": joiner.i[0].p.row.shape(), "permit": 1})
        serialisers = []
        for bank in range(banks):
            m.submodules[f"serialiser_{bank}"] = serialiser = Serialiser(slots, item, 0)
            serialisers.append(serialiser)
            emitted, mark = serialiser.o, joiner.i[bank]
            m.d.comb += [
                serialiser.i.valid.eq(entries.valid & entries.ready),
                serialiser.i.p.last.eq(entries.last),
                mark.valid.eq(emitted.valid),
                emitted.ready.eq(mark.ready),
                mark.p.row.eq(emitted.p.item.row),
                mark.p.permit.eq(emitted.p.item.permit),
                mark.p.spike.eq(1),
                mark.p.last.eq(emitted.p.last),
            ]
            for slot in range(slots):
                row = entries.rows[slot]
                m.d.comb += [
                    serialiser.i.p.mask[slot].eq(entries.spikes[slot] & (row % banks == bank)),
                    serialiser.i.p["items"][slot].row.eq(row // banks),
                    serialiser.i.p["items"][slot].permit.eq(entries.permits[slot]),
                ]
        m.d.comb += entries.ready.eq(Cat(serialiser.i.ready for serialiser in serialisers).all())
        return entries

    def _list_pixels(
        self,
        m: Module,
        counts: Signal,
        pace: _Pace,
        streams: _Streams,
        entries: _Entries,
    ) -> None:
        """Store lists in buffers, and draw the shown one a word a clock."""
        config, entry = self._config, self.samples.p
        slots = len(entries.spikes)
        words = -(-config.layers[0] // slots)
        stored = data.StructLayout({"row": range(config.layers[0] + 1), "value": PIXEL_BITS})
        header = data.StructLayout(
            {
                "length": range(config.layers[0] + 1),
                "last_word": index_shape(config.input_buffers * words),
                "label": entry.label.shape(),
                "learn": 1,
            }
        )
        buffers = config.input_buffers
        headers = Signal(data.ArrayLayout(header, buffers))
        full = Signal(buffers)
        filling = Signal()
        shown = Signal()

        # Fill.
        length = Signal(range(config.layers[0] + 1))
        slot = Signal(index_shape(slots))
        word = Signal(range(words + 1))
        address = Signal(range(buffers * words + 1))
        m.d.comb += [self.samples.ready.eq(~full.bit_select(filling, 1)), address.eq(word + Mux(filling, words, 0))]
        taken = self.samples.valid & self.samples.ready
        filled = headers[filling]
        with m.If(taken):
            with m.If(counts):
                m.d.sync += [length.eq(length + 1), slot.eq(slot + 1)]
                with m.If(slot == slots - 1):
                    m.d.sync += [slot.eq(0), word.eq(word + 1)]
            with m.If(entry.last):
                m.d.sync += [
                    filled.length.eq(length + counts),
                    filled.last_word.eq(address - (~counts & (slot == 0) & (word != 0))),
                    filled.label.eq(entry.label),
                    filled.learn.eq(entry.learn),
                    full.bit_select(filling, 1).eq(1),
                    filling.eq(~filling if buffers == 2 else 0),
                    length.eq(0),
                    slot.eq(0),
                    word.eq(0),
                ]

        # Show.
        present = headers[shown]
        m.d.comb += [
            self.available.eq(full.bit_select(shown, 1) & ~pace.showing),
            self.label.eq(present.label),
            self.learn.eq(present.learn),
        ]
        left = Signal(range(config.layers[0] + 1))
        position = Signal(index_shape(buffers * words))
        following = Signal.like(position)
        accepted = entries.valid & entries.ready
        at_end = position == present.last_word
        m.d.comb += [
            entries.valid.eq(pace.listing & streams.ready),
            entries.last.eq(at_end),
            streams.restart.eq(~pace.showing | (accepted & at_end)),
            following.eq(Mux(~pace.showing | (accepted & at_end), Mux(shown, words, 0), position + accepted)),
        ]
        m.d.sync += position.eq(following)
        with m.If(self.start | (accepted & at_end)):
            m.d.sync += left.eq(present.length)
        with m.Elif(accepted):
            m.d.sync += left.eq(left - slots)
        with m.If(pace.ended):
            m.d.sync += [full.bit_select(shown, 1).eq(0), shown.eq(~shown if buffers == 2 else 0)]

        for index in range(slots):
            m.submodules[f"list_{index}"] = listed = ram(stored, buffers * words)
            read = listed.read_port()
            write = listed.write_port()
            exists = left > index
            m.d.comb += [
                write.addr.eq(address),
                write.data.row.eq(entry.index),
                write.data.value.eq(entry.value),
                write.en.eq(taken & counts & (slot == index)),
                read.addr.eq(following),
                streams.values[index].eq(read.data.value),
                streams.used[index].eq(accepted & exists),
                entries.spikes[index].eq(streams.spikes[index] & exists),
                entries.rows[index].eq(read.data.row),
                entries.permits[index].eq(streams.permits[index]),
            ]

    def _list_spikes(self, m: Module, counts: Signal, pace: _Pace, streams: _Streams, entries: _Entries) -> None:
        """Pass recorded spikes on as they come; entry n of a list draws stream n modulo their number."""
        entry = self.samples.p
        # A sample that ends early leaves lists behind, which are dropped.
        dropping = Signal()
        taken = self.samples.valid & self.samples.ready
        accepted = taken & ~dropping
        m.d.comb += [
            self.available.eq(self.samples.valid & ~pace.showing & ~dropping),
            self.label.eq(entry.label),
            self.learn.eq(entry.learn),
            entries.valid.eq(self.samples.valid & pace.listing & streams.ready),
            self.samples.ready.eq((entries.ready & pace.listing & streams.ready) | dropping),
            entries.permits.eq(streams.permits),
            streams.used.eq(accepted & counts),
            streams.restart.eq(accepted & entry.last),
            entries.spikes.eq(counts),
            entries.rows[0].eq(entry.index),
            entries.last.eq(entry.last),
        ]
        if self._config.ends_early:
            lists = Signal(range(self._config.ticks + 1))
            following = Signal.like(lists)
            m.d.comb += following.eq(lists + (taken & entry.last))
            m.d.sync += [
                lists.eq(Mux(self.start, 0, following)),
                dropping.eq((dropping | pace.ended) & (following != self._config.ticks)),
            ]
