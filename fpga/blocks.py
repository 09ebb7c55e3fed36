"""Small memories, which synthesis makes of registers, in the blocks of RAM that a design leaves unused.

A block costs nothing where it would lie idle; a bit in a register takes a logic cell, and what selects it takes others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .families.family import Area, Capacity

__all__ = ["REGISTERS_PREFERRED", "choose", "fill_blocks"]

REGISTERS_PREFERRED = 4
"""Bits more than a memory's blocks cost for which Yosys makes registers still, as the record of areas shows."""

LEAST_BITS = 16
"""Bits from which on a memory is worth a block that is left."""

_MODULE = re.compile(r"^module \S+\n.*?^end\n", re.MULTILINE | re.DOTALL)
_MEMORY = re.compile(
    r"^(?P<attributes>(?:  attribute .*\n)*)"
    r"  memory width (?P<width>\d+) size (?P<depth>\d+) (?P<name>\S+)\n",
    re.MULTILINE,
)
# Of those of `backspike.hdl.ram`, which ask of RAM no more than devices have: one port to write, one clocked to read.
_PLAIN = "  attribute \\no_rw_check 1\n"
_READ = re.compile(r"^  cell \$memrd_v2 .*?^  end\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class _Memory:
    """A memory of the text: module and name, bits, blocks that it would take, and whether it is of registers.

    ``plain``: it may be given a block.
    """

    module: str
    name: str
    bits: int
    blocks: int
    of_registers: bool
    plain: bool


def fill_blocks(text: str, area: Area, capacity: Capacity) -> str:
    """Give memories that would be registers to the blocks of RAM that no other memory takes.

    Those that fill their blocks most come first. Where a family has distributed RAM, that is for them, and the text
    stays as it is.

    Parameters
    ----------
    text : str
        RTLIL of the whole design.
    area : Area
        Of the device's family.
    capacity : Capacity
        What the device has.

    Returns
    -------
    str
        The same, with the attribute ``ram_style`` of these memories "block".
    """
    if area.distributed:
        return text
    memories = list(_memories(text, area, capacity))
    left = capacity.block_rams - sum(memory.blocks for memory in memories if not memory.of_registers)
    small = [memory for memory in memories if memory.of_registers and memory.plain]
    numbers = choose([(memory.bits, memory.blocks) for memory in small], left)
    chosen = {(small[number].module, small[number].name) for number in numbers}

    def give(module: re.Match[str]) -> str:
        name = module[0].split("\n", 1)[0]
        return _MEMORY.sub(lambda found: _block(found) if (name, found["name"]) in chosen else found[0], module[0])

    return _MODULE.sub(give, text)


def choose(small: Sequence[tuple[int, int]], left: int) -> list[int]:
    """Return which memories of registers are given the blocks of RAM that are left, those that fill theirs most first.

    Parameters
    ----------
    small : sequence of (int, int)
        Bits of each memory, and blocks that it would take.
    left : int
        Blocks of RAM that no other memory takes.

    Returns
    -------
    list of int
        Their numbers in the sequence.
    """
    chosen = []
    for number in sorted(range(len(small)), key=lambda number: small[number][0] / small[number][1], reverse=True):
        bits, blocks = small[number]
        if bits >= LEAST_BITS and blocks <= left:
            left -= blocks
            chosen.append(number)
    return chosen


def _memories(text: str, area: Area, capacity: Capacity) -> Iterable[_Memory]:
    """Give the memories of a design but those in single-port RAM, and those that are read without a clock."""
    for module in _MODULE.finditer(text):
        for found in _MEMORY.finditer(module[0]):
            width, depth = int(found["width"]), int(found["depth"])
            identifier = found["name"].replace("\\", "\\\\")
            ports = [port[0] for port in _READ.finditer(module[0]) if f'\\MEMID "{identifier}"\n' in port[0]]
            if any("parameter \\CLK_ENABLE 0\n" in port for port in ports):
                continue
            alternates = any("connect \\EN 1'1\n" not in port for port in ports)
            blocks = _least(width, depth, area.shapes)
            cost = area.costs["block_rams"] * blocks
            if alternates and capacity.single_port_rams and _single_port_cost(width, depth, area) < cost:
                continue
            of_registers = area.costs["registers"] * width * depth - REGISTERS_PREFERRED < cost
            plain = _PLAIN in found["attributes"]
            yield _Memory(module[0].split("\n", 1)[0], found["name"], width * depth, blocks, of_registers, plain)


def _least(width: int, depth: int, shapes: tuple[tuple[int, int], ...]) -> int:
    return min(-(-width // bits) * -(-depth // words) for bits, words in shapes)


def _single_port_cost(width: int, depth: int, area: Area) -> float:
    return area.costs["single_port_rams"] * _least(width, depth, area.single_port)


def _block(found: re.Match[str]) -> str:
    memory = found[0][found[0].rindex("  memory ") :]
    return f'{found["attributes"]}  attribute \\ram_style "block"\n{memory}'
