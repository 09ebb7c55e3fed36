"""The float network trained out: Adam's steps, a validation part that ends and chooses, and no look at the test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backspike import PRESETS, NetworkConfig
from backspike.datasets import Dataset, hold_out, load_dataset
from backspike.training import trained_out
from backspike.training.baseline import FloatNetwork, dropout_factors, features
from backspike.training.order import sample_order
from backspike.training.trained_out import Schedule, Trial, choose_schedule, optimisers_for, run_trial, train_out

CONFIG = NetworkConfig(layers=(4, 6, 3))


def separable(samples: int, seed: int = 5, noise: int = 60) -> Dataset:
    """Three classes, an input each, in noise; the samples to test on have labels that mean nothing."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, samples)
    values = np.eye(4)[labels] * 150 + generator.integers(0, noise, (samples, 4))
    return Dataset("three", values.astype(np.uint8), labels, values.astype(np.uint8), labels[::-1].copy(), 3)


@pytest.mark.parametrize("optimiser", ["adam", "momentum"])
def test_two_epochs_by_hand(optimiser, monkeypatch) -> None:
    """Adam as the paper writes it (Kingma and Ba, 2015, algorithm 1), in double precision, dropout included."""
    monkeypatch.setattr(trained_out, "BATCHES", (4, 4))
    dataset = separable(10)
    schedule = Schedule(optimiser, 0.01, 64, 2)
    learned = train_out(CONFIG, dataset, 9, schedule)
    network = FloatNetwork(CONFIG.layers, 9, dtype=np.float64)
    means, squares = [0.0, 0.0], [0.0, 0.0]
    steps = 0
    for epoch in range(2):
        generator = np.random.Generator(np.random.PCG64([9, epoch, 1]))
        order = sample_order(10, 9, epoch)
        for batch in (order[:4], order[4:8], order[8:]):
            kept = dropout_factors(generator, [(6, 0.25)], len(batch))
            _, gradients = network.gradients(features(dataset.train_values[batch]), dataset.train_labels[batch], kept)
            steps += 1
            for layer, gradient in enumerate(gradients):
                rate = 0.01 * trained_out.RATE_DECAY**epoch
                if optimiser == "momentum":
                    means[layer] = 0.9 * means[layer] + gradient
                    network.weights[layer] = network.weights[layer] - rate * means[layer]
                    continue
                means[layer] = 0.9 * means[layer] + 0.1 * gradient
                squares[layer] = 0.999 * squares[layer] + 0.001 * gradient**2
                mean, square = means[layer] / (1 - 0.9**steps), squares[layer] / (1 - 0.999**steps)
                network.weights[layer] = network.weights[layer] - rate * mean / (np.sqrt(square) + 1e-8)
    for ours, theirs in zip(learned.weights, network.weights, strict=True):
        assert ours.dtype == np.float32
        assert ours == pytest.approx(theirs, abs=2e-4), "seeds 5 and 9: a step is 0.01"


def test_nothing_of_the_test_samples_has_a_part_in_it() -> None:
    """Other labels and other values to test on: the same trial, the same weights."""
    dataset = load_dataset("random", PRESETS["tiny"], 1)
    generator = np.random.default_rng(3)
    other = replace(
        dataset,
        test_values=generator.permutation(dataset.test_values.ravel()).reshape(dataset.test_values.shape),
        test_labels=generator.permutation(dataset.test_labels),
    )
    assert (other.test_labels != dataset.test_labels).any()
    one, two = (run_trial(PRESETS["tiny"], data, 1, "adam", 0.01, 0) for data in (dataset, other))
    assert one == two
    one, two = (train_out(PRESETS["tiny"], data, 1, Schedule("adam", 0.01, 64, 3)) for data in (dataset, other))
    for ours, theirs in zip(one.weights, two.weights, strict=True):
        assert (ours == theirs).all()
    assert one.accuracy(dataset.test_values, dataset.test_labels) != one.accuracy(other.test_values, other.test_labels)


def test_a_trial_is_judged_by_a_sixth_that_it_does_not_learn(monkeypatch) -> None:
    dataset = separable(61)
    seen: list[np.ndarray] = []
    judged: list[tuple[np.ndarray, np.ndarray]] = []

    class Spy(FloatNetwork):
        def gradients(self, values, labels, kept=None):
            seen.append(values)
            return super().gradients(values, labels, kept)

        def accuracy(self, values, labels):
            judged.append((values, labels))
            return super().accuracy(values, labels)

    monkeypatch.setattr(trained_out, "FloatNetwork", Spy)
    trial = run_trial(CONFIG, dataset, 2, "adam", 0.01, 0)
    part = hold_out(dataset, 10)
    assert len(judged) == len(trial.accuracies)
    assert all(values is judged[0][0] or (values == part.test_values).all() for values, _ in judged)
    assert all((labels == part.test_labels).all() for _, labels in judged)
    first = np.concatenate(seen)[:51]
    assert sorted(first.tolist()) == sorted(features(part.train_values).tolist())


