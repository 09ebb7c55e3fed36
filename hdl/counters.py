"""Counters of 32 bits in one small memory: only what has just been counted is kept in registers."""

from __future__ import annotations

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .ram import ram

__all__ = ["Counters", "count_layout"]

HALF = 16
"""Bits of a counter that are added per cycle."""


def count_layout(kinds: int) -> data.StructLayout:
    """Return the layout of a count on its way out: ``valid``, the ``kind`` counted, and its ``value``, modulo 2^32."""
    return data.StructLayout({"valid": 1, "kind": range(max(kinds, 2)), "value": 2 * HALF})


class Counters(wiring.Component):
    """Counts events of several kinds, modulo 2^32; none is lost.

    A scanner adds to the memory, half a counter per cycle, what each kind's few bits in registers have counted since
    its last visit. All counters are 0 after a reset.

    Latency: each count is shown once in ``2 * kinds`` cycles, or within twice that after a `clear`; it has all events
    of the cycles up to the second one before that in which it is shown.

    Parameters
    ----------
    kinds : int
        At least 1.
    most : int
        Most events of a kind in a cycle, 1 to ``65_535 // (2 * kinds + 1)``.

    Members
    -------
    events : ``In(ArrayLayout(range(most + 1), kinds))``
        How many of each kind there are in this cycle.
    clear : ``In(1)``
        Set all counters to 0; the events of this cycle are not counted.
    count : ``Out(count_layout(kinds))``
        The count that is shown in this cycle, if it is `valid`.
    """

    def __init__(self, kinds: int, most: int) -> None:
        self._kinds, self._most = kinds, most
        super().__init__(
            {
                "events": In(data.ArrayLayout(range(most + 1), kinds)),
                "clear": In(1),
                "count": Out(count_layout(kinds)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kinds = self._kinds
        # Two cycles per kind; before the first visit after a reset or a `clear`, one of them more.
        bits = bits_for(self._most * (2 * kinds + 1))
        recent = [Signal(bits, name=f"recent_{kind}") for kind in range(kinds)]
        m.submodules.halves = halves = ram(HALF, 2 * kinds)
        read = halves.read_port()
        write = halves.write_port()
        kind = Signal(range(max(kinds, 2)))
        high = Signal()
        kind_following = Signal.like(kind)
        high_following = Signal()
        # All words are rewritten before the old ones count.
        empty = Signal(init=1)
        running = Signal()
        last = high & (kind == kinds - 1)
        total = Signal(HALF + 1)
        low = Signal(HALF)
        carry = Signal()
        m.d.comb += [
            high_following.eq(running & ~high & ~self.clear),
            kind_following.eq(Mux(~running | last | self.clear, 0, kind + high)),
            read.addr.eq(Cat(high_following, kind_following)),
            total.eq(Mux(empty, 0, read.data) + Mux(high, carry, Array(recent)[kind])),
            write.addr.eq(Cat(high, kind)),
            write.data.eq(total),
            write.en.eq(running),
            self.count.valid.eq(running & high),
            self.count.kind.eq(kind),
            self.count.value.eq(Cat(low, total[:HALF])),
        ]
        m.d.sync += [
            running.eq(1),
            kind.eq(kind_following),
            high.eq(high_following),
            carry.eq(total[HALF]),
            low.eq(total),
        ]
        with m.If(self.clear):
            m.d.sync += empty.eq(1)
        with m.Elif(running & last):
            m.d.sync += empty.eq(0)
        for index, register in enumerate(recent):
            taken = running & ~high & (kind == index)
            m.d.sync += register.eq(Mux(taken, 0, register) + self.events[index])
            with m.If(self.clear):
                m.d.sync += register.eq(0)
        return m
