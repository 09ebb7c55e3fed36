"""What is compared: the state of a network, from the golden model and from the simulated hardware, by one set of names.

``spike_l``, ``gate_l``, ``permit_l``, ``error_pos_l``, ``error_neg_l`` and ``winner`` are there after each tick;
``weights_l``, ``random_l``, ``membrane_l`` (with a leak), ``bias_l`` and ``inputs`` after each sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from cocotb.types import Logic
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model import Counters, Network, Result

__all__ = [
    "Expected",
    "Flags",
    "HardwareState",
    "Mismatch",
    "Stores",
    "differing_flag",
    "differing_store",
    "model_flags",
    "model_stores",
]

Flags = dict[str, int]
"""A number for each vector of flags, bit i for unit i; and the number of the winner."""

Stores = dict[str, NDArray[Any]]
"""An array for each store: signed weights and membranes, unsigned LFSR states."""

_HIDDEN_FLAGS = ("spike", "gate", "permit")
_ERRORS = ("error_pos", "error_neg")


@dataclass(frozen=True)
class Mismatch:
    """The first place where two states differ."""

    state: str
    position: tuple[int, ...]
    expected: int
    got: int

    def __str__(self) -> str:
        name, _, layer = self.state.rpartition("_")
        name, where = (name, f"layer {layer}, ") if layer.isdecimal() else (self.state, "")
        if name == "weights":
            where += f"row {self.position[0]}, unit {self.position[1]}, "
        elif name == "inputs":
            where += f"stream {self.position[0]}, "
        elif name not in ("winner", "bias"):
            where += f"unit {self.position[0]}, "
        return f"{where}{name.replace('_', ' ')}: expected {self.expected}, got {self.got}"


def differing_flag(expected: Flags, got: Flags) -> Mismatch | None:
    """Return the first difference between two sets of flags."""
    if expected == got:
        return None
    name = next(name for name in expected if expected[name] != got[name])
    if name == "winner":
        return Mismatch(name, (), expected[name], got[name])
    differing = expected[name] ^ got[name]
    unit = (differing & -differing).bit_length() - 1
    return Mismatch(name, (unit,), expected[name] >> unit & 1, got[name] >> unit & 1)


def differing_store(expected: Stores, got: Stores) -> Mismatch | None:
    """Return the first difference between two sets of stores."""
    for name, wanted in expected.items():
        if not np.array_equal(wanted, got[name]):
            position = tuple(int(index) for index in np.argwhere(wanted != got[name])[0])
            return Mismatch(name, position, int(wanted[position]), int(got[name][position]))
    return None


def model_flags(network: Network) -> Flags:
    """Return what the golden model has registered after a tick."""
    flags: Flags = {}
    for layer, units in enumerate(network.hidden, start=1):
        for name in (*_HIDDEN_FLAGS, *_ERRORS):
            flags[f"{name}_{layer}"] = _packed(getattr(units, name))
    for name in _ERRORS:
        flags[f"{name}_{network.config.depth}"] = _packed(getattr(network.output, name))
    flags["winner"] = network.output.winner
    return flags


def model_stores(network: Network) -> Stores:
    """Return what the golden model keeps from sample to sample."""
    stores: Stores = {"inputs": network.generator.states}
    for layer, (units, array) in enumerate(zip(network.units, network.synapses, strict=True), start=1):
        stores[f"weights_{layer}"] = array.weights
        stores[f"bias_{layer}"] = array.bias_state
        stores[f"random_{layer}"] = units.states
        if network.config.leak:
            stores[f"membrane_{layer}"] = units.membrane
    return stores


@dataclass(frozen=True)
class Expected:
    """What a sample comes to: flags after each tick, stores after the last one, result, and counters so far."""

    flags: list[Flags]
    stores: Stores
    result: Result
    counters: Counters


class HardwareState:
    """Reads and writes the same states in a simulation.

    Parameters
    ----------
    top : cocotb handle
        The network's top module.
    probes : dict
        Hierarchical paths below it, as in the description that comes with the Verilog.
    config : NetworkConfig
    """

    def __init__(self, top: Any, probes: dict[str, str], config: NetworkConfig) -> None:
        self._config = config
        self._handles = {name: _resolve(top, path) for name, path in probes.items()}
        # The lanes of a row's last word that no unit uses are left out.
        self._flags = [("winner", self._handles["winner"], config.layers[-1].bit_length())]
        for layer in range(1, config.depth + 1):
            for name in (*(_HIDDEN_FLAGS if layer < config.depth else ()), *_ERRORS):
                self._flags.append((f"{name}_{layer}", self._handles[f"{name}_{layer}"], config.layers[layer]))

    @property
    def ticked(self) -> Any:
        """Handle of the strobe that is set in the clock after a tick."""
        return self._handles["ticked"]

    def flags(self) -> Flags:
        """Read what is registered after a tick; an unknown bit raises ValueError."""
        return {name: _number(handle) & ((1 << width) - 1) for name, handle, width in self._flags}

    def stores(self) -> Stores:
        """Read what is kept from sample to sample; an unknown bit raises ValueError."""
        config, handles = self._config, self._handles
        states = [_number(handles[f"input_{index}"]) for index in range(config.input_streams)]
        stores: Stores = {"inputs": np.array(states, dtype=np.uint64)}
        for layer in range(1, config.depth + 1):
            stores[f"weights_{layer}"] = self._read_weights(layer)
            stores[f"bias_{layer}"] = np.array([_number(handles[f"bias_{layer}"])], dtype=np.uint64)
            units = self._read_units(layer)[: config.layers[layer]]
            stores[f"random_{layer}"] = _unsigned(units[:, : config.lfsr_bits])
            if config.leak:
                stores[f"membrane_{layer}"] = _signed(units[:, config.lfsr_bits :])
        return stores

    def write_weights(self, layer: int, weights: NDArray[np.int64]) -> None:
        """Put weights of shape (inputs + 1, units) into the row memory, past the register interface."""
        config = self._config
        fold, lanes, bits = config.folds[layer - 1], config.lanes[layer - 1], config.weight_bits
        padded = np.zeros((len(weights), fold * lanes), dtype=np.int64)
        padded[:, : weights.shape[1]] = weights
        fields = (padded.reshape(-1, lanes)[:, :, None] >> np.arange(bits)) & 1
        packed = np.packbits(fields.reshape(len(weights) * fold, -1).astype(np.uint8), axis=1, bitorder="little")
        handle = self._handles[f"weights_{layer}"]
        for address, word in enumerate(packed):
            handle[address].value = int.from_bytes(word.tobytes(), "little")

    def _read_weights(self, layer: int) -> NDArray[np.int64]:
        config = self._config
        rows, units = config.layers[layer - 1] + 1, config.layers[layer]
        fold, lanes = config.folds[layer - 1], config.lanes[layer - 1]
        handle = self._handles[f"weights_{layer}"]
        words = _bits([handle[address] for address in range(rows * fold)])
        return _signed(words.reshape(rows, fold * lanes, config.weight_bits))[:, :units]

    def _read_units(self, layer: int) -> NDArray[np.uint8]:
        """Return the bits of each unit's state, shape (units, bits)."""
        config, handle = self._config, self._handles[f"units_{layer}"]
        if layer == config.depth:
            return _bits([handle[unit] for unit in range(config.layers[layer])])
        fold, lanes = config.folds[layer - 1], config.lanes[layer - 1]
        words = _bits([handle] if fold == 1 else [handle[word] for word in range(fold)])
        return words.reshape(fold * lanes, -1)


def _resolve(top: Any, path: str) -> Any:
    for part in path.split("."):
        top = getattr(top, part)
    return top


def _packed(flags: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _number(handle: Any) -> int:
    """Return a vector, or a single bit, as a number; an unknown bit raises ValueError, which names the signal."""
    value = handle.value
    try:
        return int(value) if isinstance(value, Logic) else int(value.to_unsigned())
    except ValueError:
        raise ValueError(f"{value} in {handle._path}") from None


def _bits(words: Sequence[Any]) -> NDArray[np.uint8]:
    """Return the bits of signals of one width, least significant first, shape (words, width)."""
    width = len(words[0])
    size = (width + 7) // 8
    raw = b"".join(_number(word).to_bytes(size, "little") for word in words)
    return np.unpackbits(np.frombuffer(raw, dtype=np.uint8).reshape(-1, size), axis=1, count=width, bitorder="little")


def _unsigned(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    values = np.uint64(1) << np.arange(bits.shape[-1], dtype=np.uint64)
    total: NDArray[np.uint64] = (bits * values).sum(axis=-1, dtype=np.uint64)
    return total


def _signed(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    values = np.int64(1) << np.arange(bits.shape[-1], dtype=np.int64)
    values[-1] = -values[-1]
    return bits @ values
