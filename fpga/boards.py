"""Boards: what is on each of them, and the settings with which the presets fit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

from amaranth.lib import wiring

from backspike.config import NetworkConfig, load_config
from backspike.errors import BackspikeError
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.link.uart import LEAST_DIVISOR
from backspike.hdl.memory.block_ram import BlockRam
from backspike.hdl.memory.sdram import Sdram, SdramController

from .families import ECP5, GOWIN, ICE40, area_of
from .families.family import Capacity, Family, Pll
from .link.transport import Transport
from .sdram import clock_delay

__all__ = [
    "BOARDS",
    "FLASH",
    "LINE_TOLERANCE",
    "SDRAM",
    "SRAM",
    "USB",
    "USB_BYTES",
    "USUAL_BAUD",
    "Board",
    "Line",
    "SampleMemory",
    "chosen_line",
    "find_board",
]

LINE_TOLERANCE = 0.02
"""Part of a bit by which the line's bits may be too long or short: a byte has 10 of them, each taken in its middle."""

USUAL_BAUD = 1_000_000
"""Bits per second that any bridge and any clock of a board can do."""

SRAM = "sram"
"""What a device forgets when its power goes: loading it overwrites nothing."""

FLASH = "flash"
"""What a device takes its design from at each power-up."""

SDRAM = "sdram"

SampleMemory: TypeAlias = "int | Literal['sdram'] | None"
"""What samples lie in: the device's RAM, by the bits of an address of its words; the board's SDRAM; or nothing."""

USB: Literal["usb"] = "usb"

Line: TypeAlias = "int | Literal['usb']"
"""What carries frames: a serial line, by its bits per second, or a USB port of the device itself."""

USB_BYTES = 19 * 64 * 1000
"""Most bytes a second over USB at full speed: 19 packets a millisecond (USB 2.0, table 5-9)."""

Architecture = dict[str, Any]
"""Values of a configuration by name, all of them of `backspike.config.ARCHITECTURE`."""


