"""The strata of spike draws, against counters and the text of the semantics."""

from __future__ import annotations

from amaranth import Cat, Const, Mux, Signal, Value

from backspike.config import NetworkConfig
from backspike.hdl import strata

from .proof import Bench, Proof, mutant

# More ticks and more rounds than there are strata.
CONFIG = NetworkConfig(layers=(600, 3), ticks=700, input_lfsrs=2, input_draws="stratified")
LONG_TURN = mutant(strata, "self.fresh | self.restart, 0", "self.fresh, 0")


def reversed_bits(number: Value) -> Value:
    """Return the 8 bits of a number in reverse order, as docs/semantics.md, 3.4 says of ticks."""
    return Cat(number[7 - place] for place in range(8))


def listed(number: Value) -> Value:
    """Return the XOR of those numbers that belong to the bits that are set, as it says of rounds."""
    result: Value = Const(0, 8)
    for bit, belonging in enumerate((0x80, 0xC0, 0xA0, 0xF0, 0x88, 0xCC, 0xAA, 0xFF)):
        result = result ^ Mux(number[bit], belonging, 0)
    return result


def draws(bench: Bench) -> None:
    """The offset is that of tick and round, modulo 256; phases are taken in the first round of the first tick."""
    unit, m = bench.unit, bench.m
    tick, turn = Signal(8), Signal(8)
    begun, turned = Signal(), Signal()
    with m.If(unit.fresh):
        m.d.sync += [begun.eq(1), turned.eq(0), tick.eq(0), turn.eq(0)]
    with m.Elif(unit.restart):
        m.d.sync += [turned.eq(1), tick.eq(tick + 1), turn.eq(0)]
    with m.Elif(unit.turned):
        m.d.sync += [turned.eq(1), turn.eq(turn + 1)]
    bench.claim(~begun | (unit.offset == reversed_bits(tick) ^ listed(turn)))
    bench.claim(~begun | (unit.taking == ~turned))
    # For the induction: the unit's own counters are these.
    bench.claim(~begun | (bench.inner("tick") == tick))
    bench.claim(~begun | (bench.inner("turn") == turn))


PROOFS = [
    Proof(
        "strata",
        "DrawStrata, 700 ticks of 300 rounds",
        "offsets are those of the semantics, in each tick and round; phases are taken in a sample's first round",
        lambda: strata.DrawStrata(CONFIG),
        draws,
        depth=2,
        twin=lambda: LONG_TURN.DrawStrata(CONFIG),
        twin_depth=6,
        quick=True,
    ),
]
