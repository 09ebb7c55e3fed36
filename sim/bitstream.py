"""What a bitstream makes of the chip, as Verilog: decoded by none of the tools that have made it, where it can be."""

from __future__ import annotations

from . import ecp5, gowin, icestorm
from .built import Built

__all__ = ["decode"]

_DECODERS = {"ice40": icestorm.decode, "ecp5": ecp5.decode, "gowin": gowin.decode}


def decode(built: Built) -> str:
    """Return what the chip is configured as: the module `built.CHIP`, and the models of the cells in it.

    Raises
    ------
    BackspikeError
        The decoder of the board's family is missing or stops; or the bitstream has another PLL than was asked for,
        other pins, or cells that no model is known of.
    """
    return _DECODERS[built.board.family.name](built)
