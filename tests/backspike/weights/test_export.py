"""Exported weights come back as they were: through the Verilog's own memories, and through a C compiler."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.cli import main
from backspike.hdl.verilog import write_design
from backspike.model import Network
from backspike.sim.layout import Layout
from backspike.training.checkpoint import Checkpoint
from backspike.weights.export import c_header, memory_files
from tests.backspike.test_cli import refused

CONFIGS = {
    "tiny": PRESETS["tiny"],
    # Lanes that do not divide the units, banks that do not divide the rows, and weights that share no hex digit.
    "uneven": NetworkConfig(
        name="uneven", layers=(8, 5, 4, 3), ticks=6, weight_bits=11, lanes=(2, 3, 3), banks=(4, 2, 1), ports=(1, 2, 2)
    ),
}


def weights_of(config: NetworkConfig) -> list[np.ndarray]:
    """Return weights over the whole range, both ends included."""
    generator = np.random.Generator(np.random.PCG64(6))
    weights = [
        generator.integers(config.weight_min, config.weight_max + 1, layer.shape) for layer in config.weight_layers
    ]
    for matrix in weights:
        matrix[0, 0], matrix[-1, -1] = config.weight_min, config.weight_max
    return weights


def test_a_crossbar_has_no_memories_to_read() -> None:
    config = PRESETS["tiny"].replace(synapses="crossbar")
    with pytest.raises(BackspikeError, match=r'^format hex is for memories, and tiny with synapses = "crossbar" has'):
        memory_files(config, weights_of(config))
    assert c_header(config, weights_of(config)) == c_header(PRESETS["tiny"], weights_of(config))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_verilog_reads_its_memories(name: str, tmp_path: Path) -> None:
    """Icarus loads the files into the memories of the generated Verilog, whose description says what they then hold."""
    config = CONFIGS[name]
    weights = weights_of(config)
    verilog, description = write_design(config, tmp_path)
    probes = {
        probe: found
        for probe, found in json.loads(description.read_text())["probes"].items()
        if any(state.startswith("weights_") for state in found["states"])
    }
    files = memory_files(config, weights)
    assert set(files) == {f"{config.name}.{probe}.hex" for probe in probes}
    shown = []
    for probe, found in probes.items():
        (tmp_path / f"{config.name}.{probe}.hex").write_text(files[f"{config.name}.{probe}.hex"])
        shown.append(f'#1 $readmemh("{config.name}.{probe}.hex", unit.{found["path"]}, 0, {found["words"] - 1});')
        shown += [f'$display("%h", unit.{found["path"]}[{word}]);' for word in range(found["words"])]
    (tmp_path / "bench.v").write_text(
        f"module bench; {config.name} unit (); initial begin {' '.join(shown)} $finish; end endmodule\n"
    )
    for command in (["iverilog", "-o", "bench", "bench.v", verilog.name], ["vvp", "-n", "bench"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if "finish" not in line]
    assert lines == "".join(files.values()).split()
    words = iter(lines)
    found_weights = [np.zeros_like(matrix) for matrix in weights]
    for probe, found in probes.items():
        layer = config.weight_layer(int(found["states"][0].removeprefix("weights_")))
        layout, bank = Layout(found["layout"]), int(probe[-1])
        values = np.array([layout.unpack(int(next(words), 16)) for _ in range(found["words"])])
        rows = values.reshape(-1, layer.row_lanes)[:, : layer.units]
        own = found_weights[layer.number - 1][bank :: layer.banks]
        own[...] = rows[: len(own)]
        assert not rows[len(own) :].any()
    assert all(np.array_equal(*pair) for pair in zip(found_weights, weights, strict=True))


@pytest.mark.parametrize("compiler", ["cc", "c++"])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_compiler_reads_the_header(name: str, compiler: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    weights = weights_of(config)
    ((header, text),) = c_header(config, weights).items()
    (tmp_path / header).write_text(text)
    loops = "".join(
        f"for (int j = 0; j <= {macro}_UNITS_{layer - 1}; j++) for (int i = 0; i < {macro}_UNITS_{layer}; i++)"
        f' printf("%d ", {config.name}_weights_{layer}[j][i]);'
        for layer in range(1, config.depth + 1)
        for macro in [config.name.upper()]
    )
    source = tmp_path / ("main.c" if compiler == "cc" else "main.cpp")
    source.write_text(f'#include <stdio.h>\n#include "{header}"\n#include "{header}"\nint main(void) {{ {loops} }}\n')
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", source.name], cwd=tmp_path, check=True)
    said = subprocess.run(["./a.out"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert [int(word) for word in said.split()] == np.concatenate([matrix.ravel() for matrix in weights]).tolist()
    assert f"static const {'int8_t' if config.weight_bits <= 8 else 'int16_t'} " in text


def test_the_command_writes_them(tmp_path, capsys) -> None:
    config = PRESETS["tiny"]
    checkpoint = tmp_path / "checkpoint.npz"
    Checkpoint.capture(Network(config, weights_of(config))).save(checkpoint)
    arguments = ["export", "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out"), "--format"]
    assert main([*arguments, "hex"]) == 0
    assert main([*arguments, "header"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"written to {tmp_path / 'out'}: tiny.layer_1.weights_0.hex, tiny.layer_2.weights_0.hex"
    assert said[1] == f"written to {tmp_path / 'out'}: tiny_weights.h"
    for name, text in {**memory_files(config, weights_of(config)), **c_header(config, weights_of(config))}.items():
        assert (tmp_path / "out" / name).read_text() == text
    # For the Verilog of other lanes and another name.
    other = config.replace(name="other", lanes=(2, 1))
    other.save(tmp_path / "other.toml")
    assert main([*arguments, "hex", "--config", str(tmp_path / "other.toml")]) == 0
    name, text = next(iter(memory_files(other, weights_of(config)).items()))
    assert name == "other.layer_1.weights_0.hex"
    assert (tmp_path / "out" / name).read_text() == text
    capsys.readouterr()
    assert refused([*arguments, "hex", "--config", "digits"], capsys).startswith("the checkpoint is of another config")
    assert refused([*arguments, "onnx"], capsys).startswith("Invalid value for '--format': 'onnx' is not one of")
