"""Golden model against hardware: the same samples through both, every state compared."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from backspike.config import NetworkConfig
from backspike.datasets import Dataset
from backspike.errors import BackspikeError
from backspike.files import make_directory
from backspike.hdl.verilog import write_design
from backspike.model import Counters, Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.model.synapses import initial_weights

from .exchange import store_values
from .exercise import lively_weights
from .golden import golden_process
from .native import HardwareError, NativeNetwork
from .observation import BETWEEN_SAMPLES, compared_state, difference
from .runner import run_bench
from .simulators import require_simulator
from .views import write_views

__all__ = ["Comparison", "Schedule", "advance", "compare", "compare_native", "differing_counter", "schedule_of"]

WORDS_BY_REGISTER = {"verilator": 4096, "icarus": 128}
"""So many words of weights are written and read through the register interface: all of a small network's.

Of a larger one it is a run of each layer's, as each takes more cycles than a tick does of a small network; the others
go past the interface, and with a waveform all of them.
"""


@dataclass(frozen=True)
class Schedule:
    """Samples in the order in which they are shown.

    Attributes
    ----------
    values : uint8 array, shape (N, n_0), or (N, T, n_0) for recorded spikes
    labels : int64 array, shape (N,)
    learn : bool array, shape (N,)
    rates : int64 array, shape (N, L)
        Learning rates in 1/256 that hold while each sample is shown.
    weights : list of int64 array, shape (inputs + 1, units)
        What the network starts with.
    seed : int
        Seed of the network's LFSRs. One other than the configuration's is written to the SEED registers, so
        that one build serves all seeds.
    """

    values: NDArray[np.uint8]
    labels: NDArray[np.int64]
    learn: NDArray[np.bool_]
    rates: NDArray[np.int64]
    weights: Sequence[NDArray[np.int64]]
    seed: int


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    mismatch : str
        The first difference, in words; empty if there is none. With one, what follows stops there.
    compared : dict
        How many values of each kind were compared and equal.
    predicted : int64 array, shape (N,)
        The class that the hardware gave each sample.
    counters : dict
        The hardware's counters.
    weights : list of int64 array, shape (inputs + 1, units)
        The hardware's weights at the end; none of a netlist with a mismatch.
    lfsrs : uint64 array, shape (lfsrs,)
        The states of the hardware's LFSRs at the end, numbered as `model.seeding.LfsrMap` does; None if they
        were compared on the way only, or not at all.
    """

    mismatch: str
    compared: dict[str, int]
    predicted: NDArray[np.int64]
    counters: dict[str, int]
    weights: list[NDArray[np.int64]]
    lfsrs: NDArray[np.uint64] | None = None


