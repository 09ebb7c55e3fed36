"""Training with the golden model: the order of samples, the schedule of rates, and a record of how it went."""

from __future__ import annotations

import copy
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.files import make_directory, write_atomic

from .baseline import float_accuracy
from .checkpoint import Checkpoint
from .learning_curve import learning_curve
from .network import Network
from .order import sample_order
from .spikes import Sample

__all__ = ["Epoch", "Training", "evaluate", "rates_of_epoch", "sample_order", "train"]


@dataclass(frozen=True)
class Epoch:
    """How one epoch went.

    Parameters
    ----------
    rates : list of int
        Learning rate of each weight layer in 1/256.
    train_accuracy : float
        Right answers, 0 to 1, to training samples while they are learned: flattering, since a sample is answered
        tick by tick, and later ticks know what earlier ones of the same sample taught.
    test_accuracy : float
        Right answers, 0 to 1, to test samples after the epoch, learning off.
    seconds : float
        Time of training and test together.
    """

    rates: list[int]
    train_accuracy: float
    test_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """How a training went: every epoch, and the test accuracy of a float network trained alike, 0 to 1."""

    epochs: list[Epoch]
    float_accuracy: float


def rates_of_epoch(config: NetworkConfig, epoch: int) -> list[int]:
    """Return the learning rate of each weight layer in an epoch, counted from 0.

    ``round(rate * rate_decay**epoch)`` in 1/256, halves to even, but never below 1: a layer stops learning only if its
    configured rate is 0.
    """
    return [max(1, round(rate * config.rate_decay**epoch)) if rate else 0 for rate in config.rates]


def evaluate(network: Network, dataset: Dataset) -> float:
    """Return the accuracy on the test samples, 0 to 1, learning off.

    It runs on a copy: inference draws from the same random streams as training does, so evaluating the network itself
    would change what it learns next, and a training would depend on how often it was looked at.
    """
    subject = copy.deepcopy(network)
    pairs = zip(dataset.test_values, dataset.test_labels, strict=True)
    return float(np.mean([subject.run(Sample(values, int(label), False)).winner == label for values, label in pairs]))


def train(
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    seed: int,
    out: Path,
    report: Callable[[str], None] | None = None,
) -> Training:
    """Train the golden model and a float network on the same samples for as many epochs, and write down how it went.

    After each epoch `out` has a whole ``checkpoint.npz`` (`Checkpoint`) and ``metrics.json``; in the end also
    ``learning-curve.png``.

    Parameters
    ----------
    config : NetworkConfig
        Its seed is replaced.
    dataset : Dataset
    epochs : int
        At least 1.
    seed : int
        Seed of initial weights, random streams, order of samples and float network.
    out : Path
        Directory of the files; made if it is missing.
    report : callable, optional
        Takes a line of text for each result; with it, a progress bar goes to the standard error stream if that is a
        terminal.

    Raises
    ------
    BackspikeError
        A file cannot be written, or the dataset does not fit.
    """
    make_directory(out)
    tell = report or (lambda line: None)
    config = config.replace(seed=seed)
    network = Network(config)
    training = Training([], float_accuracy(config, dataset, epochs, seed))
    tell(f"float network {_sizes(config)} on the same samples: test {training.float_accuracy:.2%}")
    for epoch in range(epochs):
        start = time.perf_counter()
        network.rates = rates_of_epoch(config, epoch)
        train_accuracy = _learn(network, dataset, epoch, f"epoch {epoch + 1}/{epochs}" if report else None)
        done = Epoch(network.rates, train_accuracy, evaluate(network, dataset), time.perf_counter() - start)
        training.epochs.append(done)
        Checkpoint.capture(network, epoch + 1).save(out / "checkpoint.npz")
        write_atomic(out / "metrics.json", json.dumps(_metrics(config, dataset, training), indent=2).encode() + b"\n")
        tell(
            f"epoch {epoch + 1}/{epochs}: training {done.train_accuracy:.2%}, test {done.test_accuracy:.2%}, "
            f"{done.seconds:.1f} s, rates {', '.join(f'{rate}/256' for rate in done.rates)}"
        )
    picture = learning_curve(
        f"{config.name} ({_sizes(config)}) on {dataset.name}, golden model, seed {seed}",
        [epoch.train_accuracy for epoch in training.epochs],
        [epoch.test_accuracy for epoch in training.epochs],
        training.float_accuracy,
    )
    write_atomic(out / "learning-curve.png", picture)
    return training


def _learn(network: Network, dataset: Dataset, epoch: int, title: str | None) -> float:
    """Show every training sample once; return the accuracy meanwhile, 0 to 1."""
    order = sample_order(len(dataset.train_labels), network.config.seed, epoch)
    right = 0
    # disable=None: no bar where the error stream is no terminal.
    with tqdm(order, title, unit=" samples", leave=False, disable=None if title else True) as bar:
        for shown, index in enumerate(bar, start=1):
            label = int(dataset.train_labels[index])
            right += network.run(Sample(dataset.train_values[index], label, True)).winner == label
            bar.set_postfix_str(f"accuracy {right / shown:.1%}", refresh=False)
    return right / len(order)


def _sizes(config: NetworkConfig) -> str:
    return "-".join(map(str, config.layers))


def _metrics(config: NetworkConfig, dataset: Dataset, training: Training) -> dict[str, Any]:
    """Return the content of ``metrics.json``."""
    packages = ("backspike", "numpy", "scikit-learn")
    return {
        "dataset": dataset.name,
        "seed": config.seed,
        "train_samples": len(dataset.train_labels),
        "test_samples": len(dataset.test_labels),
        "float_accuracy": training.float_accuracy,
        "test_accuracy": training.epochs[-1].test_accuracy,
        "epochs": [asdict(epoch) for epoch in training.epochs],
        "config": config.to_dict(),
        "config_hash": config.hash,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }
