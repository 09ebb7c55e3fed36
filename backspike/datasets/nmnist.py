"""N-MNIST: digits as recorded by an event camera, binned to the ticks of a network.

The package ``tonic`` reads this format too, and was looked at first (1.7.0). It is not used: it brings librosa, h5py
and more for ten lines of NumPy, cuts a truncated recording short instead of naming it, and takes nothing but the whole
set of 70,000 files. Its reader gives the same events, of the first 1,100 recordings all; the addresses and checksums
of the download are the ones that it uses.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, shown
from backspike.files import read_file, read_member, reading

from .dataset import Dataset, Request
from .events import Binning
from .files import Source, below, find, is_litter, locate
from .split import stratified_folds

__all__ = [
    "EVENT_SETTINGS",
    "NMNIST",
    "NMNIST_SMALL",
    "SIDE",
    "EventSettings",
    "bin_events",
    "find_nmnist",
    "find_nmnist_small",
    "load_nmnist",
    "load_nmnist_small",
]

SIDE = 34
"""Pixels of the camera in each direction."""

FIELD_BYTES = 5
"""Bytes of an event: x, y, then 1 bit of polarity and 23 bits of time in microseconds, high byte first."""

CLOCK_OVERFLOW_ROW, CLOCK_OVERFLOW = 240, 1 << 13
"""An event in this row is none: it says that all later times are so many microseconds later than they read."""

CLASSES = 10

_URL = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"

NMNIST = Source(
    title="N-MNIST",
    folder="nmnist",
    files=("Train.zip", "Test.zip"),
    urls=(f"{_URL}{{name}}/file_downloaded",),
    checksums={
        "Train.zip": "md5:20959b8e626244a1b502305a9e6e2031",
        "Test.zip": "md5:69ca8762b2fe404d9b9bad1103e97832",
    },
    remote={
        "Train.zip": "39c25547-014b-4137-a934-9d29fa53c7a0",
        "Test.zip": "05a4d654-7e03-4c15-bdfa-9bb2bcbea494",
    },
    aliases=("N-MNIST",),
    help=" (or folders Train/ and Test/ with a folder for each digit there, or both in nmnist.zip in its place)",
)
"""60,000 recordings to train on, 10,000 to test on. G. Orchard, A. Jayawant, G. Cohen, N. Thakor, "Converting Static
Image Datasets to Spiking Neuromorphic Datasets Using Saccades", Frontiers in Neuroscience (2015)."""

NMNIST_SMALL = replace(
    NMNIST,
    help=f"{NMNIST.help.removesuffix(')')}; or the first recordings alone, in nmnist-small/ or nmnist-small.zip)",
)

PARTS = ("Train", "Test")
"""Names of the parts' folders, in any case."""

AT_MOST = 1 << 24
"""Bytes of the longest recording that is read; those of the set have 20 thousand."""

SMALL = {"Train": range(1, 1001), "Test": range(60001, 60101)}
"""Numbers of the recordings that make up ``nmnist-small``: the first of both parts."""


EVENT_SETTINGS: dict[str, tuple[Sequence[int | str], str]] = {
    "polarity": (("merged", "separate"), "merged or separate"),
    "pool": (range(1, 3), "1 or 2"),
    "milliseconds": (range(1, 1001), "1 to 1000"),
    "threshold": (range(1, 256), "1 to 255"),
    "folds": ((0, *range(2, 11)), "0 or 2 to 10"),
}
"""What each setting may be, and the same in words."""


@dataclass(frozen=True, kw_only=True)
class EventSettings:
    """How a recording becomes spikes: an input spikes in a tick in which it has seen enough events.

    Parameters
    ----------
    polarity : str
        ``"merged"``: an input a pixel, for events of both polarities. ``"separate"``: two, first all for darker (0),
        then all for brighter (1).
    pool : int
        Pixels in each direction that share an input: 1 or 2.
    milliseconds : int
        Length of the recording that is divided among the ticks, 1 to 1000; what comes later is left out.
    threshold : int
        Events, 1 to 255, that an input needs in a tick to spike.
    folds : int
        0: the official parts for training and for testing. Otherwise 2 to 10: cross-validation over all recordings, in
        this many parts with equal shares of each digit, the same for every seed; the seeds 1, 2, .. test on the first
        part, the second one, .. and train on the others.

    Raises
    ------
    BackspikeError
        A value is impossible; the message names it and what is allowed.
    """

    polarity: str = "merged"
    pool: int = 1
    milliseconds: int = 300
    threshold: int = 1
    folds: int = 0

    def __post_init__(self) -> None:
        for name, (allowed, words) in EVENT_SETTINGS.items():
            value = getattr(self, name)
            if name == "polarity":
                if value not in allowed:
                    raise BackspikeError(f"polarity must be {words}, not {shown(value)}")
            elif isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
                raise BackspikeError(f"{name} must be a whole number, {words}, not {shown(value)}")

    @property
    def inputs(self) -> int:
        """Number of inputs, n_0, that a network needs."""
        return self.binning.inputs

    @property
    def binning(self) -> Binning:
        """The same for any sensor."""
        return Binning(
            width=SIDE,
            height=SIDE,
            pool=self.pool,
            separate=self.polarity == "separate",
            microseconds=1000 * self.milliseconds,
            threshold=self.threshold,
        )


