"""Datasets by path: wherever a name does, with the content in what a training is recognised by."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backspike import BackspikeError, NetworkConfig
from backspike.cli import main
from backspike.commands.options import load_schedule
from backspike.config import load_config
from backspike.datasets import LOADERS, OF_EVERY_DATASET, dataset_identity, find_loader, load_dataset
from backspike.datasets.samples import SampleSettings
from backspike.experiments.definitions import load_experiment, load_sweep
from backspike.experiments.task import Task
from backspike.training.identity import data_digest

CONFIG = NetworkConfig(layers=(6, 3), ticks=4)


def write(path: Path, seed: int = 1, inputs: int = 6, classes: int = 3) -> Path:
    """Write a dataset of as many classes in both parts, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    arrays = {}
    for part, count in (("train", 4 * classes), ("test", 2 * classes)):
        arrays[f"{part}_values"] = draw.integers(0, 256, (count, 2, inputs // 2), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(count) % classes
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_does_where_a_name_does(tmp_path: Path, kind: type) -> None:
    path = write(tmp_path / "mine.npz")
    dataset = load_dataset(kind(path), CONFIG, 1)
    assert dataset.name == "mine.npz"
    with np.load(path) as arrays:
        assert dataset.train_values.tolist() == arrays["train_values"].reshape(12, 6).tolist()
        assert dataset.test_values.tolist() == arrays["test_values"].reshape(6, 6).tolist()
        assert dataset.train_labels.tolist() == arrays["train_labels"].tolist()
    held = load_dataset(kind(path), CONFIG, 1, {"validation": 4})
    assert (len(held.train_labels), len(held.test_labels)) == (8, 4)
    part = load_dataset(kind(path), CONFIG, 1, {"validation": 4, "train": 7})
    assert (len(part.train_labels), len(part.test_labels)) == (7, 4)


def test_a_relative_path_and_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    digests = {data_digest(load_dataset(name, CONFIG, 1)) for name in ("mine.npz", "./mine.npz", "~/mine.npz")}
    assert len(digests) == 1


@pytest.mark.parametrize("name", ["a\nb.npz", "a\033[2Jb.npz", "a\udcffb.npz"])
def test_a_name_of_control_characters_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    for read in (lambda: load_dataset(path, CONFIG, 1), lambda: Task(network=CONFIG, dataset=str(path), epochs=1).key):
        with pytest.raises(
            BackspikeError, match=r"^'.*/a\\.*b\.npz' is no name of a dataset: it must be printable$"
        ) as error:
            read()
        assert str(error.value).isprintable()


def test_a_name_comes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random").mkdir()
    assert load_dataset("random", CONFIG, 1).synthetic
    assert find_loader("random") is LOADERS["random"]
    assert find_loader("./random") is not LOADERS["random"]
    with pytest.raises(BackspikeError, match=r"random must have a folder for each class, .*; it has no folders$"):
        load_dataset(Path("random"), CONFIG, 1)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("none.npz", r"cannot read none\.npz: No such file or directory"),
        ("none/there", "cannot read none/there: No such file or directory"),
        ("there.mat", r"there\.mat is of no format that is read: files \.npz, .*"),
        ("none.mat", r"'none\.mat' is not a dataset; known are digits, .*, random, and files \.npz.* by path"),
        ("", "'' is not a dataset; known are digits, .*"),
        ("a\0b", "'a.*b' is not a dataset; known are digits, .*"),
        ("a\0/b", "a\0/b is damaged: .*null.*"),
        ("x" * 5000, "'xxx.* is not a dataset; known are digits, .*"),
    ],
    ids=lambda value: value[:12].replace("\0", "0"),
)
def test_what_is_no_dataset_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.mat").write_bytes(b"MATLAB")
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        load_dataset(name, CONFIG, 1)


