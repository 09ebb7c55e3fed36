"""A memory of samples in the device's own RAM."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from backspike.hdl.ram import ram
from backspike.link import FRAME_BYTES

from .port import COUNT_BITS, WORD_BITS, memory_port

__all__ = ["BlockRam"]


class BlockRam(wiring.Component):
    """Words in RAM on the chip, ready at once: block RAM, or what else has a single port, such as iCE40's SPRAM.

    Latency: the first word of a burst that reads is there two cycles after the burst is taken. Throughput: a word per
    cycle, and one cycle more for each burst; a burst that follows one that reads is taken while its last word waits.

    Parameters
    ----------
    address_bits : int
        The memory has 2 ** `address_bits` words.

    Members
    -------
    memory : ``In(memory_port(address_bits))``
    """

    frame_bytes = FRAME_BYTES
    """Most bytes of a frame of the host's: the RAM is there for samples."""

    def __init__(self, address_bits: int) -> None:
        self._address_bits = address_bits
        super().__init__({"memory": In(memory_port(address_bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = words = ram(WORD_BITS, 1 << self._address_bits)
        stored, fetched = words.write_port(), words.read_port(transparent_for=())
        memory = self.memory
        address = Signal(self._address_bits)
        left = Signal(COUNT_BITS)
        writing = Signal()
        moves = Signal()
        m.d.comb += [
            memory.ready.eq(1),
            memory.burst.ready.eq(left == 0),
            memory.written.ready.eq((left != 0) & writing),
            stored.addr.eq(address),
            stored.data.eq(memory.written.payload),
            stored.en.eq(memory.written.valid & memory.written.ready),
            # What is read stays until the next read.
            fetched.addr.eq(address),
            fetched.en.eq((left != 0) & ~writing & (~memory.read.valid | memory.read.ready)),
            memory.read.payload.eq(fetched.data),
            moves.eq(stored.en | fetched.en),
        ]
        with m.If(memory.read.ready):
            m.d.sync += memory.read.valid.eq(0)
        with m.If(fetched.en):
            m.d.sync += memory.read.valid.eq(1)
        with m.If(moves):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
        with m.If(memory.burst.valid & memory.burst.ready):
            m.d.sync += [
                address.eq(memory.burst.p.address),
                left.eq(memory.burst.p.count),
                writing.eq(memory.burst.p.write),
            ]
        return m
