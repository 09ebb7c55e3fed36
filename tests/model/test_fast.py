"""The fast engine against the NumPy one: every spike, weight, membrane, random state and counter."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from numpy.typing import NDArray

from backspike import NetworkConfig
from backspike.model import Network
from backspike.model.fast import run_samples
from backspike.model.state import NetworkState
from backspike.sim.exercise import lively_weights, random_config


def everything(network: Network) -> dict[str, NDArray[np.int64]]:
    """All state of a network, by name."""
    counters = network.counters
    state = dict(NetworkState.of(network))
    state |= {"rows visited": counters.rows, "rows written": counters.writes}
    state["samples, ticks, error ticks"] = np.array([counters.samples, counters.ticks, counters.error_ticks])
    return state


def assert_equal(expected: Network, found: Network, where: str) -> None:
    """Compare two networks and name the first state, and the first place in it, that differs."""
    theirs = everything(found)
    for name, mine in everything(expected).items():
        for place in map(tuple, np.argwhere(mine != theirs[name])):
            pytest.fail(f"{where}: {name} {place}: expected {mine[place]}, got {theirs[name][place]}")


def random_samples(config: NetworkConfig, generator: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Samples from blank to dense; values of 0 and 255 are among them."""
    shape = (count, config.layers[0]) if config.input == "rate" else (count, config.ticks, config.layers[0])
    present = generator.random(shape) < generator.uniform(0, 1, (count, *[1] * (len(shape) - 1)))
    return np.where(present, generator.integers(0, 256, shape), 0).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_computes_what_numpy_computes(seed: int) -> None:
    generator = np.random.default_rng(seed)
    config = random_config(seed)
    expected = Network(config, lively_weights(config, seed))
    found = copy.deepcopy(expected)
    values = random_samples(config, generator, 12)
    labels = generator.integers(0, config.layers[-1], 12)
    for turn, learn in enumerate((True, False, True)):
        order = generator.integers(0, 12, 9)
        wins = expected.run_samples(values, labels, order, learn)
        assert np.array_equal(run_samples(found, values, labels, order, learn), wins), f"seed {seed}: {config}"
        assert_equal(expected, found, f"seed {seed}, turn {turn}, {config}")
        expected.rates = found.rates = [int(rate) for rate in generator.integers(0, 257, config.depth)]


def test_engines_take_turns() -> None:
    config = NetworkConfig(layers=(20, 9, 4), ticks=6, leak=2, dropout=(100,), patience=3, rates=(200, 200), seed=7)
    generator = np.random.default_rng(7)
    values, labels = random_samples(config, generator, 30), generator.integers(0, 4, 30)
    expected, found = Network(config), Network(config)
    expected.run_samples(values, labels, np.arange(30), True)
    found.run_samples(values, labels, np.arange(10), True)
    run_samples(found, values, labels, np.arange(10, 20), True)
    found.run_samples(values, labels, np.arange(20, 30), True)
    assert_equal(expected, found, "seed 7")


def test_no_samples_change_nothing() -> None:
    config = NetworkConfig(layers=(3, 2))
    network = Network(config)
    wins = run_samples(network, np.zeros((1, 3), np.uint8), np.array([0]), np.array([], dtype=np.int64), True)
    assert wins.shape == (0, 2)
    assert_equal(Network(config), network, "no samples")
