"""The Gumbel race against the softmax, exactly and by its wins, and its table against SciPy's quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from backspike.config import NetworkConfig
from backspike.model.seeding import lfsr_seeds
from backspike.model.wta import WinnerTakeAll, gumbel_table

from .reference import Lfsr


def make_race(units: int, **values: object) -> WinnerTakeAll:
    config = NetworkConfig(layers=(1, units), **values)  # type: ignore[arg-type]
    return WinnerTakeAll(config, lfsr_seeds(config.seed, units, config.lfsr_bits))


@pytest.mark.parametrize("weight_frac", [1, 4, 6, 8, 12, 16])
@pytest.mark.parametrize("temperature", [0.01, 0.3, 1.0, 2.5, 16.0])
def test_table_is_the_quantile_function_to_half_an_lsb(weight_frac: int, temperature: float) -> None:
    table = gumbel_table(weight_frac, temperature)
    exact = stats.gumbel_r.ppf((np.arange(1024) + 0.5) / 1024) * 2**weight_frac * temperature
    assert table.shape == (1024,)
    assert np.abs(table - exact).max() <= 0.5 + 1e-6
    assert (np.diff(table) >= 0).all()


def test_table_entries_by_hand() -> None:
    # F = 6, temperature 1: -ln(-ln(1 / 2048)) = -ln 7.6246 = -2.0314, times 64 is -130.01; in the middle
    # -ln(-ln(1025 / 2048)) = 0.36792 is 23.55; at the end -ln(-ln(2047 / 2048)) = 7.6244 is 487.96.
    table = gumbel_table(6, 1.0)
    assert [table[0], table[512], table[1023]] == [-130, 24, 488]


def test_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        gumbel_table(6, 1.0)[0] = 0


@pytest.mark.parametrize("weight_frac", [4, 6, 8])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_two_units_have_the_logistic_function_exactly(weight_frac: int, temperature: float) -> None:
    # Over all 1024 x 1024 pairs of draws. What remains against the softmax: ties, which all go to one side, come with
    # at most the logistic density 1/4 a unit, so half of them cost 1/8 LSB; and a table's step is 1/1024.
    table = gumbel_table(weight_frac, temperature)
    scale = 2**weight_frac * temperature
    for gap in np.linspace(-8, 8, 33) * scale:
        gap = round(gap)
        # The second unit leads by `gap` and wins where G1 + gap > G0: it loses ties.
        wins = np.searchsorted(table, table + gap, side="left").sum() / 1024**2
        error = abs(wins - special.expit(gap / scale))
        assert error < 1 / (8 * scale) + 1 / 2048, f"gap {gap} LSB"


POTENTIALS = {
    "equal": [0, 0, 0, 0, 0],
    "graded": [-96, -32, 0, 32, 96],
    "one leads": [150, 0, 0, 0],
    "two lead": [10, 220, 240, -200, -60, 5],
    "ten": [40, -10, 80, 0, 25, -70, 64, 3, -33, 100],
}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("case", POTENTIALS)
def test_wins_follow_the_softmax(case: str, temperature: float) -> None:
    potentials = np.array(POTENTIALS[case], dtype=np.int64)
    seed, ticks = 21, 8_000
    race = make_race(len(potentials), seed=seed, weight_frac=6, temperature=temperature)
    wins = np.zeros(len(potentials), dtype=np.int64)
    for tick in range(ticks):
        race.tick(potentials, tick == 0, 0, False)
        wins[race.winner] += 1
    softmax = special.softmax(potentials / 64 / temperature)
    # Classes that hardly ever win are counted together, as the chi-square test wants.
    rare = softmax * ticks < 5
    if rare.any():
        wins, softmax = np.append(wins[~rare], wins[rare].sum()), np.append(softmax[~rare], softmax[rare].sum())
    p = stats.chisquare(wins, softmax * ticks).pvalue
    assert p > 0.001, f"p = {p}, wins {wins}, seed {seed}"


def test_the_chi_square_check_sees_another_temperature() -> None:
    potentials = np.array(POTENTIALS["graded"], dtype=np.int64)
    race = make_race(5, seed=21, weight_frac=6, temperature=1.2)
    wins = np.zeros(5, dtype=np.int64)
    for tick in range(8_000):
        race.tick(potentials, tick == 0, 0, False)
        wins[race.winner] += 1
    assert stats.chisquare(wins, special.softmax(potentials / 64) * 8_000).pvalue < 1e-6


def with_draws(race: WinnerTakeAll, *draws: int) -> WinnerTakeAll:
    race.random[:] = np.array(draws, dtype=np.uint64) | np.uint64(1 << 20)
    return race


def test_races_by_hand() -> None:
    # F = 6: draws 0, 512 and 1023 are noise of -130, 24 and 488 LSB.
    race = with_draws(make_race(3, weight_frac=6), 0, 512, 1023)
    race.tick(np.array([0, 0, 0]), True, 2, True)  # -130, 24, 488
    assert race.winner == 2
    with_draws(race, 0, 512, 1023)
    race.tick(np.array([619, 465, 0]), False, 2, True)  # 489, 489, 488: a tie of 0 and 1
    assert race.winner == 0
    with_draws(race, 0, 512, 1023)
    race.tick(np.array([618, 464, 0]), False, 2, True)  # 488 three times
    assert race.winner == 0
    with_draws(race, 0, 512, 1023)
    race.tick(np.array([617, 464, 0]), False, 2, True)  # 487, 488, 488
    assert race.winner == 1


@pytest.mark.parametrize(("learn", "label"), [(True, 0), (True, 1), (True, 2), (False, 0), (False, 1)])
def test_an_error_is_target_minus_winner_if_learned_and_wrong(learn: bool, label: int) -> None:
    race = with_draws(make_race(3), 7, 7, 7)
    race.tick(np.array([0, 50, 0]), True, label, learn)
    wrong = learn and label != 1
    assert race.winner == 1
    assert race.error_pos.tolist() == [wrong and unit == label for unit in range(3)]
    assert race.error_neg.tolist() == [False, wrong, False]
    # The next right race takes the errors back.
    with_draws(race, 7, 7, 7)
    race.tick(np.array([0, 50, 0]), False, 1, True)
    assert not race.error_pos.any()
    assert not race.error_neg.any()


def test_errors_average_to_the_softmax_gradient() -> None:
    # error_pos - error_neg has the mean y - softmax(u): minus the gradient of the cross-entropy.
    seed, ticks = 4, 6_000
    potentials = np.array([30, -20, 64, 0])
    race = make_race(4, seed=seed, weight_frac=6)
    total = np.zeros(4)
    for tick in range(ticks):
        race.tick(potentials, tick == 0, 1, True)
        total += race.error_pos.astype(int) - race.error_neg
    expected: NDArray[np.float64] = np.eye(4)[1] - special.softmax(potentials / 64)
    deviation = np.sqrt(np.abs(expected) * (1 - np.abs(expected)) / ticks)
    assert np.all(np.abs(total / ticks - expected) < 4.5 * deviation), f"{total / ticks}, {expected}, seed {seed}"


def test_the_leak_comes_before_the_noise() -> None:
    # k = 1: after 100 a drive of 0 leaves 50, and the potential is what the noise is added to.
    race = with_draws(make_race(2, weight_frac=6, leak=1), 512, 512)
    race.tick(np.array([100, 40]), True, 0, False)
    assert race.winner == 0
    with_draws(race, 512, 512)
    race.tick(np.array([0, 62]), False, 0, False)  # 50 against 40 + 11
    assert race.membrane.tolist() == [100, 102]  # in LSB / 2
    assert race.winner == 1


@pytest.mark.parametrize("width", [16, 24, 32, 40, 48, 64])
def test_every_race_takes_ten_fresh_bits(width: int) -> None:
    race = make_race(4, lfsr_bits=width, weight_frac=2, weight_bits=4)
    table = gumbel_table(2, 1.0).tolist()
    serial = [Lfsr(width, int(state)) for state in race.random]
    for tick in range(40):
        race.tick(np.array([0, 1, 2, 3]), tick == 0, 0, True)
        scores = [unit + table[lfsr.take(10)[0]] for unit, lfsr in enumerate(serial)]
        assert race.winner == scores.index(max(scores)), f"tick {tick}"
        assert race.random.tolist() == [lfsr.state for lfsr in serial], f"tick {tick}"


def test_clear_forgets_winner_and_errors() -> None:
    race = with_draws(make_race(3), 7, 7, 7)
    race.tick(np.array([0, 50, 0]), True, 0, True)
    race.clear()
    assert race.winner == 0
    assert not race.error_pos.any()
    assert not race.error_neg.any()
