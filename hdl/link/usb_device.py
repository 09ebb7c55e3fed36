"""A serial device at a USB port, full speed: a stream of bytes in, and one out.

Packets and control transfers are LUNA's (BSD 3-Clause, Great Scott Gadgets); the wires are in `usb_phy`; what the
device says it is, the data's way, and what a break or a reset of the bus does, is said here.
"""

from __future__ import annotations

import warnings
from typing import Any

from amaranth import Elaboratable, Module, ResetInserter, ResetSignal, Signal
from amaranth.lib import io, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.errors import BackspikeError

from .usb_phy import CLOCK_HZ, UsbPhy

try:
    with warnings.catch_warnings():
        # Of names that Amaranth 0.5 has elsewhere: nothing that a user could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        from luna.gateware.stream.generator import StreamSerializer
        from luna.gateware.usb.stream import USBInStreamInterface
        from luna.gateware.usb.usb2.device import USBDevice
        from luna.gateware.usb.usb2.endpoint import EndpointInterface
        from luna.gateware.usb.usb2.request import StallOnlyRequestHandler, USBRequestHandler
        from luna.gateware.usb.usb2.transfer import USBInTransferManager
        from usb_protocol.emitters import DeviceDescriptorCollection
        from usb_protocol.emitters.descriptors import cdc
        from usb_protocol.types import USBRequestType, USBStandardRequests
except ModuleNotFoundError as error:
    raise BackspikeError("luna-usb is missing; install it with: pip install backspike[usb]") from error

__all__ = ["PACKET_BYTES", "PRODUCT_ID", "RESET_CYCLES", "VENDOR_ID", "UsbSerialDevice"]

VENDOR_ID, PRODUCT_ID = 0x1209, 0x0001
"""An identity of pid.codes for tests, and for nothing else: it does not say whose device it is."""

PACKET_BYTES = 64
"""Most bytes of a bulk packet at full speed (USB 2.0, 5.8.3)."""

RESET_CYCLES = 3 * CLOCK_HZ // 1_000_000
"""Cycles for which both lines are 0 in a reset: 3 microseconds, where 2.5 may be one (USB 2.0, 7.1.7.5).

The end of a packet is two bits, 0.17 microseconds.
"""

_ACK_CYCLES = 48 * CLOCK_HZ // 12_000_000
"""Cycles after a packet of ours in which it is acknowledged, or not at all: 48 bits.

It takes up to 18 bits until the host begins (USB 2.0, 7.1.19.1), and as many for SYNC, identifier and end. An
acknowledgement to another device comes after a token and data, 100 bits and more.
"""

_STATUS_ENDPOINT, _DATA_ENDPOINT = 1, 2
# Communications class (CDC 1.2, chapter 4): abstract control model, without a protocol of its own, so that
# nobody takes it for a modem and sends it commands.
_COMMUNICATIONS, _ABSTRACT_CONTROL, _NO_PROTOCOL, _DATA = 0x02, 0x02, 0x00, 0x0A
# Of the abstract control model (PSTN 1.2, table 4): it takes line codings and breaks. Without the second bit Linux
# sends no break.
_CAPABILITIES = 0b0110
_SET_LINE_CODING, _GET_LINE_CODING, _SET_CONTROL_LINE_STATE, _SEND_BREAK = range(0x20, 0x24)
# 115,200 bits per second, one stop bit, no parity, 8 bits (PSTN 1.2, table 17): of a line that there is not.
_LINE_CODING = (115_200).to_bytes(4, "little") + bytes((0, 0, 8))


