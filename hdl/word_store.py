"""State of folded units: a memory of words, or plain registers when there is one word."""

from __future__ import annotations

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .description import Probe
from .ram import ram

__all__ = ["WordStore", "index_shape", "word_of"]


def index_shape(count: int) -> range:
    """Return the shape of an index into `count` things, at least one bit wide."""
    return range(max(count, 2))


def word_of(vector: Value, index: Value, width: int) -> Value:
    """Select a word of a vector; a vector of one word needs no index."""
    return vector.word_select(index, width) if len(vector) > width else vector


class WordStore(wiring.Component):
    """`depth` words of `lanes` elements; contents stay over a reset.

    One read and one write per cycle. Read data is there in the cycle after its address. A word written in one cycle
    is seen by a read whose address comes in the next. With one word the store is a register: `r_data` always
    shows it.

    Parameters
    ----------
    element : shape-like
        Shape of an element.
    lanes, depth : int
        Elements per word, and words.
    fresh : bool
        A word written in one cycle is also seen by a read whose address comes in the same one; without it that read
        gives anything.

    Members
    -------
    r_address : ``In(index_shape(depth))``
    r_data : ``Out(ArrayLayout(element, lanes))``
    w_address : ``In(index_shape(depth))``
    w_data : ``In(ArrayLayout(element, lanes))``
    w_enable : ``In(lanes)``
        Elements to write.
    """

    def __init__(self, element: data.Layout | Shape | int, lanes: int, depth: int, fresh: bool = False) -> None:
        self._word, self._depth, self._fresh = data.ArrayLayout(element, lanes), depth, fresh
        super().__init__(
            {
                "r_address": In(index_shape(depth)),
                "r_data": Out(self._word),
                "w_address": In(index_shape(depth)),
                "w_data": In(self._word),
                "w_enable": In(lanes),
            }
        )

    @staticmethod
    def probe(instance: str, element: data.Layout | Shape | int, lanes: int, depth: int) -> Probe:
        """Return where the words of a store are, as seen by the component that has it by the name `instance`."""
        word = data.ArrayLayout(element, lanes)
        return Probe(f"{instance}.register", word) if depth == 1 else Probe(f"{instance}.memory", word, depth)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._depth == 1:
            register = Signal(self._word, reset_less=True)
            for lane in range(self._word.length):
                with m.If(self.w_enable[lane]):
                    m.d.sync += register[lane].eq(self.w_data[lane])
            m.d.comb += self.r_data.eq(register)
            return m
        # Lanes beyond the last unit are never seeded. That matters to no device, but a comparison with X gives X.
        m.submodules.memory = words = ram(self._word, self._depth, cleared=True)
        write = words.write_port(granularity=1)
        read = words.read_port()
        m.d.comb += [
            read.addr.eq(self.r_address),
            write.addr.eq(self.w_address),
            write.data.eq(self.w_data),
            write.en.eq(self.w_enable),
        ]
        if not self._fresh:
            m.d.comb += self.r_data.eq(read.data)
            return m
        # Past the memory: few devices have ports that do it, and tools differ in what they take for one.
        passed = Signal(self._word, reset_less=True)
        passing = Signal(self._word.length, reset_less=True)
        met = self.r_address == self.w_address
        m.d.sync += [passed.eq(self.w_data), passing.eq(self.w_enable & met.replicate(self._word.length))]
        for lane in range(self._word.length):
            kept, fresh = Value.cast(read.data[lane]), Value.cast(passed[lane])
            m.d.comb += self.r_data[lane].eq(Mux(passing[lane], fresh, kept))
        return m
