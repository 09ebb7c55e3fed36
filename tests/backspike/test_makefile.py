"""The Makefile before there is anything: a missing prerequisite is named, and nothing is begun."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("sh", "python3", "g++", "make")


def make_venv(tmp_path: Path, without: str, python: str) -> subprocess.CompletedProcess[str]:
    """Run ``make venv`` on a machine that lacks a program."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        if name != without:
            (programs / name).symlink_to(sys.executable if name == "python3" else shutil.which(name) or "missing")
    command = [shutil.which("make") or "make", "venv", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}"]
    environment = {**os.environ, "PATH": str(programs)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        ("g++", "error: g++ is missing (a C++ compiler); install it with: apt-get install g++"),
        ("python3", "error: python3 is missing; install it with: apt-get install python3 python3-venv"),
    ],
)
def test_missing_program_is_named_and_nothing_begun(without, sentence, tmp_path) -> None:
    result = make_venv(tmp_path, without, "python3")
    assert result.returncode != 0
    assert result.stderr.splitlines()[0] == sentence
    assert not (tmp_path / "venv").exists()


def test_old_python_is_named_and_nothing_begun(tmp_path) -> None:
    """A stand-in runs the check as a Python of another version would."""
    old = tmp_path / "old-python"
    old.write_text(
        f"#!{sys.executable}\nimport runpy, sys\nsys.argv = sys.argv[1:]\nsys.version_info = (3, 8, 10)\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    old.chmod(0o755)
    result = make_venv(tmp_path, "", str(old))
    assert result.returncode != 0
    assert "error: Python 3.10 or newer is needed" in result.stderr.splitlines()[0]
    assert "is 3.8; install one" in result.stderr.splitlines()[0]
    assert not (tmp_path / "venv").exists()
