"""``backspike predict``: what a trained network takes samples for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backspike.errors import BackspikeError
from backspike.progress import announced

from .options import (
    PATH,
    answering,
    any_engine_option,
    checkpoint_option,
    data_dir_option,
    draws_option,
    examples,
    first_samples,
    optional_dataset_option,
    samples_option,
    setting_option,
    tell_table,
)

__all__ = ["predict"]


def _tell(found: dict[str, Any]) -> None:
    samples = found["samples"]
    known = ["label"] if "label" in samples[0] else []
    table = [
        (of["sample"], *(of[name] for name in known), of["class"], f"{of['confidence']:.1%}", *of["wins"])
        for of in samples
    ]
    classes = [f"wins {number}" if number == 0 else number for number in range(len(samples[0]["wins"]))]
    tell_table([("sample", *known, "class", "confidence", *classes), *table], right=True)


@click.command(
    epilog=examples(
        "backspike predict --checkpoint run/checkpoint.npz digit.png",
        "backspike predict --checkpoint run/checkpoint.npz --dataset digits --samples 10 --json",
    )
)
@checkpoint_option
@click.argument("file", type=PATH, required=False)
@optional_dataset_option("The dataset whose samples to test on are shown.")
@setting_option
@data_dir_option
@samples_option
@draws_option
@any_engine_option
@answering(_tell)
def predict(
    checkpoint: Path,
    file: Path | None,
    dataset_name: str | None,
    settings: dict[str, Any],
    data_dir: Path | None,
    samples: int | None,
    seed: int | None,
    engine: str,
) -> dict[str, Any]:
    """Say which class a trained network takes each sample for, and how sure it is.

    FILE has one sample or several: an image of the network's size, whose white is 255 as in the samples that were
    learned, an .npy array, or an .npz archive of one array or with one called values. Arrays are of whole numbers from
    0 to 255, floats from 0 to 1, or booleans. With --dataset, the samples to test on are shown instead, with their
    labels.

    The class is the one that has won most ticks, the confidence its share of them. Learning is off, and the checkpoint
    stays as it is. Answers depend on chance, but the same command gives the same ones.
    """
    from backspike.datasets import load_dataset
    from backspike.training.answers import answer
    from backspike.training.checkpoint import Checkpoint
    from backspike.training.samples import read_samples

    if (file is None) == (dataset_name is None):
        raise BackspikeError("either FILE or --dataset says what is to be shown")
    trained = Checkpoint.load(checkpoint)
    config = trained.config
    if dataset_name is None:
        for name, given in (("--dataset-setting", settings), ("--data-dir", data_dir)):
            if given:
                raise BackspikeError(f"{name} needs --dataset")
        assert file
        values, labels = read_samples(file, config), None
        if samples is not None and samples > len(values):
            raise BackspikeError(f"--samples must be at most {len(values)}, as many as {file} has, not {samples}")
        values = values[:samples]
    else:
        with announced(f"loading {dataset_name}"):
            dataset = load_dataset(dataset_name, config, config.seed, settings, data_dir)
        values, labels = first_samples(dataset, samples)
    answers = answer(trained.network(seed), values, engine, "predicting", silent=False)
    rows = zip(answers.classes.tolist(), answers.confidences.tolist(), answers.wins.tolist(), strict=True)
    found = [
        {"sample": number, "class": winner, "confidence": confidence, "wins": wins}
        | ({} if labels is None else {"label": int(labels[number])})
        for number, (winner, confidence, wins) in enumerate(rows)
    ]
    return {"seed": seed, "samples": found}
