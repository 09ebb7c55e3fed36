"""Several trainings beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from backspike.experiments.work import mean_work
from backspike.training.identity import network_identity

from .charts import CurveLine, curves_chart
from .folders import TrainingFolder
from .parts import Part, Picture, Table, percent, points

__all__ = ["overview"]


def overview(trainings: Sequence[TrainingFolder]) -> list[Part]:
    """Return the comparison of several trainings."""
    if len(trainings) < 2:
        return []
    rows = []
    for number, training in enumerate(trainings, start=1):
        last = training.epochs[-1] if training.epochs else None
        work = mean_work([last.test], training.config.layers) if last else None
        beside = training.float_accuracy
        rows.append(
            [
                f"{number}: {training.folder.name or training.folder}",
                training.sizes,
                training.dataset or "unknown",
                str(training.config.seed),
                str(len(training.epochs)),
                percent(last.test_accuracy if last else None),
                percent(beside),
                points(last.test_accuracy - beside) if last and beside is not None else "-",
                f"{work.ticks:.1f}" if work else "-",
                f"{work.reads:,.0f}" if work else "-",
            ]
        )
    lines = [
        line
        for number, training in enumerate(trainings, start=1)
        if training.epochs
        for line in (
            CurveLine(f"{number}", [epoch.test_accuracy for epoch in training.epochs]),
            CurveLine(f"{number}, float", training.float_accuracies[: len(training.epochs)], dashed=True),
        )
    ]
    words = _means(trainings)
    table = Table(
        [
            "training", "layers", "dataset", "seed", "epochs", "test accuracy", "float network", "difference",
            "ticks per test sample", "synapses read per test sample",
        ],
        rows,
    )  # fmt: skip
    alt = (
        "Test accuracy after each epoch of all trainings, and of the float networks beside them: the table has the "
        "last of each."
    )
    caption = "Test accuracy after each epoch; numbers are those of the rows below, dashed lines are float networks."
    return [
        Part(
            "All trainings",
            words=words,
            pictures=[Picture.svg(curves_chart(lines), alt)] if lines else [],
            captions=[caption] if lines else [],
            table=table,
            source="metrics.json of each folder: epochs, float_accuracies",
        )
    ]


def _means(trainings: Sequence[TrainingFolder]) -> list[str]:
    """Return a sentence on each group of trainings that differ in nothing but their seeds."""

    def group(training: TrainingFolder) -> str:
        return repr((network_identity(training.config), training.dataset, len(training.epochs)))

    sentences = []
    for _, found in groupby(sorted((one for one in trainings if one.epochs), key=group), key=group):
        alike = list(found)
        if len({training.config.seed for training in alike}) < 2:
            continue
        accuracies = [100 * training.epochs[-1].test_accuracy for training in alike]
        seeds = ", ".join(str(training.config.seed) for training in alike)
        sentences.append(
            f"{alike[0].config.name} ({alike[0].sizes}) on {alike[0].dataset}, seeds {seeds}: "
            f"{np.mean(accuracies):.2f} ± {np.std(accuracies, ddof=1):.2f} % of the test samples, mean and standard "
            "deviation."
        )
    return sentences
