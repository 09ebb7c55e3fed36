"""The float network that every accuracy stands beside: same layers, samples, order, epochs and dropout."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import threadpool_limits

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.errors import BackspikeError, BackspikeWarning, shown

from .order import sample_order

__all__ = [
    "FloatNetwork",
    "FloatSettings",
    "FloatTraining",
    "dropout_factors",
    "features",
    "float_accuracy",
    "train_float",
]

Floats = NDArray[np.floating[Any]]

LARGEST = 1e9
"""Greatest value of a setting: far beyond what any network learns with, and well within single precision."""


@dataclass(frozen=True, kw_only=True)
class FloatSettings:
    """How the float network learns: mini-batch gradient descent with momentum, the rate decaying an epoch.

    Parameters
    ----------
    batch : int
        Samples per step, 1 or more.
    rate : float
        Learning rate of the first epoch, above 0; the gradient is the mean over the batch.
    rate_decay : float
        Factor of the rate from epoch to epoch, above 0 and at most 1.
    momentum : float
        Share of the last step that is taken again, 0 to below 1.
    weight_decay : float
        Strength of the L2 penalty: this times a weight is added to its gradient, biases excepted; 0 or more.
    clip : float
        Highest activation of a hidden unit, as the spiking ramp has one; 0: none.

    Raises
    ------
    BackspikeError
        A value is impossible; the message names it and what is allowed.
    """

    batch: int = 32
    rate: float = 0.05
    rate_decay: float = 0.85
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BackspikeError(f"{name} of the float network must be a number, not {shown(value)}")
            # Neither an infinity nor an integer that no float holds; NaN is in no range.
            if abs(value) > LARGEST:
                raise BackspikeError(f"{name} of the float network must be at most {LARGEST:g}, not {shown(value)}")
        if not isinstance(self.batch, int) or self.batch < 1:
            raise BackspikeError(f"batch of the float network must be a whole number from 1, not {shown(self.batch)}")
        for name, allowed, holds in (
            ("rate", "above 0", self.rate > 0),
            ("rate_decay", "above 0 and at most 1", 0 < self.rate_decay <= 1),
            ("momentum", "from 0 to below 1", 0 <= self.momentum < 1),
            ("weight_decay", "0 or more", self.weight_decay >= 0),
            ("clip", "0 or more", self.clip >= 0),
        ):
            if not holds:
                value = getattr(self, name)
                raise BackspikeError(f"{name} of the float network must be a number {allowed}, not {value!r}")


class FloatNetwork:
    """A perceptron with ReLU hidden units and a softmax output.

    Parameters
    ----------
    layers : sequence of int
        Units of layer 0 (the input) to layer L (the classes).
    seed : int
        Seed of the initial weights: normal, with variance 2 / inputs (K. He et al., "Delving Deep into Rectifiers",
        2015) for hidden units and 1 / inputs for the output; biases are 0.
    clip : float
        Highest activation of a hidden unit; 0: none.
    dtype : dtype
        Of weights and everything computed from them.

    Attributes
    ----------
    weights : list of array, shape (inputs + 1, units) each
        Weights of each layer, bias row last: the shape that the spiking network's weights have.
    """

    def __init__(self, layers: Sequence[int], seed: int, clip: float = 0.0, dtype: DTypeLike = np.float32) -> None:
        generator = np.random.Generator(np.random.PCG64([seed, 0, 2]))
        self.clip = clip
        self.weights: list[Floats] = []
        for layer, (inputs, units) in enumerate(pairwise(layers), start=1):
            variance = (2 if layer < len(layers) - 1 else 1) / inputs
            drawn = generator.standard_normal((inputs, units)) * np.sqrt(variance)
            self.weights.append(np.concatenate([drawn, np.zeros((1, units))]).astype(dtype))

    def activations(self, values: Floats, kept: Sequence[Floats] | None = None) -> list[Floats]:
        """Return the activations of every layer, input first; the last ones are potentials, before the softmax.

        Parameters
        ----------
        values : array, shape (samples, n_0)
        kept : sequence of array, shape (samples, n_l) each, optional
            Factor of each hidden unit: dropout.
        """
        *hidden, output = self.weights
        result = [values]
        for layer, weights in enumerate(hidden):
            activation = np.clip(_potentials(result[-1], weights), 0, self.clip or None)
            result.append(activation if kept is None else activation * kept[layer])
        result.append(_potentials(result[-1], output))
        return result

    def gradients(
        self, values: Floats, labels: NDArray[np.int64], kept: Sequence[Floats] | None = None
    ) -> tuple[float, list[Floats]]:
        """Return the mean cross-entropy of a batch in nats, and its gradient for each layer's weights.

        Parameters
        ----------
        values : array, shape (samples, n_0)
        labels : int64 array, shape (samples,)
        kept : sequence of array, shape (samples, n_l) each, optional
            Factor of each hidden unit: dropout.
        """
        activations = self.activations(values, kept)
        logs = activations[-1] - activations[-1].max(axis=1, keepdims=True)
        logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        rows = np.arange(len(labels))
        loss = -float(logs[rows, labels].mean())
        error = np.exp(logs)
        error[rows, labels] -= 1
        error /= len(labels)
        result: list[Floats] = []
        # For each layer its inputs, and the factors that they have from dropout; the input layer's has none.
        factors: list[Any] = [None, *([1] * len(self.weights) if kept is None else kept)]
        for weights, below, factor in reversed([*zip(self.weights, activations, factors, strict=False)]):
            result.append(np.concatenate([below.T @ error, error.sum(axis=0, keepdims=True)]))
            if factor is not None:
                error = error @ weights[:-1].T
                open_ = below > 0
                if self.clip:
                    # Dropout has scaled the activation, and so its ceiling.
                    open_ &= below < self.clip * factor
                error = error * open_ * factor
        return loss, result[::-1]

    def accuracy(self, values: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
        """Return the share of right answers, 0 to 1, to a dataset's samples."""
        right = 0
        # In parts, since all of a dataset as floats is large.
        for start in range(0, len(labels), 1000):
            part = slice(start, start + 1000)
            right += int((self.activations(features(values[part]))[-1].argmax(axis=1) == labels[part]).sum())
        return right / len(labels)


