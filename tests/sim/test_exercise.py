import numpy as np
import pytest

from backspike import PRESETS
from backspike.config import NetworkConfig
from backspike.model import Network, Sample
from backspike.sim.exercise import lively_weights, random_config

SEEDS = range(1, 301)


def test_every_seed_gives_a_possible_and_different_configuration():
    configs = [random_config(seed) for seed in SEEDS]
    assert configs == [random_config(seed) for seed in SEEDS]
    assert len({config.hash for config in configs}) == len(configs)
    assert [config.name for config in configs] == [f"random_{seed}" for seed in SEEDS]
    assert all(NetworkConfig.from_dict(config.to_dict()) == config for config in configs)


def test_configurations_reach_the_ends_of_what_is_allowed():
    configs = [random_config(seed) for seed in SEEDS]

    def each(name):
        return {number for config in configs for number in getattr(config, name)}

    assert {config.depth for config in configs} == {1, 2, 3, 4}
    assert {config.input for config in configs} == {"rate", "spikes"}
    assert {config.weight_bits for config in configs} == set(range(4, 17))
    assert {config.weight_frac for config in configs} == set(range(1, 17))
    assert {config.leak for config in configs} == set(range(9))
    assert {config.lfsr_bits for config in configs} == {16, 24, 32, 40, 48, 64}
    assert {config.input_lfsrs for config in configs} == set(range(1, 17))
    assert {config.input_buffers for config in configs} == {1, 2}
    assert {config.depth for config in configs if config.ticks == config.depth} == {1, 2, 3, 4}
    assert any(config.hidden_draw_bits > config.lfsr_bits == 16 for config in configs)
    assert max(config.ticks for config in configs) > 60
    assert {0, 256} <= each("rates")
    assert {0, 255} <= each("dropout")
    assert each("banks") == {1, 2, 4}
    assert each("ports") == {1, 2}
    assert {config.depth for config in configs if config.synapses == "crossbar"} >= {1, 2, 3}
    assert sum(config.synapses == "rows" for config in configs) > len(configs) / 2
    assert {1e-9, 16.0} <= {config.temperature for config in configs}
    assert {config.activation_bits for config in configs} >= set(range(1, 20))
    assert {config.error_bits for config in configs} >= set(range(1, 20))
    assert {1, 2**32 - 1} <= {config.seed for config in configs}
    for key in ("patience", "inference_patience"):
        drawn = {(getattr(config, key), config.ticks) for config in configs}
        assert any(value == ticks > 1 for value, ticks in drawn)
        assert any(value is not None and 2 < value < ticks for value, ticks in drawn)
    assert min(config.layers[0] for config in configs) == 1
    assert min(config.layers[-1] for config in configs) == 2
    assert any(config.input_turns > 1 for config in configs if config.input == "rate")
    layers = [layer for config in configs for layer in config.weight_layers]
    folds = [layer.fold for layer in layers]
    assert min(folds) == 1
    assert max(folds) > 10
    assert max(layer.unit_fold for layer in layers if layer.hidden) > 10
    assert any(layer.units % layer.lanes for layer in layers)


def test_values_that_are_fixed_are_taken_and_the_others_fit():
    fixed = {"layers": (6, 11, 5), "lanes": (4, 0), "banks": (1, 4), "lfsr_bits": 16, "ticks": 2}
    configs = [random_config(seed, **fixed) for seed in SEEDS]
    assert {(config.layers, config.lanes, config.banks, config.lfsr_bits, config.ticks) for config in configs} == {
        ((6, 11, 5), (4, 5), (1, 4), 16, 2)
    }
    assert {config.unit_lanes for config in configs} == {(0,), (4,)}
    unit_lanes = {random_config(seed, layers=(6, 11, 5), lanes=(4, 0)).unit_lanes for seed in SEEDS}
    assert unit_lanes == {(0,), (1,), (2,), (4,)}
    # A crossbar leaves no choice of lanes and banks, and has a size.
    assert {config.synapses for config in configs} == {"rows"}
    assert {random_config(seed, layers=(500, 9)).synapses for seed in SEEDS} == {"rows"}
    assert {random_config(seed, synapses="crossbar").banks[0] for seed in SEEDS} == {1}


@pytest.mark.parametrize("name", PRESETS)
def test_lively_weights_use_the_format_to_its_ends(name):
    config = PRESETS[name]
    weights = lively_weights(config, 1)
    assert all(np.array_equal(a, b) for a, b in zip(weights, lively_weights(config, 1), strict=True))
    assert not np.array_equal(weights[0], lively_weights(config, 2)[0])
    shapes = [layer.shape for layer in config.weight_layers]
    assert [matrix.shape for matrix in weights] == shapes
    for matrix in weights:
        assert config.weight_min <= matrix.min() <= matrix.max() <= config.weight_max
    if name != "tiny":
        assert (weights[0].min(), weights[0].max()) == (config.weight_min, config.weight_max)


@pytest.mark.parametrize("name", ["tiny", "digits", "digits-deep"])
def test_lively_weights_keep_gates_open_and_pass_errors_down(name):
    config = PRESETS[name]
    network = Network(config, lively_weights(config, 1))
    generator = np.random.Generator(np.random.PCG64(1))
    shut, opened, errors = 0, 0, 0

    def look(tick):
        nonlocal shut, opened, errors
        hidden = network.hidden[0]
        opened += int(hidden.gate.sum())
        shut += int((~hidden.gate).sum())
        errors += int((hidden.error_pos | hidden.error_neg).sum())

    for label in range(20):
        values = generator.integers(0, 256, config.layers[0]).astype(np.uint8)
        values[generator.random(len(values)) < 0.7] = 0
        network.run(Sample(values, label % config.layers[-1], True), look)
    assert opened > 0.1 * (opened + shut)
    assert shut > 0
    assert errors > 50
