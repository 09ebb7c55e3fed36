"""What is compared: the state of a network, from the golden model and from the simulated hardware, by one set of names.

``spike_l``, ``gate_l``, ``permit_l``, ``error_pos_l``, ``error_neg_l`` and ``winner`` are there after each tick;
``weights_l``, ``random_l``, ``membrane_l`` (with a leak), ``bias_l`` and ``inputs`` after each sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.hdl.visits import bank_rows
from backspike.model import Counters, Network, Result

__all__ = [
    "Expected",
    "Flags",
    "HardwareState",
    "Mismatch",
    "StoredState",
    "Stores",
    "differing_flag",
    "differing_store",
    "model_flags",
    "model_stores",
    "put_stores",
]

Flags = dict[str, int]
"""A number for each vector of flags, bit i for unit i; and the number of the winner."""

Stores = dict[str, NDArray[Any]]
"""An array for each store: signed weights and membranes, unsigned LFSR states."""

_HIDDEN_FLAGS = ("spike", "gate", "permit", "dropped")
_MARK_BITS = 6
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


def put_stores(network: Network, stores: Stores) -> None:
    """Give the golden model what a `model_stores` or the hardware holds; `network` then goes on from there."""
    network.generator.states = stores["inputs"]
    for layer, (units, array) in enumerate(zip(network.units, network.synapses, strict=True), start=1):
        array.weights = stores[f"weights_{layer}"]
        array.bias_state = stores[f"bias_{layer}"]
        units.states = stores[f"random_{layer}"]
        if network.config.leak:
            units.membrane = stores[f"membrane_{layer}"]


@dataclass(frozen=True)
class Expected:
    """What a sample comes to: flags after each tick, stores after the last one, result, and counters so far."""

    flags: list[Flags]
    stores: Stores
    result: Result
    counters: Counters


class StoredState(ABC):
    """Reads and writes what the hardware keeps from sample to sample, as bits of its signals and memories.

    Parameters
    ----------
    config : NetworkConfig
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config

    @abstractmethod
    def _bits(self, name: str) -> NDArray[np.uint8]:
        """Return the bits of each word of a probe, least significant first, shape (words, width)."""

    @abstractmethod
    def _put(self, name: str, bits: NDArray[np.uint8]) -> None:
        """Replace all words of a probe."""

    def stores(self) -> Stores:
        """Read what is kept from sample to sample; an unknown bit raises ValueError."""
        config = self._config
        stores: Stores = {"inputs": _unsigned(self._bits("inputs").reshape(config.input_streams, config.lfsr_bits))}
        for layer in config.weight_layers:
            number, units = layer.number, layer.units
            stores[f"weights_{number}"] = self.weights(number)
            stores[f"bias_{number}"] = _unsigned(self._bits(f"bias_{number}"))
            stores[f"random_{number}"] = _unsigned(self._units(number)[:units, : config.lfsr_bits])
            if config.leak:
                stores[f"membrane_{number}"] = _signed(self._membranes(number)[:units])
        return stores

    def weights(self, number: int) -> NDArray[np.int64]:
        """Read the weights of a layer, shape (inputs + 1, units), past the register interface."""
        config = self._config
        layer = config.weight_layer(number)
        weights = np.empty(layer.shape, dtype=np.int64)
        for bank in range(layer.banks):
            own = weights[bank :: layer.banks]
            words = self._bits(f"weights_{number}_{bank}").reshape(-1, layer.row_lanes, config.weight_bits)
            own[:] = _signed(words[: len(own), : layer.units])
        return weights

    def write_weights(self, number: int, weights: NDArray[np.int64]) -> None:
        """Put weights of shape (inputs + 1, units) into the row memories, past the register interface."""
        config = self._config
        layer = config.weight_layer(number)
        for bank in range(layer.banks):
            own = weights[bank :: layer.banks]
            padded = np.zeros((bank_rows(layer.inputs, layer.banks), layer.row_lanes), dtype=np.int64)
            padded[: len(own), : own.shape[1]] = own
            self._put(f"weights_{number}_{bank}", _fields(padded.reshape(-1, layer.lanes), config.weight_bits))

    def write_streams(self, stores: Stores) -> None:
        """Put the states of all random streams, named as in `stores`, into the hardware."""
        config = self._config
        self._put("inputs", _fields(stores["inputs"].reshape(config.input_turns, -1), config.lfsr_bits))
        for layer in range(1, config.depth + 1):
            self._put(f"bias_{layer}", _fields(stores[f"bias_{layer}"].reshape(1, 1), config.lfsr_bits))
            units = self._units(layer).copy()
            states = stores[f"random_{layer}"]
            units[: len(states), : config.lfsr_bits] = _fields(states.reshape(-1, 1), config.lfsr_bits)
            self._put(f"units_{layer}", units.reshape(self._bits(f"units_{layer}").shape))

    def _units(self, number: int) -> NDArray[np.uint8]:
        """Return the bits of each unit's state, shape (units or more, bits)."""
        layer = self._config.weight_layer(number)
        return self._bits(f"units_{number}").reshape(layer.unit_fold * layer.unit_width, -1)

    def _membranes(self, number: int) -> NDArray[np.uint8]:
        """Return the bits of each unit's membrane, shape (units or more, bits)."""
        layer = self._config.weight_layer(number)
        if layer.hidden:
            return self._units(number)[:, self._config.lfsr_bits :]
        return self._bits(f"membranes_{number}").reshape(layer.row_lanes, -1)


