"""What leaves this project with a network, taken by the tools that it is for."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.hdl.package import write_package
from backspike.hdl.testbench import make_testbench
from backspike.sim.layout import Layout
from tests.hdl.variants import NEEDS_ICARUS

pytestmark = pytest.mark.slow
WRAPPERS = {"tiny": None, "tiny_axi": "axi", "tiny_wishbone": "wishbone"}
NAMES = pytest.mark.parametrize("name", WRAPPERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, plain and on each bus, in one folder."""
    folder = tmp_path_factory.mktemp("package")
    for wrapper in WRAPPERS.values():
        write_package(PRESETS["tiny"], folder, wrapper=wrapper)
    return folder


def fusesoc(folder: Path, work: Path, target: str, core: str) -> subprocess.CompletedProcess[str]:
    """Run a core's target, with a home of its own."""
    if importlib.util.find_spec("fusesoc") is None:
        pytest.skip("needs FuseSoC: pip install fusesoc")
    program = "verilator" if target == "lint" else "iverilog"
    if shutil.which(program) is None:
        pytest.skip(f"needs {program} on PATH: apt-get install {program}")
    command = [Path(sys.executable).with_name("fusesoc"), "--cores-root", folder, "run", "--target", target]
    environment = {**os.environ, "HOME": str(work), "XDG_CONFIG_HOME": str(work), "XDG_CACHE_HOME": str(work)}
    command += ["--work-root", work / target, f"backspike:networks:{core}"]
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["tiny_axi", "tiny_wishbone"])
def test_fusesoc_lints_without_a_remark(name: str, folder: Path, tmp_path: Path) -> None:
    process = fusesoc(folder, tmp_path, "lint", name)
    assert process.returncode == 0, process.stdout + process.stderr
    assert not re.search(r"%(Warning|Error)", process.stdout + process.stderr)
    # Yes, it was linted.
    assert "--lint-only" in "".join(path.read_text() for path in (tmp_path / "lint").glob("*.vc"))


@NAMES
def test_fusesoc_simulates_what_the_golden_model_says(name: str, folder: Path, tmp_path: Path) -> None:
    process = fusesoc(folder, tmp_path, "sim", name)
    assert process.returncode == 0, process.stdout + process.stderr
    assert f"PASS {name}\n" in process.stdout


@NAMES
def test_a_core_says_which_network_it_is(name: str, folder: Path) -> None:
    tiny = PRESETS["tiny"]
    described = re.search(r"^description: (.*)$", (folder / f"{name}.core").read_text(), re.MULTILINE)
    assert described
    assert described[1] == f"Spiking network 8-4-3 that learns on chip, configuration {tiny.hash[:8]}"


@NAMES
def test_the_testbench_has_ports_as_wide_as_they_are(name: str, folder: Path) -> None:
    text, description = (folder / f"{name}_tb.sv").read_text(), json.loads((folder / f"{name}.json").read_text())
    widths = {port: layout["width"] for port, layout in description["ports"].items()}
    del widths[description["clock"]["port"]], widths[description["reset"]["port"]]
    declared = re.findall(r"^  (?:reg|wire) (?:\[(\d+):0\] )?(\w+)(?: = \d+)?;$", text, re.MULTILINE)
    assert {port: int(highest or 0) + 1 for highest, port in declared if port in widths} == widths
    assert 2 in widths.values() or name != "tiny_axi"


def test_the_testbench_begins_in_reset_and_shows_a_sample_without_an_entry(folder: Path) -> None:
    text, ports = (folder / "tiny_tb.sv").read_text(), json.loads((folder / "tiny.json").read_text())["ports"]
    assert re.findall(r"\breset = (\d);", text) == ["1", "0"]
    shown = re.search(r"samples__payload = (\d+)'h([0-9a-f]+);", text)
    assert shown
    assert int(shown[1]) == ports["samples__payload"]["width"]
    entry = Layout(ports["samples__payload"]).unpack(int(shown[2], 16))
    assert entry == {"index": 0, "value": 0, "label": 0, "learn": 0, "last": 1}
    assert text.count("while (!samples__ready)") == 1


