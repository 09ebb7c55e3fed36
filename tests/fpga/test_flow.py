"""What Yosys makes of the generated Verilog."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from backspike import PRESETS
from backspike.fpga.families import GOWIN
from backspike.fpga.tools import find_tool
from backspike.hdl.verilog import write_design


@pytest.mark.parametrize("preset", ["tiny", "digits"])
def test_yosys_takes_every_memory_as_a_memory(preset, tmp_path):
    config = PRESETS[preset]
    source = write_design(config, tmp_path)[0].name
    script = f"read_verilog {source}; hierarchy -top {config.name}; proc; memory_collect; tee -o stat.json stat -json"
    command = [*find_tool("yosys"), "-p", script]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert not re.search("replacing memory", process.stdout + process.stderr, re.IGNORECASE)
    # A list of entries for each input LFSR, rows of weights for each layer, states and noise of the output.
    cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
    assert cells["$mem_v2"] >= config.input_lfsrs + config.depth + 2, cells


def carry(table: str, i0: int, before: int) -> int:
    """What an adder of a GW1NR gives to the next one, with 1 at its third input and 0 at the others."""
    words = [int(bit) for bit in reversed(table[-16:])]
    return before if words[4 + i0] else words[i0]


def test_a_carry_from_logic_is_given_to_a_gowins_adders_as_it_is(tmp_path):
    """nextpnr's table gives the carry of the neighbour, which no wire leads to, where it should give 0."""
    wrong = f"{0x505A:032b}"
    assert [carry(wrong, i0, before) for i0 in (0, 1) for before in (0, 1)] == [0, 1, 1, 1]
    cells = {
        "head": {"type": "ALU", "parameters": {"CIN_NETTYPE": "LOGIC", "RAW_ALU_LUT": wrong}},
        "other": {"type": "ALU", "parameters": {"RAW_ALU_LUT": wrong}},
        "fine": {"type": "ALU", "parameters": {"CIN_NETTYPE": "LOGIC", "RAW_ALU_LUT": f"{0x000A:032b}"}},
        "plain": {"type": "LUT1", "parameters": {"INIT": "01"}},
    }
    path = tmp_path / "top.pnr.json"
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    assert GOWIN.mend(tmp_path) == 1
    mended = json.loads(path.read_text())["modules"]["top"]["cells"]
    table = mended["head"]["parameters"].pop("RAW_ALU_LUT")
    assert [carry(table, i0, before) for i0 in (0, 1) for before in (0, 1)] == [0, 0, 1, 1]
    cells["head"]["parameters"].pop("RAW_ALU_LUT")
    assert mended == cells
