"""MNIST and its double Fashion-MNIST: images of 28x28 pixels in ten classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError
from backspike.idx import read_idx

from .dataset import Dataset, Request
from .files import INNER, Source, below, find_file, locate
from .samples import Samples

__all__ = ["FASHION_MNIST", "MNIST", "idx_files", "image_dataset", "load_fashion_mnist", "load_mnist", "read_samples"]

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

# The authors' own server refuses downloads at times; the mirror is the one that torchvision takes, with its checksums.
MNIST = Source(
    title="MNIST",
    folder="mnist",
    files=FILES,
    urls=("https://ossci-datasets.s3.amazonaws.com/mnist/{name}", "http://yann.lecun.com/exdb/mnist/{name}"),
    checksums=dict(
        zip(
            FILES,
            (
                "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "md5:d53e105ee54ea40749a09fcbcd1e9432",
                "md5:9fb629c4189551a2d022fa330f9573f3",
                "md5:ec29112dd5afa0611ce80d1b7f02629c",
            ),
            strict=True,
        )
    ),
)
"""Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"."""

FASHION_MNIST = Source(
    title="Fashion-MNIST",
    folder="fashion-mnist",
    aliases=("FashionMNIST", "fashion_mnist"),
    files=FILES,
    urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{name}",),
    checksums=dict(
        zip(
            FILES,
            (
                "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "md5:25c81989df183df01b3e8a0aad5dffbe",
                "md5:bef4ecab320f06d8554ea6380940ec79",
                "md5:bb300cfdad3c16e7a12a480ee83cd310",
            ),
            strict=True,
        )
    ),
    help=", or install Debian's package dataset-fashion-mnist",
)
"""H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST" (2017), arXiv 1708.07747."""


def load_mnist(request: Request) -> Dataset:
    """Load MNIST in its official split: 60,000 handwritten digits to train on, 10,000 to test on."""
    return _load(request, MNIST)


def load_fashion_mnist(request: Request) -> Dataset:
    """Load Fashion-MNIST in its official split: 60,000 pieces of clothing to train on, 10,000 to test on."""
    return _load(request, FASHION_MNIST)


def _load(request: Request, source: Source) -> Dataset:
    request.refuse_settings()
    return image_dataset(request.name, locate(source, request.data_dir), classes=10)


def image_dataset(
    name: str, paths: Sequence[Path], classes: int, first_label: int = 0, transposed: bool = False
) -> Dataset:
    """Read a dataset of images from four IDX files.

    Parameters
    ----------
    name : str
    paths : sequence of Path
        Images and labels to train on, then those to test on.
    classes : int
        Number of classes.
    first_label : int
        Label in the files that is class 0.
    transposed : bool
        Whether the files hold rows for columns.

    Raises
    ------
    BackspikeError
        A file cannot be read, is damaged or of another kind, or they do not belong together: images and labels of
        other numbers, images for testing of another height or width.
    """
    images, labels, test_images, test_labels = paths
    train_images, train_labels = _images_and_labels(images, labels, classes, first_label, transposed)
    tested_images, tested_labels = _images_and_labels(test_images, test_labels, classes, first_label, transposed)
    # Here, since as rows of inputs 28x28 and 14x56 pixels are alike.
    size, tested = (f"{height}x{width}" for _, height, width in (train_images.shape, tested_images.shape))
    if tested != size:
        raise BackspikeError(f"{test_images} has images of {tested} pixels, but {images} of {size}")
    return Dataset(name, _flat(train_images), train_labels, _flat(tested_images), tested_labels, classes)


def idx_files(folder: Path) -> list[Path]:
    """Return the four files of a set of the MNIST family in a folder, images before labels; none if it lacks some."""
    for inner in INNER:
        there = below(folder, inner)
        for names in (FILES, tuple(name.replace("t10k", "test") for name in FILES)):
            found = [path for name in names if there is not None and (path := find_file(there, name))]
            if len(found) == len(names):
                return found
    return []


def read_samples(folder: Path) -> list[Samples]:
    """Return the images and labels of such a folder, those to train on first.

    Raises
    ------
    BackspikeError
        A file cannot be read or is damaged, or there are more labels than images or fewer.
    """
    paths = idx_files(folder)
    return [Samples(read_idx(paths[part], 3), read_idx(paths[part + 1], 1)) for part in (0, 2)]


def _flat(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, height, width = images.shape
    return np.ascontiguousarray(images).reshape(count, height * width)


def _images_and_labels(
    images_path: Path, labels_path: Path, classes: int, first_label: int, transposed: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1).astype(np.int64) - first_label
    if len(images) != len(labels):
        raise BackspikeError(f"{images_path} has {len(images)} images, but {labels_path} {len(labels)} labels")
    if not len(labels):
        raise BackspikeError(f"{labels_path} has no labels")
    for label in (labels.min(), labels.max()):
        if not 0 <= label < classes:
            last = first_label + classes - 1
            raise BackspikeError(
                f"{labels_path} has the label {label + first_label}; allowed are {first_label} to {last}"
            )
    if transposed:
        images = images.transpose(0, 2, 1)
    return images, labels
