"""The float network trained out: for as long as samples that are held out gain by it, on a schedule they choose.

`baseline.train_float` is what the spiking network is like: the same samples, order, dropout and number of epochs. This
is what floats can do with the same layers. Optimiser, learning rate, dropout and number of epochs are chosen on a
validation part of the samples to train on; then a network learns all of them for so many epochs. No sample to test on
is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from threadpoolctl import threadpool_limits

from backspike.config import NetworkConfig
from backspike.datasets import Dataset, hold_out

from .baseline import FloatNetwork, Floats, dropout_factors, features
from .order import sample_order

__all__ = [
    "BATCHES",
    "DROPOUTS",
    "LARGE",
    "MOST_EPOCHS",
    "PATIENCE",
    "RATES",
    "RATE_DECAY",
    "SMOOTHED",
    "STEPS",
    "VALIDATION",
    "Schedule",
    "Trial",
    "choose_schedule",
    "optimisers_for",
    "run_trial",
    "train_out",
]

RATES = {"adam": 0.004, "momentum": 0.02}
"""Learning rate of the first epoch that is tried first with an optimiser; then twice or half of it, for as long as that
is better. Momentum is plain gradient descent with it."""

LARGE = 10_000
"""Samples to train on from which Adam alone is tried: it is on small datasets that the other one can be better."""

DROPOUTS = (64, 0)
"""Parts of the hidden units that are silent in learning, in 256ths: the rates are tried with the first one, then the
other one with the best rate."""

RATE_DECAY = 0.9
"""Factor of the learning rate from epoch to epoch."""

BATCHES = (4, 128)
"""Fewest and most samples of a step."""

STEPS = 400
"""Steps of an epoch, as far as `BATCHES` allow: an epoch of a small dataset has as many as that of a large one."""

PATIENCE = 6
"""Epochs in a row without a new best validation accuracy that end a trial."""

SMOOTHED = 5
"""Epochs over whose validation accuracy the mean is taken, since a best one of many is a chance one."""

MOST_EPOCHS = 40
"""Epochs that end a trial in any case."""

VALIDATION = 6
"""One in so many of the samples to train on is held out for validation."""

# Adam's, the first also that of momentum: D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015.
_FIRST, _SECOND, _SMALL = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Schedule:
    """How a float network is trained out.

    Parameters
    ----------
    optimiser : str
        A key of `RATES`.
    rate : float
        Learning rate in the first epoch.
    dropout : int
        Part of the hidden units that is silent in learning, in 256ths.
    epochs : int
    """

    optimiser: str
    rate: float
    dropout: int
    epochs: int


@dataclass(frozen=True)
class Trial:
    """A training on what validation leaves: validation accuracy after each epoch, 0 to 1."""

    optimiser: str
    rate: float
    dropout: int
    accuracies: list[float]

    @property
    def accuracy(self) -> float:
        """The best validation accuracy, 0 to 1: the mean of `SMOOTHED` epochs in a row, of all if there are fewer."""
        return max(self._means)

    @property
    def schedule(self) -> Schedule:
        """The schedule up to the last of the first epochs that have the best accuracy."""
        means = self._means
        epochs = len(self.accuracies) - len(means) + means.index(max(means)) + 1
        return Schedule(self.optimiser, self.rate, self.dropout, epochs)

    @property
    def _means(self) -> list[float]:
        width = min(SMOOTHED, len(self.accuracies))
        return [fmean(self.accuracies[end - width : end]) for end in range(width, len(self.accuracies) + 1)]


def choose_schedule(
    attempt: Callable[[str, float, int], Trial], optimisers: Sequence[str], dropouts: Sequence[int] = DROPOUTS
) -> Schedule:
    """Return the schedule of the trial with the best validation accuracy; of equal ones that of the first.

    Parameters
    ----------
    attempt : callable
        Takes optimiser, rate and dropout, and returns the trial of them (`run_trial`).
    optimisers : sequence of str
        Those to try (`optimisers_for`).
    dropouts : sequence of int
        Of a network without hidden units one is enough.
    """
    found = []
    for optimiser in optimisers:
        trials = [attempt(optimiser, RATES[optimiser], dropouts[0])]
        for factor in (2, 0.5):
            rate = RATES[optimiser]
            while _best(trials).rate == rate:
                rate *= factor
                trials.append(attempt(optimiser, rate, dropouts[0]))
        rate = _best(trials).rate
        found += [*trials, *(attempt(optimiser, rate, dropout) for dropout in dropouts[1:])]
    return _best(found).schedule


def optimisers_for(dataset: Dataset) -> list[str]:
    """Return the optimisers to try on a dataset."""
    return [*RATES][: 1 if len(dataset.train_labels) >= LARGE else None]


def run_trial(
    config: NetworkConfig,
    dataset: Dataset,
    seed: int,
    optimiser: str,
    rate: float,
    dropout: int,
    clip: float = 0.0,
) -> Trial:
    """Train on what a validation part leaves of the samples to train on, until its accuracy has stopped improving.

    Parameters
    ----------
    config : NetworkConfig
        Gives the layers.
    dataset : Dataset
        Its samples to test on are not looked at.
    seed : int
        Seed of the initial weights, of the order of samples and of dropout; with it the trial is deterministic.
    optimiser : str
        A key of `RATES`.
    rate : float
        Learning rate of the first epoch.
    dropout : int
        Part of the hidden units that is silent in learning, in 256ths.
    clip : float
        Highest activation of a hidden unit; 0: none.

    Raises
    ------
    BackspikeError
        The dataset does not fit the configuration, or has one sample to train on.
    """
    dataset.require(config)
    part = hold_out(dataset, max(1, len(dataset.train_labels) // VALIDATION))
    network = FloatNetwork(config.layers, seed, clip)
    trial = Trial(optimiser, rate, dropout, [])
    for _ in _epochs(network, part, seed, trial, _batch(dataset)):
        with threadpool_limits(1):
            trial.accuracies.append(network.accuracy(part.test_values, part.test_labels))
        done = len(trial.accuracies)
        if done == MOST_EPOCHS or done - trial.schedule.epochs == PATIENCE:
            break
    return trial


def train_out(
    config: NetworkConfig, dataset: Dataset, seed: int, schedule: Schedule, clip: float = 0.0
) -> FloatNetwork:
    """Return a float network that has learned all samples to train on; none of those to test on is looked at.

    Parameters
    ----------
    config : NetworkConfig
        Gives the layers.
    dataset : Dataset
    seed : int
        Seed of the initial weights, of the order of samples and of dropout; with it the training is deterministic.
    schedule : Schedule
    clip : float
        Highest activation of a hidden unit; 0: none.

    Raises
    ------
    BackspikeError
        The dataset does not fit the configuration.
    """
    dataset.require(config)
    network = FloatNetwork(config.layers, seed, clip)
    epochs = _epochs(network, dataset, seed, schedule, _batch(dataset))
    for _ in range(schedule.epochs):
        next(epochs)
    return network


def _best(trials: Sequence[Trial]) -> Trial:
    return max(trials, key=lambda trial: trial.accuracy)


def _batch(dataset: Dataset) -> int:
    """Return the samples of a step."""
    fewest, most = BATCHES
    return min(most, max(fewest, len(dataset.train_labels) // STEPS))


def _epochs(network: FloatNetwork, dataset: Dataset, seed: int, how: Schedule | Trial, batch: int) -> Iterator[None]:
    """Let a network learn the samples to train on, for ever: each step of the iterator is an epoch."""
    inputs, labels = features(dataset.train_values), dataset.train_labels
    hidden = [(weights.shape[1], how.dropout / 256) for weights in network.weights[:-1]]
    means, squares = ([np.zeros_like(weights) for weights in network.weights] for _ in range(2))
    steps = epoch = 0
    while True:
        generator = np.random.Generator(np.random.PCG64([seed, epoch, 1]))
        order = sample_order(len(labels), seed, epoch)
        # Matrices of this size gain nothing from threads, and the order of sums must not depend on their number.
        with threadpool_limits(1):
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                factors = dropout_factors(generator, hidden, len(chosen))
                _, gradients = network.gradients(inputs[chosen], labels[chosen], factors)
                steps += 1
                rate = how.rate * RATE_DECAY**epoch
                if how.optimiser == "momentum":
                    for weights, mean, gradient in zip(network.weights, means, gradients, strict=True):
                        mean *= np.float32(_FIRST)
                        mean += gradient
                        weights -= np.float32(rate) * mean
                    continue
                # Both means begin at 0, and are too small by these factors.
                rate *= (1 - _SECOND**steps) ** 0.5 / (1 - _FIRST**steps)
                for weights, mean, square, gradient in zip(network.weights, means, squares, gradients, strict=True):
                    _adam(weights, mean, square, gradient, rate)
        epoch += 1
        yield


def _adam(weights: Floats, mean: Floats, square: Floats, gradient: Floats, rate: float) -> None:
    """Take one step of Adam, in place; the gradient is used up."""
    mean *= np.float32(_FIRST)
    mean += np.float32(1 - _FIRST) * gradient
    square *= np.float32(_SECOND)
    gradient *= gradient
    gradient *= np.float32(1 - _SECOND)
    square += gradient
    np.sqrt(square, out=gradient)
    gradient += np.float32(_SMALL)
    np.divide(mean, gradient, out=gradient)
    gradient *= np.float32(rate)
    weights -= gradient
