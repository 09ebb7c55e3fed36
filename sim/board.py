"""A whole board in simulation: its design, natively simulated, behind a pseudo-terminal or called directly."""

from __future__ import annotations

import ctypes
import math
import os
import re
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.hdl.board import BoardTop
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.link.uart import BREAK_BITS, LEAST_DIVISOR
from backspike.hdl.memory.block_ram import BlockRam
from backspike.hdl.memory.sdram import Sdram, SdramController
from backspike.hdl.timing import sample_limit
from backspike.hdl.verilog import describe_ports, emit
from backspike.link import BYTE_BITS, CHECKSUM_WORDS, FRAME_BYTES, LONG_FRAME_BYTES, PARTS

from .bitstream import decode
from .built import CHIP, PORTS, Built
from .library import DRIVEN, load_library
from .sdram import ARRAY_VERILOG, SimulatedSdram, describe_violation

__all__ = ["BoardRegister", "DirectLine", "SimulatedBoard"]

CLOCK_HZ = 12_000_000
"""Clocks of a simulated second: those of the slowest boards."""

_SDRAM_CLOCK = 60.0
"""MHz, from which times of an SDRAM become cycles: those of the boards that have one."""

_SLICE = 1_000_000
"""Clocks between two looks at Ctrl-C."""

_READ_LIMIT = 128
"""Clocks that a read of any register takes at most, with what the link does between two."""

_READ_CLOCKS = CLOCK_HZ // 50
"""Clocks that a read waits for a byte, as a serial port's does for 20 ms."""

_HARNESS = Path(__file__).with_name("board.cpp")
_BOARD, _BYTES, _NUMBER = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64
_TELL = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_NUMBER))
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "open": (_BOARD, [_NUMBER, _NUMBER, _NUMBER, _NUMBER]),
    "set_line": (None, [_BOARD, _NUMBER, _NUMBER]),
    "close": (None, [_BOARD]),
    "clocks": (_NUMBER, [_BOARD]),
    "stop": (None, [_BOARD]),
    "exchange": (ctypes.c_int64, [_BOARD, ctypes.c_char_p, _NUMBER, _BYTES, _NUMBER, _NUMBER]),
    "run": (None, [_BOARD, ctypes.c_char_p, _NUMBER, _NUMBER]),
    "vanish": (None, [_BOARD]),
    "break": (None, [_BOARD, _NUMBER]),
    "reset": (None, [_BOARD]),
    "each": (None, [_BOARD, _TELL]),
    "upset": (None, [_BOARD, ctypes.c_char_p, ctypes.c_char_p, _NUMBER, ctypes.c_uint8, _NUMBER]),
    "complaint": (_NUMBER, [_BOARD]),
    "flip": (None, [_BOARD, _NUMBER, _NUMBER]),
    "serve": (None, [_BOARD, ctypes.c_int]),
}
_COVERAGE: dict[str, tuple[Any, list[Any]]] = {"coverage": (None, [_BOARD, ctypes.c_char_p])}
_CLOCK_AND_RESET = {name: {"direction": "input", "width": 1, "signed": False} for name in ("clk", "rst")}
_PUBLIC = " /*verilator public_flat_rw*/"
_ROOM = 1 << 16
_CLOCK = 1 << 16
"""A clock of the device, in the harness's unit of time."""


@dataclass(frozen=True)
class BoardRegister:
    """A register or a memory of a simulated board, whose bits can be upset.

    Parameters
    ----------
    instance : str
        Path of the component that has it, instances below `BoardTop` with dots between.
    name : str
    words, bits : int
        Of a memory; of a register words is 1.
    """

    instance: str
    name: str
    words: int
    bits: int
    _scope: bytes
    _word_bytes: int

    @property
    def size(self) -> int:
        """Bits in all."""
        return self.words * self.bits


