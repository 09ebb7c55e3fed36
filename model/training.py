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
from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic
from backspike.interrupts import held_interrupts

from .baseline import FloatSettings, float_accuracy
from .checkpoint import Checkpoint
from .engines import DEFAULT_ENGINE, Engine, load_engine
from .learning_curve import learning_curve
from .network import Counters, Network
from .order import sample_order

CHUNK = 256
"""Samples shown between two looks at the clock: progress is shown, and Ctrl-C heard, this often."""

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
    training, test : dict
        Counts of the work done (`Counters.to_dict`) while the samples were learned, and in the test. An epoch that was
        interrupted has those since it went on: its samples are counted too.
    """

    rates: list[int]
    train_accuracy: float
    test_accuracy: float
    seconds: float
    training: dict[str, Any]
    test: dict[str, Any]


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


def evaluate(network: Network, dataset: Dataset, engine: str = DEFAULT_ENGINE) -> float:
    """Return the accuracy on the test samples, 0 to 1, learning off.

    It runs on a copy: inference draws from the same random streams as training does, so evaluating the network itself
    would change what it learns next, and a training would depend on how often it was looked at.
    """
    return _test(network, dataset, load_engine(engine))[0]


def train(
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    seed: int,
    out: Path,
    report: Callable[[str], None] | None = None,
    engine: str | Engine = DEFAULT_ENGINE,
    resume: bool = False,
    baseline: FloatSettings | None = None,
) -> Training:
    """Train the golden model and a float network on the same samples for as many epochs, and write down how it went.

    After each epoch `out` has a whole ``checkpoint.npz`` (`Checkpoint`) and ``metrics.json``; in the end also
    ``learning-curve.png``. Ctrl-C leaves a checkpoint of the very sample that it came after, and what is resumed from
    there gives the same weights as what was never interrupted, to the last bit.

    Parameters
    ----------
    config : NetworkConfig
        Its seed is replaced.
    dataset : Dataset
    epochs : int
        At least 1; with `resume`, those before it are counted too.
    seed : int
        Seed of initial weights, random streams, order of samples and float network.
    out : Path
        Directory of the files; made if it is missing.
    report : callable, optional
        Takes a line of text for each result; with it, a progress bar goes to the standard error stream if that is a
        terminal.
    engine : str or Engine
        One of `ENGINES`, or another; the result is the same with each.
    resume : bool
        Whether to go on from what a training with the same arguments left in `out`.
    baseline : FloatSettings, optional
        How the float network learns.

    Raises
    ------
    BackspikeError
        A file cannot be written, or the dataset does not fit; nothing to resume, or it is of another training.
    KeyboardInterrupt
        Ctrl-C, when the checkpoint is written.
    """
    make_directory(out)
    tell = report or (lambda line: None)
    config = config.replace(seed=seed)
    show = load_engine(engine)
    network = Network(config)
    if resume:
        start, training = _resume(network, dataset, out)
        tell(f"going on from epoch {start.epoch + 1}, sample {start.shown}")
    else:
        start, training = (
            Checkpoint.capture(network),
            Training([], float_accuracy(config, dataset, epochs, seed, baseline)),
        )
        _save(start, dataset, training, out)
    tell(f"float network {_sizes(config)} on the same samples: test {training.float_accuracy:.2%}")
    for epoch in range(start.epoch, epochs):
        begin = time.perf_counter()
        network.rates, network.counters = rates_of_epoch(config, epoch), Counters.zero(config.depth)
        shown, right = (start.shown, start.right) if epoch == start.epoch else (0, 0)
        title = f"epoch {epoch + 1}/{epochs}" if report else None
        train_accuracy = _learn(network, dataset, show, epoch, shown, right, title, out)
        training_counts = network.counters.to_dict()
        test_accuracy, test_counts = _test(network, dataset, show)
        seconds = time.perf_counter() - begin
        done = Epoch(network.rates, train_accuracy, test_accuracy, seconds, training_counts, test_counts)
        training.epochs.append(done)
        _save(Checkpoint.capture(network, epoch + 1), dataset, training, out)
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


def _save(checkpoint: Checkpoint, dataset: Dataset, training: Training, out: Path) -> None:
    """Write down a training between two epochs: first the account, since `_resume` cuts one that is an epoch ahead."""
    metrics = json.dumps(_metrics(checkpoint.config, dataset, training), indent=2)
    write_atomic(out / "metrics.json", metrics.encode() + b"\n")
    checkpoint.save(out / "checkpoint.npz")


def _resume(network: Network, dataset: Dataset, out: Path) -> tuple[Checkpoint, Training]:
    """Put the state that a training left in `out` into the network; return it and the training's account."""
    start = Checkpoint.load(out / "checkpoint.npz")
    try:
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        same = metrics["config"] == network.config.to_dict() and metrics["dataset"] == dataset.name
        training = Training([Epoch(**epoch) for epoch in metrics["epochs"]], float(metrics["float_accuracy"]))
    except OSError as error:
        raise BackspikeError(f"cannot read {out / 'metrics.json'}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackspikeError(f"{out / 'metrics.json'} is damaged, so the training in {out} cannot go on") from error
    if not same or start.config != network.config or len(training.epochs) < start.epoch:
        raise BackspikeError(
            f"the training in {out} is another one: its configuration, dataset or seed is not this one's"
        )
    start.apply(network)
    del training.epochs[start.epoch :]
    return start, training


def _learn(
    network: Network,
    dataset: Dataset,
    show: Engine,
    epoch: int,
    shown: int,
    right: int,
    title: str | None,
    out: Path,
) -> float:
    """Show every training sample once, `shown` of them were before; return the accuracy meanwhile, 0 to 1."""
    values, labels = dataset.train_values, dataset.train_labels
    order = sample_order(len(labels), network.config.seed, epoch)
    # disable=None: no bar where the error stream is no terminal.
    bar = tqdm(
        total=len(order), initial=shown, desc=title, unit=" samples", leave=False, disable=None if title else True
    )
    with bar, held_interrupts() as interrupted:
        while shown < len(order):
            chunk = order[shown : shown + CHUNK]
            right += int(np.sum(show(network, values, labels, chunk, True).argmax(axis=1) == labels[chunk]))
            shown += len(chunk)
            bar.set_postfix_str(f"accuracy {right / shown:.1%}", refresh=False)
            bar.update(len(chunk))
            if interrupted():
                Checkpoint.capture(network, epoch, shown, right).save(out / "checkpoint.npz")
                break
    return right / len(order)


def _test(network: Network, dataset: Dataset, show: Engine) -> tuple[float, dict[str, Any]]:
    """Show all test samples to a copy; return the accuracy, 0 to 1, and the counts of the work."""
    subject = copy.deepcopy(network)
    subject.counters = Counters.zero(network.config.depth)
    labels = dataset.test_labels
    wins = show(subject, dataset.test_values, labels, np.arange(len(labels)), False)
    return float(np.mean(wins.argmax(axis=1) == labels)), subject.counters.to_dict()


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
        "test_accuracy": training.epochs[-1].test_accuracy if training.epochs else None,
        "epochs": [asdict(epoch) for epoch in training.epochs],
        "config": config.to_dict(),
        "config_hash": config.hash,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }
