"""A small component with streams, a memory and a submodule, to try emission and simulation on."""

import shutil
from functools import cache

import pytest
from amaranth import Module, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.hdl.verilog import describe_ports, emit

NEEDS_ICARUS = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="needs Icarus Verilog: apt-get install iverilog"
)
ON_BOTH = pytest.mark.parametrize("simulator", [pytest.param("icarus", marks=NEEDS_ICARUS), "verilator"])

COMMAND = data.StructLayout({"address": 4, "value": signed(8)})


class Counter(wiring.Component):
    """Counts the clocks in which it is enabled."""

    enable: In(1)
    count: Out(8)

    def elaborate(self, platform):
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.count.eq(self.count + 1)
        return m


class Accumulator(wiring.Component):
    """Adds each value to the word at its address and gives the sum back, in two cycles."""

    i: In(stream.Signature(COMMAND))
    o: Out(stream.Signature(signed(16)))
    always: Out(stream.Signature(8, always_ready=True))
    idle: Out(4, init=5)

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=signed(16), depth=16, init=range(16))
        m.submodules.counter = counter = Counter()
        read = words.read_port()
        write = words.write_port()
        busy = Signal()
        command = Signal(COMMAND)
        total = Signal(signed(16))
        m.d.comb += [
            self.i.ready.eq(~busy),
            read.addr.eq(self.i.payload.address),
            read.en.eq(~busy),
            total.eq(read.data + command.value),
            write.addr.eq(command.address),
            write.data.eq(total),
            write.en.eq(self.o.valid & self.o.ready),
            self.o.payload.eq(total),
            self.o.valid.eq(busy),
            counter.enable.eq(write.en),
            self.always.valid.eq(write.en),
            self.always.payload.eq(counter.count),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [busy.eq(1), command.eq(self.i.payload)]
        with m.If(write.en):
            m.d.sync += busy.eq(0)
        return m


@cache
def accumulator_verilog() -> str:
    return emit(Accumulator(), "accumulator")


def accumulator_ports() -> dict:
    return describe_ports(Accumulator())
