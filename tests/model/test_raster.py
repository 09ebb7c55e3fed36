"""A raster is what the network did: its flags tick by tick, and inputs that lead to the very drives."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from backspike import PRESETS, NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Network, Sample
from backspike.model.raster import record_raster

CONFIGS = {
    "tiny": PRESETS["tiny"].replace(rates=(256, 200)),
    "one layer": NetworkConfig(layers=(6, 3), ticks=4, rates=(256,)),
    "deep, patient": NetworkConfig(layers=(8, 5, 4, 3), ticks=12, rates=(256, 256, 256), leak=1, patience=3),
    "spikes": NetworkConfig(layers=(6, 5, 3), ticks=5, input="spikes", rates=(256, 256)),
}


@pytest.mark.parametrize("learn", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_tick_is_what_the_network_had_after_it(name: str, learn: bool) -> None:
    config = CONFIGS[name]
    dataset = load_dataset("random", config, seed=4)
    network, errors, changes = Network(config), 0, 0
    for values, label in zip(dataset.train_values[:12], dataset.train_labels[:12], strict=True):
        same = copy.deepcopy(network)
        weights, taken = copy.deepcopy(same.weights), []
        same.run(
            Sample(values, int(label), learn), lambda tick, taken=taken, same=same: taken.append(copy.deepcopy(same))
        )
        raster = record_raster(network, Sample(values, int(label), learn))
        assert raster.ticks == len(taken)
        assert raster.inputs.shape == (raster.ticks, config.layers[0])
        assert [layer.shape for layer in raster.spikes] == [(raster.ticks, n) for n in config.layers[1:-1]]
        assert [layer.shape for layer in raster.errors] == [(raster.ticks, n) for n in config.layers[1:]]
        for tick, state in enumerate(taken):
            for layer, units in enumerate(state.hidden):
                assert np.array_equal(raster.spikes[layer][tick], units.spike)
                assert np.array_equal(raster.gates[layer][tick], units.gate)
            for layer, units in enumerate(state.units):
                assert np.array_equal(raster.errors[layer][tick] > 0, units.error_pos)
                assert np.array_equal(raster.errors[layer][tick] < 0, units.error_neg)
            assert raster.winners[tick] == (state.output.winner if tick >= config.depth - 1 else -1)
            assert raster.changes[tick].tolist() == [
                np.count_nonzero(now != before) for now, before in zip(state.weights, weights, strict=True)
            ]
            weights = state.weights
        won = raster.winners[raster.winners >= 0]
        assert np.bincount(won, minlength=config.layers[-1]).tolist() == raster.result.wins.tolist()
        errors += sum(int(np.abs(layer).sum()) for layer in raster.errors)
        changes += int(raster.changes.sum())
        assert all(np.array_equal(*pair) for pair in zip(network.weights, same.weights, strict=True))
        assert np.array_equal(network.generator.random, same.generator.random)
    assert (errors > 0, changes > 0) == (learn, learn)


def test_inputs_are_those_that_the_drives_are_made_of() -> None:
    """Without leak and learning, the first layer's potential is the sum of the rows of the inputs that spiked."""
    config = CONFIGS["tiny"]
    network = Network(config)
    values, drives = load_dataset("random", config, seed=4).train_values[5], []
    same = copy.deepcopy(network)
    same.run(Sample(values, 0, False), lambda tick: drives.append(same.hidden[0].membrane.copy()))
    inputs = record_raster(network, Sample(values, 0, False)).inputs
    rows = np.hstack([inputs, np.ones((config.ticks, 1), bool)])
    assert 0 < inputs.sum() < inputs.size
    assert np.array_equal(rows @ network.weights[0], drives)
