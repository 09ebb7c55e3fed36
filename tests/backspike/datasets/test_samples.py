"""Samples of one's own: number formats, shapes and labels that people have, or one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backspike import BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import Dataset, Request
from backspike.datasets.samples import Samples, SampleSettings, dataset_of
from backspike.training.samples import network_values

CONFIG = NetworkConfig(layers=(6, 3), ticks=4)
VALUES = np.arange(30, dtype=np.uint8).reshape(5, 2, 3) * 8
LABELS = np.array([0, 1, 2, 1, 0])


def made(
    values: Any,
    labels: Any = LABELS,
    test: tuple[Any, Any] | None = None,
    seed: int = 1,
    input: str = "rate",
    **settings,
) -> Dataset:
    test_values, test_labels = (values[:2], labels[:2]) if test is None else test
    request = Request("own", CONFIG.replace(input=input), seed)
    tested = Samples(np.asarray(test_values), np.asarray(test_labels))
    return dataset_of(
        "own", request, SampleSettings(**settings), Samples(np.asarray(values), np.asarray(labels)), tested
    )


def split(values: Any, labels: Any, seed: int = 1, **settings) -> Dataset:
    return dataset_of("own", Request("own", CONFIG, seed), SampleSettings(**settings), Samples(values, labels))


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (VALUES, {}),
        (VALUES.astype(np.int64), {}),
        (VALUES.astype(np.float32), {}),
        (VALUES.astype(np.float32) / 255, {}),
        (VALUES.astype(np.float16) / 255, {}),
        (VALUES / 255, {}),
        (VALUES.astype(">f8") / 255, {}),
        (np.asfortranarray(VALUES), {}),
        (VALUES.astype(np.uint16) * 257, {"white": 65535}),
        (VALUES / 255 * 16, {"white": 16}),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else None,
)
def test_images_of_any_number_format_are_rows_of_bytes(values: np.ndarray, settings: dict[str, int]) -> None:
    dataset = made(values, **settings)
    assert dataset.train_values.tolist() == [[8 * (6 * image + pixel) for pixel in range(6)] for image in range(5)]
    assert dataset.test_values.tolist() == dataset.train_values[:2].tolist()
    assert dataset.classes == 3


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_values_between_two_levels_are_rounded_in_double_precision(kind: type[np.floating]) -> None:
    values = np.append((np.arange(255) + 0.5) / 255, [0.0] * 9).astype(kind).reshape(44, 6)
    expected = [round(float(value) * 255) for value in values.ravel()]
    labels = np.arange(44) % 3
    assert made(values, labels).train_values.ravel().tolist() == expected
    assert network_values(CONFIG, values).ravel().tolist() == expected


def test_booleans_are_blank_or_full() -> None:
    assert made(VALUES > 40).train_values.tolist() == np.where(VALUES.reshape(5, 6) > 40, 255, 0).tolist()


def test_one_scale_holds_for_both_parts() -> None:
    dataset = made(VALUES * 1.0, test=(VALUES[:2] / 4, LABELS[:2]))
    assert dataset.test_values[1].tolist() == [12, 14, 16, 18, 20, 22]
    dimmer = made(VALUES / 255, test=(VALUES[:2] / 255 / 4, LABELS[:2]))
    assert dimmer.test_values[1].tolist() == [12, 14, 16, 18, 20, 22]


@pytest.mark.parametrize("top", [1, 255])
def test_ends_may_be_rounded(top: int) -> None:
    values = np.linspace(0, top, 30).reshape(5, 2, 3)
    values[0, 0, 0], values[-1, -1, -1] = np.nextafter(0, -1), np.nextafter(top, top + 1)
    dataset = made(values, LABELS, (values, LABELS))
    assert (dataset.train_values[0, 0], dataset.train_values[-1, -1]) == (0, 255)
    assert dataset.test_values.tolist() == dataset.train_values.tolist()
    with pytest.raises(BackspikeError, match="allowed are"):
        made(values - 0.001)


@pytest.mark.parametrize(("white", "largest"), [(1, 1), (16, 16)])
def test_values_far_below_white_are_told(white: int, largest: int) -> None:
    values = np.minimum(VALUES, largest)
    with pytest.warns(
        BackspikeWarning, match=rf"no value of dataset own is above {largest} of 255, .* set white={white}$"
    ):
        made(values)
    assert made(values, white=white).train_values.max() == 255


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.reshape(5, 1),
        LABELS * 1.0,
        LABELS.astype(str),
        LABELS.astype("S1"),
        LABELS.astype(np.uint64),
        LABELS.astype(np.int8),
    ],
    ids=lambda labels: f"{labels.dtype}{labels.shape}",
)
def test_labels_of_any_type_are_whole_numbers(labels: np.ndarray) -> None:
    dataset = made(VALUES, labels)
    assert dataset.train_labels.tolist() == LABELS.tolist()
    assert dataset.train_labels.dtype == np.int64


def test_labels_may_count_from_another_number() -> None:
    assert made(VALUES, LABELS + 1, first_label=1).train_labels.tolist() == LABELS.tolist()
    assert made(VALUES, LABELS - 1, first_label=-1).train_labels.tolist() == LABELS.tolist()


def test_there_may_be_classes_without_samples() -> None:
    assert made(VALUES, classes=10).classes == 10
    assert made(VALUES, LABELS + 4).classes == 7


def test_recorded_spikes_keep_their_ticks() -> None:
    values = np.zeros((5, 4, 2, 3))
    values[:, 1, 1, 2] = 7.5
    values[:, 3, 0, 1] = 0.001
    dataset = made(values, input="spikes")
    assert dataset.train_values.shape == (5, 4, 6)
    assert [list(place) for place in np.argwhere(dataset.train_values[0])] == [[1, 5], [3, 1]]
    assert dataset.train_values.max() == 1


def test_one_part_is_split_by_the_seed() -> None:
    values = np.arange(100, dtype=np.uint8).reshape(50, 2) + 100
    labels = np.repeat([0, 1, 2, 3, 4], 10)
    one, same, other = (split(values, labels, seed) for seed in (1, 1, 2))
    assert np.bincount(one.test_labels).tolist() == [2] * 5, "a fifth, the same share of each class"
    assert sorted([*one.train_values[:, 0], *one.test_values[:, 0]]) == list(range(100, 200, 2))
    assert one.test_values.tolist() == same.test_values.tolist() != other.test_values.tolist()
    for row, label in zip(one.train_values, one.train_labels, strict=True):
        assert label == (row[0] - 100) // 20
    assert len(split(values, labels, test=25).test_labels) == 25
    few = split(values[::5], labels[::5])
    assert len(few.test_labels) == 5, "one of each class at least has its turn"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"values": VALUES - 1.0}, "its samples have values from -1 to 231; allowed are 0 to 255, floats also"),
        ({"values": VALUES * 1.2}, "its samples have values from 0 to 278.4; allowed are 0 to 255"),
        ({"values": VALUES.astype(int) * 9}, "its samples have values from 0 to 2088; allowed are"),
        ({"values": VALUES, "white": 100}, "its samples have values from 0 to 232; allowed are 0 to 100, as"),
        ({"values": np.where(VALUES == 8, np.nan, VALUES)}, "its samples have values from nan to nan; allowed are"),
        ({"values": np.where(VALUES == 8, np.inf, VALUES)}, "its samples have values from 0 to inf; allowed are"),
        ({"values": VALUES * 1j}, "its samples to train on must be whole numbers or floats .*, not complex128"),
        ({"values": VALUES.astype(str)}, "its samples to train on must be whole numbers or floats .*, not <U3"),
        ({"values": VALUES.astype("m8[s]")}, "its samples to train on must be whole numbers or floats .*, not time"),
        ({"values": VALUES[:, 0, 0]}, r"its samples to train on must be of shape \(samples, ...\), .*, not \(5,\)"),
        ({"values": VALUES[:, :0]}, r"its samples to train on must be of shape .*, not \(5, 0, 3\)"),
        ({"values": VALUES[:0]}, r"its samples to train on must be of shape .*, not \(0, 2, 3\)"),
        (
            {"values": VALUES, "test": (VALUES[:2].reshape(2, 3, 2), LABELS[:2])},
            r"its samples to train on are of shape \(2, 3\), those to test on of \(3, 2\)",
        ),
        (
            {"values": VALUES * 1.0, "test": (VALUES[:2] / 255, LABELS[:2])},
            "its samples to train on have values up to 232, but those to test on up to 0.345098: both must be scaled",
        ),
        (
            {"values": VALUES, "test": (VALUES[:2] / 255, LABELS[:2])},
            "its samples to train on are uint8, but those to test on float64",
        ),
        ({"values": VALUES, "labels": LABELS[:4]}, "it has 5 samples to train on, but 4 labels for them"),
        ({"values": VALUES, "test": (VALUES[:2], LABELS)}, "it has 2 samples to test on, but 5 labels for them"),
        ({"values": VALUES, "labels": np.eye(5, 3)}, r"its labels .* must be of shape \(samples,\), .*, not \(5, 3\)"),
        ({"values": VALUES, "labels": LABELS + 0.5}, "its labels of the samples to train on must be whole .*, not 0.5"),
        ({"values": VALUES, "labels": LABELS * np.nan}, "its labels of the samples to train on must be .*, not nan"),
        ({"values": VALUES, "labels": LABELS * 1j}, "its labels .* must be whole numbers, not complex128"),
        ({"values": VALUES, "labels": np.array(list("abcab"))}, "its labels .* must be whole numbers, not text as 'a'"),
        ({"values": VALUES, "labels": LABELS + (1 << 60)}, f"its labels .* must be whole numbers, not {1 << 60}"),
        ({"values": VALUES, "labels": LABELS - 1}, "it has the label -1; allowed are whole numbers from 0"),
        ({"values": VALUES, "first_label": 1}, "it has the label 0; allowed are whole numbers from 1"),
        ({"values": VALUES, "classes": 2}, "it has the label 2; allowed are whole numbers from 0 to 1"),
        ({"values": VALUES, "labels": 0 * LABELS}, "classes of dataset own must be a whole number, at least 2, not 1"),
        ({"values": VALUES, "input": "spikes", "test": (VALUES[:2] * -1.0, LABELS[:2])}, "its .* must be spikes, 0 or"),
    ],
)  # fmt: skip
def test_what_is_no_sample_or_label_is_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BackspikeError, match=f"^{sentence}") as error:
        made(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"test": 0}, "test must be a whole number, 1 or more, of data without a part to test on, not 0"),
        ({"test": True}, "test must be a whole number, 1 or more, of data without a part to test on, not True"),
        ({"classes": 1}, "classes must be a whole number, 2 to 65535, not 1"),
        ({"classes": "all"}, "classes must be a whole number, 2 to 65535, not 'all'"),
        ({"first_label": 0.5}, "first_label must be a whole number, -2147483648 to 2147483647, not 0.5"),
        ({"white": 0}, "white must be a whole number, 1 to 65535, not 0"),
        ({"pool": 0}, "pool must be a whole number, 1 to 65535, not 0"),
        ({"polarity": "both"}, "polarity must be merged or separate, not 'both'"),
        ({"polarity": 1}, "polarity must be merged or separate, not 1"),
        ({"white": 10**5000}, "white must be a whole number, 1 to 65535, not a very long int"),
    ],
)
def test_impossible_settings_are_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        SampleSettings(**values)


@pytest.mark.parametrize("tested", [2, 3, 4])
def test_too_few_to_split_is_one_sentence(tested: int) -> None:
    with pytest.raises(BackspikeError, match=f"^{tested} of its 5 samples cannot be held out to test on: of 3 classes"):
        split(VALUES, LABELS, test=tested)


def test_what_has_samples_to_test_on_is_not_split() -> None:
    with pytest.raises(
        BackspikeError, match=r"^it has samples to test on, so test cannot be set; validation holds out"
    ):
        dataset_of(
            "own", Request("own", CONFIG, 1), SampleSettings(test=2), Samples(VALUES, LABELS), Samples(VALUES, LABELS)
        )
