"""Samples in the number formats and shapes that people keep them in, made into a dataset."""

from __future__ import annotations

import warnings
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, BackspikeWarning, shown

from .dataset import PARTS, Dataset, Request
from .split import stratified_split

__all__ = ["SAMPLE_SETTINGS", "SampleSettings", "Samples", "dataset_of", "levels_of"]

FULL = 255
"""The value of an input that spikes most often."""

DIM = FULL / 4
"""Values that all are below it hardly make an input spike: most likely another one than `FULL` is meant by white."""

ROUNDING = 1e-6
"""What values may be beyond the ends of their range, as a part of it: scaling ends a little above 1 at times."""

SAMPLE_SETTINGS: dict[str, tuple[Container[int | str], str, str]] = {
    "test": (range(1, 1 << 31), "1 or more, of data without a part to test on", "a fifth"),
    "classes": (range(2, 1 << 16), "2 to 65535", "as many as the labels have"),
    "first_label": (range(-(1 << 31), 1 << 31), "-2147483648 to 2147483647", "0"),
    "white": (range(1, 1 << 16), "1 to 65535", "255, or 1 for floats to 1"),
    "width": (range(1, 1 << 16), "1 to 65535", "as many as have events"),
    "height": (range(1, 1 << 16), "1 to 65535", "as many as have events"),
    "pool": (range(1, 1 << 16), "1 to 65535", "1"),
    "polarity": (("merged", "separate"), "merged or separate", "merged"),
    "milliseconds": (range(1, 1 << 31), "1 or more", "all"),
    "threshold": (range(1, 1 << 31), "1 or more", "1"),
}
"""What each setting may be, the same in words, and in words what it is when left out."""

OF_EVENTS = ("width", "height", "pool", "polarity", "milliseconds", "threshold")
"""Settings that recorded events have, and nothing else."""


@dataclass(frozen=True)
class Samples:
    """Samples as a file has them.

    Parameters
    ----------
    values : array of booleans, integers or floats, shape (samples, ...)
    labels : array, shape (samples,) or (samples, 1)
        Whole numbers of any type, also as text.
    """

    values: NDArray[Any]
    labels: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """How samples are taken.

    Parameters
    ----------
    test : int, optional
        Samples of data in one part that are held out to test on, 1 to 2**31 - 1, the same share of each class, chosen
        by the seed; a fifth, and one of each class at least, when left out.
    classes : int, optional
        Number of classes, 2 to 65535; the largest label and one more when left out.
    first_label : int
        The label that is class 0.
    white : int, optional
        The value that becomes 255, 1 to 65535. When left out it is 255 for integers, 1 for booleans, and for floats 1
        if none is above 1, else 255.
    width, height, pool, polarity, milliseconds, threshold : optional
        Of recorded events, as in `events.Binning`: a sensor as large as it has events, one pixel an input, ``"merged"``
        polarities, all of the longest recording and one event a spike when left out.

    Raises
    ------
    BackspikeError
        A value is none of these.
    """

    test: int | None = None
    classes: int | None = None
    first_label: int = 0
    white: int | None = None
    width: int | None = None
    height: int | None = None
    pool: int | None = None
    polarity: str | None = None
    milliseconds: int | None = None
    threshold: int | None = None

    def __post_init__(self) -> None:
        for name, (allowed, words, _) in SAMPLE_SETTINGS.items():
            value = getattr(self, name)
            if value is None:
                continue
            kind = str if name == "polarity" else int
            if isinstance(value, bool) or not isinstance(value, kind) or value not in allowed:
                what = "" if kind is str else "a whole number, "
                raise BackspikeError(f"{name} must be {what}{words}, not {shown(value)}")

    def refuse_events(self) -> None:
        """Raise `BackspikeError` if something is set that recorded events alone have."""
        for name in OF_EVENTS:
            if getattr(self, name) is not None:
                raise BackspikeError(f"{name} is a setting of recorded events, and it has none")


def dataset_of(
    name: str, request: Request, settings: SampleSettings, train: Samples, test: Samples | None = None
) -> Dataset:
    """Return a dataset of samples: values scaled to 0..255 and rounded, each sample as one row, labels from 0.

    For a network with recorded spikes the first axis of a sample is its ticks, and an input spikes where its value is
    above 0.

    Parameters
    ----------
    name : str
    request : Request
    settings : SampleSettings
    train : Samples
    test : Samples, optional
        Left out: some of `train` are held out.

    Raises
    ------
    BackspikeError
        Values or labels are of a kind or in a range that is none of these, the samples of both parts have not one
        shape, or there are too few to split.

    Warns
    -----
    BackspikeWarning
        No value is a quarter of the white that is left out: see `SampleSettings`.
    """
    parts = dict(zip(PARTS, (train, test), strict=True))
    given = {part: samples for part, samples in parts.items() if samples is not None}
    for part, samples in given.items():
        _check_shape(part, samples.values)
    if test is not None:
        if settings.test is not None:
            raise BackspikeError("it has samples to test on, so test cannot be set; validation holds out others")
        if train.values.shape[1:] != test.values.shape[1:]:
            raise BackspikeError(
                f"its samples to train on are of shape {train.values.shape[1:]}, those to test on of "
                f"{test.values.shape[1:]}"
            )
    if request.config.input == "spikes":
        rows = {part: _spikes(part, samples.values) for part, samples in given.items()}
    else:
        top = _white(name, [samples.values for samples in given.values()], settings.white)
        rows = {
            part: levels_of(samples.values.reshape(len(samples.values), -1), top) for part, samples in given.items()
        }
    labels = {part: _labels(part, samples.labels) - settings.first_label for part, samples in given.items()}
    classes = settings.classes or max(int(array.max(initial=0)) for array in labels.values()) + 1
    for part, array in labels.items():
        if len(array) != len(rows[part]):
            raise BackspikeError(f"it has {len(rows[part])} samples to {part} on, but {len(array)} labels for them")
        _check_labels(array, classes, settings)
    if test is None:
        chosen = _split(labels["train"], settings.test, request.seed)
        rows = {part: rows["train"][chosen[part]] for part in PARTS}
        labels = {part: labels["train"][chosen[part]] for part in PARTS}
    dataset = Dataset(name, rows["train"], labels["train"], rows["test"], labels["test"], classes)
    outputs = request.config.layers[-1]
    if settings.classes is None and classes < outputs:
        raise BackspikeError(
            f"its labels are of {classes} classes, but network {request.config.name} has {outputs}; set "
            f"classes={outputs} if the others have no samples"
        )
    return dataset


