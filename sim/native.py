"""The generated Verilog as a compiled library that is shown whole batches of samples: no Python runs per cycle."""

from __future__ import annotations

import ctypes
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import RATE_BITS, NetworkConfig
from backspike.errors import BackspikeError
from backspike.hdl.timing import sample_limit
from backspike.hdl.verilog import write_design
from backspike.layers import WeightLayer
from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.registers import RegisterMap, window_weights, window_words

from .gates import gate_level
from .layout import Layout
from .library import DRIVEN, load_library
from .observation import BETWEEN_SAMPLES, StoredState

__all__ = ["BATCH", "HardwareError", "NativeNetwork", "RtlEngine"]

BATCH = 256
"""Samples that are turned into a stream at a time."""

_HARNESS = Path(__file__).with_name("native.cpp")
_DEVICE, _WORDS, _NUMBER = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "open": (_DEVICE, [_NUMBER, _NUMBER]),
    "close": (None, [_DEVICE]),
    "clocks": (_NUMBER, [_DEVICE]),
    "settle": (None, [_DEVICE]),
    "show": (ctypes.c_int64, [_DEVICE, _WORDS, _NUMBER, _WORDS, _NUMBER, _NUMBER]),
    "access": (ctypes.c_int64, [_DEVICE, _WORDS, _WORDS, _NUMBER, _NUMBER]),
    "find": (ctypes.c_void_p, [_DEVICE, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_NUMBER)]),
}


class HardwareError(BackspikeError):
    """The hardware does not do what its interface promises; the message says what."""


