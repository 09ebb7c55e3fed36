"""A bitstream as `backspike build` leaves it, and the module that decoders make of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backspike.config import NetworkConfig, load_config
from backspike.errors import BackspikeError
from backspike.files import read_file, read_json, reading
from backspike.fpga.boards import USB, Board, find_board
from backspike.fpga.families.family import Pll

__all__ = ["CHIP", "PORTS", "Built", "Pin", "read_built"]

CHIP = "chip"
"""Name of the module that decoders make of a bitstream."""

PORTS = {
    name: {"direction": direction, "width": 1, "signed": False}
    for name, direction in (("clk", "input"), ("rst", "input"), ("rx", "input"), ("tx", "output"), ("busy", "output"))
}
"""Its ports: those of `BoardTop`, with clock and reset.

The clock is what the PLL gives; it is locked unless there is a reset. So the design's own reset at power-up is
simulated as well.
"""

_LARGEST = 1 << 22


@dataclass(frozen=True)
class Pin:
    """A pin's place on the package, and whether it is inverted."""

    place: str
    inverted: bool


@dataclass(frozen=True)
class Built:
    """A bitstream as `backspike build` leaves it, with what it was built for.

    Attributes
    ----------
    bitstream : Path
    board : Board
    config : NetworkConfig
    divisor : int
        Clock cycles of a bit on the serial line.
    pll : Pll
        The PLL's setting that was asked for.
    """

    bitstream: Path
    board: Board
    config: NetworkConfig
    divisor: int
    pll: Pll

    def content(self) -> bytes:
        """Return the bitstream's bytes."""
        return read_file(self.bitstream, "bitstream", _LARGEST)

    def pins(self) -> dict[str, Pin]:
        """Return the pins of the line and of the light, by the names of `PORTS`.

        Raises
        ------
        BackspikeError
            The board has no light, which says when it is busy.
        """
        platform = self.board.platform()
        if not self.board.led:
            raise BackspikeError(f"a bitstream for {self.board.title} cannot be simulated, as no light says it is busy")
        line = {part.name: part.ios[0] for part in platform.lookup("uart", 0).ios}
        found = {"rx": line["rx"], "tx": line["tx"], "busy": platform.lookup("led", 0).ios[0]}
        return {name: Pin(pins.names[0], bool(pins.invert)) for name, pins in found.items()}


def read_built(bitstream: Path) -> Built:
    """Return a bitstream with what the ``report.json`` and ``config.toml`` beside it say of it.

    Raises
    ------
    BackspikeError
        A file is missing or says too little.
    """
    if not bitstream.is_file():
        raise BackspikeError(f"there is no bitstream {bitstream}")
    path = bitstream.with_name("report.json")
    report = read_json(path, "report of the build")
    with reading(path, "report of the build"):
        if report.get("link") == USB:
            raise BackspikeError(
                f"{bitstream} cannot be simulated: its link is at a USB port, which is not known there"
            )
        clock, baud = float(report["clock_mhz"]), float(report["baud"])
        board = find_board(report["board"])
        memory = report.get("sample_memory")
    if memory and memory["kind"] == "SDRAM":
        raise BackspikeError(f"{bitstream} cannot be simulated: it has an SDRAM at its pins, which is not known there")
    config = load_config(str(bitstream.with_name("config.toml")))
    pll = board.family.pll(board.platform().default_clk_frequency / 1e6, clock)
    return Built(bitstream, board, config, round(clock * 1e6 / baud), pll)