class SimulatedBoard:
    """`BoardTop`, compiled by Verilator and driven by C++ (`board.cpp`) at the end of its serial line.

    Builds are kept in `backspike.cache`, as those of `native.NativeNetwork`.

    Parameters
    ----------
    config : NetworkConfig
    divisor : int
        Cycles per bit of the line, 4 to 65,535: the fewer, the faster.
    noise : float
        Probability, 0 to below 1, that a byte on the line is damaged, in either direction: a bit of it flips, it is
        lost, or it comes twice.
    seed : int
        Seed of the noise, and of what memories hold at power-up; not 0.
    optimise : bool
        Whether the compiler takes its time: right unless only a few samples are shown.
    built : Built, optional
        A bitstream to simulate in place of `BoardTop`; the line's divisor is that of its build, and the compiler does
        not take its time.
    power_up : bool
        Whether it begins as after power-up: with no reset from outside, registers as the bitstream has them, and
        memories that have no contents of their own full of a random word each.
    exposed : bool
        Whether its registers and memories can be upset; it then takes about twice the time.
    weights : sequence of int64 array, shape (inputs + 1, units) each, optional
        Those at power-up; none when left out.
    memory_bits : int, optional
        Bits of an address of its sample memory, which is in block RAM; left out, there is none.
    sdram : Sdram, optional
        The part that its sample memory is, in place of block RAM: simulated at its pins, with the times that it has at
        60 MHz.
    bins : mapping, optional
        Conditions that are counted, by name, and with them lines, branches and toggles: see `write_coverage`.

    Attributes
    ----------
    verilog : str
        What is simulated; with bins, with the lines of Python that it is from (`hdl.verilog.emit`).
    frame_bytes : int
        Most bytes of a frame that the board takes; of one built from a bitstream too, which has no SDRAM here.

    Raises
    ------
    BackspikeError
        Verilator or the compiler is missing or fails, or the bitstream cannot be decoded.
    """

    def __init__(
        self,
        config: NetworkConfig,
        divisor: int = LEAST_DIVISOR,
        noise: float = 0.0,
        seed: int = 1,
        optimise: bool = True,
        built: Built | None = None,
        power_up: bool = False,
        exposed: bool = False,
        bins: Mapping[str, str] | None = None,
        weights: Sequence[NDArray[np.int64]] | None = None,
        memory_bits: int | None = None,
        sdram: Sdram | None = None,
    ) -> None:
        if not 0 <= noise < 1:
            raise BackspikeError(f"noise must be at least 0 and below 1, not {noise}")
        if built:
            divisor = built.divisor
        # Clocks after which a device that has not become quiet is taken to hang: those of a frame's samples, of the
        # longest frame, twice over, and of as many reads as it sums up.
        answer = 2 * LONG_FRAME_BYTES * BYTE_BITS * divisor
        self.patience = (PARTS + 3) * sample_limit(config) + answer + CHECKSUM_WORDS * _READ_LIMIT
        self._divisor = divisor
        self.frame_bytes = FRAME_BYTES if sdram is None else SdramController.frame_bytes
        self._sdram_words = 0 if sdram is None else 1 << sdram.address_bits
        self._bit = float(divisor)
        if built:
            self.verilog = decode(built)
            self._library = load_library(_HARNESS, _SIGNATURES, self.verilog, CHIP, PORTS, optimise=False)
        else:
            self.verilog, self._library = _library(
                config,
                divisor,
                optimise,
                exposed,
                tuple(bins.items()) if bins is not None else None,
                tuple(matrix.astype(np.int64).tobytes() for matrix in weights) if weights is not None else None,
                memory_bits,
                sdram,
            )
        contents = seed if power_up else 0
        self._board = ctypes.c_void_p(self._library.backspike_open(divisor, int(noise * 2**32), seed, contents))

    def close(self) -> None:
        """Free the simulation; nothing may be asked of it afterwards."""
        board, self._board = self._board, ctypes.c_void_p()
        if board:
            self._library.backspike_close(board)

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def clocks(self) -> int:
        """Clocks since the start."""
        return int(self._library.backspike_clocks(self._board))

    @property
    def byte_clocks(self) -> int:
        """Clocks that a byte takes on the line."""
        return math.ceil(BYTE_BITS * self._bit)

    def set_line(self, skew: float, phase: float = 0.0) -> None:
        """Give the host a clock of its own from now on.

        Parameters
        ----------
        skew : float
            How much longer its bits are than the device's, -0.1 to 0.1: 0.02 if its clock is 2 % slow.
        phase : float
            Where in a cycle of the device its first bit begins, 0 to below 1.
        """
        if not -0.1 <= skew <= 0.1:
            raise BackspikeError(f"skew must be from -0.1 to 0.1, not {skew}")
        if not 0 <= phase < 1:
            raise BackspikeError(f"phase must be at least 0 and below 1, not {phase}")
        self._bit = self._divisor * (1 + skew)
        self._library.backspike_set_line(self._board, round(self._bit * _CLOCK), int(phase * _CLOCK))

    def exchange(self, sent: bytes) -> bytes:
        """Put bytes on the line, one right after the other; return what comes until the device is quiet.

        Raises
        ------
        BackspikeError
            It does not become quiet.
        """
        room, heard = np.empty(_ROOM, dtype=np.uint8), b""
        end = self.clocks + len(sent) * self.byte_clocks + self.patience
        while True:
            came = self._library.backspike_exchange(self._board, sent, len(sent), room.ctypes, len(room), _SLICE)
            heard += room[: max(0, came)].tobytes()
            if 0 <= came < len(room):
                return heard
            if self.clocks > end:
                raise BackspikeError(f"the device has not become quiet in {self.patience} cycles")
            sent = b""

    # -- faults -----------------------------------------------------------------------------------------------

    def run(self, clocks: int, sent: bytes = b"") -> None:
        """Put bytes on the line, and go on for so many clocks, whatever is on it and whatever the device does."""
        self._library.backspike_run(self._board, sent, len(sent), clocks)

    def vanish(self) -> None:
        """Take the host away: no more of what was sent gets on the line, and nobody hears what has come."""
        self._library.backspike_vanish(self._board)

    def reset(self) -> None:
        """Reset all of the design; memories keep what they have."""
        self._library.backspike_reset(self._board)

    def write_coverage(self, path: Path) -> None:
        """Write what a board with bins has gone through, in Verilator's format."""
        self._library.backspike_coverage(self._board, os.fsencode(path))

    @cached_property
    def registers(self) -> list[BoardRegister]:
        """Registers and memories that can be upset, none if they are not `exposed`."""
        found: list[BoardRegister] = []
        above = f"TOP.{DRIVEN}.unit."

        def tell(scope: bytes, name: bytes, shape: Any) -> None:
            instance = f"{scope.decode()}.".removeprefix(above).removesuffix(".")
            found.append(BoardRegister(instance, name.decode(), shape[0], shape[1], scope, shape[2]))

        self._library.backspike_each(self._board, _TELL(tell))
        return sorted(found, key=lambda register: (register.instance, register.name))

    def upset(self, register: BoardRegister, bit: int, clocks: int) -> None:
        """Have a bit flip so many clocks from now, bit 0 being the first word's lowest; the last call alone counts."""
        word, place = divmod(bit, register.bits)
        byte = word * register._word_bytes + place // 8
        name = register.name.encode()
        self._library.backspike_upset(self._board, register._scope, name, byte, 1 << place % 8, clocks)

    @property
    def complaint(self) -> str:
        """What the SDRAM first complained of, as a sentence: a time that was too short, or the like; else nothing."""
        found = int(self._library.backspike_complaint(self._board))
        return describe_violation(found >> 32, found & 0xFFFF_FFFF)

    def flip(self, address: int, mask: int) -> None:
        """Have the bits of a mask flip in a word of the SDRAM, whose address is row, bank and column; two clocks go by.

        Raises
        ------
        BackspikeError
            There is no such word.
        """
        if not 0 <= address < self._sdram_words:
            raise BackspikeError(f"the SDRAM has {self._sdram_words:,} words, so none has the address {address}")
        self._library.backspike_flip(self._board, address, mask)

    def send_break(self, bits: int = 2 * BREAK_BITS) -> None:
        """Hold the line at 0 for the time of so many bits; nothing else is on its way on it."""
        self._library.backspike_break(self._board, bits)

    @contextmanager
    def terminal(self) -> Iterator[str]:
        """Serve a pseudo-terminal while in the context, whose path is given: a serial port to whoever opens it.

        The clock stands still where the line is idle and the device has had time to finish.
        """
        master, slave = os.openpty()
        # Held open here, so that the line outlives its users; raw from the start, or it would echo.
        tty.setraw(slave)
        os.set_blocking(master, False)
        serving = Thread(target=self._library.backspike_serve, args=(self._board, master))
        serving.start()
        try:
            yield os.ttyname(slave)
        finally:
            self._library.backspike_stop(self._board)
            serving.join()
            os.close(slave)
            os.close(master)


