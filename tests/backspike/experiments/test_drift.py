"""Images that drift: moves of whole pixels and quarter turns are exact, and all else is between them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from backspike import BackspikeError
from backspike.experiments.drift import UNDRIFTED, Drift, drawn_writer

SEED = 20271


def images(count: int = 5, side: int = 8) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(SEED)).integers(0, 256, (count, side * side), dtype=np.uint8)


def drifted(drift: Drift, values: np.ndarray, extent: float = 1.0, seed: int = 1) -> np.ndarray:
    side = int(np.sqrt(values.shape[1]))
    return drift.apply(values, np.full(len(values), extent), seed).reshape(-1, side, side)


def square(values: np.ndarray) -> np.ndarray:
    side = int(np.sqrt(values.shape[1]))
    return values.reshape(-1, side, side)


@pytest.mark.parametrize("drift", [UNDRIFTED, Drift(right=3, down=1, turn=50, slant=1, wide=2, ink=1, dead=0.5)])
def test_what_does_not_drift_stays_as_it_is(drift: Drift) -> None:
    values = images()
    assert np.array_equal(drifted(drift, values, 0.0), square(values))
    assert np.array_equal(drifted(drift, values), square(values)) == (drift == UNDRIFTED)


def test_whole_pixels_are_exact_and_what_comes_in_is_blank() -> None:
    before = square(images())
    expected = np.zeros_like(before)
    expected[:, 1:, 2:] = before[:, :-1, :-2]
    assert np.array_equal(drifted(Drift(right=2, down=1), images()), expected)
    assert np.array_equal(drifted(Drift(right=4, down=2), images(), 0.5), expected)
    assert not drifted(Drift(right=-8), images()).any()
    assert not drifted(Drift(down=1000), images()).any()


@pytest.mark.parametrize("side", [3, 8])
def test_a_quarter_turn_is_exact_and_clockwise(side: int) -> None:
    before = square(images(side=side))
    assert np.array_equal(drifted(Drift(turn=90), images(side=side)), np.rot90(before, -1, axes=(1, 2)))
    assert np.array_equal(drifted(Drift(turn=-180), images(side=side)), before[:, ::-1, ::-1])


def test_half_a_pixel_is_the_mean_of_two() -> None:
    before = square(images()).astype(float)
    after = drifted(Drift(down=0.5), images())
    assert np.abs(after[:, 1:] - (before[:, 1:] + before[:, :-1]) / 2).max() <= 0.5
    assert np.abs(after[:, 0] - before[:, 0] / 2).max() <= 0.5


def test_slant_and_stretch_move_ink_from_the_centre() -> None:
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, 1, 5] = 200  # the middle of the pixel is 2.5 above and 1.5 right of the centre
    values = image.reshape(1, 64)

    def middle(drift: Drift) -> tuple[float, float]:
        ink = drifted(drift, values)[0].astype(float)
        rows, columns = np.mgrid[:8, :8] - 3.5
        return float((ink * columns).sum() / ink.sum()), float((ink * rows).sum() / ink.sum())

    assert middle(UNDRIFTED) == (1.5, -2.5)
    assert middle(Drift(slant=0.4)) == pytest.approx((2.5, -2.5), abs=0.01)
    assert middle(Drift(wide=1.5)) == pytest.approx((2.25, -2.5), abs=0.15)
    assert middle(Drift(high=0.6)) == pytest.approx((1.5, -1.5), abs=0.01)
    assert middle(Drift(turn=20)) == pytest.approx(
        (1.5 * np.cos(np.pi / 9) + 2.5 * np.sin(np.pi / 9), 1.5 * np.sin(np.pi / 9) - 2.5 * np.cos(np.pi / 9)), abs=0.25
    )


def test_ink_is_thickened_and_thinned() -> None:
    before = square(images()).astype(int)
    thick, thin = (drifted(Drift(ink=ink), images()).astype(int) for ink in (1, -1))
    assert np.abs(thick - np.rint(255 * np.sqrt(before / 255))).max() == 0
    assert np.abs(thin - np.rint(255 * (before / 255) ** 2)).max() == 0


def test_pixels_die_one_after_the_other_and_stay_dead() -> None:
    values = np.full((1, 64), 255, np.uint8)
    dead = [drifted(Drift(dead=0.5), values, extent, seed=3)[0] == 0 for extent in np.linspace(0, 1, 9)]
    assert [int(pixels.sum()) for pixels in dead] == [0, 4, 8, 12, 16, 20, 24, 28, 32]
    assert all((before <= after).all() for before, after in pairwise(dead))
    assert not np.array_equal(drifted(Drift(dead=0.5), values, seed=4)[0] == 0, dead[-1])
    assert not drifted(Drift(dead=1), values).any()


def test_samples_drift_each_as_far_as_it_is_told() -> None:
    values, drift = images(), Drift(turn=70, right=1, dead=0.3)
    extents = np.array([0, 0.2, 0.4, 0.9, 1])
    together = drift.apply(values, extents, 5)
    for sample, extent, found in zip(values, extents, together, strict=True):
        assert np.array_equal(drift.apply(sample[np.newaxis], np.array([extent]), 5)[0], found)
    assert drift.apply(values[:0], extents[:0], 5).shape == (0, 64)


def test_a_writer_has_one_hand() -> None:
    hands = [drawn_writer(seed, 1.0) for seed in range(200)]
    assert drawn_writer(7, 1.0) == hands[7]
    assert len(set(hands)) == 200
    assert drawn_writer(7, 0.0) == UNDRIFTED
    for name, middle, bound in (
        ("turn", 0, 10),
        ("slant", 0, 0.25),
        ("wide", 1, 0.12),
        ("down", 0, 0.5),
        ("ink", 0, 0.5),
    ):
        drawn = np.array([getattr(hand, name) for hand in hands]) - middle
        assert 0.9 * bound < np.abs(drawn).max() <= bound, name
    assert all(hand.dead == 0 for hand in hands)


def test_what_is_no_square_is_refused() -> None:
    with pytest.raises(
        BackspikeError, match=r"^what drifts must be square images, which samples of 63 inputs are not$"
    ):
        Drift(turn=1).apply(images()[:, :63], np.ones(5), 1)
