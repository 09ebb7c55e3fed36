"""Networks on a bus as Verilog, each made once, and what a bench of one must come to."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from backspike import PRESETS, NetworkConfig
from backspike.bus import read_results
from backspike.datasets import load_dataset
from backspike.hdl.verilog import write_design
from backspike.model import Network, Sample
from backspike.sim.compare import schedule_of
from backspike.sim.runner import run_bench

SAMPLES = 12
SEED = 20271

CONFIGS: dict[str, NetworkConfig] = {
    "rate": PRESETS["tiny"],
    # Words of which the last is not full; samples that end early, whose lists go on to come.
    "spikes": NetworkConfig(
        name="spikes", layers=(6, 5, 3), ticks=8, lanes=(3, 2), input="spikes", input_lfsrs=2, patience=2
    ),
}


@cache
def design(wrapper: str, kind: str) -> tuple[str, dict[str, Any]]:
    """Return the Verilog of a network on a bus, and its description."""
    with tempfile.TemporaryDirectory() as folder:
        verilog, description = write_design(CONFIGS[kind], Path(folder), wrapper=wrapper)
        return verilog.read_text(), json.loads(description.read_text())


def host_job(config: NetworkConfig, samples: int, seed: int, stalls: float) -> dict[str, Any]:
    """Return what a host on a bus gets: samples of the dataset ``random``, and what they are learned with."""
    shown = schedule_of(config, load_dataset("random", config, seed), samples, seed)
    return {
        "config": config.to_dict(),
        "values": shown.values,
        "labels": shown.labels,
        "learn": shown.learn,
        "rates": shown.rates,
        "stalls": stalls,
        "seed": seed,
        **{f"weights_{layer}": weights for layer, weights in enumerate(shown.weights, start=1)},
    }


def run(
    wrapper: str, kind: str, simulator: str, test: str, stalls: float = 0.0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run tests of the bus's bench; return the samples that it got, and what it found."""
    job = host_job(CONFIGS[kind], SAMPLES, SEED, stalls)
    verilog, description = design(wrapper, kind)
    found = run_bench(
        f"tests.hdl.benches.{wrapper}",
        verilog,
        description["name"],
        simulator=simulator,
        parameters=job,
        public=[],
        seed=SEED,
        test=test,
    )
    return job, found


def assert_learned(
    wrapper: str, kind: str, simulator: str, stalls: float, test: str = "learns", also: Sequence[str] = ()
) -> None:
    """Train on the bus, and compare results, weights and counters with the golden model's; run other tests beside."""
    config = CONFIGS[kind]
    tests = "|".join(rf"\.{name}$" for name in (test, *also))
    job, found = run(wrapper, kind, simulator, tests, stalls)
    model = Network(config, [job[f"weights_{layer}"] for layer in range(1, config.depth + 1)])
    results = read_results(config, found["results"].ravel())
    for number, result in enumerate(results):
        model.rates = job["rates"][number].tolist()
        sample = Sample(job["values"][number], int(job["labels"][number]), bool(job["learn"][number]))
        expected = model.run(sample)
        assert result.wins.tolist() == expected.wins.tolist(), f"sample {number}, seed {SEED}"
    assert len(results) == SAMPLES
    for layer, weights in enumerate(model.weights, start=1):
        assert np.array_equal(found[f"weights_{layer}"], weights), f"layer {layer}, seed {SEED}"
        assert not np.array_equal(job[f"weights_{layer}"], weights), f"layer {layer} has not learned"
    for name, value in model.counters.by_register().items():
        assert found["counters"][name] == value, name
