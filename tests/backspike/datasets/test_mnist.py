"""MNIST and Fashion-MNIST: the files as they are, and one sentence for each way in which they can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from backspike import BackspikeError, NetworkConfig
from backspike.datasets import dataset_identity, load_dataset
from backspike.datasets.mnist import FILES

from .samples import idx, images, write_images

CONFIG = NetworkConfig(layers=(784, 10))
LABELS = ([7, 9, 0], [1, 2])


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_images_and_labels_are_the_files(places: Path, name: str, suffix: str) -> None:
    pictures = write_images(places / name, [file.removesuffix(".gz") + suffix for file in FILES], LABELS)
    dataset = load_dataset(name, CONFIG, 1, data_dir=places)
    assert np.array_equal(dataset.train_values, pictures[0].reshape(3, 784))
    assert np.array_equal(dataset.test_values, pictures[1].reshape(2, 784))
    assert (dataset.train_labels.tolist(), dataset.test_labels.tolist()) == LABELS
    assert (dataset.name, dataset.classes) == (name, 10)


PLAIN = [file.removesuffix(".gz") for file in FILES]
DOTTED = [file.replace("-idx", ".idx") for file in PLAIN]


@pytest.mark.parametrize(
    ("name", "folder", "files"),
    [
        ("mnist", "MNIST/raw", PLAIN),
        ("mnist", "MNIST/raw", FILES),
        ("mnist", "mnist/raw", PLAIN),
        ("mnist", "Mnist", [file.upper() for file in FILES]),
        ("mnist", "mnist", DOTTED),
        ("mnist", "mnist", [f"{file}.gz" for file in DOTTED]),
        ("mnist", "mnist", [FILES[0], DOTTED[1], PLAIN[2], f"{DOTTED[3]}.GZ"]),
        ("fashion-mnist", "FashionMNIST/raw", PLAIN),
        ("fashion-mnist", "fashionmnist", FILES),
        ("fashion-mnist", "Fashion-MNIST", FILES),
        ("fashion-mnist", "fashion_mnist", FILES),
    ],
)
def test_layouts_that_people_have(places: Path, name: str, folder: str, files: list[str]) -> None:
    pictures = write_images(places / folder, files, LABELS)
    for litter in (".DS_Store", f"._{files[0]}", "._train-images-idx3-ubyte.gz"):
        (places / folder / litter).write_bytes(b"litter")
    (places / folder / "train-images-idx3-ubyte.d").mkdir()
    dataset = load_dataset(name, CONFIG, 1, data_dir=places)
    assert np.array_equal(dataset.train_values, pictures[0].reshape(3, 784))
    assert dataset.test_labels.tolist() == LABELS[1]


def test_the_very_name_comes_before_others(places: Path) -> None:
    pictures = write_images(places / "mnist", FILES, LABELS)
    write_images(places / "MNIST" / "raw", FILES, ([1] * 3, [1] * 2))
    write_images(places / "mnist" / "raw", PLAIN, ([2] * 3, [2] * 2))
    write_images(places / "mnist", DOTTED, ([3] * 3, [3] * 2))
    dataset = load_dataset("mnist", CONFIG, 1, data_dir=places)
    assert np.array_equal(dataset.train_values, pictures[0].reshape(3, 784))
    assert dataset.train_labels.tolist() == LABELS[0]


def test_a_folder_that_lacks_a_file_is_named_unless_another_has_all(places: Path) -> None:
    write_images(places / "mnist", FILES[:3], LABELS)
    with pytest.raises(
        BackspikeError, match=rf"^MNIST in {places}/mnist is not whole: t10k-labels-idx1-ubyte\.gz is mis"
    ):
        load_dataset("mnist", CONFIG, 1, data_dir=places)
    write_images(places / "mnist" / "raw", PLAIN, LABELS)
    assert load_dataset("mnist", CONFIG, 1, data_dir=places).train_labels.tolist() == LABELS[0]


@pytest.mark.parametrize("files", [FILES, PLAIN, DOTTED, [file.replace("t10k", "test") for file in FILES]])
@pytest.mark.parametrize("inner", ["", "raw"])
def test_a_folder_of_such_files_is_taken_by_its_path(places: Path, files: list[str], inner: str) -> None:
    pictures = write_images(places / "kmnist" / inner, files, LABELS)
    dataset = load_dataset(places / "kmnist", CONFIG, 1)
    assert np.array_equal(dataset.train_values, pictures[0].reshape(3, 784))
    assert np.array_equal(dataset.test_values, pictures[1].reshape(2, 784))
    assert (dataset.train_labels.tolist(), dataset.test_labels.tolist()) == LABELS
    before = dataset_identity(str(places / "kmnist"))
    write_images(places / "kmnist" / inner, files, ([7, 9, 1], [1, 2]))
    assert dataset_identity(str(places / "kmnist")) != before
    path = places / "kmnist" / inner / files[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BackspikeError, match=rf"^{path} "):
        load_dataset(places / "kmnist", CONFIG, 1)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        (FILES[1], idx(np.array([1, 2])), r"train-images-idx3-ubyte\.gz has 3 images, but .*train-labels.* 2 labels$"),
        (FILES[1], idx(np.array([1, 2, 10])), r"train-labels-idx1-ubyte\.gz has the label 10; allowed are 0 to 9$"),
        (FILES[3], idx(images(2, 0)), r"t10k-labels-idx1-ubyte\.gz is not an IDX file of unsigned bytes in 1 dim"),
        (
            FILES[2],
            idx(images(2, 0))[:-1],
            r"t10k-images-idx3-ubyte\.gz announces \(2, 28, 28\) values, but holds 1567$",
        ),
        (FILES[0], b"<html>", r"train-images-idx3-ubyte\.gz is not an IDX file"),
    ],
)
def test_a_wrong_file_is_named(places: Path, file: str, content: bytes, sentence: str) -> None:
    write_images(places / "mnist", FILES, LABELS)
    (places / "mnist" / file).write_bytes(gzip.compress(content))
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset("mnist", CONFIG, 1, data_dir=places)


def test_a_truncated_file_is_named(places: Path) -> None:
    write_images(places / "mnist", FILES, LABELS)
    path = places / "mnist" / FILES[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BackspikeError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        load_dataset("mnist", CONFIG, 1, data_dir=places)


def test_images_of_another_size_do_not_fit(places: Path) -> None:
    write_images(places / "mnist", FILES, LABELS)
    for file in (FILES[0], FILES[2]):
        count = 3 if file == FILES[0] else 2
        (places / "mnist" / file).write_bytes(gzip.compress(idx(np.ones((count, 5, 5)))))
    with pytest.raises(BackspikeError, match=r"^dataset mnist has samples of shape \(25,\) in 10 classes, but network"):
        load_dataset("mnist", CONFIG, 1, data_dir=places)


@pytest.mark.parametrize("shape", [(14, 56), (56, 14), (1, 784)])
def test_images_of_two_shapes_are_refused_even_if_they_have_as_many_pixels(places: Path, shape) -> None:
    write_images(places / "mnist", FILES, LABELS)
    (places / "mnist" / FILES[2]).write_bytes(gzip.compress(idx(np.ones((2, *shape)))))
    sentence = rf"t10k-images-idx3-ubyte\.gz has images of {shape[0]}x{shape[1]} pixels, but .*-ubyte\.gz of 28x28$"
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset("mnist", CONFIG, 1, data_dir=places)
