"""What is missing is named, with the command that installs it, by any Python and before anything is installed."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path

import pytest

from backspike import prerequisites

SCRIPT = Path(prerequisites.__file__)


def test_everything_here() -> None:
    assert prerequisites.missing_python_parts() == []
    assert prerequisites.missing_programs("g++", "make") == []


@pytest.mark.parametrize("name", prerequisites.INSTALL)
def test_missing_program_is_one_sentence(name, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    (sentence,) = prerequisites.missing_programs(name)
    assert sentence.startswith(f"{name} is missing (")
    assert "; install it with: " in sentence
    assert "\n" not in sentence


def test_old_python_is_named(monkeypatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    (sentence,) = prerequisites.missing_python_parts()
    assert "Python 3.10 or newer is needed" in sentence
    assert "is 3.9;" in sentence


def test_missing_venv_is_named(monkeypatch) -> None:
    def without_ensurepip(name, *rest):
        if name == "ensurepip":
            raise ImportError(name)
        return original(name, *rest)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without_ensurepip)
    (sentence,) = prerequisites.missing_python_parts()
    assert sentence.endswith(f"apt-get install python3.{sys.version_info[1]}-venv")


def test_script_needs_nothing_but_python(tmp_path) -> None:
    # -S and -I: no installed packages, no current folder. An empty PATH: nothing is there.
    command = [sys.executable, "-S", "-I", str(SCRIPT), "g++", "make"]
    refused = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [
        "error: g++ is missing (a C++ compiler); install it with: apt-get install g++",
        "error: make is missing (make); install it with: apt-get install make",
    ]
    assert subprocess.run([*command[:4]], check=False).returncode == 0
