"""The bench of the whole network: the hardware against the golden model, state for state.

Runs inside the simulator; `backspike.sim.compare` starts it and says what its parameters are.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Event, FallingEdge, RisingEdge, SimTimeoutError, with_timeout
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.hdl.timing import sample_limit
from backspike.layers import WeightLayer
from backspike.model import Result, Sample
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.registers import RegisterMap, window_weights, window_words

from .host import RegisterHost, sample_entries
from .observation import BETWEEN_SAMPLES, Expected, HardwareState, difference
from .patience import WAIT_CLOCKS
from .runner import parameters, save_results
from .streams import CLOCK_PERIOD, StreamDriver, StreamMonitor, start_clock

COUNTED = (StateKind.FLAG, StateKind.WEIGHT, StateKind.RANDOM)
"""What is said to be compared; membranes are, too."""


class DiffersError(Exception):
    """Model and hardware differ; the text says where first."""


@cocotb.test()
async def compare(dut: Any) -> None:
    """Show all samples; stop at the first mismatch."""
    bench = NetworkBench(dut, parameters())
    mismatch = ""
    try:
        await bench.run()
    except DiffersError as difference:
        mismatch = str(difference)
    save_results(
        mismatch=mismatch,
        compared=bench.compared,
        predicted=np.array(bench.predicted, dtype=np.int64),
        counters=bench.counters,
        **{f"weights_{layer}": weights for layer, weights in enumerate(bench.weights, start=1)},
    )


@dataclass(frozen=True)
class _Run:
    """Words of a layer that go through the register interface, from the first unit of a row on."""

    layer: WeightLayer
    row: int
    count: int

    @property
    def part(self) -> slice:
        """Where they are in the layer's `window_words`."""
        start = self.row * self.layer.row_lanes
        return slice(start, start + self.count)


