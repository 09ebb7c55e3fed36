"""Single-bit upsets, as radiation makes them: a bit of a simulated board flips, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from random import Random

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport

from .board import BoardRegister, DirectLine, SimulatedBoard
from .exercise import lively_weights

__all__ = ["PARTS", "Outcome", "Upset", "UpsetBench", "part_of"]

PARTS = {
    "weights": r"network\.layer_\d+\.sweep\.synapses\.rows_",
    "LFSRs and units": r"network\.(source\.lfsrs\.states|layer_\d+\.(states|wta\.states|sweep\.bias))\.",
    "table of noise": r"network\.layer_\d+\.wta\.noise$",
    "layers": r"network\.layer_",
    "inputs": r"network\.source\.",
    "registers and rates": r"network\.(registers|seeder)\b",
    "tick, wins, counters": r"network\.",
    "frames of the link": r"link\.(receiver|writer)\.bytes$",
    "link": r"link\.",
    "transport": r"transport\.",
}
"""Parts of a board by name, each with a pattern of paths; the first that matches counts."""


_TIMEOUT = 0.02
"""Simulated seconds after which an answer is late: several times those of a request here, and soon over where one hangs
or results never come."""


class Outcome(Enum):
    """What an upset comes to, as the host sees it."""

    NOTHING = "nothing"
    """All results and weights, before and after, are as without it."""

    SILENT = "silent"
    """Results or weights are other ones."""

    TOLD = "told"
    """A request fails, with a sentence; ``HELLO`` is answered."""

    HANGS = "hangs"
    """Nor is ``HELLO`` answered, until the driver sends a break."""

    LOST = "lost"
    """Nor after a break."""


@dataclass(frozen=True)
class Upset:
    """An upset, and what it came to.

    Parameters
    ----------
    part : str
        A key of `PARTS`.
    where : str
        Path of the register, and the number of its bit.
    clock : int
        From the first of the samples' frame on.
    outcome : Outcome
    lasting : bool
        With new weights the device still learns otherwise than it should after a ``HELLO``, or a break where it hangs.
    sentence : str
        What the driver says where it is told.
    """

    part: str
    where: str
    clock: int
    outcome: Outcome
    lasting: bool
    sentence: str = ""


def part_of(register: BoardRegister) -> str:
    """Return the part of the board that has a register."""
    path = f"{register.instance}.{register.name}".lstrip(".")
    return next(part for part, pattern in PARTS.items() if re.match(pattern, path))


class UpsetBench:
    """Trains a board on a few samples, reads its weights, trains on, and reads them again; a bit flips on the way.

    Each upset meets a board of its own, so none depends on those before.

    Parameters
    ----------
    config : NetworkConfig
        Rate-coded.
    seed : int
        Of weights and samples.
    """

    SAMPLES = 3

    def __init__(self, config: NetworkConfig, seed: int) -> None:
        self._config = config
        random = np.random.Generator(np.random.PCG64(seed))
        self._weights = lively_weights(config, seed)
        count, inputs, classes = 2 * self.SAMPLES, config.layers[0], config.layers[-1]
        self._values = random.integers(0, 256, (count, inputs), dtype=np.uint8)
        self._labels = random.integers(0, classes, count)
        with self.board() as board:
            self.registers = board.registers
            device = self._device(DirectLine(board))
            begin = board.clocks
            self._expected = [self._learn(device, 0)]
            self.clocks = board.clocks - begin
            """Clocks from the first sample on the line to the last weight that is read."""
            self._expected.append(self._learn(device, 1))

    def of_part(self, part: str) -> list[BoardRegister]:
        """Return the registers and memories of a part."""
        return [register for register in self.registers if part_of(register) == part]

    def upsets(self, part: str, random: Random, count: int) -> Iterator[Upset]:
        """Upset bits of a part, each as likely as any other, at clocks that are drawn too."""
        registers = self.of_part(part)
        for _ in range(count):
            (register,) = random.choices(registers, [register.size for register in registers])
            yield self.upset(register, random.randrange(register.size), random.randrange(self.clocks))

    def upset(self, register: BoardRegister, bit: int, clock: int) -> Upset:
        """Upset one bit, so many clocks after the first sample begins to come in."""
        part, where = part_of(register), f"{register.instance}.{register.name}[{bit}]"
        with self.board() as board:
            device = self._device(DirectLine(board))
            board.upset(register, bit, clock)
            try:
                same = all(self._same(self._learn(device, turn), self._expected[turn]) for turn in (0, 1))
            except BackspikeError as error:
                outcome, sentence = Outcome.TOLD, str(error)
            else:
                outcome, sentence = (Outcome.NOTHING if same else Outcome.SILENT), ""
            if outcome is Outcome.NOTHING:
                return Upset(part, where, clock, outcome, lasting=False)
            board.vanish()
            line = _Port(board)
            try:
                device = self._device(line)
            except BackspikeError:
                return Upset(part, where, clock, Outcome.LOST, True, sentence)
            if line.breaks:
                outcome = Outcome.HANGS
            return Upset(part, where, clock, outcome, self._lasting(device), sentence)

    def board(self) -> SimulatedBoard:
        """Return a board of its own for an upset."""
        board = SimulatedBoard(self._config, exposed=True)
        # A request of this bench takes a small part of it, and one that hangs all.
        board.patience = 30_000
        return board

    def _device(self, line: DirectLine) -> Device:
        device = Device(SerialTransport(line, line.seconds), self._config, _TIMEOUT)
        device.write_weights(self._weights)
        return device

    def _learn(self, device: Device, turn: int) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        part = slice(turn * self.SAMPLES, (turn + 1) * self.SAMPLES)
        return device.show(self._values[part], self._labels[part], True), device.read_weights()

    def _lasting(self, device: Device) -> bool:
        try:
            return not self._same(self._learn(device, 0), self._expected[0])
        except BackspikeError:
            return True

    @staticmethod
    def _same(
        found: tuple[NDArray[np.int64], list[NDArray[np.int64]]],
        expected: tuple[NDArray[np.int64], Sequence[NDArray[np.int64]]],
    ) -> bool:
        pairs = zip([found[0], *found[1]], [expected[0], *expected[1]], strict=True)
        return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


class _Port(DirectLine):
    """A port that says nothing of a device that hangs, as real ones do, and counts the breaks."""

    def __init__(self, board: SimulatedBoard) -> None:
        super().__init__(board)
        self.breaks = 0

    def write(self, content: bytes, /) -> int:
        with suppress(BackspikeError):
            return super().write(content)
        return len(content)

    def send_break(self, duration: float = 0.25) -> None:
        self.breaks += 1
        super().send_break(duration)
