"""A float network from a file, whichever of the formats it is in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, shown
from backspike.files import read_file, reading

from .chain import Chain
from .nir_graph import TICK, read_graph
from .state_dict import chain_of
from .torch_file import read_state_dict, widened

__all__ = ["FORMATS", "TICK", "read_chain"]


_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"}


def read_chain(path: Path, layers: Sequence[int], tick: float = TICK) -> Chain:
    """Return the float network in a file; nothing in it is run.

    Parameters
    ----------
    path : Path
        A state dict of PyTorch or snnTorch (``.pt``, ``.pth``, ``.ckpt``, ``.bin``), one in ``.safetensors``, or a
        graph in NIR (``.nir``, ``.h5``).
    layers : sequence of int
        Units of layer 0 to L that it must have.
    tick : float
        Seconds of NIR's that a tick stands for, above 0; state dicts have ticks themselves.

    Raises
    ------
    BackspikeError
        The file cannot be read, is damaged or of another format; or there is something in it that does not map onto a
        chain of fully connected layers of these sizes: the message names it.
    """
    read = FORMATS.get(path.suffix.lower())
    with reading(path):
        if read is None:
            raise BackspikeError(f"weights are read from files {', '.join(FORMATS)}, not {shown(path.suffix)}")
        return read(path, layers, tick)


def _read_torch(path: Path, layers: Sequence[int], tick: float) -> Chain:
    return chain_of(read_state_dict(path), layers)


def _read_safetensors(path: Path, layers: Sequence[int], tick: float) -> Chain:
    try:
        from safetensors import deserialize
    except ImportError as error:
        raise BackspikeError("safetensors is missing; install it with: pip install backspike[weights]") from error
    tensors: dict[str, NDArray[Any]] = {}
    for name, tensor in deserialize(read_file(path)):
        kind = tensor["dtype"]
        if kind not in _TYPES:
            raise BackspikeError(f"{name} in it is of type {kind}, and what is read is {', '.join(_TYPES)}")
        values = np.frombuffer(tensor["data"], _TYPES[kind]).reshape(tensor["shape"])
        tensors[name] = widened(values) if kind == "BF16" else values
    # The format has no order of its own, so that of the names: fc2 comes before fc10.
    names = sorted(tensors, key=lambda name: [int(part) if part.isdigit() else part for part in _parts(name)])
    return chain_of({name: tensors[name] for name in names}, layers)


def _parts(name: str) -> list[str]:
    """Return text and numbers of a name in turn, text first."""
    return re.split(r"([0-9]+)", name)


FORMATS: dict[str, Callable[[Path, Sequence[int], float], Chain]] = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), _read_torch),
    ".safetensors": _read_safetensors,
    **dict.fromkeys((".nir", ".h5", ".hdf5"), read_graph),
}
"""What reads each format, by the ending of a file's name."""
