"""Statistics of spike trains: within the bounds that independent draws have, and updates that follow the gradient."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.experiments.spikes import (
    LFSRS,
    RATE_VALUES,
    correlations,
    expected_updates,
    rate_errors,
    read_spikes,
    spike_draws,
    spikes_path,
    updates,
)
from backspike.model import Network
from backspike.model.seeding import lfsr_seeds
from backspike.model.spikes import SpikeGenerator
from backspike.training.baseline import FloatNetwork
from backspike.training.engines import load_engine


def test_draws_are_those_of_the_spike_generator() -> None:
    config = PRESETS["digits"]
    generator = SpikeGenerator(config, lfsr_seeds(config.seed, config.input_lfsrs, config.lfsr_bits))
    values = np.random.Generator(np.random.PCG64(1)).integers(1, 256, 5 * LFSRS, dtype=np.uint8)
    draws = spike_draws(config.lfsr_bits, 10, config.seed)
    for turn in range(2):
        spikes, _ = generator.draw(values, 256, turn)
        assert np.array_equal(spikes, draws[5 * turn : 5 * turn + 5].ravel() < values)


@pytest.mark.parametrize("ticks", [16, 256])
def test_rates_are_as_near_as_those_of_independent_draws(ticks: int) -> None:
    found = rate_errors(ticks, seed=1)
    ratio = np.array(found["rms"]) / np.array(found["ideal"])
    assert len(ratio) == len(RATE_VALUES)
    # A root mean square of n normal deviates is 1 +- 1 / sqrt(2 n); five of them are met once in a million.
    assert np.abs(ratio - 1).max() < 5 / math.sqrt(2 * found["windows"]), "seed 1"


def test_trains_are_correlated_as_little_as_is_known(monkeypatch) -> None:
    monkeypatch.setattr("backspike.experiments.spikes.CORRELATED_DRAWS", 1 << 13)
    for width in (24, 32, 48):
        found = correlations(width, seed=1)
        assert abs(found["rms"] - 1) < 5 / math.sqrt(2 * found["pairs"]), f"{width} bits, seed 1"
        assert found["largest"] < found["expected"] + 1
    # Some of 64 bits that are seeded one after the other: 0.08 four draws apart, at a rate of 1/16.
    assert 0.05 < correlations(64, seed=1)["largest"] / math.sqrt(1 << 13) < 0.12


def test_a_copy_of_an_lfsr_would_be_found(monkeypatch) -> None:
    draws = spike_draws(32, 40_000, 1)
    draws[7:, 3] = draws[:-7, 1]
    monkeypatch.setattr("backspike.experiments.spikes.spike_draws", lambda width, count, seed: draws[:count])
    assert correlations(32, seed=1)["largest"] > 100


def test_expected_updates_are_the_float_networks_gradient() -> None:
    """Of rates in the place of activations, and of a softmax at the race's temperature: constants are all between."""
    config = PRESETS["digits"].replace(temperature=0.5)
    network = Network(config)
    values = np.random.Generator(np.random.PCG64(2)).integers(0, 256, 64, dtype=np.uint8)
    reach = 2.0**config.activation_bits
    twin = FloatNetwork(config.layers, 1, clip=1.0, dtype=np.float64)
    twin.weights = [network.weights[0] / reach, network.weights[1] / (config.temperature * 2**config.weight_frac)]
    _, gradients = twin.gradients(values[np.newaxis] / 256, np.array([3]))
    found = expected_updates(network, values, 3)
    assert found[1] == pytest.approx(-gradients[1])
    # The gradient passes the output's scaled weights down, and the spikes the weights in units of the error range.
    scale = 2.0**config.error_bits / (config.temperature * 2**config.weight_frac)
    assert np.abs(gradients[0]).max() > 0
    assert found[0] == pytest.approx(-gradients[0] / scale)


def test_updates_follow_the_gradient_the_more_ticks_they_have() -> None:
    config = PRESETS["digits"]
    data = load_dataset("digits", config, 1)
    network = Network(config)
    load_engine("fast")(network, data.train_values, data.train_labels, np.arange(300), True)
    few, many = (updates(network, data, ticks, 1, 60, seed=1) for ticks in (4, 64))
    for layer in range(2):
        assert 0 < few["layers"][layer]["cosine"] < many["layers"][layer]["cosine"] < 1
        assert many["layers"][layer]["mean_cosine"] > 0.75
        assert 0.5 < many["layers"][layer]["gain"] < 1.2
        assert many["layers"][layer]["bias"] < 0.75


def test_command_writes_what_the_page_reads(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("backspike.experiments.spikes.DATASETS", {"digits": "digits"})
    monkeypatch.setattr("backspike.experiments.spikes.UPDATE_TICKS", (4, 8))
    monkeypatch.setattr("backspike.experiments.spikes.CORRELATED_WIDTHS", (32,))
    monkeypatch.setattr("backspike.experiments.spikes.RATE_TICKS", (16,))
    assert main(["experiment", "spikes", "--samples", "3", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"written to {tmp_path / 'spikes.json'}\n"
    content = read_spikes(tmp_path)
    assert [(case["ticks"], case["leak"]) for case in content["updates"]] == [
        (ticks, leak) for leak in (0, 1, 3) for ticks in (4, 8)
    ]
    experiments, docs = tmp_path / "experiments", tmp_path / "docs"
    experiments.mkdir()
    assert (
        main(
            ["experiment", "report", "--experiments", str(experiments), "--results", str(tmp_path), "--docs", str(docs)]
        )
        == 0
    )
    page = (docs / "results.md").read_text()
    assert "## Spike trains" in page
    assert f"| digits | 0 | 4 | 1 | {content['updates'][0]['layers'][0]['cosine']:.3f} |" in page
    for damage in ({"rates": []}, {"updates": [{}]}, {"correlations": [{"lfsr_bits": "x"}]}, {"seed": None}):
        spikes_path(tmp_path).write_text(json.dumps({**content, **damage}))
        with pytest.raises(BackspikeError, match=r"spikes\.json"):
            read_spikes(tmp_path)
