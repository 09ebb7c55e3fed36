"""The float network: right gradients, deterministic, the samples in their order, and it learns."""

from __future__ import annotations

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.training.baseline import FloatNetwork, FloatSettings, features, float_accuracy, train_float
from backspike.training.order import sample_order


@pytest.mark.parametrize("layers", [(5, 3), (5, 4, 3), (6, 5, 4, 3)], ids=str)
@pytest.mark.parametrize("clip", [0.0, 0.6])
@pytest.mark.parametrize("dropout", [False, True])
def test_gradients_are_those_of_finite_differences(layers, clip, dropout) -> None:
    generator = np.random.default_rng(7)
    network = FloatNetwork(layers, seed=3, clip=clip, dtype=np.float64)
    for weights in network.weights:
        weights[-1] = generator.normal(0, 0.3, weights.shape[1])
    values, labels = generator.random((8, layers[0])), generator.integers(0, layers[-1], 8)
    kept = [(generator.random((8, n)) < 0.6) / 0.6 for n in layers[1:-1]] if dropout else None
    _, gradients = network.gradients(values, labels, kept)
    step = 1e-6
    clipped = open_ = 0
    for weights, gradient in zip(network.weights, gradients, strict=True):
        assert gradient.shape == weights.shape
        for place in np.ndindex(weights.shape):
            before, losses = weights[place], []
            for sign in (1, -1):
                weights[place] = before + sign * step
                losses.append(network.gradients(values, labels, kept)[0])
            weights[place] = before
            slope = (losses[0] - losses[1]) / (2 * step)
            assert gradient[place] == pytest.approx(slope, abs=1e-7), f"{place}, seeds 7 and 3"
    for layer, hidden in enumerate(network.activations(values, kept)[1:-1]):
        factor = 1 if kept is None else kept[layer]
        clipped += np.count_nonzero((hidden > 0) & (hidden == clip * factor))
        open_ += np.count_nonzero(hidden > 0)
    if len(layers) > 2:
        assert open_, "no hidden unit was active: nothing was shown, seeds 7 and 3"
        assert (clipped > 0) == (clip > 0), "the ramp's end must be seen if there is one, seeds 7 and 3"


def test_loss_is_the_cross_entropy() -> None:
    network = FloatNetwork((2, 4), seed=1)
    network.weights[0][:] = 0
    loss, _ = network.gradients(np.ones((3, 2), dtype=np.float32), np.array([0, 1, 3]))
    assert loss == pytest.approx(np.log(4))


def test_seed_decides_everything() -> None:
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    one, same, other = (train_float(config, dataset, 3, seed) for seed in (1, 1, 2))
    assert one == same
    assert all(map(np.array_equal, one.network.weights, same.network.weights))
    assert one.losses != other.losses


def test_dropout_is_the_spiking_networks_and_keeps_the_mean() -> None:
    """A hidden unit is silent with the probability D / 256, and otherwise as much louder; the output never is."""
    config = NetworkConfig(layers=(3, 50, 40, 2), dropout=(64, 128), ticks=4)
    values = np.full((200, 3), 255, dtype=np.uint8)
    dataset = Dataset("ones", values, np.arange(200) % 2, values, np.arange(200) % 2, 2)
    seen: list[list[np.ndarray]] = []
    original = FloatNetwork.gradients

    class Spy(FloatNetwork):
        def gradients(self, values, labels, kept=None):
            seen.append(kept)
            return original(self, values, labels, kept)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backspike.training.baseline.FloatNetwork", Spy)
        train_float(config, dataset, 2, 3, FloatSettings(batch=50))
        assert len(seen) == 8
        for layer, (units, share) in enumerate([(50, 0.75), (40, 0.5)]):
            factors = np.concatenate([kept[layer] for kept in seen])
            assert factors.shape == (400, units)
            assert set(np.unique(factors)) == {np.float32(0), np.float32(1 / share)}
            assert np.count_nonzero(factors) / factors.size == pytest.approx(share, abs=0.02), "seed 3"
        seen.clear()
        train_float(config.replace(dropout=(0, 0)), dataset, 1, 3)
    assert seen
    assert all(kept is None for kept in seen)


