"""Lattice iCE40."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import Instance, Module, Signal, Value

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.programs import run_program

from .family import Area, Capacity, CellModels, Family, Pll, buffered

__all__ = ["ICE40"]

# Upper ends of the ranges of the phase detector's clock, in MHz, and the loop filter's setting in each.
_FILTERS = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5))
_WIDEST_FILTER = 6
_DEVICES = {"iCE40UP5K": "--up5k", "iCE40HX8K": "--hx8k"}

_SPEED = re.compile(r"^Total path delay: .*\(([\d.]+) MHz\)", re.MULTILINE)


@dataclass(frozen=True)
class Ice40(Family):
    """Lattice iCE40.

    The PLL, with simple feedback, makes ``source * (DIVF + 1) / ((DIVR + 1) * 2**DIVQ)``. Limits as Lattice's data
    sheet has them: 10 to 133 MHz at the phase detector, 533 to 1,066 MHz in the oscillator, 16 to 275 MHz out of it.
    """

    middle = 800

    def settings(self, source: float) -> Iterator[Pll]:
        """Give all settings of the PLL."""
        for reference in range(16):
            detector = source / (reference + 1)
            if not 10 <= detector <= 133:
                continue
            filter_range = next((number for limit, number in _FILTERS if detector < limit), _WIDEST_FILTER)
            for feedback in range(128):
                for shift in range(1, 7):
                    oscillator = detector * (feedback + 1)
                    frequency = oscillator / 2**shift
                    if 533 <= oscillator <= 1066 and 16 <= frequency <= 275:
                        parameters: dict[str, int | str] = {
                            "FEEDBACK_PATH": "SIMPLE",
                            "DIVR": reference,
                            "DIVF": feedback,
                            "DIVQ": shift,
                            "FILTER_RANGE": filter_range,
                        }
                        yield Pll(frequency, oscillator, parameters)

    def pll_instance(
        self, m: Module, pll: Pll, pin: Any, clock: Value, locked: Signal, at_pll: bool, later: Value | None = None
    ) -> Instance:
        """Return an SB_PLL40_PAD at the pin, or an SB_PLL40_CORE."""
        source = {"i_PACKAGEPIN": pin.io} if at_pll else {"i_REFERENCECLK": buffered(m, pin)}
        return Instance(
            "SB_PLL40_PAD" if at_pll else "SB_PLL40_CORE",
            **{f"p_{name}": value for name, value in pll.parameters.items()},
            **source,
            i_RESETB=1,
            i_BYPASS=0,
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )

    def place_and_route_arguments(self, platform: Any) -> list[str]:
        """Return nextpnr's arguments."""
        device = [_DEVICES[platform.device], "--package", platform.package.lower()]
        return [*device, "--pcf", "top.pcf", "--asc", "top.asc"]

    def second_opinion(self, folder: Path, platform: Any) -> tuple[str, float] | None:
        """Return the speed that Project IceStorm's icetime gives the bitstream's own paths, where it is installed.

        It knows the delays of the cells from measurements of its own, and nothing of what nextpnr has placed and routed
        but the bits. Its answer is for the slowest of all paths.
        """
        tool = shutil.which("icetime")
        if tool is None:
            return None
        device = _DEVICES[platform.device].strip("-")
        asc = (folder / "top.asc").read_bytes()

        def ask(made: Path) -> None:
            (made / "top.asc").write_bytes(asc)
            printed = run_program([tool, "-d", device, "-t", "top.asc"], made)
            (made / "top.asc").unlink()
            found = _SPEED.search(printed.stdout)
            if printed.returncode or found is None:
                raise BackspikeError(f"icetime stopped: {(printed.stderr.strip() or 'no path').splitlines()[-1]}")
            (made / "icetime.txt").write_text(found[1])

        parts = ["icetime", hashlib.sha256(Path(tool).read_bytes()).hexdigest(), device, asc.decode()]
        answer = cached(parts, ask, f"icetime's timing of {folder.name[:8]}") / "icetime.txt"
        return "icetime", float(answer.read_text())

    def packer_arguments(self, platform: Any) -> list[str]:
        """Return icepack's arguments."""
        return ["top.asc", "top.bin"]


ICE40 = Ice40(
    name="ice40",
    place_and_route="nextpnr-ice40",
    packer="icepack",
    suffix=".bin",
    constraints=".pcf",
    cells={
        "luts": ("SB_LUT4",),
        "flip_flops": ("SB_DFF",),
        "block_rams": ("SB_RAM40",),
        "single_port_rams": ("SB_SPRAM256KA",),
        "multipliers": ("SB_MAC16",),
    },
    area=Area(
        luts={"SB_LUT4": 1},
        flip_flops="SB_DFF",
        block_rams="SB_RAM40",
        shapes=((16, 256), (8, 512), (4, 1024), (2, 2048)),
        costs={"registers": 1, "block_rams": 64, "single_port_rams": 2048},
        # The fullest that was built.
        full=0.98,
        # A cell has a table and a flip-flop, and of the flip-flops so many find no table to share a cell with, in four
        # builds for two boards.
        tables_per_cell=1.0,
        flip_flops_per_cell=0.7,
        capacity={"iCE40UP5K": Capacity(5_280, 30, 4), "iCE40HX8K": Capacity(7_680, 32)},
        single_port=((16, 16_384),),
    ),
    cell_models=CellModels("synth_ice40", ("ice40/cells_sim.v",)),
)
"""The family."""
