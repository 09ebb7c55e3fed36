"""The bench of the whole network: golden model and hardware show the same samples, state for state.

Runs inside the simulator; `backspike.sim.compare` starts it and says what its parameters are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Event, FallingEdge, RisingEdge
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model import Network, Result, Sample

from .host import RegisterHost, sample_entries
from .observation import HardwareState, State, find_mismatch, model_flags, model_stores
from .runner import parameters, save_results
from .streams import StreamDriver, StreamMonitor, start_clock

WEIGHTS_BY_REGISTER = 4096
"""Networks of no more weights are loaded through the register interface, larger ones past it."""


class Differs(Exception):
    """Model and hardware differ; the text says where first."""


@cocotb.test()
async def compare(dut: Any) -> None:
    """Show all samples; stop at the first mismatch."""
    bench = NetworkBench(dut, parameters())
    mismatch = ""
    try:
        await bench.run()
    except Differs as difference:
        mismatch = str(difference)
    save_results(
        mismatch=mismatch,
        compared=bench.compared,
        predicted=np.array(bench.predicted, dtype=np.int64),
        counters=bench.counters,
        **{f"weights_{layer}": bench.weights[layer - 1] for layer in range(1, len(bench.weights) + 1)},
    )


class NetworkBench:
    """Golden model and hardware side by side.

    Parameters
    ----------
    dut : cocotb handle
    job : dict
        ``config``, ``ports`` and ``probes`` (as in the description of the Verilog), ``values``, ``labels``,
        ``learn``, ``rates`` (an entry a sample), ``weights_l``, ``stalls`` (probability), ``seed``, ``progress``
        (file that gets the number of samples done).

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
        self.model = Network(self.config, [job[f"weights_{layer}"] for layer in range(1, self.config.depth + 1)])
        self.samples = [
            Sample(values, int(label), bool(learn))
            for values, label, learn in zip(job["values"], job["labels"], job["learn"], strict=True)
        ]
        self.rates: NDArray[np.int64] = job["rates"]
        self.progress = Path(job["progress"])
        self.dut = dut
        self.hardware = HardwareState(dut, job["probes"], self.config)
        ports, stalls, generator = job["ports"], job["stalls"], Random(job["seed"])
        self.driver = StreamDriver(dut, "samples", ports, stalls=stalls, generator=generator)
        self.results = StreamMonitor(dut, "results", ports, stalls=stalls, generator=generator)
        self.host = RegisterHost(dut, self.config, ports, stalls, generator)
        self.compared = dict.fromkeys(("samples", "ticks", "spikes, gates and errors", "weights", "LFSR states"), 0)
        self.predicted: list[int] = []
        self.counters: dict[str, int] = {}
        self.weights: list[NDArray[np.int64]] = []
        self._expected: list[Result] = []
        self._results: list[Any] = []
        self._done = Event()

    async def run(self) -> None:
        """Reset, load, show all samples, and read everything back.

        Raises
        ------
        Differs
            At the first mismatch.
        """
        await start_clock(self.dut)
        small = sum(weights.size for weights in self.model.weights) <= WEIGHTS_BY_REGISTER
        for layer, weights in enumerate(self.model.weights, start=1):
            if small:
                await self.host.write_weights(layer, weights)
            else:
                self.hardware.write_weights(layer, weights)
        sending = cocotb.start_soon(self._send())
        receiving = cocotb.start_soon(self._receive())
        for number, sample in enumerate(self.samples):
            await self._follow(number, sample)
            self.progress.write_text(str(number + 1))
        await sending
        await receiving
        await self._read_back(small)
        await self.results.finish()

    async def _send(self) -> None:
        """Send the samples one behind the other; where rates change, wait for the samples before."""
        rates = np.array(self.config.rates)
        for number, sample in enumerate(self.samples):
            if (self.rates[number] != rates).any():
                while self.compared["samples"] < number:
                    self._done.clear()
                    await self._done.wait()
                rates = self.rates[number]
                for layer, rate in enumerate(rates, start=1):
                    await self.host.write(f"RATE_{layer}", int(rate))
            for entry in sample_entries(self.config, sample):
                await self.driver.send(entry)

    async def _follow(self, number: int, sample: Sample) -> None:
        """Let the model show a sample, and compare the hardware with it tick by tick."""
        self.model.rates = [int(rate) for rate in self.rates[number]]
        expected: list[State] = []
        self._expected.append(self.model.run(sample, lambda _: expected.append(model_flags(self.model))))
        ticked, settled = RisingEdge(self.hardware.ticked), FallingEdge(self.dut.clk)
        for tick, flags in enumerate(expected):
            await ticked
            await settled
            self._compare(f"sample {number}, tick {tick}, ", flags, self.hardware.flags)
            self.compared["ticks"] += 1
            self.compared["spikes, gates and errors"] += sum(store.size for store in flags.values())
        stores = model_stores(self.model)
        self._compare(f"sample {number}, after tick {self.config.ticks - 1}, ", stores, self.hardware.stores)
        for name, store in stores.items():
            if not name.startswith("membrane"):
                self.compared["weights" if name.startswith("weights") else "LFSR states"] += store.size
        self.compared["samples"] += 1
        self._done.set()

    async def _receive(self) -> None:
        """Take the results."""
        for _ in self.samples:
            self._results.append(await self.results.receive())

    async def _read_back(self, small: bool) -> None:
        """Check results and counters; read the weights, of a small network as a host would."""
        bits = self.config.ticks.bit_length()
        for number, (wanted, got) in enumerate(zip(self._expected, self._results, strict=True)):
            wins = [(got["wins"] >> (bits * unit)) & ((1 << bits) - 1) for unit in range(len(wanted.wins))]
            if (got["winner"], wins) != (wanted.winner, wanted.wins.tolist()):
                raise Differs(
                    f"sample {number}, result: expected class {wanted.winner} with wins {wanted.wins.tolist()}, "
                    f"got class {got['winner']} with wins {wins}"
                )
            self.predicted.append(got["winner"])
        counted = self.model.counters
        names = ["SAMPLES", "TICKS", "ERROR_TICKS", *(f"ROWS_{layer}" for layer in range(1, self.config.depth + 1))]
        expected = [counted.samples, counted.ticks, counted.error_ticks, *counted.rows.tolist()]
        for name in [*names, "CLOCKS", *(f"WRITES_{layer}" for layer in range(1, self.config.depth + 1))]:
            self.counters[name] = await self.host.read(name)
        for name, value in zip(names, expected, strict=True):
            if self.counters[name] != value:
                raise Differs(f"counter {name}: expected {value}, got {self.counters[name]}")
        if small:
            self.weights = [await self.host.read_weights(layer) for layer in range(1, self.config.depth + 1)]
        else:
            stores = self.hardware.stores()
            self.weights = [stores[f"weights_{layer}"] for layer in range(1, self.config.depth + 1)]
        final = {f"weights_{layer}": weights for layer, weights in enumerate(self.model.weights, start=1)}
        got = {f"weights_{layer}": weights for layer, weights in enumerate(self.weights, start=1)}
        self._compare("after the last sample, ", final, lambda: got)

    def _compare(self, where: str, expected: State, read: Callable[[], State]) -> None:
        try:
            mismatch = find_mismatch(expected, read())
        except ValueError as error:
            raise Differs(f"{where}expected 0 or 1 in every bit, got {error}") from error
        if mismatch:
            raise Differs(f"{where}{mismatch}")
