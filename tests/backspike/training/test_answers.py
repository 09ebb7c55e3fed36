"""Answers and how right they are: the same with every engine, and nothing is left behind."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Network, Sample
from backspike.training.answers import Evaluation, answer
from backspike.training.checkpoint import Checkpoint
from backspike.training.engines import ENGINES

CONFIGS = {
    "tiny": PRESETS["tiny"],
    "spikes, patience": NetworkConfig(layers=(6, 5, 3), ticks=9, input="spikes", patience=2, dropout=(40,)),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("engine", ENGINES)
def test_wins_are_those_of_the_golden_model_and_the_network_stays_as_it_is(name: str, engine: str) -> None:
    config = CONFIGS[name]
    values = load_dataset("random", config, seed=3).test_values[:20]
    network, same = Network(config), Network(config)
    answers = answer(network, values, engine)
    wins = np.array([same.run(Sample(sample, 0, False)).wins for sample in values])
    assert np.array_equal(answers.wins, wins)
    assert answers.counters.to_dict() == same.counters.to_dict()
    assert network.counters.samples == 0
    assert np.array_equal(Checkpoint.capture(network).lfsrs, Checkpoint.capture(Network(config)).lfsrs)
    assert np.array_equal(answer(network, values, engine).wins, wins)


def test_shares_are_of_the_ticks_that_the_output_took_part_in() -> None:
    config = PRESETS["tiny"]
    answers = answer(Network(config), load_dataset("random", config, seed=1).test_values, "numpy")
    assert (answers.wins.sum(axis=1) == config.ticks - config.depth + 1).all()
    assert np.array_equal(answers.shares, answers.wins / 7)
    assert np.array_equal(answers.confidences, answers.wins.max(axis=1) / 7)
    assert answers.classes.tolist() == [row.index(max(row)) for row in answers.wins.tolist()]


def test_no_samples_are_no_answers() -> None:
    answers = answer(Network(PRESETS["tiny"]), np.zeros((0, 8), np.uint8), "numpy")
    assert answers.wins.shape == answers.shares.shape == (0, 3)
    assert answers.classes.shape == (0,)
    with pytest.raises(BackspikeError, match=r"^a sample must be uint8 of shape \(8,\), not uint8 of shape \(9,\)$"):
        answer(Network(PRESETS["tiny"]), np.zeros((0, 9), np.uint8), "numpy")


def test_a_seed_gives_the_weights_of_a_checkpoint_fresh_lfsrs() -> None:
    """As a device has them that was given the weights and the seed; the checkpoint keeps its own."""
    config = PRESETS["tiny"]
    dataset = load_dataset("random", config, seed=1)
    trained = Network(config.replace(rates=(256, 256)))
    trained.run_samples(dataset.train_values, dataset.train_labels, np.arange(50), True)
    checkpoint = Checkpoint.capture(trained)
    seeded, own = checkpoint.network(seed=9), checkpoint.network()
    assert seeded.config.seed == 9
    assert np.array_equal(Checkpoint.capture(seeded).lfsrs, Checkpoint.capture(Network(config.replace(seed=9))).lfsrs)
    assert np.array_equal(Checkpoint.capture(own).lfsrs, checkpoint.lfsrs)
    assert not np.array_equal(Checkpoint.capture(seeded).lfsrs, checkpoint.lfsrs)
    before = [weights.copy() for weights in checkpoint.weights]
    for network in (seeded, own):
        assert all(np.array_equal(*pair) for pair in zip(network.weights, before, strict=True))
        network.rates = [256, 256]
        network.run_samples(dataset.train_values, dataset.train_labels, np.arange(50), True)
        assert any((new != old).any() for new, old in zip(network.weights, before, strict=True))
    assert all(np.array_equal(*pair) for pair in zip(checkpoint.weights, before, strict=True))


def test_an_evaluation_counts() -> None:
    labels, answers = np.array([0, 0, 1, 1, 1, 3]), np.array([0, 1, 1, 1, 0, 1])
    evaluation = Evaluation.of(answers, labels, 4)
    assert evaluation.confusion.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert (evaluation.samples, evaluation.right, evaluation.accuracy) == (6, 3, 0.5)
    assert evaluation.recalls == [1 / 2, 2 / 3, None, 0]
    assert evaluation.precisions == [1 / 2, 2 / 4, None, None]
    found = json.loads(json.dumps(evaluation.to_dict()))
    assert found["classes"][3] == {"class": 3, "samples": 1, "right": 0, "recall": 0.0, "precision": None}
    assert found["confusion"] == evaluation.confusion.tolist()