@dataclass(frozen=True)
class Board:
    """A board that `backspike build` knows.

    Attributes
    ----------
    name, title : str
        As the command line and as people call it.
    family : Family
    device : str
        As the platform calls it.
    platform_path : str
        Module and class in ``amaranth_boards``.
    clock : float
        Clock in MHz unless the user asks for another.
    baud : int
        Bits per second on the line: the most that the way to it is known to carry.
    synthesis : str
        Options of Yosys's synthesis command.
    presets : dict
        `Architecture` of the presets that need another one, by the name that the command line takes.
    clock_at_pll : bool
        Of iCE40s: the oscillator is at the pin that goes straight to the PLL.
    led : bool
        There is a light that is free to show that a request is being executed.
    transport : callable
        From the clock cycles per bit of the line to what carries the host link's bytes there (`backspike.hdl.link`).
    sdram : Sdram, optional
        The SDRAM that is on it, with pins that amaranth-boards calls ``sdram``.
    usb : bool
        It has a USB port at the device's own pins, which amaranth-boards calls ``usb``.
    host_path : str
        Module in `backspike.fpga.link` and function that opens the host's end of it, given a port and a bit rate.
    loading : dict
        Options of openFPGALoader by what they write, `SRAM` or `FLASH`.
    cable : bool
        Bitstreams come through a JTAG cable that the board does not have.
    """

    name: str
    title: str
    family: Family
    device: str
    platform_path: str
    clock: float
    baud: int = USUAL_BAUD
    synthesis: str = ""
    presets: dict[str, Architecture] = field(default_factory=dict)
    clock_at_pll: bool = False
    led: bool = True
    transport: Callable[[int], Any] = SerialTransport
    sdram: Sdram | None = None
    usb: bool = False
    host_path: str = "port.open_transport"
    loading: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cable: bool = False

    def platform(self) -> Any:
        """Return a new Amaranth platform.

        Raises
        ------
        BackspikeError
            amaranth-boards is missing.
        """
        module, name = self.platform_path.rsplit(".", 1)
        try:
            return getattr(import_module(f"amaranth_boards.{module}"), name)()
        except ModuleNotFoundError as error:
            raise BackspikeError("amaranth-boards is missing; install it with: pip install backspike[host]") from error

    def make_transport(self, divisor: int | None) -> Any:
        """Return what carries the host link's bytes: at so many cycles per bit, or, for None, over USB.

        Raises
        ------
        BackspikeError
            luna-usb is missing, of which a USB device is made.
        """
        if divisor is not None:
            return self.transport(divisor)
        from backspike.hdl.link.usb_transport import UsbTransport

        return UsbTransport()

    def open_transport(self, port: Path | str, line: Line) -> AbstractContextManager[Transport]:
        """Return what opens the way to a device on this board, while in its context.

        Raises
        ------
        BackspikeError
            It cannot be opened, or a package that it needs is missing.
        """
        if line == USB:
            from .link.port import open_usb

            return open_usb(port)
        module, name = self.host_path.rsplit(".", 1)
        opened: AbstractContextManager[Transport] = getattr(import_module(f"backspike.fpga.link.{module}"), name)(
            port, line
        )
        return opened

    def timing(self, clock: float, line: Line, sample_memory: SampleMemory = None) -> tuple[Pll, int | None]:
        """Return the PLL of a wanted clock in MHz, and how many of its clocks a bit of the line takes; None for USB.

        Raises
        ------
        BackspikeError
            The PLL cannot make the clock, no whole number of cycles, `LEAST_DIVISOR` or more, makes bits within
            `LINE_TOLERANCE` of the rate, there is no USB port, or the memory for samples is an SDRAM that cannot have
            the clock.
        """
        pll = self.family.pll(self.platform().default_clk_frequency / 1e6, clock)
        if sample_memory == SDRAM:
            pll = self.family.delayed(pll, clock_delay(self._known_sdram, pll.frequency, self.family))
        if line == USB:
            if not self.usb:
                able = ", ".join(board.name for board in BOARDS.values() if board.usb)
                raise BackspikeError(
                    f"{self.title} has no USB port that is wired to the device itself; boards that have one: {able}"
                )
            return pll, None
        ratio = pll.frequency * 1e6 / line
        divisor = round(ratio)
        if divisor < LEAST_DIVISOR or abs(ratio / divisor - 1) > LINE_TOLERANCE:
            raise BackspikeError(
                f"the line cannot have {line:,} bits per second at {pll.frequency:.1f} MHz: a bit would take "
                f"{ratio:.2f} cycles, and has to take a whole number, at least {LEAST_DIVISOR}, within "
                f"{LINE_TOLERANCE:.0%}"
            )
        return pll, divisor

    @property
    def capacity(self) -> Capacity:
        """What the device has.

        Raises
        ------
        BackspikeError
            The family's cells are not estimated.
        """
        return area_of(self.family.name).capacity[self.device]

    def usual_baud(self, clock: float) -> int:
        """Return the bits per second of a line that nobody has chosen, at a clock in MHz."""
        return self.baud if self.has_timing(clock, self.baud) else USUAL_BAUD

    def has_timing(self, clock: float, line: Line, sample_memory: SampleMemory = None) -> bool:
        """Return whether `timing` finds a PLL and a line."""
        try:
            self.timing(clock, line, sample_memory)
        except BackspikeError:
            return False
        return True

    def sample_memory(self, kind: SampleMemory, clock: float) -> wiring.Component[Any] | None:
        """Return a memory for samples, as `BoardTop` takes it, at a clock in MHz.

        Raises
        ------
        BackspikeError
            It is to be the board's SDRAM, and none is known.
        """
        if kind is None:
            return None
        return BlockRam(kind) if isinstance(kind, int) else SdramController(self._known_sdram, clock)

    @property
    def _known_sdram(self) -> Sdram:
        if self.sdram is None:
            raise BackspikeError(
                f"{self.title} has no SDRAM that is known here; a sample memory can be made of the device's own RAM: "
                f"say how many KiB"
            )
        return self.sdram

    def load_config(self, name_or_path: str) -> NetworkConfig:
        """Return a preset by name, as it fits the board, or the configuration in a TOML file, as it is.

        Raises
        ------
        BackspikeError
            As of `backspike.load_config`.
        """
        return load_config(name_or_path).replace(**self.presets.get(name_or_path, {}))


