"""The section of a training."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backspike.datasets import Dataset
from backspike.errors import BackspikeError
from backspike.experiments.work import dense_work, mean_work
from backspike.model.raster import Raster

from .charts import SHOWN_TICKS, CurveLine, curves_chart, raster_chart, ticks_chart, work_chart
from .folders import TrainingFolder
from .images import ImageShape, sample_image, weights_sheet
from .parts import Part, Picture, Section, Table, counted, percent, points
from .tested import Samples, Tested, find_samples, show_test

__all__ = ["training_section"]

WORST = 24
"""Samples that are shown because they were answered worst."""

CLASSES = 32
"""Classes of the largest confusion matrix that is a table; of more it is an image."""

CONFUSIONS = 10
"""Pairs of classes that are listed as taken for each other most."""

LONGEST = 1 << 26
"""Ticks times units of the largest raster that is recorded: each takes a few bytes."""

_NO_CHECKPOINT = "there is no checkpoint.npz"


def training_section(
    training: TrainingFolder, samples: Samples, sample: int | None, image: tuple[int, int] | None
) -> Section:
    """Return the section of a training.

    Parameters
    ----------
    training : TrainingFolder
    samples : Samples
        Where its samples are.
    sample : int or None
        The test sample whose raster is drawn, from 0; None for the worst one.
    image : tuple of int or None
        Height and width of the samples as images; None for a square, or two.

    Raises
    ------
    BackspikeError
        Samples that were asked for are not to be had, there is no such test sample, or inputs are no such images.
    """
    config = training.config
    tested: Tested | str
    if training.checkpoint is None:
        tested = _NO_CHECKPOINT
    else:
        dataset: Dataset | str = find_samples(training, samples)
        tested = dataset if isinstance(dataset, str) else show_test(training.checkpoint, dataset)
    shape = ImageShape.of(config.layers[0], image)
    parts = [
        _summary(training),
        _curves(training),
        _beside_float(training),
        _confusion(training, tested),
        _worst(training, tested, shape),
        _fields(training, shape),
        _raster(training, tested, sample),
        _work(training),
        _early_exit(training, tested),
    ]
    if training.simulation:
        parts.append(_simulation(training))
    what = f" on {training.dataset}" if training.dataset else ""
    return Section(f"{config.name}, {training.sizes}{what}, seed {config.seed}", str(training.folder), parts)


def _summary(training: TrainingFolder) -> Part:
    config, checkpoint = training.config, training.checkpoint
    rows = [
        ("layers", training.sizes),
        ("weights", f"{training.weights:,} of {config.weight_bits} bits, {config.weight_frac} of them fraction"),
        ("inputs", "recorded spikes" if config.input == "spikes" else "values that become spikes at random"),
        ("ticks", f"{config.ticks} per sample at most"),
        ("dataset", training.dataset or "not known without metrics.json"),
        ("seed", str(config.seed)),
        ("epochs", str(len(training.epochs)) if training.epochs or not checkpoint else str(checkpoint.epoch)),
    ]
    if training.epochs:
        rows.append(("test accuracy", percent(training.epochs[-1].test_accuracy)))
    rows.append(("checkpoint", f"{checkpoint.place}" if checkpoint else "none"))
    source = training.metrics_path if training.dataset else training.checkpoint_path
    return Part("In short", table=Table([], [list(row) for row in rows]), source=f"{source}: config, epochs")


def _curves(training: TrainingFolder) -> Part:
    heading = "Learning curves"
    if not training.epochs:
        return Part(heading, missing=_no_account(training))
    epochs, floats = training.epochs, training.float_accuracies
    lines = [
        CurveLine("spiking, test samples", [epoch.test_accuracy for epoch in epochs]),
        CurveLine("float network, test samples", floats, dashed=True),
        CurveLine("spiking, training samples", [epoch.training_accuracy for epoch in epochs]),
    ]
    alt = (
        f"Accuracy after each of {len(epochs)} epochs: on test samples from {percent(epochs[0].test_accuracy)} to "
        f"{percent(epochs[-1].test_accuracy)}, on training samples from {percent(epochs[0].training_accuracy)} to "
        f"{percent(epochs[-1].training_accuracy)}; the float network from {percent(floats[0])} to "
        f"{percent(floats[-1])} on test samples."
    )
    table = Table(
        ["epoch", "rates", "test", "training samples", "float, test"],
        [
            [
                str(number),
                ", ".join(f"{rate}/256" for rate in epoch.rates),
                percent(epoch.test_accuracy),
                percent(epoch.training_accuracy),
                percent(floats[number - 1] if number <= len(floats) else None),
            ]
            for number, epoch in enumerate(epochs, start=1)
        ],
    )
    return Part(
        heading,
        pictures=[Picture.svg(curves_chart(lines), alt)],
        captions=["Share of right answers after each epoch, learning off."],
        table=table,
        folded=True,
        source=f"{training.metrics_path}: test_accuracy and training_accuracy of epochs, float_accuracies",
    )


def _beside_float(training: TrainingFolder) -> Part:
    heading = "Beside the float network"
    beside = training.float_accuracy
    if beside is None:
        return Part(heading, missing=_no_account(training))
    config, last = training.config, training.epochs[-1]
    dense = dense_work(config.layers)
    inference = mean_work([last.test], config.layers)
    learning = mean_work([last.training], config.layers)
    count = len(training.epochs)
    rows = [
        [f"test accuracy after {counted(count, 'epoch')}", percent(last.test_accuracy), percent(beside)],
        ["difference", points(last.test_accuracy - beside), ""],
        ["weights", f"{training.weights:,} of {config.weight_bits} bits", f"{training.weights:,} of 32 bits"],
        ["operations of a test sample", f"{inference.reads:,.0f} additions", f"{dense.inference:,} multiplications"],
        ["of a training sample, last epoch", f"{learning.reads:,.0f} additions", f"{dense.training:,} multiplications"],
        ["weights written by it", f"{learning.writes:,.0f}", f"{training.weights:,}"],
    ]
    words = [
        "The float network has the same layers, dropout, samples, order and epochs. Its sums are those of batch size "
        "1; additions of the spiking network are of few bits, one for each synapse that is read. Counts are not energy."
    ]
    return Part(
        heading,
        words=words,
        table=Table(["", "spiking", "float"], rows),
        source=f"{training.metrics_path}: epochs, float_accuracies",
    )


def _confusion(training: TrainingFolder, tested: Tested | str) -> Part:
    heading = "Confusion matrix"
    if isinstance(tested, str):
        return Part(heading, missing=tested)
    evaluation, confusion = tested.evaluation, tested.evaluation.confusion
    classes = len(confusion)
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [divmod(int(place), classes) for place in order if wrong.flat[place]]
    words = [f"{evaluation.right:,} of {evaluation.samples:,} test samples are right, {percent(evaluation.accuracy)}."]
    if pairs:
        listed = ", ".join(f"{label} for {given} ({wrong[label, given]:,})" for label, given in pairs)
        words.append(f"Taken for another class most: {listed}.")
    totals = confusion.sum(axis=1)
    shares = confusion / np.maximum(totals, 1)[:, np.newaxis]
    source = f"{training.checkpoint_path}, shown the test samples of {tested.dataset.name}"
    if classes > CLASSES:
        picture = _confusion_image(shares)
        caption = f"Labels from top to bottom, answers from left to right, {classes} of each; darker is more."
        return Part(heading, words=words, pictures=[picture], captions=[caption], source=source)
    matrix = [
        [
            {"count": int(count), "strength": math.sqrt(share), "right": label == given}
            for given, (count, share) in enumerate(zip(row, part, strict=True))
        ]
        for label, (row, part) in enumerate(zip(confusion, shares, strict=True))
    ]
    return Part(heading, words=words, matrix=matrix, source=source)


def _confusion_image(shares: NDArray[np.float64]) -> Picture:
    classes = len(shares)
    content = sample_image(
        np.rint(255 * (1 - np.sqrt(shares))).astype(np.uint8).ravel(), ImageShape(1, classes, classes)
    )
    return Picture.png(content, f"Confusion matrix of {classes} classes as an image.", classes, classes, 560)


def _worst(training: TrainingFolder, tested: Tested | str, shape: ImageShape) -> Part:
    heading = "Worst samples"
    if isinstance(tested, str):
        return Part(heading, missing=tested)
    pictures, captions = [], []
    labels, classes, shares = tested.dataset.test_labels, tested.answers.classes, tested.answers.shares
    for index in tested.worst[:WORST].tolist():
        label, given = int(labels[index]), int(classes[index])
        said = f"taken for {given} ({shares[index, given]:.0%})" if given != label else "right"
        alt = f"Test sample {index}, a {label}, {said}; {label} has {shares[index, label]:.0%} of the wins"
        content = sample_image(tested.dataset.test_values[index], shape)
        pictures.append(Picture.png(content, alt, shape.planes * shape.width, shape.height, 84))
        captions.append(f"{label}, {said}, {label}: {shares[index, label]:.0%}; sample {index}")
    words = [
        f"The {counted(len(pictures), 'test sample')} whose label won the least of the ticks beside another class, "
        "worst first: label, what it was taken for, with the share of the ticks that each has won, and its number, "
        "from 0."
    ]
    words += _shape_words(training, shape)
    source = f"test samples of {tested.dataset.name}; answers of {training.checkpoint_path}"
    return Part(heading, words=words, pictures=pictures, captions=captions, source=source)


def _fields(training: TrainingFolder, shape: ImageShape) -> Part:
    hidden = training.config.depth > 1
    heading = "Receptive fields of the hidden units" if hidden else "Receptive fields of the output units"
    if training.checkpoint is None:
        return Part(heading, missing=_NO_CHECKPOINT)
    # The row of the bias is no part of the image.
    weights = training.checkpoint.weights[0][:-1]
    units = weights.shape[1]
    sheet = weights_sheet(weights, shape)
    columns = sheet.columns
    which = f"units 0 to {units - 1}" if sheet.units == units else f"the first {sheet.units} of {units} units"
    alt = (
        f"Weights of layer 1 as images of {shape.words}, one for each of {which}, {columns} in a row. "
        f"{np.mean(weights > 0):.0%} of the weights are above zero, {np.mean(weights < 0):.0%} below; "
        f"they reach from {weights.min()} to {weights.max()} LSB."
    )
    words = [
        f"The weights of layer 1 from all inputs to {which}, {columns} in a row, each as an image of {shape.words}. "
        "Orange excites, blue inhibits; the strongest weight of each unit has the full colour."
    ]
    words += _shape_words(training, shape)
    picture = Picture.png(sheet.content, alt, sheet.width, sheet.height, 870)
    return Part(
        heading, words=words, pictures=[picture], captions=[""], source=f"{training.checkpoint_path}: weights_1"
    )


def _raster(training: TrainingFolder, tested: Tested | str, sample: int | None) -> Part:
    heading = "Raster of one sample"
    if isinstance(tested, str):
        return Part(heading, missing=tested)
    labels = tested.dataset.test_labels
    if sample is not None and sample >= len(labels):
        raise BackspikeError(
            f"--sample must be from 0 to {len(labels) - 1}, the test samples of {tested.dataset.name}, not {sample}"
        )
    ticks, units = training.config.ticks, sum(training.config.layers)
    if ticks * units > LONGEST:
        return Part(heading, missing=f"{ticks:,} ticks of {units:,} units are too many to be recorded")
    index = int(tested.worst[0]) if sample is None else sample
    label = int(labels[index])
    raster = tested.raster(index)
    rows = _raster_rows(raster)
    won = raster.result.winner
    words = [
        f"Test sample {index}, a {label}, while a copy of the trained network learns it: "
        f"{counted(raster.ticks, 'tick')} of at most {training.config.ticks}, and {won} won most of them. "
        "All layers work in every tick on what the one before has left, so errors come from above a tick later in each "
        "layer, and weights change in the tick after. Orange errors are positive, violet ones negative; a winner is "
        "blue if it is the label, whose row is shaded, and orange if not. A tick that the label wins makes no error."
    ]
    if raster.ticks > SHOWN_TICKS:
        words.append(f"Drawn are the first {SHOWN_TICKS} of {raster.ticks:,} ticks.")
    alt = (
        f"In {raster.ticks} ticks: "
        + "; ".join(f"{name} {total}" for name, total, _ in rows)
        + f". Class {won} won {raster.result.wins[won]} ticks."
    )
    return Part(
        heading,
        words=words,
        pictures=[Picture.svg(raster_chart(raster, label), alt)],
        captions=[f"Sample {index}, tick by tick."],
        table=Table(["", "in all ticks", "per tick"], rows),
        folded=True,
        source=f"{training.checkpoint_path}, learning test sample {index} of {tested.dataset.name}",
    )


def _raster_rows(raster: Raster) -> list[list[str]]:
    """Return for each panel what it counts, in all and per tick."""
    counts: list[tuple[str, int]] = [("input spikes", int(raster.inputs.sum()))]
    for layer, (spikes, gates) in enumerate(zip(raster.spikes, raster.gates, strict=True), start=1):
        counts.append((f"spikes of layer {layer}", int(spikes.sum())))
        counts.append((f"open gates of layer {layer}", int(gates.sum())))
    for layer, errors in enumerate(raster.errors, start=1):
        counts.append((f"positive errors of layer {layer}", int((errors > 0).sum())))
        counts.append((f"negative errors of layer {layer}", int((errors < 0).sum())))
    counts += [
        (f"changed weights of layer {layer}", int(changes.sum()))
        for layer, changes in enumerate(raster.changes.T, start=1)
    ]
    return [[name, f"{count:,}", f"{count / raster.ticks:.1f}"] for name, count in counts]


def _work(training: TrainingFolder) -> Part:
    heading = "Synaptic operations"
    if not training.epochs:
        return Part(heading, missing=_no_account(training))
    layers = training.config.layers
    dense = dense_work(layers)
    learned = [mean_work([epoch.training], layers) for epoch in training.epochs]
    asked = [mean_work([epoch.test], layers) for epoch in training.epochs]
    alt = (
        f"Synapses read per sample: in training {learned[0].reads:,.0f} in the first epoch and "
        f"{learned[-1].reads:,.0f} in the last; in inference {asked[0].reads:,.0f} and {asked[-1].reads:,.0f}. "
        f"The float network has {dense.training:,} and {dense.inference:,} multiplications."
    )
    rows = [
        [
            str(number),
            f"{mine.ticks:.1f}",
            f"{mine.error_ticks / mine.ticks:.1%}" if mine.ticks else "-",
            f"{mine.reads:,.0f}",
            f"{mine.writes:,.0f}",
            f"{other.ticks:.1f}",
            f"{other.reads:,.0f}",
        ]
        for number, (mine, other) in enumerate(zip(learned, asked, strict=True), start=1)
    ]
    head = [
        "epoch", "ticks, training", "of them with an error", "synapses read, training", "written, training",
        "ticks, test", "synapses read, test",
    ]  # fmt: skip
    words = [
        "A row of synapses is read when its unit spikes, or when an error wants it, and each synapse read is one "
        "addition (SynOp). Lines of dashes are what the dense float network multiplies, at batch size 1."
    ]
    chart = work_chart(
        [work.reads for work in learned], [work.reads for work in asked], (dense.inference, dense.training)
    )
    return Part(
        heading,
        words=words,
        pictures=[Picture.svg(chart, alt)],
        captions=["Synapses read per sample, in training and in the test after each epoch."],
        table=Table(head, rows),
        folded=True,
        source=f"{training.metrics_path}: training and test of epochs (rows, writes, ticks, error_ticks)",
    )


def _early_exit(training: TrainingFolder, tested: Tested | str) -> Part:
    heading, config = "Early exit", training.config
    patience = config.patience_for(False)
    if not patience:
        sentence = f"No sample ends early in inference, as its patience is 0: each takes all {config.ticks} ticks."
        return Part(heading, words=[sentence], source=f"{_account(training)}: config")
    rule = f"A sample ends early once a class has won {counted(patience, 'tick')} in a row (patience)"
    if isinstance(tested, str):
        if not training.epochs:
            return Part(heading, missing=tested)
        ticks = mean_work([training.epochs[-1].test], config.layers).ticks
        words = [
            f"{rule}: in the mean test samples take {ticks:.1f} of {config.ticks} ticks.",
            f"How many took how many is not shown: {tested}.",
        ]
        return Part(heading, words=words, source=f"{training.metrics_path}: test of the last epoch")
    taken = tested.ticks
    early = float(np.mean(taken < config.ticks))
    words = [
        f"{rule}: {early:.1%} of the test samples did; in the mean they took {taken.mean():.1f} of {config.ticks} "
        f"ticks, half of them {np.median(taken):.0f} or fewer."
    ]
    alt = (
        f"Ticks that test samples took: from {taken.min()} to {taken.max()}, {taken.mean():.1f} in the mean; "
        f"{np.mean(taken == config.ticks):.1%} took all {config.ticks}."
    )
    return Part(
        heading,
        words=words,
        pictures=[Picture.svg(ticks_chart(taken, config.ticks), alt)],
        captions=["How many test samples took how many ticks."],
        source=f"{training.checkpoint_path}, shown the test samples of {tested.dataset.name}",
    )


def _simulation(training: TrainingFolder) -> Part:
    found = training.simulation
    assert found
    heading = "Beside the Verilog"
    source = f"{found.path}: mismatches, compared, clocks_per_sample"
    if found.mismatches:
        return Part(
            heading, words=[f"The simulated Verilog differs from the golden model: {found.first}"], source=source
        )
    rows = [[kind, f"{count:,}"] for kind, count in found.compared.items()]
    return Part(
        heading,
        words=[
            "The training was simulated in Verilog too, and every state compared with the golden model: 0 mismatches. "
            f"A sample took {found.cycles_per_sample:,.0f} clock cycles, a tick {found.cycles_per_tick:,.1f}."
        ],
        table=Table(["compared and equal", "number"], rows),
        source=source,
    )


def _shape_words(training: TrainingFolder, shape: ImageShape) -> list[str]:
    if shape.known:
        return []
    return [
        f"The {training.config.layers[0]} inputs make no square, nor two of one size, so each image is a strip, a "
        "pixel an input; --image HEIGHTxWIDTH says how they lie."
    ]


def _account(training: TrainingFolder) -> Path:
    return training.metrics_path if training.dataset else training.checkpoint_path


def _no_account(training: TrainingFolder) -> str:
    if not training.dataset:
        return "there is no metrics.json"
    return "no epoch is done"
