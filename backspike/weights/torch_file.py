"""PyTorch's files of a state dict, read without PyTorch: nothing in them is ever run.

PyTorch would be half a gigabyte, and CUDA several more, to read a zip of arrays. What tells the arrays' names and
shapes is a pickle, and to unpickle one is to run whatever it says; so this reader knows the handful of names that a
state dict has, and refuses all others.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, shown
from backspike.files import read_file, read_member, reading

__all__ = ["read_state_dict", "widened"]

NESTED = ("state_dict", "model_state_dict", "model")
"""Keys under which trainings keep the state dict beside other things, of Lightning and of PyTorch's tutorials."""

_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


@dataclass(frozen=True)
class _StorageType:
    """A class of PyTorch's, of which only the name is needed."""

    name: str


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a state dict that `torch.save` has written, by name and in their order.

    Parameters
    ----------
    path : Path
        A zip, as PyTorch has written them since 1.6. The state dict may be below one of `NESTED`.

    Raises
    ------
    BackspikeError
        The file cannot be read or is damaged, holds something else than a state dict, such as a whole module, or was
        written by an older PyTorch.
    """
    content = read_file(path)
    with reading(path):
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise BackspikeError("it is no zip, as torch.save has written them since PyTorch 1.6; save it anew")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member.filename.partition("/")[2]: member for member in archive.infolist()}
            if "data.pkl" not in members:
                raise BackspikeError("it is no file of torch.save: there is no data.pkl in it")
            if "byteorder" in members and read_member(archive, members["byteorder"]) != b"little":
                raise BackspikeError("its numbers are big-endian")
            pickled = read_member(archive, members["data.pkl"])
            # A tensor can share its storage with others; each is read once.
            storages = {
                name.removeprefix("data/"): read_member(archive, member)
                for name, member in members.items()
                if name.startswith("data/")
            }
        _check_memo(pickled)
        found = _Reader(io.BytesIO(pickled), storages).load()
        return _tensors(found)


def _check_memo(pickled: bytes) -> None:
    """Refuse a place in the unpickler's memory beyond any that is needed: it makes room for all below it."""
    for operation, argument, _ in pickletools.genops(pickled):
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= len(pickled):
            raise ValueError(f"its pickle puts something into place {argument}")


class _Reader(pickle.Unpickler):
    """Rebuilds tensors as arrays, and knows no other class.

    Parameters
    ----------
    file : file of bytes
    storages : dict of bytes
        What tensors are made of, by the key that the pickle has for it.
    """

    def __init__(self, file: io.BytesIO, storages: Mapping[str, bytes]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _TYPES:
            return _StorageType(name)
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            # Functions of their own for each file, which a pickle may hang attributes on.
            ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: _tensor(*arguments),
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if (module, name) not in known:
            raise BackspikeError(
                f"it has {shown(f'{module}.{name}')} in it, and only the tensors of a state dict are read: save "
                "net.state_dict(), not the network itself"
            )
        return known[module, name]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        kind, storage, key, _, count = pid
        if kind != "storage" or not isinstance(storage, _StorageType):
            raise ValueError("its pickle refers to what is no storage")
        content = self._storages[key]
        values: NDArray[Any] = np.frombuffer(content, _TYPES[storage.name])
        if len(values) != count:
            raise ValueError(f"a storage of it announces {count} numbers, but has {len(values)}")
        return widened(values) if storage.name == "BFloat16Storage" else values


def widened(halves: NDArray[Any]) -> NDArray[np.float32]:
    """Return bfloat16, which NumPy has no type for and which is the upper half of a float32, as that."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> NDArray[Any]:
    """Return a tensor as an array of its own."""
    if not isinstance(storage, np.ndarray) or len(shape) != len(strides):
        raise ValueError("a tensor of it has no storage")
    if not all(type(number) is int and number >= 0 for number in (offset, *shape, *strides)):
        raise ValueError(f"a tensor of it has shape {shown(shape)} and strides {shown(strides)}")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    # With a stride of 0 a few numbers would fill any memory.
    if math.prod(shape) > len(storage) or (math.prod(shape) and last >= len(storage)):
        raise ValueError(f"a tensor of it has shape {shown(shape)}, but a storage of {len(storage)} numbers")
    if not math.prod(shape):
        return np.zeros(shape, storage.dtype)
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()


def _tensors(found: Any) -> dict[str, NDArray[Any]]:
    """Return the state dict in what was found."""
    for key in NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping) or not found:
        raise BackspikeError(f"it holds no state dict, but {shown(type(found).__name__)}")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise BackspikeError(f"{shown(name)} in it is no tensor, so that it is no state dict")
    return dict(found)
