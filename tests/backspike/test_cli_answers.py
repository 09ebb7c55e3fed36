"""What a trained network says, on the command line: `evaluate` and `predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.model import Network
from backspike.training.answers import answer
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
