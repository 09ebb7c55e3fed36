"""Samples and weights as images: where each value lands."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from backspike import BackspikeError
from backspike.report import images
from backspike.report.images import ImageShape, sample_image, weights_sheet


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("inputs", "size", "shape"),
    [
        (784, None, (1, 28, 28, True)),
        (2 * 34 * 34, None, (2, 34, 34, True)),
        (9, None, (1, 3, 3, True)),
        (8, None, (1, 1, 8, False)),
        (700, None, (1, 1, 700, False)),
        (560, (20, 28), (1, 20, 28, True)),
        (560, (20, 14), (2, 20, 14, True)),
        (784, (1, 784), (1, 1, 784, True)),
    ],
)
def test_inputs_are_a_square_or_two_or_what_is_said(inputs, size, shape) -> None:
    assert ImageShape.of(inputs, size) == ImageShape(*shape)


def test_inputs_that_no_image_divides_are_refused() -> None:
    with pytest.raises(BackspikeError, match=r"^an image of 5x5 does not divide the 64 inputs of the network"):
        ImageShape.of(64, (5, 5))


def test_a_size_is_height_and_width() -> None:
    assert ImageShape.parse("20x28") == (20, 28)


@pytest.mark.parametrize(
    "word", ["", "20", "20x", "x20", "20X28", "0x5", "5x0", "-1x5", "20x28x3", "1e3x5", "99999x1", "٣x٣"]
)
def test_other_words_are_no_size(word) -> None:
    with pytest.raises(BackspikeError, match=r"^an image's size must be HEIGHTxWIDTH, such as 28x28, not '"):
        ImageShape.parse(word)


def test_planes_stand_beside_each_other() -> None:
    values = np.arange(12, dtype=np.uint8)
    laid = pixels(sample_image(values, ImageShape(2, 3, 2)))
    assert laid.tolist() == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]


def test_an_input_that_spikes_most_is_white() -> None:
    spikes = np.array([[1, 0, 1, 0], [1, 0, 0, 0]], dtype=np.uint8)
    assert pixels(sample_image(spikes, ImageShape(1, 2, 2))).tolist() == [[255, 0], [128, 0]]
    assert not pixels(sample_image(np.zeros((2, 4), dtype=np.uint8), ImageShape(1, 2, 2))).any()


def test_each_units_weights_are_an_image_with_its_signs() -> None:
    weights = np.zeros((4, 3), dtype=np.int64)
    weights[:, 0] = [10, -5, 0, 0]
    weights[3, 2] = -1
    sheet = weights_sheet(weights, ImageShape(1, 2, 2))
    drawn = pixels(sheet.content)
    assert drawn.shape == (sheet.height, sheet.width, 4) == (2, 8, 4)
    assert (sheet.units, sheet.columns) == (3, 3)
    orange, blue = images._POSITIVE, images._NEGATIVE
    assert drawn[0, 0].tolist() == [*orange, 255]
    assert drawn[0, 1].tolist() == [*blue, 128]
    # A unit of small weights is as strong as another; one without any, and the gaps, are clear.
    assert drawn[1, 7].tolist() == [*blue, 255]
    assert drawn[..., 3].sum() == 255 + 128 + 255


def test_of_too_many_units_the_first_are_drawn(monkeypatch) -> None:
    monkeypatch.setattr(images, "MOST", 12)
    sheet = weights_sheet(np.ones((4, 10), dtype=np.int64), ImageShape(1, 2, 2))
    assert sheet.units == 3
    monkeypatch.setattr(images, "MOST", 1)
    assert weights_sheet(np.ones((4, 10), dtype=np.int64), ImageShape(1, 2, 2)).units == 1