def test_a_network_of_other_inputs_or_classes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz")
    for layers in ((7, 3), (6, 2)):
        sentence = r"^dataset mine\.npz has samples of shape \(6,\) in 3 classes, but network .* takes shape "
        with pytest.raises(BackspikeError, match=rf"{sentence}\({layers[0]},\) in {layers[1]} classes$"):
            load_dataset(path, NetworkConfig(layers=layers), 1)
    sentence = (
        r"mine\.npz: its labels are of 3 classes, but network .* has 4; set classes=4 if the others have no samples$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset(path, NetworkConfig(layers=(6, 4)), 1)
    assert load_dataset(path, NetworkConfig(layers=(6, 4)), 1, {"classes": 4}).classes == 4


def test_an_unknown_setting_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(
        BackspikeError, match=r"'pooling' is not a setting of dataset .*; known are test, classes, .*, valid"
    ):
        load_dataset(write(tmp_path / "mine.npz"), CONFIG, 1, {"pooling": 2})


def test_what_is_recognised_is_the_content(tmp_path: Path) -> None:
    one, moved, other = write(tmp_path / "a.npz"), write(tmp_path / "b" / "a.npz"), write(tmp_path / "c" / "a.npz", 2)
    assert dataset_identity(str(one)) == dataset_identity(str(moved))
    assert dataset_identity(str(one))["dataset"] == dataset_identity(str(other))["dataset"] == "a.npz"
    assert dataset_identity(str(one)) != dataset_identity(str(other))
    assert dataset_identity("mnist") == {"dataset": "mnist"}
    keys = {Task(network=CONFIG, dataset=str(path), epochs=1).key for path in (one, moved, other)}
    assert len(keys) == 2
    task = Task(network=CONFIG, dataset=str(one), epochs=1)
    before = task.key
    write(one, seed=3)
    assert task.key != before, "what was trained on other samples is no result of these"


EXPERIMENT = """
title = "Mine"
epochs = 1
seeds = [1]
[dataset]
name = "data/mine.npz"
[network]
layers = [6, 3]
ticks = 4
"""

SWEEP = """
title = "Two"
experiment = "../mine.toml"
[grid]
"dataset.name" = ["../data/mine.npz", "data/other.npz"]
epochs = [1, 2]
"""


def test_paths_in_files_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "experiments"
    write(folder / "data" / "mine.npz")
    write(folder / "studies" / "data" / "other.npz", seed=2)
    (folder / "mine.toml").write_text(EXPERIMENT)
    (folder / "studies" / "two.toml").write_text(SWEEP)
    monkeypatch.chdir(folder.parent)
    task = load_experiment(Path("experiments/mine.toml")).task(1)
    assert Path(task.dataset).is_absolute()
    assert load_dataset(task.dataset, task.network, 1).name == "mine.npz"
    cells = list(load_sweep(Path("experiments/studies/two.toml")).cells())
    assert [cell.task.to_dict()["dataset"] for cell in cells] == ["mine.npz", "mine.npz", "other.npz", "other.npz"]
    assert cells[0].task.key == task.key


def test_a_file_without_its_data_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(EXPERIMENT)
    with pytest.raises(BackspikeError, match=r"^cannot read .*data/mine\.npz: No such file or directory$"):
        _ = load_experiment(tmp_path / "mine.toml").task(1).key
    (tmp_path / "wrong.toml").write_text(EXPERIMENT.replace("data/mine.npz", "mine"))
    with pytest.raises(BackspikeError, match=r"wrong\.toml: 'mine' is not a dataset; known are digits"):
        load_experiment(tmp_path / "wrong.toml")


def test_a_training_goes_on_where_its_data_is_moved_and_not_on_other_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.toml").write_text('name = "net"\nlayers = [6, 3]\nticks = 4\n')

    def train(path: Path, *more: str) -> int:
        words = ["train", "--config", str(tmp_path / "net.toml"), "--dataset", str(path), "--engine", "numpy"]
        return main([*words, "--epochs", "1", "--out", str(tmp_path / "run"), *more])

    assert train(write(tmp_path / "a" / "mine.npz")) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (metrics["dataset"], metrics["train_samples"], metrics["test_samples"]) == ("mine.npz", 12, 6)
    assert train(write(tmp_path / "b" / "mine.npz"), "--resume") == 0
    capsys.readouterr()
    assert train(write(tmp_path / "b" / "mine.npz", seed=2), "--resume") == 2
    assert "its samples are others" in capsys.readouterr().err


def test_a_result_of_other_data_is_none_of_an_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "experiments" / "data" / "mine.npz")
    (tmp_path / "experiments" / "mine.toml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)

    def run(*more: str) -> dict[str, Any]:
        assert main(["experiment", "run", "mine", "--engine", "numpy", *more]) == 0
        result: dict[str, Any] = json.loads((tmp_path / "results" / "mine" / "seed-1.json").read_text())
        return result

    first = run()
    assert first["task"]["dataset"] == "mine.npz"
    assert run() == first, "it is not trained again"
    write(path, seed=2)
    capsys.readouterr()
    assert main(["experiment", "run", "mine", "--engine", "numpy"]) == 2
    assert "is another one: its samples are others" in capsys.readouterr().err
    second = run("--force")
    assert second["task"]["dataset_content"] != first["task"]["dataset_content"]
    assert second["key"] != first["key"]


def test_a_comparison_shows_samples_of_a_path(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.npz")
    schedule = load_schedule(CONFIG, str(path), 5, 1, False, None, {}, None)
    assert np.array_equal(schedule.values, load_dataset(path, CONFIG, 1).train_values[:5])


def test_the_documentation_shows_what_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE)]
    (made,) = (block for block in blocks if "load_wine" in block)
    (network,) = (block for block in blocks if "layers = " in block)
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", made], check=True)
    (tmp_path / "wine.toml").write_text(network)
    dataset = load_dataset("wine.npz", load_config("wine.toml"), 1)
    assert (dataset.train_values.shape, dataset.classes, dataset.train_values.max()) == ((142, 13), 3, 255)
    known = {field.name for field in fields(SampleSettings)} | set(OF_EVERY_DATASET)
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    assert known <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}, "each setting has its line"