def _descriptors() -> DeviceDescriptorCollection:
    """Return what the device says of itself (USB 2.0, 9.6; CDC 1.2, 5; PSTN 1.2, 5.3)."""
    descriptors = DeviceDescriptorCollection()
    with descriptors.DeviceDescriptor() as device:
        # Two interfaces that belong together, as an association says.
        device.bDeviceClass, device.bDeviceSubclass, device.bDeviceProtocol = 0xEF, 0x02, 0x01
        device.idVendor, device.idProduct = VENDOR_ID, PRODUCT_ID
        device.iManufacturer, device.iProduct = "Backspike", "Backspike host link"
        device.bNumConfigurations = 1
    with descriptors.ConfigurationDescriptor() as configuration:
        with configuration.InterfaceAssociationDescriptor() as both:
            both.bFirstInterface, both.bInterfaceCount = 0, 2
            both.bFunctionClass, both.bFunctionSubClass = _COMMUNICATIONS, _ABSTRACT_CONTROL
            both.bFunctionProtocol = _NO_PROTOCOL
        with configuration.InterfaceDescriptor() as control:
            control.bInterfaceNumber = 0
            control.bInterfaceClass, control.bInterfaceSubclass = _COMMUNICATIONS, _ABSTRACT_CONTROL
            control.bInterfaceProtocol = _NO_PROTOCOL
            control.add_subordinate_descriptor(cdc.HeaderDescriptorEmitter())
            calls = cdc.CallManagementFunctionalDescriptorEmitter()
            calls.bDataInterface = 1
            control.add_subordinate_descriptor(calls)
            model = cdc.ACMFunctionalDescriptorEmitter()
            model.bmCapabilities = _CAPABILITIES
            control.add_subordinate_descriptor(model)
            union = cdc.UnionFunctionalDescriptorEmitter()
            union.bControlInterface, union.bSubordinateInterface0 = 0, 1
            control.add_subordinate_descriptor(union)
            with control.EndpointDescriptor() as status:
                status.bEndpointAddress, status.bmAttributes = 0x80 | _STATUS_ENDPOINT, 0x03
                status.wMaxPacketSize, status.bInterval = 16, 255
        with configuration.InterfaceDescriptor() as data:
            data.bInterfaceNumber = 1
            data.bInterfaceClass, data.bInterfaceSubclass, data.bInterfaceProtocol = _DATA, 0, 0
            for direction in (0x80, 0x00):
                with data.EndpointDescriptor() as endpoint:
                    endpoint.bEndpointAddress, endpoint.wMaxPacketSize = direction | _DATA_ENDPOINT, PACKET_BYTES
                    endpoint.bInterval = 0
    return descriptors


