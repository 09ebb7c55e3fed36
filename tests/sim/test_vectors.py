"""The test vectors of the semantics, shown to the generated Verilog."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backspike.config import NetworkConfig
from backspike.sim.compare import Schedule, compare
from backspike.sim.native import NativeNetwork
from backspike.training.vectors import NETWORKS
from tests.sim.accumulator import NEEDS_ICARUS

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "vectors.json").read_text(encoding="utf-8"))["networks"]


def test_the_compiled_verilog_computes_them() -> None:
    wanted = VECTORS["one weight layer"]
    config = NetworkConfig.from_dict({**wanted["config"], "lanes": [3]})
    with NativeNetwork(config, optimise=False) as hardware:
        for layer, weights in enumerate(wanted["starting_weights"], start=1):
            hardware.write_weights(layer, np.array(weights))
        for sample in wanted["samples"]:
            ticks = hardware.read("TICKS")
            values, label = np.array([sample["values"]], dtype=np.uint8), np.array([sample["label"]])
            wins = hardware.show(values, label, sample["learn"])
            assert (wins.tolist(), hardware.read("TICKS") - ticks) == ([sample["wins"]], sample["ticks"])
        weights = [hardware.read_weights(layer).tolist() for layer in range(1, config.depth + 1)]
        assert weights == wanted["weights"]
        counted = hardware.counters()
    for name, value in wanted["counters"].items():
        layers = value if isinstance(value, list) else [value]
        for layer, number in enumerate(layers, start=1):
            assert counted[f"{name.upper()}_{layer}" if isinstance(value, list) else name.upper()] == number


@NEEDS_ICARUS
@pytest.mark.parametrize("name", NETWORKS)
def test_the_verilog_in_icarus_computes_them(name: str) -> None:
    wanted = VECTORS[name]
    config, samples = NetworkConfig.from_dict(wanted["config"]), wanted["samples"]
    shown = Schedule(
        values=np.array([sample["values"] for sample in samples], dtype=np.uint8),
        labels=np.array([sample["label"] for sample in samples]),
        learn=np.array([sample["learn"] for sample in samples]),
        rates=np.tile(np.array(config.rates), (len(samples), 1)),
        weights=[np.array(matrix) for matrix in wanted["starting_weights"]],
        seed=config.seed,
    )
    found = compare(config, shown, simulator="icarus")
    assert found.mismatch == ""
    assert found.predicted.tolist() == [sample["class"] for sample in samples]
    assert [matrix.tolist() for matrix in found.weights] == wanted["weights"]
    counters = wanted["counters"]
    assert (found.counters["TICKS"], found.counters["ERROR_TICKS"]) == (counters["ticks"], counters["error_ticks"])
    for layer, (rows, writes) in enumerate(zip(counters["rows"], counters["writes"], strict=True), start=1):
        assert (found.counters[f"ROWS_{layer}"], found.counters[f"WRITES_{layer}"]) == (rows, writes)
