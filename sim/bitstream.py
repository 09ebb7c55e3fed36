"""What a bitstream makes of the chip, as Verilog: decoded by none of the tools that have made it."""

from __future__ import annotations

from backspike.errors import BackspikeError

from . import ecp5, icestorm
from .built import Built

__all__ = ["decode"]

_DECODERS = {"ice40": icestorm.decode, "ecp5": ecp5.decode}


def decode(built: Built) -> str:
    """Return what the chip is configured as: the module `built.CHIP`, and the models of the cells in it.

    Raises
    ------
    BackspikeError
        There is no decoder for the board's family, or it is missing or stops; or the bitstream has another PLL than was
        asked for, other pins, or cells that no model is known of.
    """
    if built.board.family.name not in _DECODERS:
        raise BackspikeError(f"bitstreams of {built.board.title} cannot be decoded")
    return _DECODERS[built.board.family.name](built)
