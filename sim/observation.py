"""The state of a network in simulated hardware, by the names that the golden model has for it, and where two differ."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model import Counters, Network, Result
from backspike.model.fields import Axis, StateKind
from backspike.model.state import NetworkState, StateEntry, state_entries

from .layout import Layout

__all__ = [
    "BETWEEN_SAMPLES",
    "Expected",
    "HardwareState",
    "Mismatch",
    "StoredState",
    "compared_state",
    "difference",
]

BETWEEN_SAMPLES = (StateKind.WEIGHT, StateKind.RANDOM, StateKind.MEMBRANE)
"""What is compared after a sample; the flags are compared after every tick."""


@dataclass(frozen=True)
class Mismatch:
    """The first place where two states differ."""

    entry: StateEntry
    position: tuple[int, ...]
    expected: int
    got: int

    def __str__(self) -> str:
        name = self.entry.field.name.replace("_", " ")
        return f"{self.entry.place(self.position)}, {name}: expected {self.expected}, got {self.got}"


def difference(expected: NetworkState, got: NetworkState) -> Mismatch | None:
    """Return the first difference between two states of the same fields: weights first, from which others follow."""
    entries, kinds = state_entries(expected.config), list(StateKind)
    for name in sorted(expected, key=lambda name: kinds.index(entries[name].field.kind)):
        wanted = expected[name]
        if not np.array_equal(wanted, got[name]):
            position = tuple(int(index) for index in np.argwhere(wanted != got[name])[0])
            return Mismatch(entries[name], position, int(wanted[position]), int(got[name][position]))
    return None


def compared_state(network: Network) -> NetworkState:
    """Return what the golden model keeps from sample to sample; with no leak, membranes are nothing to keep."""
    kinds = [kind for kind in BETWEEN_SAMPLES if network.config.leak or kind is not StateKind.MEMBRANE]
    return NetworkState.of(network, *kinds)


@dataclass(frozen=True)
class Expected:
    """What a sample comes to: flags after each tick, the rest of the state after the last, result, counters so far."""

    flags: list[NetworkState]
    state: NetworkState
    result: Result
    counters: Counters


class StoredState(ABC):
    """Reads and writes the state of simulated hardware, as its description says where it is and how it is laid out.

    Parameters
    ----------
    config : NetworkConfig
    probes : mapping
        As in the description that comes with the Verilog.
    """

    def __init__(self, config: NetworkConfig, probes: Mapping[str, Any]) -> None:
        self._config, self._probes = config, probes
        self._layouts = {name: Layout(probe["layout"]) for name, probe in probes.items()}
        entries = state_entries(config)
        self._held = {
            name: [entries[state] for state in probe["states"] if state in entries] for name, probe in probes.items()
        }

    @abstractmethod
    def _bits(self, name: str) -> NDArray[np.uint8]:
        """Return the bits of each word of a probe, least significant first, shape (words, width)."""

    @abstractmethod
    def _put(self, name: str, bits: NDArray[np.uint8]) -> None:
        """Replace all words of a probe."""

    def read(self, *kinds: StateKind) -> NetworkState:
        """Read the state of some kinds, as far as the hardware has it; an unknown bit raises ValueError."""
        entries = state_entries(self._config)
        found: dict[str, NDArray[Any]] = {}
        for name, held in self._held.items():
            wanted = [entry for entry in held if entry.field.kind in kinds]
            if wanted:
                values = self._layouts[name].read(self._bits(name))
                for entry in wanted:
                    part, own = self._own(entry, name, values)
                    found.setdefault(entry.name, np.zeros(entry.shape, entry.field.dtype))[part] = own
        for name, array in found.items():
            if entries[name].field.kind is StateKind.FLAG and self._begins(entries[name].layer):
                array[...] = 0
        # In the model's order: what comes first there is what is said to differ.
        return NetworkState(self._config, {name: found[name] for name in entries if name in found})

    def write(self, state: NetworkState) -> None:
        """Put a state, or a part of one, into the hardware; the rest stays."""
        for name, held in self._held.items():
            wanted = [entry for entry in held if entry.name in state]
            if wanted:
                bits = self._bits(name).copy()
                values = self._layouts[name].read(bits)
                for entry in wanted:
                    part, own = self._own(entry, name, values)
                    own[...] = state[entry.name][part]
                self._layouts[name].write(bits, values)
                self._put(name, bits)

    def _own(self, entry: StateEntry, name: str, values: Any) -> tuple[Any, NDArray[Any]]:
        """Return what part of an entry's array a probe holds, and that part as a view of the probe's values.

        Lanes after the last unit are left out.
        """
        values = values[entry.field.name] if isinstance(values, dict) else values
        if Axis.ROW not in entry.field.axes:
            return ..., values.reshape(-1)[: math.prod(entry.shape)].reshape(entry.shape)
        layer = self._config.weight_layer(entry.layer)
        banks = [bank for bank, held in self._held.items() if entry in held]
        part = slice(banks.index(name), None, len(banks))
        return part, values.reshape(-1, layer.row_lanes)[: len(range(layer.rows)[part]), : layer.units]

    def _begins(self, layer: int) -> bool:
        """Whether a layer has not taken part in this sample: its flags are from before, and mean 0."""
        name = f"layer_{layer}.first"
        return name in self._probes and bool(self._bits(name).any())


class HardwareState(StoredState):
    """The state of a simulation by cocotb.

    Parameters
    ----------
    top : cocotb handle
        The network's top module.
    probes : mapping
        As in the description that comes with the Verilog.
    config : NetworkConfig
    """

    def __init__(self, top: Any, probes: Mapping[str, Any], config: NetworkConfig) -> None:
        super().__init__(config, probes)
        self._words = {}
        for name, probe in probes.items():
            handle = _resolve(top, probe["path"])
            self._words[name] = [handle[word] for word in range(probe["words"])] if probe["memory"] else [handle]

    @property
    def ticked(self) -> Any:
        """Handle of the strobe that is set in the cycle after a tick."""
        return self._words["ticked"][0]

    def _bits(self, name: str) -> NDArray[np.uint8]:
        width = self._layouts[name].width
        size = (width + 7) // 8
        words = b"".join(_number(word).to_bytes(size, "little") for word in self._words[name])
        return np.unpackbits(
            np.frombuffer(words, dtype=np.uint8).reshape(-1, size), axis=1, count=width, bitorder="little"
        )

    def _put(self, name: str, bits: NDArray[np.uint8]) -> None:
        packed = np.packbits(bits, axis=1, bitorder="little")
        for word, content in zip(self._words[name], packed, strict=True):
            word.value = int.from_bytes(content.tobytes(), "little")


def _resolve(top: Any, path: str) -> Any:
    for part in path.split("."):
        top = getattr(top, part)
    return top


def _number(handle: Any) -> int:
    """Return a vector, or a single bit, as a number; an unknown bit raises ValueError, which names the signal."""
    value = handle.value
    try:
        return int(value.to_unsigned()) if hasattr(value, "to_unsigned") else int(value)
    except ValueError:
        raise ValueError(f"{value} in {handle._path}") from None
