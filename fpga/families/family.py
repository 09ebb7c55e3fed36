"""What a family of devices has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import Instance, Module, Signal, Value
from amaranth.lib import io

from backspike.errors import BackspikeError

__all__ = ["Area", "Capacity", "CellModels", "Family", "Pads", "Pll"]


@dataclass(frozen=True)
class Pll:
    """Setting of a phase-locked loop.

    Attributes
    ----------
    frequency : float
        Clock that comes out, in MHz; never above what was wanted.
    oscillator : float
        Clock of the oscillator inside, in MHz.
    parameters : dict
        Parameters of the family's primitive.
    delay : float, optional
        Of a second output with the same clock, in nanoseconds; without it there is none.
    """

    frequency: float
    oscillator: float
    parameters: dict[str, int | str]
    delay: float | None = None


@dataclass(frozen=True)
class Capacity:
    """What a device has: logic cells (a look-up table each), block RAMs, single-port RAMs."""

    logic_cells: int
    block_rams: int
    single_port_rams: int = 0


@dataclass(frozen=True)
class Pads:
    """Times of the registers in a family's pads, in nanoseconds, from and to their clock as it reaches them.

    Attributes
    ----------
    output : float
        From the clock's edge to the pin, at most.
    input : float
        From the pin to the clock's edge, at least.
    skew : float
        Between any two outputs, at most.
    """

    output: float
    input: float
    skew: float


@dataclass(frozen=True)
class Area:
    """What the estimate of a family's cells is made with (`backspike.fpga.estimate`).

    Attributes
    ----------
    luts : mapping
        Cells of a netlist that have look-up tables, and how many.
    flip_flops, block_rams : str
        How the names of the cells begin that are flip-flops, and block RAMs.
    shapes : tuple
        Of a block RAM, each width in bits and how many words there then are.
    costs : mapping
        Yosys's weights of a bit in registers, of a block RAM and, where a family has them, of a table of distributed
        RAM and of a single-port RAM: a memory goes where it costs least.
    full : float
        Part of the logic cells up to which place and route succeeds.
    tables_per_cell, flip_flops_per_cell : float
        Logic cells that place and route takes for a table and for a flip-flop.
    single_port : tuple
        `shapes` of a single-port RAM.
    capacity : mapping
        What each device has, by the platform's name of it.
    distributed : tuple, optional
        Width, words and tables of a distributed RAM.
    """

    luts: Mapping[str, int]
    flip_flops: str
    block_rams: str
    shapes: tuple[tuple[int, int], ...]
    costs: Mapping[str, float]
    full: float
    tables_per_cell: float
    flip_flops_per_cell: float
    capacity: Mapping[str, Capacity]
    single_port: tuple[tuple[int, int], ...] = ()
    distributed: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class CellModels:
    """Models of the family's cells, with which its netlists are simulated.

    Attributes
    ----------
    synthesis : str
        Yosys's command.
    models : tuple of str
        Yosys's own models, files of its shared folder.
    added : tuple of str
        Ours, files of `sim/cells`, for cells that Yosys has as black boxes.
    """

    synthesis: str
    models: tuple[str, ...]
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family(ABC):
    """A family of devices.

    Attributes
    ----------
    name : str
        ``"ice40"`` and so on: what `bench/area.py` and ``--gates`` call it.
    place_and_route, packer : str
        The tools, as `backspike.fpga.tools` knows them.
    suffix : str
        Of a bitstream.
    constraints : str
        Suffix of the file of pins.
    cells : mapping
        For each kind of cell that a report counts, how the names of such cells begin.
    area : Area, optional
        What cells are estimated with; without it there is no estimate.
    cell_models : CellModels, optional
        What netlists are simulated with; without it they are not.
    routed : str
        Suffix of nextpnr's netlist that a build leaves beside the bitstream, where that cannot be decoded.
    mended : str
        What `mend` mends, in a word: another one makes another build.
    pads : Pads, optional
        Of its slowest devices; what is at the pins in both directions with one clock, such as an SDRAM, needs them.
    """

    name: str
    place_and_route: str
    packer: str
    suffix: str
    constraints: str
    cells: Mapping[str, tuple[str, ...]]
    area: Area | None = None
    cell_models: CellModels | None = None
    routed: str = ""
    mended: str = ""
    pads: Pads | None = None

    def pll(self, source: float, wanted: float) -> Pll:
        """Return the setting with the fastest clock that is not above the wanted one.

        Of equals it is the one whose oscillator is nearest to the middle of its range.

        Parameters
        ----------
        source, wanted : float
            Clocks in and out, in MHz.

        Raises
        ------
        BackspikeError
            No setting gives a clock within a tenth below `wanted`.
        """
        known = list(self.settings(source))
        possible = (pll for pll in known if pll.frequency <= wanted)
        best = max(possible, key=lambda pll: (pll.frequency, -abs(pll.oscillator - self.middle)), default=None)
        if best is None or best.frequency < 0.9 * wanted:
            least, most = (limit(pll.frequency for pll in known) for limit in (min, max))
            raise BackspikeError(
                f"no setting of the board's PLL gives a clock of {wanted:g} MHz: those that it gives are from "
                f"{least:g} to {most:g} MHz"
            )
        return best

    def delayed(self, pll: Pll, nanoseconds: float) -> Pll:
        """Return a setting with a second output: the same clock, later by the delay that is nearest to the wanted one.

        Raises
        ------
        BackspikeError
            The family's PLL has none.
        """
        raise BackspikeError(f"the PLL of {self.name} makes no second clock that is later")

    def exact(self, source: float, wanted: float) -> Pll:
        """Return the setting of a second PLL, which gives a clock that is the wanted one, whatever the first gives.

        Raises
        ------
        BackspikeError
            The family has none, or it cannot give this clock.
        """
        raise BackspikeError(f"devices of {self.name} have no second PLL that is known here, which USB needs")

    def exact_instance(self, pll: Pll, source: Value, clock: Value, locked: Signal) -> Instance:
        """Return the primitive of the PLL of `exact`, between the oscillator's clock and the one that it gives.

        Parameters
        ----------
        pll : Pll
        source
            The oscillator, behind the buffer of its pin.
        clock, locked
            What it drives.
        """
        raise NotImplementedError

    @property
    @abstractmethod
    def middle(self) -> float:
        """Where in its range the PLL's oscillator is best, in MHz."""

    @abstractmethod
    def settings(self, source: float) -> Iterable[Pll]:
        """Give all settings of the PLL for a clock of `source` MHz that the data sheet allows."""

    @abstractmethod
    def pll_instance(
        self, m: Module, pll: Pll, pin: Any, clock: Value, locked: Signal, at_pll: bool, later: Value | None = None
    ) -> Instance:
        """Return the PLL's primitive, between the pin of the oscillator and the clock; add to `m` what it needs.

        Parameters
        ----------
        m : Module
        pll : Pll
        pin : PortLike
            The oscillator's, as `amaranth.lib.io` takes it.
        clock, locked
            What it drives.
        at_pll : bool
            The pin goes straight to the PLL (iCE40).
        later : optional
            What the second output of `delayed` drives.
        """

    @abstractmethod
    def place_and_route_arguments(self, platform: Any) -> list[str]:
        """Return nextpnr's arguments for the platform's device, constraints and output."""

    @abstractmethod
    def packer_arguments(self, platform: Any) -> list[str]:
        """Return the packer's arguments, from nextpnr's output to the bitstream, ``top`` and `suffix`."""

    def mend(self, folder: Path) -> int:
        """Mend, in what nextpnr leaves for the packer, what it is known to get wrong; return in how many places."""
        return 0

    def second_opinion(self, folder: Path, platform: Any) -> tuple[str, float] | None:
        """Return what else gives a speed for what nextpnr has routed, and that speed in MHz; None if nothing does."""
        return None

    def bitstream(self, folder: Path) -> Path:
        """Return where the packer leaves the bitstream."""
        return folder / f"top{self.suffix}"


def buffered(m: Module, pin: Any) -> Signal:
    """Add the input buffer of an oscillator's pin; return what comes out."""
    m.submodules.oscillator = oscillator = io.Buffer(io.Direction.Input, pin)
    clock: Signal = oscillator.i
    return clock
