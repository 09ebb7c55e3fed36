"""Fitted weights compute what the float network does, in the mean, and the figures of their loss are right."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from backspike import NetworkConfig
from backspike.model import Network, Sample
from backspike.model.raster import record_raster
from backspike.weights import Chain, FloatLayer, Spiking, fit_chain

CONFIG = NetworkConfig(layers=(6, 5, 4, 3), ticks=8, weight_bits=12, weight_frac=8, activation_range=2.0)
GENERATOR = np.random.Generator(np.random.PCG64(11))


def relus(scale: float = 0.4, layers: tuple[int, ...] = CONFIG.layers) -> Chain:
    shapes = pairwise(layers)
    return Chain(
        [FloatLayer(f"fc{i}", GENERATOR.normal(size=(n + 1, m)) * scale) for i, (n, m) in enumerate(shapes, 1)]
    )


def ramps(weights: list[np.ndarray], config: NetworkConfig, values: np.ndarray) -> list[np.ndarray]:
    """Return what a network computes in the mean, by the semantics: probabilities of hidden spikes, then potentials."""
    result = []
    for number, matrix in enumerate(weights, 1):
        values = (values @ matrix[:-1] + matrix[-1]) / 2**config.weight_frac
        if number < config.depth:
            values = np.clip(values / config.activation_range, 0, 1)
        result.append(values)
    return result


def test_ramps_are_relus_and_potentials_are_logits() -> None:
    chain, values = relus(), GENERATOR.random((50, 6))
    fit = fit_chain(chain, CONFIG, values, percentile=100)
    *hidden, potentials = ramps(fit.weights, CONFIG, values)
    expected = values
    for layer, rates in zip(chain.layers[:-1], hidden, strict=True):
        expected = np.maximum(layer.drive(expected), 0)
        # One factor for a layer: its greatest activation is the top of the ramp.
        assert np.allclose(rates * expected.max(), expected, atol=0.02 * expected.max())
        assert rates.max() == pytest.approx(1, abs=0.02)
    logits = chain.layers[-1].drive(expected)
    assert np.allclose(potentials, logits, atol=0.05)
    assert [layer.activation for layer in fit.layers] == ["ReLU", "ReLU", "logits"]


def test_percentile_is_what_is_within_the_ramp() -> None:
    chain, values = relus(), GENERATOR.random((2000, 6))
    for percentile in (80, 95):
        first = ramps(fit_chain(chain, CONFIG, values, percentile).weights, CONFIG, values)[0]
        assert (first < 1).mean() == pytest.approx(percentile / 100, abs=0.01)


def test_temperature_is_that_of_the_softmax() -> None:
    chain, values = relus(0.2), GENERATOR.random((20, 6))
    warm, cold = (
        ramps(fit_chain(chain, config, values, 100).weights, config, values)[-1]
        for config in (CONFIG, CONFIG.replace(temperature=0.5))
    )
    assert np.allclose(warm, 2 * cold, atol=0.05)


def test_logits_that_do_not_fit_are_made_smaller_alike() -> None:
    chain, values = relus(30.0), GENERATOR.random((50, 6))
    fit = fit_chain(chain, CONFIG, values, percentile=100)
    last = fit.weights[-1]
    assert fit.layers[-1].saturated == 0
    assert max(last.max() / CONFIG.weight_max, last.min() / CONFIG.weight_min) == 1
    expected = values
    for layer in chain.layers[:-1]:
        expected = np.maximum(layer.drive(expected), 0)
    logits, potentials = chain.layers[-1].drive(expected), ramps(fit.weights, CONFIG, values)[-1]
    assert np.corrcoef(logits.ravel(), potentials.ravel())[0, 1] > 0.999
    assert np.abs(potentials).max() < np.abs(logits).max() / 10


def spiking(units: int, decay: float = 1.0, threshold: float = 1.0, level: float = 1.0) -> Spiking:
    ones = np.ones(units)
    return Spiking("lif", decay * ones, threshold * ones, ones, 0 * ones, level * ones)


def test_neurons_without_leak_keep_their_weights() -> None:
    """In units of the threshold: an IF neuron's rate is the ramp."""
    layers = [*relus().layers]
    layers[0] = FloatLayer("fc1", layers[0].weights, spiking(5, threshold=0.5, level=3.0))
    layers[1] = FloatLayer("fc2", layers[1].weights, spiking(4, decay=0.8))
    chain = Chain(layers)
    fit = fit_chain(chain, CONFIG)
    a = CONFIG.activation_range * 2**CONFIG.weight_frac
    assert np.array_equal(fit.weights[0], np.clip(np.rint(layers[0].weights / 0.5 * a), -2048, 2047))
    expected = layers[1].weights * a
    expected[:-1] *= 3
    expected[-1] -= 0.2 * a
    assert np.array_equal(fit.weights[1], np.clip(np.rint(expected), -2048, 2047))
    assert [layer.activation for layer in fit.layers] == ["spiking", "spiking", "logits"]


