"""Files in the IDX format of the MNIST family: images and labels.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import BackspikeError
from .files import LARGEST, read_stream, reading

__all__ = ["read_idx"]

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an array of unsigned bytes from an IDX file, compressed by gzip if its name ends so.

    Parameters
    ----------
    path : Path
    dimensions : int
        How many the array must have: 1 for labels, 3 for images.

    Raises
    ------
    BackspikeError
        The file cannot be read, is damaged or truncated, holds something else, or takes more than `LARGEST` bytes.
    """
    with reading(path), path.open("rb") as raw, gzip.open(raw) if path.suffix.lower() == ".gz" else raw as file:
        header = file.read(4 + 4 * dimensions)
        if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, _UNSIGNED_BYTES, dimensions]):
            raise BackspikeError(f"{path} is not an IDX file of unsigned bytes in {dimensions} dimensions")
        shape = tuple(int.from_bytes(header[start : start + 4], "big") for start in range(4, len(header), 4))
        # Of Python's integers, since NumPy's overflow.
        size = math.prod(shape)
        if size > LARGEST:
            raise BackspikeError(f"{path} announces {shape} values; more than {LARGEST:,} are not read")
        content = bytearray(read_stream(file, LARGEST))
        if len(content) != size:
            raise BackspikeError(f"{path} announces {shape} values, but holds {len(content)}")
        return np.frombuffer(content, dtype=np.uint8).reshape(shape)
