"""What a network holds: all of it is listed, and moves as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backspike import PRESETS, NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.neuron import Membrane
from backspike.model.seeding import LfsrMap
from backspike.model.state import NetworkState, state_entries
from backspike.sim.exercise import lively_weights, random_config

CONFIGS = {
    "one layer": NetworkConfig(layers=(6, 3), ticks=4),
    "tiny": PRESETS["tiny"],
    "deep": NetworkConfig(layers=(8, 5, 4, 3), ticks=8, lfsr_bits=64, leak=1, input="spikes", dropout=(60, 60)),
    "random": random_config(17),
}


@pytest.fixture(params=CONFIGS)
def used(request) -> Network:
    """Give a network that has learned a few samples."""
    config = CONFIGS[request.param]
    network = Network(config, lively_weights(config, 5))
    data = load_dataset("random", config, 5)
    network.run_samples(data.train_values, data.train_labels, np.arange(9), True)
    return network


def held(part: Any) -> dict[str, Any]:
    """Return what a part holds that can change, found by looking at all of its attributes."""
    found = {}
    for name, value in vars(part).items():
        if isinstance(value, Membrane):
            found["membrane"] = value.state
        elif (isinstance(value, np.ndarray) and value.flags.writeable) or (
            isinstance(value, int) and not name.startswith("_")
        ):
            found[name] = value
    return found


def test_every_part_lists_what_it_holds(used) -> None:
    for part in (used.generator, *used.synapses, *used.units):
        assert sorted(field.name for field in part.STORED) == sorted(held(part)), type(part).__name__
    listed = sum(len(part.STORED) for part in (used.generator, *used.synapses, *used.units))
    assert len(state_entries(used.config)) == listed


def test_a_state_has_the_shapes_and_types_that_are_listed(used) -> None:
    state = NetworkState.of(used)
    assert list(state) == list(state_entries(used.config))
    for name, entry in state_entries(used.config).items():
        assert (state[name].shape, state[name].dtype) == (entry.shape, entry.field.dtype), name
        assert np.array_equal(state[name], getattr(entry.owner(used), entry.field.name)), name


def test_a_state_moves_as_a_whole_and_is_a_copy(used) -> None:
    config = used.config
    state, other = NetworkState.of(used), Network(config.replace(seed=77))
    state.put_into(other)
    other.rates = list(used.rates)
    for name, array in NetworkState.of(other).items():
        assert np.array_equal(array, state[name]), name
    before = {name: array.copy() for name, array in state.items()}
    data = load_dataset("random", config, 6)
    arguments = data.train_values, data.train_labels, np.arange(9), True
    assert np.array_equal(used.run_samples(*arguments), other.run_samples(*arguments))
    after = NetworkState.of(other)
    for name, array in NetworkState.of(used).items():
        assert np.array_equal(array, after[name]), name
    for name, array in state.items():
        assert np.array_equal(array, before[name]), f"{name} is no copy"
    assert any(not np.array_equal(after[name], before[name]) for name in before)


def test_a_part_of_a_state_leaves_the_rest(used) -> None:
    other = Network(used.config.replace(seed=77))
    before = NetworkState.of(other)
    NetworkState.of(used, StateKind.RANDOM).put_into(other)
    after, wanted = NetworkState.of(other), NetworkState.of(used)
    for name, entry in state_entries(used.config).items():
        expected = wanted if entry.field.kind is StateKind.RANDOM else before
        assert np.array_equal(after[name], expected[name]), name


def test_lfsrs_have_the_numbers_of_the_semantics(used) -> None:
    config, state, numbering = used.config, NetworkState.of(used), LfsrMap(used.config)
    lfsrs = state.lfsrs
    assert lfsrs.shape == (numbering.count,)
    assert np.array_equal(lfsrs[numbering.inputs], used.generator.random)
    for layer, (units, array) in enumerate(zip(used.units, used.synapses, strict=True), start=1):
        assert np.array_equal(lfsrs[numbering.units(layer)], units.random)
        assert lfsrs[numbering.bias(layer)] == array.bias[0]
    again = NetworkState.of_lfsrs(config, lfsrs)
    assert again.keys() == state.of_kind(StateKind.RANDOM).keys()
    assert all(np.array_equal(again[name], state[name]) for name in again)
    weights = NetworkState.of_weights(config, used.weights)
    assert weights.keys() == state.of_kind(StateKind.WEIGHT).keys()
    assert all(matrix is own for matrix, own in zip(weights.weights, used.weights, strict=True))
