"""Where a device and the golden model differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError
from backspike.model.records import results_of

__all__ = ["MismatchError", "result_difference", "weight_difference"]


class MismatchError(BackspikeError):
    """Device and golden model differ; the message says where."""


def result_difference(wins: NDArray[np.int64], results: NDArray[np.int64], first: int) -> str:
    """Return the first difference between the model's wins of each class and a device's results, empty if none.

    Parameters
    ----------
    wins : int64 array, shape (samples, n_L)
    results : int64 array, shape (samples, 2)
        Winner, and its wins.
    first : int
        Number of the first sample.
    """
    expected = results_of(wins)
    wrong = np.flatnonzero((expected != results).any(axis=1))
    if not len(wrong):
        return ""
    sample = wrong[0]
    return (
        f"sample {first + sample}: expected class {expected[sample, 0]} with {expected[sample, 1]} wins, "
        f"got class {results[sample, 0]} with {results[sample, 1]}"
    )


def weight_difference(expected: Sequence[NDArray[np.int64]], got: Sequence[NDArray[np.int64]]) -> str:
    """Return the first difference between the weights of a model and of a device, empty if there is none."""
    for layer, (ours, theirs) in enumerate(zip(expected, got, strict=True), start=1):
        for row, unit in np.argwhere(ours != theirs)[:1]:
            return (
                f"weight of layer {layer}, row {row}, unit {unit}: expected {ours[row, unit]}, got {theirs[row, unit]}"
            )
    return ""
