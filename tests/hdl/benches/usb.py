"""Bench of a board at a USB host: enumeration, a training over a bus that damages packets, breaks and resets."""

from __future__ import annotations

from amaranth import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from cocotb.clock import Clock
from cocotb.triggers import Timer

from backspike.fpga.link.frames import Frame
from backspike.fpga.link.serial_transport import LineReader, encode_line
from backspike.link import WORDS, LinkEvent, Request
from backspike.sim.streams import within

from .bench import Task
from .board import PATIENCE, LinkBench
from .usb_host import PACKET_BYTES, Pid, Setup, UsbHost, descriptors_of

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

``source`` is a clock of 48 MHz, of which the bus is made, ``slow`` divides the network's by 512, and the rest is the
bus: what the host drives it to, its level, D+ and D-, and whether the device drives it, or pulls it up.
"""

_WRAPPER = """\
module {top}(clk, rst, {ports});
  input clk, rst;
{declarations}
  reg sync = 0;
  reg [7:0] part = 0;
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

    DATA = 2
    STATUS = 1

    def idle_line(self) -> int:
        """Put the line, and the clocks, at rest; return the nanoseconds of a bit."""
        self.host = UsbHost(self.unit, self.random, self.job["skew"])
        self.serving: Task
        self.unit.put(source=0, reset=1, slow=0)
        return 83

    async def run(self) -> None:
        """Enumerate the device; train it as over a serial line; then break, reset and slow it down."""
        await Timer(self.random.randrange(20_000), "ps")
        Clock(self.unit.source, 20_834, unit="ps", impl="gpi").start()
        await Timer(500, "ns")
        assert not self.unit.get("pullup"), "D+ is pulled up in a reset"
        self.unit.put(reset=0)
        await Timer(1000, "ns")
        assert self.unit.get("pullup"), "D+ is not pulled up"
        await self.host.reset()
        await self.enumerate()
        await self.refuse_requests()
        self.host.damage = self.job["damage"]
        self.serving = self.start(self.host.serve(self.DATA, self.DATA))
        await super().run()
        for disturb in (
            self.restart_endpoints,
            self.break_frame,
            self.break_answer,
            self.unplug,
            self.slow_down,
            self.hurry,
        ):
            await disturb()
            await self.hello()
            await self.compare_counters()
        counted = self.host.counted
        assert min(counted[what] for what in ("damaged", "unheard", "twice", "NAK")) > 0, f"not tried: {counted}"

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

    # -- disturbances -------------------------------------------------------------------------------------------------

    def _long_write(self) -> Frame:
        """Return the next request, of several packets."""
        body = bytes((self.registers["WEIGHT_DATA"].address,)) + self.random.randbytes(4 * WORDS)
        return Frame((self.sequence + 1) % 256, Request.WRITE, body)

    async def refuse_before_hello(self) -> None:
        """Send a whole frame that would have been the next one: nobody takes it."""
        frame = Frame((self.sequence + 1) % 256, Request.READ, bytes((0, 1)))
        await self.refuse(LinkEvent.ORDER, encode_line(frame))

    async def restart_endpoints(self) -> None:
        """Begin one of the two data endpoints anew where a DATA1 would come next: the other one goes on (9.4.5)."""
        for out in (True, False):
            for _ in range(50):
                if self.host.goes_on(out) and self.host.goes_on(not out):
                    break
                await self.read("TICKS", 1)
            else:
                raise AssertionError("no two packets come next that are DATA1")
            endpoint = self.DATA if out else 0x80 | self.DATA
            assert await self.host.request(Setup(2, 1, 0, endpoint)) == b""
            self.host.restart_data(out, not out)
            await self.read("TICKS", 1)

    async def break_off(self) -> None:
        """Send a break, as Linux does: one without an end, and its end."""
        for milliseconds in (0xFFFF, 0):
            assert await self.host.request(Setup(0x21, 0x23, milliseconds)) == b""

    async def break_frame(self) -> None:
        """Break in the middle of a frame: what is sent then is a frame of its own, and taken only if it is a HELLO."""
        for size in (5, 40):
            await self.send(encode_line(self._long_write())[:size])
            await self.break_off()
            await self.refuse_before_hello()

    async def break_answer(self) -> None:
        """Break while an answer waits for a host that fetches nothing: what is there of it is no answer."""
        self.host.polls = False
        frame = Frame((self.sequence + 1) % 256, Request.READ, bytes((self.registers["TICKS"].address, WORDS)))
        self.sequence = frame.sequence
        self.counted[LinkEvent.TAKEN] += 1
        await self.send(encode_line(frame))
        # Until all that has room in the device waits there.
        await Timer(400_000, "ns")
        assert self.unit.get("busy"), "an answer is sent to nobody"
        fetched = self.host.counted["bytes in"]
        await self.break_off()
        await Timer(1000, "ns")
        assert not self.unit.get("busy"), "busy after a break"
        self.host.polls = True
        await Timer(400_000, "ns")
        assert self.host.counted["bytes in"] > fetched + PACKET_BYTES, "nothing of the answer was on its way"
        assert self.answers.empty(), "a whole answer after a break"
        await self.refuse_before_hello()

    async def unplug(self) -> None:
        """Take the host away in the middle of a packet, and come back; sequence numbers of packets begin anew."""
        sending = self.start(self.send(encode_line(self._long_write())))
        await Timer(self.random.randint(5_000, 60_000), "ns")
        for task in (sending, self.serving):
            task.cancel()
        self.host.vanish()
        await Timer(self.random.randint(1_000, 20_000), "ns")
        self.host.damage = 0.0
        await self.host.reset()
        await self.enumerate()
        self.host.damage = self.job["damage"]
        self.serving = self.start(self.host.serve(self.DATA, self.DATA))
        await self.refuse_before_hello()

    async def slow_down(self) -> None:
        """Let the network's clock be slower than the bus: the host is told to wait, and no byte is lost."""
        self.unit.put(slow=1)
        refused, frame = self.host.counted["NAK"], Frame(self.sequence + 1 & 255, Request.WRITE, bytes(509))
        line = bytearray(encode_line(frame))
        line[-4] ^= 0x5A
        self.host.polls = False
        self.counted[LinkEvent.DAMAGED] += 1
        await self.host.write(bytes(line))
        assert self.host.counted["NAK"] > refused + 10, (
            f"a slow device has taken all at once: {self.host.counted}, {refused}"
        )
        # What waits in the device has gone by then.
        await Timer(2_000_000, "ns")
        self.unit.put(slow=0)
        self.host.polls = True

    async def hurry(self) -> None:
        """Send as fast as the bus can, and fetch: nothing waits for the device."""
        host = self.host
        host.damage, host.polls = 0.0, False
        # A poll may be on its way.
        await Timer(20_000, "ns")
        refused, begun, line = host.counted["NAK"], host.now(), bytes((9,)) * 2048 + b"\0"
        self.counted[LinkEvent.LONG] += 1
        await host.write(line)
        assert host.counted["NAK"] == refused, "the host had to wait"
        host.spent["bits a byte, out"] = (host.now() - begun) / len(line)
        host.polls = True
        await self.read("TICKS", WORDS)

    # -- control ------------------------------------------------------------------------------------------------------

    async def enumerate(self) -> None:
        """Do what a system does with a new device, and read all that it says of itself (USB 2.0, 9.1.2)."""
        host = self.host
        head = await host.control(Setup(0x80, 6, 0x0100, 0, 64))
        await host.reset()
        assert await host.control(Setup(0, 5, 93)) == b""
        host.address = 93
        # Version 2.0, a device of several interfaces, 64 bytes; 1209:0001; version 0, two names, one configuration.
        device = await host.control(Setup(0x80, 6, 0x0100, 0, 18))
        assert device == head
        assert device is not None
        assert device[:12].hex() == "12010002ef02014009120100", device.hex()
        assert device[14:] == b"\1\2\0\1", device.hex()
        start = await host.control(Setup(0x80, 6, 0x0200, 0, 9))
        assert start is not None
        whole = await host.control(Setup(0x80, 6, 0x0200, 0, int.from_bytes(start[2:4], "little")))
        assert whole is not None
        assert whole[:9] == start
        assert [part.hex() for part in descriptors_of(whole)][1:] == [
            "080b000202020000",  # two interfaces from 0 on, communications, abstract control
            "0904000001020200" + "00",  # interface 0, an endpoint
            "0524001001",  # CDC 1.1
            "0524010001",  # calls are not managed
            "04240206",  # line codings and breaks
            "0524060001",  # interface 0, and 1 below it
            "070581031000ff",  # endpoint 1, in, interrupt, 16 bytes
            "09040100020a0000" + "00",  # interface 1, data, two endpoints
            "07058202400000",  # endpoint 2, in, bulk, 64 bytes
            "07050202400000",  # endpoint 2, out
        ], whole.hex()
        assert whole[4:6] == b"\2\1", "another number of interfaces, or of the configuration"
        names = []
        for number in range(3):
            text = await host.control(Setup(0x80, 6, 0x0300 | number, 0x0409, 255))
            assert text is not None
            assert text[:2] == bytes((len(text), 3)), text.hex()
            names.append(text[2:])
        assert names[0] == b"\x09\x04"
        assert [name.decode("utf-16-le") for name in names[1:]] == ["Backspike", "Backspike host link"]
        assert await host.control(Setup(0, 9, 1)) == b""
        host.restart_data()
        assert await host.control(Setup(0x80, 8, 0, 0, 1)) == b"\1"
        for request in (Setup(0x21, 0x22, 3), Setup(0x21, 0x20, 0, 0, 7)):
            assert await host.control(request, bytes((0x80, 0x25, 0, 0, 0, 0, 8))) == b""
        assert await host.control(Setup(0xA1, 0x21, 0, 0, 7)) == bytes((0, 0xC2, 1, 0, 0, 0, 8))

    async def refuse_requests(self) -> None:
        """Ask for what there is not: a high speed, a string, a request of the class or the vendor; other addresses."""
        host = self.host
        for setup in (
            Setup(0x80, 6, 0x0600, 0, 10),
            Setup(0x80, 6, 0x0309, 0x0409, 255),
            Setup(0xA1, 0x55, 0, 0, 4),
            Setup(0x21, 0x55),
            Setup(0xC0, 1, 0, 0, 4),
        ):
            assert await host.control(setup) is None, f"{setup} is not refused"
        assert await host.control(Setup(0x80, 0, 0, 0, 2)) == b"\0\0"
        assert await host.take(self.STATUS) == (Pid.NAK, b"")
        host.address = 94
        assert await host.take(self.DATA) is None, "an answer to another's token"
        host.address = 93
        # More bytes than a packet has are never taken, or the next frame would have them in front.
        assert await host.give(Pid.OUT, self.DATA, Pid.DATA0, bytes(PACKET_BYTES + 1)) == Pid.NAK
        assert await host.give(Pid.OUT, self.DATA, Pid.DATA0, self.random.randbytes(2 * PACKET_BYTES)) == Pid.NAK
        # An endpoint that is not halted is begun anew all the same (9.4.5).
        for endpoint in (self.DATA, 0x80 | self.DATA):
            assert await host.control(Setup(2, 1, 0, endpoint)) == b""
        host.restart_data()