def test_neurons_in_the_last_layer_fill_the_format() -> None:
    *hidden, last = relus(0.01).layers
    fit = fit_chain(Chain([*hidden, FloatLayer("fc3", last.weights, spiking(3))]), CONFIG)
    assert max(fit.weights[-1].max() / CONFIG.weight_max, fit.weights[-1].min() / CONFIG.weight_min) == 1


def test_each_unit_has_its_own_threshold() -> None:
    weights = np.full((7, 5), 0.1)
    ones = np.ones(5)
    thresholds = np.array([0.5, 1, 2, 4, 8])
    neurons = Spiking("lif", ones, thresholds, ones, 0 * ones, ones)
    fit = fit_chain(Chain([FloatLayer("fc1", weights, neurons), *relus().layers[1:]]), CONFIG)
    assert fit.weights[0][0].tolist() == np.rint(0.1 * 512 / thresholds).tolist()


def test_figures_of_the_loss() -> None:
    """Weights of 1.3 LSB and of twice the range: by hand."""
    config = NetworkConfig(layers=(2, 2, 2), ticks=8, weight_bits=4, weight_frac=2, activation_range=1.0)
    first = np.array([[1.3, -1.3], [16.0, 1.0], [-16.0, 0.0]]) / 4
    chain = Chain([FloatLayer("fc1", first, spiking(2)), FloatLayer("fc2", np.zeros((3, 2)))])
    fit = fit_chain(chain, config)
    assert fit.weights[0].tolist() == [[1, -1], [7, 1], [-8, 0]]
    assert not fit.weights[1].any()
    loss, nothing = fit.layers
    assert (loss.name, loss.lowest, loss.highest) == ("fc1", -4.0, 4.0)
    assert loss.scale == pytest.approx(4)
    assert loss.largest == 16
    assert loss.saturated == pytest.approx(2 / 6)
    assert loss.rounding == pytest.approx(np.sqrt(2 * 0.3**2 / (2 * 1.3**2 + 2 * 16**2 + 1)))
    assert (nothing.saturated, nothing.rounding, nothing.largest) == (0, 0, 0)


def test_dead_relus_are_no_fault() -> None:
    chain = relus()
    dead = FloatLayer("fc1", -np.abs(chain.layers[0].weights))
    fit = fit_chain(Chain([dead, *chain.layers[1:]]), CONFIG, GENERATOR.random((9, 6)))
    assert all(np.isfinite([layer.scale, layer.rounding]).all() for layer in fit.layers)
    Network(CONFIG, fit.weights)


def test_a_network_spikes_as_often_as_the_relus_say() -> None:
    """The golden model, tick by tick: the mean of its first hidden layer's spikes is the float layer's activation."""
    config = NetworkConfig(layers=(6, 5, 3), ticks=500, weight_bits=12, weight_frac=8, activation_range=4.0)
    # All weights are above 0, and no unit's ramp is left: drives that vary from tick to tick are as good as their mean.
    first = FloatLayer("fc1", 0.5 + GENERATOR.random((7, 5)))
    chain = Chain([first, *relus(layers=(5, 3)).layers])
    values = GENERATOR.integers(64, 192, 6).astype(np.uint8)
    fit = fit_chain(chain, config, np.ones((1, 6)), percentile=100)
    raster = record_raster(Network(config, fit.weights), Sample(values, 0, False))
    expected = first.drive(values / 256) / first.drive(np.ones(6)).max()
    assert 0.2 < expected.min() < expected.max() < 0.8
    # Four standard deviations of a mean of 500 spikes are 0.09.
    assert np.abs(raster.spikes[0].mean(axis=0) - expected).max() < 0.09
