"""Counters of rare events in one small memory, where registers would take more room than all they count."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.hdl.ram import ram

__all__ = ["EventCounters"]


class EventCounters(wiring.Component):
    """Counts events of several kinds, modulo 65,536.

    Latency: an event is counted after at most ``5 * kinds`` cycles in which nobody reads; until then another of its
    kind is lost. Counters are 0 when the device is configured, and no reset changes them.

    Parameters
    ----------
    kinds : int
        2 to 128.

    Members
    -------
    events : ``In(kinds)``
        Strobes.
    idle : ``Out(1)``
        All events are counted.
    reading : ``In(1)``
        The counters are looked at: count nothing. To be set only when `idle`.
    address, data : ``In(range(2 * kinds))``, ``Out(8)``
        A byte of a counter, the low one first, in the cycle after its address.
    """

    def __init__(self, kinds: int) -> None:
        self._kinds = kinds
        super().__init__(
            {
                "events": In(kinds),
                "idle": Out(1),
                "reading": In(1),
                "address": In(range(2 * kinds)),
                "data": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bytes = store = ram(8, 2 * self._kinds, init=[0])
        read = store.read_port()
        write = store.write_port()
        pending = Signal(self._kinds)
        counted = Signal(self._kinds)
        kind = Signal(range(self._kinds))
        high = Signal()
        m.d.comb += [
            read.addr.eq(Mux(self.reading, self.address, Cat(high, kind))),
            write.addr.eq(Cat(high, kind)),
            write.data.eq(read.data + 1),
            self.data.eq(read.data),
            self.idle.eq(pending == 0),
        ]
        m.d.sync += pending.eq((pending & ~counted) | self.events)
        with m.FSM():
            with m.State("Find"), m.If(~self.reading):
                with m.If(pending.bit_select(kind, 1)):
                    m.next = "Count"
                with m.Else():
                    m.d.sync += kind.eq(Mux(kind == self._kinds - 1, 0, kind + 1))
            with m.State("Count"):
                m.d.comb += write.en.eq(1)
                m.next = "Find"
                with m.If((write.data == 0) & ~high):
                    # The event is still pending: it is found again at once, for the high byte.
                    m.d.sync += high.eq(1)
                with m.Else():
                    m.d.comb += counted.bit_select(kind, 1).eq(1)
                    m.d.sync += high.eq(0)
        return m