def schedule_of(
    config: NetworkConfig,
    dataset: Dataset,
    samples: int,
    seed: int,
    inference: bool = False,
    weights: Sequence[NDArray[np.int64]] | None = None,
) -> Schedule:
    """Return the first samples of a dataset: those to train on, or with `inference` those to test on, learning off.

    The weights are drawn from the seed where none are given. Of a synthetic dataset the second half is shown with
    all rates at 256, so that every coincidence counts, and they are `lively_weights`.

    Raises
    ------
    BackspikeError
        The dataset has fewer samples, or does not fit the configuration.
    """
    dataset.require(config)
    values, labels = dataset.train_values, dataset.train_labels
    if inference:
        values, labels = dataset.test_values, dataset.test_labels
    if samples > len(labels):
        raise BackspikeError(f"samples must be at most {len(labels)}, as many as {dataset.name} has, not {samples}")
    rates = np.tile(np.array(config.rates, dtype=np.int64), (samples, 1))
    if dataset.synthetic:
        rates[samples // 2 :] = 256
    if weights is None:
        weights = (lively_weights if dataset.synthetic else initial_weights)(config, seed)
    return Schedule(values[:samples], labels[:samples], np.full(samples, not inference), rates, weights, seed)


def advance(bar: tqdm) -> Callable[[int], None]:
    """Return the `progress` of a comparison that moves a progress bar."""

    def progress(done: int) -> None:
        bar.update(done - bar.n)

    return progress


def compare(
    config: NetworkConfig,
    schedule: Schedule,
    *,
    simulator: str = "verilator",
    seed: int = 1,
    stalls: float = 0.0,
    waves: Path | None = None,
    everything: bool = False,
    out: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Show a schedule to the golden model and to the simulated Verilog, and compare them.

    After every tick: spikes, gates, permissions, error spikes and the winner; after every sample: every weight,
    membrane and LFSR state; for every sample its result; in the end the counters, and the weights as the
    register interface reads them: all of a small network's, else a part (`WORDS_BY_REGISTER`).

    Parameters
    ----------
    config : NetworkConfig
    schedule : Schedule
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    seed : int
        Seed of the stalls.
    stalls : float
        Probability of a stall on each stream in each cycle, 0 to below 1.
    waves : Path, optional
        Where to write a waveform (``.fst``, or with Verilator ``.vcd``), with save files for viewers (`write_views`).
    everything : bool
        Record every signal in the waveform, not only ports and the states that are compared; with Verilator, whose
        build then takes many times longer, and large designs many gigabytes.
    out : Path, optional
        Where to leave the Verilog, its description and the simulation's log.
    progress : callable, optional
        Called now and then with the number of samples done.

    Raises
    ------
    BackspikeError
        A simulator is missing, the simulation or the golden model died, or a file cannot be written.
    """
    for path in (out, waves.parent if waves else None):
        if path:
            make_directory(path)
    require_simulator(simulator, waves)
    with tempfile.TemporaryDirectory(prefix="backspike-") as scratch:
        directory = out or Path(scratch)
        verilog, description = (path.read_text(encoding="utf-8") for path in write_design(config, directory))
        described = json.loads(description)
        done, pipe, job_file = (Path(scratch) / name for name in ("done", "expected", "job.npz"))
        os.mkfifo(pipe)
        job = {
            "config": config.to_dict(),
            "ports": described["ports"],
            "probes": described["probes"],
            "values": schedule.values,
            "labels": schedule.labels,
            "learn": schedule.learn,
            "rates": schedule.rates,
            "seed": schedule.seed,
            "stalls": stalls,
            "stall_seed": seed,
            "words_by_register": WORDS_BY_REGISTER.get(simulator, 0) if waves is None else 0,
            "expected": str(pipe),
            "progress": str(done),
            **{f"weights_{layer}": weights for layer, weights in enumerate(schedule.weights, start=1)},
        }
        store_values(job_file, job)
        # The golden model ends first: when interrupted, the bench then has nothing to wait for.
        with ThreadPoolExecutor(1) as pool, golden_process(job_file, pipe):
            running = pool.submit(
                run_bench,
                "backspike.sim.network_bench",
                verilog,
                config.name,
                simulator=simulator,
                parameters=job,
                public=None if everything else [probe["path"] for probe in described["probes"].values()],
                seed=seed,
                waves=waves,
                log=out / "simulation.log" if out else None,
            )
            while True:
                try:
                    found = running.result(timeout=0.5)
                    break
                except NotYet:
                    if progress and done.exists():
                        progress(int(done.read_text() or 0))
    if waves is not None:
        write_views(waves, config, verilog)
    return Comparison(
        mismatch=found["mismatch"],
        compared=found["compared"],
        predicted=found["predicted"],
        counters=found["counters"],
        # None of them where the bench has stopped before it has read them.
        weights=[found[name] for name in (f"weights_{n.number}" for n in config.weight_layers) if name in found],
    )


def compare_native(
    config: NetworkConfig,
    schedule: Schedule,
    *,
    interval: int = 256,
    seed: int = 1,
    stalls: float = 0.0,
    out: Path | None = None,
    optimise: bool = True,
    gates: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Show a schedule to the fast golden model and to the natively simulated Verilog, and compare them.

    For every sample: its wins, which follow from every tick of it. Every `interval` samples, where learning or rates
    change, and in the end: every weight, membrane and LFSR state. In the end also the counters, and the weights as the
    register interface reads them. Weights, rates and seed go through the register interface.

    Of a netlist (`gates`) the states compared are the weights, as the register interface reads them.

    Parameters
    ----------
    config : NetworkConfig
    schedule : Schedule
    interval : int
        Samples between two looks at the states, at least 1; so many are streamed back to back.
    seed : int
        Seed of the stalls.
    stalls : float
        Probability of a stall on each stream in each cycle, 0 to below 1.
    out : Path, optional
        Where to leave the Verilog and its description.
    optimise : bool
        Whether the compiler takes its time: right unless only a few samples are shown, or the netlist, which is large.
    gates : str, optional
        A family of `gates.FAMILIES`: what is simulated is the netlist for it.
    progress : callable, optional
        Called with the number of samples done.

    Raises
    ------
    BackspikeError
        Verilator, the compiler or Yosys is missing or fails, or a file cannot be written.
    """
    from backspike.model.fast import run_samples as show  # the compiler takes a second to load

    network = Network(config.replace(seed=schedule.seed), schedule.weights)
    counted = (StateKind.WEIGHT,) if gates else (StateKind.WEIGHT, StateKind.RANDOM)
    compared = dict.fromkeys(("samples", "ticks", *(kind.value for kind in counted)), 0)
    predicted: list[int] = []
    with NativeNetwork(config, stalls, seed, out, optimise, gates) as hardware:

        def through_registers() -> NetworkState:
            return NetworkState.of_weights(config, [hardware.read_weights(at.number) for at in config.weight_layers])

        def found(mismatch: str) -> Comparison:
            # A netlist that fails may not answer when its weights are asked for.
            weights = [] if gates else hardware.state.read(StateKind.WEIGHT).weights
            return Comparison(mismatch, compared, np.array(predicted, dtype=np.int64), {}, weights)

        try:
            if schedule.seed != config.seed:
                hardware.reseed(schedule.seed)
            for layer, weights in enumerate(network.weights, start=1):
                hardware.write_weights(layer, weights)
            for start, end in _stretches(schedule, interval):
                rates, learn = schedule.rates[start].tolist(), bool(schedule.learn[start])
                if network.rates != rates:
                    network.rates = rates
                    hardware.set_rates(rates)
                got = hardware.show(schedule.values[start:end], schedule.labels[start:end], learn)
                wanted = show(network, schedule.values, schedule.labels, np.arange(start, end), learn)
                differing = np.flatnonzero((wanted != got).any(axis=1))
                if len(differing):
                    first = int(differing[0])
                    return found(
                        f"sample {start + first}, result: expected wins {wanted[first].tolist()}, "
                        f"got {got[first].tolist()}"
                    )
                predicted += got.argmax(axis=1).tolist()
                expected = compared_state(network) if gates is None else NetworkState.of(network, StateKind.WEIGHT)
                mismatch = difference(
                    expected, hardware.state.read(*BETWEEN_SAMPLES) if gates is None else through_registers()
                )
                if mismatch:
                    return found(f"after sample {end - 1}, {mismatch}")
                for kind in counted:
                    compared[kind.value] += sum(array.size for array in expected.of_kind(kind).values())
                compared |= {"samples": end, "ticks": network.counters.ticks}
                if progress:
                    progress(end)
            counters = hardware.counters()
            read = through_registers().weights
        except HardwareError as error:
            return found(f"sample {len(predicted)} or one after it: {error}")
        mismatch_of_counters = differing_counter(network.counters, counters)
        if mismatch_of_counters:
            return found(mismatch_of_counters)
        for layer, (weights, got) in enumerate(zip(network.weights, read, strict=True), start=1):
            if not np.array_equal(got, weights):
                return found(f"layer {layer}, weights: not those that were compared, read through the registers")
        lfsrs = None
        if gates is None:
            lfsrs = hardware.state.read(StateKind.RANDOM).lfsrs
    return Comparison("", compared, np.array(predicted, dtype=np.int64), counters, read, lfsrs)


def _stretches(schedule: Schedule, interval: int) -> Iterator[tuple[int, int]]:
    """Cut a schedule where learning or rates change, and after every `interval` samples."""
    learn, rates = schedule.learn, schedule.rates
    changes = (learn[1:] != learn[:-1]) | (rates[1:] != rates[:-1]).any(axis=1)
    cuts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(learn)]
    for start, end in pairwise(cuts):
        for first in range(start, end, interval):
            yield first, min(first + interval, end)


def differing_counter(model: Counters, hardware: dict[str, int]) -> str:
    """Return the first counter of the hardware that is not the model's, in words; empty if there is none."""
    for name, count in model.by_register().items():
        if hardware[name] != count % 2**32:
            return f"counter {name}: expected {count % 2**32}, got {hardware[name]}"
    return ""
