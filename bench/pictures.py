"""The pictures of the README: one digit being learned, and learning curves; `make diagrams` calls it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from backspike.config import PRESETS
from backspike.datasets import load_dataset
from backspike.files import write_atomic
from backspike.model.network import Network
from backspike.model.raster import record_raster
from backspike.model.spikes import Sample
from backspike.report.charts import CurveLine, curves_chart, raster_chart
from backspike.training.order import sample_order

ROOT = Path(__file__).parents[1]
SEED = 1


def first_digit() -> bytes:
    """Draw the very first sample that a training of the preset `digits` shows its network."""
    config = PRESETS["digits"].replace(seed=SEED)
    data = load_dataset("digits", config, SEED)
    first = sample_order(len(data.train_labels), SEED, 0)[0]
    label = int(data.train_labels[first])
    return raster_chart(record_raster(Network(config), Sample(data.train_values[first], label, True)), label)


def mnist_curve() -> bytes:
    """Draw the results of the experiment `mnist`: the mean of its seeds, and of their float networks in the end."""
    results = [json.loads(path.read_text()) for path in sorted((ROOT / "results" / "mnist").glob("seed-*.json"))]
    curve = np.mean([result["test_curve"] for result in results], axis=0)
    beside = float(np.mean([result["float_accuracy"] for result in results]))
    lines = [
        CurveLine(f"spiking network, {curve[-1]:.1%}", curve.tolist()),
        CurveLine(f"float network in the end, {beside:.1%}", [beside] * len(curve), dashed=True),
    ]
    return curves_chart(lines)


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=ROOT / "docs" / "images", help="Folder of the pictures."
)
def main(out: Path) -> None:
    """Draw the pictures of the README."""
    for name, content in (("raster.svg", first_digit()), ("mnist.svg", mnist_curve())):
        write_atomic(out / name, content)
        click.echo(out / name)


if __name__ == "__main__":
    main()