def _loading(board: str) -> dict[str, tuple[str, ...]]:
    """Return openFPGALoader's options for a board that it can load either way."""
    return {SRAM: ("-b", board), FLASH: ("-b", board, "-f")}


# Few lanes: what a small device is short of is logic.
_SMALL: dict[str, Architecture] = {
    "tiny": {"lanes": (2, 1), "unit_lanes": (1,), "input_lanes": 1},
    "digits": {"lanes": (2, 2), "unit_lanes": (1,), "input_lanes": 1},
}


def _ulx3s(size: str) -> Board:
    return Board(
        name=f"ulx3s-{size.lower()}",
        title=f"ULX3S, ECP5 {size}",
        family=ECP5,
        device=f"LFE5U-{size}",
        platform_path=f"ulx3s.ULX3S_{size}_Platform",
        clock=60.0,
        # 32 MB on all, by one maker or another; on some 64 MB, of which half is used.
        sdram=Sdram(),
        # US2.
        usb=True,
        baud=3_000_000,
        loading=_loading("ulx3s"),
    )


BOARDS = {
    board.name: board
    for board in (
        Board(
            name="icebreaker",
            title="iCEBreaker, iCE40 UP5K",
            family=ICE40,
            device="iCE40UP5K",
            platform_path="icebreaker.ICEBreakerPlatform",
            clock=24.0,
            baud=3_000_000,
            synthesis="-spram -dsp",
            clock_at_pll=True,
            # Each of the four single-port RAMs has a bank: eight synapses a clock.
            presets={**_SMALL, "mnist-up5k": {"banks": (4, 1)}},
            # The way to the chip's SRAM is cut unless the board is rewired; no -f is needed for the flash.
            loading={FLASH: ("-b", "ice40_generic")},
        ),
        Board(
            name="hx8k",
            title="iCE40 HX8K breakout",
            family=ICE40,
            device="iCE40HX8K",
            platform_path="ice40_hx8k_b_evn.ICE40HX8KBEVNPlatform",
            clock=40.0,
            presets=_SMALL,
            loading={SRAM: ("-b", "ice40_generic", "-m"), FLASH: ("-b", "ice40_generic")},
        ),
        *(_ulx3s(size) for size in ("12F", "25F", "45F", "85F")),
        Board(
            name="colorlight",
            title="Colorlight 5A-75B, ECP5 25F",
            family=ECP5,
            device="LFE5U-25F",
            platform_path="colorlight_5a75b_r7_0.Colorlight_5A75B_R70Platform",
            clock=50.0,
            # Its one light is the line's transmitter.
            led=False,
            loading=_loading("colorlight"),
            cable=True,
        ),
        Board(
            name="tangnano9k",
            title="Tang Nano 9K, GW1NR-9",
            family=GOWIN,
            device="GW1NR-9C",
            platform_path="tang_nano_9k.TangNano9kPlatform",
            clock=27.0,
            presets=_SMALL,
            loading=_loading("tangnano9k"),
        ),
    )
}
"""Boards by the name that the command line takes."""


def chosen_line(baud: int | None, usb: bool) -> Line | None:
    """Return what a user has chosen to carry frames, a bit rate or USB; None for neither.

    Raises
    ------
    BackspikeError
        Both are chosen.
    """
    if usb and baud is not None:
        raise BackspikeError("--usb and --baud exclude each other: there is no line that would have a rate")
    return USB if usb else baud


def find_board(name: str) -> Board:
    """Return a board by name.

    Raises
    ------
    BackspikeError
        There is no such board.
    """
    if name not in BOARDS:
        raise BackspikeError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
