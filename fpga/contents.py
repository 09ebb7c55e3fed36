"""What a network and its host link are made of before synthesis: bits of registers and operators, and memories.

Of the operators, those that the area was found to follow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from amaranth.hdl import Fragment, _nir
from amaranth.hdl._ir import build_netlist  # the netlist that Amaranth's back ends are given

from backspike.config import NetworkConfig
from backspike.hdl.board import BoardTop
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.verilog import find_ports

__all__ = ["Contents", "Memory", "contents"]

# Amaranth's own functions have no types.
_ELABORATE: Any = Fragment.get
_BUILD: Any = build_netlist
_SUMS = ("+", "-")
# All others go into the tables of what works out their operands: with bit by bit operations and shifts counted as well,
# the fit to the record was worse; with what chooses, compares for equality or scales an address, no better.
_COMPARISONS = tuple(sign + operator for sign in "us" for operator in ("<", "<=", ">", ">="))
_CYCLES_PER_BIT = 16


@dataclass(frozen=True)
class Memory:
    """A memory.

    Attributes
    ----------
    name : str
    width, depth : int
        Bits per word, and words.
    enables : int
        Parts of a word that are written apart from each other.
    single : bool
        One port does both: it never reads in a cycle in which it writes.
    """

    name: str
    width: int
    depth: int
    enables: int
    single: bool


@dataclass(frozen=True)
class Contents:
    """What a design is made of.

    Attributes
    ----------
    registers : int
        Bits of registers.
    sums : int
        Bits of sums.
    comparisons : int
        Bits that are compared by order.
    memories : tuple of Memory
        The others that have a clocked read port.
    """

    registers: int
    sums: int
    comparisons: int
    memories: tuple[Memory, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Contents:
        """Return what `to_dict` was made of."""
        return cls(**{**values, "memories": tuple(Memory(**memory) for memory in values["memories"])})


@cache
def contents(config: NetworkConfig) -> Contents:
    """Count what the design of a network with its host link is made of.

    Takes some seconds for a small network, half a minute for hundreds of lanes: the whole design is elaborated.
    """
    top = BoardTop(config, SerialTransport(_CYCLES_PER_BIT))
    cells = _BUILD(_ELABORATE(top, None), ports=find_ports(top), name=config.name).cells
    bits: Counter[str] = Counter()
    reads = {cell.memory: cell for cell in cells if isinstance(cell, _nir.SyncReadPort)}
    writes = {cell.memory: cell for cell in cells if isinstance(cell, _nir.SyncWritePort)}
    memories = []
    for index, cell in enumerate(cells):
        if isinstance(cell, _nir.FlipFlop):
            bits["registers"] += len(cell.data)
        elif isinstance(cell, _nir.Operator):
            if cell.operator in _SUMS:
                bits["sums"] += cell.width
            elif cell.operator in _COMPARISONS:
                bits["comparisons"] += max(len(value) for value in cell.inputs)
        elif isinstance(cell, _nir.Memory) and index in reads:
            written = writes.get(index)
            enables = len(set(written.en)) if written else 1
            single = not reads[index].en.is_const
            memories.append(Memory(cell.name, cell.width, cell.depth, enables, single))
    return Contents(bits["registers"], bits["sums"], bits["comparisons"], tuple(memories))