def bin_events(content: bytes, name: str, ticks: int, settings: EventSettings) -> NDArray[np.uint8]:
    """Return a recording as spikes, uint8 of shape (ticks, inputs), 0 or 1.

    Parameters
    ----------
    content : bytes
        The recording.
    name : str
        What it is called in an error.
    ticks : int
    settings : EventSettings

    Raises
    ------
    BackspikeError
        The recording is empty, cut off within an event, or has events outside of the camera.
    """
    if not content or len(content) % FIELD_BYTES:
        raise BackspikeError(
            f"{name} is damaged: {len(content):,} bytes are no recording of events of {FIELD_BYTES} bytes each"
        )
    x, y, high, middle, low = np.frombuffer(content, np.uint8).reshape(-1, FIELD_BYTES).T.astype(np.int64)
    overflow = y == CLOCK_OVERFLOW_ROW
    microseconds = ((high & 0x7F) << 16 | middle << 8 | low) + CLOCK_OVERFLOW * np.cumsum(overflow)
    outside = ~overflow & ((x >= SIDE) | (y >= SIDE))
    if outside.any():
        place = int(np.argmax(outside))
        raise BackspikeError(
            f"{name} is damaged: an event at ({x[place]}, {y[place]}) is outside of {SIDE} x {SIDE} pixels"
        )
    x, y, polarity, microseconds = (array[~overflow] for array in (x, y, high >> 7, microseconds))
    return settings.binning.spikes(x, y, polarity, microseconds, ticks)


def load_nmnist(request: Request) -> Dataset:
    """Load N-MNIST: 60,000 recordings to train on and 10,000 to test on, or all of them in cross-validation.

    They come from the folders ``nmnist/Train`` and ``nmnist/Test``, from ``nmnist.zip``, or from the official
    ``nmnist/Train.zip`` and ``nmnist/Test.zip``, which are downloaded if there is nothing.
    """
    return _dataset(request, _settings(request, folds=0), locate(NMNIST, request.data_dir, _present), None)


def load_nmnist_small(request: Request) -> Dataset:
    """Load the first 1,000 recordings to train on and the first 100 to test on, unless set otherwise in five folds.

    They come from ``nmnist-small/`` or ``nmnist-small.zip``, or from the whole set.
    """
    settings = _settings(request, folds=5)
    return _dataset(request, settings, locate(NMNIST_SMALL, request.data_dir, _present_small), SMALL)


def _settings(request: Request, folds: int) -> EventSettings:
    known = [field.name for field in fields(EventSettings)]
    for key in request.settings:
        if key not in known:
            raise BackspikeError(
                f"{shown(key)} is not a setting of dataset {request.name}; known are {', '.join(known)}"
            )
    if request.config.input != "spikes":
        raise BackspikeError(f'dataset {request.name} is recorded spikes: its network needs input = "spikes"')
    return EventSettings(**{"folds": folds, **request.settings})


def find_nmnist(data_dir: Path | None) -> list[Path]:
    """Return the folder or zips that hold the whole set, as `files.find` does."""
    return find(NMNIST, data_dir, _present)


def find_nmnist_small(data_dir: Path | None) -> list[Path]:
    """Return the folder or zips that hold the first recordings at least, as `files.find` does."""
    return find(NMNIST_SMALL, data_dir, _present_small)


