"""Upsets of weights and LFSRs: as many bits as were asked for, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.experiments.flips import flip_lfsrs, flip_weights
from backspike.experiments.upsets import measure_upsets, read_upsets, train_upset, upsets_path
from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState

CONFIG = PRESETS["digits"]


def random_of(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def different_bits(one, other) -> int:
    """Count the bits in which arrays of whole numbers differ, in two's complement."""
    pairs = zip(one, other, strict=True)
    return sum(int(bits).bit_count() for a, b in pairs for bits in (np.bitwise_xor(a, b).ravel().astype(np.uint64)))


@pytest.mark.parametrize("count", [0, 1, 500, 8 * 2410])
def test_as_many_bits_of_weights_flip(count: int) -> None:
    network, before = Network(CONFIG), Network(CONFIG)
    flip_weights(network, count, random_of(3))
    network.check(np.zeros((1, 64), np.uint8), np.array([0]), np.array([0]))
    mask = (1 << CONFIG.weight_bits) - 1
    assert different_bits([w & mask for w in network.weights], [w & mask for w in before.weights]) == count
    assert np.array_equal(
        NetworkState.of(network, StateKind.RANDOM).lfsrs, NetworkState.of(before, StateKind.RANDOM).lfsrs
    )


@pytest.mark.parametrize("count", [0, 1, 100])
def test_as_many_bits_of_lfsrs_flip(count: int) -> None:
    network, before = Network(CONFIG), Network(CONFIG)
    flip_lfsrs(network, count, random_of(3))
    states = [[NetworkState.of(each, StateKind.RANDOM).lfsrs] for each in (network, before)]
    assert different_bits(*states) == count
    assert all(np.array_equal(a, b) for a, b in zip(network.weights, before.weights, strict=True))


def test_every_bit_can_flip() -> None:
    network, seen = Network(CONFIG), [np.zeros(w.shape, np.int64) for w in Network(CONFIG).weights]
    for seed in range(12):
        before = [w.copy() for w in network.weights]
        flip_weights(network, 15_000, random_of(seed))
        for part, a, b in zip(seen, before, network.weights, strict=True):
            part |= (a ^ b) & 0xFF
    assert all((part == 0xFF).all() for part in seen)


def test_without_a_flip_it_is_the_training_of_every_day_and_with_many_it_is_not() -> None:
    data = load_dataset("digits", CONFIG, 1)
    undisturbed, flipped = (train_upset(CONFIG, data, 1, flip_weights, share, samples=64) for share in (0, 0.3))
    plain = train_upset(CONFIG, data, 1, flip_lfsrs, 0, engine="numpy", samples=64)
    assert all(np.array_equal(a, b) for a, b in zip(undisturbed.weights, plain.weights, strict=True))
    assert not np.array_equal(undisturbed.weights[0], flipped.weights[0])


def test_command_writes_what_the_page_reads(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(
        "backspike.experiments.upsets.measure_upsets",
        lambda results: measure_upsets(results, epochs=1, seeds=(1, 2), shares=(0.001, 0.4)),
    )
    assert main(["experiment", "upsets", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"written to {tmp_path / 'upsets.json'}\n"
    content = read_upsets(tmp_path)
    after, healed, during, lfsrs = (line["accuracy"] for line in content["lines"])
    # Two in five bits leave nothing of a network, and an epoch brings much of it back; LFSRs' states hardly matter.
    assert after[1] < 0.4 < healed[1]
    assert min(lfsrs) > content["undisturbed"] - 0.15
    assert during[0] > 0.5
    (tmp_path / "experiments").mkdir()
    folders = [
        "--experiments",
        str(tmp_path / "experiments"),
        "--results",
        str(tmp_path),
        "--docs",
        str(tmp_path / "docs"),
    ]
    assert main(["experiment", "report", *folders]) == 0
    assert f"| 0.1 % | {100 * after[0]:.2f} ±" in (tmp_path / "docs" / "results.md").read_text()
    for damage in ({"shares": []}, {"lines": [{}]}, {"lines": []}, {"undisturbed": "x"}):
        upsets_path(tmp_path).write_text(json.dumps({**content, **damage}))
        with pytest.raises(BackspikeError, match=r"upsets\.json"):
            read_upsets(tmp_path)
