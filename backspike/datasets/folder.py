"""Samples in a folder: images, in a folder for each class."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError, loading, shown
from backspike.files import LARGEST, read_file, reading

from .files import is_litter
from .samples import Samples

__all__ = ["ENDINGS", "folder_files", "read_image", "read_samples"]

PARTS = (("train", "training"), ("test", "testing"))
"""What the folders of samples to train on and to test on may be called, in any case."""

ENDINGS = (".png", ".pgm", ".pbm", ".ppm", ".pnm", ".bmp", ".jpg", ".jpeg")
"""How names of images end, in any case."""

FORMATS = ("PNG", "PPM", "BMP", "JPEG")
"""What Pillow calls the formats; ``PPM`` is the whole family."""

PIXELS = 1 << 24
"""Pixels of the largest image: far more than any network has inputs."""


def read_samples(path: Path) -> list[Samples]:
    """Return the images of a folder as grey values of shape (samples, height, width), and their labels.

    Either it has folders ``train`` and ``test`` with a folder for each class in both, or the classes' folders itself.
    The classes count in the order of the numbers that their folders are named by, or else of the names; images are
    taken in the order of classes and names.

    Raises
    ------
    BackspikeError
        The folder is built otherwise, a file is no image that can be read, or the images have not all one size.
    """
    parts = _parts(path)
    first = next(_images(parts[0]))
    height, width = read_image(first).shape
    count = sum(1 for part in parts for _ in _images(part))
    if count * height * width > LARGEST:
        raise BackspikeError(f"{path} has {count:,} images of {width}x{height} pixels; more than {LARGEST:,} bytes")
    classes = {folder.name: label for label, folder in enumerate(parts[0])}
    result = []
    for part in parts:
        images, labels = [], []
        for file in _images(part):
            pixels = read_image(file)
            if pixels.shape != (height, width):
                raise BackspikeError(
                    f"{file} has {pixels.shape[1]}x{pixels.shape[0]} pixels, but {first} {width}x{height}: all images "
                    "must have one size"
                )
            images.append(pixels)
            labels.append(classes[file.parent.name])
        result.append(Samples(np.stack(images), np.array(labels)))
    return result


def folder_files(path: Path) -> list[Path]:
    """Return the images of a folder in the order in which they are taken."""
    return [file for part in _parts(path) for file in _images(part)]


def _parts(path: Path) -> list[list[Path]]:
    """Return the classes' folders of each part, in the order of the classes."""
    folders = {folder.name.lower(): folder for folder in _folders(path)}
    parts = [next((folders[name] for name in names if name in folders), None) for names in PARTS]
    roots = [part for part in parts if part]
    if len(roots) < len(parts):
        roots = [path]
    train, *test = [_ordered(_folders(root)) for root in roots]
    if len(train) < 2:
        raise BackspikeError(
            f"{roots[0]} must have a folder for each class, at least two, and images in them; "
            f"it has {shown([folder.name for folder in train]) if train else 'no folders'}"
        )
    names = {folder.name for folder in train}
    for folder in (folder for part in test for folder in part):
        if folder.name not in names:
            raise BackspikeError(f"{folder} is of a class that {roots[0]} has not")
    return [train, *test]


def _folders(path: Path) -> list[Path]:
    return [folder for folder in _entries(path) if folder.is_dir()]


def _entries(path: Path) -> list[Path]:
    """Return what is in a folder, by name."""
    entries = sorted((entry for entry in path.iterdir() if not is_litter(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        if not entry.name.isprintable():
            raise BackspikeError(f"a file or folder in {path} has a name that is none: {shown(entry.name)}")
    return entries


def _ordered(folders: list[Path]) -> list[Path]:
    if all(folder.name.isdecimal() and len(folder.name) < 20 for folder in folders):
        return sorted(folders, key=lambda folder: (int(folder.name), folder.name))
    return folders


def _images(folders: list[Path]) -> Iterator[Path]:
    """Yield the files of classes in their order."""
    for folder in folders:
        files = _entries(folder)
        if not files:
            raise BackspikeError(f"{folder} has no images")
        for file in files:
            if file.is_dir():
                raise BackspikeError(
                    f"{file} is a folder, where images of class {shown(folder.name)} are expected; "
                    "a folder of samples to train on has one named test beside it"
                )
            if not file.name.lower().endswith(ENDINGS):
                raise BackspikeError(f"{file} is no image of a format that is read: {', '.join(ENDINGS)}")
            yield file


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an image as grey values, 0 to 255, shape (height, width).

    Raises
    ------
    BackspikeError
        It cannot be read, is of no format in `FORMATS`, damaged, transparent in places, or of more than `PIXELS`.
    """
    # Not at the top, since it takes a tenth of a second.
    with loading("Pillow"):
        from PIL import Image, UnidentifiedImageError

    content = read_file(path)
    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            # Checksums, which reading the pixels passes over; after it an image has to be opened anew.
            Image.open(io.BytesIO(content), formats=FORMATS).verify()
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            # Its own sentence has the address of an object.
            raise BackspikeError(f"{path} is no image of a format that is read: {', '.join(FORMATS)}") from error
        if image.width * image.height > PIXELS:
            raise BackspikeError(f"{path} has {image.width}x{image.height} pixels; more than {PIXELS:,} are not read")
        if image.has_transparency_data and np.asarray(image.convert("RGBA"))[:, :, 3].min() < 255:
            raise BackspikeError(f"{path} is transparent in places; put it on a background first")
        if image.mode.startswith("I"):
            # Of 16 bits, which `convert` cuts off in place of scaling.
            return np.rint(np.asarray(image).astype(np.float64) / 257).astype(np.uint8)
        return np.asarray(image.convert("L"))
