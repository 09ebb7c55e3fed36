"""The shift register in hardware: leaps of any number of bits, and the whole period of a small one."""

from __future__ import annotations

import random

import pytest

from backspike.hdl.lfsr import LeapForwardLfsr
from backspike.model.lfsr import POLYNOMIALS, SEEDING_POLYNOMIALS

from .benches.lfsr import RandomSteps, WholePeriod
from .benches.simulation import simulate

SEED = 20231


def variant(width: int, steps: int, exponents: tuple[int, ...]):
    return LeapForwardLfsr(width, steps, exponents), {"width": width, "steps": steps, "exponents": list(exponents)}


def variants():
    generator = random.Random(SEED)
    drawn = {"least": variant(16, 1, POLYNOMIALS[16]), "most": variant(64, 64, POLYNOMIALS[64])}
    for width in POLYNOMIALS:
        drawn[f"drawing_{width}"] = variant(width, generator.randint(2, width - 1), POLYNOMIALS[width])
        drawn[f"seeding_{width}"] = variant(width, width, SEEDING_POLYNOMIALS[width])
    return drawn


def test_leaps_as_the_model_does() -> None:
    simulate(RandomSteps, variants(), SEED)


def test_runs_through_all_states() -> None:
    # 16 steps at a time, which share no factor with 2**16 - 1: every state is met.
    register = variant(16, 16, SEEDING_POLYNOMIALS[16])
    simulate(WholePeriod, {"seeding_16": register}, SEED)


def test_takes_the_polynomial_of_the_lfsrs_by_default() -> None:
    assert LeapForwardLfsr(32, 5)._exponents == POLYNOMIALS[32]


@pytest.mark.parametrize(
    ("width", "steps", "init", "message"),
    [
        (17, 1, 1, "LFSR width must be one of 16, 24, 32, 40, 48, 64, not 17"),
        (16, 0, 1, "LFSR steps must be from 1 to the width 16, not 0"),
        (16, 17, 1, "LFSR steps must be from 1 to the width 16, not 17"),
        (16, 1, 0, "LFSR init must be from 1 to 65535, not 0"),
        (16, 1, 65536, "LFSR init must be from 1 to 65535, not 65536"),
    ],
)
def test_refuses_what_cannot_be_built(width: int, steps: int, init: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        LeapForwardLfsr(width, steps, init=init)
