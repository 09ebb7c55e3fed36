"""Datasets by name, as the integers that a network takes, in a fixed split for training and for testing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .config import NetworkConfig
from .errors import BackspikeError
from .idx import read_idx

__all__ = ["LOADERS", "Dataset", "load_dataset"]


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


def load_dataset(name: str, config: NetworkConfig, seed: int) -> Dataset:
    """Return a dataset, checked against the network that is to take it.

    Parameters
    ----------
    name : str
        A key of `LOADERS`.
    config : NetworkConfig
    seed : int
        Seed of the split, or of the samples themselves where they are random.

    Raises
    ------
    BackspikeError
        There is no such dataset, or its samples or classes do not fit the network.
    """
    if name not in LOADERS:
        raise BackspikeError(f"{name!r} is not a dataset; known are {', '.join(LOADERS)}")
    dataset = LOADERS[name](config, seed)
    shape = (config.layers[0],) if config.input == "rate" else (config.ticks, config.layers[0])
    if dataset.train_values.shape[1:] != shape or dataset.classes != config.layers[-1]:
        raise BackspikeError(
            f"dataset {name} has samples of shape {dataset.train_values.shape[1:]} in {dataset.classes} classes, "
            f"but network {config.name} takes shape {shape} in {config.layers[-1]} classes"
        )
    return dataset


def _digits(config: NetworkConfig, seed: int) -> Dataset:
    """Load 1,797 handwritten digits of 8x8 pixels: 360 of them, equally many of each class, are for testing.

    Pixels of 0..16 become values of 0..255. Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten
    Digits", UCI Machine Learning Repository (1998), test part, as it comes with scikit-learn.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    values = np.minimum(255, 16 * pixels).astype(np.uint8)
    train_values, test_values, train_labels, test_labels = train_test_split(
        values, labels.astype(np.int64), test_size=360, stratify=labels, random_state=seed
    )
    return Dataset("digits", train_values, train_labels, test_values, test_labels, classes=10)


def _random(config: NetworkConfig, seed: int) -> Dataset:
    """Draw 256 samples to train on and 64 to test on, that fit any network: for comparing, not for learning.

    Each has a density of its own, from blank to full, so that the emptiest and the longest lists occur.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    inputs, classes = config.layers[0], config.layers[-1]

    def draw(count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        shape = (count, inputs) if config.input == "rate" else (count, config.ticks, inputs)
        density = generator.uniform(0, 0.6, count)
        # The first sample is blank and the second one full, so that a short run has both.
        density[:2] = 0, 1
        present = generator.random(shape) < density.reshape(-1, *[1] * (len(shape) - 1))
        values = generator.integers(1, 256, shape) if config.input == "rate" else np.ones(shape)
        return (present * values).astype(np.uint8), generator.integers(0, classes, count)

    train_values, train_labels = draw(256)
    test_values, test_labels = draw(64)
    return Dataset("random", train_values, train_labels, test_values, test_labels, classes)


def _mnist(config: NetworkConfig, seed: int) -> Dataset:
    """Load MNIST in its official split: 60,000 handwritten digits of 28x28 pixels to train on, 10,000 to test on.

    Taken from ``mnist/`` in the folder that ``BACKSPIKE_DATA`` names, under the official file names, gzip-compressed.
    """
    folder = Path(os.environ.get("BACKSPIKE_DATA", "")) / "mnist"
    names = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    if "BACKSPIKE_DATA" not in os.environ or not folder.is_dir():
        raise BackspikeError(
            f"MNIST is not here; put {', '.join(names)} in a folder mnist/ and name the folder above in BACKSPIKE_DATA"
        )
    images, labels, test_images, test_labels = (read_idx(folder / name, 3 if "images" in name else 1) for name in names)
    for pixels, classes in ((images, labels), (test_images, test_labels)):
        if len(pixels) != len(classes):
            raise BackspikeError(f"MNIST in {folder} has {len(pixels)} images for {len(classes)} labels")
    return Dataset(
        "mnist",
        images.reshape(len(images), -1),
        labels.astype(np.int64),
        test_images.reshape(len(test_images), -1),
        test_labels.astype(np.int64),
        classes=10,
    )


LOADERS: dict[str, Callable[[NetworkConfig, int], Dataset]] = {
    "digits": _digits,
    "mnist": _mnist,
    "random": _random,
}
"""Functions that load a dataset for a configuration and a seed, by the name that the command line takes."""
