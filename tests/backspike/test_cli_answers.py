"""What a trained network says, on the command line: `evaluate` and `predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backspike import PRESETS
from backspike.cli import main
from backspike.commands.options import tell_evaluation
from backspike.datasets import load_dataset
from backspike.model import Network
from backspike.training.answers import Evaluation, answer
from backspike.training.checkpoint import Checkpoint
from backspike.training.trainer import train

from .test_cli import refused

CONFIG = PRESETS["tiny"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Return the folder of a training."""
    out = tmp_path_factory.mktemp("run")
    train(CONFIG, load_dataset("random", CONFIG, seed=5), 2, 5, out)
    return out


@pytest.fixture
def checkpoint(run: Path) -> Path:
    return run / "checkpoint.npz"


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that succeeds; return what it prints."""
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_an_evaluation_has_the_accuracy_that_the_training_ended_with(run, checkpoint, capsys) -> None:
    """Of the same split, with the LFSRs going on as in the training's own test; and the file stays as it is."""
    before = checkpoint.read_bytes()
    arguments = ["evaluate", "--checkpoint", str(checkpoint), "--dataset", "random"]
    found = json.loads(said([*arguments, "--json"], capsys))
    metrics = json.loads((run / "metrics.json").read_text())
    assert found["accuracy"] == metrics["test_accuracy"]
    assert found["work"] == metrics["epochs"][-1]["test"]
    assert found["samples"] == np.sum(found["confusion"]) == 64
    lines = said(arguments, capsys).splitlines()
    assert lines[0] == f"{metrics['test_accuracy']:.2%} of 64 samples"
    assert lines[2].split() == ["class", "samples", "right", "recall", "precision"]
    assert [line.split()[1:] for line in lines[-3:]] == [list(map(str, row)) for row in found["confusion"]]
    assert checkpoint.read_bytes() == before


def test_a_confusion_matrix_that_fits_no_page_is_left_to_json(capsys) -> None:
    evaluation = Evaluation.of(np.arange(65), np.zeros(65, np.int64), 65)
    tell_evaluation(evaluation.to_dict())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 1 + 66 + 1 + 1
    assert lines[-1] == "--json has the answers to the samples of each class"
    assert evaluation.to_dict()["confusion"][0] == [1] * 65


