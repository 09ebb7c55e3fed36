"""Blocks of RAM that are left go to memories that would be registers, and to no more than there are."""

from __future__ import annotations

import re

import pytest
from amaranth import Module, Signal
from amaranth.back import rtlil
from amaranth.lib import memory as memories
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from backspike.fpga.blocks import fill_blocks
from backspike.fpga.families import ECP5, ICE40
from backspike.fpga.families.family import Capacity
from backspike.hdl.ram import ram
from backspike.hdl.verilog import find_ports, free_memories

# Width and depth; blocks of 16 x 256, and 64 bits in registers cost as much as one, of which Yosys takes 68 still.
MEMORIES = {
    "large": (16, 256),
    "wide": (33, 3),
    "slim": (12, 5),
    "most": (11, 6),
    "least": (5, 3),
}


class Memories(wiring.Component):
    """Memories of all kinds, each in a module of its own, and one with a single port."""

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__({"address": In(14), "data": In(40), "write": In(1), "o": Out(40)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = [(name, ram(width, depth)) for name, (width, depth) in MEMORIES.items()]
        words.append(("single", ram(16, self._words)))
        total = Signal(40)
        for name, memory in words:
            m.submodules[name] = inner = Module()
            inner.submodules.memory = memory
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.address),
                write.data.eq(self.data),
                write.en.eq(self.write),
                read.addr.eq(self.address),
                read.en.eq(~self.write if name == "single" else 1),
            ]
            total = total ^ read.data
        # A table is nothing but read, and takes its blocks all the same: two.
        m.submodules.table = table = memories.Memory(shape=8, depth=1024, init=range(1, 256))
        found = table.read_port()
        m.d.comb += found.addr.eq(self.address)
        total = total ^ found.data
        # Read without a clock: it has no place in a block.
        m.submodules.queue = queue = SyncFIFO(width=40, depth=4)
        m.d.comb += [queue.w_data.eq(self.data), queue.w_en.eq(self.write), self.o.eq(total ^ queue.r_data)]
        return m


def without_styles(text: str) -> str:
    return re.sub(r"^  attribute \\ram_style .*\n", "", text, flags=re.MULTILINE)


def given(blocks: int, single: int = 1, area=ICE40.area, words: int = 16_384) -> set[str]:
    """Return the shapes, width x depth, of the memories that are given blocks, of a device that has so many."""
    unit = Memories(words)
    text = free_memories(rtlil.convert(unit, name="top", ports=find_ports(unit), emit_src=False))
    filled = fill_blocks(text, area, Capacity(1000, blocks, single))
    assert without_styles(filled) == without_styles(text)
    found = re.findall(r'^  attribute \\ram_style "block"\n  memory width (\d+) size (\d+) ', filled, re.MULTILINE)
    return {f"{width}x{depth}" for width, depth in found}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (3, set()),
        # Three are taken. What fills a block most comes first, and the least is not worth one.
        (4, {"11x6"}),
        (5, {"11x6", "12x5"}),
        (6, {"11x6", "12x5"}),
        (7, {"11x6", "12x5"}),
        (30, {"11x6", "12x5", "33x3"}),
    ],
)
def test_blocks_that_are_left_are_given(blocks, expected) -> None:
    assert given(blocks) == expected


def test_a_memory_of_a_single_port_takes_blocks_where_there_is_no_other() -> None:
    assert given(67, single=0) == set()
    assert given(68, single=0) == {"11x6"}


def test_a_small_memory_of_a_single_port_takes_blocks() -> None:
    assert given(7, words=1024) == set()
    assert given(8, words=1024) == {"11x6"}


def test_distributed_ram_is_left_to_synthesis() -> None:
    assert given(56, area=ECP5.area) == set()
