"""Bench of a board at a USB host: enumeration, a training over a bus that damages packets, breaks and resets."""

from __future__ import annotations

from typing import Any

from amaranth import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from cocotb.clock import Clock
from cocotb.triggers import Timer

from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import LineReader, encode_line
from backspike.link import ANSWER, WORDS, LinkEvent, Request
from backspike.sim.streams import CLOCK_PERIOD, within

from .board import PATIENCE, LinkBench
from .usb_host import PACKET_BYTES, Setup, UsbHost, descriptors_of

__all__ = ["NAME", "PORTS", "ClockedBoard", "UsbBench", "wrapped"]

NAME = "usb"

PORTS = {
    f"{NAME}__{port}": {"direction": direction, "width": width, "signed": False}
    for port, direction, width in (
        ("source", "input", 1),
        ("reset", "input", 1),
        ("slow", "input", 1),
        ("drive", "input", 1),
        ("level", "input", 2),
        ("line", "output", 2),
        ("driven", "output", 1),
        ("pullup", "output", 1),
        ("busy", "output", 1),
    )
}
"""Ports of the design besides ``clk`` and ``rst``, as `describe_ports` has them.

``source`` is a clock of 48 MHz, of which the bus is made, ``slow`` divides the network's by 128, and the rest is the
bus: what the host drives it to, its level, D+ and D-, and whether the device drives it, or pulls it up.
"""

_WRAPPER = """\
module {top}(clk, rst, {ports});
  input clk, rst;
{declarations}
  reg sync = 0;
  reg [5:0] part = 0;
  always @(clk)
    if (!usb__slow) sync = clk;
    else if (clk) begin
      part = part + 1;
      if (part == 0) sync = !sync;
    end
  wire dp, dn, dp_drive, dn_drive, pull;
  assign usb__driven = dp_drive | dn_drive;
  assign usb__pullup = pull;
  assign usb__line = usb__driven ? {{dn, dp}} : usb__drive ? usb__level : {{1'b0, pull}};
  {inner} unit(
    .clk(sync), .rst(usb__reset), .usb_clock(usb__source), .usb_reset(usb__reset), .busy(usb__busy),
    .d_p__i(usb__line[0]), .d_p__o(dp), .d_p__oe(dp_drive),
    .d_n__i(usb__line[1]), .d_n__o(dn), .d_n__oe(dn_drive), .pullup__o(pull), .pullup__oe()
  );
endmodule
"""


def wrapped(top: str, inner: str) -> str:
    """Return Verilog of the design: a `ClockedBoard`, whose module is `inner`, its clocks, and the bus."""
    widths = {port: "" if entry["width"] == 1 else f"[{entry['width'] - 1}:0] " for port, entry in PORTS.items()}
    declarations = "\n".join(f"  {entry['direction']} {widths[port]}{port};" for port, entry in PORTS.items())
    return _WRAPPER.format(top=top, inner=inner, ports=", ".join(PORTS), declarations=declarations)


class ClockedBoard(wiring.Component):
    """A board with the clocks of USB as inputs."""

    def __init__(self, board: wiring.Component) -> None:
        self._board = board
        clocks = dict.fromkeys(("usb_clock", "usb_reset"), In(1))
        super().__init__({**board.signature.members, **clocks})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.board = board = self._board
        for name, member in board.signature.members.items():
            inside, outside = getattr(board, name), getattr(self, name)
            if member.is_signature:
                connect(m, inside, flipped(outside))
            else:
                assert member.flow == Out
                m.d.comb += outside.eq(inside)
        m.domains.usb = ClockDomain()
        m.d.comb += [ClockSignal("usb").eq(self.usb_clock), ResetSignal("usb").eq(self.usb_reset)]
        return m


class UsbBench(LinkBench):
    """The job has ``config``, ``rounds``, ``skew`` and ``damage``."""

    OUT, IN = 2, 2

    def idle_line(self) -> int:
        self.host = UsbHost(self.unit, self.random, self.job["skew"])
        self.unit.put(source=0, reset=1, slow=0)
        return 83

    async def run(self) -> None:
        """Enumerate the device; train it as a serial line would; then break, reset and slow it down."""
        await Timer(self.random.randrange(20_000), "ps")
        Clock(self.unit.source, 20_834, unit="ps", impl="gpi").start()
        await Timer(500, "ns")
        self.unit.put(reset=0)
        await Timer(1000, "ns")
        assert self.unit.get("pullup"), "D+ is not pulled up"
        await self.host.reset()
        await self.enumerate()
        self.host.damage = self.job["damage"]
        self.start(self.host.serve(self.OUT, self.IN))
        await super().run()

    # -- the line -----------------------------------------------------------------------------------------------------

    async def send(self, line: bytes) -> None:
        """Send bytes, in packets of any length."""
        while line:
            size = self.random.choice([len(line), 1, PACKET_BYTES, self.random.randint(1, len(line))])
            await within(PATIENCE, self.host.write(line[:size]), f"{size} bytes were not taken")
            line = line[size:]

    async def _listen(self) -> None:
        reader = LineReader()
        while True:
            self.host.came.clear()
            for frame in reader.feed(bytes(self.host.received)):
                self.answers.put_nowait(frame)
            self.host.received.clear()
            await self.host.came.wait()

    # -- control ------------------------------------------------------------------------------------------------------

    async def enumerate(self) -> None:
        """Do what a system does with a new device, and read all of its descriptors (USB 2.0, 9.1.2)."""
        host = self.host
        first = await host.control(Setup(0x80, 6, 0x0100, 0, 64))
        assert first is not None
        assert first[:2] == b"\x12\x01", f"a device descriptor begins with {first[:2].hex()}"
        await host.reset()
        assert await host.control(Setup(0, 5, 93)) == b""
        host.address = 93
        self.device = await host.control(Setup(0x80, 6, 0x0100, 0, 18))
        head = await host.control(Setup(0x80, 6, 0x0200, 0, 9))
        assert head is not None
        total = int.from_bytes(head[2:4], "little")
        self.configuration = await host.control(Setup(0x80, 6, 0x0200, 0, total))
        self.strings = [await host.control(Setup(0x80, 6, 0x0300 | number, 0x0409, 255)) for number in range(3)]
        assert await host.control(Setup(0, 9, 1)) == b""
        host.restart_data()
        assert await host.control(Setup(0x80, 8, 0, 0, 1)) == b"\1"