def _present(place: Path, name: str = "nmnist") -> list[Path]:
    """Return the folder, the zip or the official zips with recordings of both parts in a place, or none."""
    names = (name, *NMNIST.aliases) if name == NMNIST.folder else (name,)
    folders = [folder for name in names if (folder := below(place, name)) is not None and folder.is_dir()]
    partial = ""
    for folder in folders:
        missing = [part for part in PARTS if (there := below(folder, part)) is None or not there.is_dir()]
        if not missing:
            return [folder]
        if len(missing) == 1:
            partial = partial or f"N-MNIST in {folder} is not whole: folder {missing[0]} is missing"
    for archive in (below(place, f"{name}.zip") for name in names):
        if archive is not None and archive.is_file():
            return [archive]
    zips = NMNIST.present(place) if name == NMNIST.folder else []
    if not zips and partial:
        raise BackspikeError(partial)
    return zips


def _present_small(place: Path) -> list[Path]:
    return _present(place, "nmnist-small") or _present(place)


def _dataset(request: Request, settings: EventSettings, places: list[Path], only: dict[str, range] | None) -> Dataset:
    ticks = request.config.ticks
    values: dict[str, list[NDArray[np.uint8]]] = {"Train": [], "Test": []}
    labels: dict[str, list[int]] = {"Train": [], "Test": []}
    for place in places:
        for part, digit, name, content in _recordings(place, only):
            values[part].append(bin_events(content, name, ticks, settings))
            labels[part].append(digit)
    for part, found in labels.items():
        if not found:
            raise BackspikeError(f"{' and '.join(map(str, places))}: no recordings {part}/<digit>/<number>.bin")
        if only and len(found) != len(only[part]):
            raise BackspikeError(
                f"{' and '.join(map(str, places))}: {len(found)} of the first {len(only[part])} recordings of {part}"
            )
    spikes = [np.stack(values[part]) for part in PARTS]
    classes = [np.array(labels[part], dtype=np.int64) for part in PARTS]
    if not settings.folds:
        return Dataset(request.name, spikes[0], classes[0], spikes[1], classes[1], CLASSES)
    return _fold(request, settings.folds, np.concatenate(spikes), np.concatenate(classes))


def _fold(request: Request, folds: int, spikes: NDArray[np.uint8], classes: NDArray[np.int64]) -> Dataset:
    """Return the split in which one part is for testing."""
    if np.unique(classes, return_counts=True)[1].min() < folds:
        raise BackspikeError(f"dataset {request.name} has too few recordings for {folds} folds")
    tested = stratified_folds(classes, folds, seed=0) == (request.seed - 1) % folds
    train, test = ~tested, tested
    return Dataset(request.name, spikes[train], classes[train], spikes[test], classes[test], CLASSES)


def _recordings(place: Path, only: dict[str, range] | None) -> Iterator[tuple[str, int, str, bytes]]:
    """Yield part, digit, name and content of each recording in a folder or zip, by part and number."""
    if place.is_dir():
        with reading(place):
            folders = [folder for part in PARTS if (folder := below(place, part)) is not None]
            paths = [str(path) for folder in folders for path in folder.glob("*/*")]
        for part, digit, name in _ordered(paths, only, place):
            yield part, digit, name, read_file(Path(name), at_most=AT_MOST)
        return
    with reading(place), zipfile.ZipFile(place) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise BackspikeError("it has two files of one name")
        for part, digit, name in _ordered(list(members), only, place):
            yield part, digit, f"{name} in {place}", read_member(archive, members[name], AT_MOST)


def _ordered(names: list[str], only: dict[str, range] | None, place: Path) -> list[tuple[str, int, str]]:
    """Return part, digit and name of all that are ``Train/<digit>/<number>.bin`` in any folder, by part and number."""
    result = []
    seen: dict[tuple[str, int, int], str] = {}
    for name in names:
        parts = PurePosixPath(name).parts[-3:]
        if len(parts) != 3 or parts[0].title() not in PARTS or not name.lower().endswith(".bin"):
            continue
        if any(map(is_litter, parts)):
            continue
        if len(name) > 4096 or not name.isprintable():
            raise BackspikeError(f"{place} has a recording of a name that is none: {shown(name)}")
        digit, number = parts[1], PurePosixPath(name).stem
        if not (digit.isdecimal() and int(digit) < CLASSES and number.isdecimal()):
            raise BackspikeError(f"{name} is not named Train/<digit>/<number>.bin, as a recording of N-MNIST is")
        part = parts[0].title()
        key = (part, int(number), int(digit))
        if key in seen:
            raise BackspikeError(f"{place} has one recording twice: {seen[key]} and {name}")
        seen[key] = name
        if only is None or int(number) in only[part]:
            result.append((*key, name))
    return [(part, digit, name) for part, _, digit, name in sorted(result)]
