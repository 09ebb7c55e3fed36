"""Runs: those that wait, the one that is played, and what came of the last."""

from __future__ import annotations

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.hdl.ram import ram
from backspike.link import RUN_WRITES, RUNS

__all__ = ["COUNT_BYTES", "NO_REGISTER", "RUN_BYTES", "RunPort", "RunTable", "count_layout"]

RUN_BYTES = 48
"""Bytes of a place that say what a run does: the body of ``RUN``, and `NO_REGISTER` after it."""

COUNT_BYTES = 16
"""Bytes of a place after them that say what came of it."""

NO_REGISTER = 0xFF
"""Address in place of the register writes that a run has not."""

_PLACE_BITS = 6

assert RUN_BYTES == 13 + 5 * RUN_WRITES
assert RUN_BYTES + COUNT_BYTES == 1 << _PLACE_BITS


def count_layout() -> data.StructLayout:
    """Return the layout of what a result adds to a run: one ``right`` or ``damaged`` or neither, and the ``digest``."""
    return data.StructLayout({"right": 1, "damaged": 1, "digest": 32})


class RunPort(wiring.Signature):
    """The host link's side of a `RunTable`.

    ``lock``, ``granted``
        Keep the player off the table; it is off. Of no use for longer than a request.
    ``address``, ``data``
        While it is off: a byte of a place, 64 for each, in the cycle after its address.
    ``write``, ``byte``
        While it is off: write this byte there.
    ``append``
        Strobe: the next run has been written to its place.
    ``number``, ``unfinished``
        Number of the next run, whose place is its lowest bits; runs that are not finished.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "lock": Out(1),
                "granted": In(1),
                "address": Out(range(RUNS << _PLACE_BITS)),
                "data": In(8),
                "write": Out(1),
                "byte": Out(8),
                "append": Out(1),
                "number": In(8),
                "unfinished": In(range(RUNS + 1)),
            }
        )


class RunTable(wiring.Component):
    """Keeps runs in a ring of `RUNS` places: what each does, what came of it.

    Latency: a byte of a run two cycles after it is wanted; a count 18 cycles.

    Members
    -------
    link : ``In(RunPort())``
    wanted, came, byte : ``In(1)``, ``Out(1)``, ``Out(8)``
        The next byte of the first run that is not finished is wanted until it comes.
    counted : ``In(stream.Signature(count_layout()))``
        A result of that run.
    finish : ``In(1)``
        Strobe: that run is finished.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "link": In(RunPort()),
                "wanted": In(1),
                "came": Out(1),
                "byte": Out(8),
                "counted": In(stream.Signature(count_layout())),
                "finish": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Zeros, so that nothing undefined is ever read.
        m.submodules.places = places = ram(8, RUNS << _PLACE_BITS, init=[0])
        read, write = places.read_port(), places.write_port()
        link, counted = self.link, self.counted.p
        run = Signal(range(RUNS))
        byte = Signal(range(RUN_BYTES + 1))
        # A byte of the counts: of a field, the low one first.
        place = Signal(range(COUNT_BYTES))
        following = Signal.like(place)
        part, field = place[:2], place[2:]
        carry = Signal()
        adds = Array([Const(1, 1), counted.right, counted.damaged, Const(0, 1)])[field]
        total = Signal(9)
        counting = Signal()
        at_counts = Cat(following, Const(RUN_BYTES >> len(following)), run)
        m.d.comb += [
            total.eq(read.data + Mux(part == 0, adds, carry)),
            link.data.eq(read.data),
            self.byte.eq(read.data),
            read.addr.eq(Mux(link.granted, link.address, Mux(counting, at_counts, Cat(byte, run)))),
            write.addr.eq(Mux(link.granted, link.address, Cat(place, Const(RUN_BYTES >> len(place)), run))),
            write.data.eq(Mux(field == 3, counted.digest.word_select(part, 8), total[:8])),
            following.eq(place),
        ]
        with m.If(link.granted):
            m.d.comb += [write.data.eq(link.byte), write.en.eq(link.write)]
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += link.granted.eq(link.lock)
                with m.If(~link.lock):
                    with m.If(self.counted.valid):
                        m.d.comb += counting.eq(1)
                        m.next = "Count"
                    with m.Elif(self.wanted):
                        m.next = "Come"
            with m.State("Come"):
                m.d.comb += self.came.eq(1)
                m.d.sync += byte.eq(byte + 1)
                m.next = "Idle"
            with m.State("Count"):
                m.d.comb += [counting.eq(1), write.en.eq(1), following.eq(place + 1)]
                m.d.sync += [place.eq(following), carry.eq(total[8])]
                with m.If(place == COUNT_BYTES - 1):
                    m.d.comb += self.counted.ready.eq(1)
                    m.next = "Idle"
        m.d.sync += link.unfinished.eq(link.unfinished + link.append - self.finish)
        with m.If(link.append):
            m.d.sync += link.number.eq(link.number + 1)
        with m.If(self.finish):
            m.d.sync += [run.eq(run + 1), byte.eq(0)]
        return m
