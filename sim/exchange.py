"""Values on their way between the caller of a bench and the processes that run it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backspike.errors import BackspikeError
from backspike.files import reading

__all__ = ["BenchError", "load_values", "store_values"]


class BenchError(BackspikeError):
    """A bench failed, or its simulator died; the message has the reason and where the log is."""


def store_values(path: Path, values: Mapping[str, Any]) -> None:
    """Write NumPy arrays and whatever JSON can hold to a file."""
    arrays: dict[str, Any] = {f"array:{key}": value for key, value in values.items() if isinstance(value, np.ndarray)}
    rest = {key: value for key, value in values.items() if f"array:{key}" not in arrays}
    np.savez(path, **arrays, rest=json.dumps(rest))


def load_values(path: Path) -> dict[str, Any]:
    """Read what `store_values` wrote.

    Raises
    ------
    BackspikeError
        It is not whole, as on a full disk.
    """
    with reading(path), np.load(path) as file:
        arrays = {key.removeprefix("array:"): file[key] for key in file.files if key != "rest"}
        return {**arrays, **json.loads(str(file["rest"]))}
