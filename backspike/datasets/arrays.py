"""Samples in a NumPy archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.npz import read_arrays

from .events import bin_recordings, read_recordings
from .samples import Samples, SampleSettings

__all__ = ["read_samples"]

NAMES: tuple[tuple[tuple[str, str], tuple[str, str] | None], ...] = (
    (("train_values", "train_labels"), ("test_values", "test_labels")),
    (("train_images", "train_labels"), ("test_images", "test_labels")),
    (("x_train", "y_train"), ("x_test", "y_test")),
    (("X_train", "y_train"), ("X_test", "y_test")),
    (("values", "labels"), None),
    (("images", "labels"), None),
    (("x", "y"), None),
    (("X", "y"), None),
    (("data", "target"), None),
)
"""Names of the arrays to train on and to test on: ours, MedMNIST's, Keras' and scikit-learn's; then of one part."""


def read_samples(path: Path, settings: SampleSettings, config: NetworkConfig) -> list[Samples]:
    """Return the samples of an archive to train on, and if it has some those to test on; other arrays are passed over.

    Recorded events, which are told by their offsets, are binned to the ticks of the network.

    Raises
    ------
    BackspikeError
        `read_arrays` refuses it, it has arrays of no names in `NAMES` or of several, or `read_recordings` or
        `bin_recordings` refuses its events.
    """
    arrays = read_arrays(path)
    for prefixes in (("train_", "test_"), ("",)):
        if all(f"{prefix}offsets" in arrays for prefix in prefixes):
            return bin_recordings([read_recordings(arrays, prefix) for prefix in prefixes], settings, config)
    settings.refuse_events()
    found = [names for names in NAMES if all(name in arrays for pair in names if pair for name in pair)]
    if len(found) > 1:
        pairs = " or ".join(_and(list(train)) for train, _ in found)
        raise BackspikeError(f"{path} has samples under several names, and may have one of them: {pairs}")
    for parts in found:
        return [_samples(arrays, names) for names in parts if names]
    ours = [name for names in NAMES[0] if names for name in names]
    raise BackspikeError(
        f"{path} must have the arrays {_and(ours)}, or values and labels to be split; "
        f"it has {_and(sorted(arrays)[:10]) or 'none'}"
    )


def _samples(arrays: dict[str, NDArray[Any]], names: tuple[str, str]) -> Samples:
    values, labels = names
    return Samples(arrays[values], arrays[labels])


def _and(names: list[str]) -> str:
    *most, last = names or [""]
    return f"{', '.join(most)} and {last}" if most else last