class HardwareState(StoredState):
    """The same states, and the flags of each tick, in a simulation by cocotb.

    Parameters
    ----------
    top : cocotb handle
        The network's top module.
    probes : dict
        Hierarchical paths below it, as in the description that comes with the Verilog.
    config : NetworkConfig
    """

    def __init__(self, top: Any, probes: dict[str, str], config: NetworkConfig) -> None:
        super().__init__(config)
        self._handles = {name: _resolve(top, path) for name, path in probes.items()}

    @property
    def ticked(self) -> Any:
        """Handle of the strobe that is set in the clock after a tick."""
        return self._handles["ticked"]

    def flags(self) -> Flags:
        """Read what is registered after a tick; an unknown bit raises ValueError."""
        config = self._config
        names = ("winner", *(f"{name}_{config.depth}" for name in _ERRORS))
        flags = {name: _number(self._handles[name]) for name in names}
        for layer, units in enumerate(config.layers[1:-1], start=1):
            # The lanes of a last word that no unit uses are left out.
            columns = [
                *self._bits(f"marks_{layer}").reshape(-1, _MARK_BITS)[:units, : len(_HIDDEN_FLAGS)].T,
                *self._bits(f"errors_{layer}").reshape(-1, len(_ERRORS))[:units].T,
            ]
            before = _number(self._handles[f"first_{layer}"])
            for name, column in zip((*_HIDDEN_FLAGS, *_ERRORS), columns, strict=True):
                flags[f"{name}_{layer}"] = 0 if before else _packed(column)
        return flags

    def _bits(self, name: str) -> NDArray[np.uint8]:
        words = self._words(name)
        width = len(words[0])
        size = (width + 7) // 8
        raw = np.frombuffer(b"".join(_number(word).to_bytes(size, "little") for word in words), dtype=np.uint8)
        return np.unpackbits(raw.reshape(-1, size), axis=1, count=width, bitorder="little")

    def _put(self, name: str, bits: NDArray[np.uint8]) -> None:
        packed = np.packbits(bits, axis=1, bitorder="little")
        for word, content in zip(self._words(name), packed, strict=True):
            word.value = int.from_bytes(content.tobytes(), "little")

    def _words(self, name: str) -> list[Any]:
        """Return the handles of a memory's words, or that of a signal."""
        config, handle = self._config, self._handles[name]
        kind, *place = name.split("_")
        if kind == "inputs" and config.input_turns > 1:
            return [handle[address] for address in range(config.input_turns)]
        if kind not in ("weights", "units", "marks", "errors", "membranes"):
            return [handle]
        layer = config.weight_layer(int(place[0]))
        words = layer.unit_fold if kind in ("units", "marks") else layer.fold
        if kind == "weights":
            words *= bank_rows(layer.inputs, layer.banks)
        elif words == 1:
            return [handle]
        return [handle[address] for address in range(words)]


def _resolve(top: Any, path: str) -> Any:
    for part in path.split("."):
        top = getattr(top, part)
    return top


def _packed(flags: NDArray[np.bool_] | NDArray[np.uint8]) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _number(handle: Any) -> int:
    """Return a vector, or a single bit, as a number; an unknown bit raises ValueError, which names the signal."""
    value = handle.value
    try:
        return int(value.to_unsigned()) if hasattr(value, "to_unsigned") else int(value)
    except ValueError:
        raise ValueError(f"{value} in {handle._path}") from None


def _fields(values: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Return words of numbers of `width` bits, shape (words, numbers), as bits, shape (words, numbers * width)."""
    bits = (values[:, :, None] >> np.arange(width, dtype=values.dtype)) & values.dtype.type(1)
    packed: NDArray[np.uint8] = bits.astype(np.uint8).reshape(len(values), -1)
    return packed


def _unsigned(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    values = np.uint64(1) << np.arange(bits.shape[-1], dtype=np.uint64)
    total: NDArray[np.uint64] = (bits * values).sum(axis=-1, dtype=np.uint64)
    return total


def _signed(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    values = np.int64(1) << np.arange(bits.shape[-1], dtype=np.int64)
    values[-1] = -values[-1]
    return bits @ values
