"""Learning on after a change: what is learned, in which order, by both networks, and that all else stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.datasets import Dataset, load_dataset
from backspike.experiments.learning_on import FloatLearner, SpikingLearner, World, learn_on
from backspike.experiments.scenario import Case, Scenario
from backspike.model import Network
from backspike.training.baseline import FloatNetwork, FloatSettings, features
from backspike.training.checkpoint import Checkpoint
from backspike.training.order import sample_order
from backspike.training.trainer import train

from .test_scenario import SCENARIO

SEED = 3
TINY = PRESETS["tiny"].replace(layers=(9, 4, 3), seed=SEED)
"""Of square images."""

CASES = (
    Case(label="upset", upset=0.4, rehearsal=1),
    Case(label="turned", turn=40, dead=0.2, gradual=True),
    Case(label="user", writer=1.0, passes=2),
)


def scenario_of(*cases: Case, **values) -> Scenario:
    given = {"after": (0, 5, 12), "rates": (128, 256), "float_rate": 0.1, **values}
    return Scenario(cases=cases or CASES, **given)


def random_data() -> Dataset:
    return load_dataset("random", TINY, SEED)


def world_of(**values) -> World:
    return World.of(random_data(), scenario_of(**values), 1, SEED)


def test_before_the_change_it_is_the_training_of_every_day(tmp_path: Path) -> None:
    config = PRESETS["digits"].replace(seed=SEED)
    data, baseline = load_dataset("digits", config, SEED), FloatSettings(batch=8)
    trained = train(config, data, 1, SEED, tmp_path, baseline=baseline)
    found = learn_on(config, data, 1, baseline, scenario_of(Case(label="nothing")))
    assert found["before"] == {
        "spiking": [trained.epochs[-1].test_accuracy], "float": [trained.float_accuracy]
    }  # fmt: skip
    (case,) = found["cases"]
    for state in ("learning", "frozen"):
        assert case["test samples"][state]["spiking"][0] == trained.epochs[-1].test_accuracy
        assert case["test samples"][state]["float"][0] == trained.float_accuracy
    # What is learned then is what the training would learn next.
    network = Checkpoint.load(tmp_path / "checkpoint.npz").network()
    network.rates = [128, 256]
    order = sample_order(len(data.train_labels), SEED, 1)[:12]
    after = SpikingLearner(network).learned(data.train_values[order], data.train_labels[order])
    assert case["test samples"]["learning"]["spiking"][2] == after.accuracy(data.test_values, data.test_labels)


def test_every_engine_gives_the_same() -> None:
    whole = random_data()
    data = Dataset("few", whole.train_values[:30], whole.train_labels[:30], whole.test_values[:20],
                   whole.test_labels[:20], 3)  # fmt: skip
    for values in ({}, {"new_classes": (2,)}):
        fast, plain = (
            learn_on(TINY, data, 1, FloatSettings(), scenario_of(**values), name) for name in ("fast", "numpy")
        )
        assert fast == plain
        for case in fast["cases"]:
            for of_test in case.values():
                for name in ("spiking", "float"):
                    assert len(of_test["learning"][name]) == len(of_test["frozen"][name]) == 3
                    assert of_test["learning"][name][0] == of_test["frozen"][name][0]
        if not values:
            assert any(
                of_test["learning"]["spiking"] != of_test["frozen"]["spiking"]
                for case in fast["cases"]
                for of_test in case.values()
            )


def test_one_bit_flips_in_as_many_weights_and_the_same_in_both_networks() -> None:
    network = Network(TINY)
    float_network = FloatNetwork(TINY.layers, SEED)
    total = sum(weights.size for weights in network.weights)
    for share in (0, 0.1, 1):
        spiking = SpikingLearner(network).upset(share, 5).network
        upset = FloatLearner(float_network, 0.1, TINY.weight_bits).upset(share, 5).network
        changed = [
            (one ^ other) & (1 << TINY.weight_bits) - 1
            for one, other in zip(network.weights, spiking.weights, strict=True)
        ]
        bits = np.concatenate([matrix.ravel() for matrix in changed])
        assert sum(int(word).bit_count() for word in bits) == np.count_nonzero(bits) == round(share * total)
        assert all(
            network.config.weight_min <= w.min() and w.max() <= network.config.weight_max for w in spiking.weights
        )
        for before, after, flipped in zip(float_network.weights, upset.weights, changed, strict=True):
            scale = np.abs(before).max() / 2 ** (TINY.weight_bits - 1)
            # The whole numbers that the flipped bits are worth; the sign's counts downwards.
            moved = np.rint((after - before) / scale).astype(int)
            assert np.array_equal(np.abs(moved), flipped)
    assert not np.array_equal(
        SpikingLearner(network).upset(0.1, 6).network.weights[0],
        SpikingLearner(network).upset(0.1, 5).network.weights[0],
    )


def test_learning_leaves_the_network_before_as_it_was() -> None:
    data = random_data()
    learners = SpikingLearner(Network(TINY)), FloatLearner(FloatNetwork(TINY.layers, SEED), 0.1, 6)
    for learner in learners:
        before = [weights.copy() for weights in learner.network.weights]
        learner.upset(0.5, 1)
        after = learner.learned(data.train_values[:20], data.train_labels[:20])
        assert all(np.array_equal(a, b) for a, b in zip(before, learner.network.weights, strict=True))
        assert not np.array_equal(before[-1], after.network.weights[-1])
        # In parts it is the same.
        half = learner.learned(data.train_values[:7], data.train_labels[:7])
        again = half.learned(data.train_values[7:20], data.train_labels[7:20])
        assert all(np.array_equal(a, b) for a, b in zip(after.network.weights, again.network.weights, strict=True))


def test_the_float_network_takes_a_step_down_the_gradient_a_sample() -> None:
    data, network = random_data(), FloatNetwork(TINY.layers, SEED)
    learner = FloatLearner(network, 0.25, 6).learned(data.train_values[2:3], data.train_labels[2:3])
    _, gradients = network.gradients(features(data.train_values[2:3]), data.train_labels[2:3])
    for before, gradient, after in zip(network.weights, gradients, learner.network.weights, strict=True):
        assert np.allclose(after, before - 0.25 * gradient)
        assert gradient.any()


def test_samples_of_the_training_come_again_in_the_order_of_the_next_epochs() -> None:
    world, data = world_of(), random_data()
    order = sample_order(256, SEED, 1)
    values, labels = world.stream(Case(label="x"), 300)
    assert np.array_equal(values[:256], data.train_values[order])
    assert np.array_equal(labels[:256], data.train_labels[order])
    assert set(map(bytes, values[256:])) <= set(map(bytes, values[:256]))
    assert len(labels) == 300
    assert len(world.trained.train_labels) == 256
    # What is learned until a test is the beginning of all.
    for case in (Case(label="x", rehearsal=2), Case(label="x", turn=30, gradual=True)):
        (one, told), (other, _) = world.stream(case, 10), world.stream(case, 12)
        assert np.array_equal(one, other[: len(one)])
        assert len(told) == 10 * (1 + case.rehearsal)


def test_a_gradual_drift_grows_sample_by_sample() -> None:
    world = world_of()
    plain, _ = world.stream(Case(label="x"), 12)
    drifting, _ = world.stream(Case(label="x", shift=(6, 0), gradual=True), 12)
    # Two of twelve samples later a pixel of six.
    assert np.array_equal(drifting[1].reshape(3, 3)[:, 1:], plain[1].reshape(3, 3)[:, :-1])
    assert not drifting[5:].any()
    once, _ = world.stream(Case(label="x", shift=(1, 0)), 12)
    assert np.array_equal(once.reshape(-1, 3, 3)[:, :, 1:], plain.reshape(-1, 3, 3)[:, :, :-1])
    begin, end = (
        {name: values for name, values, _ in world.tests(Case(label="x", shift=(3, 0), gradual=True), extent)}
        for extent in (0.0, 1.0)
    )
    assert np.array_equal(begin["changed samples"], world.trained.test_values)
    assert not end["changed samples"].any()
    assert np.array_equal(end["samples as before"], world.trained.test_values)


def test_samples_are_rehearsed_from_the_training_as_it_was() -> None:
    world = world_of(new_classes=(1,))
    values, labels = world.stream(Case(label="x", turn=90, rehearsal=3), 20)
    assert (labels[::4] == 1).all()
    assert not (np.delete(labels, np.s_[::4]) == 1).any()
    known = {(bytes(v), int(y)) for v, y in zip(world.trained.train_values, world.trained.train_labels, strict=True)}
    shown = [(bytes(v), int(y)) for v, y in zip(values, labels, strict=True)]
    assert all((sample in known) == bool(number % 4) for number, sample in enumerate(shown))
    assert len(set(shown)) > 40


def test_new_classes_are_not_trained_but_tested() -> None:
    world, data = world_of(new_classes=(0, 2)), random_data()
    assert set(world.trained.train_labels) == {1}
    assert set(world.labels) == {0, 2}
    assert len(world.labels) + len(world.trained.train_labels) == 256
    tests = {name: labels for name, _, labels in world.tests(Case(label="x"), 1.0)}
    assert set(tests["new classes"]) == {0, 2}
    assert set(tests["old classes"]) == {1}
    assert np.array_equal(tests["all classes"], data.test_labels)


def test_samples_kept_apart_come_in_rounds_and_are_not_trained() -> None:
    world, data = world_of(apart=4), random_data()
    assert [sorted(world.labels[start : start + 3]) for start in (0, 3, 6, 9)] == [[0, 1, 2]] * 4
    assert len(world.labels) == 12
    everything = sorted(map(bytes, [*world.values, *world.trained.train_values]))
    assert everything == sorted(map(bytes, data.train_values))
    values, labels = world.stream(Case(label="x", passes=3), 6)
    assert np.array_equal(values[:6], world.values[:6])
    for start in (6, 12):
        assert sorted(map(bytes, values[start : start + 6])) == sorted(map(bytes, world.values[:6]))
    assert len(labels) == 18


def test_too_few_samples_are_told_of() -> None:
    with pytest.raises(BackspikeError, match=r"^dataset random has \d+ samples of class \d to train on: 200 cannot be"):
        world_of(apart=200)
    data = random_data()
    part = data.train_labels != 2
    without = Dataset("own", data.train_values[part], data.train_labels[part], data.test_values, data.test_labels, 3)
    with pytest.raises(BackspikeError, match=r"^dataset own must have samples of old and of new classes to train on$"):
        World.of(without, scenario_of(new_classes=(2,)), 1, SEED)
    with pytest.raises(BackspikeError, match=r"^dataset own must have samples of old and of new classes to train on$"):
        World.of(without, scenario_of(new_classes=(0, 1)), 1, SEED)


def test_command_writes_what_the_page_shows(tmp_path: Path, capsys) -> None:
    experiments, results, docs = (tmp_path / name for name in ("experiments", "results", "docs"))
    (experiments / "on_chip").mkdir(parents=True)
    (experiments / "on_chip" / "upset.toml").write_text(SCENARIO)
    folders = ["--experiments", str(experiments), "--results", str(results)]
    report = ["experiment", "report", *folders, "--docs", str(docs)]
    assert main(report) == 0
    assert "Not run: `backspike experiment run on_chip/upset`." in (docs / "results.md").read_text()
    run = ["experiment", "run", "on_chip/upset", *folders, "--work", str(tmp_path / "work")]
    assert main(run) == 0
    path = results / "on_chip" / "upset" / "seed-1.json"
    result = json.loads(path.read_text())
    capsys.readouterr()
    assert main(run) == 0
    assert "has a result" in capsys.readouterr().out
    assert json.loads(path.read_text()) == result
    assert main([*run, "--force", "--seed", "1", "--engine", "numpy"]) == 0
    assert json.loads(path.read_text())["scenario"] == result["scenario"]
    assert main(["experiment", "list", *folders]) == 0
    assert "on_chip/upset           2 of 2 seeds  Upset" in capsys.readouterr().out
    assert main(report) == 0
    text = (docs / "results.md").read_text()
    assert "### Upset\n\nExperiment [`on_chip/upset`](../experiments/on_chip/upset.toml).\n" in text
    both = [result, json.loads((results / "on_chip" / "upset" / "seed-2.json").read_text())]
    for number, case in enumerate(("half the weights", "and rehearsal")):
        for network in ("spiking", "float"):
            (row,) = [line for line in text.splitlines() if line.startswith(f"| {case} | test samples | {network} |")]
            found = [each["scenario"]["cases"][number]["test samples"]["learning"][network] for each in both]
            means = [f"{100 * np.mean(moment):.1f}" for moment in zip(*found, strict=True)]
            assert [cell.split(" ±")[0].strip() for cell in row.split("|")[6:-1]] == means
    picture = (docs / "images" / "on-chip-upset.svg").read_text()
    for words in ("half the weights", "spiking, learning on", "float, frozen", "samples learned since"):
        assert words in picture