def _check_shape(part: str, values: NDArray[Any]) -> None:
    if values.ndim < 2 or 0 in values.shape:
        raise BackspikeError(
            f"its samples to {part} on must be of shape (samples, ...), at least one of at least one value, "
            f"not {values.shape}"
        )
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise BackspikeError(
            f"its samples to {part} on must be whole numbers or floats of at most 8 bytes, not {values.dtype}"
        )


def _spikes(part: str, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return recorded spikes in shape (samples, ticks, inputs)."""
    least = values.min()
    if not least >= 0:
        raise BackspikeError(f"its samples to {part} on must be spikes, 0 or above, not {least}")
    return (values > 0).astype(np.uint8).reshape(*values.shape[:2], -1)


def _white(name: str, parts: list[NDArray[Any]], white: int | None) -> int:
    """Return the value that becomes `FULL`, the same for both parts."""
    kinds = ["float" if array.dtype.kind == "f" else "bool" if array.dtype.kind == "b" else "int" for array in parts]
    if len(set(kinds)) > 1:
        raise BackspikeError(f"its samples to train on are {parts[0].dtype}, but those to test on {parts[1].dtype}")
    least = float(np.min([array.min() for array in parts]))
    ends = [float(array.max()) for array in parts]
    most = float(np.max(ends))
    if kinds[0] == "float" and not white and min(ends) <= 1 + ROUNDING < most:
        raise BackspikeError(
            f"its samples to train on have values up to {ends[0]:g}, but those to test on up to {ends[-1]:g}: both "
            "must be scaled alike"
        )
    top = white or (1 if kinds[0] == "bool" or (kinds[0] == "float" and most <= 1 + ROUNDING) else FULL)
    # Also for what is no number.
    if not (least >= -ROUNDING * top and most <= (1 + ROUNDING) * top):
        allowed = f"0 to {top}, as white is set" if white else "0 to 255, floats also 0 to 1, or 0 to N with white=N"
        raise BackspikeError(f"its samples have values from {least:g} to {most:g}; allowed are {allowed}")
    if white is None and 0 < most * FULL / top < DIM:
        warnings.warn(
            f"no value of dataset {name} is above {most:g} of {top}, so that its inputs hardly spike; "
            f"if {max(1, round(most))} is a white pixel, set white={max(1, round(most))}",
            BackspikeWarning,
            stacklevel=2,
        )
    return top


def levels_of(values: NDArray[Any], top: int) -> NDArray[np.uint8]:
    """Return values of 0 to `top`, of any type and shape, as whole numbers of 0 to 255, rounded in double precision."""
    if top == FULL and values.dtype == np.uint8:
        return values
    result = np.empty(values.shape, dtype=np.uint8)
    # Sample by sample, since all of a dataset as floats is large.
    for sample, levels in zip(values, result, strict=True):
        levels[...] = np.rint(np.multiply(sample, FULL / top, dtype=np.float64))
    return result


def _labels(part: str, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return labels as whole numbers, whatever type they have."""
    what = f"its labels of the samples to {part} on"
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise BackspikeError(f"{what} must be of shape (samples,), one for each, not {labels.shape}")
    if labels.dtype.kind not in "biufUS":
        raise BackspikeError(f"{what} must be whole numbers, not {labels.dtype}")
    try:
        whole = labels.astype(np.float64)
    except ValueError as error:
        raise BackspikeError(f"{what} must be whole numbers, not text as {shown(labels[0].item())}") from error
    for label in labels[~((whole == np.rint(whole)) & (np.abs(whole) < 1 << 53))]:
        raise BackspikeError(f"{what} must be whole numbers, not {shown(label.item())}")
    return whole.astype(np.int64)


def _check_labels(labels: NDArray[np.int64], classes: int, settings: SampleSettings) -> None:
    first = settings.first_label
    for label in labels[(labels < 0) | (labels >= classes)]:
        last = f" to {first + classes - 1}" if settings.classes else ""
        raise BackspikeError(f"it has the label {label + first}; allowed are whole numbers from {first}{last}")


def _split(labels: NDArray[np.int64], tested: int | None, seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the indices of the samples of each part."""
    classes = len(np.unique(labels))
    count = max(classes, -(-len(labels) // 5)) if tested is None else tested
    if not classes <= count <= len(labels) - classes:
        raise BackspikeError(
            f"{count} of its {len(labels)} samples cannot be held out to test on: of {classes} classes there must be "
            f"at least {classes} samples to train on and {classes} to test on"
        )
    return dict(zip(PARTS, stratified_split(labels, count, seed), strict=True))
