"""An SDRAM at the pins of a board: registers in the pads, and a clock that is right for both directions."""

from __future__ import annotations

from typing import Any

from amaranth import Elaboratable, Module
from amaranth.lib import io

from backspike.errors import BackspikeError
from backspike.hdl.memory.sdram import Sdram

from .families.family import Family

__all__ = ["CLOCK_DOMAIN", "SdramPads", "clock_delay"]

CLOCK_DOMAIN = "sdram"
"""Domain of the clock that goes to the part."""

WIRES = 0.5
"""Nanoseconds that a signal takes at most to the part and back on the board: 7 cm of wire."""

# Names of the controller's pins, and those of amaranth-boards.
NAMES = {
    "clock_enable": "clk_en",
    "select": "cs",
    "row": "ras",
    "column": "cas",
    "write": "we",
    "bank": "ba",
    "address": "a",
    "mask": "dqm",
}


def clock_delay(chip: Sdram, clock: float, family: Family) -> float:
    """Return by how many nanoseconds the part's clock has to be later than that of the registers in the pads.

    All registers, those that send and those that receive, have one clock. What is sent has to be there before the
    part's edge: the later that is, the better. What the part sends, from its edge on, has to be there before the next
    edge of the registers: the sooner the part's edge is, the better. So it is in the middle of what both allow. That
    things stay long enough is never a question: each is as long as a period, but for a nanosecond or two.

    Parameters
    ----------
    chip : Sdram
    clock : float
        In MHz.
    family : Family
        Of the device.

    Raises
    ------
    BackspikeError
        There is no time that both allow, or nothing is known of the family's pads.
    """
    pads = family.pads
    if pads is None:
        raise BackspikeError(f"nothing is known of the times at pads of {family.name}, which an SDRAM needs")
    least = chip.t_setup + pads.skew
    most = 1000 / clock - (pads.output + WIRES + chip.t_ac + pads.input)
    if most < least:
        fastest = 1000 / (least + pads.output + WIRES + chip.t_ac + pads.input)
        raise BackspikeError(
            f"the board's SDRAM cannot have a clock of {clock:g} MHz: what it sends would come too late from "
            f"{fastest:.1f} MHz on"
        )
    return (least + most) / 2


class SdramPads(Elaboratable):
    """The pads of an SDRAM, with a register in each direction, and in the clock of `CLOCK_DOMAIN` its clock.

    No path to or from the part leads through anything that is placed, or routed but by the clock's own wires: times at
    the pins are those of the device, and the same in every build.

    Parameters
    ----------
    pins : Signature's object
        `SdramController.pins`.
    """

    def __init__(self, pins: Any) -> None:
        self._pins = pins

    def elaborate(self, platform: Any) -> Module:
        """Build it; `platform` is the board's."""
        m = Module()
        names = [subsignal.name for subsignal in platform.lookup("sdram", 0).ios]
        port = platform.request("sdram", 0, dir=dict.fromkeys(names, "-"))
        # The pad's clock as data: not a wire from a clock to a pin, which would go any way.
        m.submodules.clock = clock = io.DDRBuffer(io.Direction.Output, port.clk, o_domain=CLOCK_DOMAIN)
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        for name, there in NAMES.items():
            m.submodules[name] = pad = io.FFBuffer(io.Direction.Output, getattr(port, there))
            m.d.comb += pad.o.eq(getattr(self._pins, name))
        m.submodules.data = data = io.FFBuffer(io.Direction.Bidir, port.dq)
        m.d.comb += [data.o.eq(self._pins.data), data.oe.eq(self._pins.drive), self._pins.read.eq(data.i)]
        return m
