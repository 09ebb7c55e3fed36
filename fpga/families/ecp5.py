"""Lattice ECP5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from amaranth import Instance, Module, Signal, Value

from backspike.errors import BackspikeError

from .family import Area, Capacity, CellModels, Family, Pads, Pll, buffered

__all__ = ["ECP5", "LOOP"]

# Charge pump and loop filter, as Trellis's ecppll sets them for any clock: nextpnr takes what is missing for 0, and a
# charge pump without current never locks.
LOOP = {"ICP_CURRENT": 12, "LPF_RESISTOR": 8, "MFG_ENABLE_FILTEROPAMP": 1, "MFG_GMCREF_SEL": 2}
"""Attributes of the PLL's charge pump and loop filter, as the words of a bitstream have them, too."""


@dataclass(frozen=True)
class Ecp5(Family):
    """Lattice ECP5.

    The PLL, an EHXPLLL fed back from its first output, makes ``source * CLKFB_DIV / CLKI_DIV``. Limits as Lattice's
    data sheet has them: 3.125 to 400 MHz at the phase detector and out of it, 400 to 800 MHz in the oscillator.
    """

    middle = 600

    def settings(self, source: float) -> Iterator[Pll]:
        """Give all settings of the PLL."""
        for reference in range(1, 129):
            if not 3.125 <= source / reference <= 400:
                continue
            for feedback in range(1, 81):
                frequency = source * feedback / reference
                for divider in range(1, 129):
                    if 400 <= frequency * divider <= 800 and 3.125 <= frequency <= 400:
                        parameters: dict[str, int | str] = {
                            "CLKI_DIV": reference,
                            "CLKFB_DIV": feedback,
                            "CLKOP_DIV": divider,
                            "CLKOP_CPHASE": divider // 2,
                            "CLKOP_ENABLE": "ENABLED",
                            "FEEDBK_PATH": "CLKOP",
                        }
                        yield Pll(frequency, frequency * divider, parameters)

    def delayed(self, pll: Pll, nanoseconds: float) -> Pll:
        """Return a setting with a second output; delays are in eighths of the oscillator's period."""
        eighths = round(8 * nanoseconds * pll.oscillator / 1000)
        whole, rest = divmod(eighths, 8)
        # Phases count from one edge of the oscillator, so the second output is later by what it has more of them.
        parameters: dict[str, int | str] = {
            "CLKOS_DIV": pll.parameters["CLKOP_DIV"],
            "CLKOS_CPHASE": int(pll.parameters["CLKOP_CPHASE"]) + whole,
            "CLKOS_FPHASE": rest,
            "CLKOS_ENABLE": "ENABLED",
        }
        return replace(pll, parameters=pll.parameters | parameters, delay=eighths / 8 * 1000 / pll.oscillator)

    def exact(self, source: float, wanted: float) -> Pll:
        """Return a setting whose second output has the wanted clock; the first one is there to be fed back.

        So the oscillator need be no whole multiple of both `source` and `wanted` that the feedback reaches by itself:
        48 MHz of 25 are a tenth of 480, which are 8 x 12 / 5 times 25.
        """
        best: Pll | None = None
        for first in self.settings(source):
            divider = round(first.oscillator / wanted)
            if not 1 <= divider <= 128 or abs(first.oscillator / divider / wanted - 1) > 1e-9:
                continue
            if best is None or abs(first.oscillator - self.middle) < abs(best.oscillator - self.middle):
                parameters: dict[str, int | str] = {
                    "CLKOS_DIV": divider,
                    "CLKOS_CPHASE": divider // 2,
                    "CLKOS_ENABLE": "ENABLED",
                }
                best = replace(first, frequency=wanted, parameters=first.parameters | parameters)
        if best is None:
            raise BackspikeError(f"no setting of the board's PLL gives exactly {wanted:g} MHz")
        return best

    def exact_instance(self, pll: Pll, source: Value, clock: Value, locked: Signal) -> Instance:
        """Return an EHXPLLL."""
        return _instance(pll, source, Signal(name="fed_back"), locked, clock)

    def pll_instance(
        self, m: Module, pll: Pll, pin: Any, clock: Value, locked: Signal, at_pll: bool, later: Value | None = None
    ) -> Instance:
        """Return an EHXPLLL."""
        return _instance(pll, buffered(m, pin), clock, locked, later)

    def place_and_route_arguments(self, platform: Any) -> list[str]:
        """Return nextpnr's arguments."""
        package = platform._nextpnr_package_options[platform.package].upper()
        device = [platform._nextpnr_device_options[platform.device], "--package", package, "--speed", platform.speed]
        return [*device, "--lpf", "top.lpf", "--textcfg", "top.config"]

    def packer_arguments(self, platform: Any) -> list[str]:
        """Return ecppack's arguments."""
        return ["--compress", "--input", "top.config", "--bit", "top.bit"]


def _instance(pll: Pll, source: Value, first: Value, locked: Signal, second: Value | None) -> Instance:
    """Return an EHXPLLL, fed back from its first output."""
    more = {} if second is None else {"o_CLKOS": second}
    return Instance(
        "EHXPLLL",
        **{f"p_{name}": value for name, value in pll.parameters.items()},
        **{f"a_{name}": str(value) for name, value in LOOP.items()},
        i_CLKI=source,
        i_CLKFB=first,
        i_RST=0,
        i_STDBY=0,
        i_PHASESEL0=0,
        i_PHASESEL1=0,
        i_PHASEDIR=1,
        i_PHASESTEP=1,
        i_PHASELOADREG=1,
        i_PLLWAKESYNC=0,
        i_ENCLKOP=0,
        o_CLKOP=first,
        o_LOCK=locked,
        **more,
    )


ECP5 = Ecp5(
    name="ecp5",
    place_and_route="nextpnr-ecp5",
    packer="ecppack",
    suffix=".bit",
    constraints=".lpf",
    cells={
        "luts": ("LUT4",),
        "flip_flops": ("TRELLIS_FF",),
        "block_rams": ("DP16KD", "PDPW16KD"),
        "multipliers": ("MULT18X18D",),
    },
    area=Area(
        # A carry has two tables, a distributed RAM four.
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        flip_flops="TRELLIS_FF",
        block_rams="DP16KD",
        shapes=((36, 512), (18, 1024), (9, 2048), (4, 4096)),
        costs={"registers": 1, "block_rams": 128, "distributed": 1},
        # Of 95 % one was not routed.
        full=0.93,
        # Flip-flops are apart. Place and route takes so many times the tables, for what feeds its carries, in the
        # builds of docs/boards.md.
        tables_per_cell=1.15,
        flip_flops_per_cell=0.0,
        capacity={
            "LFE5U-12F": Capacity(24_288, 56),
            "LFE5U-25F": Capacity(24_288, 56),
            "LFE5U-45F": Capacity(43_848, 108),
            "LFE5U-85F": Capacity(83_640, 208),
        },
        distributed=(4, 16, 4),
    ),
    cell_models=CellModels(
        "synth_ecp5",
        ("ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
        ("ecp5_dp16kd.v", "ecp5_mult18x18d.v", "ecp5_slice_ram.v"),
    ),
    # Assumed, with room: LVCMOS33 of 4 mA, fast, at speed grade 6. Neither nextpnr nor an open file has these times.
    pads=Pads(output=4.0, input=1.0, skew=0.5),
)
"""The family."""
