"""Samples in a CSV file: a line each, its label and its values."""

from __future__ import annotations

import gzip
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, BackspikeWarning, shown
from backspike.files import read_stream, reading

from .samples import Samples, SampleSettings

__all__ = ["read_samples", "table_files"]

_LABELS = {"label", "labels", "class", "target"}
"""What a header calls the column of labels."""

_INDICES = {"", "id", "index", "unnamed: 0"}
"""What a header calls a column of line numbers, which is no value."""

FEW = 8
"""Columns up to which a line 0, 1, 2, .. may well be a sample."""

_TRAIN = re.compile(r"(?<![a-z])train(ing)?(?![a-z])", re.IGNORECASE)


def read_samples(path: Path, settings: SampleSettings) -> list[Samples]:
    """Return the samples of a CSV file, and those to test on of the file beside it, if there is one.

    That file has the same name with ``test`` in place of ``train`` (``mnist_train.csv`` and ``mnist_test.csv``). It is
    not looked for where ``test`` is set, which splits the one file.

    Commas, semicolons or tabs part the columns. The label comes first, unless a header names another column ``label``,
    ``class`` or ``target``; a column ``id``, ``index`` or without a name is passed over.

    Raises
    ------
    BackspikeError
        A file cannot be read or holds something else than lines of as many numbers.

    Warns
    -----
    BackspikeWarning
        A file is named as one to train on, and there is none to test on; or the first line counts from 0, as a header
        without names does.
    """
    files = [path] if settings.test is not None else table_files(path)
    if len(files) == 1 and _TRAIN.search(path.name) and settings.test is None:
        warnings.warn(
            f"{' or '.join(map(str, _twins(path)))} is not there: some samples of {path.name} are held out to test on",
            BackspikeWarning,
            stacklevel=2,
        )
    tables = [_read_table(file) for file in files]
    columns = [table.values.shape[1] + 1 for table in tables]
    if len(set(columns)) > 1:
        raise BackspikeError(
            f"{files[1]} has lines of {columns[1]} columns, but {path} of {columns[0]}; set test=N to take N "
            f"samples of {path.name} to test on in its place"
        )
    return tables


def table_files(path: Path) -> list[Path]:
    """Return a file and, if there is one, the file beside it with the samples to test on."""
    return [path, *[twin for twin in _twins(path) if twin.is_file()][:1]]


def _twins(path: Path) -> list[Path]:
    """Return what the file to test on may be called beside one to train on."""
    found = list(_TRAIN.finditer(path.name))
    if not found:
        return []
    start, end = found[-1].span()
    words = ["testing", "test"] if found[-1].group(1) else ["test"]
    return [path.with_name(path.name[:start] + _cased(word, found[-1].group()) + path.name[end:]) for word in words]


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.title() if like.istitle() else word


def _read_table(path: Path) -> Samples:
    with reading(path):
        with path.open("rb") as raw, gzip.open(raw) if path.name.lower().endswith(".gz") else raw as file:
            text = read_stream(file).decode("utf-8-sig")
        lines = [line for line in text.splitlines() if line.strip()]
        del text
        if not lines:
            raise BackspikeError(f"{path} has no lines")
        first = lines[0].strip(" ")
        delimiter = max(",;\t", key=first.count)
        names = [name.strip(" \"'").lower() for name in first.split(delimiter)]
        labels, left_out = 0, []
        if (names[0] and not _is_number(names[0])) or not _LABELS.isdisjoint(names):
            del lines[0]
            if not lines:
                raise BackspikeError(f"{path} has no lines but the header")
            left_out = [place for place, name in enumerate(names) if name in _INDICES]
            rest = [place for place in range(len(names)) if place not in left_out]
            labels = next((place for place in rest if names[place] in _LABELS), rest[0] if rest else 0)
        elif len(names) > FEW and names == [str(number) for number in range(len(names))]:
            warnings.warn(
                f"the first line of {path}, {shown(first)}, is taken as a sample; if it numbers the columns, delete it",
                BackspikeWarning,
                stacklevel=3,
            )
        numbers = _numbers(lines, delimiter)
        if numbers.shape[1] < 2 + len(left_out):
            raise BackspikeError(f"{path} must have lines of a label and at least one value, not {shown(first)}")
        return Samples(np.delete(numbers, [labels, *left_out], axis=1), numbers[:, labels])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _numbers(lines: list[str], delimiter: str) -> NDArray[Any]:
    # Whole numbers are read four times as fast.
    kind = np.float32 if any(mark in line for line in lines for mark in ".eEnN") else np.int32
    try:
        return np.loadtxt(lines, kind, comments=None, delimiter=delimiter, ndmin=2, quotechar='"')
    except ValueError as error:
        # What comes after it is advice to programmers.
        raise BackspikeError(str(error).partition(";")[0].rstrip(".")) from error
