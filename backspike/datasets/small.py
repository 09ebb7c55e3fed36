"""Datasets that are always here: scikit-learn's digits, and random samples that fit any network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backspike.npz import read_arrays

from .dataset import Dataset, Request
from .split import stratified_split

__all__ = ["load_digits", "load_random"]

DIGITS = Path(__file__).with_name("digits.npz")
"""Source, licence and format are in digits.md."""


def load_digits(request: Request) -> Dataset:
    """Load 1,797 handwritten digits of 8x8 pixels: 360 of them, equally many of each class, are for testing.

    Pixels of 0..16 become values of 0..255. Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten
    Digits", UCI Machine Learning Repository (1998), test part.
    """
    request.refuse_settings()
    arrays = read_arrays(DIGITS, "the dataset")
    values = np.minimum(255, 16 * arrays["pixels"].astype(np.int64)).astype(np.uint8)
    labels = arrays["labels"].astype(np.int64)
    train, test = stratified_split(labels, 360, request.seed)
    return Dataset("digits", values[train], labels[train], values[test], labels[test], classes=10)


def load_random(request: Request) -> Dataset:
    """Draw 256 samples to train on and 64 to test on, that fit any network: for comparing, not for learning.

    Each has a density of its own, from blank to full, so that the emptiest and the longest lists occur.
    """
    request.refuse_settings()
    config = request.config
    generator = np.random.Generator(np.random.PCG64(request.seed))
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
    return Dataset("random", train_values, train_labels, test_values, test_labels, classes, synthetic=True)
