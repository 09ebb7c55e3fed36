"""Datasets by name or path, as the integers that a network takes, split for training and for testing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, BackspikeWarning, shown

from .dataset import OF_EVERY_DATASET, Dataset, Loader, Request
from .emnist import EMNIST_SPLITS, LETTERS26, emnist_source, load_emnist, load_emnist_letters26
from .events import Binning, spikes_of, stream_recordings, stream_windows
from .files import Source, find, search_path
from .mnist import FASHION_MNIST, MNIST, load_fashion_mnist, load_mnist
from .nmnist import (
    EVENT_SETTINGS,
    EventSettings,
    find_nmnist,
    find_nmnist_small,
    load_nmnist,
    load_nmnist_small,
)
from .own import PATHS as OWN_PATHS
from .own import content_digest, is_path, load_own, located, title
from .recorded import binning_of, recorded_dataset
from .samples import SAMPLE_SETTINGS
from .small import load_digits, load_random

__all__ = [
    "LOADERS",
    "OF_EVERY_DATASET",
    "OWN",
    "Binning",
    "Dataset",
    "Loader",
    "Request",
    "binning_of",
    "dataset_identity",
    "find_loader",
    "hold_out",
    "load_dataset",
    "locate_dataset",
    "recorded_dataset",
    "spikes_of",
    "stream_recordings",
    "stream_windows",
]


def _images(load: Callable[[Request], Dataset], source: Source) -> Loader:
    return Loader(load, partial(find, source), published=bool(source.urls))


def _events(load: Callable[[Request], Dataset], find: Callable[[Path | None], list[Path]], folds: int) -> Loader:
    left_out = {**{field.name: field.default for field in fields(EventSettings)}, "folds": folds}
    return Loader(
        load, find, settings={name: f"{words}; {left_out[name]}" for name, (_, words) in EVENT_SETTINGS.items()}
    )


LOADERS: dict[str, Loader] = {
    "digits": Loader(load_digits),
    "mnist": _images(load_mnist, MNIST),
    "fashion-mnist": _images(load_fashion_mnist, FASHION_MNIST),
    **{f"emnist-{split}": _images(load_emnist, emnist_source(split)) for split in EMNIST_SPLITS},
    "emnist-letters26": _images(load_emnist_letters26, LETTERS26),
    "nmnist": _events(load_nmnist, find_nmnist, folds=0),
    "nmnist-small": _events(load_nmnist_small, find_nmnist_small, folds=5),
    "random": Loader(load_random),
}
"""Datasets by the name that the command line takes."""

OWN = Loader(load_own, settings={key: f"{words}; {left}" for key, (_, words, left) in SAMPLE_SETTINGS.items()})
"""Datasets by path."""


def find_loader(name: str) -> Loader:
    """Return how a dataset is loaded: a name comes before a file of the same name.

    Raises
    ------
    BackspikeError
        It is neither the name of a dataset nor meant as a path; whether the path exists is not looked at.
    """
    if name not in LOADERS and not is_path(name):
        raise BackspikeError(f"{shown(name)} is not a dataset; known are {', '.join(LOADERS)}, and {OWN_PATHS} by path")
    return LOADERS.get(name, OWN)


def locate_dataset(name: str, folder: Path) -> str:
    """Return what a name of a dataset means in a file of this folder: a path is relative to it."""
    return name if name in LOADERS else located(name, folder)


def dataset_identity(name: str) -> dict[str, str]:
    """Return what a dataset is recognised by before it is loaded.

    ``dataset`` is its name, without the folders of a path; of files of one's own there is ``dataset_content``, a
    SHA-256 as well.

    Raises
    ------
    BackspikeError
        The files of a path cannot be read.
    """
    if name in LOADERS:
        return {"dataset": name}
    return {"dataset": title(name), "dataset_content": content_digest(name)}


def load_dataset(
    name: str | Path,
    config: NetworkConfig,
    seed: int,
    settings: Mapping[str, Any] | None = None,
    data_dir: Path | None = None,
    spare: bool = False,
) -> Dataset:
    """Return a dataset, checked against the network that is to take it.

    Files are looked for in `data_dir` alone if it is given; otherwise in the folder that ``BACKSPIKE_DATA`` names, in
    the user's cache and in ``/usr/share/datasets``, and downloaded to the cache if they are nowhere. In each place they
    are in a subfolder of the dataset's name.

    Parameters
    ----------
    name : str or Path
        A key of `LOADERS`, or the path of data of one's own: see docs/data.md.
    config : NetworkConfig
    seed : int
        Seed of the split, or of the samples themselves where they are random. Official splits do not depend on it.
    settings : mapping, optional
        Settings of the dataset by name: those of `EventSettings` for recordings of events, those of `SampleSettings`
        for data of one's own; and for every dataset those of `OF_EVERY_DATASET`.
        ``validation``: so many of the samples to train on, always the same ones, are held out and take the place of
        those to test on. For a search that is not to see the test samples.
        ``train``: so many of the samples to train on, of those that are left with ``validation``, are learned, and the
        others left out: drawn by chance, always the same ones, and of a smaller number a part of these. For studies
        that have many trainings.
    data_dir : Path, optional
        The only folder to look in; it must exist, also for datasets that need no files.
    spare : bool
        Whether the network may have output units beyond the classes of the dataset.

    Raises
    ------
    BackspikeError
        There is no such dataset or setting, its samples or classes do not fit the network, all samples are blank, a
        file is wrong, `data_dir` lacks the files, or they are nowhere and cannot be downloaded.

    Warns
    -----
    BackspikeWarning
        Most samples are blank, spike in a single tick, or are of one class: see `Dataset.check`. Or the dataset needs
        no files, so that nothing is read from `data_dir`.
    """
    # A path is one, however it is called.
    name = name if isinstance(name, str) else str(Path(name).absolute())
    loader = find_loader(name)
    if data_dir is not None and loader.find is None:
        search_path(data_dir)
        warnings.warn(f"nothing of dataset {name} is read from {data_dir}", BackspikeWarning, stacklevel=2)
    settings = dict(settings or {})
    validation, train = settings.pop("validation", 0), settings.pop("train", None)
    dataset = loader.load(Request(name, config, seed, settings, data_dir))
    if validation != 0:
        dataset = hold_out(dataset, validation)
    if train is not None:
        dataset = _train_on(dataset, train)
    # Random samples are for comparing: some are meant to be blank, and of few inputs most are.
    (dataset.require if dataset.synthetic else dataset.check)(config, spare)
    return dataset


def hold_out(dataset: Dataset, count: Any) -> Dataset:
    """Return a dataset whose samples for testing are so many of those for training, always the same ones.

    Its own samples for testing are not in it any more.

    Raises
    ------
    BackspikeError
        The number is not from 1 to one less than there are samples for training.
    """
    samples = len(dataset.train_labels)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count < samples:
        raise BackspikeError(
            f"validation of dataset {dataset.name} must be from 0 to {samples - 1}, not {shown(count)}"
        )
    order = _drawn(samples)
    # Ascending, so that what is left keeps its order.
    train, test = np.sort(order[count:]), np.sort(order[:count])
    values, labels = dataset.train_values, dataset.train_labels
    return replace(
        dataset,
        train_values=values[train],
        train_labels=labels[train],
        test_values=values[test],
        test_labels=labels[test],
    )


def _train_on(dataset: Dataset, count: Any) -> Dataset:
    """Return a dataset with so many of its samples for training, always the same ones, in their order.

    Raises
    ------
    BackspikeError
        The number is not from 1 to that of the samples for training.
    """
    samples = len(dataset.train_labels)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= samples:
        raise BackspikeError(f"train of dataset {dataset.name} must be from 1 to {samples}, not {shown(count)}")
    learned = np.sort(_drawn(samples)[:count])
    return replace(dataset, train_values=dataset.train_values[learned], train_labels=dataset.train_labels[learned])


def _drawn(samples: int) -> NDArray[np.int64]:
    """Return the indices of so many samples in an order by chance, always the same one."""
    return np.random.Generator(np.random.PCG64(0)).permutation(samples)
