"""What Yosys makes of the generated Verilog."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from backspike import PRESETS
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
    # A list of entries for each input LFSR, rows of weights for each layer, states and noise of the output.
    cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
    assert cells["$mem_v2"] >= config.input_lfsrs + config.depth + 2, cells
