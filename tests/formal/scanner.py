"""The row scanner: the rows of a tick, each once, in order, and the bias row after them."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Cat, Mux, Signal, Value

from backspike.hdl import scanner, serialiser
from backspike.hdl.word_store import word_of

from .contracts import claim_held
from .proof import Bench, Proof, mutant

Size = tuple[int, int, int]


def flags(units: int) -> dict[str, object]:
    """Return the inputs that hold the flags of all units."""
    return {"spikes": units, "gates_open": units, "permits": units, "row": range(units)}


def assume_flags(bench: Bench, size: Size) -> Signal:
    """Answer the scanner from flags that stay as long as a list is made; return whether one is."""
    m, unit = bench.m, bench.unit
    units, lanes, _ = size
    fold = -(-units // lanes)
    busy = Signal()
    with m.If(unit.start):
        m.d.sync += busy.eq(1)
    with m.Elif(unit.visits.valid & unit.visits.ready & unit.visits.p.last):
        m.d.sync += busy.eq(0)
    bench.assume(~(unit.start & busy))
    given = Cat(bench.spikes, bench.gates_open, bench.permits, unit.gates, unit.bias_permit)
    stays = bench.past(bench.named((busy | unit.start | unit.visits.valid) & bench.running))
    bench.assume(~stays | (given == bench.past(bench.named(given))))
    word = bench.past(unit.word)
    for port, all_flags in ((unit.spike, bench.spikes), (unit.gate, bench.gates_open), (unit.permit, bench.permits)):
        padded = Cat(all_flags, Value.cast(0).replicate(fold * lanes - units)) if fold * lanes > units else all_flags
        bench.assume(port == word_of(padded, word, lanes))
    return busy


def joiner_invariants(bench: Bench, banks: int) -> None:
    """What waits in the joiner is there: see `joiner.held`."""
    held, kept = bench.inner("joiner.held"), bench.inner("joiner.kept")
    lists = [
        (bench.inner(f"serialiser_{bank}.o__valid"), bench.inner(f"serialiser_{bank}.o__payload"))
        for bank in range(banks)
    ]
    there = Cat(valid & ~payload[-1] for valid, payload in lists)
    bench.claim(~held | bench.unit.visits.valid)
    bench.claim(~held | ((kept & ~there) == 0))


def held(size: Size) -> Callable[[Bench], None]:
    def claims(bench: Bench) -> None:
        assume_flags(bench, size)
        claim_held(bench, bench.unit.visits)
        joiner_invariants(bench, size[2])

    return claims


def listed(size: Size) -> Callable[[Bench], None]:
    """Claim for any one row that a list has it once if it is marked; and of the list that it is in order."""

    def claims(bench: Bench) -> None:
        m, unit, visit = bench.m, bench.unit, bench.unit.visits.p
        units, lanes, banks = size
        busy = assume_flags(bench, size)
        bench.constant(bench.row)
        bench.assume(bench.row < units)
        row = bench.row
        spike = bench.spikes.bit_select(row, 1)
        gate = bench.gates_open.bit_select(row, 1) & unit.gates
        permit = bench.permits.bit_select(row, 1)
        taken = unit.visits.valid & unit.visits.ready
        seen = Signal()
        bench.claim(~unit.visits.valid | busy)
        with m.If(unit.start):
            m.d.sync += seen.eq(0)
        for bank in range(banks):
            own = visit.banks[bank]
            number = own.row * banks + bank
            mine = taken & ~visit.last & own.active & (number == row)
            least = Signal(range(units + 1))
            with m.If(unit.start):
                m.d.sync += least.eq(0)
            with m.Elif(taken & own.active):
                m.d.sync += least.eq(number + 1)
            bench.claim(~(taken & own.active) | (number >= least))
            bench.claim(~(taken & own.active & ~visit.last) | (number < units))
            with m.If(mine):
                m.d.sync += seen.eq(1)
                bench.claim(~seen & (spike | gate))
                bench.claim((own.spike == spike) & (own.gate == gate) & (own.permit == permit))
                bench.claim((visit.word == row // lanes) & (own.lane == row % lanes))
            bias = units % banks == bank
            bench.claim(~(taken & visit.last) | (own.active == bias))
            bench.claim(~(taken & visit.last & own.active) | ((own.row == units // banks) & own.spike & ~own.gate))
        bench.claim(~(taken & visit.last) | (seen == (spike | gate)))
        # A list goes on.
        fold = -(-units // lanes)
        most = fold * -(-lanes // scanner.RowScanner.CHUNK) + 4
        idle = Signal(range(most + 1))
        m.d.sync += idle.eq(Mux(busy & ~unit.visits.valid, idle + 1, 0))
        bench.claim(idle < most)

    return claims


def unit(module, size: Size, **options: int):
    def make():
        made = module.RowScanner(*size)
        for name, value in options.items():
            setattr(made, name, value)
        return made

    return make


def proofs(size: Size, depth: int, twin, quick: bool = False, chunk: int = 16) -> list[Proof]:
    name, component = "_".join(map(str, size)), f"RowScanner{size}"
    component += f", {chunk} units per cycle" if chunk != 16 else ""
    return [
        Proof(
            f"scanner_rows_{name}",
            component,
            "each marked row is listed once, with its flags and place; rows ascend; the bias row is last; lists go on",
            unit(scanner, size, CHUNK=chunk),
            listed(size),
            depth=depth,
            unbounded=False,
            free=flags(size[0]),
            twin=unit(twin, size, CHUNK=chunk),
            quick=quick,
        )
    ]


RESTLESS = mutant(serialiser, "moving = ~self.o.valid | self.o.ready", "moving = ~self.o.ready | self.o.valid")
HASTY = "m.d.sync += [part.eq(part + 1), lane.eq(lane + chunk), row.eq(row + chunk)]"
SIZE = (6, 2, 2)

PROOFS = [
    Proof(
        "scanner_held",
        f"RowScanner{SIZE}: visits",
        "what is offered stays, unchanged, until it is taken",
        unit(scanner, SIZE),
        held(SIZE),
        depth=3,
        held=("RowScanner.visits",),
        free=flags(SIZE[0]),
        twin=unit(mutant(scanner, "CHUNK = 16", "CHUNK = 16", Serialiser=RESTLESS.Serialiser), SIZE),
        quick=True,
    ),
    *proofs((4, 2, 2), 10, mutant(scanner, "Cat(spike[slot] | gate[slot] for", "Cat(spike[slot] for"), quick=True),
    *proofs(SIZE, 14, mutant(scanner, "m.d.comb += self.word.eq(word + 1)", "m.d.comb += self.word.eq(word + 2)")),
    *proofs((5, 5, 1), 14, mutant(scanner, HASTY, HASTY.replace("row + chunk", "row + lanes")), chunk=2),
]
