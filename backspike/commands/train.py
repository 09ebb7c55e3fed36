"""``backspike train``: the golden model learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backspike.config import load_config
from backspike.progress import announced

from .options import (
    advising_resumption,
    any_engine_option,
    chosen_seed,
    config_option,
    data_dir_option,
    dataset_option,
    examples,
    force_option,
    out_option,
    seed_option,
    setting_option,
    told,
)

__all__ = ["train"]


@click.command(
    epilog=examples(
        "backspike train --config digits --dataset digits --epochs 20 --out run",
        "backspike train --config mine.toml --dataset mine.npz --out run",
        "backspike train --config digits --dataset digits --epochs 40 --resume --out run",
    )
)
@config_option
@dataset_option
@setting_option
@data_dir_option
@click.option("--epochs", type=click.IntRange(1, 10_000), default=20, show_default=True)
@seed_option
@any_engine_option
@click.option("--resume", is_flag=True, help="Go on with the training that is in --out.")
@force_option
@out_option
def train(
    config_name: str,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    epochs: int,
    seed: int | None,
    engine: str,
    resume: bool,
    force: bool,
    out: Path,
) -> None:
    """Train the golden model, beside a float network of the same layers.

    Writes checkpoint.npz, metrics.json and learning-curve.png. The seed decides everything: split, initial weights,
    LFSRs and order of samples. Engines differ in speed alone. Ctrl-C leaves a checkpoint, from which the same
    command with --resume goes on; so it does for more --epochs.
    """
    from backspike.datasets import load_dataset
    from backspike.training.trainer import train as run_training

    config = told(load_config(config_name))
    seed = chosen_seed(config, seed)
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, seed, settings, data_dir)
    with advising_resumption("the same command with --resume goes on from there"):
        run_training(config, dataset, epochs, seed, out, click.echo, engine, resume, force=force, picture=True)
    click.echo(f"written to {out}: checkpoint.npz, metrics.json, learning-curve.png")
