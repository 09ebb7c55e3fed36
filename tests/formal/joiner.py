"""The joiner of the banks' lists, alone: it needs no more of its lists than that what they offer stays."""

from __future__ import annotations

from amaranth import Cat, Mux

from backspike.hdl import joiner

from .contracts import assume_held, claim_held
from .proof import Bench, Proof, mutant

INPUTS, FOLD, LANES, BANKS = 6, 3, 2, 2


def lists(bench: Bench) -> None:
    """Assume that what the lists offer stays, and that the bias row's permission does while a visit waits."""
    unit = bench.unit
    for port in unit.i:
        assume_held(bench, port)
    waits = bench.past(bench.named(unit.o.valid & ~unit.o.ready & bench.running))
    bench.assume(~waits | (unit.bias_permit == bench.past(unit.bias_permit)))


def held(bench: Bench) -> None:
    lists(bench)
    claim_held(bench, bench.unit.o)
    # Invariant: what waits is there.
    held, kept = bench.inner("held"), bench.inner("kept")
    there = Cat(port.valid & ~port.p.last for port in bench.unit.i)
    bench.claim(~held | bench.unit.o.valid)
    bench.claim(~held | ((kept & ~there) == 0))


def joined(bench: Bench) -> None:
    """A visit has of each bank what its list gives in that clock, or nothing; and the bias row when all have ended."""
    lists(bench)
    unit, visit = bench.unit, bench.unit.o.p
    ended = Cat(port.valid & port.p.last for port in unit.i).all()
    taken = unit.o.valid & unit.o.ready
    bench.claim(~unit.o.valid | (visit.last == ended))
    bench.claim(~ended | unit.o.valid)
    for bank, port in enumerate(unit.i):
        own = visit.banks[bank]
        bias = visit.last & (bank == INPUTS % BANKS)
        row = port.valid & ~port.p.last
        # A row is taken where it is visited, and nowhere else; a list's end where the visit of the bias row is taken.
        gives = port.valid & port.ready
        bench.claim(gives == (taken & (visit.last | own.active)))
        bench.claim(~(unit.o.valid & ~visit.last & own.active) | row)
        same = [own[name] == port.p[name] for name in ("row", "spike", "gate", "permit", "lane")]
        bench.claim(~(unit.o.valid & ~visit.last & own.active) | (Cat(same).all() & (visit.word == port.p.word)))
        bench.claim(own.active | (own.as_value() == 0))
        expected = Mux(bias, own.active & (own.row == INPUTS // BANKS) & own.spike & ~own.gate, ~own.active)
        bench.claim(~visit.last | expected)
        bench.claim(~(visit.last & bias) | (own.permit == unit.bias_permit))
    # A row never waits for nothing: some visit is offered as long as there is a row.
    bench.claim(~Cat(port.valid & ~port.p.last for port in unit.i).any() | unit.o.valid)
    # The visits of words come in order, where the lists' rows do.
    words = bench.past(visit.word)
    for port in unit.i:
        bench.assume(
            ~bench.past(taken & ~visit.last & bench.running) | ~port.valid | port.p.last | (port.p.word >= words)
        )


def unit(module):
    return lambda: module.VisitJoiner(INPUTS, FOLD, LANES, BANKS)


COMPONENT = f"VisitJoiner({INPUTS}, {FOLD}, {LANES}, {BANKS})"

PROOFS = [
    Proof(
        "joiner_held",
        f"{COMPONENT}: o",
        "what is offered stays, unchanged, until it is taken, if the lists keep to the same",
        unit(joiner),
        held,
        depth=4,
        held=("VisitJoiner.o",),
        # As it was once: a bank that came later with a lesser word changed the visit that waited.
        twin=unit(mutant(joiner, "visit.word.eq(Mux(held, kept_word, least[1]))", "visit.word.eq(least[1])")),
        quick=True,
    ),
    Proof(
        "joiner_rows",
        COMPONENT,
        "a visit has each bank's row as its list gives it, which is taken then; the bias row comes when all have ended",
        unit(joiner),
        joined,
        depth=4,
        twin=unit(
            mutant(joiner, "mark.ready.eq(self.o.ready & (ended | chosen[bank]))", "mark.ready.eq(self.o.ready)")
        ),
        quick=True,
    ),
]