@pytest.mark.parametrize("engine", ["fast", "numpy"])
def test_a_seed_decides_an_evaluation(engine, checkpoint, capsys) -> None:
    arguments = ["evaluate", "--checkpoint", str(checkpoint), "--dataset", "random", "--json", "--engine", engine]
    found = json.loads(said([*arguments, "--seed", "9", "--samples", "40"], capsys))
    dataset = load_dataset("random", CONFIG, seed=5)
    network = Network(CONFIG.replace(seed=9), Checkpoint.load(checkpoint).weights)
    answers = answer(network, dataset.test_values[:40], "numpy")
    assert found["samples"] == 40
    assert found["right"] == np.sum(answers.classes == dataset.test_labels[:40])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dataset", "digits"], "dataset digits has samples of shape (64,) in 10 classes, but network tiny takes "),
        (["--dataset", "nonsense"], "'nonsense' is not a dataset"),
        (["--dataset", "random", "--samples", "65"], "--samples must be at most 64, as many as are tested, not 65"),
        (["--dataset", "random", "--seed", "0"], "Invalid value for '--seed': 0 is not in the range"),
        (["--dataset", "random", "--checkpoint", "none.npz"], "cannot read checkpoint none.npz: No such file"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(words, sentence, checkpoint, capsys) -> None:
    assert refused(["evaluate", "--checkpoint", str(checkpoint), *words], capsys).startswith(sentence)


def test_predictions_are_those_of_the_golden_model_and_leave_the_checkpoint(checkpoint, capsys) -> None:
    before = checkpoint.read_bytes()
    dataset = load_dataset("random", CONFIG, seed=5)
    network = Network(CONFIG.replace(seed=9), Checkpoint.load(checkpoint).weights)
    wins = network.run_samples(dataset.test_values, dataset.test_labels, np.arange(12), False)
    arguments = ["predict", "--checkpoint", str(checkpoint), "--dataset", "random", "--seed", "9", "--samples", "12"]
    text = said([*arguments, "--json"], capsys)
    assert json.loads(text)["samples"] == [
        {
            "sample": number,
            "class": row.argmax(),
            "confidence": row.max() / row.sum(),
            "wins": row.tolist(),
            "label": dataset.test_labels[number],
        }
        for number, row in enumerate(wins)
    ]
    assert said([*arguments, "--json"], capsys) == text
    lines = [line.split() for line in said(arguments, capsys).splitlines()]
    assert lines[0] == ["sample", "label", "class", "confidence", "wins", "0", "1", "2"]
    assert [line[-3:] for line in lines[1:]] == [list(map(str, row)) for row in wins.tolist()]
    assert [line[2] for line in lines[1:]] == list(map(str, wins.argmax(axis=1)))
    assert checkpoint.read_bytes() == before


def test_without_a_seed_predictions_go_on_from_the_checkpoint(checkpoint, capsys) -> None:
    arguments = ["predict", "--checkpoint", str(checkpoint), "--dataset", "random", "--json"]
    found = json.loads(said(arguments, capsys))["samples"]
    wins = answer(Checkpoint.load(checkpoint).network(), load_dataset("random", CONFIG, seed=5).test_values).wins
    assert [of["wins"] for of in found] == wins.tolist()


VALUES = load_dataset("random", CONFIG, seed=5).test_values


@pytest.mark.parametrize(
    ("name", "array", "shown"),
    [
        ("one.NPY", VALUES[3], VALUES[3:4]),
        ("image.npy", VALUES[3].reshape(2, 4), VALUES[3:4]),
        ("list_of_one.npy", VALUES[3:4], VALUES[3:4]),
        ("images.npy", VALUES[:4].reshape(4, 2, 4).astype(np.int32), VALUES[:4]),
        ("image.PNG", VALUES[3].reshape(2, 4), VALUES[3:4]),
        ("floats.npz", (VALUES[:4] / 255).astype(np.float32), VALUES[:4]),
        ("black_and_white.npz", VALUES[:4] > 128, 255 * (VALUES[:4] > 128).astype(np.uint8)),
    ],
)
def test_a_file_has_samples_in_the_formats_that_people_have(name, array, shown, checkpoint, tmp_path, capsys) -> None:
    if name.endswith(".npz"):
        np.savez(tmp_path / name, array)
    elif name.endswith(".PNG"):
        Image.fromarray(array).save(tmp_path / name)
    else:
        with (tmp_path / name).open("wb") as file:
            np.save(file, array)
    arguments = ["predict", "--checkpoint", str(checkpoint), str(tmp_path / name), "--json", "--engine", "numpy"]
    found = json.loads(said(arguments, capsys))["samples"]
    assert [of["wins"] for of in found] == answer(Checkpoint.load(checkpoint).network(), shown, "numpy").wins.tolist()
    assert all("label" not in of for of in found)


@pytest.mark.parametrize(
    ("name", "arrays", "sentence"),
    [
        ("a.npy", np.zeros((3, 9)), "samples must be of shape (samples, 8), or any with 8 values for each, not (3, 9)"),
        ("a.npy", np.zeros(9), "samples must be of shape (samples, 8), or any with 8 values for each, not (9,)"),
        ("a.npy", np.full((3, 8), 256), "the values of samples must be from 0 to 255, not 256 to 256"),
        ("a.npy", np.full((3, 8), -1), "the values of samples must be from 0 to 255, not -1 to -1"),
        ("a.npy", np.full((3, 8), 16.0), "the values of samples must be from 0 to 1, as floats are, not 16 to 16"),
        ("a.npy", np.full((3, 8), np.nan), "the values of samples must be from 0 to 1, as floats are, not nan to nan"),
        ("a.npy", np.full((3, 8), "a"), "samples must be whole numbers, floats or booleans, not <U1"),
        ("a.npz", {"a": VALUES, "b": VALUES}, "it must have one array, or one called values, not ['a', 'b']"),
        ("a.txt", b"1 2 3", "samples are read from .npy, .npz and image files, not '.txt'"),
        ("a.npy", b"1 2 3", " is damaged: "),
        ("a.png", b"1 2 3", "is no image of a format that is read"),
        ("a.npz", b"1 2 3", "is not a zip file"),
    ],
)
def test_what_is_no_sample_is_one_sentence(name, arrays, sentence, checkpoint, tmp_path, capsys) -> None:
    path = tmp_path / name
    if isinstance(arrays, bytes):
        path.write_bytes(arrays)
    elif isinstance(arrays, dict):
        np.savez(path, **arrays)
    else:
        np.save(path, arrays)
    refusal = refused(["predict", "--checkpoint", str(checkpoint), str(path)], capsys)
    assert refusal.startswith(str(path))
    assert sentence in refusal


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "either FILE or --dataset says what is to be shown"),
        (["a.npy", "--dataset", "random"], "either FILE or --dataset says what is to be shown"),
        (["none.npy"], "cannot read none.npy: No such file or directory"),
        (["a.npy", "--data-dir", "x"], "--data-dir needs --dataset"),
        (["a.npy", "--dataset-setting", "pool=2"], "--dataset-setting needs --dataset"),
        (["--dataset", "random", "--samples", "65"], "--samples must be at most 64, as many as are tested, not 65"),
    ],
)
def test_what_cannot_be_predicted_is_one_sentence(words, sentence, checkpoint, capsys) -> None:
    assert refused(["predict", "--checkpoint", str(checkpoint), *words], capsys) == sentence
