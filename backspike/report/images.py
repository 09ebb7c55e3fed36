"""Samples and weights as small images, a pixel a value, in PNG."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, shown

__all__ = ["ImageShape", "Sheet", "sample_image", "weights_sheet"]

_POSITIVE, _NEGATIVE = (217, 98, 10), (59, 130, 196)

WIDEST = 440
"""Pixels of the widest sheet."""

MOST = 1 << 20
"""Weights of the largest sheet; of more, the first units are drawn."""


@dataclass(frozen=True)
class ImageShape:
    """How a network's inputs lie in an image.

    Parameters
    ----------
    planes : int
        Images beside each other that make a sample, such as one of each polarity; inputs are numbered plane by plane.
    height, width : int
        Pixels of each, row by row.
    known : bool
        Whether the inputs are an image at all; of others a strip is made, a row of pixels.
    """

    planes: int
    height: int
    width: int
    known: bool = True

    @classmethod
    def of(cls, inputs: int, size: tuple[int, int] | None = None) -> ImageShape:
        """Return the shape of so many inputs: as many planes of a size as they are, or a square or two.

        Raises
        ------
        BackspikeError
            The inputs are not planes of that size.
        """
        if size is not None:
            height, width = size
            if inputs % (height * width):
                raise BackspikeError(f"an image of {height}x{width} does not divide the {inputs} inputs of the network")
            return cls(inputs // (height * width), height, width)
        for planes in (1, 2):
            side = math.isqrt(inputs // planes)
            # Of less than 3 pixels a side nothing is to be seen, and it hardly is one.
            if side >= 3 and planes * side * side == inputs:
                return cls(planes, side, side)
        return cls(1, 1, inputs, known=False)

    @staticmethod
    def parse(word: str) -> tuple[int, int]:
        """Return height and width that ``HEIGHTxWIDTH`` says.

        Raises
        ------
        BackspikeError
            It says something else, or sizes that are not from 1 to 16,384.
        """
        found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", word)
        height, width = (int(found[1]), int(found[2])) if found else (0, 0)
        if not (1 <= height <= 16_384 and 1 <= width <= 16_384):
            raise BackspikeError(f"an image's size must be HEIGHTxWIDTH, such as 28x28, not {shown(word)}")
        return height, width

    @property
    def words(self) -> str:
        """What it is, in words."""
        if not self.known:
            return f"a strip of {self.width} pixels"
        size = f"{self.height}x{self.width} pixels"
        return size if self.planes == 1 else f"{self.planes} images of {size} beside each other"

    def laid(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return values of shape (..., n_0) as images of shape (..., height, planes * width)."""
        planes = values.reshape(*values.shape[:-1], self.planes, self.height, self.width)
        beside = np.moveaxis(planes, -3, -2)
        return beside.reshape(*values.shape[:-1], self.height, self.planes * self.width)


def sample_image(values: NDArray[np.uint8], shape: ImageShape) -> bytes:
    """Return a sample as a PNG file's content: white is 255; of recorded spikes, an input that spikes most of all.

    Parameters
    ----------
    values : uint8 array, shape (n_0,), or (T, n_0) for recorded spikes
    shape : ImageShape
    """
    if values.ndim == 2:
        counts = np.count_nonzero(values, axis=0)
        values = np.rint(255 * counts / max(1, counts.max())).astype(np.uint8)
    return _png(shape.laid(values))


@dataclass(frozen=True)
class Sheet:
    """Images of so many units in rows of so many: a PNG file's content, and its size in pixels."""

    content: bytes
    width: int
    height: int
    units: int
    columns: int


def weights_sheet(weights: NDArray[np.int64], shape: ImageShape) -> Sheet:
    """Draw the weights of each unit as an image, unit after unit in rows: orange above zero, blue below, clear at zero.

    Each unit's greatest weight is in full colour.

    Parameters
    ----------
    weights : int64 array, shape (n_0, units)
        Without the bias row.
    shape : ImageShape
    """
    inputs = len(weights)
    images = shape.laid(weights.T[: max(1, MOST // inputs)])
    units, height, width = images.shape
    # About as wide as three times its height.
    columns = min(units, max(1, min(WIDEST // (width + 1), round(math.sqrt(3 * units * (height + 1) / (width + 1))))))
    rows = -(-units // columns)
    sheet = np.zeros((rows * (height + 1), columns * (width + 1), 4), dtype=np.uint8)
    for unit, image in enumerate(images):
        row, column = divmod(unit, columns)
        cell = sheet[row * (height + 1) :, column * (width + 1) :][:height, :width]
        cell[image > 0, :3], cell[image < 0, :3] = _POSITIVE, _NEGATIVE
        cell[..., 3] = np.rint(255 * np.abs(image) / max(1, int(np.abs(image).max())))
    sheet = sheet[:-1, :-1]
    return Sheet(_png(sheet), sheet.shape[1], sheet.shape[0], units, columns)


def _png(pixels: NDArray[np.generic]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return file.getvalue()
