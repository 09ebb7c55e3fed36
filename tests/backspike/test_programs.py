"""Programs run the same wherever and from whatever shell they are started."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from backspike import PRESETS, BackspikeError
from backspike.hdl import verilog
from backspike.hdl.network import NetworkTop
from backspike.hdl.verilog import emit
from backspike.programs import clean_environment, python_command, run_program

SHADOWS = ("random", "runpy", "tempfile", "pathlib", "wasmtime", "numpy")


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A folder with modules that must not be imported, where the user works and where PYTHONPATH points."""
    folder = tmp_path / "a user's folder"
    folder.mkdir()
    for name in (*SHADOWS, "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('the user\\'s {name} was imported')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}{folder}")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONHOME", str(folder))
    monkeypatch.setenv("PYTHONSTARTUP", str(folder / "random.py"))
    return folder


@pytest.mark.parametrize("parent_has_it", [False, True])
def test_modules_of_the_users_folder_are_not_imported(parent_has_it, hostile, monkeypatch):
    if parent_has_it:  # as `python -m backspike` has
        monkeypatch.setattr(sys, "path", ["", str(hostile), *sys.path])
    process = run_program(python_command(f"import {', '.join(SHADOWS)}; print(sys.argv[1:])", "one", "t'w\"o"))
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == "['one', 't\\'w\"o']\n"


def test_packages_that_only_this_process_knows_are_found(tmp_path, monkeypatch):
    (tmp_path / "known_here.py").write_text("print('found')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run_program(python_command("import known_here")).stdout == "found\n"


def test_verilog_is_emitted_in_a_hostile_folder(hostile):
    assert "module tiny(" in emit(NetworkTop(PRESETS["tiny"]), "tiny")


def test_a_warning_of_yosys_is_no_failure(monkeypatch):
    def warn(*arguments, **options):
        process = run_program(*arguments, **options)
        process.stderr += "Warning: something to think about\n"
        return process

    monkeypatch.setattr(verilog, "run_program", warn)
    assert "module tiny(" in emit(NetworkTop(PRESETS["tiny"]), "tiny")


def test_a_yosys_that_stops_is_one_sentence(monkeypatch):
    failing = python_command("import sys; print('a line', file=sys.stderr); sys.exit('the reason')")
    monkeypatch.setattr(verilog, "python_command", lambda *arguments: failing)
    with pytest.raises(BackspikeError, match=r"^Yosys does not take Amaranth's RTLIL of tiny: the reason$"):
        emit(NetworkTop(PRESETS["tiny"]), "tiny")


def test_the_environment_holds_nothing_that_programs_obey(monkeypatch):
    for name in ("MAKEFLAGS", "MAKEFILES", "CXXFLAGS", "LDFLAGS", "VERILATOR_ROOT", "PERL5OPT", "COCOTB_TESTCASE"):
        monkeypatch.setenv(name, "x")
    for name in (
        "GPI_EXTRA",
        "PYGPI_USERS",
        "PYTHONPATH",
        "YOSYS_DATDIR",
        "LANG",
        "LC_NUMERIC",
        "LANGUAGE",
        "IVL_BASE",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("TMPDIR", "/somewhere")
    environment = clean_environment({"ADDED": "1"})
    assert {name for name, value in environment.items() if value == "x"} == set()
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["TMPDIR"] == "/somewhere"
    assert (environment["ADDED"], environment["LC_ALL"]) == ("1", "C")
    monkeypatch.delenv("PATH")
    assert clean_environment()["PATH"]


KINDS = ("empty", "text", "binary", "interpreter")


def broken(folder: Path, kind: str, name: str) -> Path:
    """Put something in a folder that is found on PATH but cannot be executed."""
    program = folder / name
    contents = {"empty": b"", "text": b"not a program\n", "binary": b"\x7fELF junk", "interpreter": b"#!/no/such\n"}
    program.write_bytes(contents[kind])
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_executed_is_one_sentence(kind, tmp_path):
    program = broken(tmp_path, kind, "tool")
    with pytest.raises(BackspikeError, match=rf"^{re.escape(str(program))} cannot be run: \w+"):
        run_program([str(program)])
