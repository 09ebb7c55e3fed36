"""The way to a device, for the commands that have one: its configuration, its line, and its greeting."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backspike.config import NetworkConfig, load_config
from backspike.errors import BackspikeError
from backspike.files import read_json, reading
from backspike.link import BYTE_BITS

if TYPE_CHECKING:
    from backspike.fpga.boards import Line
    from backspike.fpga.link.device import Device
    from backspike.fpga.link.transport import Transport

__all__ = ["board_config", "built_line", "connect"]

logger = logging.getLogger(__name__)


def board_config(name_or_path: str, board_name: str | None) -> NetworkConfig:
    """Return a configuration as `build` has it for a board, or, where none is named, as it is."""
    if board_name is None:
        return load_config(name_or_path)
    from backspike.fpga.boards import find_board

    return find_board(board_name).load_config(name_or_path)


def built_line(name_or_path: str, board_name: str | None, baud: int | None = None, usb: bool = False) -> Line:
    """Return what is between a build and the host: what is chosen, or as in the report beside its configuration.

    Where nothing is chosen, and there is no report, it is the board's serial line.

    Raises
    ------
    BackspikeError
        Both USB and a bit rate are chosen.
    """
    from backspike.fpga.boards import USB, USUAL_BAUD, chosen_line, find_board

    if (line := chosen_line(baud, usb)) is not None:
        return line
    report = Path(name_or_path).with_name("report.json")
    if name_or_path.endswith(".toml") and report.is_file():
        with reading(report, "report"):
            found = read_json(report, "report")
            return USB if found.get("link") == USB else round(float(found["baud"]))
    return find_board(board_name).baud if board_name else USUAL_BAUD


def _open_transport(board_name: str | None, port: Path, line: Line) -> AbstractContextManager[Transport]:
    """Open what a board is reached by; where none is named, a serial port, or one of USB."""
    if board_name:
        from backspike.fpga.boards import find_board

        return find_board(board_name).open_transport(port, line)
    from backspike.fpga.link.port import open_transport, open_usb

    return open_usb(port) if isinstance(line, str) else open_transport(port, line)


@contextmanager
def connect(
    config: NetworkConfig,
    board_name: str | None,
    port: Path | None,
    bitstream: Path | None,
    line: Line,
    noise: float,
    skew: float,
    sample_memory: int | str | None,
    samples_per_frame: int | None,
) -> Iterator[Device]:
    """Open the way to a device, real or simulated, and greet it."""
    from backspike.fpga.link.device import Device

    if port:
        # An answer is at most 600 bytes.
        seconds = 0.0 if isinstance(line, str) else 600 * BYTE_BITS / line
        with _open_transport(board_name, port, line) as transport:
            yield Device(transport, config, 0.2 + seconds, samples_per_frame)
    else:
        from backspike.fpga.link.serial_transport import SerialTransport
        from backspike.hdl.memory.sdram import Sdram
        from backspike.sim.board import DirectLine, SimulatedBoard
        from backspike.sim.built import read_built

        built = read_built(bitstream) if bitstream else None
        logger.info("building the simulation of %s ...", bitstream or config.name)
        ram = sample_memory if isinstance(sample_memory, int) else None
        sdram = Sdram() if isinstance(sample_memory, str) else None
        with SimulatedBoard(config, noise=noise, built=built, memory_bits=ram, sdram=sdram) as board:
            board.set_line(skew)
            direct = DirectLine(board)
            # Of the simulation's seconds, not the computer's: a busy machine is not late.
            yield Device(SerialTransport(direct, direct.seconds), config, 0.2, samples_per_frame)
            if board.complaint:
                raise BackspikeError(board.complaint)
