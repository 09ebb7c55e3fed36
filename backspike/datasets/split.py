"""Splits that give each part its share of every class.

Both are, index for index, those of scikit-learn, which made the results on record: `train_test_split` with
``stratify``, and `StratifiedKFold` with ``shuffle``. So they draw from NumPy's legacy generator, whose numbers never
change, and in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["stratified_folds", "stratified_split"]


def stratified_split(
    labels: NDArray[np.integer[Any]], tested: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the samples to train on, and of those to test on, both in random order.

    Parameters
    ----------
    labels : array of any integer type, shape (samples,)
        Class of each sample.
    tested : int
        Samples to test on, at least as many as there are classes; as many at least are left to train on.
    seed : int
        0 to 2**32 - 1.
    """
    random = np.random.RandomState(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    sizes = np.array([len(of_class) for of_class in members])
    trained = _shares(sizes, len(labels) - tested, random)
    # All that is left, but rounding may make these shares draw once more, and that decides what is drawn after them.
    left = _shares(sizes - trained, tested, random)
    shuffled = [of_class[random.permutation(len(of_class))] for of_class in members]
    train = [of_class[:end] for of_class, end in zip(shuffled, trained, strict=True)]
    test = [of_class[end : end + more] for of_class, end, more in zip(shuffled, trained, left, strict=True)]
    return random.permutation(np.concatenate(train)), random.permutation(np.concatenate(test))


def stratified_folds(labels: NDArray[np.integer[Any]], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each sample, 0 to ``folds`` - 1.

    The classes, in order of their first sample, are dealt out to the folds one sample after the other, the next class
    going on where the last one ended; then each class is shuffled in itself.

    Parameters
    ----------
    labels : array of any integer type, shape (samples,)
        Class of each sample.
    folds : int
        At least 2, and no more than the smallest class has samples.
    seed : int
        0 to 2**32 - 1.
    """
    random = np.random.RandomState(seed)
    fold = np.empty(len(labels), dtype=np.int64)
    dealt = 0
    for first in np.sort(np.unique(labels, return_index=True)[1]):
        members = np.flatnonzero(labels == labels[first])
        hand = np.sort(np.arange(dealt, dealt + len(members)) % folds)
        random.shuffle(hand)
        fold[members] = hand
        dealt += len(members)
    return fold


def _shares(sizes: NDArray[np.int64], count: int, random: np.random.RandomState) -> NDArray[np.int64]:
    """Return how many of `count` samples each class gives, in proportion to its size: by the largest remainders.

    Among equal remainders it is drawn who gives one more.
    """
    exact: NDArray[np.float64] = sizes / sizes.sum() * count
    shares = np.floor(exact)
    remainders = exact - shares
    missing = int(count - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if not missing:
            break
        tied = np.flatnonzero(remainders == remainder)
        chosen = random.choice(tied, min(missing, len(tied)), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(np.int64)
