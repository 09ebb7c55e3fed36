"""Datasets: the right samples, the same split for the same seed, and only for networks that can take them."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from backspike import PRESETS, BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import load_dataset
from backspike.datasets.small import DIGITS
from backspike.npz import read_arrays

SPIKES = NetworkConfig(layers=(6, 3), ticks=5, input="spikes")


def test_the_digits_are_scikit_learns_byte_for_byte() -> None:
    arrays = read_arrays(DIGITS)
    pixels, labels = load_digits(return_X_y=True)
    assert set(arrays) == {"pixels", "labels"}
    for ours, theirs in ((arrays["pixels"], pixels), (arrays["labels"], labels)):
        assert ours.dtype == np.uint8
        assert np.array_equal(ours, theirs)


def test_the_digits_are_split_as_results_on_record_had_them() -> None:
    dataset = load_dataset("digits", PRESETS["digits"], seed=1)
    digest = hashlib.sha256()
    for part in (dataset.train_values, dataset.train_labels, dataset.test_values, dataset.test_labels):
        digest.update(part.tobytes())
    assert digest.hexdigest() == "4fefdf4e9b1f7576bd2f6ce59d5809e73fb66d956ef5a6e41e26460a9b643d60"


def test_neither_scikit_learn_nor_scipy_is_needed() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['joblib', 'scipy', 'sklearn'])); "
        "from backspike.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["compare", "--config", "digits", "--dataset", "digits", "--samples", "1438"]
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    # Loaded, and found to have fewer.
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: samples must be at most 1437, as many as digits has, not 1438\n"


def test_digits_are_all_of_scikit_learns_in_two_parts() -> None:
    dataset = load_dataset("digits", PRESETS["digits"], seed=1)
    assert (len(dataset.train_labels), len(dataset.test_labels)) == (1437, 360)
    # Every class has 174 to 183 of the 1,797 samples; a fifth of them is for testing.
    assert set(np.bincount(dataset.test_labels, minlength=10)) <= {34, 35, 36, 37}
    pixels, labels = load_digits(return_X_y=True)
    values = np.concatenate([dataset.train_values, dataset.test_values])
    classes = np.concatenate([dataset.train_labels, dataset.test_labels])
    assert values.dtype == np.uint8
    got = sorted((row.tobytes(), int(label)) for row, label in zip(values, classes, strict=True))
    expected = [np.where(row == 16, 255, 16 * row).astype(np.uint8).tobytes() for row in pixels]
    assert got == sorted(zip(expected, map(int, labels), strict=True))


@pytest.mark.parametrize(("name", "config"), [("digits", PRESETS["digits"]), ("random", PRESETS["tiny"])])
def test_seed_decides_everything(name, config) -> None:
    one, same, other = (load_dataset(name, config, seed) for seed in (1, 1, 2))
    for part in ("train_values", "train_labels", "test_values", "test_labels"):
        assert np.array_equal(getattr(one, part), getattr(same, part)), part
        assert not np.array_equal(getattr(one, part), getattr(other, part)), part


@pytest.mark.parametrize("config", [*PRESETS.values(), SPIKES, NetworkConfig(layers=(1, 2))], ids=lambda c: c.name)
def test_random_fits_every_network(config) -> None:
    dataset = load_dataset("random", config, seed=3)
    shape = (config.layers[0],) if config.input == "rate" else (config.ticks, config.layers[0])
    for values, labels in (
        (dataset.train_values, dataset.train_labels),
        (dataset.test_values, dataset.test_labels),
    ):
        assert values.shape == (len(labels), *shape)
        assert values.dtype == np.uint8
        assert labels.min() >= 0
        assert labels.max() < config.layers[-1]
        assert not values[0].any(), "the first sample is blank"
        assert values[1].all(), "the second sample is full"
    if config.input == "spikes":
        assert set(np.unique(dataset.train_values)) == {0, 1}


def test_unknown_dataset_lists_the_known() -> None:
    with pytest.raises(
        BackspikeError,
        match=r"^'numbers' is not a dataset; known are digits, mnist, .*, random, and files \.npz.* by path$",
    ):
        load_dataset("numbers", PRESETS["digits"], seed=1)


@pytest.mark.parametrize("name", ["digits", "random"])
def test_settings_of_a_dataset_without_any_are_refused(name) -> None:
    with pytest.raises(BackspikeError, match=rf"^dataset {name} has no settings, so 'pool' cannot be set$"):
        load_dataset(name, PRESETS["digits"], 1, {"pool": 2})


@pytest.mark.parametrize(
    ("config", "takes"),
    [
        (PRESETS["tiny"], r"\(8,\) in 3 classes"),
        (NetworkConfig(layers=(64, 11)), r"\(64,\) in 11 classes"),
        (NetworkConfig(layers=(64, 10), input="spikes"), r"\(16, 64\) in 10 classes"),
    ],
    ids=["inputs", "classes", "spikes"],
)
def test_dataset_that_does_not_fit_is_one_sentence(config, takes) -> None:
    sentence = rf"^dataset digits has samples of shape \(64,\) in 10 classes, but network {config.name} takes shape "
    with pytest.raises(BackspikeError, match=f"{sentence}{takes}$"):
        load_dataset("digits", config, seed=1)


def test_validation_holds_out_samples_to_train_on() -> None:
    whole = load_dataset("digits", PRESETS["digits"], 1)
    held = load_dataset("digits", PRESETS["digits"], 1, {"validation": 300})
    assert (len(held.train_labels), len(held.test_labels)) == (1137, 300)
    pairs = [
        sorted((row.tobytes(), int(label)) for row, label in zip(values, labels, strict=True))
        for values, labels in (
            (whole.train_values, whole.train_labels),
            (
                np.concatenate([held.train_values, held.test_values]),
                np.concatenate([held.train_labels, held.test_labels]),
            ),
        )
    ]
    assert pairs[0] == pairs[1], "every training sample once, and no test sample"
    again = load_dataset("digits", PRESETS["digits"], 1, {"validation": 300})
    assert np.array_equal(held.test_values, again.test_values)


def rows_of(values: np.ndarray, labels: np.ndarray) -> list[tuple[bytes, int]]:
    return [(row.tobytes(), int(label)) for row, label in zip(values, labels, strict=True)]


@pytest.mark.parametrize("settings", [{}, {"validation": 300}])
def test_a_part_of_the_samples_is_learned(settings) -> None:
    whole = load_dataset("digits", PRESETS["digits"], 1, settings)
    known = rows_of(whole.train_values, whole.train_labels)
    parts = {}
    for count in (1, 200, 400, len(known)):
        part = load_dataset("digits", PRESETS["digits"], 1, {**settings, "train": count})
        assert np.array_equal(part.test_values, whole.test_values)
        assert np.array_equal(part.test_labels, whole.test_labels)
        parts[count] = rows_of(part.train_values, part.train_labels)
        assert len(parts[count]) == count
        places = [known.index(row) for row in parts[count]]
        assert places == sorted(set(places)), "each once, in their order"
    assert parts[len(known)] == known
    assert set(parts[1]) < set(parts[200]) < set(parts[400]), "of a smaller number a part"
    assert parts[200] != known[:200], "files may have one class after the other"


@pytest.mark.parametrize("count", [-1, 0, 1138, 0.5, True, "all", 10**20])
def test_an_impossible_part_is_one_sentence(count) -> None:
    with pytest.raises(BackspikeError, match=rf"^train of dataset digits must be from 1 to 1137, not {count!r}$"):
        load_dataset("digits", PRESETS["digits"], 1, {"validation": 300, "train": count})


def test_a_given_folder_of_a_dataset_without_files_is_not_passed_over_in_silence(tmp_path) -> None:
    with pytest.warns(BackspikeWarning, match=f"^nothing of dataset digits is read from {tmp_path}$"):
        load_dataset("digits", PRESETS["digits"], 1, data_dir=tmp_path)
    with pytest.raises(BackspikeError, match=f"^the folder given for datasets does not exist: {tmp_path}/absent$"):
        load_dataset("digits", PRESETS["digits"], 1, data_dir=tmp_path / "absent")


@pytest.mark.parametrize("count", [-1, 1437, 0.5, True, "all"])
def test_impossible_validation_is_one_sentence(count) -> None:
    with pytest.raises(BackspikeError, match=rf"^validation of dataset digits must be from 0 to 1436, not {count!r}$"):
        load_dataset("digits", PRESETS["digits"], 1, {"validation": count})


def test_a_setting_of_thousands_of_digits_is_one_sentence() -> None:
    with pytest.raises(BackspikeError, match=r"^validation of dataset digits must be .*, not a very long int$"):
        load_dataset("digits", PRESETS["digits"], 1, {"validation": 10**5000})
