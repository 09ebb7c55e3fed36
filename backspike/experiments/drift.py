"""Images that drift: moved, turned, slanted, written with another hand, or without the pixels that have died."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError

__all__ = ["UNDRIFTED", "Drift", "drawn_writer", "side_of"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What happens to square images, as a whole or in part.

    An image is turned and slanted about its centre, stretched and moved, in one step with bilinear interpolation; then
    the ink is thinned or thickened; then dead pixels are blank. Whatever comes in from outside is blank.

    Parameters
    ----------
    right, down : float
        Pixels.
    turn : float
        Degrees, clockwise.
    slant : float
        Pixels to the right for each pixel upwards.
    wide, high : float
        Factors, above 0.
    ink : float
        A pixel of the value v, 0 to 1, becomes v^(2^-ink).
    dead : float
        Share of the pixels that are always blank, 0 to 1.
    """

    right: float = 0.0
    down: float = 0.0
    turn: float = 0.0
    slant: float = 0.0
    wide: float = 1.0
    high: float = 1.0
    ink: float = 0.0
    dead: float = 0.0

    def apply(self, values: NDArray[np.uint8], extents: NDArray[np.float64], seed: int) -> NDArray[np.uint8]:
        """Return samples that have drifted.

        Parameters
        ----------
        values : uint8 array, shape (samples, n_0)
            Square images.
        extents : float64 array, shape (samples,)
            How far each has drifted, from 0, not at all, to 1, by all of this.
        seed : int
            Decides which pixels die, and in which order.

        Returns
        -------
        uint8 array, shape (samples, n_0)
        """
        side = side_of(values.shape[1])
        # Where the middle of each pixel of the drifted images comes from, as row and column of the images before.
        rows, columns = np.mgrid[:side, :side] + 0.5
        x, y = self._origins(extents, columns - side / 2, rows - side / 2)
        images = values.reshape(len(values), side, side).astype(np.float64) / 255
        drifted = _interpolated(images, y + side / 2 - 0.5, x + side / 2 - 0.5).reshape(values.shape)
        drifted **= 2 ** (-self.ink * extents)[:, np.newaxis]
        death = np.random.Generator(np.random.PCG64([seed, 0, 3])).permutation(side * side)
        drifted[death < np.rint(self.dead * extents * side * side)[:, np.newaxis]] = 0
        return np.rint(255 * drifted).astype(np.uint8)

    def _origins(
        self, extents: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where points have been before, shape (samples, side, side) each: to the right and down of the centre.

        First was the stretch, then the slant, then the turn, then the shift.
        """
        extent = extents[:, np.newaxis, np.newaxis]
        x, y = x - self.right * extent, y - self.down * extent
        angle = np.deg2rad(self.turn) * extent
        x, y = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        x = x + self.slant * extent * y
        return x / (1 + (self.wide - 1) * extent), y / (1 + (self.high - 1) * extent)


def _interpolated(
    images: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the values of images, shape (samples, side, side), at points between pixels, bilinear; outside is 0."""
    # Far outside is as blank as next to the edge.
    bordered = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    side = images.shape[1]
    rows, columns = np.clip(rows, -1, side) + 1, np.clip(columns, -1, side) + 1
    top = np.minimum(rows.astype(np.int64), side)
    left = np.minimum(columns.astype(np.int64), side)
    down, right = rows - top, columns - left
    samples = np.arange(len(images))[:, np.newaxis, np.newaxis]
    above, below = (
        (1 - right) * bordered[samples, row, left] + right * bordered[samples, row, left + 1] for row in (top, top + 1)
    )
    values: NDArray[np.float64] = (1 - down) * above + down * below
    return values


UNDRIFTED = Drift()
"""Images as they were."""


def drawn_writer(seed: int, strength: float) -> Drift:
    """Return the hand of a synthetic writer: a transformation that is drawn once, and is that of all of their samples.

    Parameters
    ----------
    seed : int
        Another writer for each.
    strength : float
        Of all that is drawn, evenly from minus to plus a bound. With 1 that is 10 degrees, a slant of 0.25, 12 % of
        width and of height, half a pixel to the right and down, and an ink of 0.5.
    """
    random = np.random.Generator(np.random.PCG64([seed, 0, 4]))
    turn, slant, wide, high, right, down, ink = (strength * random.uniform(-1, 1, 7)).tolist()
    return Drift(
        turn=10 * turn,
        slant=0.25 * slant,
        wide=1 + 0.12 * wide,
        high=1 + 0.12 * high,
        right=0.5 * right,
        down=0.5 * down,
        ink=0.5 * ink,
    )


def side_of(inputs: int) -> int:
    """Return the side of a square image of so many pixels, or raise `BackspikeError` if there is none."""
    side = math.isqrt(inputs)
    if side * side != inputs:
        raise BackspikeError(f"what drifts must be square images, which samples of {inputs} inputs are not")
    return side
