"""What a network holds, in all: an array for each field of each part, by one set of names.

Checkpoints, the fast engine, simulated hardware and benches move and compare states by this list alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig

from .fields import Axis, StateField, StateKind
from .lfsr import States
from .neuron import CompositeNeurons
from .spikes import SpikeGenerator
from .synapses import SynapseArray
from .wta import WinnerTakeAll

if TYPE_CHECKING:
    from .network import Network

__all__ = ["NetworkState", "StateEntry", "state_entries"]


@dataclass(frozen=True)
class StateEntry:
    """A field of one of a network's parts.

    Parameters
    ----------
    part : str
        The attribute of `Network` with the part: ``generator``, or of each weight layer ``units`` or ``synapses``.
    field : StateField
    layer : int
        0, the input, to L.
    shape : tuple of int
        Of its array.
    """

    part: str
    field: StateField
    layer: int
    shape: tuple[int, ...]

    def owner(self, network: Network) -> Any:
        """Return the part of a network that holds it."""
        part = getattr(network, self.part)
        return part[self.layer - 1] if self.layer else part

    @property
    def name(self) -> str:
        """Its name in a `NetworkState`: that of the field, and the number of the layer."""
        return f"{self.field.name}_{self.layer}"

    def place(self, position: tuple[int, ...]) -> str:
        """Say in words where a position of its array is."""
        where = [f"layer {self.layer}"]
        where += [f"{axis.value} {at}" for axis, at in zip(self.field.axes, position, strict=True) if axis != Axis.BIAS]
        return ", ".join(where)


@cache
def state_entries(config: NetworkConfig) -> Mapping[str, StateEntry]:
    """Return all that a network of a configuration stores, by name.

    LFSRs come in the order of their numbers (docs/semantics.md, 3.2).
    """
    return {entry.name: entry for entry in _entries(config)}


def _entries(config: NetworkConfig) -> Iterator[StateEntry]:
    sizes = {Axis.LFSR: config.input_lfsrs, Axis.BIAS: 1}
    for field in SpikeGenerator.STORED:
        yield StateEntry("generator", field, 0, tuple(sizes[axis] for axis in field.axes))
    for layer in config.weight_layers:
        sizes |= {Axis.ROW: layer.rows, Axis.UNIT: layer.units}
        units = CompositeNeurons.STORED if layer.hidden else WinnerTakeAll.STORED
        for part, fields in (("units", units), ("synapses", SynapseArray.STORED)):
            for field in fields:
                yield StateEntry(part, field, layer.number, tuple(sizes[axis] for axis in field.axes))


class NetworkState(dict[str, NDArray[Any]]):
    """Arrays by the names of `state_entries`, some or all of them: a copy of what a network holds.

    Parameters
    ----------
    config : NetworkConfig
        Of the network.
    arrays : mapping
    """

    def __init__(self, config: NetworkConfig, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        super().__init__(arrays or {})
        self.config = config

    @classmethod
    def of(cls, network: Network, *kinds: StateKind) -> NetworkState:
        """Copy a network's state: of some kinds, or all that there are."""
        state = cls(network.config)
        for name, entry in state_entries(network.config).items():
            if not kinds or entry.field.kind in kinds:
                state[name] = np.array(getattr(entry.owner(network), entry.field.name), entry.field.dtype)
        return state

    def put_into(self, network: Network) -> None:
        """Give a network copies of these arrays; what is not here stays as it is."""
        for name, array in self.items():
            entry = state_entries(network.config)[name]
            value = array.astype(entry.field.dtype)
            setattr(entry.owner(network), entry.field.name, value if entry.shape else value.item())

    def of_kind(self, *kinds: StateKind) -> NetworkState:
        """Return those of some kinds."""
        entries = state_entries(self.config)
        return NetworkState(
            self.config, {name: array for name, array in self.items() if entries[name].field.kind in kinds}
        )

    @property
    def weights(self) -> list[NDArray[np.int64]]:
        """Weights of each layer, shape (inputs + 1, units)."""
        return [self[name] for name in _names(self.config, StateKind.WEIGHT)]

    @property
    def lfsrs(self) -> States:
        """States of all LFSRs, shape (lfsrs,), numbered as `LfsrMap` does."""
        return np.concatenate([self[name] for name in _names(self.config, StateKind.RANDOM)])

    @classmethod
    def of_weights(cls, config: NetworkConfig, weights: Sequence[NDArray[Any]]) -> NetworkState:
        """Return a state of weights alone, shape (inputs + 1, units) each."""
        return cls(config, dict(zip(_names(config, StateKind.WEIGHT), weights, strict=True)))

    @classmethod
    def of_lfsrs(cls, config: NetworkConfig, lfsrs: States) -> NetworkState:
        """Return a state of LFSRs alone, shape (lfsrs,), numbered as `LfsrMap` does."""
        names = _names(config, StateKind.RANDOM)
        ends = np.cumsum([state_entries(config)[name].shape[0] for name in names])
        return cls(config, dict(zip(names, np.split(lfsrs, ends[:-1]), strict=True)))


def _names(config: NetworkConfig, kind: StateKind) -> list[str]:
    return [name for name, entry in state_entries(config).items() if entry.field.kind is kind]