@lru_cache(maxsize=4)
def _library(
    config: NetworkConfig,
    divisor: int,
    optimise: bool,
    exposed: bool,
    bins: tuple[tuple[str, str], ...] | None,
    contents: tuple[bytes, ...] | None,
    memory_bits: int | None,
    sdram: Sdram | None,
) -> tuple[str, ctypes.CDLL]:
    """Return a board's Verilog and library; simulations in one process share it, as writing Verilog takes seconds."""
    weights = None
    if contents is not None:
        layers = zip(config.weight_layers, contents, strict=True)
        weights = [np.frombuffer(content, np.int64).reshape(layer.shape) for layer, content in layers]
    memory: Any = None if memory_bits is None else BlockRam(memory_bits)
    if sdram is not None:
        memory = SimulatedSdram(SdramController(sdram, _SDRAM_CLOCK), large=True)
    top, name = BoardTop(config, SerialTransport(divisor), weights, memory), f"{config.name}_board"
    ports = {**_CLOCK_AND_RESET, **describe_ports(top)}
    signatures = _SIGNATURES if bins is None else {**_SIGNATURES, **_COVERAGE}
    # As for synthesis: no memory is cleared, the harness says what each begins with.
    verilog = "`define SYNTHESIS\n" + emit(top, name, sources=bins is not None)
    if sdram is not None:
        verilog += ARRAY_VERILOG
    if exposed:
        # Each has a name, and what is no register is a wire.
        verilog = re.sub(r"^( *reg [^;=]*)(;| =)", rf"\1{_PUBLIC}\2", verilog, flags=re.MULTILINE)
    counted = None if bins is None else dict(bins)
    return verilog, load_library(_HARNESS, signatures, verilog, name, ports, optimise=optimise, bins=counted)


