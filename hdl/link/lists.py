"""Lists of a sample as the host link brings them, byte by byte, turned into the entries that a network takes."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig
from backspike.hdl.comparison import is_below
from backspike.hdl.samples import sample_layout
from backspike.link import FRAME_BYTES

__all__ = ["ListReader", "label_layout"]


def label_layout() -> data.StructLayout:
    """Return the layout of a part's first two bytes.

    ``label``, the class; ``goes_on``, whether the list goes on with the next part; ``learn``.
    """
    return data.StructLayout({"label": 14, "goes_on": 1, "learn": 1})


class ListReader(wiring.Component):
    """Turns parts of lists (docs/host_link.md, ``SAMPLES``) into entries.

    A part is a label and flags (2 bytes), the number of its entries (2), and each entry's step and value (a byte each).

    Parameters
    ----------
    config : NetworkConfig
    frame_bytes : int
        Most bytes of a frame, in which a part is whole.

    Latency: an entry is offered in the cycle after its value. Throughput: a byte per cycle, as long as entries are
    taken.

    Members
    -------
    i : ``In(stream.Signature(8))``
    samples : ``Out(stream.Signature(sample_layout(config)))``
    begun : ``Out(1)``
        A sample has begun to come in, and is not whole.
    idle : ``Out(1)``
        All entries are taken, and no part has begun.
    """

    def __init__(self, config: NetworkConfig, frame_bytes: int = FRAME_BYTES) -> None:
        self._config, self._frame_bytes = config, frame_bytes
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "samples": Out(stream.Signature(sample_layout(config))),
                "begun": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = self._config.layers[0]
        entry = Signal(self.samples.p.shape(), reset_less=True)
        left = Signal(range(self._frame_bytes // 2), reset_less=True)
        place = Signal(2)
        flags = Signal(label_layout(), reset_less=True)
        last = (left == 1) & ~flags.goes_on

        # One above the last index; above all inputs, it stays.
        above = Signal(range(inputs + 2))
        step = Signal(8, reset_less=True)
        dropped = Signal()
        stepped = above + step
        outside = ~is_below(stepped, inputs + 1)
        reached = Signal.like(above)
        m.d.comb += [
            reached.eq(Mux(outside, inputs + 1, stepped)),
            dropped.eq((step == 0) | outside),
        ]

        free = Signal()
        close = Signal()
        m.d.comb += [self.samples.payload.eq(entry), free.eq(~self.samples.valid | self.samples.ready)]
        with m.If(self.samples.ready):
            m.d.sync += self.samples.valid.eq(0)

        def offer(value: object, ends: object) -> list[object]:
            return [
                self.samples.valid.eq(1),
                entry.index.eq(reached - 1),
                entry.value.eq(value),
                entry.label.eq(flags.label),
                entry.learn.eq(flags.learn),
                entry.last.eq(ends),
            ]

        with m.FSM():
            with m.State("Part"):
                m.d.comb += [self.i.ready.eq(1), self.idle.eq(~self.samples.valid & (place == 0))]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += place.eq(place + 1)
                    with m.Switch(place):
                        with m.Case(0):
                            m.d.sync += flags.as_value()[:8].eq(self.i.payload)
                        with m.Case(1):
                            m.d.sync += flags.as_value()[8:].eq(self.i.payload)
                        with m.Case(2):
                            m.d.sync += left.eq(self.i.payload)
                        with m.Case(3):
                            count = Cat(left[:8], self.i.payload)
                            m.d.sync += [left.eq(count), self.begun.eq(1)]
                            with m.If(count != 0):
                                m.next = "Step"
                            with m.Elif(~flags.goes_on):
                                m.d.sync += step.eq(0)
                                m.next = "Empty"
            with m.State("Step"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += step.eq(self.i.payload)
                    m.next = "Value"
            with m.State("Value"):
                m.d.comb += self.i.ready.eq(free)
                with m.If(self.i.valid & self.i.ready):
                    m.d.comb += close.eq(last)
                    m.d.sync += [*offer(Mux(dropped, 0, self.i.payload), last), above.eq(reached), left.eq(left - 1)]
                    m.next = "Step"
                    with m.If(left == 1):
                        m.next = "Part"
            with m.State("Empty"), m.If(free):
                m.d.comb += close.eq(1)
                m.d.sync += offer(0, 1)
                m.next = "Part"

        whole: Value = close
        if self._config.input == "spikes":
            lists = Signal(range(self._config.ticks))
            whole = close & (lists == self._config.ticks - 1)
            with m.If(close):
                m.d.sync += lists.eq(Mux(whole, 0, lists + 1))
        with m.If(close):
            m.d.sync += above.eq(0)
        with m.If(whole):
            m.d.sync += self.begun.eq(0)
        return m
