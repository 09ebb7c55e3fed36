"""The synapse array against matrix products, and its update against the definition of a coincidence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from backspike.config import PRESETS, NetworkConfig
from backspike.model.neuron import CompositeNeurons
from backspike.model.seeding import lfsr_seeds
from backspike.model.spikes import SpikeGenerator
from backspike.model.synapses import SynapseArray, initial_weights

from .reference import Lfsr


def make_array(config: NetworkConfig, weights: np.ndarray, bias_seed: int = 1) -> SynapseArray:
    return SynapseArray(config, weights, np.array([bias_seed], dtype=np.uint64))


@pytest.mark.parametrize("weight_bits", [4, 9, 16])
def test_sums_are_matrix_products(weight_bits: int) -> None:
    seed = weight_bits
    random = np.random.default_rng(seed)
    config = NetworkConfig(layers=(30, 12), weight_bits=weight_bits, weight_frac=4)
    weights = random.integers(config.weight_min, config.weight_max, (31, 12), endpoint=True)
    array = make_array(config, weights)
    for _ in range(20):
        spike = np.append(random.random(30) < 0.4, True)
        pos = random.random(12) < 0.3
        neg = (random.random(12) < 0.3) & ~pos
        products = [sum(int(weights[j, i]) for j in range(31) if spike[j]) for i in range(12)]
        assert array.forward(np.flatnonzero(spike)).tolist() == products, f"seed {seed}"
        errors = [sum(int(weights[j, k]) * (int(pos[k]) - int(neg[k])) for k in range(12)) for j in range(30)]
        assert array.backward(pos, neg).tolist() == errors, f"seed {seed}"


def test_large_sums_are_exact() -> None:
    config = NetworkConfig(layers=(16_384, 2), weight_bits=16, weight_frac=8)
    array = make_array(config, np.full((16_385, 2), -(2**15)))
    assert array.forward(np.arange(16_385)).tolist() == [-16_385 * 2**15] * 2


def test_no_row_sums_to_zero() -> None:
    array = make_array(NetworkConfig(layers=(2, 3)), np.ones((3, 3), dtype=np.int64))
    assert array.forward(np.array([], dtype=np.int64)).tolist() == [0, 0, 0]


def test_only_coincidences_move_and_by_one_lsb() -> None:
    config = NetworkConfig(layers=(3, 4))
    weights = np.array([[5, -5, 0, 7], [1, 2, 3, 4], [-1, 0, 1, 2], [9, 9, 9, 9]])
    array = make_array(config, weights)
    pos, neg = np.array([True, False, False, False]), np.array([False, False, True, False])
    array.update(np.array([0, 3]), pos, neg)
    # Rows 0 and 3 (the bias) spike: up at unit 0, down at unit 2.
    assert array.weights.tolist() == [[6, -5, -1, 7], [1, 2, 3, 4], [-1, 0, 1, 2], [10, 9, 8, 9]]


def test_an_update_without_rows_or_errors_moves_nothing() -> None:
    weights = np.arange(12).reshape(4, 3)
    array = make_array(NetworkConfig(layers=(3, 3)), weights)
    some, none = np.array([True, False, True]), np.zeros(3, dtype=bool)
    array.update(np.array([], dtype=np.int64), some, ~some)
    array.update(np.arange(4), none, none)
    assert array.weights.tolist() == weights.tolist()


@pytest.mark.parametrize(("weight_bits", "low", "high"), [(4, -8, 7), (8, -128, 127), (16, -32_768, 32_767)])
def test_update_saturates_at_both_ends(weight_bits: int, low: int, high: int) -> None:
    config = NetworkConfig(layers=(1, 2), weight_bits=weight_bits, weight_frac=3)
    array = make_array(config, np.array([[high - 1, low + 1], [high, low]]))
    up, down = np.array([True, False]), np.array([False, True])
    for _ in range(3):
        array.update(np.array([0, 1]), up, down)
        assert array.weights.tolist() == [[high, low]] * 2
    # And they leave the ends again.
    array.update(np.array([1]), down, up)
    assert array.weights.tolist() == [[high, low], [high - 1, low + 1]]


def test_the_callers_weights_stay_as_they_are() -> None:
    weights = np.zeros((2, 2), dtype=np.int64)
    make_array(NetworkConfig(layers=(1, 2)), weights).update(np.array([0]), np.array([True, True]), np.zeros(2, bool))
    assert not weights.any()


def test_bias_permissions_are_the_low_eight_bits_of_their_lfsr() -> None:
    for width in (16, 24, 32, 40, 48, 64):
        array = make_array(NetworkConfig(layers=(1, 2), lfsr_bits=width, weight_frac=2), np.zeros((2, 2)), 0xBEEF)
        serial = Lfsr(width, 0xBEEF)
        for tick in range(30):
            rate = 37 * tick % 257
            assert array.bias_permit(rate) == (serial.take(8)[0] < rate), f"{width} bits, tick {tick}"
            assert array.bias.tolist() == [serial.state], f"{width} bits, tick {tick}"


@pytest.mark.parametrize("rate", [0, 5, 128, 256])
def test_bias_permissions_come_at_the_rate(rate: int) -> None:
    seed, ticks = 12, 4_000
    array = make_array(NetworkConfig(layers=(1, 2)), np.zeros((2, 2)), int(lfsr_seeds(seed, 1, 32)[0]))
    count = sum(array.bias_permit(rate) for _ in range(ticks))
    low, high = stats.binom.interval(0.999, ticks, rate / 256)
    assert low <= count <= high, f"{count} of {ticks}, seed {seed}"


def test_the_expected_update_is_rate_times_value_times_error() -> None:
    # Real spike trains on both sides: inputs x, a rate, errors e of composite neurons with open gates. The mean
    # change of a weight is then x / 256 * rate / 256 * clip(e / 2**b, -1, 1).
    seed, ticks, rate = 30, 5_000, 96
    config = NetworkConfig(layers=(10, 6, 2), seed=seed, weight_bits=16)
    values = np.array([1, 20, 50, 80, 100, 128, 160, 200, 240, 255], dtype=np.uint8)
    error = np.array([-80, -32, -5, 0, 16, 64], dtype=np.int64)
    seeds = lfsr_seeds(seed, 15, config.lfsr_bits)
    generator = SpikeGenerator(config, seeds[:8])
    neurons = CompositeNeurons(config, seeds[8:14], 0)
    array = SynapseArray(config, np.zeros((11, 6), dtype=np.int64), seeds[14:])
    drive = np.full(6, 50, dtype=np.int64)
    neurons.tick(drive, True, error, rate, True)
    for tick in range(ticks):
        spike, permit = generator.draw(values, rate, tick)
        rows = np.flatnonzero(spike & permit)
        if array.bias_permit(rate):
            rows = np.append(rows, 10)
        neurons.tick(drive, False, error, rate, True)
        array.update(rows, neurons.error_pos, neurons.error_neg)
    p_row = np.append(values / 256, 1.0) * rate / 256
    expected = np.outer(p_row, np.clip(error / 2**config.error_bits, -1, 1))
    deviation = np.sqrt(np.abs(expected) * (1 - np.abs(expected)) * ticks)
    excess = np.abs(array.weights - expected * ticks)
    assert np.all(excess <= stats.norm.isf(0.0005 / expected.size) * deviation + 1), f"seed {seed}"
    assert array.weights[:, 3].tolist() == [0] * 11


@pytest.mark.parametrize("preset", PRESETS)
def test_initial_weights_are_uniform_in_their_range(preset: str) -> None:
    config = PRESETS[preset]
    for seed in (1, 2):
        weights = initial_weights(config, seed)
        for layer, array in enumerate(weights):
            inputs, units = config.layers[layer], config.layers[layer + 1]
            assert array.shape == (inputs + 1, units)
            assert not array[inputs].any()
            bound = min(np.sqrt(6 / inputs) * 2**config.weight_frac, config.weight_max + 0.5)
            assert np.abs(array).max() <= np.rint(bound)
            assert array.min() >= config.weight_min
            # The mean of n uniform numbers, and their mean square.
            drawn = array[:inputs]
            assert abs(drawn.mean()) < 5 * bound / np.sqrt(3 * drawn.size), f"layer {layer + 1}, seed {seed}"
    assert any((a != b).any() for a, b in zip(initial_weights(config, 1), initial_weights(config, 2), strict=True))


def test_initial_weights_are_clipped_to_the_format() -> None:
    # One input: +-sqrt(6) = 2.45 is +-157 LSB, but 6 bits with 6 fraction bits end at -32 and 31.
    array = initial_weights(NetworkConfig(layers=(1, 200), weight_bits=6, weight_frac=6), 5)[0]
    assert array.min() == -32
    assert array.max() == 31
