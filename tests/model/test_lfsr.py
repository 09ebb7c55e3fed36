"""The shift registers against number theory, a bit-serial register and a published program."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sympy import factorint

from backspike.model.lfsr import POLYNOMIALS, SEEDING_POLYNOMIALS, leap
from backspike.model.seeding import lfsr_seeds

from .reference import DELAYS, SEEDING_DELAYS, Lfsr

TABLES = {"drawing": POLYNOMIALS, "seeding": SEEDING_POLYNOMIALS}
ROWS = [(table, width) for table in TABLES for width in TABLES[table]]


def multiply(a: int, b: int, polynomial: int) -> int:
    """Product of two polynomials over GF(2), modulo a third; bit i is the coefficient of x**i."""
    degree, product = polynomial.bit_length() - 1, 0
    while b:
        if b & 1:
            product ^= a
        b >>= 1
        a <<= 1
        if a >> degree:
            a ^= polynomial
    return product


def power_of_x(exponent: int, polynomial: int) -> int:
    """x**exponent over GF(2), modulo a polynomial."""
    result, square = 1, 2
    while exponent:
        if exponent & 1:
            result = multiply(result, square, polynomial)
        square = multiply(square, square, polynomial)
        exponent >>= 1
    return result


def is_primitive(polynomial: int) -> bool:
    """Whether x has the greatest order there is, 2**n - 1: it reaches 1 then, and not at any divisor of it."""
    order = 2 ** (polynomial.bit_length() - 1) - 1
    return power_of_x(order, polynomial) == 1 and all(
        power_of_x(order // prime, polynomial) != 1 for prime in factorint(order)
    )


def test_the_primitivity_check_tells_known_polynomials_apart() -> None:
    assert is_primitive(0b10011)  # x^4 + x + 1
    assert not is_primitive(0b11111)  # x^4 + x^3 + x^2 + x + 1: irreducible, but x has order 5
    assert not is_primitive(0b10101)  # x^4 + x^2 + 1 = (x^2 + x + 1)^2
    # There are phi(2**8 - 1) / 8 = 16 primitive polynomials of degree 8 and phi(2**10 - 1) / 10 = 60 of degree 10.
    assert sum(is_primitive(polynomial) for polynomial in range(2**8, 2**9)) == 16
    assert sum(is_primitive(polynomial) for polynomial in range(2**10, 2**11)) == 60


@pytest.mark.parametrize(("table", "width"), ROWS)
def test_polynomial_is_primitive(table: str, width: int) -> None:
    exponents = TABLES[table][width]
    assert max(exponents) < width
    assert min(exponents) == 0
    assert len(set(exponents)) == len(exponents)
    assert is_primitive(1 << width | sum(1 << e for e in exponents))


@pytest.mark.parametrize("table", TABLES)
def test_sixteen_bits_walk_the_whole_period(table: str) -> None:
    following = leap(np.arange(2**16, dtype=np.uint64), 1, 16, TABLES[table][16]).tolist()
    state, walked = 1, []
    for _ in range(2**16 - 1):
        walked.append(state)
        state = following[state]
    assert state == 1
    assert sorted(walked) == list(range(1, 2**16))
    # Each bit is 1 in one state more than it is 0: the missing state is zero.
    for place in range(16):
        assert sum(state >> place & 1 for state in walked) == 2**15


def test_ten_bit_draws_of_sixteen_bits_repeat_after_13107() -> None:
    following = leap(np.arange(2**16, dtype=np.uint64), 10, 16, POLYNOMIALS[16]).tolist()
    state, period = following[1], 1
    while state != 1:
        state, period = following[state], period + 1
    assert period == 13_107


def test_sixteen_bits_are_the_published_register() -> None:
    # The 16-bit Fibonacci register that Wikipedia's "Linear-feedback shift register" gives in C; its first states
    # from 0xACE1 worked by hand: 0xACE1 has bits 0 and 5 but not 2 and 3, so 0 enters, and so on.
    def published(state: int) -> int:
        bit = (state ^ state >> 2 ^ state >> 3 ^ state >> 5) & 1
        return state >> 1 | bit << 15

    worked_by_hand = [0xACE1, 0x5670, 0xAB38, 0x559C, 0x2ACE]
    assert [published(state) for state in worked_by_hand[:-1]] == worked_by_hand[1:]
    states = np.arange(1, 2**16, dtype=np.uint64)
    assert leap(states, 1, 16, POLYNOMIALS[16]).tolist() == [published(state) for state in states.tolist()]


def test_polynomials_are_the_published_tables() -> None:
    # The delays are as printed by Ward and Molteno; a delay of d bits is the exponent width - d.
    for width, exponents in POLYNOMIALS.items():
        assert exponents == tuple(sorted((width - delay for delay in DELAYS[width]), reverse=True))


def test_no_lfsr_shares_the_seeding_polynomial() -> None:
    assert POLYNOMIALS.keys() == SEEDING_POLYNOMIALS.keys()
    for width, exponents in POLYNOMIALS.items():
        backwards = {width - e for e in exponents}
        assert set(SEEDING_POLYNOMIALS[width]) != set(exponents)
        assert set(SEEDING_POLYNOMIALS[width]) | {width} != backwards | {0}


@pytest.mark.parametrize(("table", "width"), ROWS)
def test_leap_is_that_many_single_steps(table: str, width: int) -> None:
    seed = width
    generator = np.random.default_rng(seed)
    lanes = generator.integers(1, 2**width, (3, 4), dtype=np.uint64, endpoint=False)
    for steps in [0, 1, 2, width - 1, width, width + 1, *generator.integers(0, 4 * width, 6).tolist()]:
        serial = [Lfsr(width, int(lane), DELAYS if table == "drawing" else SEEDING_DELAYS) for lane in lanes.flat]
        for lfsr in serial:
            for _ in range(steps):
                lfsr.take(1)
        leapt = leap(lanes, steps, width, TABLES[table][width])
        assert leapt.dtype == np.uint64
        assert leapt.shape == lanes.shape
        assert leapt.ravel().tolist() == [lfsr.state for lfsr in serial], f"{steps} steps, seed {seed}"


@pytest.mark.parametrize(("table", "width"), ROWS)
def test_draws_follow_one_another_without_gap_or_overlap(table: str, width: int) -> None:
    exponents = TABLES[table][width]
    start = 0x9ACE_D05E_7FED_CBA9 >> (64 - width)
    # The sequence by its recurrence: element n + width is the parity of the elements n + e.
    sequence = [start >> place & 1 for place in range(width)]
    for n in range(20 * width):
        sequence.append(sum(sequence[n + e] for e in exponents) % 2)
    for bits in range(1, width + 1):
        state = np.array([start], dtype=np.uint64)
        drawn: list[int] = []
        for _ in range(20):
            drawn += [int(state[0]) >> place & 1 for place in range(bits)]
            state = leap(state, bits, width, exponents)
        assert drawn == sequence[: 20 * bits], f"{bits} bits a draw"


@pytest.mark.parametrize(("table", "width"), ROWS)
def test_zero_is_left_at_once(table: str, width: int) -> None:
    exponents = TABLES[table][width]
    lanes = np.array([0, 1, 12_345, 0], dtype=np.uint64)
    for steps in (0, 1, width, 3 * width):
        leapt = leap(lanes, steps, width, exponents)
        assert leapt[0] == leapt[3] == leap(lanes[1:2], steps, width, exponents)[0] != 0
        assert leapt[2] == leap(lanes[2:3], steps, width, exponents)[0]
    assert lanes[0] == 0, "leap must not change the array that it is given"


@pytest.mark.parametrize("width", POLYNOMIALS)
def test_draws_are_balanced(width: int) -> None:
    # 8 lanes x 2,000 draws of 8 bits: every bit is a fair coin, every value equally frequent.
    seed, draws = 5, 2_000
    state = lfsr_seeds(seed, 8, width)
    drawn = np.empty((draws, 8), dtype=np.int64)
    for n in range(draws):
        drawn[n] = state & np.uint64(0xFF)
        state = leap(state, 8, width, POLYNOMIALS[width])
    ones = (drawn[..., None] >> np.arange(8) & 1).mean(axis=0)
    assert np.abs(ones - 0.5).max() < 4.5 * 0.5 / np.sqrt(len(drawn)), f"seed {seed}"
    p = stats.chisquare(np.bincount(drawn.ravel(), minlength=256)).pvalue
    assert p > 0.001, f"p = {p}, seed {seed}"
