"""The test vectors of the semantics: what the file has is what every implementation here computes."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from backspike.config import NetworkConfig
from backspike.model import Network
from backspike.training.checkpoint import Checkpoint
from backspike.training.engines import load_engine
from backspike.training.vectors import NETWORKS, as_text, make_vectors
from tests.model.reference import Lfsr, ReferenceNetwork, seeds

FILE = Path(__file__).parents[3] / "docs" / "vectors.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_golden_model_computes_them() -> None:
    assert FILE.read_text(encoding="utf-8") == as_text(make_vectors())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fast_engine_computes_them(name: str) -> None:
    wanted = VECTORS["networks"][name]
    config = NetworkConfig.from_dict(wanted["config"])
    network = Network(config, [np.array(matrix) for matrix in wanted["starting_weights"]])
    show = load_engine("fast")
    for sample in wanted["samples"]:
        ticks = network.counters.ticks
        values, label = np.array([sample["values"]], dtype=np.uint8), np.array([sample["label"]])
        wins = show(network, values, label, np.array([0]), sample["learn"])
        assert (wins.tolist(), network.counters.ticks - ticks) == ([sample["wins"]], sample["ticks"])
    assert [matrix.tolist() for matrix in network.weights] == wanted["weights"]
    assert Checkpoint.capture(network).lfsrs.tolist() == [int(state, 16) for state in wanted["lfsrs"]]
    assert network.counters.to_dict() == wanted["counters"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_computes_them(name: str) -> None:
    wanted = VECTORS["networks"][name]
    network = ReferenceNetwork(NetworkConfig.from_dict(wanted["config"]), wanted["starting_weights"])
    for sample in wanted["samples"]:
        ticks = network.ticks
        wins = network.run(sample["values"], sample["label"], sample["learn"])
        assert (wins, network.ticks - ticks) == (sample["wins"], sample["ticks"])
        assert wins.index(max(wins)) == sample["class"]
    lfsrs = list(network.input_lfsrs)
    for layer in network.layers:
        lfsrs += [*layer.lfsrs, layer.bias_lfsr]
    assert [layer.weights for layer in network.layers] == wanted["weights"]
    assert [lfsr.state for lfsr in lfsrs] == [int(state, 16) for state in wanted["lfsrs"]]
    counters = {"samples": network.samples, "ticks": network.ticks, "error_ticks": network.error_ticks}
    assert {**counters, "rows": network.rows, "writes": network.writes} == wanted["counters"]


def test_the_reference_has_their_lfsrs() -> None:
    assert {case["lfsr_bits"] for case in VECTORS["lfsrs"]} == {16, 24, 32, 40, 48, 64}
    for case in VECTORS["lfsrs"]:
        width = case["lfsr_bits"]
        starts = seeds(case["seed"], len(case["starts"]), width)
        assert [f"{state:0{width // 4}x}" for state in starts] == case["starts"]
        for bits, after in case["lfsr_0_after"].items():
            lfsr = Lfsr(width, starts[0])
            for _ in range(int(bits)):
                lfsr.take(1)
            assert lfsr.state == int(after, 16)


def test_doubles_come_to_the_same_noise() -> None:
    # Thirty digits matter where an entry is close to a half: in none of these.
    for case in VECTORS["noise"]:
        scale = 2 ** case["weight_frac"] * case["temperature"]
        table = [round(scale * -math.log(-math.log((n + 0.5) / 1024))) for n in range(1024)]
        assert (table[:4], table[-4:]) == (case["first"], case["last"])
        assert hashlib.sha256(",".join(map(str, table)).encode()).hexdigest() == case["sha256"]


def test_what_decides_a_training_is_as_the_text_says() -> None:
    wanted = VECTORS["training"]
    config = wanted["config"]
    random = np.random.Generator(np.random.PCG64(config["seed"]))
    most = 2 ** (config["weight_bits"] - 1) - 1
    for inputs, units, weights in zip(
        config["layers"][:-1], config["layers"][1:], wanted["starting_weights"], strict=True
    ):
        bound = math.sqrt(6 / inputs) * 2 ** config["weight_frac"]
        drawn = [[round(weight) for weight in random.uniform(-bound, bound, units)] for _ in range(inputs)]
        random.uniform(-bound, bound, units)
        clipped = [[min(max(weight, -most - 1), most) for weight in row] for row in drawn]
        assert [*clipped, [0] * units] == weights
    decay = config["rate_decay"]
    for epoch, rates in enumerate(wanted["rates_of_epochs"]):
        assert rates == [max(1, round(rate * decay**epoch)) for rate in config["rates"]]
    for epoch, order in enumerate(wanted["orders_of_10_samples"]):
        seed = [config["seed"], epoch]
        assert np.random.Generator(np.random.PCG64(seed)).permutation(10).tolist() == order


def test_they_meet_what_they_should() -> None:
    # Samples that end early and others that do not, wrong winners, units that are dropped, weights at both ends.
    networks = VECTORS["networks"]
    lengths = [sample["ticks"] for sample in networks["leak, dropout and patience"]["samples"]]
    assert min(lengths) < 6 < max(lengths) == 12
    for network in networks.values():
        flat = [weight for matrix in network["weights"] for row in matrix for weight in row]
        start = [weight for matrix in network["starting_weights"] for row in matrix for weight in row]
        most = 2 ** (network["config"]["weight_bits"] - 1) - 1
        assert most in flat
        assert sum(a != b for a, b in zip(flat, start, strict=True)) > 10
        assert network["counters"]["error_ticks"] > 10
    assert {network["config"]["lfsr_bits"] for network in networks.values()} == {16, 24, 32, 64}