def test_a_trial_ends_when_the_validation_part_gains_nothing() -> None:
    learned = run_trial(CONFIG, separable(240), 2, "adam", 0.01, 0)
    epochs = len(learned.accuracies)
    assert learned.accuracy == 1.0, "seeds 5 and 2"
    assert learned.schedule == Schedule("adam", 0.01, 0, epochs - trained_out.PATIENCE)
    assert epochs < trained_out.MOST_EPOCHS


def test_a_trial_that_gains_to_the_last_ends_as_well(monkeypatch) -> None:
    monkeypatch.setattr(trained_out, "MOST_EPOCHS", 7)
    rising = iter(np.linspace(0.1, 0.2, 50))
    monkeypatch.setattr(trained_out.FloatNetwork, "accuracy", lambda *_: float(next(rising)))
    assert run_trial(CONFIG, separable(24), 2, "adam", 0.01, 0).schedule.epochs == len([*rising]) - 36 == 7


def test_the_best_epochs_are_best_in_the_mean() -> None:
    # Means of five: 0.5, 0.52, 0.62, 0.62, 0.6.
    trial = Trial("adam", 0.01, 64, [0.5, 0.4, 0.5, 0.6, 0.5, 0.6, 0.9, 0.5, 0.5])
    assert trial.accuracy == pytest.approx(0.62)
    assert trial.schedule == Schedule("adam", 0.01, 64, 7)
    assert Trial("adam", 0.01, 64, [0.25, 0.75]).accuracy == 0.5
    assert Trial("adam", 0.01, 64, [0.25, 0.75]).schedule.epochs == 2


@pytest.mark.parametrize(
    ("best", "tried"),
    [
        ((0.004, 64), [0.004, 0.008, 0.002]),
        ((0.016, 64), [0.004, 0.008, 0.016, 0.032]),
        ((0.001, 0), [0.004, 0.008, 0.002, 0.001, 0.0005]),
    ],
    ids=str,
)
def test_the_best_rate_has_worse_ones_on_both_sides(best, tried) -> None:
    called: list[tuple[float, int]] = []

    def attempt(optimiser: str, rate: float, dropout: int) -> Trial:
        assert optimiser == "adam"
        called.append((rate, dropout))
        return Trial(
            optimiser, rate, dropout, [1 - abs(np.log2(rate / best[0])) / 10 - 0.01 * (dropout != best[1])] * 9
        )

    assert choose_schedule(attempt, ["adam"]) == Schedule("adam", *best, 5)
    assert called == [*((rate, 64) for rate in tried), (best[0], 0)]
    called.clear()
    assert choose_schedule(attempt, ["adam"], (64,)) == Schedule("adam", best[0], 64, 5)
    assert called == [(rate, 64) for rate in tried]


def test_of_equal_ones_the_first_is_chosen() -> None:
    chosen = choose_schedule(lambda *how: Trial(*how, [0.5] * 8), ["adam", "momentum"])
    assert chosen == Schedule("adam", 0.004, 64, 5)


def test_the_better_optimiser_is_chosen() -> None:
    def attempt(optimiser: str, rate: float, dropout: int) -> Trial:
        return Trial(optimiser, rate, dropout, [0.5 + (optimiser == "momentum") / 10 - dropout / 1000] * 8)

    assert choose_schedule(attempt, ["adam", "momentum"]) == Schedule("momentum", 0.02, 0, 5)
    small, large = separable(100), separable(trained_out.LARGE)
    assert optimisers_for(small) == ["adam", "momentum"]
    assert optimisers_for(large) == ["adam"]


@pytest.mark.parametrize(("samples", "batch"), [(3, 4), (1_999, 4), (4_000, 10), (60_000, 128)])
def test_an_epoch_has_as_many_steps_whatever_the_samples(samples, batch) -> None:
    dataset = Dataset(
        "many", np.ones((samples, 1), np.uint8), np.arange(samples) % 2, np.ones((1, 1), np.uint8), np.zeros(1, int), 2
    )
    assert trained_out._batch(dataset) == batch
