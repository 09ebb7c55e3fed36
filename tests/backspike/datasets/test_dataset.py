"""A dataset refuses arrays that are no labelled samples, and networks that cannot take it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backspike import BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import Dataset
from backspike.training.trainer import train

CONFIG = NetworkConfig(layers=(6, 3), ticks=4)
VALUES = np.full((5, 6), 9, dtype=np.uint8)
LABELS = np.array([0, 1, 2, 1, 0])
RIGHT: dict[str, Any] = {
    "name": "own",
    "train_values": VALUES,
    "train_labels": LABELS,
    "test_values": VALUES[:2],
    "test_labels": LABELS[:2],
    "classes": 3,
}
SHAPES = r"must be uint8 of shape \(samples, inputs\) or \(samples, ticks, inputs\), not"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": ""}, "the name of a dataset must be text, not ''"),
        ({"name": None}, "the name of a dataset must be text, not None"),
        ({"classes": 1}, "classes of dataset own must be a whole number, at least 2, not 1"),
        ({"classes": 3.0}, "classes of dataset own must be a whole number, at least 2, not 3.0"),
        ({"classes": True}, "classes of dataset own must be a whole number, at least 2, not True"),
        ({"classes": None}, "classes of dataset own must be a whole number, at least 2, not None"),
        ({"train_values": VALUES.tolist()}, "train_values of dataset own must be a NumPy array, not list"),
        ({"test_values": None}, "test_values of dataset own must be a NumPy array, not NoneType"),
        ({"test_values": np.ma.masked_less(VALUES, 3)}, "test_values .* must be a NumPy array, not MaskedArray"),
        ({"train_values": VALUES / 255}, rf"train_values of dataset own {SHAPES} float64 of shape \(5, 6\)"),
        ({"test_values": VALUES.astype(np.int8)}, rf"test_values of dataset own {SHAPES} int8 of shape \(5, 6\)"),
        ({"train_values": VALUES > 0}, rf"train_values of dataset own {SHAPES} bool of shape \(5, 6\)"),
        ({"train_values": VALUES.astype(object)}, rf"train_values of dataset own {SHAPES} object of shape \(5, 6\)"),
        ({"train_values": VALUES[0]}, rf"train_values of dataset own {SHAPES} uint8 of shape \(6,\)"),
        ({"train_values": np.uint8([[[[1]]]])}, rf"train_values of dataset own {SHAPES} uint8 of shape \(1, 1, 1, 1\)"),
        ({"test_values": VALUES[:0]}, rf"test_values of dataset own {SHAPES} uint8 of shape \(0, 6\)"),
        ({"train_values": VALUES[:, :0]}, rf"train_values of dataset own {SHAPES} uint8 of shape \(5, 0\)"),
        ({"train_labels": LABELS.tolist()}, "train_labels of dataset own must be a NumPy array, not list"),
        ({"train_labels": LABELS[:4]}, r"train_labels .* whole numbers of shape \(5,\), .* not int64 of shape \(4,\)"),
        ({"test_labels": LABELS}, r"test_labels .* whole numbers of shape \(2,\), .* not int64 of shape \(5,\)"),
        ({"train_labels": np.eye(5, 3, dtype=int)}, r"train_labels .*, one per sample, not int64 of shape \(5, 3\)"),
        ({"train_labels": LABELS * 1.0}, r"train_labels of .* must be whole numbers .*, not float64 of shape \(5,\)"),
        ({"train_labels": LABELS > 0}, r"train_labels of .* must be whole numbers .*, not bool of shape \(5,\)"),
        ({"train_labels": LABELS.astype(str)}, r"train_labels of .* must be whole numbers .*, not <U21 of .*"),
        ({"train_labels": LABELS.astype("m8[s]")}, r"train_labels of .* must be whole numbers .*, not timedelta64.*"),
        ({"train_labels": LABELS + 1}, "train_labels of dataset own must be from 0 to 2, not 3"),
        ({"test_labels": LABELS[:2] - 1}, "test_labels of dataset own must be from 0 to 2, not -1"),
        ({"test_labels": np.uint64([0, 1 << 63])}, f"test_labels of dataset own must be from 0 to 2, not {1 << 63}"),
        (
            {"test_values": VALUES[:2, :3]},
            r"dataset own has samples of shape \(6,\) to train on, but \(3,\) to test on",
        ),
        (
            {"test_values": VALUES[:2, np.newaxis]},
            r"dataset own has samples of shape \(6,\) to train on, but \(1, 6\) to test on",
        ),
        ({"train_values": 0 * VALUES}, "all samples to train on of dataset own are blank: no input ever spikes"),
        ({"test_values": 0 * VALUES[:2]}, "all samples to test on of dataset own are blank: no input ever spikes"),
    ],
)
def test_a_wrong_part_is_named(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        Dataset(**{**RIGHT, **changed})


@pytest.mark.parametrize("kind", [np.uint8, np.int32, ">i8", np.uint64])
def test_labels_of_any_integer_type_are_kept_as_one(kind: Any) -> None:
    dataset = Dataset(**{**RIGHT, "train_labels": LABELS.astype(kind), "classes": np.int64(3)})
    assert dataset.train_labels.dtype == np.int64
    assert dataset.train_labels.dtype.isnative
    assert dataset.train_labels.tolist() == LABELS.tolist()
    assert type(dataset.classes) is int


@pytest.mark.parametrize(
    "config", [NetworkConfig(layers=(7, 3)), NetworkConfig(layers=(6, 4)), CONFIG.replace(input="spikes")]
)
def test_a_network_that_cannot_take_it_is_refused_before_anything_is_trained(config, tmp_path) -> None:
    with pytest.raises(BackspikeError, match=r"^dataset own has samples of shape \(6,\) in 3 classes, but network "):
        train(config, Dataset(**RIGHT), 1, 1, tmp_path / "out")


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("blank", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(5, 6), (5, 4, 6)])
def test_blank_samples_are_told_if_they_are_most(part: str, blank: int, shape: tuple[int, ...]) -> None:
    kind = "rate" if len(shape) == 2 else "spikes"
    good, bad = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    good[..., -1] = 1
    bad[blank:, ..., 0] = 1
    values = {"train_values": good, "test_values": good, f"{part}_values": bad}
    dataset = Dataset("own", values["train_values"], LABELS, values["test_values"], LABELS, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset.check(CONFIG.replace(input=kind))
    told = f"{blank} of the 5 samples to {part} on of dataset own are blank: no input ever spikes"
    assert [(w.category, str(w.message)) for w in caught] == ([(BackspikeWarning, told)] if blank > 2 else [])


@pytest.mark.parametrize("part", ["train", "test"])
def test_samples_of_one_class_are_told(part: str) -> None:
    right = Dataset(**RIGHT)
    dataset = replace(right, **{f"{part}_labels": np.full_like(getattr(right, f"{part}_labels"), 2)})
    count = len(getattr(right, f"{part}_labels"))
    sentence = f"^{count} of the {count} samples to {part} on of dataset own are of class 2: there is nothing"
    with pytest.warns(BackspikeWarning, match=sentence):
        dataset.check(CONFIG)


@pytest.mark.parametrize(("ticks", "told"), [(2, False), (3, True), (16, True)])
def test_samples_that_spike_in_one_tick_alone_are_told(ticks: int, told: bool) -> None:
    values = np.zeros((5, ticks, 6), dtype=np.uint8)
    values[:, 0] = 1
    values[3:, 1] = 1
    dataset = Dataset("own", values, LABELS, np.ones_like(values), LABELS, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset.check(CONFIG.replace(input="spikes", ticks=ticks))
    sentence = f"3 of the 5 samples to train on of dataset own spike in one of their {ticks} ticks alone"
    assert [str(w.message) for w in caught] == [sentence] * told
