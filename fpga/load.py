"""The command `flash`: what `build` has left, brought into a board by openFPGALoader."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading
from backspike.programs import clean_environment

from .boards import FLASH, SRAM, Board, find_board

__all__ = ["LOADER", "load_command", "run_loader"]

LOADER = "openFPGALoader"


def load_command(build: Path, target: str | None = None, cable: str | None = None) -> list[str]:
    """Return the command that brings a build into its board.

    Parameters
    ----------
    build : Path
        The folder that `build` has written.
    target : str, optional
        `SRAM` or `FLASH`; SRAM when left out, on a board that can be loaded so.
    cable : str, optional
        JTAG cable by openFPGALoader's name of it, for boards that have none.

    Raises
    ------
    BackspikeError
        There is no build, or one that missed its timing; the board cannot be loaded so; a cable is missing, or not to
        be chosen.
    """
    board, bitstream = _built(build)
    if target is None and SRAM not in board.loading:
        raise BackspikeError(
            f"{board.title} is loaded through its flash alone, and what is there is lost; --to {FLASH} if that is meant"
        )
    options = board.loading.get(target or SRAM)
    if options is None:
        raise BackspikeError(f"{board.title} can be loaded to {' or '.join(board.loading)}, not to {shown(target)}")
    if board.cable and cable is None:
        raise BackspikeError(f"{board.title} has no JTAG cable of its own; --cable says which one it is loaded through")
    if cable is not None:
        if not board.cable:
            raise BackspikeError(f"{board.title} has a JTAG cable of its own; leave out --cable")
        options = (*options, "-c", cable)
    return [LOADER, *options, str(bitstream)]


def run_loader(command: list[str]) -> None:
    """Run what `load_command` has returned; what it prints is seen as it comes.

    Raises
    ------
    BackspikeError
        openFPGALoader is missing, or ends with another status than 0.
    """
    program = shutil.which(LOADER)
    if program is None:
        raise BackspikeError(f"{LOADER} is missing; install it with: apt-get install openfpgaloader")
    try:
        status = subprocess.run([program, *command[1:]], env=clean_environment(), check=False).returncode
    except OSError as error:
        raise BackspikeError(f"{program} cannot be run: {error.strerror}") from error
    if status:
        raise BackspikeError(f"{LOADER} ended with status {status}; docs/bringup.md has what helps")


def _built(build: Path) -> tuple[Board, Path]:
    """Return the board that a build is for, and its bitstream."""
    path = build / "report.json"
    with reading(path, "report"):
        report: dict[str, Any] = read_json(path, "report")
        name, board_name, met = str(report["name"]), str(report["board"]), report["timing_met"]
    board = find_board(board_name)
    bitstream = build / f"{name}{board.family.suffix}"
    if not met:
        raise BackspikeError(f"{build} has no bitstream, as its timing was not met: see report.txt there")
    if not bitstream.is_file():
        raise BackspikeError(f"{bitstream} is missing; build it again")
    return board, bitstream
