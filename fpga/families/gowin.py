"""Gowin GW1NR-9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import Instance, Module, Signal, Value

from .family import Family, Pll, buffered

__all__ = ["GOWIN"]

# Table of the adder that nextpnr 0.11 puts before a carry chain whose first carry comes from logic, and the right one.
# An adder's carry out is its carry in where words 4 to 7 give 1, else what words 0 to 3 give. So the first lets through
# what the neighbour's carry happens to be where it should give 0.
_WRONG, _RIGHT = f"{0x505A:016b}", f"{0x000A:016b}"


@dataclass(frozen=True)
class Gowin(Family):
    """Gowin GW1NR-9.

    The rPLL makes ``source * (FBDIV_SEL + 1) / (IDIV_SEL + 1)``. Limits as Gowin's data sheet has them for C6/I5: 3 to
    400 MHz at the phase detector, 400 to 1,200 MHz in the oscillator.
    """

    middle = 800

    def settings(self, source: float) -> Iterator[Pll]:
        """Give all settings of the PLL."""
        for reference in range(64):
            if not 3 <= source / (reference + 1) <= 400:
                continue
            for feedback in range(64):
                frequency = source * (feedback + 1) / (reference + 1)
                for divider in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                    if 400 <= frequency * divider <= 1200:
                        parameters: dict[str, int | str] = {
                            "FCLKIN": f"{source:g}",
                            "IDIV_SEL": reference,
                            "FBDIV_SEL": feedback,
                            "ODIV_SEL": divider,
                        }
                        yield Pll(frequency, frequency * divider, parameters)

    def pll_instance(
        self, m: Module, pll: Pll, pin: Any, clock: Value, locked: Signal, at_pll: bool, later: Value | None = None
    ) -> Instance:
        """Return an rPLL."""
        return Instance(
            "rPLL",
            **{f"p_{name}": value for name, value in pll.parameters.items()},
            p_DEVICE="GW1NR-9C",
            p_CLKFB_SEL="internal",
            i_CLKIN=buffered(m, pin),
            i_CLKFB=0,
            i_RESET=0,
            i_RESET_P=0,
            i_ODSEL=0,
            i_IDSEL=0,
            i_FBDSEL=0,
            i_PSDA=0,
            i_DUTYDA=0,
            i_FDLY=0,
            o_CLKOUT=clock,
            o_LOCK=locked,
        )

    def place_and_route_arguments(self, platform: Any) -> list[str]:
        """Return nextpnr's arguments."""
        device = ["--device", platform.part, "--vopt", f"family={platform._chipdb_device}"]
        return [*device, "--vopt", "cst=top.cst", "--write", "top.pnr.json"]

    def mend(self, folder: Path) -> int:
        """Give carries that come from logic to their chains as they are; return how many were not."""
        path, mended = folder / "top.pnr.json", 0
        netlist = json.loads(path.read_text(encoding="utf-8"))
        for module in netlist["modules"].values():
            for cell in module["cells"].values():
                parameters = cell["parameters"]
                table = parameters.get("RAW_ALU_LUT", "")
                if parameters.get("CIN_NETTYPE") == "LOGIC" and table.endswith(_WRONG):
                    parameters["RAW_ALU_LUT"] = table.removesuffix(_WRONG) + _RIGHT
                    mended += 1
        if mended:
            path.write_text(json.dumps(netlist), encoding="utf-8")
        return mended

    def packer_arguments(self, platform: Any) -> list[str]:
        """Return gowin_pack's arguments."""
        return ["-d", platform._chipdb_device, "-o", "top.fs", "top.pnr.json"]


GOWIN = Gowin(
    name="gowin",
    place_and_route="nextpnr-himbaechel",
    packer="gowin_pack",
    suffix=".fs",
    constraints=".cst",
    cells={
        "luts": ("LUT1", "LUT2", "LUT3", "LUT4"),
        "flip_flops": ("DFF",),
        "block_rams": ("SDPX9B", "SDPB", "DPB", "DPX9B", "SPX9", "pROM"),
        "multipliers": ("MULT",),
    },
    routed=".pnr.json",
    mended="carries from logic",
)
"""The family."""
