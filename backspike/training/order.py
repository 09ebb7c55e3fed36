"""The order in which a training shows its samples: one for every implementation, the float network included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["sample_order"]


def sample_order(samples: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order in which an epoch, counted from 0, shows the training samples: a permutation of their indices.

    It depends on nothing but the arguments, so that a training can go on from any epoch, in any implementation.
    """
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(samples)