@NEEDS_ICARUS
@pytest.mark.parametrize("changed", ["result", "register", "nothing"])
def test_the_testbench_finds_what_is_wrong(changed: str, folder: Path, tmp_path: Path) -> None:
    config, weights = PRESETS["tiny"], None
    description = json.loads((folder / "tiny_axi.json").read_text())
    if changed == "register":
        config = config.replace(rates=(65, 64))
    if changed == "result":
        # As if class 2 won whenever it can.
        weights = [np.zeros(layer.shape, dtype=np.int64) for layer in config.weight_layers]
        weights[-1][-1, 2] = 31
    text = make_testbench("tiny_axi", config, description, weights)
    (tmp_path / "bench.sv").write_text(text)
    command = ["iverilog", "-g2012", "-o", tmp_path / "bench", folder / "tiny_axi.v", tmp_path / "bench.sv"]
    subprocess.run(command, check=True)
    process = subprocess.run(["vvp", "-n", tmp_path / "bench"], capture_output=True, text=True, check=False)
    assert (process.returncode == 0) == (changed == "nothing"), process.stdout
    assert ("PASS" in process.stdout) == (changed == "nothing")


@NEEDS_ICARUS
def test_the_testbench_shows_samples_of_several_lists_that_end_early(tmp_path: Path) -> None:
    config = NetworkConfig(name="early", layers=(3, 2), ticks=6, input="spikes", patience=2, input_lfsrs=1)
    written: set[Path] = set()
    for wrapper in (None, "wishbone"):
        paths = write_package(config, tmp_path, wrapper=wrapper)
        verilog, *_ = paths
        # They are all that there is.
        written |= set(paths)
        assert set(tmp_path.iterdir()) - {tmp_path / "bench"} == written
        sources = [verilog, verilog.with_name(f"{verilog.stem}_tb.sv")]
        subprocess.run(["iverilog", "-g2012", "-o", tmp_path / "bench", *sources], check=True)
        printed = subprocess.run(["vvp", "-n", tmp_path / "bench"], capture_output=True, text=True, check=True).stdout
        assert printed.strip().endswith(f"PASS {verilog.stem}")


def commands(script: Path, arguments: str) -> list[list[str]]:
    """Return the commands of a vendor's that a script calls, in Tcl itself."""
    try:
        import tkinter
    except ImportError:
        pytest.skip("needs Python's tkinter, for its Tcl")
    tcl, called = tkinter.Tcl(), []
    tcl.createcommand("called", lambda *words: called.append(list(words)) or "")
    tcl.eval("namespace eval ipx {}; proc unknown {args} { called {*}$args }")
    tcl.eval("proc load_package {args} { called load_package {*}$args }")
    tcl.eval(f"set argv [list {arguments}]; info script {{{script}}}; cd {{{script.parent}}}")
    tcl.eval(script.read_text())
    return called


@NAMES
def test_vendor_scripts_are_tcl_for_these_files_and_say_that_they_were_not_run(name: str, folder: Path) -> None:
    description = json.loads((folder / f"{name}.json").read_text())
    for tool in ("vivado", "quartus"):
        assert "This script has NOT been run" in (folder / f"{name}_{tool}.tcl").read_text()
    called = commands(folder / f"{name}_vivado.tcl", "xc7z020clg400-1 10.0")
    assert ["read_verilog", str(folder / f"{name}.v")] in called
    assert ["synth_design", "-top", name, "-part", "xc7z020clg400-1", "-mode", "out_of_context"] in called
    assert ["get_ports", description["clock"]["port"]] in called
    buses = [words[2] for words in called if words[0] == "ipx::associate_bus_interfaces"]
    assert buses == (["s_axi", "s_axis_samples", "m_axis_results"] if name == "tiny_axi" else [])
    called = commands(folder / f"{name}_quartus.tcl", "{Cyclone V} 5CSEBA6U23I7 20.0")
    assert ["set_global_assignment", "-name", "FAMILY", "Cyclone V"] in called
    virtual = {words[-1].removesuffix("[*]") for words in called if "VIRTUAL_PIN" in words}
    assert virtual == set(description["ports"]) - {description["clock"]["port"]}
    assert "create_clock -name" in (folder / f"{name}.sdc").read_text()


def test_a_bus_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackspikeError, match=r"^wrapper must be one of axi, wishbone, not 'avalon'$"):
        write_package(PRESETS["tiny"], tmp_path, wrapper="avalon")


def test_a_bus_has_room_for_some_registers_alone(tmp_path: Path) -> None:
    deep = NetworkConfig(layers=(1, *[1] * 164, 2), ticks=330, lfsr_bits=32)
    with pytest.raises(BackspikeError, match=r"^a bus has room for 512 registers, and 165 weight layers have 516$"):
        write_package(deep, tmp_path, wrapper="axi")
    assert list(tmp_path.iterdir()) == []
