"""Training: the schedule, the order, an evaluation that disturbs nothing, and digits that are really learned."""

from __future__ import annotations

import copy
import json
import signal

import numpy as np
import pytest

from backspike import PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError
from backspike.model import Network, Sample, training
from backspike.model.baseline import float_accuracy
from backspike.model.checkpoint import Checkpoint
from backspike.model.engines import ENGINES, load_engine
from backspike.model.training import evaluate, rates_of_epoch, sample_order, train


def test_rates_decay_to_one_and_no_lower() -> None:
    config = NetworkConfig(layers=(4, 3, 2), rates=(256, 10), rate_decay=0.5)
    assert [rates_of_epoch(config, epoch) for epoch in range(9)] == [
        [256, 10], [128, 5], [64, 2], [32, 1], [16, 1], [8, 1], [4, 1], [2, 1], [1, 1],
    ]  # fmt: skip
    assert rates_of_epoch(config, 1000) == [1, 1]


def test_layer_without_a_rate_never_gets_one() -> None:
    config = NetworkConfig(layers=(4, 3, 2), rates=(0, 10))
    assert [rates_of_epoch(config, epoch)[0] for epoch in range(5)] == [0] * 5


def test_order_is_a_permutation_of_its_own_for_each_seed_and_epoch() -> None:
    orders = {(seed, epoch): sample_order(100, seed, epoch) for seed in (1, 2) for epoch in (0, 1, 2)}
    for order in orders.values():
        assert sorted(order) == list(range(100))
    assert len({order.tobytes() for order in orders.values()}) == 6
    assert np.array_equal(sample_order(100, 2, 1), orders[2, 1])


def test_evaluation_counts_right_answers_and_disturbs_nothing() -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    network, untouched = Network(config), Network(config)
    accuracy = evaluate(network, dataset)
    assert accuracy == evaluate(network, dataset)
    assert np.array_equal(Checkpoint.capture(network).streams, Checkpoint.capture(untouched).streams)
    assert network.counters.samples == 0
    winners = [untouched.run(Sample(values, 0, False)).winner for values in dataset.test_values]
    assert accuracy == np.mean(winners == dataset.test_labels)


