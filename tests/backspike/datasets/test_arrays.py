"""Samples in a NumPy archive: under the names that people give them, or one sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from backspike import BackspikeError, NetworkConfig
from backspike.datasets import Dataset, Request
from backspike.datasets.arrays import read_samples
from backspike.datasets.own import load_own
from backspike.datasets.samples import SampleSettings
from tests.damage import damaged_zips, read_or_refused

CONFIG = NetworkConfig(layers=(6, 3), ticks=4)
VALUES = np.arange(36, dtype=np.uint8).reshape(6, 2, 3) * 7
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "names",
    [
        ("train_values", "train_labels", "test_values", "test_labels"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
    ],
    ids=lambda names: names[0],
)
def test_two_parts_by_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    np.savez(tmp_path / "a.npz", **dict(zip(names, (VALUES, LABELS, VALUES[3:], LABELS[3:]), strict=True)), val=VALUES)
    train, test = read_samples(tmp_path / "a.npz", SampleSettings(), CONFIG)
    assert train.values.tolist() == VALUES.tolist()
    assert train.labels.tolist() == LABELS.tolist()
    assert test.values.tolist() == VALUES[3:].tolist()
    assert test.labels.tolist() == LABELS[3:].tolist()


@pytest.mark.parametrize(
    "names", [("values", "labels"), ("images", "labels"), ("x", "y"), ("X", "y"), ("data", "target")]
)
def test_one_part_by_its_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    np.savez_compressed(tmp_path / "a.npz", **dict(zip(names, (VALUES, LABELS), strict=True)))
    (only,) = read_samples(tmp_path / "a.npz", SampleSettings(), CONFIG)
    assert only.values.tolist() == VALUES.tolist()
    assert only.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("arrays", "has"),
    [
        ({}, "none"),
        ({"arr_0": VALUES}, "arr_0"),
        ({"train_values": VALUES, "train_labels": LABELS}, "train_labels and train_values"),
    ],
)
def test_other_names_are_told(tmp_path: Path, arrays: dict[str, np.ndarray], has: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    sentence = (
        "must have the arrays train_values, train_labels, test_values and test_labels, or values and labels to be"
    )
    with pytest.raises(BackspikeError, match=rf"a\.npz {sentence} split; it has {has}$"):
        read_samples(tmp_path / "a.npz", SampleSettings(), CONFIG)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("values", "labels", "x", "y"), "values and labels or x and y"),
        (("X", "x", "y"), "x and y or X and y"),
        (
            ("train_values", "train_labels", "test_values", "test_labels", "data", "target"),
            "train_values and train_labels or data and target",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_samples_under_several_names_are_refused(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    labels = ("labels", "y", "target")
    np.savez(tmp_path / "a.npz", **{name: LABELS if name.endswith(labels) else VALUES for name in names})
    with pytest.raises(BackspikeError, match=rf"a\.npz has samples under several names, and may have one .*: {told}$"):
        read_samples(tmp_path / "a.npz", SampleSettings(), CONFIG)


def archive(**arrays: np.ndarray) -> dict[str, bytes]:
    members = {}
    for name, array in arrays.items():
        file = io.BytesIO()
        np.save(file, array)
        members[f"{name}.npy"] = file.getvalue()
    return members


@given(content=damaged_zips(archive(values=VALUES, labels=LABELS.astype(np.uint8))))
def test_anything_is_a_dataset_or_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.npz"
    path.write_bytes(content)
    dataset = read_or_refused(lambda path: load_own(Request(str(path), CONFIG, 1, {"white": 255})), path)
    assert dataset is None or isinstance(dataset, Dataset)
