"""Files in the IDX format of the MNIST family: images and labels.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import BackspikeError

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
        The file cannot be read, is damaged or truncated, or holds something else.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BackspikeError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise BackspikeError(f"cannot read {path}: {error.strerror}") from error
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, _UNSIGNED_BYTES, dimensions]):
        raise BackspikeError(f"{path} is not an IDX file of unsigned bytes in {dimensions} dimensions")
    shape = tuple(np.frombuffer(content, dtype=">u4", count=dimensions, offset=4).tolist())
    values = np.frombuffer(content, dtype=np.uint8, offset=header)
    if values.size != np.prod(shape, dtype=np.int64):
        raise BackspikeError(f"{path} announces {shape} values, but holds {values.size}")
    return values.reshape(shape).copy()
