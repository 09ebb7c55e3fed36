"""EMNIST: upright images, classes from 0, all official splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backspike import BackspikeError, NetworkConfig
from backspike.datasets import load_dataset
from backspike.datasets.emnist import EMNIST_SPLITS, LETTERS26, emnist_source

from .samples import write_images


@pytest.mark.parametrize(("split", "classes"), EMNIST_SPLITS.items())
def test_a_split_is_turned_upright(places: Path, split: str, classes: int) -> None:
    first = 1 if split == "letters" else 0
    labels = ([first, first + classes - 1, first + 3], [first + 2])
    names = [f"emnist-{split}-{part}-ubyte.gz" for part in ("train-images-idx3", "train-labels-idx1")]
    names += [name.replace("train", "test") for name in names]
    assert sorted(names) == sorted(emnist_source(split).files)
    pictures = write_images(places / "emnist", names, labels)
    dataset = load_dataset(f"emnist-{split}", NetworkConfig(layers=(784, classes)), 1, data_dir=places)
    assert dataset.classes == classes
    assert dataset.train_labels.tolist() == [0, classes - 1, 3]
    assert dataset.test_labels.tolist() == [2]
    assert np.array_equal(dataset.train_values.reshape(3, 28, 28), pictures[0].transpose(0, 2, 1))
    assert np.array_equal(dataset.test_values.reshape(1, 28, 28), pictures[1].transpose(0, 2, 1))


@pytest.mark.parametrize("folder", ["emnist/gzip", "gzip", "EMNIST/raw", "EMNIST"])
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_layouts_that_people_have(places: Path, folder: str, suffix: str) -> None:
    names = [name.removesuffix(".gz") + suffix for name in emnist_source("letters").files]
    pictures = write_images(places / folder, names, ([1, 26], [13]))
    # The zip has all splits in one folder.
    write_images(places / folder, emnist_source("balanced").files, ([1, 2], [3]))
    dataset = load_dataset("emnist-letters", NetworkConfig(layers=(784, 26)), 1, data_dir=places)
    assert np.array_equal(dataset.train_values.reshape(2, 28, 28), pictures[0].transpose(0, 2, 1))
    assert dataset.test_labels.tolist() == [12]


def test_letters_of_ones_own_are_upright_already(places: Path) -> None:
    pictures = write_images(places / "emnist-letters26", LETTERS26.files, ([1, 26], [13]))
    dataset = load_dataset("emnist-letters26", NetworkConfig(layers=(784, 26)), 1, data_dir=places)
    assert np.array_equal(dataset.train_values.reshape(2, 28, 28), pictures[0])
    assert dataset.train_labels.tolist() == [0, 25]
    assert dataset.test_labels.tolist() == [12]


def test_a_label_of_no_class_is_named(places: Path) -> None:
    write_images(places / "emnist-letters26", LETTERS26.files, ([0, 26], [13]))
    with pytest.raises(BackspikeError, match=r"train-labels-idx1-ubyte\.gz has the label 0; allowed are 1 to 26$"):
        load_dataset("emnist-letters26", NetworkConfig(layers=(784, 26)), 1, data_dir=places)


def test_letters_that_are_not_here_say_where_others_are() -> None:
    with pytest.raises(
        BackspikeError, match=r"not published for download; .*the authors' letters are dataset emnist-le"
    ):
        load_dataset("emnist-letters26", NetworkConfig(layers=(784, 26)), 1)
