"""The float network computes what PyTorch and snnTorch do, and its neurons' rates are those that are counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.training.baseline import features
from backspike.weights import Chain, FloatLayer, Spiking, read_chain

from .samples import FILES, SHAPE

TICKS = 32


@pytest.mark.parametrize("name", ["relu", "synaptic"])
def test_answers_are_those_of_pytorch(name: str) -> None:
    """As many of the 360 are right as in PyTorch itself; sums in single precision part at most two of them."""
    digits = load_dataset("digits", PRESETS["digits"], 1)
    chain = read_chain(FILES / f"{name}.pt", SHAPE)
    right = (chain.classes(features(digits.test_values), TICKS) == digits.test_labels).sum()
    expected = json.loads((FILES / "accuracies.json").read_text())[name]
    assert expected > 300
    assert abs(right - expected) <= 2


@pytest.mark.parametrize("decay", [1.0, 0.95, 0.9, 0.5])
@pytest.mark.parametrize("synapse", [0.0, 0.5])
def test_rates_are_those_that_are_counted(decay: float, synapse: float) -> None:
    """Between a rate of a fifth and of all, a constant drive makes them spike about as often as the ramp says."""
    one = np.ones(1)
    unit = Spiking("lif", decay * one, 2 * one, 0.5 * one, synapse * one, one)
    drives = np.linspace(0, 5, 51)
    # The unit's own ticks, one by one: not what the chain does.
    counted = []
    for drive in drives:
        current = membrane = taken = spikes = 0.0
        for _ in range(1000):
            current = synapse * current + (1 - synapse) * drive
            membrane = decay * membrane + 0.5 * current - taken
            taken = 2 if membrane > 2 else 0
            spikes += taken / 2
        counted.append(spikes / 1000)
    expected = unit.rates(drives[:, np.newaxis])[:, 0]
    between = (expected > 0.2) & (expected < 1)
    assert between.sum() > 10
    error = np.abs(np.array(counted) - expected)
    assert error[between].max() < (1 - decay) / 2 + 0.005
    # What leaks is a part of it: without, it would be further off.
    if decay < 1:
        assert error[between].mean() < np.abs(np.array(counted) - np.clip(drives / 4, 0, 1))[between].mean()


@pytest.mark.parametrize(("zero", "spikes"), [(False, 9), (True, 5)])
def test_a_spike_takes_the_threshold_or_all(zero: bool, spikes: int) -> None:
    """A drive of 0.95 spikes in all of ten ticks but the first, or in every other: more often than so many spikes."""
    two = np.ones(2)
    unit = Spiking("lif", np.array([1.0, 0.0]), two, two, 0 * two, two, zero)
    chain = Chain([FloatLayer("fc", np.array([[0.95, 0.0], [0.0, 2.5], [0.0, 0.0]]), unit)])
    for other, winner in ((spikes, 0), (spikes + 1, 1)):
        values = np.ones((1, 10, 2))
        values[0, other:, 1] = 0
        assert chain.classes(values, 10).tolist() == [winner]


def test_values_that_were_normalised() -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    chain = Chain([FloatLayer("fc", generator.normal(size=(6, 3)))])
    values = generator.random((20, 5))
    assert np.allclose(
        chain.normalised(0.13, 0.31).layers[0].drive(values), chain.layers[0].drive((values - 0.13) / 0.31)
    )


def test_recorded_spikes_have_their_own_ticks() -> None:
    """Two units that see the first and the second input: which spikes more depends on all ticks."""
    weights = np.array([[2.5, 0.0], [0.0, 2.5], [0.0, 0.0]])
    two = np.ones(2)
    chain = Chain([FloatLayer("fc", weights, Spiking("lif", 0 * two, two, two, 0 * two, two))])
    spikes = np.zeros((2, 5, 2))
    spikes[0, :3, 1], spikes[0, 3:, 0] = 1, 1
    spikes[1, :4, 0], spikes[1, 4:, 1] = 1, 1
    assert chain.classes(spikes, 5).tolist() == [1, 0]


def test_drawn_spikes_are_always_the_same() -> None:
    chain = read_chain(FILES / "synaptic.pt", SHAPE)
    digits = load_dataset("digits", PRESETS["digits"], 1)
    values = features(digits.test_values)
    first, second = (chain.classes(values, TICKS, drawn=True) for _ in range(2))
    assert np.array_equal(first, second)
    assert (first == digits.test_labels).mean() > 0.8
    assert not np.array_equal(first, chain.classes(values, TICKS))
