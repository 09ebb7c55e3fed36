"""The hardware in a scenario: upset weights that come through the registers are learned back as the model does."""

from __future__ import annotations

import numpy as np

from backspike import PRESETS
from backspike.datasets import load_dataset
from backspike.experiments.learning_on import SpikingLearner, World, learn_on
from backspike.experiments.scenario import Case, Scenario
from backspike.model import Network
from backspike.sim.native import NativeNetwork, RtlEngine
from backspike.training.baseline import FloatSettings
from backspike.training.differences import weight_difference

SEED = 20272
CONFIG = PRESETS["tiny"].replace(seed=SEED)
CASES = (Case(label="upset", upset=0.3), Case(label="upset, with rehearsal", upset=0.3, rehearsal=1))
SCENARIO = Scenario(after=(0, 16, 64), rates=(128, 96), float_rate=0.1, cases=CASES)


def test_a_whole_scenario_is_the_same_in_the_hardware() -> None:
    data = load_dataset("random", CONFIG, SEED)
    golden, hardware = (
        learn_on(CONFIG, data, 1, FloatSettings(), SCENARIO, engine) for engine in ("fast", RtlEngine())
    )
    assert golden == hardware


def test_upset_weights_loaded_through_registers_are_learned_on_as_in_the_model() -> None:
    """The chip's LFSRs run on, from the training before the upset to what is learned after it."""
    data = load_dataset("random", CONFIG, SEED)
    world = World.of(data, SCENARIO, 1, SEED)
    model = SpikingLearner(Network(CONFIG))
    chip = NativeNetwork(CONFIG)
    with chip:
        chip.reseed(SEED)
        for layer, weights in enumerate(model.network.weights, start=1):
            chip.write_weights(layer, weights)
        for turn, case in enumerate((Case(label="training"), *CASES)):
            if turn:
                before = model.network.weights
                model = model.upset(case.upset, SEED + turn)
                assert weight_difference(before, model.network.weights)
                for layer, weights in enumerate(model.network.weights, start=1):
                    chip.write_weights(layer, weights)
            values, labels = world.stream(case, 64)
            model.network.rates = list(SCENARIO.rates)
            chip.set_rates(SCENARIO.rates)
            upset = model.network.weights
            model = model.learned(values, labels)
            chip.show(values, labels, True)
            learned = [chip.read_weights(layer) for layer in range(1, CONFIG.depth + 1)]
            assert weight_difference(model.network.weights, learned) == "", f"turn {turn}, seed {SEED}"
            assert weight_difference(upset, learned), "nothing was learned"
        # Answers, learning off, too.
        wins = chip.show(data.test_values, data.test_labels, False)
        assert np.mean(wins.argmax(axis=1) == data.test_labels) == model.accuracy(data.test_values, data.test_labels)
