"""The account of a training, ``metrics.json``: how every epoch went, and what the training is."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.files import read_json, reading, write_atomic
from backspike.model.network import Counters

__all__ = ["Epoch", "Training", "read_metrics", "write_metrics"]


@dataclass(frozen=True)
class Epoch:
    """How one epoch went.

    Parameters
    ----------
    rates : list of int
        Learning rate of each weight layer in 1/256.
    training_accuracy : float
        Right answers, 0 to 1, to training samples after the epoch, learning off: to as many as there are test samples
        (to all, if they are fewer), those that the first epoch shows first.
    test_accuracy : float
        Right answers, 0 to 1, to test samples after the epoch, learning off.
    right_while_learning : float
        Right answers, 0 to 1, to training samples while they are learned. No accuracy: a sample is answered tick by
        tick, and later ticks know the label that the network was taught in earlier ones.
    seconds : float
        Time of the whole epoch, or of what was left of it when it was resumed.
    training, test : dict
        Counts of the work done (`Counters.to_dict`) while the samples were learned, and in the test.
    """

    rates: list[int]
    training_accuracy: float
    test_accuracy: float
    right_while_learning: float
    seconds: float
    training: dict[str, Any]
    test: dict[str, Any]


@dataclass(frozen=True)
class Training:
    """How a training went: every epoch, and the float network's test accuracy after each of as many, 0 to 1."""

    epochs: list[Epoch]
    float_accuracies: list[float]

    @property
    def float_accuracy(self) -> float:
        """Test accuracy, 0 to 1, of the float network after all epochs that were asked for."""
        return self.float_accuracies[-1]


def write_metrics(
    path: Path, config: NetworkConfig, dataset: Dataset, identity: Mapping[str, Any], training: Training
) -> None:
    """Write the account.

    Raises
    ------
    BackspikeError
        The file cannot be written.
    """
    packages = ("backspike", "numpy")
    content = {
        "dataset": dataset.name,
        "seed": config.seed,
        "train_samples": len(dataset.train_labels),
        "test_samples": len(dataset.test_labels),
        "float_accuracy": training.float_accuracy,
        "float_accuracies": training.float_accuracies,
        "test_accuracy": training.epochs[-1].test_accuracy if training.epochs else None,
        "epochs": [asdict(epoch) for epoch in training.epochs],
        "config": config.to_dict(),
        "config_hash": config.hash,
        "identity": identity,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }
    write_atomic(path, json.dumps(content, indent=2).encode() + b"\n")


def read_metrics(path: Path, depth: int) -> tuple[dict[str, Any], Training]:
    """Return the identity (`training_identity`) and the account that `write_metrics` wrote.

    Parameters
    ----------
    path : Path
    depth : int
        Weight layers of the network.

    Raises
    ------
    BackspikeError
        The file is missing or cannot be read, or is damaged.
    """
    with reading(path):
        content = read_json(path)
        identity, epochs = _typed(content["identity"], dict), _typed(content["epochs"], list)
        for key in ("network", "baseline"):
            _typed(identity[key], dict)
        missing = {"semantics", "seed", "dataset", "data", "order"} - identity.keys()
        if missing:
            raise ValueError(f"its identity lacks {', '.join(sorted(missing))}")
        accuracies = [_share(value, "float_accuracies") for value in _typed(content["float_accuracies"], list)]
        if not accuracies:
            raise ValueError("float_accuracies has none")
        return identity, Training([_epoch(epoch, depth) for epoch in epochs], accuracies)


def _epoch(values: Any, depth: int) -> Epoch:
    epoch = Epoch(**_typed(values, dict))
    for name in ("training_accuracy", "test_accuracy", "right_while_learning"):
        _share(getattr(epoch, name), name)
    if type(epoch.seconds) not in (int, float) or not 0 <= epoch.seconds < math.inf:
        raise ValueError(f"seconds is {epoch.seconds!r}")
    if len(_typed(epoch.rates, list)) != depth or not all(
        type(rate) is int and 0 <= rate <= 256 for rate in epoch.rates
    ):
        raise ValueError(f"rates is {epoch.rates!r}")
    for counts in (epoch.training, epoch.test):
        Counters.from_dict(counts, depth)
    return epoch


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value


def _share(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} has {value!r:.40}, which is not from 0 to 1")
    return float(value)
