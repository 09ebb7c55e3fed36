"""The synapse array of one layer: weighted sums forwards and backwards, and the coincidence update."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backspike.config import PERMISSION_BITS, NetworkConfig

from .fields import Axis, StateField, StateKind
from .lfsr import POLYNOMIALS, States, leap

__all__ = ["SynapseArray", "initial_weights", "weights_digest"]

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


def initial_weights(config: NetworkConfig, seed: int) -> list[Integers]:
    """Draw starting weights, uniform in +-sqrt(6 / inputs) real units, clipped to the format; bias rows zero.

    Not part of the tick: a device's weights are loaded, so any generator serves (NumPy's PCG64 with `seed`).
    Source of the range: He et al., "Delving Deep into Rectifiers" (2015).
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = []
    for layer in config.weight_layers:
        bound = np.sqrt(6 / layer.inputs) * 2**config.weight_frac
        drawn = np.rint(generator.uniform(-bound, bound, layer.shape)).astype(np.int64)
        drawn[-1] = 0
        weights.append(np.clip(drawn, config.weight_min, config.weight_max))
    return weights


def weights_digest(weights: Sequence[Integers]) -> str:
    """Return the SHA-256 over the weights of all layers, row by row, as 16-bit little-endian numbers."""
    return hashlib.sha256(b"".join(matrix.astype("<i2").tobytes() for matrix in weights)).hexdigest()


class SynapseArray:
    """Weights of layer l, one row an input unit and a last row for the always-on bias.

    Attributes
    ----------
    weights : int64 array, shape (inputs + 1, units)
        Signed, `weight_bits` wide, `weight_frac` fraction bits, saturating.
    bias : uint64 array, shape (1,)
        LFSR state of the bias row; a tick takes its low 8 bits as the permission to learn.
    """

    STORED = (
        StateField("bias", StateKind.RANDOM, np.uint64, (Axis.BIAS,)),
        StateField("weights", StateKind.WEIGHT, np.int64, (Axis.ROW, Axis.UNIT)),
    )

    def __init__(self, config: NetworkConfig, weights: Integers, bias_seed: States) -> None:
        self._config = config
        self.weights = weights.astype(np.int64)
        self.bias = bias_seed.copy()

    def bias_permit(self, rate: int) -> bool:
        """Draw whether the bias row may learn in this tick."""
        config = self._config
        draw = int(self.bias[0]) & ((1 << PERMISSION_BITS) - 1)
        self.bias = leap(self.bias, PERMISSION_BITS, config.lfsr_bits, POLYNOMIALS[config.lfsr_bits])
        return draw < rate

    def forward(self, rows: Integers) -> Integers:
        """Sum the given rows: the drive of each unit, exact."""
        drive: Integers = self.weights[rows].sum(axis=0)
        return drive

    def backward(self, error_pos: Flags, error_neg: Flags) -> Integers:
        """Return each input unit's error: its row against the signed error spikes, exact; without the bias row."""
        signed = error_pos.astype(np.int64) - error_neg
        return self.weights[:-1] @ signed

    def update(self, rows: Integers, error_pos: Flags, error_neg: Flags) -> None:
        """Move the weights where a row that spikes and may learn meets an error spike: one LSB, saturating."""
        config = self._config
        step = error_pos.astype(np.int64) - error_neg
        self.weights[rows] = np.clip(self.weights[rows] + step, config.weight_min, config.weight_max)
