"""Drawings come out as the images of their datasets are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.live.drawing import SURFACE, sample_of

from .conftest import CROSS, ONE, ZERO, drawn

DATA = load_dataset("digits", PRESETS["digits"], 1)
DIGITS = DATA.test_values


def test_a_blank_drawing_is_a_blank_sample() -> None:
    faint = np.full((SURFACE, SURFACE), 127, dtype=np.uint8)
    for drawing in (np.zeros_like(faint), faint):
        for size in ((8, 8), (28, 28), (2, 4)):
            sample = sample_of(drawing, *size)
            assert sample.shape == (size[0] * size[1],)
            assert sample.dtype == np.uint8
            assert not sample.any()


@pytest.mark.parametrize("points", [ZERO, ONE, CROSS])
def test_place_and_size_of_a_drawing_do_not_matter(points) -> None:
    """Nor does, to the digits, how thick the pen is."""
    small = [(10 + x / 2, 30 + y / 2) for x, y in points]
    for size, limit in (((8, 8), 0.12), ((28, 28), 0.06)):
        whole, half = (sample_of(drawn(*line), *size).astype(int) for line in ((points, 10), (small, 5)))
        assert np.abs(whole - half).mean() < limit * 255
    thick, thin = (sample_of(drawn(points, width), 8, 8).astype(int) for width in (14, 6))
    assert np.abs(thick - thin).mean() < 0.2 * 255


@pytest.mark.parametrize("points", [ZERO, ONE, CROSS])
def test_as_much_of_an_image_is_ink_as_of_the_digits(points) -> None:
    """And it fills all rows, as each of the digits does."""
    image = sample_of(drawn(points), 8, 8).reshape(8, 8)
    inks = DIGITS.reshape(len(DIGITS), -1).sum(axis=1)
    assert inks.min() < image.sum() < inks.max()
    assert abs(image.sum() - inks.mean()) < 2 * inks.std()
    assert image.any(axis=1).all()


def test_slant_is_taken_out() -> None:
    slanted = [(80 - y * 0.4, y) for _, y in ONE]
    upright, straightened = (sample_of(drawn(line), 8, 8).astype(int) for line in (ONE, slanted))
    assert np.abs(upright - straightened).mean() < 0.1 * 255


def test_an_image_of_mnist_has_its_box_and_its_centre_of_mass() -> None:
    drawing = drawn([(20, 10), (20, 60), (50, 60)])
    image = sample_of(drawing, 28, 28).reshape(28, 28).astype(int)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert max(len(rows), len(columns)) == 20
    # In its own proportions.
    high, wide = (np.count_nonzero(drawing.any(axis=axis)) for axis in (1, 0))
    assert len(columns) / len(rows) == pytest.approx(wide / high, abs=0.51 / 20)
    for axis in (0, 1):
        assert (image.sum(axis=1 - axis) @ np.arange(28)) / image.sum() == pytest.approx(13.5, abs=0.6)


@pytest.mark.parametrize("size", [(1, 64), (64, 1), (2, 4), (3, 3), (112, 112), (5, 200)])
@pytest.mark.parametrize("points", [ZERO, ONE, [(0, 0), (111, 0)], [(0, 0), (0, 111)], [(3, 3), (3, 3)]])
def test_any_drawing_fits_any_image(size, points) -> None:
    assert sample_of(drawn(points), *size).any()


def test_a_spot_is_no_blank_drawing_of_digits() -> None:
    for place in ((0, 0), (111, 111), (0, 111), (60, 3)):
        drawing = np.zeros((SURFACE, SURFACE), dtype=np.uint8)
        drawing[place] = 255
        assert sample_of(drawing, 8, 8).any()
        drawing[:] = 255
        assert sample_of(drawing, 8, 8).any()


def test_images_of_the_digits_stay_nearly_what_they_are() -> None:
    """Blown up to a drawing, an image comes back, though its slant and its stroke are normalised once more."""
    again = np.array(
        [
            sample_of(np.asarray(Image.fromarray(image).resize((SURFACE, SURFACE), Image.Resampling.BICUBIC)), 8, 8)
            for image in DIGITS[:50].reshape(-1, 8, 8)
        ]
    )
    correlations = np.corrcoef(DIGITS[:50], again)[:50, 50:]
    assert correlations.diagonal().mean() > 0.85
    # The nearest image is one of the same class.
    assert np.mean(DATA.test_labels[correlations.argmax(axis=0)] == DATA.test_labels[:50]) > 0.9