def _runs(config: NetworkConfig, words: int, generator: Random) -> list[_Run]:
    """Return a run of each layer: all of a network of no more words, else equal shares, each from a random row on."""
    whole = [_Run(layer, 0, layer.rows * layer.row_lanes) for layer in config.weight_layers]
    if sum(run.count for run in whole) <= words:
        return whole
    runs = []
    for layer, count in ((run.layer, min(run.count, words // config.depth)) for run in whole):
        rows = -(-count // layer.row_lanes)
        runs.append(_Run(layer, generator.randint(0, layer.rows - rows), count))
    return runs


class NetworkBench:
    """The hardware, shown samples, against what the golden model wrote down.

    Parameters
    ----------
    dut : cocotb handle
    job : dict
        ``config``, ``ports`` and ``probes`` (as in the description of the Verilog), ``values``, ``labels``,
        ``learn``, ``rates`` (an entry per sample), ``weights_l``, ``seed`` (of the LFSRs), ``stalls``
        (probability), ``stall_seed``, ``words_by_register`` (how many words of weights may go that way; the others go
        straight into memory),
        ``expected`` (pipe that `golden` writes into), ``progress`` (file that gets the number of samples done).

    Attributes
    ----------
    compared : dict
        How many values of each kind were compared.
    predicted : list of int
        The class that the hardware gave each sample.
    counters : dict
        The hardware's counters at the end.
    weights : list of int64 array, shape (inputs + 1, units)
        The hardware's weights at the end.
    """

    def __init__(self, dut: Any, job: dict[str, Any]) -> None:
        self.config = NetworkConfig.from_dict(job["config"])
        self.seed: int = job["seed"]
        self.start = [job[f"weights_{layer}"] for layer in range(1, self.config.depth + 1)]
        self.expected = Path(job["expected"])
        self.samples = [
            Sample(values, int(label), bool(learn))
            for values, label, learn in zip(job["values"], job["labels"], job["learn"], strict=True)
        ]
        self.rates: NDArray[np.int64] = job["rates"]
        self.progress = Path(job["progress"])
        self.dut = dut
        self.hardware = HardwareState(dut, job["probes"], self.config)
        ports, stalls, generator = job["ports"], job["stalls"], Random(job["stall_seed"])
        self.driver = StreamDriver(dut, "samples", ports, stalls=stalls, generator=generator)
        self.results = StreamMonitor(dut, "results", ports, stalls=stalls, generator=generator)
        requests = StreamDriver(dut, "requests", ports, stalls=stalls, generator=generator)
        responses = StreamMonitor(dut, "responses", ports, stalls=stalls, generator=generator)
        self.host = RegisterHost(self.config, requests, responses)
        self.compared = dict.fromkeys(("samples", "ticks", *(kind.value for kind in COUNTED)), 0)
        self.predicted: list[int] = []
        self.counters: dict[str, int] = {}
        self.weights: list[NDArray[np.int64]] = []
        self._patience = int((sample_limit(self.config) + 1000) / (1 - stalls))
        # Samples one after the other; and every weight written and read, and every LFSR seeded.
        stored = sum(weights.size for weights in self.start) + sum(self.config.layers)
        self._limit = (len(self.samples) + 2) * self._patience + int(100 * stored / (1 - stalls)) + WAIT_CLOCKS
        self._wanted: list[Result] = []
        self._results: list[Any] = []
        self._done = Event()
        self._runs = _runs(self.config, job["words_by_register"], Random(job["stall_seed"]))

    async def run(self) -> None:
        """Reset, load, show all samples, and read everything back.

        Raises
        ------
        DiffersError
            At the first mismatch.
        """
        await start_clock(self.dut, limit=self._limit)
        if self.seed != self.config.seed:
            await self.host.reseed(self.seed)
        await self._load_weights()
        sending = cocotb.start_soon(self._send())
        receiving = cocotb.start_soon(self._receive())
        with self.expected.open("rb") as pipe:
            for number in range(len(self.samples)):
                expected: Expected = pickle.load(pipe)
                try:
                    await with_timeout(self._follow(number, expected), self._patience * CLOCK_PERIOD, "ns")
                except SimTimeoutError:
                    ticks = len(expected.flags)
                    raise DiffersError(
                        f"sample {number}: expected {ticks} ticks within {self._patience} cycles, got fewer"
                    ) from None
                if number % 16 == 15:
                    self.progress.write_text(str(number + 1))
        await sending
        await receiving
        self._check_results()
        await self._check_counters()
        await self._check_weights()
        await self.results.finish()

    async def _load_weights(self) -> None:
        """Write the words of the runs as a host does, after what is not in them has gone straight into memory."""
        words = [window_words(run.layer, weights) for run, weights in zip(self._runs, self.start, strict=True)]
        if any(run.count < of_layer.size for run, of_layer in zip(self._runs, words, strict=True)):
            past = []
            for run, of_layer in zip(self._runs, words, strict=True):
                left = of_layer.copy()
                left[run.part] = 0
                past.append(window_weights(run.layer, left.astype(np.uint32)))
            self.hardware.write(NetworkState.of_weights(self.config, past))
        for run, of_layer in zip(self._runs, words, strict=True):
            if run.count:
                await self.host.write_words(run.layer, run.row, of_layer[run.part])

    async def _send(self) -> None:
        """Send the samples one after the other; where rates change, wait for the samples before."""
        rates = np.array(self.config.rates)
        for number, sample in enumerate(self.samples):
            if (self.rates[number] != rates).any():
                while self.compared["samples"] < number:
                    self._done.clear()
                    await self._done.wait()
                rates = self.rates[number]
                await self.host.set_rates(rates)
            for entry in sample_entries(self.config, sample):
                await self.driver.send(entry, 2 * self._patience)

    async def _follow(self, number: int, expected: Expected) -> None:
        """Compare the hardware with what the golden model did in a sample, tick by tick."""
        self._wanted.append(expected.result)
        ticked, settled = RisingEdge(self.hardware.ticked), FallingEdge(self.dut.clk)
        for tick, flags in enumerate(expected.flags):
            await ticked
            await settled
            _differ(f"sample {number}, tick {tick}", flags, lambda: self.hardware.read(StateKind.FLAG))
        self.compared["ticks"] += len(expected.flags)
        where = f"sample {number}, after tick {len(expected.flags) - 1}"
        _differ(where, expected.state, lambda: self.hardware.read(*BETWEEN_SAMPLES))
        for state in (*expected.flags, expected.state):
            for kind in COUNTED:
                self.compared[kind.value] += sum(array.size for array in state.of_kind(kind).values())
        self.compared["samples"] += 1
        self._last = expected
        self._done.set()

    async def _receive(self) -> None:
        """Take the results."""
        for _ in self.samples:
            self._results.append(await self.results.receive(2 * self._patience))

    def _check_results(self) -> None:
        for number, (wanted, got) in enumerate(zip(self._wanted, self._results, strict=True)):
            wins = got["wins"]
            if (got["winner"], wins) != (wanted.winner, wanted.wins.tolist()):
                raise DiffersError(
                    f"sample {number}, result: expected class {wanted.winner} with wins {wanted.wins.tolist()}, "
                    f"got class {got['winner']} with wins {wins}"
                )
            self.predicted.append(got["winner"])

    async def _check_counters(self) -> None:
        expected = self._last.counters.by_register()
        for name in RegisterMap(self.config).counters:
            self.counters[name] = await self.host.read(name)
            if self.counters[name] != expected.get(name, self.counters[name]):
                raise DiffersError(f"counter {name}: expected {expected[name]}, got {self.counters[name]}")

    async def _check_weights(self) -> None:
        """Read the weights at the end, those of the runs as a host does, and compare once more."""
        weights = []
        for run, held in zip(self._runs, self.hardware.read(StateKind.WEIGHT).weights, strict=True):
            words = window_words(run.layer, held)
            if run.count:
                words[run.part] = await self.host.read_words(run.layer, run.row, run.count)
            weights.append(window_weights(run.layer, words.astype(np.uint32)))
        got = NetworkState.of_weights(self.config, weights)
        self.weights = got.weights
        _differ("after the last sample, read back", self._last.state.of_kind(StateKind.WEIGHT), lambda: got)


def _differ(where: str, expected: NetworkState, read: Callable[[], NetworkState]) -> None:
    """Raise `DiffersError` if there is a mismatch, or a bit of the hardware that is neither 0 nor 1."""
    try:
        mismatch = difference(expected, read())
    except ValueError as error:
        raise DiffersError(f"{where}: expected 0 or 1 in every bit, got {error}") from error
    if mismatch:
        raise DiffersError(f"{where}, {mismatch}")
