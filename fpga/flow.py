"""The open tools' part of a build: a netlist, its place and route, and the bitstream; each step is cached."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.lib import wiring
from numpy.typing import NDArray

from backspike.cache import cached
from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.hdl.verilog import free_memories

from .blocks import fill_blocks
from .boards import Board
from .design import BoardDesign
from .families.family import Pll
from .tools import find_tool, run_tool, run_yosys, tool_version

__all__ = ["Step", "does_not_fit", "place_and_route", "synthesise"]


@dataclass(frozen=True)
class Step:
    """What a step of a build has made.

    Attributes
    ----------
    folder : Path
        Its files in the cache; the log of each tool is among them.
        Its name is a hash of the step's inputs and of the tools' versions.
    cached : bool
        It was there before.
    """

    folder: Path
    cached: bool


def synthesise(
    board: Board,
    config: NetworkConfig,
    pll: Pll,
    divisor: int | None,
    weights: Sequence[NDArray[np.int64]] | None = None,
    memory: wiring.Component[Any] | None = None,
) -> Step:
    """Make the netlist of a board's design; parameters are those of the `BoardDesign`.

    Returns
    -------
    Step
        Its folder has ``top.json`` (netlist), the constraints of pins, and ``yosys.log``.

    Raises
    ------
    BackspikeError
        Yosys is missing or stops, or amaranth-boards is missing.
    """
    design = BoardDesign(board, config, pll, divisor, weights, memory)
    options = {"debug_verilog": False, "synth_opts": board.synthesis}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of amaranth-boards are not the user's
        plan = board.platform().prepare(design, "top", emit_src=False, **options)
    files = {
        name: content if isinstance(content, str) else content.decode()
        for name, content in plan.files.items()
        if not name.startswith("build_")
    }
    files["top.il"] = free_memories(files["top.il"])
    if board.family.area:
        files["top.il"] = fill_blocks(files["top.il"], board.family.area, board.capacity)

    def run(folder: Path) -> None:
        for name, content in files.items():
            if name != "top.ys":
                (folder / name).write_text(content)
        run_yosys(files["top.ys"], "top", folder)
        for netlist in folder.glob("top.syn.json"):
            netlist.rename(folder / "top.json")

    return _cached([tool_version("yosys"), files], run, f"the netlist of {config.name} for {board.title}")


def place_and_route(board: Board, netlist: Step, clock: float, seed: int) -> Step:
    """Place and route a netlist and make the bitstream.

    Returns
    -------
    Step
        Its folder has ``nextpnr.json`` (nextpnr's report), ``nextpnr.log`` and the bitstream, ``top.bin``, ``top.bit``
        or ``top.fs``.

    Raises
    ------
    BackspikeError
        A tool is missing, or the design does not fit.
    """
    platform, family = board.platform(), board.family
    common = ["--json", "top.json", "--report", "nextpnr.json", "--log", "nextpnr.log", "--quiet"]
    common += ["--seed", str(seed), "--freq", f"{clock:.4f}", "--timing-allow-fail"]
    command = family.place_and_route_arguments(platform)
    pack = family.packer_arguments(platform)
    nextpnr, packer = family.place_and_route, family.packer

    def run(folder: Path) -> None:
        for path in netlist.folder.iterdir():
            if path.name == "top.json" or path.suffix == family.constraints:
                shutil.copy(path, folder)
        try:
            run_tool([*find_tool(nextpnr), *common, *command], folder, nextpnr)
        except BackspikeError as error:
            log = folder / "nextpnr.log"
            raise does_not_fit(log.read_text() if log.exists() else "", board) or error from error
        family.mend(folder)
        run_tool([*find_tool(packer), *pack], folder, packer)
        (folder / "top.json").unlink()

    inputs = [netlist.folder.name, tool_version(nextpnr), tool_version(packer), command, f"{clock:.4f}", seed]
    inputs += [family.mended] if family.mended else []
    return _cached(inputs, run, f"a bitstream for {board.title}, place and route with seed {seed}")


def does_not_fit(log: str, board: Board) -> BackspikeError | None:
    """Return the error for nextpnr's log if the design takes more cells than there are; None if it does not."""
    for kind, used, available in re.findall(r"(\w+): +(\d+)/ *(\d+) +\d+%", log):
        if int(used) > int(available):
            return BackspikeError(
                f"the design does not fit {board.title}: it takes {int(used):,} of {int(available):,} {kind}; "
                f"choose fewer lanes, input_lanes = 1, or a bigger board"
            )
    return None


def _cached(inputs: Any, run: Callable[[Path], None], title: str) -> Step:
    """Return the folder that `run` has filled for these inputs, now or before."""
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        run(folder)

    return Step(cached([json.dumps(inputs, sort_keys=True)], make, title), not made)
