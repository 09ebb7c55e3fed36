"""What is compared: the state of a network, from the golden model and from the simulated hardware, by one set of names.

``spike_l``, ``gate_l``, ``permit_l``, ``error_pos_l``, ``error_neg_l`` and ``winner`` are there after each tick;
``weights_l``, ``random_l``, ``membrane_l`` (with a leak), ``bias_l`` and ``inputs`` after each sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from cocotb.types import Logic
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model import Network

__all__ = ["HardwareState", "Mismatch", "find_mismatch", "model_flags", "model_stores"]

State = dict[str, NDArray[np.int64]]
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


def find_mismatch(expected: State, got: State) -> Mismatch | None:
    """Return the first difference between two states of the same names and shapes."""
    for name, wanted in expected.items():
        differing = np.argwhere(wanted != got[name])
        if len(differing):
            position = tuple(int(index) for index in differing[0])
            return Mismatch(name, position, int(wanted[position]), int(got[name][position]))
    return None


def model_flags(network: Network) -> State:
    """Return what the golden model has registered after a tick."""
    state: State = {}
    for layer, units in enumerate(network.hidden, start=1):
        for name in (*_HIDDEN_FLAGS, *_ERRORS):
            state[f"{name}_{layer}"] = getattr(units, name).astype(np.int64)
    for name in _ERRORS:
        state[f"{name}_{network.config.depth}"] = getattr(network.output, name).astype(np.int64)
    state["winner"] = np.array([network.output.winner])
    return state


def model_stores(network: Network) -> State:
    """Return what the golden model keeps from sample to sample. LFSR states are taken as signed 64-bit patterns."""
    state: State = {"inputs": network.generator.states.view(np.int64)}
    for layer, (units, array) in enumerate(
        zip([*network.hidden, network.output], network.synapses, strict=True), start=1
    ):
        state[f"weights_{layer}"] = array.weights
        state[f"bias_{layer}"] = array.bias_state.view(np.int64)
        state[f"random_{layer}"] = units.states.view(np.int64)
        if network.config.leak:
            state[f"membrane_{layer}"] = units.membrane
    return state


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

    @property
    def ticked(self) -> Any:
        """Handle of the strobe that is set in the clock after a tick."""
        return self._handles["ticked"]

    def flags(self) -> State:
        """Read what is registered after a tick."""
        config, state = self._config, State()
        for layer in range(1, config.depth + 1):
            for name in (*(_HIDDEN_FLAGS if layer < config.depth else ()), *_ERRORS):
                bits = _bits(self._handles[f"{name}_{layer}"].value)
                state[f"{name}_{layer}"] = bits[: config.layers[layer]]
        state["winner"] = np.array([_word(self._handles["winner"].value)])
        return state

    def stores(self) -> State:
        """Read what is kept from sample to sample."""
        config = self._config
        inputs = [_word(self._handles[f"input_{index}"].value) for index in range(config.input_streams)]
        state = {"inputs": np.array(inputs, dtype=np.uint64).view(np.int64)}
        for layer in range(1, config.depth + 1):
            units = config.layers[layer]
            state[f"weights_{layer}"] = self._read_weights(layer)
            state[f"bias_{layer}"] = np.array([_word(self._handles[f"bias_{layer}"].value)], np.uint64).view(np.int64)
            lanes = self._read_units(layer)[:units]
            state[f"random_{layer}"] = _unsigned(lanes[:, : config.lfsr_bits]).view(np.int64)
            if config.leak:
                state[f"membrane_{layer}"] = _signed(lanes[:, config.lfsr_bits :])
        return state

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
        words = np.array([_bits(handle[address].value) for address in range(rows * fold)])
        return _signed(words.reshape(rows, fold * lanes, config.weight_bits))[:, :units]

    def _read_units(self, layer: int) -> NDArray[np.int64]:
        """Return the bits of each unit's state, shape (units, bits)."""
        config, handle = self._config, self._handles[f"units_{layer}"]
        if layer == config.depth:
            return np.array([_bits(handle[unit].value) for unit in range(config.layers[layer])])
        fold, lanes = config.folds[layer - 1], config.lanes[layer - 1]
        words = [_bits(handle.value)] if fold == 1 else [_bits(handle[word].value) for word in range(fold)]
        return np.array(words).reshape(fold * lanes, -1)


def _resolve(top: Any, path: str) -> Any:
    for part in path.split("."):
        top = getattr(top, part)
    return top


def _word(value: Any) -> int:
    """Return a vector, or a single bit, as a number; an unknown bit raises ValueError."""
    return int(value) if isinstance(value, Logic) else int(value.to_unsigned())


def _bits(value: Any) -> NDArray[np.int64]:
    """Return a vector's bits, least significant first; an unknown bit raises ValueError."""
    width = 1 if isinstance(value, Logic) else len(value)
    raw = np.frombuffer(_word(value).to_bytes((width + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(raw, bitorder="little")[:width].astype(np.int64)


def _unsigned(bits: NDArray[np.int64]) -> NDArray[np.uint64]:
    weights = np.uint64(1) << np.arange(bits.shape[-1], dtype=np.uint64)
    return (bits.astype(np.uint64) * weights).sum(axis=-1, dtype=np.uint64)


def _signed(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    weights = np.int64(1) << np.arange(bits.shape[-1], dtype=np.int64)
    weights[-1] = -weights[-1]
    return bits @ weights
