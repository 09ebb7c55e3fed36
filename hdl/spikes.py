"""The stochastic spike generator, and the input layer that feeds it with a sample's list."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import PERMISSION_BITS, PIXEL_BITS, NetworkConfig

from .lfsr import LeapForwardLFSR
from .streams import seed_layout
from .visits import Serialiser, visit_layout
from .wordstore import index_shape

__all__ = ["InputLayer", "SpikeGenerator", "sample_layout"]


def sample_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of one entry of a sample's list.

    Fields: ``index``, the input unit; ``value``, its pixel 1..255 (recorded spikes: anything but zero); ``last``,
    the end of the list; ``label`` and ``learn``, the same in every entry of a sample. An entry whose value is zero
    or whose index is not above the one before, or not below n_0, only counts for its flags: this is how an empty
    list is sent. Rate-coded samples are one list, recorded spikes T lists, one a tick.
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

    Combinational from `value` and `rate`; a draw a clock.

    Parameters
    ----------
    lfsr_bits : int
        Width of the stream's register.

    Members
    -------
    enable : ``In(1)``
        This clock's draw is used: leap over its 16 bits.
    load, seed : ``In(1)``, ``In(lfsr_bits)``
        Take a state.
    value : ``In(8)``
    rate : ``In(9)``
    spike, permit : ``Out(1)``
    """

    def __init__(self, lfsr_bits: int) -> None:
        self._lfsr_bits = lfsr_bits
        super().__init__(
            {
                "enable": In(1),
                "load": In(1),
                "seed": In(lfsr_bits),
                "value": In(PIXEL_BITS),
                "rate": In(PERMISSION_BITS + 1),
                "spike": Out(1),
                "permit": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lfsr = lfsr = LeapForwardLFSR(self._lfsr_bits, PIXEL_BITS + PERMISSION_BITS)
        m.d.comb += [
            lfsr.enable.eq(self.enable),
            lfsr.load.eq(self.load),
            lfsr.seed.eq(self.seed),
            self.spike.eq(lfsr.state[:PIXEL_BITS] < self.value),
            self.permit.eq(lfsr.state[PIXEL_BITS : PIXEL_BITS + PERMISSION_BITS] < self.rate),
        ]
        return m


class InputLayer(wiring.Component):
    """Takes samples and lists, tick by tick, the rows of layer 1 that spike.

    Rate-coded samples are stored as lists of non-zero pixels, `input_streams` entries a word, in two buffers: one
    fills while the other is shown. A word of entries is drawn in a clock. Recorded spikes are not stored: they
    go, entry by entry, to layer 1 as they arrive.

    Latency: three clocks from `start` to the first visit, if it is of the first word (or entry). Throughput: that of
    a `Serialiser` of words.

    Members
    -------
    samples : ``In(stream.Signature(sample_layout(config)))``
    available : ``Out(1)``
        A sample may be started; `label` and `learn` are its.
    start : ``In(1)``
        Show it: emit the lists of its T ticks. Must not be set unless `available`.
    label, learn : ``Out(index_shape(n_L))``, ``Out(1)``
        Of the sample that is available.
    rate : ``In(9)``
        Learning rate of layer 1.
    bias_permit : ``In(1)``
        Whether the bias row may learn in the tick that is listed.
    visits : ``Out(stream.Signature(visit_layout(n_0, 1, 1)))``
    seeds : ``In(seed_layout(config))``
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(config))),
                "available": Out(1),
                "start": In(1),
                "label": Out(index_shape(config.layers[-1])),
                "learn": Out(1),
                "rate": In(PERMISSION_BITS + 1),
                "bias_permit": In(1),
                "visits": Out(stream.Signature(visit_layout(config.layers[0], 1, 1))),
                "seeds": In(seed_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        streams = self._config.input_streams
        generators = []
        for index in range(streams):
            m.submodules[f"generator_{index}"] = generator = SpikeGenerator(self._config.lfsr_bits)
            m.d.comb += [
                generator.load.eq(self.seeds.valid & (self.seeds.group == 0) & (self.seeds.lane == index)),
                generator.seed.eq(self.seeds.state),
                generator.rate.eq(self.rate),
            ]
            generators.append(generator)

        # The index comes in ascending order, so that no list is longer than there are units.
        entry, least = self.samples.p, Signal(range(self._config.layers[0] + 1))
        counts = Signal()
        m.d.comb += counts.eq((entry.value != 0) & (entry.index >= least) & (entry.index < self._config.layers[0]))
        with m.If(self.samples.valid & self.samples.ready):
            with m.If(entry.last):
                m.d.sync += least.eq(0)
            with m.Elif(counts):
                m.d.sync += least.eq(entry.index + 1)

        item = data.StructLayout({"row": range(self._config.layers[0] + 1), "permit": 1})
        slots = streams if self._config.input == "rate" else 1
        m.submodules.serialiser = serialiser = Serialiser(slots, item, 0)
        tick = Signal(range(self._config.ticks))
        showing = Signal()
        with m.If(self.start):
            m.d.sync += [showing.eq(1), tick.eq(0)]
        with m.Elif(serialiser.i.valid & serialiser.i.ready & serialiser.i.p.last):
            m.d.sync += tick.eq(tick + 1)
            with m.If(tick == self._config.ticks - 1):
                m.d.sync += showing.eq(0)

        if self._config.input == "rate":
            self._list_pixels(m, counts, showing, tick, generators, serialiser)
        else:
            self._list_spikes(m, counts, showing, generators, serialiser)

        emitted, visit = serialiser.o, self.visits.p
        m.d.comb += [
            self.visits.valid.eq(emitted.valid),
            emitted.ready.eq(self.visits.ready),
            visit.row.eq(Mux(emitted.p.last, self._config.layers[0], emitted.p.item.row)),
            visit.permit.eq(Mux(emitted.p.last, self.bias_permit, emitted.p.item.permit)),
            visit.spike.eq(1),
            visit.last.eq(emitted.p.last),
        ]
        return m

    def _list_pixels(
        self,
        m: Module,
        counts: Signal,
        showing: Signal,
        tick: Signal,
        generators: list[SpikeGenerator],
        serialiser: Serialiser,
    ) -> None:
        """Store lists in two buffers, and draw the shown one a word a clock."""
        config, entry = self._config, self.samples.p
        slots = config.input_streams
        words = -(-config.layers[0] // slots)
        stored = data.StructLayout({"row": range(config.layers[0] + 1), "value": PIXEL_BITS})
        header = data.StructLayout(
            {
                "length": range(config.layers[0] + 1),
                "last_word": index_shape(words),
                "label": entry.label.shape(),
                "learn": 1,
            }
        )
        headers = Signal(data.ArrayLayout(header, 2))
        full = Signal(2)
        filling, shown = Signal(), Signal()

        # Fill.
        length, slot = Signal(range(config.layers[0] + 1)), Signal(index_shape(slots))
        word = Signal(range(words + 1))
        m.d.comb += self.samples.ready.eq(~full.bit_select(filling, 1))
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
                    filled.last_word.eq(Mux(~counts & (slot == 0) & (word != 0), word - 1, word)),
                    filled.label.eq(entry.label),
                    filled.learn.eq(entry.learn),
                    full.bit_select(filling, 1).eq(1),
                    filling.eq(~filling),
                    length.eq(0),
                    slot.eq(0),
                    word.eq(0),
                ]

        # Show.
        present = headers[shown]
        ended = Signal()
        m.d.comb += [
            self.available.eq(full.bit_select(shown, 1) & ~showing),
            self.label.eq(present.label),
            self.learn.eq(present.learn),
        ]
        left, position = Signal(range(config.layers[0] + 1)), Signal(index_shape(words))
        following = Signal(index_shape(words))
        accepted = serialiser.i.valid & serialiser.i.ready
        at_end = position == present.last_word
        m.d.comb += [
            serialiser.i.valid.eq(showing),
            serialiser.i.p.last.eq(at_end),
            ended.eq(accepted & at_end & (tick == config.ticks - 1)),
            following.eq(Mux(~showing | (accepted & at_end), 0, position + accepted)),
        ]
        m.d.sync += position.eq(following)
        with m.If(self.start | (accepted & at_end)):
            m.d.sync += left.eq(present.length)
        with m.Elif(accepted):
            m.d.sync += left.eq(left - slots)
        with m.If(ended):
            m.d.sync += [full.bit_select(shown, 1).eq(0), shown.eq(~shown)]

        for index, generator in enumerate(generators):
            m.submodules[f"list_{index}"] = entries = memory.Memory(shape=stored, depth=2 * words, init=[])
            read, write = entries.read_port(), entries.write_port()
            exists = left > index
            m.d.comb += [
                write.addr.eq(word + Mux(filling, words, 0)),
                write.data.row.eq(entry.index),
                write.data.value.eq(entry.value),
                write.en.eq(taken & counts & (slot == index)),
                read.addr.eq(following + Mux(shown, words, 0)),
                generator.value.eq(read.data.value),
                generator.enable.eq(accepted & exists),
                serialiser.i.p.mask[index].eq(generator.spike & exists),
                serialiser.i.p["items"][index].row.eq(read.data.row),
                serialiser.i.p["items"][index].permit.eq(generator.permit),
            ]

    def _list_spikes(
        self, m: Module, counts: Signal, showing: Signal, generators: list[SpikeGenerator], serialiser: Serialiser
    ) -> None:
        """Pass recorded spikes on as they come; entry n of a list draws stream n modulo their number."""
        entry = self.samples.p
        turn = Signal(index_shape(len(generators)))
        accepted = self.samples.valid & self.samples.ready
        m.d.comb += [
            self.available.eq(self.samples.valid & ~showing),
            self.label.eq(entry.label),
            self.learn.eq(entry.learn),
            serialiser.i.valid.eq(self.samples.valid & showing),
            self.samples.ready.eq(serialiser.i.ready & showing),
            serialiser.i.p.mask.eq(counts),
            serialiser.i.p["items"][0].row.eq(entry.index),
            serialiser.i.p.last.eq(entry.last),
        ]
        with m.If(accepted & entry.last):
            m.d.sync += turn.eq(0)
        with m.Elif(accepted & counts):
            m.d.sync += turn.eq(Mux(turn == len(generators) - 1, 0, turn + 1))
        for index, generator in enumerate(generators):
            with m.If(turn == index):
                m.d.comb += [
                    generator.enable.eq(accepted & counts),
                    serialiser.i.p["items"][0].permit.eq(generator.permit),
                ]