class DirectLine:
    """A simulated board as a serial port without a terminal between: the same bytes in every run.

    Time is that of the simulation: nothing is late because the machine is busy.

    Parameters
    ----------
    board : SimulatedBoard
    """

    def __init__(self, board: SimulatedBoard) -> None:
        self._board, self._heard, self._waited = board, b"", 0

    def seconds(self) -> float:
        """Return the simulated seconds since the start, at `CLOCK_HZ`: the clock of a `SerialTransport` on it."""
        return (self._board.clocks + self._waited) / CLOCK_HZ

    @property
    def in_waiting(self) -> int:
        """Bytes that have come and are not read yet."""
        return len(self._heard)

    def read(self, size: int = 1) -> bytes:
        """Return as many of them, or as there are; with none, time goes by."""
        if size and not self._heard:
            # The device is quiet, so its clock need not run.
            self._waited += _READ_CLOCKS
        found, self._heard = self._heard[:size], self._heard[size:]
        return found

    def write(self, content: bytes, /) -> int:
        """Send bytes, and hear what comes until the device is quiet."""
        self._heard += self._board.exchange(content)
        return len(content)

    def send_break(self, duration: float = 0.25) -> None:
        """Hold the line at 0, for a short time only: nothing else is simulated meanwhile."""
        self._waited += int(duration * CLOCK_HZ)
        self._board.send_break()
