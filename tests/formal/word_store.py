"""Word stores and the memories below them, beside a naive memory."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Signal, Value, unsigned

from backspike.hdl import word_store

from .proof import Bench, Proof, mutant

LANES = 2
ELEMENT = unsigned(2)


def remembers(depth: int, fresh: bool, meeting: bool = True) -> Callable[[Bench], None]:
    """Claim for any one element of any word that a read gives what was last written before it.

    Without `fresh`, a read in the clock of a write may give anything; `meeting` says that this is let pass.
    """

    def claims(bench: Bench) -> None:
        m, unit = bench.m, bench.unit
        bench.constant(bench.word)
        bench.constant(bench.lane)
        bench.assume(bench.word < depth)
        bench.assume(unit.w_address < depth)
        known = Signal()
        value = Signal(ELEMENT)
        writes = bench.named(unit.w_enable.bit_select(bench.lane, 1) & (unit.w_address == bench.word) & bench.running)
        reads = bench.named((unit.r_address == bench.word) & bench.running)
        data = Value.cast(unit.w_data).word_select(bench.lane, ELEMENT.width)
        with m.If(writes):
            m.d.sync += [known.eq(1), value.eq(data)]
        shown = Value.cast(unit.r_data).word_select(bench.lane, ELEMENT.width)
        if depth == 1:
            bench.claim(~known | (shown == value))
            return
        is_read, was_known, was_written = (bench.past(bench.named(state)) for state in (reads, known, writes))
        before, written = bench.past(value), bench.past(bench.named(data))
        if fresh:
            bench.claim(~(is_read & was_written) | (shown == written))
        if fresh or meeting:
            bench.claim(~(is_read & was_known & ~was_written) | (shown == before))
        else:
            bench.claim(~(is_read & was_known) | (shown == before))

    return claims


def proof(depth: int, fresh: bool, **options) -> Proof:
    unit = options.pop("unit", word_store)
    return Proof(
        f"word_store_{depth}{'_fresh' * fresh}",
        f"WordStore({LANES} lanes, {depth} words{', fresh' * fresh})",
        "a read gives what was last written before it"
        + (", or with it" if fresh else "" if depth == 1 else "; in the cycle of a write it may give anything"),
        lambda: unit.WordStore(ELEMENT, LANES, depth, fresh),
        remembers(depth, fresh),
        depth=4 if depth == 1 else 9,
        unbounded=depth == 1,
        free={"word": range(max(2, depth)), "lane": range(LANES)},
        **options,
    )


PROOFS = [
    proof(
        1,
        False,
        twin=lambda: mutant(word_store, "register[lane].eq(self.w_data[lane])", "register.eq(self.w_data)").WordStore(
            ELEMENT, LANES, 1
        ),
    ),
    # That it may give anything there is no idle talk: it does.
    proof(3, False, wrong=remembers(3, False, meeting=False)),
    proof(
        3,
        True,
        twin=lambda: mutant(
            word_store, "met = self.r_address == self.w_address", "met = self.r_address != 0"
        ).WordStore(ELEMENT, LANES, 3, True),
        quick=True,
    ),
]