def test_result_depends_on_the_seed_alone_and_is_written_down(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    lines: list[str] = []
    first = train(config, dataset, 3, 5, tmp_path / "a", lines.append)
    train(config.replace(seed=77), dataset, 3, 5, tmp_path / "b")
    other = train(config, dataset, 3, 6, tmp_path / "c")
    files = [(tmp_path / name / "checkpoint.npz").read_bytes() for name in "abc"]
    assert files[0] == files[1]
    assert files[0] != files[2]
    assert [epoch.train_accuracy for epoch in first.epochs] != [epoch.train_accuracy for epoch in other.epochs]

    checkpoint = Checkpoint.load(tmp_path / "a" / "checkpoint.npz")
    network = Network(config)
    checkpoint.apply(network)
    assert checkpoint.epoch == 3
    assert checkpoint.rates == rates_of_epoch(config, 2)
    assert evaluate(network, dataset) == first.epochs[-1].test_accuracy

    metrics = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert metrics["config"] == config.replace(seed=5).to_dict()
    assert metrics["seed"] == 5
    assert metrics["float_accuracy"] == first.float_accuracy == float_accuracy(config, dataset, 3, 5)
    assert metrics["test_accuracy"] == first.epochs[-1].test_accuracy
    assert [epoch["rates"] for epoch in metrics["epochs"]] == [rates_of_epoch(config, epoch) for epoch in range(3)]
    assert [epoch["training"]["samples"] for epoch in metrics["epochs"]] == [256] * 3
    counted = copy.deepcopy(network)
    evaluate(counted, dataset)
    assert counted.counters.samples == 0
    for values, label in zip(dataset.test_values, dataset.test_labels, strict=True):
        counted.run(Sample(values, int(label), False))
    assert metrics["epochs"][-1]["test"] == counted.counters.to_dict()
    assert set(metrics["versions"]) == {"python", "backspike", "numpy", "scikit-learn"}
    assert (tmp_path / "a" / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
    assert len(lines) == 1 + 3
    assert f"test {first.epochs[0].test_accuracy:.2%}" in lines[1]


def test_shows_the_samples_in_their_order(tmp_path) -> None:
    config = PRESETS["tiny"].replace(rates=(200, 100))
    dataset = load_dataset("random", config, seed=1)
    train(config, dataset, 2, 5, tmp_path)
    network = Network(config.replace(seed=5))
    for epoch in range(2):
        network.rates = rates_of_epoch(config, epoch)
        for index in sample_order(256, 5, epoch):
            network.run(Sample(dataset.train_values[index], int(dataset.train_labels[index]), True))
    checkpoint = Checkpoint.load(tmp_path / "checkpoint.npz")
    assert all(np.array_equal(*pair) for pair in zip(network.weights, checkpoint.weights, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupted_and_resumed_training_ends_in_the_same_weights(tmp_path, monkeypatch, engine: str) -> None:
    config = PRESETS["tiny"].replace(rates=(200, 100))
    dataset = load_dataset("random", config, seed=1)
    monkeypatch.setattr(training, "CHUNK", 50)
    whole = train(config, dataset, 3, 5, tmp_path / "whole", engine=engine)

    show = load_engine(engine)
    # An epoch calls the engine for 6 chunks and the test: in the first epoch, in the second, in its last chunk, in the
    # last chunk of all.
    for calls in (3, 8, 2, 7):
        interrupt_at = iter(range(calls - 1, -1, -1))

        def interrupted(*arguments, interrupt_at=interrupt_at):
            if next(interrupt_at) == 0:
                signal.raise_signal(signal.SIGINT)
            return show(*arguments)

        monkeypatch.setattr(training, "load_engine", lambda name, engine=interrupted: engine)
        with pytest.raises(KeyboardInterrupt):
            train(config, dataset, 3, 5, tmp_path / "parts", resume=(tmp_path / "parts").exists())
    monkeypatch.undo()
    parts = train(config, dataset, 3, 5, tmp_path / "parts", engine=engine, resume=True)

    assert (tmp_path / "whole/checkpoint.npz").read_bytes() == (tmp_path / "parts/checkpoint.npz").read_bytes()
    accuracies = [[(e.rates, e.train_accuracy, e.test_accuracy) for e in done.epochs] for done in (whole, parts)]
    assert accuracies[0] == accuracies[1]
    assert len(accuracies[0]) == 3


def test_killed_between_account_and_checkpoint_repeats_the_epoch(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    train(config, dataset, 1, 5, tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    train(config, dataset, 2, 5, tmp_path, resume=True)
    after = (tmp_path / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(before)
    assert len(train(config, dataset, 2, 5, tmp_path, resume=True).epochs) == 2
    assert (tmp_path / "checkpoint.npz").read_bytes() == after != before


def test_refuses_to_resume_what_is_not_there_or_another(tmp_path) -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    with pytest.raises(BackspikeError, match="cannot read checkpoint"):
        train(config, dataset, 2, 5, tmp_path / "none", resume=True)
    train(config, dataset, 1, 5, tmp_path)
    for other, seed in ((config, 6), (config.replace(rates=(1, 2)), 5)):
        with pytest.raises(BackspikeError, match="is another one"):
            train(other, dataset, 2, seed, tmp_path, resume=True)
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(BackspikeError, match=r"metrics\.json is damaged"):
        train(config, dataset, 2, 5, tmp_path, resume=True)
    (tmp_path / "metrics.json").unlink()
    with pytest.raises(BackspikeError, match=r"cannot read .*metrics\.json"):
        train(config, dataset, 2, 5, tmp_path, resume=True)


def test_engines_train_alike(tmp_path) -> None:
    config = PRESETS["digits"].replace(ticks=4)
    dataset = load_dataset("random", config, seed=1)
    for engine in ENGINES:
        train(config, dataset, 1, 2, tmp_path / engine, engine=engine)
    files = {(tmp_path / engine / "checkpoint.npz").read_bytes() for engine in ENGINES}
    assert len(files) == 1


def test_unknown_engine_is_refused(tmp_path) -> None:
    config = PRESETS["tiny"]
    with pytest.raises(BackspikeError, match="engine must be one of fast, numpy, rtl, not 'gpu'"):
        train(config, load_dataset("random", config, seed=1), 1, 5, tmp_path, engine="gpu")


def test_two_layers_learn_what_one_cannot() -> None:
    """Exclusive or: a network that does not pass errors back stays at one half, or three quarters at best."""
    config = NetworkConfig(layers=(2, 8, 2), ticks=32, leak=1, rates=(128, 128), seed=3)
    corners = np.array([[0, 0], [0, 255], [255, 0], [255, 255]], dtype=np.uint8)
    labels = np.array([0, 1, 1, 0])
    dataset = Dataset("xor", corners, labels, np.repeat(corners, 25, axis=0), np.repeat(labels, 25), 2)
    network = Network(config)
    before = evaluate(network, dataset)
    for epoch in range(150):
        for index in sample_order(4, config.seed, epoch):
            network.run(Sample(corners[index], int(labels[index]), True))
    after = evaluate(network, dataset)
    assert after >= 0.95, f"from {before} to {after}, seed {config.seed}"


def test_digits_are_learned_in_one_epoch(tmp_path) -> None:
    config = PRESETS["digits"]
    result = train(config, load_dataset("digits", config, seed=1), 1, 1, tmp_path)
    assert result.epochs[0].test_accuracy >= 0.85, "seed 1"
    assert 0.85 <= result.float_accuracy <= 1, "seed 1"
