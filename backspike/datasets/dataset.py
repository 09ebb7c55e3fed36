"""What a dataset is, and what a loader is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError

__all__ = ["Dataset", "Request"]


@dataclass(frozen=True)
class Dataset:
    """Labelled samples to train on, and others to test on.

    Parameters
    ----------
    name : str
    train_values, test_values : uint8 array
        Rate-coded: shape (samples, n_0), values 0 to 255. Recorded spikes: shape (samples, T, n_0), non-zero where
        an input spikes.
    train_labels, test_labels : int64 array, shape (samples,)
        Class of each sample, 0 to ``classes`` - 1.
    classes : int
        Number of classes.
    """

    name: str
    train_values: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_values: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int


@dataclass(frozen=True)
class Request:
    """What a loader is asked for.

    Parameters
    ----------
    name : str
        Name of the dataset.
    config : NetworkConfig
        The network that is to take it: recorded events are binned to its ticks.
    seed : int
        Seed of the split, or of random samples.
    settings : dict
        Settings of the dataset by name.
    data_dir : Path, optional
        Folder that is searched first.
    """

    name: str
    config: NetworkConfig
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    data_dir: Path | None = None

    def refuse_settings(self) -> None:
        """Raise `BackspikeError` if there are settings: most datasets have none."""
        for key in self.settings:
            raise BackspikeError(f"dataset {self.name} has no settings, so {key!r} cannot be set")
