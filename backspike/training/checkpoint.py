"""Checkpoints: all that a network must remember to go on exactly where it stopped, in one file."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.files import parse_json, reading, write_atomic
from backspike.model.fields import StateKind
from backspike.model.network import Counters, Network
from backspike.model.seeding import LfsrMap
from backspike.model.state import NetworkState
from backspike.npz import read_arrays

__all__ = ["FORMAT", "Checkpoint"]

FORMAT = 3
"""Version of the file's layout. A reader refuses any other."""


@dataclass(frozen=True)
class Checkpoint:
    """State of a network between two samples; spikes, errors and membranes are cleared there anyway.

    docs/checkpoint.md describes the file: a NumPy archive of ``weights_1`` .. ``weights_L``, ``lfsrs``, ``rates`` and a
    header in JSON.

    Parameters
    ----------
    config : NetworkConfig
        Configuration of the network that was captured.
    weights : list of int64 array, shape (inputs + 1, units) each
        Weights of each layer in LSB, bias row last.
    lfsrs : uint64 array, shape (lfsrs,)
        State of every LFSR, numbered as `LfsrMap` does.
    rates : list of int
        Learning rate of each weight layer in 1/256.
    epoch : int
        Epochs of training that are done.
    shown, right : int
        Samples shown in the epoch after those, and right answers to them.
    counters : Counters
        Work done; in a training, for those samples.
    """

    config: NetworkConfig
    weights: list[NDArray[np.int64]]
    lfsrs: NDArray[np.uint64]
    rates: list[int]
    epoch: int
    shown: int
    right: int
    counters: Counters

    @classmethod
    def capture(cls, network: Network, epoch: int = 0, shown: int = 0, right: int = 0) -> Checkpoint:
        """Copy a network's state."""
        state = NetworkState.of(network, StateKind.WEIGHT, StateKind.RANDOM)
        counters = copy.deepcopy(network.counters)
        return cls(network.config, state.weights, state.lfsrs, list(network.rates), epoch, shown, right, counters)

    @property
    def place(self) -> str:
        """How far a training has come, in words."""
        return f"epoch {self.epoch + 1}, sample {self.shown:,}" if self.shown else f"the end of epoch {self.epoch}"

    def network(self, seed: int | None = None) -> Network:
        """Return a network in this state; or, with a seed, 1 to 2**32 - 1, one of these weights whose LFSRs it seeds.

        A device, whose LFSRs can only be seeded, is in the second state once it has the weights and the seed.
        """
        if seed is not None:
            return Network(self.config.replace(seed=seed), [weights.copy() for weights in self.weights])
        network = Network(self.config, self.weights)
        self.apply(network)
        return network

    def apply(self, network: Network) -> None:
        """Put this state into a network: its next samples run as they would have in the captured one.

        Raises
        ------
        BackspikeError
            The network's configuration differs in more than name, rates, rate decay, seed and lanes.
        """
        self.require(network.config)
        NetworkState.of_weights(self.config, self.weights).put_into(network)
        NetworkState.of_lfsrs(self.config, self.lfsrs).put_into(network)
        network.rates = list(self.rates)
        network.counters = copy.deepcopy(self.counters)

    def require(self, config: NetworkConfig) -> None:
        """Raise `BackspikeError` unless this is a checkpoint of `config`, or of one that computes the same."""
        differing = self.config.checkpoint_difference(config)
        if differing:
            theirs, mine = getattr(self.config, differing), getattr(config, differing)
            raise BackspikeError(
                f"the checkpoint is of another configuration ({self.config.name}): "
                f"its {differing} is {theirs!r}, and {config.name} has {mine!r}"
            )

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        BackspikeError
            It cannot be written.
        """
        header = {
            "format": FORMAT,
            "epoch": self.epoch,
            "shown": self.shown,
            "right": self.right,
            "counters": self.counters.to_dict(),
            "config": self.config.to_dict(),
            "checkpoint_hash": self.config.checkpoint_hash,
        }
        arrays: dict[str, Any] = {
            "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            "lfsrs": self.lfsrs,
            "rates": np.array(self.rates, dtype=np.int64),
        }
        for layer, weights in enumerate(self.weights, start=1):
            arrays[f"weights_{layer}"] = weights.astype(np.int16)
        file = io.BytesIO()
        np.savez(file, **arrays)
        write_atomic(path, file.getvalue())

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a file that `save` wrote.

        Raises
        ------
        BackspikeError
            It is missing or cannot be read, is damaged or no checkpoint at all, or of another format.
        """
        with reading(path, "checkpoint"):
            # What `save` writes is not packed, so that no small file takes gigabytes.
            arrays = read_arrays(path, "checkpoint", packed=False)
            header = parse_json(arrays.pop("header").tobytes())
            if header["format"] != FORMAT:
                raise BackspikeError(f"{path} is a checkpoint of format {header['format']!r:.40}; this reads {FORMAT}")
            config = NetworkConfig.from_dict(header["config"])
            if header["checkpoint_hash"] != config.checkpoint_hash:
                raise ValueError("its configuration is not the one that it was written with")
            epoch, shown, right = (_count(header[name], name) for name in ("epoch", "shown", "right"))
            if right > shown:
                raise ValueError(f"it has {right} right answers to {shown} samples")
            counters = Counters.from_dict(header["counters"], config.depth)
            rates = _expected(arrays.pop("rates"), "rates", np.int64, (config.depth,), 0, 256)
            lfsrs = _expected(
                arrays.pop("lfsrs"), "lfsrs", np.uint64, (LfsrMap(config).count,), 0, 2**config.lfsr_bits - 1
            )
            weights = [
                _expected(arrays.pop(f"weights_{layer.number}"), f"weights_{layer.number}", np.int16, layer.shape,
                          config.weight_min, config.weight_max).astype(np.int64)
                for layer in config.weight_layers
            ]  # fmt: skip
            for name in arrays:
                raise ValueError(f"it has {name!r}, which no checkpoint has")
        return cls(config, weights, lfsrs, rates.tolist(), epoch, shown, right, counters)


def _count(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{name} must be a whole number from 0, not {value!r:.40}")
    return value


def _expected(
    array: NDArray[Any], name: str, dtype: DTypeLike, shape: tuple[int, ...], low: int, high: int
) -> NDArray[Any]:
    """Return an array of a checkpoint, if it is one that its configuration has."""
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} must be {np.dtype(dtype)} of shape {shape}, not {array.dtype} of shape {array.shape}")
    if array.min() < low or array.max() > high:
        raise ValueError(f"{name} must be from {low} to {high}, not {array.min()} to {array.max()}")
    return array
