"""What has been counted lately, in a few bits for each kind of event: the counts themselves lie in a memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth import Array, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from backspike.config import NetworkConfig
from backspike.registers import RegisterMap

from .word_store import index_shape

__all__ = ["EventKind", "RecentEvents", "event_kinds", "event_layout"]


@dataclass(frozen=True)
class EventKind:
    """How many events of a kind there can be.

    Parameters
    ----------
    most : int
        In a cycle, at least 1.
    spacing : int
        Of so many cycles, one after the other, one at most has events.
    """

    most: int = 1
    spacing: int = 1

    def within(self, cycles: int) -> int:
        """Return how many events there can be in some cycles, one after the other."""
        return self.most * -(-cycles // self.spacing)


def event_kinds(config: NetworkConfig) -> dict[str, EventKind]:
    """Return the kind of event that each of a network's counters counts, by its name.

    Of a layer one row of each bank is visited at a time, and written back, and that takes the cycles of its words.
    """
    kinds = dict.fromkeys(RegisterMap(config).counters, EventKind())
    for layer in config.weight_layers:
        # A crossbar's come all at once, and no tick ends with the cycle in which they do.
        rows = EventKind(layer.banks, 2 if layer.crossbar else layer.fold)
        kinds |= {f"ROWS_{layer.number}": rows, f"WRITES_{layer.number}": rows}
    return kinds


def event_layout(kinds: Mapping[str, EventKind]) -> data.StructLayout:
    """Return the layout of what happens in a cycle: how many events there are of each kind."""
    return data.StructLayout({name: range(kind.most + 1) for name, kind in kinds.items()})


class RecentEvents(wiring.Component):
    """Counts events of several kinds, until what has been counted of a kind is taken; none is lost.

    Latency: events are in the `amount` of the cycle after theirs.

    Parameters
    ----------
    kinds : mapping of str to EventKind
        At least one.
    period : int
        Cycles after which each kind is taken again, at most; or, after a reset or a `clear`, for the first time.

    Members
    -------
    events : ``In(event_layout(kinds))``
    clear : ``In(1)``
        Forget all events, those of this cycle included.
    kind : ``In(range(kinds))``
        A kind, by its place among all.
    amount : ``Out(range(...))``
        Its events since it was taken the last time.
    take : ``In(1)``
        Take them: the count goes on with the events of this cycle.
    """

    def __init__(self, kinds: Mapping[str, EventKind], period: int) -> None:
        self._most = {name: kind.within(period) for name, kind in kinds.items()}
        super().__init__(
            {
                "events": In(event_layout(kinds)),
                "clear": In(1),
                "kind": In(index_shape(len(kinds))),
                "amount": Out(range(max(self._most.values()) + 1)),
                "take": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        recent = [Signal(bits_for(most), name=f"recent_{name}") for name, most in self._most.items()]
        m.d.comb += self.amount.eq(Array(recent)[self.kind])
        for number, (name, count) in enumerate(zip(self._most, recent, strict=True)):
            m.d.sync += count.eq(count + self.events[name])
            with m.If(self.take & (self.kind == number)):
                m.d.sync += count.eq(self.events[name])
            with m.If(self.clear):
                m.d.sync += count.eq(0)
        return m
