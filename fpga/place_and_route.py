"""Synthesis, placement and routing of a network with open tools: what it costs on a device, and how fast it is."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.hdl.verilog import write_design

from .tools import find_tool

__all__ = ["ICE40", "Implementation", "place_and_route"]

ICE40 = ("lp384", "lp1k", "lp4k", "lp8k", "hx1k", "hx4k", "hx8k", "up3k", "up5k", "u1k", "u2k", "u4k")
"""Devices of the iCE40 family, as nextpnr names them."""

_CELLS = {"logic_cells": "ICESTORM_LC", "block_rams": "ICESTORM_RAM", "pins": "SB_IO"}


@dataclass(frozen=True)
class Implementation:
    """A network on a device, placed and routed.

    Attributes
    ----------
    used, available : dict of str to int
        Cells of the device: ``logic_cells`` (a 4-input table and a flip-flop each), ``block_rams`` (4,096 bits each)
        and ``pins``.
    frequency : float
        Highest clock frequency in MHz, by nextpnr's timing model in the worst case.
    """

    used: dict[str, int]
    available: dict[str, int]
    frequency: float


def place_and_route(
    config: NetworkConfig, device: str = "hx8k", package: str = "ct256", seed: int = 1
) -> Implementation:
    """Put a network on an iCE40 and report what it takes; every port is a pin, placed wherever it fits.

    Runs Yosys (``synth_ice40``) and nextpnr-ice40, as `find_tool` finds them.

    Parameters
    ----------
    config : NetworkConfig
    device : str
        One of `ICE40`.
    package : str
        The device's package, which decides how many pins there are.
    seed : int
        Seed of the placement.

    Raises
    ------
    BackspikeError
        A tool is missing, the device or package is unknown, or the network does not fit.
    """
    if device not in ICE40:
        raise BackspikeError(f"device must be one of {', '.join(ICE40)}, not {device!r}")
    yosys, nextpnr = find_tool("yosys"), find_tool("nextpnr-ice40")
    with tempfile.TemporaryDirectory(prefix="backspike-pnr-") as scratch:
        folder = Path(scratch)
        source = write_design(config, folder)[0].name
        script = f"read_verilog {source}; synth_ice40 -top {config.name} -json netlist.json"
        _run([*yosys, "-q", "-p", script], folder, f"Yosys cannot synthesise {config.name}")
        options = [f"--{device}", "--package", package, "--json", "netlist.json", "--report", "report.json"]
        where = f"{config.name} cannot be placed and routed on an iCE40 {device} in package {package}"
        _run([*nextpnr, *options, "--seed", str(seed), "--quiet"], folder, where)
        report = json.loads((folder / "report.json").read_text())
    cells = {name: report["utilization"][cell] for name, cell in _CELLS.items()}
    return Implementation(
        used={name: cell["used"] for name, cell in cells.items()},
        available={name: cell["available"] for name, cell in cells.items()},
        frequency=min(clock["achieved"] for clock in report["fmax"].values()),
    )


def _run(command: list[str], folder: Path, failed: str) -> None:
    """Run a tool in a folder, the only one that it can see if it is a WebAssembly one."""
    process = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if process.returncode:
        lines = (process.stderr + process.stdout).splitlines()
        reason = next((line for line in lines if line.startswith("ERROR: ")), f"exit status {process.returncode}")
        raise BackspikeError(f"{failed}: {reason.removeprefix('ERROR: ').strip()}")
