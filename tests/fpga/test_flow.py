"""What Yosys makes of the generated Verilog."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from backspike import PRESETS, BackspikeError
from backspike.fpga import flow
from backspike.fpga.tools import find_tool
from backspike.hdl.verilog import write_design


@pytest.mark.parametrize("preset", ["tiny", "digits"])
def test_yosys_takes_every_memory_as_a_memory(preset, tmp_path):
    config = PRESETS[preset]
    source = write_design(config, tmp_path)[0].name
    script = f"read_verilog {source}; hierarchy -top {config.name}; proc; memory_collect; tee -o stat.json stat -json"
    command = [*find_tool("yosys"), "-Q", "-p", script]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert not re.search("replacing memory", process.stdout + process.stderr, re.IGNORECASE)
    # A list of entries for each input stream, rows of weights for each layer, states and noise of the output.
    cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
    assert cells["$mem_v2"] >= config.input_streams + config.depth + 2, cells


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_yosys_gets_single_bits_where_it_stops_on_an_ecp5(family, monkeypatch, tmp_path):
    scripts = []

    def stop_unless_split(command, folder, name):
        scripts.append((folder / "top.ys").read_text())
        if "splitnets" not in scripts[-1]:
            raise BackspikeError(f"{name} stopped")

    monkeypatch.setattr(flow, "_run", stop_unless_split)
    (tmp_path / "top.ys").write_text(f"read_rtlil top.il\nsynth_{family} -top top\n")
    if family == "ice40":
        with pytest.raises(BackspikeError, match=r"^yosys stopped$"):
            flow._run_yosys(tmp_path)
        assert len(scripts) == 1
    else:
        flow._run_yosys(tmp_path)
        assert re.fullmatch(r"read_rtlil top.il\nhierarchy -top top; .* splitnets; synth_ecp5 -top top\n", scripts[1])
