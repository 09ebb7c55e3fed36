"""A float network as a chain of layers: what is imported, whatever file it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError

__all__ = ["Chain", "FloatLayer", "Floats", "Spiking", "finite", "require_shape"]

Floats = NDArray[np.float64]

BATCH = 1000
"""Samples that are computed at once."""


@dataclass(frozen=True)
class Spiking:
    """Neurons that integrate and fire, one for each unit of a layer, tick by tick.

    With a drive v of the layer's weights, the synapse's current I and the membrane m,

        I = synapse_decay * I + (1 - synapse_decay) * v
        m = decay * m + gain * I - taken

    and a unit for which m is above the threshold gives `level`, others 0. What is taken in the tick after a spike is
    the threshold, or all that was there; otherwise nothing.

    Parameters
    ----------
    name : str
        What the file calls them.
    decay : float64 array, shape (units,)
        What is left of the membrane after a tick, 0 to 1; with 1 nothing leaks.
    threshold : float64 array, shape (units,)
        Above 0.
    gain : float64 array, shape (units,)
        Above 0.
    synapse_decay : float64 array, shape (units,)
        What is left of the current after a tick, 0 to below 1; with 0 it is the drive itself.
    level : float64 array, shape (units,)
        What a spike is worth to the next layer.
    reset_to_zero : bool
        Whether a spike takes all from the membrane.
    """

    name: str
    decay: Floats
    threshold: Floats
    gain: Floats
    synapse_decay: Floats
    level: Floats
    reset_to_zero: bool = False

    @property
    def lost(self) -> Floats:
        """Rate that the leak costs, shape (units,): 1 - `decay` of a membrane, about the threshold in the mean."""
        lost: Floats = 1 - self.decay
        return lost

    def rates(self, drive: Floats) -> Floats:
        """Return the share of ticks, 0 to 1, in which units spike at a constant drive, about; shape of the drive.

        It is the drive over the threshold, but for what leaks.
        """
        rates: Floats = np.clip(drive * self.gain / self.threshold - self.lost, 0, 1)
        return rates


@dataclass(frozen=True)
class FloatLayer:
    """A layer of a float network.

    Parameters
    ----------
    name : str
        What the file calls its weights.
    weights : float64 array, shape (inputs + 1, units)
        Bias row last, as a `Network` has them.
    neurons : Spiking, optional
        Left out: ReLUs, but for the last layer, which then gives logits.
    """

    name: str
    weights: Floats
    neurons: Spiking | None = None

    def drive(self, values: Floats) -> Floats:
        """Return the drive of each unit, shape (samples, units), by values of shape (samples, inputs)."""
        drive: Floats = values @ self.weights[:-1] + self.weights[-1]
        return drive


@dataclass(frozen=True)
class Chain:
    """A float network of fully connected layers, one after the other."""

    layers: Sequence[FloatLayer]

    @property
    def shape(self) -> tuple[int, ...]:
        """Units of layer 0, the input, to the last."""
        return (len(self.layers[0].weights) - 1, *(layer.weights.shape[1] for layer in self.layers))

    @property
    def spiking(self) -> bool:
        """Whether any layer has neurons that spike, so that the network has a time."""
        return any(layer.neurons for layer in self.layers)

    def normalised(self, mean: float, deviation: float) -> Chain:
        """Return the network that takes values of 0 to 1 where this one takes (value - mean) / deviation."""
        first, *others = self.layers
        weights = first.weights.copy()
        weights[:-1] /= deviation
        weights[-1] -= mean * weights[:-1].sum(axis=0)
        return Chain([FloatLayer(first.name, weights, first.neurons), *others])

    def classes(self, values: NDArray[np.floating[Any]], ticks: int, drawn: bool = False) -> NDArray[np.int64]:
        """Return the class of each sample, shape (samples,): the greatest logit, or the most spikes.

        Parameters
        ----------
        values : float array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
            0 to 1. Those without ticks of their own are there in every tick. A network that does not spike is given the
            mean of the ticks.
        ticks : int
            Ticks T that a spiking network has for a sample.
        drawn : bool
            Whether a value is the probability of a spike in each tick instead, always drawn alike.
        """
        generator = np.random.Generator(np.random.PCG64(0)) if drawn else None
        parts = [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
        return np.concatenate([self._classes(part.astype(np.float64), ticks, generator) for part in parts])

    def _classes(self, values: Floats, ticks: int, generator: np.random.Generator | None) -> NDArray[np.int64]:
        if not self.spiking:
            values, ticks = values.mean(axis=1) if values.ndim == 3 else values, 1
        states: list[Any] = [(0.0, 0.0, 0.0)] * len(self.layers)
        scores: Any = 0.0
        for tick in range(ticks):
            signal = values[:, tick] if values.ndim == 3 else values
            if generator:
                signal = (generator.random(signal.shape) < signal).astype(np.float64)
            for number, layer in enumerate(self.layers):
                drive, neurons = layer.drive(signal), layer.neurons
                if neurons is None:
                    signal = drive if layer is self.layers[-1] else np.maximum(drive, 0)
                    continue
                current, membrane, taken = states[number]
                current = neurons.synapse_decay * current + (1 - neurons.synapse_decay) * drive
                membrane = neurons.decay * membrane + neurons.gain * current - taken
                fired = membrane > neurons.threshold
                taken = fired * (neurons.decay * membrane if neurons.reset_to_zero else neurons.threshold)
                states[number] = current, membrane, taken
                signal = fired * neurons.level
            scores = scores + signal
        classes: NDArray[np.int64] = scores.argmax(axis=1)
        return classes


def finite(name: str, array: NDArray[Any]) -> Floats:
    """Return numbers as float64; what is none, or not finite, is refused by its name in the file."""
    if array.dtype.kind not in "fiu":
        raise BackspikeError(f"{name} in it must be numbers, not {array.dtype}")
    values = array.astype(np.float64)
    for wrong in values[~np.isfinite(values)]:
        raise BackspikeError(f"{name} in it has a value that is {wrong}")
    return values


def require_shape(found: Sequence[FloatLayer], layers: Sequence[int]) -> None:
    """Raise `BackspikeError` unless layers, one after the other, are those of layer sizes n_0 to n_L."""
    shapes = [(len(layer.weights) - 1, layer.weights.shape[1]) for layer in found]
    if shapes != [*pairwise(layers)]:
        sizes = ", ".join(
            f"{layer.name} {inputs}-{units}" for layer, (inputs, units) in zip(found, shapes, strict=True)
        )
        raise BackspikeError(f"its layers ({sizes}) are not those of the configuration, {'-'.join(map(str, layers))}")
