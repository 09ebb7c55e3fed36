"""NumPy archives (.npz) and arrays (.npy) from anywhere: no array takes more room than the file has bytes for.

`numpy.load` makes room for whatever size a header announces before it looks at what is there, unpacks without a bound,
and of a file that is none of its own says that it may be pickled.
"""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BackspikeError
from .files import LARGEST, read_file, read_member, reading

__all__ = ["read_array", "read_arrays"]

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(path: Path, what: str = "", at_most: int = LARGEST, packed: bool = True) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive by name.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, in words before its name: ``"checkpoint"``.
    at_most : int
        Bytes that the file may have, and all arrays together.
    packed : bool
        Whether the arrays may take more than the file.

    Raises
    ------
    BackspikeError
        The file cannot be read, is damaged or something else, larger than that, or has Python objects in it.
    """
    content = read_file(path, what, at_most)
    if not packed:
        at_most = len(content)
    with reading(path, what), zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        if size > at_most:
            raise BackspikeError(f"its arrays take {size:,} bytes, more than {at_most:,}")
        return {member.filename.removesuffix(".npy"): _array(read_member(archive, member)) for member in members}


def read_array(path: Path, what: str = "", at_most: int = LARGEST) -> NDArray[Any]:
    """Return the array of an .npy file; parameters and errors are those of `read_arrays`."""
    content = read_file(path, what, at_most)
    with reading(path, what):
        return _array(content)


def _array(content: bytes) -> NDArray[Any]:
    """Return the array of an .npy file."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"an array in it is of format {version[0]}.{version[1]}")
    shape, column_major, dtype = _HEADERS[version](file)
    start, count = file.tell(), math.prod(shape)
    if dtype.hasobject:
        raise BackspikeError("an array in it is of Python objects")
    if count * dtype.itemsize != len(content) - start:
        raise ValueError(f"an array in it announces shape {shape} of {dtype}, but has {len(content) - start:,} bytes")
    values = np.frombuffer(content, dtype, count, start)
    return values.reshape(shape, order="F" if column_major else "C").copy()
