"""NIR: what is exported comes back to the bit, what others wrote is understood, and what does not map is named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.weights import fit_chain, read_chain
from backspike.weights.nir_graph import nir_file

from .samples import FILES, SHAPE
from .test_export import weights_of

CONFIGS = {
    "tiny": PRESETS["tiny"],
    "three layers with memory": PRESETS["digits-deep"],
    "16 bits, odd temperature": NetworkConfig(
        layers=(7, 5, 3), weight_bits=16, weight_frac=11, temperature=0.3, leak=4
    ),
    "one layer, fractions alone": NetworkConfig(layers=(9, 4), weight_bits=8, weight_frac=8, temperature=3.7),
}


def graph_file(path: Path, nodes: dict[str, Any], edges: list[tuple[str, str]] | None = None) -> Path:
    names = ["input", *nodes, "output"]
    shape = {"input": np.array([3])}
    every = {"input": nir.Input(shape), **nodes, "output": nir.Output({"output": np.array([2])})}
    graph = nir.NIRGraph(every, edges or [*pairwise(names)], type_check=False)
    nir.write(path, graph)
    return path


def affine(inputs: int, units: int) -> nir.Affine:
    return nir.Affine(weight=np.arange(inputs * units).reshape(units, inputs) / 8, bias=np.arange(units) / 4)


def full(units: int, **values: float) -> dict[str, np.ndarray]:
    return {name: np.full(units, value) for name, value in values.items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    """Written and read by the package itself; whatever the samples that nothing is measured with."""
    config = CONFIGS[name]
    weights = weights_of(config)
    ((file, content),) = nir_file(config, weights).items()
    assert file == f"{config.name}.nir"
    path = tmp_path / file
    path.write_bytes(content)
    fit = fit_chain(read_chain(path, config.layers), config)
    for found, expected in zip(fit.weights, weights, strict=True):
        assert np.array_equal(found, expected)
    assert [layer.saturated for layer in fit.layers] == [0] * config.depth


def test_the_graph_says_what_the_network_computes(tmp_path: Path) -> None:
    config = PRESETS["digits"]
    weights = weights_of(config)
    (tmp_path / "digits.nir").write_bytes(nir_file(config, weights)["digits.nir"])
    graph = nir.read(tmp_path / "digits.nir")
    assert [type(node).__name__ for node in graph.nodes.values()] == [
        "Affine",
        "Affine",
        "Input",
        "LI",
        "LI",
        "Output",
        "IF",
    ]
    assert graph.input_type["input"].tolist() == [64]
    assert graph.output_type["output"].tolist() == [10]
    first, units, membrane = graph.nodes["affine_1"], graph.nodes["units_1"], graph.nodes["membrane_1"]
    assert first.weight.dtype == np.float32
    assert np.array_equal(first.weight, weights[0][:-1].T / 64)
    assert np.array_equal(first.bias, weights[0][-1] / 64)
    assert (units.v_threshold == 4).all()
    assert (units.r == 1).all()
    # A tick of 0.1 ms: half of the membrane is left after each.
    assert np.allclose(membrane.tau, 2e-4)
    assert np.allclose(graph.nodes["affine_2"].weight, weights[1][:-1].T / 64 / 0.35)
    assert set(graph.edges) == {
        ("input", "affine_1"), ("affine_1", "membrane_1"), ("membrane_1", "units_1"), ("units_1", "affine_2"),
        ("affine_2", "membrane_2"), ("membrane_2", "output"),
    }  # fmt: skip


def test_what_snntorch_exports_is_what_it_saves() -> None:
    """The same network as a graph and as a state dict."""
    graph, state = read_chain(FILES / "synaptic.nir", SHAPE), read_chain(FILES / "synaptic.pt", SHAPE)
    for ours, theirs in zip(graph.layers, state.layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)
        assert ours.neurons
        assert theirs.neurons
        for name in ("decay", "threshold", "gain", "synapse_decay", "level"):
            assert np.allclose(getattr(ours.neurons, name), getattr(theirs.neurons, name), atol=1e-5), name


def test_neurons_of_each_kind(tmp_path: Path) -> None:
    """Tau of ten ticks, a resistance of 20 and a rest of 3: a drive of 1 adds 2, the rest 0.3, and nine tenths stay."""
    lif = nir.LIF(**full(2, tau=1e-3, r=20, v_leak=3, v_threshold=5))
    cuba = nir.CubaLIF(**full(2, tau_mem=1e-3, tau_syn=2e-4, r=20, v_leak=3, v_threshold=5), w_in=np.full(2, 0.5))
    for node, gain, synapse in ((lif, 2, 0), (cuba, 1, 0.5)):
        path = graph_file(tmp_path / "net.nir", {"fc": affine(3, 2), "lif": node})
        (layer,) = read_chain(path, (3, 2)).layers
        assert layer.neurons
        assert np.allclose(layer.neurons.gain, gain)
        assert np.allclose(layer.neurons.decay, 0.9)
        assert np.allclose(layer.neurons.synapse_decay, synapse)
        assert np.allclose(layer.weights[-1] * gain, affine(3, 2).bias * gain + 0.3)
        # The membrane rests where the drive that is always there takes it: 3.
        assert np.allclose((layer.weights[-1] - affine(3, 2).bias) * gain / 0.1, 3)
        # A tick of 0.2 ms.
        (layer,) = read_chain(path, (3, 2), 2e-4).layers
        assert layer.neurons
        assert np.allclose(layer.neurons.decay, 0.8)
    path = graph_file(
        tmp_path / "net.nir", {"fc": nir.Linear(affine(3, 2).weight), "li": nir.LI(**full(2, tau=1e-3, r=4, v_leak=8))}
    )
    (layer,) = read_chain(path, (3, 2)).layers
    assert layer.neurons is None
    # It rests at 8, which is there without any drive.
    assert np.allclose(layer.drive(np.ones((1, 3))), 4 * affine(3, 2).weight.sum(axis=1) + 8)


IF = nir.IF(**full(2, r=1, v_threshold=1))
FC, FC2 = affine(3, 2), affine(2, 2)
SUBGRAPH = nir.NIRGraph(
    {"input": nir.Input({"input": np.array([2])}), "lif": IF, "output": nir.Output({"output": np.array([2])})},
    [("input", "lif"), ("lif", "output")],
)


CHAIN = [("input", "fc"), ("fc", "if")]


def lif(**values: float) -> nir.LIF:
    return nir.LIF(**full(2, **{"tau": 1e-3, "r": 1, "v_leak": 0, "v_threshold": 1, **values}))


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ({"conv": nir.Conv1d(3, np.ones((1, 1, 2)), 1, 0, 1, 1, np.ones(1))}, "node conv in it, of type Conv1d"),
        ({"fc": FC, "sub": SUBGRAPH}, "node sub in it, of type NIRGraph, as recurrent layers are, does not map"),
        ({"fc": FC, "scale": nir.Scale(np.ones(2))}, "node scale in it, of type Scale, does not map"),
        ({"fc": FC, "z": nir.Threshold(np.ones(2))}, "node z in it, of type Threshold, does not map"),
        ({"if": IF, "fc": FC}, "node if in it, of type IF, comes before any weights"),
        ({"fc": FC, "fc2": FC2}, "node fc in it is followed by no neurons; what follows does not map"),
        ({"fc": FC, "if": IF, "again": IF}, "node fc in it is followed by IF and IF; if does not map"),
        ({"fc": FC, "li": nir.LI(**full(2, tau=1e-3, r=1, v_leak=0)), "fc2": FC2}, "node fc in it is followed by LI"),
        ({"fc": FC, "if": nir.IF(**full(2, r=0, v_threshold=1))}, "node if in it must have r and w_in above 0"),
        ({"fc": FC, "if": nir.IF(**full(2, r=1, v_threshold=0))}, "node if in it must have a v_threshold above 0"),
        ({"fc": FC, "if": nir.IF(**full(2, r=1, v_threshold=1, v_reset=0.5))}, "and a v_reset of 0"),
        ({"fc": FC, "if": nir.IF(**full(3, r=1, v_threshold=1))}, "r of node if in it must be 1 or 2 numbers, not 3"),
        ({"fc": FC, "lif": lif(tau=1e-5)}, "tau of node lif in it is 1e-05 s, less than a tick of 0.0001 s"),
        ({"fc": FC, "lif": lif(tau=np.inf)}, "tau of node lif in it has a value that is inf"),
        ({"fc": nir.Linear(np.full((2, 3), np.nan))}, "weight of node fc in it has a value that is nan"),
        ({"fc": nir.Affine(np.ones((2, 3)), np.zeros(4))}, r"bias of node fc in it must be of shape \(2,\)"),
        ({"fc": nir.Linear(np.ones((2, 2, 3)))}, r"weight of node fc in it must be of shape \(units, inputs\)"),
        ({}, "it has no weights"),
        ({"fc": affine(3, 3)}, r"its layers \(fc 3-3\) are not those of the configuration, 3-2"),
        ({"fc": FC, "if": IF, "fc2": FC2}, r"its layers \(fc 3-2, fc2 2-2\) are not those of the configuration, 3-2"),
    ],
)  # fmt: skip
def test_what_does_not_map_is_named(nodes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.nir", nodes)
    with pytest.raises(BackspikeError, match=reason) as error:
        read_chain(path, (3, 2))
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("edges", "reason"),
    [
        ([*CHAIN, ("if", "fc"), ("if", "output")], "node if in it is followed by fc, output, and only chains map"),
        ([*CHAIN, ("if", "fc")], "node fc in it is in a loop, and only chains map"),
        ([("input", "fc"), ("fc", "output")], "node if in it is not between input and output"),
        (CHAIN, "node if in it is followed by nothing"),
        ([*CHAIN, ("if", "none")], "an edge of it leads to or from node none, which there is not"),
    ],
)
def test_what_is_no_chain_is_named(edges: list[tuple[str, str]], reason: str, tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.nir", {"fc": FC, "if": IF}, edges)
    with pytest.raises(BackspikeError, match=reason):
        read_chain(path, (3, 2))


def test_a_flatten_changes_nothing(tmp_path: Path) -> None:
    flatten = nir.Flatten({"input": np.array([1, 3])}, 0)
    path = graph_file(tmp_path / "net.nir", {"flat": flatten, "fc": FC})
    assert np.array_equal(read_chain(path, (3, 2)).layers[0].weights[:-1], FC.weight.T)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    content = (FILES / "synaptic.nir").read_bytes()
    for damaged in (b"", b"garbage", content[:1000], content[: len(content) // 2], content[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(BackspikeError, match=r"net\.nir: it is no HDF5 file, as graphs in NIR are, or damaged$"):
            read_chain(path, SHAPE)
    with h5py.File(path, "w") as file:
        file["version"] = "1"
    with pytest.raises(BackspikeError, match=r"net\.nir: it is an HDF5 file, but no graph in NIR"):
        read_chain(path, SHAPE)
    (tmp_path / "folder.nir").mkdir()
    for name, reason in (("none.nir", "No such file or directory"), ("folder.nir", "Is a directory")):
        with pytest.raises(BackspikeError, match=rf"^cannot read {tmp_path / name}: {reason}$"):
            read_chain(tmp_path / name, SHAPE)
    # Terabytes of zeros, which take no room in the file.
    graph_file(path, {"fc": FC})
    with h5py.File(path, "a") as file:
        file.create_dataset("node/nodes/fc/other", (1 << 40,), chunks=(1 << 20,), dtype="f8")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BackspikeError, match=r"its arrays take 8,796,093,.* bytes, more than"):
        read_chain(path, (3, 2))
