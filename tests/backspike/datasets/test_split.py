"""The splits: index for index those of scikit-learn, for many seeds, and for classes of any sizes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, train_test_split

from backspike.datasets.small import DIGITS
from backspike.datasets.split import stratified_folds, stratified_split
from backspike.npz import read_arrays


def drawn_labels(seed: int) -> np.ndarray:
    """Return 2 to 12 classes of 12 to 60 samples each, named and ordered at random."""
    generator = np.random.Generator(np.random.PCG64(seed))
    classes = generator.choice(30, generator.integers(2, 13), replace=False)
    # Equal sizes make equal remainders, among which a split draws.
    sizes = generator.integers(12, 61, len(classes)) if seed % 2 else np.full(len(classes), generator.integers(12, 61))
    return generator.permutation(np.repeat(classes, sizes))


def require_same_split(labels: np.ndarray, tested: int, seed: int) -> None:
    expected = train_test_split(np.arange(len(labels)), test_size=tested, stratify=labels, random_state=seed)
    for ours, theirs in zip(stratified_split(labels, tested, seed), expected, strict=True):
        assert ours.tolist() == theirs.tolist(), f"seed {seed}, {tested} of {len(labels)}"


@pytest.mark.parametrize("first", [0, 50, 2**31, 2**32 - 50])
def test_the_digits_are_split_as_ever(first) -> None:
    labels = read_arrays(DIGITS)["labels"]
    for seed in range(first, first + 50):
        require_same_split(labels, 360, seed)


def test_any_classes_are_split_as_scikit_learn_does() -> None:
    for seed in range(100):
        labels = drawn_labels(seed)
        require_same_split(labels, 12 + 7 * seed % (len(labels) - 24), seed)


@pytest.mark.parametrize("folds", range(2, 11))
def test_any_classes_are_dealt_out_as_scikit_learn_does(folds) -> None:
    for seed in range(20):
        labels = drawn_labels(seed)
        fold = stratified_folds(labels, folds, seed)
        parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
        for number, (train, test) in enumerate(parts):
            assert np.flatnonzero(fold == number).tolist() == test.tolist(), f"seed {seed}, fold {number}"
            assert np.flatnonzero(fold != number).tolist() == train.tolist(), f"seed {seed}, fold {number}"
