"""docs/checkpoint.md is enough to read a checkpoint by: here with NumPy and the text, and nothing of ours."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS, NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Network
from backspike.training.checkpoint import FORMAT, Checkpoint

TEXT = (Path(__file__).parents[3] / "docs/checkpoint.md").read_text()

CONFIGS = {
    "tiny": PRESETS["tiny"].replace(rates=(256, 256)),
    "three layers": NetworkConfig(
        layers=(8, 5, 4, 3), ticks=6, rates=(256,) * 3, lfsr_bits=64, patience=2, dropout=(9, 9)
    ),
}


@pytest.fixture(params=CONFIGS)
def network(request) -> Network:
    """Return a network that has learned a little."""
    network = Network(CONFIGS[request.param])
    dataset = load_dataset("random", network.config, seed=1)
    network.run_samples(dataset.train_values, dataset.train_labels, np.arange(20), True)
    network.rates[0] = 77
    return network


def table(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading by their first cell's words in code."""
    part = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return {name: [cell.strip() for cell in row[1:]] for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def test_arrays_are_as_the_text_says(network, tmp_path) -> None:
    config = network.config
    Checkpoint.capture(network, epoch=2, shown=20, right=11).save(tmp_path / "checkpoint.npz")
    said = table("Arrays")
    layers, depth = config.layers, config.depth
    shapes = {"lfsrs": (config.input_lfsrs + sum(n + 1 for n in layers[1:]),), "rates": (depth,)}
    with np.load(tmp_path / "checkpoint.npz") as archive:
        assert set(archive) == {"header", "lfsrs", "rates", *(f"weights_{layer}" for layer in range(1, depth + 1))}
        assert set(said) == {"weights_1", "weights_L", "lfsrs", "rates", "header"}
        for name, array in archive.items():
            assert array.dtype == said["weights_1" if name.startswith("weights_") else name][0], name
            if name in shapes:
                assert array.shape == shapes[name]
        for layer in range(1, depth + 1):
            assert archive[f"weights_{layer}"].shape == (layers[layer - 1] + 1, layers[layer])
            assert np.array_equal(archive[f"weights_{layer}"], network.weights[layer - 1])
        assert archive["rates"].tolist() == network.rates
        lfsrs = archive["lfsrs"]
    place = config.input_lfsrs
    assert np.array_equal(lfsrs[:place], network.generator.random)
    for synapses, units in zip(network.synapses, network.units, strict=True):
        count = len(units.random)
        assert np.array_equal(lfsrs[place : place + count], units.random)
        assert lfsrs[place + count] == synapses.bias[0]
        place += count + 1
    with zipfile.ZipFile(tmp_path / "checkpoint.npz") as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_header_is_as_the_text_says(network, tmp_path) -> None:
    Checkpoint.capture(network, epoch=2, shown=20, right=11).save(tmp_path / "checkpoint.npz")
    with np.load(tmp_path / "checkpoint.npz") as archive:
        header = json.loads(archive["header"].tobytes().decode())
    said = table("Header")
    assert set(header) == set(said)
    assert said["format"][0].startswith(f"{FORMAT}: version")
    assert header["format"] == FORMAT
    assert (header["epoch"], header["shown"], header["right"]) == (2, 20, 11)
    assert set(header["counters"]) == set(re.findall(r"`(\w+)`", said["counters"][0]))
    assert header["counters"]["samples"] == 20
    assert NetworkConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in header["config"].items()}) == (
        network.config
    )
    left_out = re.findall(r"`(\w+)`", said["checkpoint_hash"][0].split("all but")[1])
    values = {key: value for key, value in header["config"].items() if key not in left_out}
    assert header["checkpoint_hash"] == hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def test_the_program_reads_weights_in_units_of_the_activation(network, tmp_path, monkeypatch) -> None:
    Checkpoint.capture(network).save(tmp_path / "checkpoint.npz")
    monkeypatch.chdir(tmp_path)
    block = TEXT.split("## Read without Backspike\n")[1].split("\nWhat such")[0]
    program = "\n".join(line[4:] for line in block.splitlines())
    assert "backspike" not in program
    names: dict[str, list[np.ndarray]] = {}
    exec(compile(program, "docs/checkpoint.md", "exec"), names)
    for layer, matrix in enumerate(network.weights):
        lsb = 2.0**-network.config.weight_frac
        assert np.array_equal(names["weights"][layer], matrix[:-1] * lsb)
        assert np.array_equal(names["biases"][layer], matrix[-1] * lsb)
