"""Checkpoints: all that a network must remember to go on exactly where it stopped, in one file."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.files import write_atomic

from .network import Network
from .streams import StreamMap

__all__ = ["FORMAT", "Checkpoint"]

FORMAT = 2
"""Version of the file's layout. A reader refuses any other."""


@dataclass(frozen=True)
class Checkpoint:
    """State of a network between two samples; spikes, errors and membranes are cleared there anyway.

    The file is a NumPy archive (.npz) of the arrays ``weights_1`` .. ``weights_L`` (int16), ``streams`` (uint64),
    ``rates`` (int64) and ``header`` (uint8): UTF-8 JSON with ``format``, ``epoch``, ``shown``, ``right``, ``config``
    and ``checkpoint_hash``.

    Parameters
    ----------
    config : NetworkConfig
        Configuration of the network that was captured.
    weights : list of int64 array, shape (inputs + 1, units) each
        Weights of each layer in LSB, bias row last.
    streams : uint64 array, shape (streams,)
        State of every random stream, numbered as `StreamMap` does.
    rates : list of int
        Learning rate of each weight layer in 1/256.
    epoch : int
        Epochs of training that are done.
    shown, right : int
        Samples shown in the epoch after those, and right answers to them.
    """

    config: NetworkConfig
    weights: list[NDArray[np.int64]]
    streams: NDArray[np.uint64]
    rates: list[int]
    epoch: int
    shown: int = 0
    right: int = 0

    @classmethod
    def capture(cls, network: Network, epoch: int = 0, shown: int = 0, right: int = 0) -> Checkpoint:
        """Copy a network's state."""
        config = network.config
        numbering = StreamMap(config)
        streams = np.empty(numbering.count, dtype=np.uint64)
        streams[numbering.inputs] = network.generator.states
        for layer, (array, units) in enumerate(zip(network.synapses, network.units, strict=True), start=1):
            streams[numbering.units(layer)] = units.states
            streams[numbering.bias(layer)] = array.bias_state[0]
        weights = [array.weights.copy() for array in network.synapses]
        return cls(config, weights, streams, list(network.rates), epoch, shown, right)

    def apply(self, network: Network) -> None:
        """Put this state into a network: its next samples run as they would have in the captured one.

        Raises
        ------
        BackspikeError
            The network's configuration differs in more than name, rates, rate decay, seed and lanes.
        """
        self.require(network.config)
        numbering = StreamMap(self.config)
        network.generator.states = self.streams[numbering.inputs]
        for layer, (array, units) in enumerate(zip(network.synapses, network.units, strict=True), start=1):
            array.weights = self.weights[layer - 1].copy()
            array.bias_state = self.streams[[numbering.bias(layer)]]
            units.states = self.streams[numbering.units(layer)]
        network.rates = list(self.rates)

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
            "config": self.config.to_dict(),
            "checkpoint_hash": self.config.checkpoint_hash,
        }
        arrays: dict[str, Any] = {
            "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            "streams": self.streams,
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
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BackspikeError(f"cannot read checkpoint {path}: {error.strerror}") from error
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            header = json.loads(arrays.pop("header").tobytes())
            if header["format"] != FORMAT:
                raise BackspikeError(f"{path} is a checkpoint of format {header['format']}; this reads {FORMAT}")
            config = NetworkConfig.from_dict(header["config"])
            checkpoint = cls(
                config=config,
                # "safe": integers stay integers, anything else raises.
                weights=[
                    arrays[f"weights_{layer}"].astype(np.int64, casting="safe") for layer in range(1, config.depth + 1)
                ],
                streams=arrays["streams"],
                rates=[int(rate) for rate in arrays["rates"]],
                epoch=int(header["epoch"]),
                shown=int(header["shown"]),
                right=int(header["right"]),
            )
            checkpoint._check(header["checkpoint_hash"])
        # What NumPy, zipfile and json raise on bytes that are not, or no longer, what they read.
        except (
            AttributeError, EOFError, KeyError, TypeError, ValueError, NotImplementedError, OSError,
            zipfile.BadZipFile, zlib.error,
        ) as error:  # fmt: skip
            raise BackspikeError(f"{path} is damaged, or no checkpoint of Backspike") from error
        return checkpoint

    def _check(self, checkpoint_hash: str) -> None:
        """Raise `ValueError` if the arrays do not belong to the configuration."""
        config = self.config
        shapes = [(inputs + 1, units) for inputs, units in zip(config.layers[:-1], config.layers[1:], strict=True)]
        within = all(config.weight_min <= w.min() <= w.max() <= config.weight_max for w in self.weights)
        if (
            checkpoint_hash != config.checkpoint_hash
            or [weights.shape for weights in self.weights] != shapes
            or not within
            or self.streams.shape != (StreamMap(config).count,)
            or self.streams.dtype != np.dtype(np.uint64)
            or int(self.streams.max()) >> config.lfsr_bits
            or len(self.rates) != config.depth
            or not all(0 <= rate <= 256 for rate in self.rates)
        ):
            raise ValueError("the arrays do not belong to the configuration")
