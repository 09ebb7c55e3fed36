"""The smallest preset on a real device, and what is said when that cannot be."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from backspike import PRESETS, BackspikeError
from backspike.fpga import place_and_route as module
from backspike.fpga.place_and_route import place_and_route
from backspike.fpga.tools import find_tool
from backspike.hdl.verilog import write_design

TINY = PRESETS["tiny"]


def test_tiny_fits_an_ice40_hx8k(record_property):
    found = place_and_route(TINY)
    record_property("tiny on an iCE40 HX8K", str(found))
    assert found.available == {"logic_cells": 7680, "block_rams": 32, "pins": 206}
    for name in found.used:
        assert 0 < found.used[name] < found.available[name], found
    # The weights of both layers and the Gumbel table at least: each a memory of its own.
    assert found.used["block_rams"] >= 3, found
    assert found.frequency > 25, found


def test_what_does_not_fit_is_one_sentence(monkeypatch):
    """The netlist of a network that needs more pins than the package has; placed only, since that is refused soon."""
    stand_in = "module tiny(input [99:0] a, output [99:0] y); assign y = a; endmodule\n"

    def write(config, directory):
        (directory / "tiny.v").write_text(stand_in)
        return [directory / "tiny.v"]

    monkeypatch.setattr(module, "write_design", write)
    sentence = (
        r"^tiny cannot be placed and routed on an iCE40 up5k in package sg48: Unable to find a placement location"
    )
    with pytest.raises(BackspikeError, match=sentence):
        place_and_route(TINY, "up5k", "sg48")
    with pytest.raises(BackspikeError, match=r"^tiny cannot be placed .* in package nonsense: .*nonsense"):
        place_and_route(TINY, "up5k", "nonsense")


def test_an_unknown_device_is_one_sentence():
    with pytest.raises(BackspikeError, match=r"^device must be one of lp384, .*, not 'nonsense'$"):
        place_and_route(TINY, "nonsense")


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
