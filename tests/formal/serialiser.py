"""The serialiser: each marked item once, in order, and each list's end after it."""

from __future__ import annotations

from amaranth import Cat, Const, Signal, unsigned

from backspike.hdl import serialiser

from .contracts import claim_held
from .proof import Bench, Proof, mutant

NUMBER = 4
"""Bits of the running number that each word gets as its context."""


def held(bench: Bench) -> None:
    claim_held(bench, bench.unit.o)


def in_order(bench: Bench) -> None:
    """Claim for any one item of any one word that it comes out in its turn, once, if it is marked.

    Words are numbered, so that what comes out tells where it is from.
    """
    m, i, o = bench.m, bench.unit.i, bench.unit.o
    bench.constant(bench.number)
    bench.constant(bench.slot)
    taken_in = i.valid & i.ready & bench.running
    taken_out = o.valid & o.ready & bench.running
    number = Signal(NUMBER)
    m.d.sync += number.eq(number + taken_in)
    bench.assume(i.p.context == number)
    bench.assume(number != (1 << NUMBER) - 1)

    # The item that is looked at, or the list's end after its word.
    accepted = Signal()
    marked = Signal()
    ends = Signal()
    item = Signal.like(o.p.item)
    with m.If(taken_in & (number == bench.number)):
        m.d.sync += [
            accepted.eq(1),
            marked.eq(i.p.mask.bit_select(bench.slot, 1)),
            ends.eq(i.p.last),
            item.eq(i.p["items"][bench.slot]),
        ]
    key = bench.named(Cat(o.p.slot, o.p.last, o.p.context))
    with m.If(o.p.last):
        m.d.comb += key[: len(o.p.slot)].eq(0)
    mine = Cat(bench.slot, Const(0, 1), bench.number)
    end = Cat(Const(0, len(bench.slot)), Const(1, 1), bench.number)
    seen = Signal()
    seen_end = Signal()
    before = Signal(len(key))
    some = Signal()
    with m.If(taken_out):
        m.d.sync += [before.eq(key), some.eq(1), seen.eq(seen | (key == mine)), seen_end.eq(seen_end | (key == end))]
        bench.claim(~some | (key > before))
        bench.claim((key != mine) | (accepted & marked & (o.p.item == item)))
        bench.claim((key != end) | (accepted & ends))
        bench.claim((key <= mine) | ~accepted | ~marked | seen)
        bench.claim((key <= end) | ~accepted | ~ends | seen_end)
    # What has gone in does not stay in.
    owed = bench.named((accepted & marked & ~seen) | (accepted & ends & ~seen_end))
    idle = Signal(range(4))
    m.d.sync += idle.eq(0)
    with m.If(owed & ~o.valid):
        m.d.sync += idle.eq(idle + 1)
    bench.claim(idle < 3)


def unit(module, slots: int):
    return lambda: module.Serialiser(slots, unsigned(2), unsigned(NUMBER))


PROOFS = [
    Proof(
        "serialiser_held",
        "Serialiser(8): o",
        "what is offered stays, unchanged, until it is taken",
        unit(serialiser, 8),
        held,
        depth=3,
        held=("Serialiser.o",),
        twin=unit(
            mutant(serialiser, "moving = ~self.o.valid | self.o.ready", "moving = ~self.o.ready | self.o.valid"), 8
        ),
        quick=True,
    ),
    *(
        Proof(
            f"serialiser_order_{slots}",
            f"Serialiser({slots})",
            "each marked item comes out once, in order and unchanged; each list's end after it; nothing else does",
            unit(serialiser, slots),
            in_order,
            depth=depth,
            unbounded=False,
            free={"number": NUMBER, "slot": range(slots)},
            twin=unit(mutant(serialiser, "useful & ~take", "useful & 0"), slots),
            quick=quick,
        )
        for slots, depth, quick in ((2, 10, True), (4, 12, False))
    ),
]
