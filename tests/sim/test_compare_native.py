"""Golden model against natively simulated Verilog: equal on what is equal, and every kind of difference is found."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from backspike import PRESETS
from backspike.cli import main
from backspike.config import NetworkConfig
from backspike.datasets import load_dataset
from backspike.datasets.files import search_path
from backspike.model import Network
from backspike.model.synapses import initial_weights
from backspike.sim import compare as module
from backspike.sim.compare import Schedule, compare_native, schedule_of
from backspike.sim.exercise import random_config
from backspike.sim.native import NativeNetwork
from backspike.training.order import sample_order

# The same hardware as in the tests of the native simulation: built once.
MIXED = PRESETS["tiny"].replace(name="mixed", leak=2, lanes=(3, 2), banks=(4, 1), input_lfsrs=3)


def schedule(config, samples: int, seed: int = 1) -> Schedule:
    return schedule_of(config, load_dataset("random", config, seed), samples, seed)


@pytest.mark.parametrize("stalls", [0.0, 0.4])
def test_learning_inference_and_rates_in_one_schedule(stalls: float) -> None:
    shown = schedule(MIXED, 60, seed=4)
    shown = replace(shown, learn=np.arange(60) % 25 < 20)  # learning and inference in turn; rates change at sample 30
    seen: list[int] = []
    result = compare_native(MIXED, shown, interval=8, seed=2, stalls=stalls, optimise=False, progress=seen.append)
    assert result.mismatch == ""
    assert seen == [8, 16, 20, 25, 30, 38, 45, 50, 58, 60]
    looks, weights, lfsrs = len(seen), 9 * 4 + 5 * 3, 3 + 4 + 3 + 2
    expected = {"samples": 60, "ticks": 60 * 8, "weights": looks * weights, "LFSR states": looks * lfsrs}
    assert result.compared == expected
    assert (result.counters["SAMPLES"], len(result.predicted)) == (60, 60)
    assert result.lfsrs is not None
    assert len(result.lfsrs) == lfsrs


@pytest.mark.parametrize("seed", [2, 9, 12])
def test_random_networks_equal_the_model(seed: int) -> None:
    config = random_config(seed)
    result = compare_native(config, schedule(config, 40, seed), interval=7, seed=seed, stalls=0.2, optimise=False)
    assert result.mismatch == "", f"random_config({seed}): {config}"


def test_a_list_without_spikes_right_behind_a_long_one() -> None:
    """It has the bias row alone, which the list before has changed two cycles ago, and which is on its way back."""
    config = NetworkConfig(
        name="empty_lists",
        layers=(16, 2, 2),
        ticks=16,
        weight_bits=6,
        weight_frac=3,
        activation_range=16,
        error_range=0.25,
        rates=(256, 256),
        input="spikes",
        input_lfsrs=1,
    )
    random = np.random.default_rng(1)
    values = np.zeros((24, 16, 16), dtype=np.uint8)
    values[:] = random.random((24, 16, 1)) < 0.5
    shown = replace(schedule(config, 24), values=values, labels=random.integers(0, 2, 24))
    result = compare_native(config, shown, optimise=False)
    assert result.mismatch == ""
    # Else nothing has been compared but weights that stay as they are.
    assert result.counters["WRITES_1"] > 200
    assert result.counters["STALLS_PORT"] > 0


def test_a_wrong_weight_is_found(monkeypatch) -> None:
    write = NativeNetwork.write_weights

    def write_wrong(self, layer, weights):
        wrong = weights.copy()
        if layer == 1:
            wrong[5, 2] ^= 1
        write(self, layer, wrong)

    monkeypatch.setattr(NativeNetwork, "write_weights", write_wrong)
    shown = schedule(MIXED, 1)  # a blank sample, that neither reads nor changes the weight
    wanted = shown.weights[0][5, 2]
    result = compare_native(MIXED, shown, optimise=False)
    assert result.mismatch == f"after sample 0, layer 1, row 5, unit 2, weights: expected {wanted}, got {wanted ^ 1}"
    result = compare_native(MIXED, schedule(MIXED, 40), optimise=False)
    assert re.match(
        r"(sample \d+, result|after sample \d+, layer 1, row 5, unit 2, weights): expected", result.mismatch
    )


def test_a_wrong_result_is_found(monkeypatch) -> None:
    show = NativeNetwork.show

    def show_wrong(self, values, labels, learn):
        wins = show(self, values, labels, learn)
        wins[-1, [0, 1]] += [1, -1]
        return wins

    monkeypatch.setattr(NativeNetwork, "show", show_wrong)
    result = compare_native(MIXED, schedule(MIXED, 12), interval=5, optimise=False)
    assert re.fullmatch(r"sample 4, result: expected wins \[.*\], got \[.*\]", result.mismatch)


def test_a_counter_that_is_off_by_one_is_found(monkeypatch) -> None:
    counters = NativeNetwork.counters

    def off_by_one(self):
        found = counters(self)
        return {**found, "WRITES_2": found["WRITES_2"] + 1}

    monkeypatch.setattr(NativeNetwork, "counters", off_by_one)
    result = compare_native(MIXED, schedule(MIXED, 12), optimise=False)
    assert re.fullmatch(r"counter WRITES_2: expected \d+, got \d+", result.mismatch)


def test_hardware_that_stops_is_found(monkeypatch) -> None:
    exchange = NativeNetwork._exchange

    def impatient(self, *arguments):
        self._patience = 40  # not enough for a sample; the first access after a reset takes longer, too
        return exchange(self, *arguments)

    monkeypatch.setattr(NativeNetwork, "_exchange", impatient)
    result = compare_native(MIXED, schedule(MIXED, 12), optimise=False)
    sentence = r"sample 0 or one after it: the hardware gave 0 of 6 results, then nothing for 40 cycles"
    assert re.fullmatch(sentence, result.mismatch), result.mismatch


def test_the_command_line_tells_what_was_compared(monkeypatch, capfd) -> None:
    def quickly(*arguments, **options):
        return compare_native(*arguments, **{**options, "optimise": False})

    monkeypatch.setattr(module, "compare_native", quickly)
    command = ["compare", "--config", "tiny", "--dataset", "random", "--samples", "20", "--native", "--interval", "9"]
    assert main(command) == 0
    weights, lfsrs = 9 * 4 + 5 * 3, 2 + 4 + 3 + 2
    counts = f"20 samples, 160 ticks, {4 * weights} weights, {4 * lfsrs} LFSR states"  # also where rates change
    assert capfd.readouterr().out == f"tiny, 20 samples of random, seed 1, verilator, native: {counts}\n0 mismatches\n"
    assert main([*command, "--simulator", "icarus"]) == 2
    assert capfd.readouterr().err.startswith("error: --native needs Verilator and writes no waveform")


MNIST_HERE = any(any((place / "mnist").glob("train-images*")) for place in search_path(None))


@pytest.mark.skipif(not MNIST_HERE, reason="needs MNIST: name the folder above mnist/ in BACKSPIKE_DATA")
def test_two_thousand_samples_of_mnist_are_trained_in_the_rtl() -> None:
    config = PRESETS["mnist-ecp5"]
    data = load_dataset("mnist", config, 1)
    order = sample_order(len(data.train_labels), 1, 0)[:2000]
    shown = Schedule(
        values=data.train_values[order],
        labels=data.train_labels[order],
        learn=np.ones(2000, dtype=np.bool_),
        rates=np.tile(config.rates, (2000, 1)),
        weights=initial_weights(config, 1),
        seed=1,
    )
    result = compare_native(config, shown)
    assert result.mismatch == ""
    assert result.counters["SAMPLES"] == 2000
    # It has learned: the last thousand while they were shown for the first time.
    assert (result.predicted[1000:] == shown.labels[1000:]).mean() > 0.8
    assert not np.array_equal(result.weights[0], Network(config, shown.weights).weights[0])
