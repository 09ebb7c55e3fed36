"""The parts of the demo, and the whole of it on a smaller set, with a smaller network, for two epochs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.datasets import load_dataset
from backspike.experiments import demo as module
from backspike.experiments.demo import _differs_from_checkpoint, demo, training_schedule
from backspike.model import Network
from backspike.model.synapses import initial_weights, weights_digest
from backspike.sim.compare import Comparison
from backspike.training import trainer
from backspike.training.checkpoint import Checkpoint
from backspike.training.trainer import train
from tests.sim.accumulator import NEEDS_ICARUS

SMALL = PRESETS["tiny"].replace(name="digits", rates=(100, 3), rate_decay=0.5)


def small_dataset(name, config, seed):
    assert name == "digits"
    data = load_dataset("random", config, seed)
    return replace(
        data,
        train_values=data.train_values[:20],
        train_labels=data.train_labels[:20],
        test_values=data.test_values[:7],
        test_labels=data.test_labels[:7],
    )


def test_the_schedule_is_what_training_shows(tmp_path):
    """Recorded from the training itself: values, labels and rates in their order, and the weights it starts with."""
    shown, started = [], []

    def recorded(network, values, labels, order, learn):
        if not started:
            started.append([array.copy() for array in network.weights])
        if learn:
            shown.extend((values[index].tolist(), int(labels[index]), list(network.rates)) for index in order)
        return network.run_samples(values, labels, order, learn)

    dataset = small_dataset("digits", SMALL, 5)
    trainer.train(SMALL, dataset, 3, 5, tmp_path, engine=recorded)
    schedule = training_schedule(SMALL.replace(seed=5), dataset, 3, 5)
    assert len(shown) == 60
    learned = [
        (values.tolist(), int(label), rates.tolist())
        for values, label, rates, learn in zip(
            schedule.values, schedule.labels, schedule.rates, schedule.learn, strict=True
        )
        if learn
    ]
    assert learned == shown
    assert [shown[20 * epoch][2] for epoch in range(3)] == [[100, 3], [50, 2], [25, 1]]
    # After it the test samples, in their order, learning off.
    assert schedule.learn.tolist() == [True] * 60 + [False] * 7
    assert np.array_equal(schedule.values[60:], dataset.test_values)
    assert np.array_equal(schedule.labels[60:], dataset.test_labels)
    assert schedule.seed == 5
    assert all(np.array_equal(a, b) for a, b in zip(schedule.weights, started[0], strict=True))


def test_weights_that_differ_from_the_checkpoint_are_named():
    checkpoint = Checkpoint.capture(Network(SMALL))
    weights = [array.copy() for array in checkpoint.weights]
    result = Comparison("", {}, np.zeros(0, dtype=np.int64), {}, weights)
    assert _differs_from_checkpoint(result, checkpoint) == ""
    weights[1][4, 2] += 1
    wanted = int(checkpoint.weights[1][4, 2])
    text = f"layer 2, row 4, unit 2: checkpoint has {wanted}, hardware {wanted + 1}"
    assert _differs_from_checkpoint(result, checkpoint) == text


@pytest.fixture
def small(monkeypatch):
    """Make the demo a matter of seconds: two epochs of a tiny network, on Icarus, which builds at once."""
    compare, compared = module.compare, {}

    def on_icarus(config, schedule, **options):
        # Shown again it is the same to the last bit, and its files are there.
        number = len(schedule.labels)
        if number not in compared:
            compared[number] = compare(config, schedule, simulator="icarus", **options)
        return compared[number]

    monkeypatch.setattr(module, "EPOCHS", 2)
    monkeypatch.setitem(module.PRESETS, "digits", SMALL)
    monkeypatch.setattr(module, "load_dataset", small_dataset)
    monkeypatch.setattr(module, "compare", on_icarus)
    monkeypatch.setattr(module, "fst_from_verilator", lambda: True)  # Icarus writes .fst


@NEEDS_ICARUS
def test_a_small_demo_leaves_what_it_says_and_can_be_shown_again(small, tmp_path):
    lines = []
    assert demo(tmp_path / "out", lines.append)
    assert "0 mismatches; the weights are those of `backspike train`, to the last bit" in lines
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("checkpoint.npz", "digits.json", "digits.v", "learning-curve.png", "metrics.json", "one-sample.fst"),
        *("one-sample.gtkw", "one-sample.states.txt", "one-sample.sucl", "simulation.log", "summary.json"),
    ]
    assert all(path.stat().st_size for path in (tmp_path / "out").iterdir())
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert summary["mismatches"] == 0
    assert summary["epochs"] == 2
    assert summary["seed"] == 1
    assert summary["config"] == SMALL.to_dict()
    assert summary["test_samples"] == 7
    assert summary["compared"]["samples"] == 47
    # What the training by itself found, the simulation must have found too.
    for name, key in (
        ("training_accuracies", "training_accuracy"),
        ("right_while_learning", "right_while_learning"),
    ):
        assert summary[name] == pytest.approx([epoch[key] for epoch in metrics["epochs"]]), name
    assert summary["test_accuracy"] == pytest.approx(metrics["test_accuracy"])
    assert summary["float_test_accuracy"] == metrics["float_accuracy"]
    counters = summary["counters"]
    assert counters["TICKS"] == 47 * SMALL.ticks
    assert summary["clocks_per_tick"] == counters["CLOCKS"] / counters["TICKS"]
    assert summary["clocks_per_sample"] == counters["CLOCKS"] / 47
    assert summary["rows_per_tick_by_layer"] == [counters[f"ROWS_{layer}"] / counters["TICKS"] for layer in (1, 2)]
    assert summary["rows_per_tick"] == max(summary["rows_per_tick_by_layer"])
    assert summary["weights_sha256"] == weights_digest(Checkpoint.load(tmp_path / "out" / "checkpoint.npz").weights)
    assert {"python", "backspike", "amaranth", "cocotb"} <= summary["versions"].keys()
    assert summary["seconds"] > 0
    # It is shown again in its own folder, and not in a training's.
    out = tmp_path / "out"
    assert demo(out, lambda line: None)
    dataset = small_dataset("digits", SMALL, module.SEED)
    for epochs, seed in ((module.EPOCHS + 1, module.SEED), (1, module.SEED + 1)):
        train(SMALL, dataset, epochs, seed, out, force=True)
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(BackspikeError, match=r"there is a training in .*--force overwrites it"):
            demo(out, lambda line: None)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@NEEDS_ICARUS
def test_a_demo_that_finds_a_difference_says_so(small, tmp_path, monkeypatch):
    def other_weights(config, dataset, epochs, seed):
        schedule = training_schedule(config, dataset, epochs, seed)
        return replace(schedule, weights=initial_weights(config, seed + 1))

    monkeypatch.setattr(module, "training_schedule", other_weights)
    lines = []
    assert not demo(tmp_path, lines.append)
    assert lines[-1].startswith("mismatch: layer 1, row 0, unit ")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["mismatches"] == 1
    assert f"mismatch: {summary['first']}" == lines[-1]
    assert not (tmp_path / "one-sample.fst").exists()
