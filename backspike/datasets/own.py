"""Datasets of one's own: named by the path of a file or folder, in whatever format that is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, shown
from backspike.files import reading

from . import arrays, folder, mnist, table
from .dataset import OF_EVERY_DATASET, Dataset, Request
from .samples import SAMPLE_SETTINGS, Samples, SampleSettings, dataset_of

__all__ = ["content_digest", "is_path", "load_own", "located", "title"]


@dataclass(frozen=True)
class Format:
    """A format that datasets are kept in.

    Parameters
    ----------
    read : callable
        Takes path, settings and network, and returns the samples to train on and, if there are some, those to test on.
    files : callable
        Takes the path, and returns the files that it is read from.
    """

    read: Callable[[Path, SampleSettings, NetworkConfig], list[Samples]]
    files: Callable[[Path], list[Path]]


_TABLE = Format(lambda path, settings, _: table.read_samples(path, settings), table.table_files)

FORMATS = {
    ".npz": Format(arrays.read_samples, lambda path: [path]),
    ".csv": _TABLE,
    ".csv.gz": _TABLE,
}
"""Formats by the ending of a file's name."""

FOLDER = Format(lambda path, *_: folder.read_samples(path), folder.folder_files)
"""The format of folders of images."""

IDX = Format(lambda path, *_: mnist.read_samples(path), mnist.idx_files)
"""The format of folders with the four files of MNIST or of what came after it in its form."""

PATHS = f"files {', '.join(FORMATS)} and folders of images"
"""What is read, in words."""


def is_path(name: str) -> bool:
    """Return whether a name is meant as a path: it has a folder, or the ending of a format, or it is there."""
    return os.sep in name or _ending(name) is not None or (name != "" and _exists(Path(name)))


def located(name: str, place: Path) -> str:
    """Return the path that a name means in a file of a folder, or the name if it is meant as none."""
    path = place / Path(name).expanduser()
    return str(path.absolute()) if is_path(name) or (name and _exists(path)) else name


def title(name: str) -> str:
    """Return what a dataset is called that a path names: a training goes on if its data was moved.

    Raises
    ------
    BackspikeError
        It cannot be printed.
    """
    path = Path(name).expanduser()
    called = path.name if path.name not in ("", "..") else path.resolve().name or name
    if not called.isprintable():
        raise BackspikeError(f"{shown(name)} is no name of a dataset: it must be printable")
    return called


def load_own(request: Request) -> Dataset:
    """Load data of your own, by the path of an .npz or .csv file or a folder of images: see docs/data.md.

    Raises
    ------
    BackspikeError
        There is no such file or folder, it is of no known format or damaged, a setting is wrong, or `dataset_of`
        refuses its samples. The message names the file.
    """
    path = Path(request.name).expanduser()
    name = title(request.name)
    settings = _settings(request.name, request.settings)
    with reading(path):
        form = _format(path)
        if form is not FORMATS[".npz"]:
            settings.refuse_events()
        samples = form.read(path, settings, request.config)
        return dataset_of(name, request, settings, *samples)


def content_digest(name: str) -> str:
    """Return the SHA-256 over names and contents of the files that a dataset of one's own is read from.

    Raises
    ------
    BackspikeError
        A file cannot be read, or is of no known format.
    """
    path = Path(name).expanduser()
    with reading(path):
        files = _format(path).files(path)
        root = path if path.is_dir() else path.parent
        digest = hashlib.sha256()
        for file in files:
            status = file.stat()
            digest.update(os.fsencode(file.relative_to(root)) + f" {status.st_size} ".encode())
            digest.update(_digest(file, status.st_size, status.st_mtime_ns))
        return digest.hexdigest()


# A sweep asks for each of its points.
@lru_cache(maxsize=1 << 17)
def _digest(path: Path, size: int, changed: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()


def _ending(name: str) -> str | None:
    """Return the ending of a file's name that says its format, or None."""
    return next((ending for ending in FORMATS if name.lower().endswith(ending)), None)


def _format(path: Path) -> Format:
    if path.is_dir():
        return IDX if mnist.idx_files(path) else FOLDER
    path.stat()
    ending = _ending(path.name)
    if ending is None:
        raise BackspikeError(f"{path} is of no format that is read: {PATHS}")
    return FORMATS[ending]


def _settings(name: str, values: Mapping[str, Any]) -> SampleSettings:
    for key in values:
        if key not in SAMPLE_SETTINGS:
            known = ", ".join([*SAMPLE_SETTINGS, *OF_EVERY_DATASET])
            raise BackspikeError(f"{shown(key)} is not a setting of dataset {name}; known are {known}")
    return SampleSettings(**values)


def _exists(path: Path) -> bool:
    # A name may be too long for a path.
    with suppress(OSError, ValueError):
        return path.exists()
    return False
