"""Which tests judge a file of hdl/: those that import it, or what is nearest above it, and then those of a whole."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from .designs import kind_of
from .trial import HDL

__all__ = ["files", "later_tests", "quick_tests", "unit_tests", "whole_tests"]

ROOT = HDL.parent
_TESTS = ROOT / "tests" / "hdl"
# About texts: ports, descriptions, Verilog.
_TEXTS = ("test_description", "test_documentation", "test_names", "test_package", "test_verilog")
_WHOLES = ("network.py", "board.py", "link/host_link.py")
_NETWORKS = [f"tests/mutation/{name}.py" for name in ("ticks", "networks", "early")]
_LINK = "tests/hdl/link/test_host_link.py"
_BOARD = "tests/hdl/test_board.py"
_PLAYED = "tests/mutation/boards.py"
# They are in no whole that is simulated here: units' tests have to do.
_ALONE = ("controllers", "texts", "usb")
# They see buses from outside: the first in Amaranth's simulator, the last as Verilog.
_BUSES = [
    "tests/mutation/buses.py",
    *(f"tests/hdl/bus/test_{name}.py" for name in ("latency", "paths", "axi", "wishbone")),
]
_OWN = {
    **{file: ["tests/hdl/test_package.py"] for file in ("fusesoc.py", "package.py", "testbench.py", "vendor.py")},
    **{f"bus/{name}.py": [f"tests/hdl/bus/test_{name}.py"] for name in ("bridge", "results", "samples")},
    **{f"bus/{name}.py": ["tests/hdl/bus/test_ends.py"] for name in ("access", "axi", "wishbone")},
    # A board, but at a host of its own.
    **{f"link/usb_{name}.py": ["tests/hdl/link/test_usb_transport.py"] for name in ("device", "transport")},
    "link/usb_phy.py": [f"tests/hdl/link/test_usb_{name}.py" for name in ("phy", "transport")],
    "description.py": ["tests/hdl/test_description.py"],
    "ram.py": ["tests/hdl/test_word_store.py", "tests/hdl/test_verilog.py"],
    "verilog.py": ["tests/hdl/test_verilog.py"],
    # What the tests that come near it take from it is a layout.
    "network.py": [],
}


def files() -> list[str]:
    """Return all files of hdl/ that have code."""
    return [str(path.relative_to(HDL)) for path in sorted(HDL.rglob("*.py")) if path.name != "__init__.py"]


def unit_tests(file: str) -> list[str]:
    """Return the tests of a file alone: of those that import it, or else something that imports it, and so on."""
    if file in _OWN:
        return _OWN[file]
    if file.startswith("bus/"):
        return []
    imports = {path: _imports(HDL / path) for path in files()}
    tests = {
        str(path.relative_to(ROOT)): _imports(path)
        for path in sorted(_TESTS.rglob("test_*.py"))
        if path.stem not in _TEXTS
    }
    reached = {file}
    while True:
        found = [test for test, imported in tests.items() if imported & reached and not imported & set(_WHOLES)]
        if found:
            return found
        # What writes texts has its own tests, and is no way from a part to a test.
        parts = [path for path in imports if path not in _WHOLES and path not in _OWN]
        above = {path for path in parts if imports[path] & reached} | reached
        if above == reached:
            return []
        reached = above


def whole_tests(file: str) -> list[str]:
    """Return the tests of a network, a host link or a board that has the file in it, if there are any."""
    if kind_of(file) in _ALONE:
        return []
    if file.startswith("bus/"):
        return _BUSES
    if kind_of(file) == "memories":
        return [_PLAYED]
    if file == "board.py" or "transport" in file:
        return [_BOARD, _PLAYED]
    if file == "link/host_link.py":
        return [_LINK, _BOARD, _PLAYED]
    return [_LINK, _BOARD] if file.startswith("link/") else _NETWORKS[:: -1 if file == "patience.py" else 1]


def quick_tests(file: str) -> list[str]:
    """Return the tests that come first: a unit's, or of a file that has none the quickest of a whole."""
    return unit_tests(file) or whole_tests(file)[:1]


def later_tests(file: str) -> list[str]:
    """Return the tests for what the first have let through."""
    return whole_tests(file)[0 if unit_tests(file) else 1 :]


@cache
def _imports(path: Path) -> frozenset[str]:
    """Return the files of hdl/ that a file imports itself."""
    package = ["backspike", "hdl", *path.relative_to(HDL).parts[:-1]] if path.is_relative_to(HDL) else []
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            base = package[: len(package) - node.level + 1] if node.level else []
            name = [*base, *node.module.split(".")]
            if name[:2] == ["backspike", "hdl"] and len(name) > 2:
                found.add("/".join(name[2:]) + ".py")
    return frozenset(found)
