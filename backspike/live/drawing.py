"""Drawings made into what a network takes: of the size, the place and the stroke that its dataset's images have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["SURFACE", "sample_of"]

SURFACE = 112
"""Pixels of each side of a drawing."""

_INKED = 128
"""A pixel from here on is ink, where there is but ink or none."""

_BITMAP = 32
_BLOCK = 4
_CHARACTER_WIDTH = 20
"""Of the digits: NIST's form fills 32 rows and 20 columns of a bitmap, of which blocks of 4x4 are counted."""

_NARROW = 0.35
"""Width by height, below which a character keeps its shape: a stroke that was made 20 columns wide is none."""

_INK = 0.305
"""Share of the bitmap that is ink, whatever the character: the mean of all digits, and nearly that of each."""

_SPREAD = 1.5
"""Pixels, the standard deviation of the blur whose brightest pixels become the ink."""

_BOX = 20 / 28
"""Of MNIST: the part of each side that an image fills before it is centred."""


def sample_of(drawing: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return what a network of so many pixels sees of a drawing; of a blank one, nothing.

    Parameters
    ----------
    drawing : uint8 array, shape (`SURFACE`, `SURFACE`)
        0 is paper, 255 ink; edges may be anything between.
    height, width : int
        Of the network's image. One of 8x8 is made as the digits were: the slant is taken out, the character is
        stretched to 32x20 pixels, its stroke is made so thick that as much is ink as in each digit, and the ink of each
        4x4 block is counted, 16 values of 0 to 255. Any other is made as MNIST was: in its own proportions it is fitted
        into 20/28 of each side, and its centre of mass is put in the middle.

    Returns
    -------
    uint8 array, shape (height * width,)
        0 to 255, row by row.
    """
    ink = _cropped(drawing)
    if ink is None:
        return np.zeros(height * width, dtype=np.uint8)
    image = _as_a_digit(ink) if (height, width) == (8, 8) else _as_mnist(ink, height, width)
    return np.ascontiguousarray(image.reshape(-1))


def _cropped(drawing: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the smallest rectangle with all the ink in it, or None if there is none."""
    inked = drawing >= _INKED
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return None
    return drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _as_a_digit(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    ink = _upright(ink)
    height, width = ink.shape
    columns = _CHARACTER_WIDTH if width >= _NARROW * height else max(2, round(_BITMAP * width / height))
    stretched = Image.fromarray(ink).resize((columns, _BITMAP), Image.Resampling.BOX)
    bitmap = np.zeros((_BITMAP, _BITMAP))
    left = (_BITMAP - columns) // 2
    bitmap[:, left : left + columns] = np.asarray(stretched)
    # The stroke is made thicker or thinner: as many pixels as are to be ink, those nearest to where it was.
    at = np.arange(_BITMAP)
    blur = np.exp(-((at[:, np.newaxis] - at) ** 2) / (2 * _SPREAD**2))
    nearest = np.argsort(-(blur @ bitmap @ blur).reshape(-1), kind="stable")[: round(_INK * _BITMAP**2)]
    inked = np.zeros(_BITMAP**2, dtype=np.int64)
    inked[nearest] = 1
    side = _BITMAP // _BLOCK
    counts = inked.reshape(side, _BLOCK, side, _BLOCK).sum(axis=(1, 3))
    values: NDArray[np.uint8] = np.minimum(255, 16 * counts).astype(np.uint8)
    return values


def _upright(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a character sheared so that its height and its width are not correlated, cropped."""
    height, width = ink.shape
    y, x = np.indices(ink.shape)
    weight = ink / ink.sum(dtype=np.int64)
    y, x = y - (weight * y).sum(), x - (weight * x).sum()
    variance = (weight * y * y).sum()
    # A stroke from side to side has no slant.
    slant = (weight * x * y).sum() / variance if variance > 1 else 0.0
    slant = float(np.clip(slant, -1, 1))
    wide = np.pad(ink, ((0, 0), (height, height)))
    middle = (height - 1) / 2
    sheared = Image.fromarray(wide).transform(
        (width + 2 * height, height),
        Image.Transform.AFFINE,
        (1, slant, -slant * middle, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    cropped = _cropped(np.asarray(sheared))
    return ink if cropped is None else cropped


def _as_mnist(ink: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    scale = min(_BOX * height / ink.shape[0], _BOX * width / ink.shape[1])
    rows, columns = (max(1, round(scale * size)) for size in ink.shape)
    fitted = np.asarray(Image.fromarray(ink).resize((columns, rows), Image.Resampling.BOX))
    total = fitted.sum(dtype=np.int64)
    top, left = (
        _placed((fitted.sum(axis=1 - axis) @ np.arange(fitted.shape[axis])) / total, fitted.shape[axis], size)
        for axis, size in enumerate((height, width))
    )
    image = np.zeros((height, width), dtype=np.uint8)
    image[top : top + rows, left : left + columns] = fitted
    return image


def _placed(mass: float, size: int, room: int) -> int:
    """Return where a side begins whose centre of mass is to be in the middle of the room; never outside of it."""
    return int(np.clip(round((room - 1) / 2 - mass), 0, room - size))
