"""``backspike import`` and ``backspike export --format nir``."""

from __future__ import annotations

import inspect
import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.commands.import_ import import_
from backspike.training.checkpoint import Checkpoint
from backspike.weights import PERCENTILE, fit_chain, read_chain
from backspike.weights.nir_graph import TICK
from backspike.weights.torch_file import read_state_dict
from tests.backspike.test_cli import refused

from .samples import FILES, SHAPE

HEADING = "weights units are from to LSB per 1 largest saturated rounding"
CONFIG = PRESETS["digits"].replace(name="little", layers=SHAPE)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    CONFIG.save(tmp_path / "little.toml")
    return ["--config", str(tmp_path / "little.toml"), "--out", str(tmp_path / "new" / "checkpoint.npz")]


@pytest.fixture
def safetensors(tmp_path: Path) -> Path:
    """Return a file with the network of ``relu.pt``."""
    path = tmp_path / "relu.safetensors"
    save_file(read_state_dict(FILES / "relu.pt"), path)
    return path


@pytest.mark.parametrize(("name", "least"), [("relu.pt", 0.85), ("synaptic.nir", 0.85)])
def test_an_imported_network_answers(name: str, least: float, arguments: list[str], capsys) -> None:
    assert main(["import", str(FILES / name), *arguments, "--dataset", "digits", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracies"]["imported"] > least, found
    floats = [accuracy for way, accuracy in found["accuracies"].items() if way != "imported"]
    assert len(floats) == (1 if name == "relu.pt" else 2)
    assert max(floats) - found["accuracies"]["imported"] < 0.1
    checkpoint = Checkpoint.load(Path(found["out"]))
    assert checkpoint.config == CONFIG
    assert checkpoint.epoch == 0
    assert len(found["layers"]) == 2
    # Trained on, and evaluated as any other checkpoint.
    assert main(["evaluate", "--checkpoint", found["out"], "--dataset", "digits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == found["accuracies"]["imported"]


def test_without_data(arguments: list[str], safetensors: Path, capsys) -> None:
    """ReLUs are measured with random samples, always the same ones, and both formats of a file are one network."""
    for path in (FILES / "relu.pt", safetensors):
        assert main(["import", str(path), *arguments, "--seed", "7", "--force"]) == 0
        table, *rest = capsys.readouterr().out.split("ReLUs were measured")
        assert len(rest) == 1
        assert " ".join(table.splitlines()[0].split()) == HEADING
        assert [line.split()[:2] for line in table.splitlines()[1:]] == [["0.weight", "ReLU"], ["2.weight", "logits"]]
        checkpoint = Checkpoint.load(Path(arguments[-1]))
        assert checkpoint.config == CONFIG.replace(seed=7)
        expected = fit_chain(read_chain(FILES / "relu.pt", SHAPE), CONFIG).weights
        assert all(np.array_equal(*pair) for pair in zip(checkpoint.weights, expected, strict=True))


def test_out_to_nir_and_in_again(arguments: list[str], tmp_path: Path, capsys) -> None:
    assert main(["import", str(FILES / "synaptic.pt"), *arguments]) == 0
    out = tmp_path / "graphs"
    assert main(["export", "--checkpoint", arguments[-1], "--format", "nir", "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"written to {out}: little.nir\n")
    again = str(tmp_path / "again.npz")
    assert main(["import", str(out / "little.nir"), *arguments[:-1], again]) == 0
    assert Path(again).read_bytes() == Path(arguments[-1]).read_bytes()


def test_normalised_values_and_ticks(arguments: list[str], tmp_path: Path) -> None:
    assert main(["import", str(FILES / "synaptic.pt"), *arguments, "--normalize", "0.5", "0.25"]) == 0
    expected = fit_chain(read_chain(FILES / "synaptic.pt", SHAPE).normalised(0.5, 0.25), CONFIG).weights
    weights = Checkpoint.load(Path(arguments[-1])).weights
    assert all(np.array_equal(*pair) for pair in zip(weights, expected, strict=True))
    assert main(["import", str(FILES / "synaptic.nir"), *arguments, "--tick", "2e-5", "--force"]) == 0
    expected = fit_chain(read_chain(FILES / "synaptic.nir", SHAPE, 2e-5), CONFIG).weights
    weights = Checkpoint.load(Path(arguments[-1])).weights
    assert all(np.array_equal(*pair) for pair in zip(weights, expected, strict=True))


def test_what_is_refused(arguments: list[str], safetensors: Path, tmp_path: Path, capsys) -> None:
    relu = str(FILES / "relu.pt")
    out = Path(arguments[-1])
    assert refused(["import", relu, "--config", "digits", "--out", str(out)], capsys) == (
        f"{relu}: its layers (0.weight 64-16, 2.weight 16-10) are not those of the configuration, 64-32-10"
    )
    assert "no file of" not in refused(["import", str(tmp_path / "none.pt"), *arguments], capsys)
    assert refused(["import", str(FILES / "accuracies.json"), *arguments], capsys).endswith(
        "weights are read from files .pt, .pth, .ckpt, .bin, .safetensors, .nir, .h5, .hdf5, not '.json'"
    )
    for option, value in (("--percentile", "0"), ("--percentile", "nan"), ("--tick", "0"), ("--tick", "inf")):
        assert option in refused(["import", relu, *arguments, option, value], capsys)
    assert "--normalize" in refused(["import", relu, *arguments, "--normalize", "0.1", "0"], capsys)
    assert refused(["import", relu, *arguments, "--dataset-setting", "pool=2"], capsys).startswith(
        "settings and folders"
    )
    safetensors.write_bytes(safetensors.read_bytes()[:-9])
    assert refused(["import", str(safetensors), *arguments], capsys).startswith(f"{safetensors} is damaged: ")
    assert not out.exists()
    out.parent.mkdir()
    out.write_bytes(b"good")
    assert refused(["import", relu, *arguments], capsys) == f"{out} is there already; --force overwrites it"
    assert out.read_bytes() == b"good"


def test_options_are_what_python_takes_when_they_are_left_out() -> None:
    defaults = {option.name: option.default for option in import_.params}
    assert defaults["percentile"] == PERCENTILE
    assert defaults["tick"] == TICK
    assert inspect.signature(fit_chain).parameters["percentile"].default == PERCENTILE


def test_pytorch_s_files_need_no_extra(arguments: list[str], safetensors: Path, capsys, monkeypatch) -> None:
    """And a file that does names it."""
    for name in ("torch", "nir", "h5py", "safetensors"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["import", str(FILES / "synaptic.pt"), *arguments]) == 0
    capsys.readouterr()
    for path, package in ((FILES / "synaptic.nir", "nir"), (safetensors, "safetensors")):
        sentence = f"{package} is missing; install it with: pip install backspike[weights]"
        assert refused(["import", str(path), *arguments, "--force"], capsys) == f"{path}: {sentence}"
    export = ["export", "--checkpoint", arguments[-1], "--format", "nir", "--out", arguments[-1] + ".out"]
    assert refused(export, capsys).startswith("nir is missing; install it with")
    assert not Path(export[-1]).exists()


def test_types_of_safetensors(tmp_path: Path) -> None:
    """By the text of the format: a length, a header in JSON, numbers; here 1, 2 and 3."""
    kinds = {"BF16": [0x3F80, 0x4000, 0x4040], "F16": [0x3C00, 0x4000, 0x4200], "I16": [1, 2, 3], "U16": [1, 2, 3]}
    for kind, halves in kinds.items():
        header = {"fc.weight": {"dtype": kind, "shape": [1, 3], "data_offsets": [0, 6]}}
        text = json.dumps(header).encode()
        path = tmp_path / "net.safetensors"
        path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<3H", *halves))
        if kind == "U16":
            with pytest.raises(BackspikeError, match=r"fc\.weight in it is of type U16, and what is read is F64"):
                read_chain(path, (3, 1))
        else:
            assert read_chain(path, (3, 1)).layers[0].weights.tolist() == [[1], [2], [3], [0]]


def test_names_of_layers_count_as_people_do(tmp_path: Path) -> None:
    """Safetensors keep no order: layer 10 comes after layer 9."""
    generator = np.random.Generator(np.random.PCG64(2))
    tensors = {f"net.{number}.weight": generator.normal(size=(4, 4)) for number in range(12)}
    save_file(tensors, tmp_path / "net.safetensors")
    chain = read_chain(tmp_path / "net.safetensors", (4,) * 13)
    assert [layer.name for layer in chain.layers] == list(tensors)
    with pytest.raises(BackspikeError, match="are not those of the configuration, 4-4"):
        read_chain(tmp_path / "net.safetensors", (4, 4))
