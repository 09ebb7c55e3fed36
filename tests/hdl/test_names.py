"""The names that `backspike.hdl` offers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from backspike import hdl


def test_type_checkers_see_what_is_there_when_it_runs() -> None:
    tree = ast.parse(Path(hdl.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert seen == hdl._MODULES
    assert hdl.__all__ == sorted(seen)
    for name in hdl.__all__:
        assert getattr(hdl, name).__module__ == f"backspike.hdl.{seen[name]}"
        assert name in dir(hdl)


def test_what_is_not_there_is_said_so() -> None:
    with pytest.raises(AttributeError, match=r"^module 'backspike\.hdl' has no attribute 'Neuron'$"):
        _ = hdl.Neuron


def test_a_name_is_imported_when_it_is_asked_for() -> None:
    code = "import sys, backspike.hdl as hdl; hdl.SpikeGenerator; print('backspike.hdl.network' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
