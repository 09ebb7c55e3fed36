"""The whole network: against a second implementation, against the float gradient, and against its own promises."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from backspike.config import PRESETS, NetworkConfig
from backspike.errors import BackspikeError
from backspike.model import Network, Result, Sample
from backspike.model.neuron import CompositeNeurons
from backspike.model.wta import WinnerTakeAll
from backspike.sim.exercise import random_config
from backspike.training.engines import load_engine

from .reference import ReferenceNetwork

Integers = NDArray[np.int64]


# -- state for state against the second implementation -------------------------------------------------------------


def tiny_config(random: np.random.Generator, depth: int) -> NetworkConfig:
    """Return any configuration of a size and of ticks that the reference, which is slow, can take."""
    layers = (*(int(n) for n in random.integers(1, 7, depth)), int(random.integers(2, 6)))
    return random_config(int(random.integers(2**32)), layers=layers, ticks=int(random.integers(depth, 2 * depth + 8)))


def random_weights(random: np.random.Generator, config: NetworkConfig) -> list[Integers]:
    """Return weights that keep many gates open, as large ones alone would not, with some at the ends of the format."""
    weights = []
    for layer in config.weight_layers:
        reach = min(config.weight_max, 2**config.activation_bits - 1)
        matrix = random.integers(-(reach // 2) - 1, reach // 2 + 1, layer.shape, endpoint=True)
        matrix[-1] = random.integers(0, reach, layer.units, endpoint=True)
        ends = random.choice([config.weight_min, config.weight_max], matrix.shape)
        weights.append(np.where(random.random(matrix.shape) < 0.1, ends, matrix))
    return weights


def random_sample(random: np.random.Generator, config: NetworkConfig) -> Sample:
    shape = (config.layers[0],) if config.input == "rate" else (config.ticks, config.layers[0])
    values = random.integers(0, 256, shape) * (random.random(shape) < random.choice([0.0, 0.5, 1.0], p=[0.1, 0.5, 0.4]))
    return Sample(values.astype(np.uint8), int(random.integers(config.layers[-1])), bool(random.random() < 0.8))


def registers(network: Network) -> dict[str, list[Any]]:
    """Return everything that a network holds between ticks, by name."""
    found: dict[str, list[Any]] = {"input LFSRs": network.generator.random.tolist()}
    layers: list[CompositeNeurons | WinnerTakeAll] = [*network.hidden, network.output]
    for number, (array, units) in enumerate(zip(network.synapses, layers, strict=True), start=1):
        found[f"weights of layer {number}"] = array.weights.tolist()
        found[f"bias LFSR of layer {number}"] = array.bias.tolist()
        found[f"LFSRs of layer {number}"] = units.random.tolist()
        found[f"membranes of layer {number}"] = units.membrane.tolist()
        found[f"positive errors of layer {number}"] = units.error_pos.tolist()
        found[f"negative errors of layer {number}"] = units.error_neg.tolist()
    for number, hidden in enumerate(network.hidden, start=1):
        found[f"spikes of layer {number}"] = hidden.spike.tolist()
        found[f"gates of layer {number}"] = hidden.gate.tolist()
        found[f"permissions of layer {number}"] = hidden.permit.tolist()
        found[f"dropped units of layer {number}"] = hidden.dropped.tolist()
    found["winner"] = [network.output.winner]
    counters = network.counters
    found["ticks and error ticks"] = [counters.ticks, counters.error_ticks]
    found["rows"] = counters.rows.tolist()
    found["writes"] = counters.writes.tolist()
    return found


def reference_registers(network: ReferenceNetwork) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"input LFSRs": [lfsr.state for lfsr in network.input_lfsrs]}
    for number, layer in enumerate(network.layers, start=1):
        found[f"weights of layer {number}"] = [list(row) for row in layer.weights]
        found[f"bias LFSR of layer {number}"] = [layer.bias_lfsr.state]
        found[f"LFSRs of layer {number}"] = [lfsr.state for lfsr in layer.lfsrs]
        found[f"membranes of layer {number}"] = list(layer.membrane)
        found[f"positive errors of layer {number}"] = list(layer.error_pos)
        found[f"negative errors of layer {number}"] = list(layer.error_neg)
    for number, layer in enumerate(network.layers[:-1], start=1):
        found[f"spikes of layer {number}"] = list(layer.spike)
        found[f"gates of layer {number}"] = list(layer.gate)
        found[f"permissions of layer {number}"] = list(layer.permit)
        found[f"dropped units of layer {number}"] = list(layer.dropped)
    found["winner"] = [network.layers[-1].winner]
    found["ticks and error ticks"] = [network.ticks, network.error_ticks]
    found["rows"] = list(network.rows)
    found["writes"] = list(network.writes)
    return found


def trace(network: Network, sample: Sample) -> tuple[list[int], list[dict[str, list[Any]]]]:
    """Show a sample; return the wins, and all registers after each tick."""
    ticks: list[dict[str, list[Any]]] = []
    result = network.run(sample, lambda tick: ticks.append(registers(network)))
    return result.wins.tolist(), ticks


def reference_trace(network: ReferenceNetwork, sample: Sample) -> tuple[list[int], list[dict[str, list[Any]]]]:
    ticks: list[dict[str, list[Any]]] = []
    wins = network.run(
        sample.values.tolist(), sample.label, sample.learn, lambda tick: ticks.append(reference_registers(network))
    )
    return wins, ticks


COUNTED = ("ticks and error ticks", "rows", "writes")
"""The names of `registers` that only ever grow."""


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(20))
def test_every_register_of_every_tick_is_the_references(depth: int, seed: int) -> None:
    random = np.random.default_rng([depth, seed])
    config = tiny_config(random, depth)
    weights = random_weights(random, config)
    network, reference = Network(config, weights), ReferenceNetwork(config, weights)
    for number in range(4):
        sample = random_sample(random, config)
        wins, ticks = trace(network, sample)
        expected_wins, expected_ticks = reference_trace(reference, sample)
        assert len(ticks) == len(expected_ticks) <= config.ticks
        assert config.ends_early or len(ticks) == config.ticks
        for tick, (found, expected) in enumerate(zip(ticks, expected_ticks, strict=True)):
            assert found.keys() == expected.keys()
            for name in expected:
                where = f"{name} after tick {tick} of sample {number}, seed {[depth, seed]}, {config}"
                assert found[name] == expected[name], where
        assert wins == expected_wins, f"sample {number}, seed {[depth, seed]}, {config}"
        assert network.counters.samples == reference.samples
        # As between the samples of a schedule.
        network.rates[:] = reference.rates[:] = [int(rate) for rate in random.integers(0, 257, depth)]


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_random_runs_do_reach_what_they_should(depth: int) -> None:
    # The comparison above is worth what its runs meet: errors of both signs that go all the way, open and closed
    # gates, weights that move and weights at an end of their format that meet an error towards it, units that are
    # dropped and others that are not, samples that end early.
    names = (
        "positive errors",
        "negative errors",
        "gates",
        "closed gates",
        "changes",
        "at the ends",
        "dropped",
        "early",
    )
    met = dict.fromkeys(names, 0)
    for seed in range(60):
        random = np.random.default_rng([depth, seed])
        config = tiny_config(random, depth)
        network = Network(config, random_weights(random, config))
        for _ in range(4):
            before = [matrix.copy() for matrix in network.weights]
            ticks = trace(network, random_sample(random, config))[1]
            met["early"] += len(ticks) < config.ticks
            for tick in ticks:
                met["dropped"] += 0 < sum(tick["dropped units of layer 1"]) < config.layers[1]
                for name in ("positive errors", "negative errors", "gates"):
                    met[name] += any(tick[f"{name} of layer 1"])
                met["closed gates"] += not all(tick["gates of layer 1"])
                for layer, start in enumerate(before, start=1):
                    after = np.array(tick[f"weights of layer {layer}"])
                    pos, neg = (np.array(tick[f"{sign} errors of layer {layer}"]) for sign in ("positive", "negative"))
                    met["changes"] += int((after != start).sum())
                    met["at the ends"] += int(((after == config.weight_max) & pos).sum())
                    met["at the ends"] += int(((after == config.weight_min) & neg).sum())
            network.rates[:] = [int(rate) for rate in random.integers(0, 257, depth)]
    assert min(met.values()) >= 20, f"{met}"


# -- dropout and patience ------------------------------------------------------------------------------------------


def silent_but_for(biases: list[int], **values: Any) -> Network:
    """Return a network without inputs to speak of, whose two output units have the given biases in LSB."""
    config = NetworkConfig(layers=(1, 2, 2), rates=(0, 0), **values)
    weights = [np.zeros((2, 2), dtype=np.int64), np.array([[0, 0], [0, 0], biases])]
    return Network(config, weights)


@pytest.mark.parametrize(
    ("winner", "learn", "label", "expected"),
    # The output takes part from tick 1 on: three wins in a row are there after tick 3, and tick 4 is the last.
    [(0, True, 0, 5), (1, True, 1, 5), (0, True, 1, 9), (1, False, 0, 5), (0, False, 0, 5)],
)
def test_sample_ends_with_the_tick_after_the_last_win_it_took(winner, learn, label, expected) -> None:
    biases = [100, -100] if winner == 0 else [-100, 100]
    network = silent_but_for(biases, weight_bits=8, ticks=9, patience=3, temperature=0.05)
    result = network.run(Sample(np.zeros(1, dtype=np.uint8), label, learn))
    assert network.counters.ticks == expected
    assert result.wins.sum() == result.wins[winner] == expected - 1


@pytest.mark.parametrize(("inference_patience", "expected"), [(0, 9), (1, 3), (5, 7)])
def test_inference_may_have_a_patience_of_its_own(inference_patience, expected) -> None:
    values = {"patience": 3, "inference_patience": inference_patience}
    network = silent_but_for([100, -100], weight_bits=8, ticks=9, temperature=0.05, **values)
    network.run(Sample(np.zeros(1, dtype=np.uint8), 0, False))
    assert network.counters.ticks == expected
    network.run(Sample(np.zeros(1, dtype=np.uint8), 0, True))
    assert network.counters.ticks == expected + 5


def test_the_ticks_of_a_sample_are_its_most() -> None:
    network = silent_but_for([100, -100], weight_bits=8, ticks=4, patience=3, temperature=0.05)
    network.run(Sample(np.zeros(1, dtype=np.uint8), 0, True))
    assert network.counters.ticks == 4


def test_dropped_units_are_silent_for_a_whole_sample_and_others_are_not() -> None:
    """All potentials are above the range, so that a unit which is not dropped spikes in every tick."""
    config = NetworkConfig(layers=(1, 400, 2), ticks=6, dropout=(64,), rates=(0, 0), seed=11)
    weights = [np.array([[0] * 400, [config.weight_max] * 400]), np.zeros((401, 2), dtype=np.int64)]
    weights[0][1] = min(config.weight_max, 2**config.activation_bits)
    config = config.replace(activation_range=1.0)
    network, sets = Network(config, weights), []
    for learn in (True, True, False):
        seen: list[NDArray[np.bool_]] = []
        sample = Sample(np.zeros(1, dtype=np.uint8), 0, learn)
        network.run(sample, lambda tick, seen=seen: seen.append(network.hidden[0].spike.copy()))
        sets.append(seen)
    for seen in sets[:2]:
        assert all(np.array_equal(spikes, seen[0]) for spikes in seen)
        # 400 units, each kept with probability 3/4: 300, give or take 5 standard deviations of 8.7.
        assert abs(seen[0].sum() - 300) < 44, "seed 11"
    assert not np.array_equal(sets[0][0], sets[1][0])
    # Inference thins each tick by itself, and alike in the mean: 2,400 draws, 1,800, 5 deviations of 21.
    assert abs(sum(int(spikes.sum()) for spikes in sets[2]) - 1_800) < 106, "seed 11"
    assert not any(np.array_equal(sets[2][0], spikes) for spikes in sets[2][1:])


# -- the float gradient --------------------------------------------------------------------------------------------


def float_loss(config: NetworkConfig, real: list[NDArray[np.float64]], sample: Sample) -> float:
    """Softmax cross-entropy of the network of spike rates: clipped ramps as activations, weights in real units."""
    rate = sample.values / 256
    for weights in real[:-1]:
        rate = np.clip(np.append(rate, 1) @ weights / config.activation_range, 0, 1)
    logits = np.append(rate, 1) @ real[-1] / config.temperature
    return float(special.logsumexp(logits) - logits[sample.label])


def float_gradient(config: NetworkConfig, real: list[NDArray[np.float64]], sample: Sample) -> list[NDArray[np.float64]]:
    """Return the gradient of `float_loss` by backpropagation."""
    rates, slopes = [np.append(sample.values / 256, 1)], []
    for weights in real[:-1]:
        potential = rates[-1] @ weights / config.activation_range
        rates.append(np.append(np.clip(potential, 0, 1), 1))
        slopes.append(((potential > 0) & (potential < 1)) / config.activation_range)
    delta = special.softmax(rates[-1] @ real[-1] / config.temperature) / config.temperature
    delta[sample.label] -= 1 / config.temperature
    gradients = []
    for weights in reversed(real):
        gradients.append(np.outer(rates.pop(), delta))
        if slopes:
            delta = (weights[:-1] @ delta) * slopes.pop()
    return gradients[::-1]


def gradient_problem(
    layers: tuple[int, ...], leak: int, seed: int
) -> tuple[NetworkConfig, list[Integers], list[Sample]]:
    """Return a network whose hidden units mostly are on their ramps, and samples for it."""
    config = NetworkConfig(
        layers=layers, ticks=400, weight_bits=12, weight_frac=7, leak=leak, seed=seed, rates=(256,) * (len(layers) - 1)
    )
    random = np.random.default_rng(seed)
    real = []
    for inputs, units in pairwise(layers[:-1]):
        bias = random.uniform(0.3, 1.2, (1, units))
        real.append(np.vstack([random.uniform(-0.75, 0.75, (inputs, units)), bias]))
    real.append(random.uniform(-0.5, 0.5, (layers[-2] + 1, layers[-1])))
    weights = [np.rint(matrix * 2**config.weight_frac).astype(np.int64) for matrix in real]
    samples = [
        Sample(random.integers(0, 256, layers[0], dtype=np.uint8), int(random.integers(layers[-1])), True)
        for _ in range(8)
    ]
    return config, weights, samples


def summed_updates(config: NetworkConfig, weights: list[Integers], samples: list[Sample]) -> list[Integers]:
    """Return the sum of all weight changes, each taken back after its tick: all are made from the same weights."""
    network = Network(config, weights)
    total = [np.zeros_like(matrix) for matrix in weights]

    def take_back(tick: int) -> None:
        for change, array, start in zip(total, network.synapses, weights, strict=True):
            change += array.weights - start
            array.weights[:] = start

    for sample in samples:
        network.run(sample, take_back)
    return total


def cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_float_gradient_is_the_difference_quotient() -> None:
    config, weights, samples = gradient_problem((5, 6, 4, 3), 0, 3)
    real = [matrix / 2**config.weight_frac for matrix in weights]
    for matrix, gradient in zip(real, float_gradient(config, real, samples[0]), strict=True):
        for index in np.ndindex(matrix.shape):
            start = matrix[index]
            losses = []
            for step in (1e-6, -1e-6):
                matrix[index] = start + step
                losses.append(float_loss(config, real, samples[0]))
            matrix[index] = start
            assert abs((losses[0] - losses[1]) / 2e-6 - gradient[index]) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("leak", [0, 3])
@pytest.mark.parametrize("layers", [(6, 4), (6, 8, 4), (6, 8, 7, 4)])
def test_the_expected_update_is_down_the_float_gradient(layers: tuple[int, ...], leak: int) -> None:
    # Three networks of 3,200 ticks each. Spikes make a unit's potential scatter about its mean, which rounds the
    # corners of its ramp: the mean update is near the gradient of the rate network, not equal to it. A leak makes it
    # nearer.
    seeds = (1, 2, 3)
    cosines, others = np.empty((3, len(layers) - 1)), np.empty((3, len(layers) - 1))
    for index, seed in enumerate(seeds):
        config, weights, samples = gradient_problem(layers, leak, seed)
        real = [matrix / 2**config.weight_frac for matrix in weights]
        change = summed_updates(config, weights, samples)
        rotated = [Sample(s.values, (s.label + 1) % layers[-1], True) for s in samples]
        for result, data in ((cosines, samples), (others, rotated)):
            gradients = zip(*(float_gradient(config, real, sample) for sample in data), strict=True)
            result[index] = [cosine(c, -sum(g)) for c, g in zip(change, gradients, strict=True)]
    assert cosines.mean(axis=0).min() > 0.95, f"cosines {cosines}, seeds {seeds}"
    assert cosines.min() > (0.95 if leak else 0.9), f"cosines {cosines}, seeds {seeds}"
    assert others.mean(axis=0).max() < 0.5, f"other labels' gradients must not fit: {others}, seeds {seeds}"


# -- what happens when ---------------------------------------------------------------------------------------------


def chain(depth: int, ticks: int) -> tuple[NetworkConfig, list[Integers]]:
    """Return a chain of one unit a layer in which every error is certain, with a new input unit every tick.

    The biases hold every hidden potential within its range of 16 LSB, so that all gates are open, and the output at
    -60 and 60 LSB: class 1 always wins, label 0 always errs, and its error of 2**b = 8 LSB passes every gate.
    """
    config = NetworkConfig(
        layers=(ticks,) + (1,) * (depth - 1) + (2,),
        ticks=ticks,
        weight_bits=8,
        weight_frac=3,
        activation_range=2.0,
        error_range=1.0,
        rates=(256,) * depth,
        input="spikes",
    )
    weights = [np.zeros(layer.shape, dtype=np.int64) for layer in config.weight_layers]
    for matrix in weights[:-1]:
        matrix[-1] = 4
    for matrix in weights[1:-1]:
        matrix[0] = 8  # carries the error back; with a spike the potential is 12
    weights[-1][-1] = [-60, 60]
    if depth > 1:
        weights[-1][0] = [8, 0]
    return config, weights


@pytest.mark.parametrize(("depth", "first_changes"), [(1, [1]), (2, [3, 2]), (3, [5, 4, 3])])
def test_an_error_travels_one_layer_a_tick(depth: int, first_changes: list[int]) -> None:
    # L layers: the output first races in tick L - 1, its weights first change in tick L, and those of layer l in
    # tick 2 L - l, always by the spikes of that very tick.
    config, weights = chain(depth, 8)
    network = Network(config, weights)
    changed: list[list[bool]] = []

    def look(tick: int) -> None:
        changed.append([(a != b).any() for a, b in zip(network.weights, before, strict=True)])
        before[:] = [matrix.copy() for matrix in network.weights]

    before = [matrix.copy() for matrix in network.weights]
    network.run(Sample(np.eye(8, dtype=np.uint8), 0, True), look)
    for layer, tick in enumerate(first_changes):
        assert [row[layer] for row in changed].index(True) == tick, f"layer {layer + 1}, {changed}"
    rows = np.flatnonzero((network.weights[0][:-1] != weights[0][:-1]).any(axis=1))
    assert rows.tolist() == list(range(first_changes[0], 8)), "input n spikes in tick n alone"


def test_layers_join_one_tick_after_another() -> None:
    config = NetworkConfig(layers=(3, 2, 2, 2), ticks=5, seed=4)
    network = Network(config)
    first = registers(network)
    moved: list[list[bool]] = []

    def look(tick: int) -> None:
        now = registers(network)
        names = ["LFSRs of layer 1", "LFSRs of layer 2", "LFSRs of layer 3", "bias LFSR of layer 3"]
        moved.append([now[name] != first[name] for name in names])

    result = network.run(Sample(np.full(3, 200, dtype=np.uint8), 0, True), look)
    assert moved[:3] == [[True, False, False, False], [True, True, False, False], [True, True, True, True]]
    assert result.wins.sum() == 3, "the output layer takes part in T - (L - 1) ticks"


def test_spikes_are_used_in_the_tick_after_they_are_made() -> None:
    # One input spike in tick 2 sends the hidden unit to 64 LSB, four times its range, which is a spike for certain; 0
    # is none. The output's potentials without leak show in which tick it arrives.
    config = NetworkConfig(
        layers=(1, 1, 2), ticks=6, weight_bits=8, weight_frac=4, activation_range=1.0, input="spikes"
    )
    weights = [np.array([[64], [0]]), np.array([[5, -9], [0, 0]])]
    network = Network(config, weights)
    seen: list[tuple[bool, list[int]]] = []
    values = np.array([[0], [0], [1], [0], [0], [0]], dtype=np.uint8)
    network.run(
        Sample(values, 0, False),
        lambda tick: seen.append((bool(network.hidden[0].spike[0]), network.output.membrane.tolist())),
    )
    assert [spike for spike, _ in seen] == [False, False, True, False, False, False]
    assert [potentials for _, potentials in seen[1:]] == [[0, 0], [0, 0], [5, -9], [0, 0], [0, 0]]


def test_samples_start_from_cleared_registers() -> None:
    # Whatever the sample before was: a sample's registers depend on weights and LFSRs alone. The leak is slow
    # enough that a membrane left from before would show.
    config = NetworkConfig(layers=(4, 3, 3), ticks=8, leak=4, seed=5, rates=(0, 0))
    after_loud, after_quiet = Network(config), Network(config)
    loud, quiet = (Sample(np.full(4, value, dtype=np.uint8), 1, True) for value in (255, 1))
    after_loud.run(loud)
    after_quiet.run(quiet)
    assert registers(after_loud)["membranes of layer 1"] != registers(after_quiet)["membranes of layer 1"]
    traces = []
    for network in (after_loud, after_quiet):
        wins, ticks = trace(network, loud)
        traces.append((wins, [{k: v for k, v in tick.items() if k not in COUNTED} for tick in ticks[1:]]))
    assert traces[0] == traces[1]


# -- learning and not learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [(5, 3), (5, 4, 3), (5, 4, 4, 3)])
def test_inference_draws_the_same_and_changes_no_weight(layers: tuple[int, ...]) -> None:
    config = NetworkConfig(layers=layers, ticks=12, seed=6, rates=(256,) * (len(layers) - 1))
    learning, inferring = Network(config), Network(config)
    start = [matrix.copy() for matrix in inferring.weights]
    values = np.array([10, 200, 0, 255, 90], dtype=np.uint8)
    for label in (0, 1, 2):
        learning.run(Sample(values, label, True))
        inferring.run(Sample(values, label, False))
        trained, inferred = registers(learning), registers(inferring)
        for name in trained:
            if "LFSR" in name:
                assert trained[name] == inferred[name], name
            if "errors" in name:
                assert not any(inferred[name]), name
    assert all((a == b).all() for a, b in zip(inferring.weights, start, strict=True))
    assert any((a != b).any() for a, b in zip(learning.weights, start, strict=True))
    assert inferring.counters.error_ticks == 0
    assert learning.counters.error_ticks > 0


def test_inference_ignores_the_label() -> None:
    config = PRESETS["tiny"]
    values = np.arange(8, dtype=np.uint8) * 30
    networks = [Network(config) for _ in range(3)]
    wins = [network.run(Sample(values, label, False)).wins.tolist() for label, network in enumerate(networks)]
    assert wins[0] == wins[1] == wins[2]


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_a_rate_of_zero_freezes_its_layer_alone(frozen: tuple[int, ...]) -> None:
    config = NetworkConfig(
        layers=(5, 6, 6, 3), ticks=20, seed=7, rates=tuple(0 if layer in frozen else 256 for layer in range(3))
    )
    network = Network(config)
    start = [matrix.copy() for matrix in network.weights]
    for label in (0, 1, 2):
        network.run(Sample(np.full(5, 150, dtype=np.uint8), label, True))
    changed = [(a != b).any() for a, b in zip(network.weights, start, strict=True)]
    assert changed == [layer not in frozen for layer in range(3)]


def test_rates_may_change_between_samples() -> None:
    network = Network(NetworkConfig(layers=(5, 6, 3), ticks=20, seed=8, rates=(0, 0)))
    sample = Sample(np.full(5, 150, dtype=np.uint8), 2, True)
    states = []
    for rates in ([0, 0], [256, 0], [0, 256], [0, 0]):
        network.rates[:] = rates
        before = [matrix.copy() for matrix in network.weights]
        network.run(sample)
        states.append([bool((a != b).any()) for a, b in zip(network.weights, before, strict=True)])
    assert states == [[False, False], [True, False], [False, True], [False, False]]
    assert network.config.rates == (0, 0)


def test_half_the_rate_makes_half_the_updates() -> None:
    config, weights, samples = gradient_problem((6, 4), 0, 5)
    counts = []
    for rate in (256, 128, 32):
        network = Network(config.replace(rates=(rate,)), weights)
        moved: list[int] = []

        def count_and_take_back(tick: int, array: Integers = network.weights[0], moved: list[int] = moved) -> None:
            moved.append(int(np.abs(array - weights[0]).sum()))
            array[:] = weights[0]

        for sample in samples[:4]:
            network.run(sample, count_and_take_back)
        counts.append(sum(moved))
    # Some thousand coincidences in bundles of rows: four deviations are well within a tenth.
    assert abs(counts[1] / counts[0] - 1 / 2) < 0.05, f"{counts}"
    assert abs(counts[2] / counts[0] - 1 / 8) < 0.02, f"{counts}"


def test_result_takes_the_lowest_class_of_a_tie() -> None:
    assert Result(np.array([2, 5, 1, 5])).winner == 1


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    config = PRESETS["tiny"]
    sample = Sample(np.arange(8, dtype=np.uint8) * 30, 1, True)
    networks = [Network(config), Network(config), Network(config.replace(seed=2), Network(config).weights)]
    for network in networks:
        network.run(sample)
    first, second, other = (registers(network) for network in networks)
    assert first == second
    assert first != other


# -- counters ------------------------------------------------------------------------------------------------------


def test_counters_by_hand() -> None:
    # Three inputs in a 3-1-2 network of 4 ticks, all weights zero but the output's biases, which make class 1 win.
    # Tick   rows of layer 1           rows of layer 2
    #   0    inputs 0, 1 and bias: 3   not yet
    #   1    input 2 and bias: 2       bias alone, the unit never spikes: 1; an error is registered
    #   2    bias: 1                   an error: spiking or open rows, none, and bias: 1
    #   3    inputs 0, 2 and bias: 3   the same: 1
    config = NetworkConfig(layers=(3, 1, 2), ticks=4, weight_bits=8, weight_frac=3, rates=(0, 0), input="spikes")
    weights = [np.zeros((4, 1), dtype=np.int64), np.array([[0, 0], [-60, 60]])]
    network = Network(config, weights)
    values = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1]], dtype=np.uint8)
    network.run(Sample(values, 0, True))
    counters = network.counters
    assert (counters.samples, counters.ticks, counters.error_ticks) == (1, 4, 2)
    assert counters.rows.tolist() == [9, 3]
    assert counters.writes.tolist() == [0, 0], "rates of zero"
    # With every permission the bias row alone is written in both ticks with an error: no other row spikes.
    permitted = Network(config.replace(rates=(256, 256)), weights)
    permitted.run(Sample(values, 0, True))
    assert permitted.counters.to_dict() == {
        "samples": 1, "ticks": 4, "error_ticks": 2, "rows": [9, 3], "writes": [0, 2]
    }  # fmt: skip

    # A hidden potential of 8 of 16 opens the gate from tick 0 on: with an error its row is visited although the unit
    # may not spike. Without learning there is none: rows are the spikes alone.
    weights[0][-1] = 8
    network = Network(config, weights)
    spikes: list[int] = []
    network.run(Sample(values, 0, True), lambda tick: spikes.append(int(network.hidden[0].spike[0])))
    assert network.counters.rows.tolist() == [9, 1 + spikes[0] + 2 + 2]
    assert network.counters.error_ticks == 2
    network.run(Sample(values, 0, False), lambda tick: spikes.append(int(network.hidden[0].spike[0])))
    assert network.counters.rows.tolist() == [18, 1 + spikes[0] + 2 + 2 + 3 + sum(spikes[4:7])]
    assert (network.counters.samples, network.counters.ticks, network.counters.error_ticks) == (2, 8, 2)


# -- bad input -----------------------------------------------------------------------------------------------------


def zeros(*shapes: tuple[int, int]) -> list[Integers]:
    return [np.zeros(shape, dtype=np.int64) for shape in shapes]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (zeros((9, 4)), r"weights must have the shapes \[\(9, 4\), \(5, 3\)\], not \[\(9, 4\)\]"),
        (zeros((8, 4), (4, 3)), r"weights must have the shapes \[\(9, 4\), \(5, 3\)\], not \[\(8, 4\), \(4, 3\)\]"),
        ([np.full((9, 4), 32), *zeros((5, 3))], "weights of layer 1 must be from -32 to 31, not 32 to 32"),
        ([*zeros((9, 4)), np.full((5, 3), -33)], "weights of layer 2 must be from -32 to 31, not -33 to -33"),
        ([*zeros((9, 4)), np.zeros((5, 3))], "weights of layer 2 must be whole numbers, not float64"),
    ],
)
def test_bad_weights_are_one_sentence(weights: list[Integers], message: str) -> None:
    with pytest.raises(BackspikeError, match=f"^{message}$"):
        Network(PRESETS["tiny"], weights)


@pytest.mark.parametrize(
    ("kind", "values", "label", "message"),
    [
        ("rate", np.zeros(7, np.uint8), 0, r"a sample must be uint8 of shape \(8,\), not uint8 of shape \(7,\)"),
        ("rate", np.zeros(8), 0, r"a sample must be uint8 of shape \(8,\), not float64 of shape \(8,\)"),
        ("rate", np.zeros((8, 8), np.uint8), 0, r"a sample must be uint8 of shape \(8,\), not uint8 of shape \(8, 8\)"),
        ("spikes", np.zeros(8, np.uint8), 0, r"a sample must be uint8 of shape \(8, 8\), not uint8 of shape \(8,\)"),
        ("rate", np.zeros(8, np.uint8), 3, "a label must be from 0 to 2, not 3"),
        ("rate", np.zeros(8, np.uint8), -1, "a label must be from 0 to 2, not -1"),
    ],
)
def test_a_bad_sample_is_one_sentence_and_changes_nothing(
    kind: str, values: NDArray[Any], label: int, message: str
) -> None:
    network = Network(PRESETS["tiny"].replace(input=kind))
    before = registers(network)
    with pytest.raises(BackspikeError, match=f"^{message}$"):
        network.run(Sample(values, label, True))
    assert registers(network) == before
    assert network.counters.samples == 0


# -- learning ------------------------------------------------------------------------------------------------------


def exclusive_or(random: np.random.Generator, count: int) -> tuple[NDArray[np.uint8], Integers]:
    """Return noisy samples of two bits, each as a pixel and its opposite; the class is whether the bits differ."""
    bits = random.integers(0, 2, (count, 2))
    lit = np.stack([bits, 1 - bits], axis=1).reshape(count, 4)
    pixels = (200 * lit + random.integers(0, 56, lit.shape)).astype(np.uint8)
    return pixels, bits[:, 0] ^ bits[:, 1]


def accuracy_after_learning(layers: tuple[int, ...], seed: int, frozen: tuple[int, ...] = ()) -> float:
    """Train on 400 samples of the exclusive or, with some layers frozen; return the accuracy on 100 others.

    By the fast engine: test_fast.py finds that it computes the same bits.
    """
    config = NetworkConfig(
        layers=layers,
        ticks=12,
        leak=2,
        error_range=0.5,
        seed=seed,
        rates=tuple(0 if layer in frozen else 256 for layer in range(len(layers) - 1)),
    )
    random = np.random.default_rng(seed)
    network, show = Network(config), load_engine("fast")
    show(network, *exclusive_or(random, 400), np.arange(400), True)
    pixels, labels = exclusive_or(random, 100)
    return float((show(network, pixels, labels, np.arange(100), False).argmax(axis=1) == labels).mean())


def test_exclusive_or_is_learned_by_a_hidden_layer_and_not_without_one() -> None:
    # Chance is 0.5, with a deviation of 0.05 over 100 samples.
    seeds = (1, 2, 3)
    learned = [accuracy_after_learning((4, 12, 2), seed) for seed in seeds]
    assert min(learned) >= 0.8, f"{learned}, seeds {seeds}"
    single = [accuracy_after_learning((4, 2), seed) for seed in seeds]
    assert max(single) < 0.7, f"{single}, seeds {seeds}"


def test_errors_through_two_hidden_layers_are_what_learns_the_exclusive_or() -> None:
    seeds = (1, 2)
    learned = [accuracy_after_learning((4, 12, 8, 2), seed) for seed in seeds]
    assert min(learned) >= 0.75, f"{learned}, seeds {seeds}"
    # The same starting weights with the hidden layers frozen: only the output layer learns.
    frozen = [accuracy_after_learning((4, 12, 8, 2), seed, frozen=(0, 1)) for seed in seeds]
    assert min(learned) > max(frozen) + 0.1, f"{learned}, {frozen}, seeds {seeds}"


def test_classes_of_patterns_are_learned_by_one_layer() -> None:
    seed = 3
    random = np.random.default_rng(seed)
    patterns = 200 * random.integers(0, 2, (5, 12))
    network = Network(NetworkConfig(layers=(12, 5), ticks=10, seed=seed, rates=(64,)))

    def sample(learn: bool) -> Sample:
        label = int(random.integers(5))
        return Sample((patterns[label] + random.integers(0, 56, 12)).astype(np.uint8), label, learn)

    for _ in range(300):
        network.run(sample(True))
    tested = [sample(False) for _ in range(100)]
    accuracy = np.mean([network.run(s).winner == s.label for s in tested])
    assert accuracy >= 0.9, f"{accuracy}, seed {seed}"
