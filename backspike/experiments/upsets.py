"""Accuracy against upsets: bits of weights and of LFSRs that flip after a training, or during it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backspike.config import PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading, write_atomic
from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.toml import take
from backspike.training.engines import Engine, load_engine
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch

from .flips import Flip, flip_lfsrs, flip_weights
from .task import machine

__all__ = ["measure_upsets", "read_upsets", "train_upset", "upsets_path"]

PRESET, DATASET, EPOCHS = "digits", "digits", 20
SEEDS = (1, 2, 3)
SHARES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
"""Bits that flip, of all that there are."""

CHUNK = 32
"""Samples between two moments at which bits may flip."""

TESTS = 5
"""Times that each network is tested, each with LFSRs of another seed, as a test's spikes decide some samples."""


def upsets_path(results: Path) -> Path:
    """Return the file of the measurement."""
    return results / "upsets.json"


def train_upset(
    config: NetworkConfig,
    data: Dataset,
    epochs: int,
    flip: Flip,
    share: float,
    engine: str | Engine = "fast",
    samples: int | None = None,
) -> Network:
    """Train a network, a share of whose bits flips on the way, at moments that are spread over all of it.

    Parameters
    ----------
    config : NetworkConfig
        Its seed decides what flips, too.
    data : Dataset
    epochs : int
    flip : callable
        `flip_weights` or `flip_lfsrs`.
    share : float
        Flips, as a part of the bits that there are.
    engine : str or Engine
    samples : int, optional
        The first ones of each epoch's order; all when left out.
    """
    network, show = Network(config), load_engine(engine)
    random = np.random.Generator(np.random.PCG64([config.seed, 3]))
    orders = [sample_order(len(data.train_labels), config.seed, epoch)[:samples] for epoch in range(epochs)]
    chunks = [
        (epoch, order[at : at + CHUNK]) for epoch, order in enumerate(orders) for at in range(0, len(order), CHUNK)
    ]
    flips = np.bincount(random.integers(0, len(chunks), round(share * _bits(config, flip))), minlength=len(chunks))
    for (epoch, order), count in zip(chunks, flips.tolist(), strict=True):
        network.rates = rates_of_epoch(config, epoch)
        flip(network, count, random)
        show(network, data.train_values, data.train_labels, order, True)
    return network


def measure_upsets(
    results: Path, epochs: int = EPOCHS, seeds: Sequence[int] = SEEDS, shares: Sequence[float] = SHARES
) -> Path:
    """Measure accuracies of upset networks, and write them down.

    Returns
    -------
    Path
        The JSON file: the ``shares``; what an ``undisturbed`` network reaches, 0 to 1, in the mean of the seeds; and
        the ``lines``, each with its ``label`` and, for each share, the mean ``accuracy`` of the seeds and its
        ``deviation``.
    """
    begin = time.perf_counter()
    base, none = PRESETS[PRESET], 0.0
    undisturbed, found = [], []
    for seed in seeds:
        config = base.replace(seed=seed)
        data = load_dataset(DATASET, config, seed)
        trained = train_upset(config, data, epochs, flip_weights, none)
        undisturbed.append(_accuracy(config, trained, data))
        found.append([list(_of_share(config, data, epochs, trained, share)) for share in shares])
    table = np.array(found)
    labels = [
        "weights, after training",
        "weights, after training, and an epoch learned since",
        "weights, during training",
        "LFSRs, during training",
    ]
    content = {
        "preset": PRESET,
        "dataset": DATASET,
        "epochs": epochs,
        "seeds": list(seeds),
        "shares": list(shares),
        "undisturbed": float(np.mean(undisturbed)),
        "lines": [
            {
                "label": label,
                "accuracy": table[:, :, number].mean(axis=0).tolist(),
                "deviation": table[:, :, number].std(axis=0, ddof=min(1, len(seeds) - 1)).tolist(),
            }
            for number, label in enumerate(labels)
        ],
        "machine": machine(),
        "seconds": time.perf_counter() - begin,
    }
    write_atomic(upsets_path(results), json.dumps(content, indent=1).encode() + b"\n")
    return upsets_path(results)


def read_upsets(results: Path) -> dict[str, Any]:
    """Return the content of the measurement's file.

    Raises
    ------
    BackspikeError
        It cannot be read, or is damaged: no JSON, or without a value that the results page shows.
    """
    with reading(upsets_path(results)):
        content = read_json(upsets_path(results))
        for key, kind in (("preset", str), ("dataset", str), ("epochs", int)):
            take(content, key, kind, "the measurement")
        take(content, "undisturbed", float, "the measurement")
        shares = take(content, "shares", list, "the measurement")
        take(content, "seeds", list, "the measurement")
        for line in take(content, "lines", list, "the measurement"):
            take(line, "label", str, "a line")
            for key in ("accuracy", "deviation"):
                values = take(line, key, list, "a line")
                if len(values) != len(shares) or not all(isinstance(value, float) for value in [*values, *shares]):
                    raise BackspikeError(f"{key} of a line must be a number a share, not {shown(values)}")
        if not content["lines"] or not shares:
            raise BackspikeError("it has no lines")
    result: dict[str, Any] = content
    return result


def _of_share(config: NetworkConfig, data: Dataset, epochs: int, trained: Network, share: float) -> Iterator[float]:
    """Give the accuracy of each line, in their order."""
    random = np.random.Generator(np.random.PCG64([config.seed, 4]))
    network = Network(config, trained.weights)
    flip_weights(network, round(share * _bits(config, flip_weights)), random)
    yield _accuracy(config, network, data)
    network.rates = rates_of_epoch(config, epochs)
    order = sample_order(len(data.train_labels), config.seed, epochs)
    load_engine("fast")(network, data.train_values, data.train_labels, order, True)
    yield _accuracy(config, network, data)
    for flip in (flip_weights, flip_lfsrs):
        yield _accuracy(config, train_upset(config, data, epochs, flip, share), data)


def _accuracy(config: NetworkConfig, network: Network, data: Dataset) -> float:
    """Return the share of right answers to the test samples, 0 to 1, in the mean of `TESTS` seeds."""
    order, right = np.arange(len(data.test_labels)), []
    for test in range(TESTS):
        fresh = Network(config.replace(seed=config.seed + test), network.weights)
        wins = load_engine("fast")(fresh, data.test_values, data.test_labels, order, False)
        right.append(np.mean(wins.argmax(axis=1) == data.test_labels))
    return float(np.mean(right))


def _bits(config: NetworkConfig, flip: Flip) -> int:
    network = Network(config)
    if flip is flip_weights:
        return config.weight_bits * sum(matrix.size for matrix in network.weights)
    return config.lfsr_bits * len(NetworkState.of(network, StateKind.RANDOM).lfsrs)