class _SerialRequests(USBRequestHandler):
    """The requests of an abstract control model (PSTN 1.2, 6.3); others of the class are stalled.

    Attributes
    ----------
    broken : Signal
        Strobe: a break begins (SEND_BREAK of any time but 0, which ends one).
    configured : Signal
        Strobe: the host sets the configuration, which begins all data endpoints anew (USB 2.0, 9.1.1.5).
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken = Signal()
        self.configured = Signal()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        interface, setup = self.interface, self.interface.setup
        m.submodules.coding = coding = StreamSerializer(
            data_length=len(_LINE_CODING), domain="usb", stream_type=USBInStreamInterface, max_length_width=3
        )
        m.d.comb += [
            *(place.eq(byte) for place, byte in zip(coding.data, _LINE_CODING, strict=True)),
            coding.max_length.eq(len(_LINE_CODING)),
            self.configured.eq(
                setup.received
                & (setup.type == USBRequestType.STANDARD)
                & (setup.request == USBStandardRequests.SET_CONFIGURATION)
            ),
        ]
        with m.If(setup.type == USBRequestType.CLASS):
            m.d.comb += interface.claim.eq(1)
            with m.Switch(setup.request):
                with m.Case(_SET_LINE_CODING, _SET_CONTROL_LINE_STATE, _SEND_BREAK):
                    m.d.comb += interface.handshakes_out.ack.eq(interface.rx_ready_for_response)
                    with m.If(interface.status_requested):
                        m.d.comb += self.send_zlp()
                with m.Case(_GET_LINE_CODING):
                    m.d.comb += [
                        coding.stream.attach(interface.tx),
                        coding.start.eq(interface.data_requested),
                        interface.handshakes_out.ack.eq(interface.status_requested),
                    ]
                with m.Default():
                    m.d.comb += interface.handshakes_out.stall.eq(
                        interface.data_requested | interface.rx_ready_for_response | interface.status_requested
                    )
            m.d.comb += self.broken.eq(setup.received & (setup.request == _SEND_BREAK) & (setup.value != 0))
        return m


class _StatusEndpoint(Elaboratable):
    """An endpoint on which nothing ever happens."""

    def __init__(self) -> None:
        self.interface = EndpointInterface()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        tokens = self.interface.tokenizer
        asked = tokens.ready_for_response & tokens.is_in & (tokens.endpoint == _STATUS_ENDPOINT)
        m.d.comb += self.interface.handshakes_out.nak.eq(asked)
        return m


class _RequestEndpoint(Elaboratable):
    """What comes from the host, up to two packets of it.

    LUNA's own acknowledges a packet that it had no room for, unless it answers as soon as at high speed.
    Here a packet is taken, whole, if there was room for one of 64 bytes when its token came; or else refused (NAK).

    Attributes
    ----------
    restart : Signal
        It begins anew.
    begins : Signal
        Strobe: a packet comes, whoever it is for.
    interface : EndpointInterface
    o : stream of 8 bits
        Bytes of packets whose CRC is right.
    """

    def __init__(self, restart: Signal, begins: Signal) -> None:
        self.restart, self.begins = restart, begins
        self.interface = EndpointInterface()
        self.o = stream.Signature(8).create()

    def elaborate(self, platform: Any) -> Any:
        m = Module()
        interface, tokens, depth = self.interface, self.interface.tokenizer, 2 * PACKET_BYTES
        m.submodules.bytes = memory = Memory(shape=8, depth=depth, init=[])
        stored = memory.write_port(domain="usb")
        read = memory.read_port(domain="usb")
        # Places, modulo twice the depth: of the packet that comes, after those that came, and of the next byte out.
        place = Signal(range(2 * depth))
        end = Signal.like(place)
        begin = Signal.like(place)
        free = Signal()
        # Only the very next packet after its token is meant: a token that was damaged may be another device's.
        expected = Signal()
        begun = Signal()
        toggle = Signal()
        taken = Signal()
        fresh = Signal()
        used = Signal.like(place)
        size = Signal.like(place)
        comes = Signal()
        m.d.comb += [
            used.eq(end - begin),
            size.eq(place - end),
            fresh.eq(interface.rx_pid_toggle[0] == toggle),
            comes.eq(expected & free & interface.rx.valid & interface.rx.next),
            stored.addr.eq(place),
            stored.data.eq(interface.rx.payload),
            stored.en.eq(comes & (size != PACKET_BYTES)),
        ]
        with m.If(self.begins):
            m.d.usb += begun.eq(1)
            with m.If(begun):
                m.d.usb += expected.eq(0)
        with m.If(tokens.new_token):
            m.d.usb += [
                begun.eq(0),
                expected.eq(tokens.is_out & (tokens.endpoint == _DATA_ENDPOINT)),
                free.eq(used <= depth - PACKET_BYTES),
                place.eq(end),
            ]
        # One that is too long is not taken, ever.
        with m.If(comes):
            m.d.usb += [place.eq(place + stored.en), free.eq(stored.en)]
        with m.If(interface.rx_complete & expected):
            m.d.usb += taken.eq(free | ~fresh)
            # One that comes twice has been taken before; its acknowledgement was lost.
            with m.If(free & fresh):
                m.d.usb += [end.eq(place), toggle.eq(~toggle)]
        with m.If((interface.rx_ready_for_response & expected) | interface.rx_invalid):
            m.d.comb += [
                interface.handshakes_out.ack.eq(taken & ~interface.rx_invalid),
                interface.handshakes_out.nak.eq(~taken & ~interface.rx_invalid),
            ]
            m.d.usb += expected.eq(0)
        halt = interface.clear_endpoint_halt_in
        with m.If(halt.enable & ~halt.direction & (halt.number == _DATA_ENDPOINT)):
            m.d.usb += toggle.eq(0)

        # The byte at the beginning is read again and again, until it is one.
        after = Signal.like(begin)
        m.d.comb += [
            after.eq(begin + (self.o.valid & self.o.ready)),
            read.addr.eq(after),
            self.o.payload.eq(read.data),
        ]
        m.d.usb += [begin.eq(after), self.o.valid.eq(after != end)]
        return ResetInserter({"usb": self.restart})(m)


class _AnswerEndpoint(Elaboratable):
    """What goes to the host, up to two packets of it, of which the host acknowledges each.

    Attributes
    ----------
    restart : Signal
        It begins anew.
    awaited : Signal
        An acknowledgement that comes now is one of our own last packet.
    interface : EndpointInterface
    i : stream of 8 bits
    last : Signal
        The byte in `i` ends a packet.
    """

    def __init__(self, restart: Signal, awaited: Signal) -> None:
        self.restart, self.awaited = restart, awaited
        self.interface = EndpointInterface()
        self.i = stream.Signature(8).create()
        self.last = Signal()

    def elaborate(self, platform: Any) -> Any:
        m = Module()
        interface = self.interface
        m.submodules.packets = packets = USBInTransferManager(PACKET_BYTES)
        halt = interface.clear_endpoint_halt_in
        m.d.comb += [
            packets.generate_zlps.eq(1),
            packets.active.eq(interface.tokenizer.endpoint == _DATA_ENDPOINT),
            packets.transfer_stream.payload.eq(self.i.payload),
            packets.transfer_stream.valid.eq(self.i.valid),
            packets.transfer_stream.last.eq(self.last),
            self.i.ready.eq(packets.transfer_stream.ready),
            packets.reset_sequence.eq(halt.enable & halt.direction & (halt.number == _DATA_ENDPOINT)),
            interface.tx.stream_eq(packets.packet_stream),
            interface.tx_pid_toggle.eq(packets.data_pid),
            interface.tokenizer.connect(packets.tokenizer),
            packets.handshakes_out.connect(interface.handshakes_out),
            # LUNA's own endpoint takes any, until a token of ours comes.
            packets.handshakes_in.ack.eq(interface.handshakes_in.ack & self.awaited),
        ]
        return ResetInserter({"usb": self.restart})(m)


class UsbSerialDevice(wiring.Component):
    """A serial device of the communications class (CDC 1.2 and PSTN 1.2, abstract control model), full speed.

    All members are of the domain ``usb``, 48 MHz. Packets with a wrong CRC are not answered, those that come twice are
    taken once; where there is no room for a packet of 64 bytes the host is told to try again (NAK).

    Latency: a packet's first byte is there when its CRC is known to be right, within a microsecond of
    its end; a byte with `last` can be fetched by the host from the fourth cycle on. The device answers the host 2 to
    6.5 bits after a packet (USB 2.0, 7.1.18.1). Throughput: what the bus carries, a byte in 32 cycles at most.

    Members
    -------
    d_p, d_n : ``Out(io.Buffer.Signature(io.Direction.Bidir, 1))``
        The lines, D+ and D-, of no clock domain.
    pullup : ``Out(io.Buffer.Signature(io.Direction.Output, 1))``
        Pulls D+ up: a device is there.
    received, valid, ready : ``Out(8)``, ``Out(1)``, ``In(1)``
        A byte from the host, there until it is taken, or the host begins anew: a stream would promise that it stays.
    sent : ``In(stream.Signature(8))``
        A packet goes out when it is full; when it has the byte that came with `last`; and an empty one after a full one
        that had it, without which a host would wait for more.
    last : ``In(1)``
        Of the byte in `sent`.
    broken : ``Out(1)``
        Strobe: the host has sent a break, or begun to reset the bus.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "d_p": Out(io.Buffer.Signature(io.Direction.Bidir, 1)),
                "d_n": Out(io.Buffer.Signature(io.Direction.Bidir, 1)),
                "pullup": Out(io.Buffer.Signature(io.Direction.Output, 1)),
                "received": Out(8),
                "valid": Out(1),
                "ready": In(1),
                "sent": In(stream.Signature(8)),
                "last": In(1),
                "broken": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.phy = phy = UsbPhy()
        for inside, outside in ((phy.plus, self.d_p), (phy.minus, self.d_n), (phy.pullup, self.pullup)):
            connect(m, inside, flipped(outside))
        device = USBDevice(bus=phy)
        # LUNA knows 12 and 60 MHz. By its count of the latter it waits for 10 cycles before an answer, 2.5 bits here.
        device.data_clock = 60e6
        control = device.add_standard_control_endpoint(_descriptors(), avoid_blockram=False)
        serial = _SerialRequests()
        control.add_request_handler(serial)
        control.add_request_handler(
            StallOnlyRequestHandler(
                lambda setup: (setup.type == USBRequestType.VENDOR) | (setup.type == USBRequestType.RESERVED)
            )
        )
        was_active = Signal()
        begins = Signal()
        quiet = Signal(range(_ACK_CYCLES + 1))
        awaited = Signal()
        m.d.usb += was_active.eq(phy.rx_active)
        m.d.comb += [begins.eq(phy.rx_active & ~was_active), awaited.eq(quiet != _ACK_CYCLES)]
        with m.If(phy.plus.oe):
            m.d.usb += quiet.eq(0)
        with m.Elif(awaited):
            m.d.usb += quiet.eq(quiet + 1)
        requests, answers = _RequestEndpoint(serial.configured, begins), _AnswerEndpoint(serial.configured, awaited)
        for endpoint in (_StatusEndpoint(), requests, answers):
            device.add_endpoint(endpoint)

        # LUNA, by itself, would leave a control transfer, and whose turn it is of two packets, as they are.
        low = Signal(range(RESET_CYCLES + 1))
        held = Signal()
        was_held = Signal()
        m.d.comb += held.eq(low == RESET_CYCLES)
        m.d.usb += was_held.eq(held)
        with m.If(~phy.low):
            m.d.usb += low.eq(0)
        with m.Elif(~held):
            m.d.usb += low.eq(low + 1)
        m.submodules.device = ResetInserter({"usb": held})(device)
        m.d.comb += [
            device.connect.eq(~ResetSignal("usb")),
            self.broken.eq(serial.broken | (held & ~was_held)),
            self.received.eq(requests.o.payload),
            self.valid.eq(requests.o.valid),
            requests.o.ready.eq(self.ready),
            answers.last.eq(self.last),
        ]
        connect(m, flipped(self.sent), flipped(answers.i))
        return m