def test_one_step_by_hand() -> None:
    """One sample a step, in the order of the spiking network, momentum and decay of rate and weights included."""
    config = NetworkConfig(layers=(4, 3, 2))
    generator = np.random.default_rng(5)
    values = generator.integers(0, 256, (6, 4), dtype=np.uint8)
    labels = generator.integers(0, 2, 6)
    dataset = Dataset("six", values, labels, values, labels, 2)
    settings = FloatSettings(batch=1, rate=0.1, rate_decay=0.5, momentum=0.9, weight_decay=0.01)
    network = FloatNetwork(config.layers, seed=9)
    steps: list = [0, 0]
    losses = []
    for epoch in range(2):
        for index in sample_order(6, 9, epoch):
            loss, gradients = network.gradients(features(values[[index]]), labels[[index]])
            losses.append(loss)
            for layer, gradient in enumerate(gradients):
                penalty = 0.01 * network.weights[layer]
                penalty[-1] = 0
                steps[layer] = 0.9 * steps[layer] - 0.1 * 0.5**epoch * (gradient + penalty)
                network.weights[layer] = network.weights[layer] + steps[layer]
    result = train_float(config, dataset, 2, 9, settings)
    assert result.losses == pytest.approx([np.mean(losses[:6]), np.mean(losses[6:])], rel=1e-5), "seeds 5 and 9"
    assert result.test_accuracy == network.accuracy(values, labels)


@pytest.mark.parametrize("kind", ["rate", "spikes"])
def test_learns_what_is_separable(kind) -> None:
    """One input for each class; half of the ticks for recorded spikes."""
    config = NetworkConfig(layers=(3, 3), ticks=4, input=kind)
    labels = np.arange(60) % 3
    values = np.eye(3, dtype=np.uint8)[labels] * 255
    if kind == "spikes":
        values = np.stack([values, values, 0 * values, 0 * values], axis=1)
        assert features(values).tolist() == (np.eye(3)[labels] / 2).tolist()
    dataset = Dataset("one-hot", values, labels, values, labels, 3)
    assert float_accuracy(config, dataset, epochs=20, seed=1) == 1.0


def test_progress_tells_each_epoch() -> None:
    config = PRESETS["tiny"]
    told: list[tuple[int, float]] = []
    result = train_float(config, load_dataset("random", config, 1), 2, 1, progress=lambda *done: told.append(done))
    assert told == list(enumerate(result.test_accuracies, start=1))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"batch": 0}, "^batch of the float network must be a whole number from 1, not 0$"),
        ({"rate": 0.0}, "^rate of the float network must be a number above 0, not 0.0$"),
        ({"rate": "fast"}, "^rate of the float network must be a number, not 'fast'$"),
        ({"rate_decay": 1.5}, "^rate_decay of the float network must be a number above 0 and at most 1, not 1.5$"),
        ({"momentum": 1}, "^momentum of the float network must be a number from 0 to below 1, not 1$"),
        ({"weight_decay": -1.0}, "^weight_decay of the float network must be a number 0 or more, not -1.0$"),
        ({"clip": float("nan")}, "^clip of the float network must be a number 0 or more, not nan$"),
        ({"rate": float("inf")}, "^rate of the float network must be at most 1e.09, not inf$"),
        ({"weight_decay": 10**400}, r"^weight_decay of the float network must be at most 1e.09, not 10+\.\.\.$"),
        ({"batch": 10**5000}, "^batch of the float network must be at most 1e.09, not a very long int$"),
    ],
)
def test_impossible_settings_are_one_sentence(values, sentence) -> None:
    with pytest.raises(BackspikeError, match=sentence):
        FloatSettings(**values)


def test_a_network_that_diverges_is_told() -> None:
    config = NetworkConfig(layers=(8, 16, 16, 3))
    with pytest.warns(BackspikeWarning, match="^the float network diverges on dataset random, .*: a rate below 1e.06 "):
        train_float(config, load_dataset("random", config, 1), 3, 1, FloatSettings(rate=1e6, momentum=0.99))
