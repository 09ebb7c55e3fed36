"""A float network's weights in the format of a configuration, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig

from .chain import Chain, Floats

__all__ = ["PERCENTILE", "Fit", "LayerFit", "fit_chain", "random_samples"]

PERCENTILE = 95.0
"""Share of the activations of a layer of ReLUs, in percent, that the ramp is to hold: the rest is cut at its top.

So few, since at lower rates it takes more ticks to tell two units apart: of 90, 95, 98 and 99.9 the lower two gave the
most right answers with 32 ticks."""

RANDOM_SAMPLES = 256
"""Samples that stand in for those of a dataset."""


@dataclass(frozen=True)
class LayerFit:
    """How a layer's weights came out.

    Parameters
    ----------
    name : str
        What the file calls them.
    activation : str
        What its units were taken for: ``"ReLU"``, ``"spiking"``, or ``"logits"`` in a last layer without neurons.
    lowest, highest : float
        Range of the weights in the file, biases included.
    scale : float
        LSB that a weight of 1 in the file has become; where units have scales of their own, in the mean of squares.
    largest : float
        Greatest absolute value before saturation, in LSB.
    saturated : float
        Share of the weights, 0 to 1, that were cut to the format's range.
    rounding : float
        Error of rounding against the weights, both in the root of the mean square: 0.01 is a hundredth.
    """

    name: str
    activation: str
    lowest: float
    highest: float
    scale: float
    largest: float
    saturated: float
    rounding: float


@dataclass(frozen=True)
class Fit:
    """Weights that a network takes, and how they came out.

    Parameters
    ----------
    weights : list of int64 array, shape (inputs + 1, units) each
        In LSB, bias row last, `weight_min` to `weight_max` of the configuration.
    layers : list of LayerFit
    """

    weights: list[NDArray[np.int64]]
    layers: list[LayerFit]


def fit_chain(
    chain: Chain,
    config: NetworkConfig,
    samples: NDArray[np.floating[Any]] | None = None,
    percentile: float = PERCENTILE,
) -> Fit:
    """Return a float network's weights in the format of a configuration.

    A hidden unit of a `Network` spikes with the probability clip(V / A, 0, 1), A being `activation_range`; in the mean
    it is a ramp, and each layer of the float network has a factor that makes its own activation that ramp:

    - Spiking neurons at a constant drive have a rate that is a ramp (`Spiking.rates`), which gives factor and bias.
    - ReLUs have no top. That a factor on a layer can be undone in the next leaves it free: it is chosen so that
      `percentile` percent of what the layer gives to the samples is within the ramp.
    - Logits stay what they are to the softmax, and the winner is drawn as the float network's softmax would. Where the
      weights would not fit, all are made smaller alike, which keeps their order, and leaves the race more to chance.
    - Of neurons in the last layer rates alone are known, so that the weights are made as large as they fit.

    Parameters
    ----------
    chain : Chain
        Of the configuration's layers.
    config : NetworkConfig
    samples : float array, shape (samples, n_0), optional
        Values of 0 to 1 that ReLUs are measured with; `random_samples` when left out.
    percentile : float
        Above 0, to 100.
    """
    lsb = 1 << config.weight_frac
    values = random_samples(chain.shape[0]) if samples is None else samples.astype(np.float64)
    level: Floats = np.ones(chain.shape[0])
    weights, layers = [], []
    for layer in chain.layers:
        last, neurons = layer is chain.layers[-1], layer.neurons
        drive = layer.drive(values)
        exact = layer.weights.copy()
        exact[:-1] *= level[:, np.newaxis]
        if neurons:
            activation = "spiking"
            exact *= neurons.gain / neurons.threshold
            exact[-1] -= neurons.lost
            exact *= _room(exact * lsb, config) if last else config.activation_range
            level, values = neurons.level, neurons.rates(drive) * neurons.level
        elif last:
            activation = "logits"
            exact *= min(config.temperature, _room(exact * lsb, config))
        else:
            activation = "ReLU"
            values = np.maximum(drive, 0)
            top = float(np.percentile(values, percentile)) or float(values.max()) or 1.0
            exact *= config.activation_range / top
            level = np.full(drive.shape[1], top)
        whole, fit = _rounded(layer.name, activation, layer.weights, exact * lsb, config)
        weights.append(whole)
        layers.append(fit)
    return Fit(weights, layers)


def random_samples(inputs: int) -> Floats:
    """Return samples for networks whose data is not at hand: values of 0 to 1, shape (256, inputs), half of them 0."""
    generator = np.random.Generator(np.random.PCG64(0))
    values = generator.random((RANDOM_SAMPLES, inputs))
    lit: NDArray[np.bool_] = generator.random((RANDOM_SAMPLES, inputs)) < 0.5
    return values * lit


def _room(scaled: Floats, config: NetworkConfig) -> float:
    """Return the factor with which weights in LSB fill the format's range, and none is cut; 1 if all are 0."""
    above = config.weight_max / scaled.max() if scaled.max() > 0 else np.inf
    below = config.weight_min / scaled.min() if scaled.min() < 0 else np.inf
    return float(min(above, below)) if np.isfinite(min(above, below)) else 1.0


def _rounded(
    name: str, activation: str, given: Floats, scaled: Floats, config: NetworkConfig
) -> tuple[NDArray[np.int64], LayerFit]:
    """Return weights rounded, halves to even, and cut to the format; and how they came out."""
    rounded = np.rint(scaled)
    whole = np.clip(rounded, config.weight_min, config.weight_max)
    size = _root_mean_square(scaled)
    fit = LayerFit(
        name=name,
        activation=activation,
        lowest=float(given.min()),
        highest=float(given.max()),
        scale=_root_mean_square(scaled[:-1]) / (_root_mean_square(given[:-1]) or 1.0),
        largest=float(np.abs(scaled).max()),
        saturated=float((whole != rounded).mean()),
        rounding=_root_mean_square(rounded - scaled) / size if size else 0.0,
    )
    return whole.astype(np.int64), fit


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
