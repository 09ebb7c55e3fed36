"""The shift register: a leap is so many steps, and no state is ever left for zero."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Cat, Mux, Value

from backspike.hdl import lfsr
from backspike.model.lfsr import POLYNOMIALS, SEEDING_POLYNOMIALS

from .proof import Bench, Proof, mutant

WRONG_TAP = mutant(lfsr, "first = first ^ tap", "first = first | tap")
STUCK = mutant(lfsr, "state[0] | (state == 0)", "state[0]")


def step(state: Value, exponents: tuple[int, ...]) -> Value:
    """Return the state after a single step, as docs/semantics.md, 3.1 says."""
    fresh = state[exponents[0]]
    for exponent in exponents[1:]:
        fresh = fresh ^ state[exponent]
    return Cat(state[1:], fresh)


def leaps(steps: int, exponents: tuple[int, ...]) -> Callable[[Bench], None]:
    """Claim that a leap is so many steps of a state (1 where it would be 0), and that none leads to zero."""

    def claims(bench: Bench) -> None:
        unit = bench.unit
        following = bench.named(Mux(unit.state == 0, 1, unit.state), "start")
        for number in range(steps):
            following = bench.named(step(following, exponents), f"step_{number}")
            bench.claim(following != 0)
        expected = Mux(unit.load, unit.seed, Mux(unit.enable, following, unit.state))
        bench.claim(~bench.past(bench.running) | (unit.state == bench.past(bench.named(expected))))
        bench.claim(bench.past(bench.running) | (unit.state == 1))

    return claims


def proof(width: int, steps: int, polynomial: str, quick: bool = False) -> Proof:
    exponents = {"drawing": POLYNOMIALS, "seeding": SEEDING_POLYNOMIALS}[polynomial][width]
    return Proof(
        f"lfsr_{polynomial}_{width}_{steps}",
        f"LeapForwardLfsr({width}, {steps}), {polynomial}",
        f"a leap is {steps} single steps of the semantics; no step makes a state zero, and a zero is left",
        lambda: lfsr.LeapForwardLfsr(width, steps, exponents),
        leaps(steps, exponents),
        depth=2,
        twin=lambda: (STUCK if quick else WRONG_TAP).LeapForwardLfsr(width, steps, exponents),
        twin_depth=4,
        quick=quick,
    )


PROOFS = [
    proof(16, 16, "seeding", quick=True),
    proof(16, 8, "drawing"),
    proof(24, 10, "drawing"),
    proof(32, 22, "drawing"),
    proof(32, 32, "seeding"),
    proof(40, 33, "drawing"),
    proof(48, 48, "drawing"),
    proof(64, 64, "drawing"),
    proof(64, 64, "seeding"),
]
