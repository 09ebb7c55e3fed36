"""Work of trainings: the record from which `backspike estimate` and `backspike build` tell how fast a network trains.

    python bench/work.py --data-dir FOLDER

It leaves `fpga/work.json`: a line for the first seed of each experiment that has a result, and for each of the presets
below that is no experiment's, which is trained; and how long samples are and how their rows are spread over banks,
counted in the datasets. Where a dataset is not at hand, the record keeps what it had.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import trange

from backspike.config import PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError
from backspike.experiments.definitions import load_experiments
from backspike.experiments.results import read_result
from backspike.experiments.task import Task
from backspike.files import write_atomic
from backspike.fpga.throughput import RECORD, deciding_values
from backspike.model import Network
from backspike.training.engines import load_engine
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch

EPOCHS = 20
BANKS = 2, 4
SAMPLES, TICKS = 500, 8
"""From which the rows of the fullest bank are counted."""

TRAINED = {"digits": "digits", "digits-deep": "digits", "mnist-up5k": "mnist", "mnist-ecp5": "mnist"}
"""Presets, and the dataset of each."""


def record_of(task: Task, counted: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a training; what is counted in the samples comes later."""
    return {
        "dataset": task.dataset,
        "dataset_settings": task.dataset_settings,
        "epochs": task.epochs,
        "seed": task.seed,
        "network": deciding_values(task.network),
        **{key: counted[key] for key in ("samples", "ticks", "rows")},
        "entries": None,
        "fullest": {},
    }


def experiments() -> list[dict[str, Any]]:
    """Return the lines of the experiments that have a result."""
    lines = []
    for experiment in load_experiments(Path("experiments")):
        seed = experiment.seeds[0]
        if result := read_result(Path("results"), experiment, seed):
            lines.append(record_of(experiment.task(seed), result["training"]))
    return lines


def trained(preset: str, data_dir: Path | None) -> dict[str, Any]:
    """Train a preset with no test between the epochs, and return its line."""
    task = Task(network=PRESETS[preset], dataset=TRAINED[preset], epochs=EPOCHS)
    data = load_dataset(task.dataset, task.network, task.seed, {}, data_dir)
    network, show, samples = Network(task.network), load_engine("fast"), len(data.train_labels)
    for epoch in trange(task.epochs, desc=preset, unit=" epochs", leave=False, disable=None):
        network.rates = rates_of_epoch(task.network, epoch)
        show(network, data.train_values, data.train_labels, sample_order(samples, task.seed, epoch), True)
    return record_of(task, network.counters.to_dict())


def counted_in_samples(line: dict[str, Any], data_dir: Path | None) -> dict[str, Any]:
    """Return the entries of a training sample's lists, in the mean, and how its rows are spread over banks."""
    config = NetworkConfig.from_dict(line["network"])
    data = load_dataset(line["dataset"], config, line["seed"], line["dataset_settings"], data_dir)
    entries = float(np.count_nonzero(data.train_values)) / len(data.train_values)
    return {"entries": round(entries, 1), "fullest": {str(banks): fullest(config, data, banks) for banks in BANKS}}


def fullest(config: NetworkConfig, data: Dataset, banks: int) -> float:
    """Return the rows of the bank with most of a tick's rows, over those of a bank in the mean; the bias row is one."""
    generator = np.random.Generator(np.random.PCG64(1))
    recorded = config.input == "spikes"
    most, rows = 0, 0
    for values in data.train_values[:SAMPLES]:
        for tick in range(TICKS):
            spikes = values[tick % config.ticks] if recorded else generator.integers(0, 256, values.shape) < values
            of_banks = np.bincount(np.append(np.flatnonzero(spikes), config.layers[0]) % banks, minlength=banks)
            most, rows = most + int(of_banks.max()), rows + int(of_banks.sum())
    return round(most * banks / rows, 3)


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder in which datasets are looked for first.")
def main(data_dir: Path | None) -> None:
    """Collect, train, count and write the record."""
    before = {json.dumps(line["network"]): line for line in json.loads(RECORD.read_text())} if RECORD.exists() else {}
    lines = experiments()
    for preset in TRAINED:
        network = deciding_values(PRESETS[preset])
        if all(line["network"] != network for line in lines):
            lines.append(before.get(json.dumps(network)) or trained(preset, data_dir))
    for line in lines:
        try:
            line |= counted_in_samples(line, data_dir)
        except BackspikeError as error:
            line |= {key: before.get(json.dumps(line["network"]), line)[key] for key in ("entries", "fullest")}
            click.echo(f"{line['dataset']}: entries as before, {line['entries']}: {error}", err=True)
    write_atomic(RECORD, ("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n").encode())


if __name__ == "__main__":
    main()
