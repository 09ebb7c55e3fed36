"""Samples in CSV files, as those of MNIST that many have, or one sentence."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from backspike import BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import Dataset, Request, dataset_identity, load_dataset
from backspike.datasets.own import load_own
from backspike.datasets.samples import SampleSettings
from backspike.datasets.table import read_samples
from tests.damage import damaged, read_or_refused

CONFIG = NetworkConfig(layers=(3, 2), ticks=4)
PLAIN = "1,0,128,255\n0,9,8,7\n"
VALUES, LABELS = [[0, 128, 255], [9, 8, 7]], [1, 0]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip(),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        "\n" + PLAIN.replace("\n", "\n\n"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ", "),
        '"1","0","128","255"\n"0","9","8","7"\n',
        "1.0,0.0,128.0,255.0\n0.0,9.0,8.0,7.0\n",
        "label,1x1,1x2,1x3\n" + PLAIN,
        "label,0,1,2\n" + PLAIN,
        "\ufeffLabel,a,b,c\r\n" + PLAIN,
        '"label","a","b","c"\n' + PLAIN,
        "0,1,2,class\n0,128,255,1\n9,8,7,0\n",
        "'pixel1','pixel2','pixel3','class'\n0,128,255,1\n9,8,7,0\n",
        ",label,a,b,c\n0,1,0,128,255\n1,0,9,8,7\n",
        "id,a,b,c,target\n0,0,128,255,1\n1,9,8,7,0\n",
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_lines_as_people_write_them(tmp_path: Path, name: str, text: str) -> None:
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    (only,) = read_samples(tmp_path / name, SampleSettings())
    assert only.values.tolist() == VALUES
    assert only.labels.tolist() == LABELS


@pytest.mark.parametrize(("columns", "told"), [(4, False), (8, False), (9, True), (785, True)])
def test_a_first_line_that_may_number_the_columns_is_told(tmp_path: Path, columns: int, told: bool) -> None:
    """As pandas writes a table without names."""
    first = ",".join(map(str, range(columns)))
    (tmp_path / "a.csv").write_text(f"{first}\n{','.join('1' * columns)}\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (only,) = read_samples(tmp_path / "a.csv", SampleSettings())
    assert ["is taken as a sample; if it numbers the columns, delete it" in str(w.message) for w in caught] == [
        True
    ] * told
    assert only.values.shape == (2, columns - 1)


def test_fractions_stay(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,0,0.5,1e-1\n0,1,0.25,1\n")
    (only,) = read_samples(tmp_path / "a.csv", SampleSettings())
    assert only.values.tolist() == np.float32([[0, 0.5, 0.1], [1, 0.25, 1]]).tolist()


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("mnist_train.csv", "mnist_test.csv"),
        ("train.csv", "test.csv"),
        ("emnist-letters-train.csv", "emnist-letters-test.csv"),
        ("Train.CSV", "Test.CSV"),
        ("TRAIN_data.csv.gz", "TEST_data.csv.gz"),
        ("training.csv", "testing.csv"),
        ("training.csv", "test.csv"),
        ("trainers_train.csv", "trainers_test.csv"),
    ],
)
def test_the_file_beside_it_is_for_testing(tmp_path: Path, train: str, test: str) -> None:
    for name, content in ((train, PLAIN), (test, "0,1,2,3\n1,40,50,200\n0,7,8,9\n")):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    dataset = load_dataset(tmp_path / train, CONFIG, 1)
    assert dataset.train_values.tolist() == VALUES
    assert dataset.test_values.tolist() == [[1, 2, 3], [40, 50, 200], [7, 8, 9]]
    assert dataset.test_labels.tolist() == [0, 1, 0]
    before = dataset_identity(str(tmp_path / train))
    (tmp_path / test).write_bytes(b"other")
    assert dataset_identity(str(tmp_path / train)) != before


def test_one_file_is_split(tmp_path: Path) -> None:
    lines = "".join(f"{line % 2},{line},{100 + line},255\n" for line in range(20))
    for name in ("letters.csv", "strained.csv"):
        (tmp_path / name).write_text(lines)
        dataset = load_dataset(tmp_path / name, CONFIG, 1)
        assert (len(dataset.train_labels), np.bincount(dataset.test_labels).tolist()) == (16, [2, 2])


def test_a_file_to_train_on_alone_is_told_unless_it_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "my_train.csv"
    path.write_text(PLAIN * 10)
    with pytest.warns(BackspikeWarning, match=r"my_test\.csv is not there: some samples of my_train\.csv are held out"):
        load_dataset(path, CONFIG, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_dataset(path, CONFIG, 1, {"test": 6}).test_labels) == 6


def test_a_file_to_test_on_without_labels_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(PLAIN * 10)
    (tmp_path / "test.csv").write_text("1,2,3\n4,5,6\n")
    sentence = r"/test\.csv has lines of 3 columns, but .*/train\.csv of 4; set test=N to take N samples of train\.csv"
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset(path, CONFIG, 1)
    assert len(load_dataset(path, CONFIG, 1, {"test": 4}).train_labels) == 16


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"a\.csv has no lines"),
        (b"\n \n", r"a\.csv has no lines"),
        (b"label,a,b\n", r"a\.csv has no lines but the header"),
        (b"1\n2\n", r"a\.csv must have lines of a label and at least one value, not '1'"),
        (b"1,2,3\n1,2\n", r"a\.csv: the number of columns changed from 3 to 2 at row 2"),
        (b"1,2,3\n1,x,3\n", r"a\.csv: could not convert string 'x' to int32 at row 1, column 2"),
        (b"1,x,3\n1,2,3\n", r"a\.csv: could not convert string 'x' to int32 at row 0, column 2"),
        (b",2,3\n1,2,3\n", r"a\.csv: could not convert string '' to int32 at row 0, column 1"),
        (b"1,,3\n1,2,3\n", r"a\.csv: could not convert string '' to int32 at row 0, column 2"),
        (b"1,2,nan\n0,2,3\n", r"a\.csv: its samples have values from nan to nan; allowed are"),
        (b"1,2,300\n0,2,3\n", r"a\.csv: its samples have values from 2 to 300; allowed are"),
        (b"0.5,2,99\n1,2,3\n", r"a\.csv: its labels of the samples to train on must be whole numbers, not 0\.5"),
        (b"\xff\xfe1\0,\0", r"a\.csv is damaged: 'utf-8' codec can't decode byte 0xff in position 0"),
        (b"PK\3\4" + bytes(99), r"a\.csv"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(BackspikeError, match=sentence) as error:
        load_dataset(tmp_path / "a.csv", CONFIG, 1)
    assert "\n" not in str(error.value)


@given(content=damaged((PLAIN * 4).encode(), ("label,a,b,c\n" + PLAIN * 4).encode(), b"1,0.5,1,0\n0,1,0.25,1\n" * 3))
def test_anything_is_a_dataset_or_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("table") / "a.csv"
    path.write_bytes(content)
    dataset = read_or_refused(lambda path: load_own(Request(str(path), CONFIG, 1, {"white": 255})), path)
    assert dataset is None or isinstance(dataset, Dataset)