class NativeNetwork:
    """A network's Verilog, compiled by Verilator and driven by C++ (`native.cpp`) through its ports.

    Builds are kept in `backspike.cache`, by a hash of the Verilog and of all that the build depends on.

    Parameters
    ----------
    config : NetworkConfig
    stalls : float
        Probability that a stream stalls in a cycle, 0 to below 1: a sample's entry comes late, or a result waits.
    seed : int
        Seed of the stalls.
    out : Path, optional
        Where to leave the Verilog and its description.
    optimise : bool
        Whether the compiler takes its time: right unless only a few samples are shown.
    gates : str, optional
        A family of `gates.FAMILIES`: the netlist that synthesis makes of the Verilog for it is simulated instead. It
        has the same ports and none of the names inside, so `state` finds nothing.

    Raises
    ------
    BackspikeError
        Verilator, the compiler or Yosys is missing or fails, or a file cannot be written.
    HardwareError
        Later: the hardware does not answer, or changes a payload before it is taken.
    """

    def __init__(
        self,
        config: NetworkConfig,
        stalls: float = 0.0,
        seed: int = 1,
        out: Path | None = None,
        optimise: bool = True,
        gates: str | None = None,
    ) -> None:
        if not 0 <= stalls < 1:
            raise BackspikeError(f"stalls must be at least 0 and below 1, not {stalls}")
        self.config = config
        verilog, description = _texts(write_design(config, out)) if out else _design(config)
        described = json.loads(description)
        ports = described["ports"]
        self._requests, self._samples, self._results = (
            Layout(ports[f"{stream}__payload"]) for stream in ("requests", "samples", "results")
        )
        self._registers = RegisterMap(config)
        probes = described["probes"]
        if gates is not None:
            verilog, probes = gate_level(verilog, config.name, gates), {}
        seen = [probe["path"] for probe in probes.values()]
        self._library = load_library(_HARNESS, _SIGNATURES, verilog, config.name, ports, seen, optimise)
        self._device = ctypes.c_void_p(self._library.backspike_open(int(stalls * 2**32), seed))
        self.state = NativeState(config, probes, self._library, self._device)
        # Clocks that no transfer is waited for so long.
        self._patience = int((sample_limit(config) + 100_000) / (1 - stalls))

    def close(self) -> None:
        """Free the simulation; nothing may be asked of it afterwards."""
        device, self._device = self._device, ctypes.c_void_p()
        if device:
            self._library.backspike_close(device)

    def __enter__(self) -> NativeNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def clocks(self) -> int:
        """Clocks since the start."""
        return int(self._library.backspike_clocks(self._device))

    # -- registers --------------------------------------------------------------------------------------------

    def access(self, name: str, values: NDArray[np.int64] | None = None, count: int = 1) -> NDArray[np.uint32]:
        """Write some values to a register, one after the other, or read it several times; return what it held."""
        data = np.zeros(count, dtype=np.int64) if values is None else np.asarray(values)
        fields = {"address": self._registers[name].address, "write": int(values is not None), "data": data}
        requests, responses = _packed(self._requests, fields, len(data)), np.empty(len(data), dtype=np.uint32)
        answered = self._library.backspike_access(
            self._device, requests.ctypes, responses.ctypes, len(data), self._patience
        )
        self._check(answered, len(data), f"accesses to {name}")
        return responses

    def read(self, name: str) -> int:
        """Return a register's value, 0 to 2**32 - 1."""
        return int(self.access(name)[0])

    def write(self, name: str, value: int) -> None:
        """Write a register, and wait until the write has taken effect."""
        self.access(name, np.array([value]))

    def reseed(self, seed: int) -> None:
        """Seed all LFSRs anew; what comes next waits until it is done."""
        for name, value in self._registers.seeding(seed).items():
            self.write(name, value)

    def set_rates(self, rates: Sequence[int]) -> None:
        """Write the learning rate of each layer, in 1/256."""
        for name, value in self._registers.rates(rates).items():
            self.write(name, value)

    def clear_counters(self) -> None:
        """Set every counter to zero."""
        for name, value in self._registers.clearing().items():
            self.write(name, value)

    def counters(self) -> dict[str, int]:
        """Return every counter by name."""
        return {name: self.read(name) for name in self._registers.counters}

    def write_weights(self, number: int, weights: NDArray[np.int64]) -> None:
        """Load the weights of a layer, shape (inputs + 1, units), through the registers."""
        layer = self.config.weight_layer(number)
        self._open_window(layer)
        self.access("WEIGHT_DATA", window_words(layer, weights))

    def read_weights(self, number: int) -> NDArray[np.int64]:
        """Read the weights of a layer, shape (inputs + 1, units), through the registers."""
        layer = self.config.weight_layer(number)
        self._open_window(layer)
        return window_weights(layer, self.access("WEIGHT_DATA", count=layer.rows * layer.row_lanes))

    def _open_window(self, layer: WeightLayer) -> None:
        for name, value in self._registers.window(layer).items():
            self.write(name, value)

    # -- samples ----------------------------------------------------------------------------------------------

    def show(self, values: NDArray[np.uint8], labels: NDArray[np.int64], learn: bool) -> NDArray[np.int64]:
        """Stream samples, one after the other, and return the wins of each class for each of them.

        Parameters
        ----------
        values : uint8 array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
        labels : int64 array, shape (samples,)
        learn : bool
            Whether the network learns from them.

        Returns
        -------
        int64 array, shape (samples, n_L)

        Raises
        ------
        HardwareError
            The hardware gives too few results, or a winner that is not the class with the most wins.
        """
        return self._exchange(*self._entries(values, labels, learn), len(values))

    def offer(self, values: NDArray[np.uint8], labels: NDArray[np.int64], learn: bool) -> None:
        """Stream samples, and take no results: `take` does; see `show`.

        Raises
        ------
        HardwareError
            There is no room for them.
        """
        before = self.clocks
        self._exchange(*self._entries(values, labels, learn), 0)
        if self.clocks - before > self._patience:
            raise HardwareError(f"the hardware does not take {len(values)} samples without giving a result")

    def take(self, count: int) -> NDArray[np.int64]:
        """Take results of samples that were offered before; see `show`."""
        return self._exchange(np.zeros(1, dtype=np.uint32), 0, count)

    def _exchange(self, entries: NDArray[np.uint32], count: int, expected: int) -> NDArray[np.int64]:
        """Stream entries, and take as many results as are expected: return their wins."""
        results = np.zeros((max(1, expected), -(-self._results.width // 32)), dtype=np.uint32)
        came = self._library.backspike_show(
            self._device, entries.ctypes, count, results.ctypes, expected, self._patience
        )
        self._check(came, expected, "results")
        results = results[:expected]
        bits = np.unpackbits(results.view(np.uint8), axis=1, bitorder="little", count=self._results.width)
        result = self._results.read(bits)
        winners = result["winner"]
        wins: NDArray[np.int64] = result["wins"].astype(np.int64)
        wrong = np.flatnonzero((winners != wins.argmax(axis=1)) | (result["most"] != wins.max(axis=1)))
        if len(wrong):
            raise HardwareError(
                f"the hardware names class {winners[wrong[0]]} with {result['most'][wrong[0]]} wins for the wins "
                f"{wins[wrong[0]].tolist()} of a sample"
            )
        return wins

    def _entries(
        self, values: NDArray[np.uint8], labels: NDArray[np.int64], learn: bool
    ) -> tuple[NDArray[np.uint32], int]:
        """Return the entries of all lists, packed, and their number; an empty list is an entry of value 0."""
        lists = values.reshape(-1, self.config.layers[0])
        number, index = np.nonzero(lists)
        empty = np.flatnonzero(~lists.any(axis=1))
        number, index = np.append(number, empty), np.append(index, np.zeros_like(empty))
        order = np.argsort(number, kind="stable")
        number, index = number[order], index[order]
        fields = {
            "index": index,
            "value": lists[number, index],
            "label": labels[number // (len(lists) // len(values))],
            "learn": int(learn),
            "last": np.append(number[1:] != number[:-1], True),
        }
        return _packed(self._samples, fields, len(number)), len(number)

    def _check(self, came: int, expected: int, what: str) -> None:
        if came < 0:
            raise HardwareError("the hardware changed a payload before it was taken")
        if came < expected:
            raise HardwareError(
                f"the hardware gave {came} of {expected} {what}, then nothing for {self._patience} cycles"
            )


@lru_cache(maxsize=8)
def _design(config: NetworkConfig) -> tuple[str, str]:
    """Return a network's Verilog and its description: to make them takes longer than to simulate a small one."""
    with tempfile.TemporaryDirectory(prefix="backspike-") as scratch:
        return _texts(write_design(config, Path(scratch)))


def _texts(paths: Sequence[Path]) -> tuple[str, str]:
    verilog, description = (path.read_text(encoding="utf-8") for path in paths)
    return verilog, description


class RtlEngine:
    """The hardware as an engine of the golden model: see `backspike.training.engines.Engine`.

    It takes the state out of a network, shows the samples to the simulated hardware, and puts the state back, the
    counters included. Hardware is built for each configuration at first use, whatever its seed and rates.
    """

    def __init__(self) -> None:
        self._built: dict[str, NativeNetwork] = {}

    def hardware(self, config: NetworkConfig) -> NativeNetwork:
        """Return the hardware of a configuration; its counters are those of the last call."""
        # What is written to the hardware before each call is nothing to build another for.
        common = config.replace(seed=1, rates=(1 << (RATE_BITS - 1),) * config.depth, rate_decay=1.0)
        if common.hash not in self._built:
            self._built[common.hash] = NativeNetwork(common)
        return self._built[common.hash]

    def __call__(
        self,
        network: Network,
        values: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        learn: bool,
    ) -> NDArray[np.int64]:
        """Show samples; parameters, result and errors are those of `Network.run_samples`."""
        config = network.config
        network.check(values, labels, order)
        hardware = self.hardware(config)
        hardware.set_rates(network.rates)
        hardware.state.write(NetworkState.of(network, StateKind.WEIGHT, StateKind.RANDOM))
        hardware.clear_counters()
        wins = np.zeros((len(order), config.layers[-1]), dtype=np.int64)
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            wins[start : start + BATCH] = hardware.show(values[part], labels[part], learn)
        hardware.state.read(*BETWEEN_SAMPLES).put_into(network)
        network.counters.add(hardware.counters())
        return wins


class NativeState(StoredState):
    """The stored states of a native simulation: views of its memory.

    Parameters
    ----------
    config : NetworkConfig
    probes : mapping
        As in the description that comes with the Verilog.
    library, device
        The simulation.
    """

    def __init__(
        self, config: NetworkConfig, probes: Mapping[str, Any], library: ctypes.CDLL, device: ctypes.c_void_p
    ) -> None:
        super().__init__(config, probes)
        self._library, self._device = library, device
        self._found: dict[str, tuple[NDArray[np.uint8], int]] = {}

    def write(self, state: NetworkState) -> None:
        """Put a state, or a part of one, into the hardware; the rest stays."""
        super().write(state)
        self._library.backspike_settle(self._device)

    def _bits(self, name: str) -> NDArray[np.uint8]:
        words, width = self._find(name)
        return np.unpackbits(words, axis=1, count=width, bitorder="little")

    def _put(self, name: str, bits: NDArray[np.uint8]) -> None:
        words, _ = self._find(name)
        packed = np.packbits(bits, axis=1, bitorder="little")
        words[:, : packed.shape[1]] = packed

    def _find(self, name: str) -> tuple[NDArray[np.uint8], int]:
        """Return the bytes of a probe's words, shape (words, bytes), and the width of a word."""
        if name not in self._found:
            *instances, signal = self._probes[name]["path"].split(".")
            scope, shape = ".".join(["TOP", DRIVEN, "unit", *instances]), (ctypes.c_uint64 * 3)()
            address = self._library.backspike_find(self._device, scope.encode(), signal.encode(), shape)
            if not address:
                raise BackspikeError(f"the simulation has no signal {scope}.{signal}")
            words, width, size = shape
            memory = (ctypes.c_uint8 * (words * size)).from_address(address)
            self._found[name] = np.ctypeslib.as_array(memory).reshape(words, size), width
        return self._found[name]


def _packed(layout: Layout, fields: dict[str, Any], count: int) -> NDArray[np.uint32]:
    """Return payloads as 32-bit words, as many per payload as its width takes."""
    bits = np.zeros((count, -(-layout.width // 32) * 32), dtype=np.uint8)
    layout.write(bits[:, : layout.width], fields)
    return np.packbits(bits, axis=1, bitorder="little").view("<u4").ravel()
