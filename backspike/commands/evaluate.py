"""``backspike evaluate``: how right a trained network is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backspike.progress import announced

from .options import (
    answering,
    any_engine_option,
    checkpoint_option,
    data_dir_option,
    dataset_option,
    draws_option,
    examples,
    first_samples,
    samples_option,
    setting_option,
    tell_evaluation,
)

__all__ = ["evaluate"]


@click.command(epilog=examples("backspike evaluate --checkpoint run/checkpoint.npz --dataset digits"))
@checkpoint_option
@dataset_option
@setting_option
@data_dir_option
@samples_option
@draws_option
@any_engine_option
@answering(tell_evaluation)
def evaluate(
    checkpoint: Path,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    samples: int | None,
    seed: int | None,
    engine: str,
) -> dict[str, Any]:
    """Say how many test samples a trained network answers right, in all and of each class.

    Learning is off, and the checkpoint stays as it is. Of a dataset that is split by seed, the test samples are those
    of the training. Recall is the share of a class's samples that were answered right, precision the share of the
    answers with it that were. With the dataset of the training and no --seed, the accuracy is the one that the training
    has ended with.
    """
    from backspike.datasets import load_dataset
    from backspike.training.answers import Evaluation, answer
    from backspike.training.checkpoint import Checkpoint

    trained = Checkpoint.load(checkpoint)
    config = trained.config
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, config.seed, settings, data_dir)
    values, labels = first_samples(dataset, samples)
    answers = answer(trained.network(seed), values, engine, "evaluating", silent=False)
    evaluation = Evaluation.of(answers.classes, labels, config.layers[-1])
    return {
        "dataset": dataset.name,
        "seed": seed,
        "work": answers.counters.to_dict(),
        **evaluation.to_dict(),
    }