@dataclass(frozen=True)
class FloatTraining:
    """How the float network's training went: accuracy after each epoch, 0 to 1, loss while it learned, and itself."""

    losses: list[float]
    test_accuracies: list[float]
    network: FloatNetwork = field(compare=False)

    @property
    def test_accuracy(self) -> float:
        """Accuracy on the test samples in the end, 0 to 1."""
        return self.test_accuracies[-1]


def _potentials(inputs: Floats, weights: Floats) -> Floats:
    """Return the potentials of a layer's units, shape (samples, units): the bias row is the weights' last."""
    potentials: Floats = inputs @ weights[:-1] + weights[-1]
    return potentials


def features(values: NDArray[np.uint8]) -> Floats:
    """Return samples as a float network takes them, shape (samples, n_0), 0 to 1.

    A pixel is divided by 255; recorded spikes, shape (samples, T, n_0), become their mean rate: the float network has
    no time.
    """
    if values.ndim == 3:
        rates: Floats = np.count_nonzero(values, axis=1).astype(np.float32) / np.float32(values.shape[1])
        return rates
    return values.astype(np.float32) / np.float32(255)


def train_float(
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    seed: int,
    settings: FloatSettings | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> FloatTraining:
    """Train a float network of the same layers, with the same dropout, on the same samples in the same order.

    Parameters
    ----------
    config : NetworkConfig
        Gives layers and dropout; everything else about it is of spikes.
    dataset : Dataset
    epochs : int
        At least 1.
    seed : int
        Seed of the initial weights, of the order of samples and of dropout; with it the training is deterministic.
    settings : FloatSettings, optional
    progress : callable, optional
        Takes the number of epochs done and the test accuracy after the last of them.

    Raises
    ------
    BackspikeError
        The dataset does not fit the configuration.

    Warns
    -----
    BackspikeWarning
        The network diverges: its weights become infinite or no numbers, so that its answers say nothing.
    """
    dataset.require(config)
    settings = settings or FloatSettings()
    dropout = [(layer.units, layer.dropout / 256) for layer in config.hidden_layers]
    network = FloatNetwork(config.layers, seed, settings.clip)
    steps = [np.zeros_like(weights) for weights in network.weights]
    training = FloatTraining([], [], network)
    # Matrices of this size gain nothing from threads, and the order of sums must not depend on their number.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        inputs = features(dataset.train_values)
        for epoch in range(epochs):
            rate = np.float32(settings.rate * settings.rate_decay**epoch)
            generator = np.random.Generator(np.random.PCG64([seed, epoch, 1]))
            order = sample_order(len(dataset.train_labels), seed, epoch)
            losses = []
            for start in range(0, len(order), settings.batch):
                batch = order[start : start + settings.batch]
                kept = dropout_factors(generator, dropout, len(batch))
                loss, gradients = network.gradients(inputs[batch], dataset.train_labels[batch], kept)
                losses.append(loss)
                for weights, step, gradient in zip(network.weights, steps, gradients, strict=True):
                    if settings.weight_decay:
                        gradient[:-1] += np.float32(settings.weight_decay) * weights[:-1]
                    step *= np.float32(settings.momentum)
                    step -= rate * gradient
                    weights += step
            training.losses.append(float(np.mean(losses)))
            training.test_accuracies.append(network.accuracy(dataset.test_values, dataset.test_labels))
            if progress:
                progress(epoch + 1, training.test_accuracy)
    if not all(np.isfinite(weights).all() for weights in network.weights):
        warnings.warn(
            f"the float network diverges on dataset {dataset.name}, and its accuracy says nothing: a rate below "
            f"{settings.rate:g} is needed",
            BackspikeWarning,
            stacklevel=2,
        )
    return training


def float_accuracy(
    config: NetworkConfig, dataset: Dataset, epochs: int, seed: int, settings: FloatSettings | None = None
) -> float:
    """Return the test accuracy, 0 to 1, that `train_float` ends with."""
    return train_float(config, dataset, epochs, seed, settings).test_accuracy


def dropout_factors(
    generator: np.random.Generator, hidden: Sequence[tuple[int, float]], samples: int
) -> list[Floats] | None:
    """Draw which units of the hidden layers, given as (units, dropout), stay in each sample; None without dropout.

    They are scaled so that a unit's mean stays too.
    """
    if not any(drop for _, drop in hidden):
        return None
    return [
        (generator.random((samples, units), dtype=np.float32) >= drop).astype(np.float32) / np.float32(1 - drop)
        for units, drop in hidden
    ]
