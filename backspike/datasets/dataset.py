"""What a dataset is, and what a loader is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, BackspikeWarning, shown

__all__ = ["OF_EVERY_DATASET", "Dataset", "Loader", "Request"]

PARTS = ("train", "test")

OF_EVERY_DATASET = {
    "validation": "so many of the samples to train on are held out to test on; 0",
    "train": "so many of the samples to train on, and no others; all",
}
"""Settings that every dataset has: what each does, and what it is when left out, in words."""


@dataclass(frozen=True)
class Dataset:
    """Labelled samples to train on, and others to test on; a wrong array is refused when it is made.

    Parameters
    ----------
    name : str
    train_values, test_values : uint8 array
        Rate-coded: shape (samples, n_0), values 0 to 255. Recorded spikes: shape (samples, T, n_0), non-zero where
        an input spikes. Both of the same shape but for the number of samples, which is at least 1.
    train_labels, test_labels : array of any integer type, shape (samples,)
        Class of each sample, 0 to ``classes`` - 1; kept as int64.
    classes : int
        Number of classes, at least 2.
    synthetic : bool
        Drawn at random: for comparing hardware and model, not for learning.

    Raises
    ------
    BackspikeError
        An array is of another type, shape or length, or all samples of a part are blank; a label is no class; the
        message says which.
    """

    name: str
    train_values: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_values: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int
    synthetic: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise BackspikeError(f"the name of a dataset must be text, not {shown(self.name)}")
        if isinstance(self.classes, bool) or not isinstance(self.classes, (int, np.integer)) or self.classes < 2:
            raise BackspikeError(
                f"classes of dataset {self.name} must be a whole number, at least 2, not {shown(self.classes)}"
            )
        for part in PARTS:
            values = self._values(f"{part}_values")
            labels = self._labels(f"{part}_labels", len(values))
            if not values.any():
                raise BackspikeError(f"all samples to {part} on of dataset {self.name} are blank: no input ever spikes")
            # As engines and digests take them.
            object.__setattr__(self, f"{part}_values", np.ascontiguousarray(values))
            object.__setattr__(self, f"{part}_labels", np.ascontiguousarray(labels, dtype=np.int64))
        object.__setattr__(self, "classes", int(self.classes))
        if self.test_values.shape[1:] != self.train_values.shape[1:]:
            raise BackspikeError(
                f"dataset {self.name} has samples of shape {self.train_values.shape[1:]} to train on, "
                f"but {self.test_values.shape[1:]} to test on"
            )

    def _array(self, name: str) -> NDArray[Any]:
        array = getattr(self, name)
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            raise BackspikeError(f"{name} of dataset {self.name} must be a NumPy array, not {type(array).__name__}")
        return np.asarray(array)

    def _values(self, name: str) -> NDArray[np.uint8]:
        values = self._array(name)
        if values.dtype != np.uint8 or values.ndim not in (2, 3) or 0 in values.shape:
            raise BackspikeError(
                f"{name} of dataset {self.name} must be uint8 of shape (samples, inputs) or (samples, ticks, inputs), "
                f"not {values.dtype} of shape {values.shape}"
            )
        return values

    def _labels(self, name: str, samples: int) -> NDArray[np.integer]:
        labels = self._array(name)
        if labels.dtype.kind not in "iu" or labels.shape != (samples,):
            raise BackspikeError(
                f"{name} of dataset {self.name} must be whole numbers of shape ({samples},), one per sample, "
                f"not {labels.dtype} of shape {labels.shape}"
            )
        for label in labels[(labels < 0) | (labels >= self.classes)]:
            raise BackspikeError(f"{name} of dataset {self.name} must be from 0 to {self.classes - 1}, not {label}")
        return labels

    def require(self, config: NetworkConfig, spare: bool = False) -> None:
        """Raise `BackspikeError` unless a network of this configuration takes these samples and has their classes.

        With `spare` it may have output units beyond them.
        """
        shape, units = config.sample_shape, config.layers[-1]
        fitting = self.classes <= units if spare else self.classes == units
        if self.train_values.shape[1:] != shape or not fitting:
            raise BackspikeError(
                f"dataset {self.name} has samples of shape {self.train_values.shape[1:]} in {self.classes} classes, "
                f"but network {config.name} takes shape {shape} in {units} classes"
            )

    def check(self, config: NetworkConfig, spare: bool = False) -> None:
        """Do what `require` does, and warn of what hardly is meant.

        Warns
        -----
        BackspikeWarning
            Most samples of a part are blank; or they are recorded spikes, all of them in one tick of many, as they are
            when times are in another unit than they are taken for; or all of a part are of one class.
        """
        self.require(config, spare)
        for part in PARTS:
            values: NDArray[np.uint8] = getattr(self, f"{part}_values")
            ticks = values.shape[1] if values.ndim == 3 else 1
            spiking = np.count_nonzero(values.reshape(len(values), ticks, -1).any(axis=2), axis=1)
            labels: NDArray[np.int64] = getattr(self, f"{part}_labels")
            alike = len(labels) if len(labels) > 1 and (labels == labels[0]).all() else 0
            for count, finding in (
                (np.count_nonzero(spiking == 0), "are blank: no input ever spikes"),
                (np.count_nonzero(spiking == 1) if ticks > 2 else 0, f"spike in one of their {ticks} ticks alone"),
                (alike, f"are of class {labels[0]}: there is nothing to be told apart"),
            ):
                if 2 * count > len(values):
                    warnings.warn(
                        f"{count:,} of the {len(values):,} samples to {part} on of dataset {self.name} {finding}",
                        BackspikeWarning,
                        stacklevel=3,
                    )


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
        The only folder to look in.
    """

    name: str
    config: NetworkConfig
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    data_dir: Path | None = None

    def refuse_settings(self) -> None:
        """Raise `BackspikeError` if there are settings: most datasets have none."""
        for key in self.settings:
            raise BackspikeError(f"dataset {self.name} has no settings, so {shown(key)} cannot be set")


@dataclass(frozen=True)
class Loader:
    """How a dataset is loaded, and what one wants to know before.

    Parameters
    ----------
    load : callable
    find : callable, optional
        Takes a folder to look in alone, or None, and returns the paths that the dataset would be read from; none where
        it would be downloaded. Raises `BackspikeError` as `files.find` does. Left out: the dataset needs no files.
    published : bool
        Whether it can be downloaded.
    settings : dict
        For each of its settings, what it may be and what it is when left out, in words.
    """

    load: Callable[[Request], Dataset]
    find: Callable[[Path | None], list[Path]] | None = None
    published: bool = True
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """One line on what it is."""
        return (self.load.__doc__ or "").splitlines()[0]
