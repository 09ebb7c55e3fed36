"""The wires of USB at full speed: packets as bytes, to and from D+ and D- (USB 2.0, chapter 7)."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["CLOCK_HZ", "UsbPhy"]

CLOCK_HZ = 48_000_000
"""Clock of the domain ``usb``, within 0.25 %: four cycles a bit."""

_MOST_ONES = 6
_SYNC = 0b1000_0000
# Zeros of a SYNC before its one: hubs may take some of the seven away.
_ZEROS = 5


class UsbPhy(wiring.Component):
    """Takes bytes of packets off the line, and puts them on it, in the domain ``usb``, 48 MHz.

    SYNC, bit stuffing, NRZI and the end of a packet are made and taken away here. A bit that comes is looked at 2 to 3
    cycles after its beginning, which each change of the line sets anew: two changes may be a quarter of a bit nearer to
    each other, or further apart, than they should be, where 18.5 ns, 0.22 bits, are allowed (7.1.15.1). A packet with
    seven ones in a row ends there: its CRC will be wrong. Nothing is heard while the line is driven.

    This is in place of the transceiver that LUNA has, whose answers begin up to 14.5 bits after a packet's end where
    6.5 are allowed (USB 2.0, 7.1.18.1): two clocks, and queues between them, take their time.

    Latency: `rx_valid` comes 5 cycles after the first in which a byte's last bit is on the line, and `rx_active` falls
    as many after the first one of SE0; a packet is on the line a cycle after `tx_valid`. Throughput: a byte in 32
    cycles and more, 4 for each bit that is stuffed.

    Members
    -------
    plus, minus : ``Out(io.Buffer.Signature(io.Direction.Bidir, 1))``
        D+ and D-, of no clock domain.
    pullup : ``Out(io.Buffer.Signature(io.Direction.Output, 1))``
        Pulls D+ up.
    low : ``Out(1)``
        Both lines are 0.
    rx_data, rx_valid, rx_active : ``Out(8)``, ``Out(1)``, ``Out(1)``
        Each byte of a packet, from its identifier to its CRC, and the time in which they come; names and meaning, here
        and below, are those of UTMI (version 1.05), as LUNA wants them.
    tx_data, tx_valid, tx_ready : ``In(8)``, ``In(1)``, ``Out(1)``
        Each byte of a packet: it is taken when it is ready, and the packet ends when there is none.
    term_select : ``In(1)``
        The device is to be seen.
    line_state, session_end : ``Out(2)``, ``Out(1)``
        What LUNA finds the bus's resets and rests by, which are found elsewhere: never one of them.
    op_mode, xcvr_select, dp_pulldown, dm_pulldown : ``In(2)``, ``In(2)``, ``In(1)``, ``In(1)``
        There is nothing to choose.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "plus": Out(io.Buffer.Signature(io.Direction.Bidir, 1)),
                "minus": Out(io.Buffer.Signature(io.Direction.Bidir, 1)),
                "pullup": Out(io.Buffer.Signature(io.Direction.Output, 1)),
                "low": Out(1),
                "rx_data": Out(8),
                "rx_valid": Out(1),
                "rx_active": Out(1),
                "tx_data": In(8),
                "tx_valid": In(1),
                "tx_ready": Out(1),
                "term_select": In(1),
                "line_state": Out(2),
                "session_end": Out(1),
                "op_mode": In(2),
                "xcvr_select": In(2),
                "dp_pulldown": In(1),
                "dm_pulldown": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        drive = Signal()
        m.d.comb += [self.pullup.o.eq(self.term_select), self.line_state.eq(0b10)]
        self._receive(m, drive)
        self._transmit(m, drive)
        return m

    def _receive(self, m: Module, drive: Signal) -> None:
        line = Signal(2, init=0b01)
        heard = Signal(2)
        before = Signal(2, init=0b01)
        m.submodules.line = FFSynchronizer(Cat(self.plus.i, self.minus.i), line, o_domain="usb", init=0b01)
        m.d.comb += heard.eq(Mux(drive, 0b01, line))
        m.d.usb += before.eq(heard)
        # Cycles since the line has changed, modulo a bit.
        phase = Signal(2)
        m.d.usb += phase.eq(Mux(heard != before, 0, phase + 1))
        look = Signal()
        ended = Signal()
        m.d.comb += [
            # A change that comes as a rest is looked at is looked at by itself: it would be two bits.
            look.eq((phase == 1) & (heard == before)),
            ended.eq(heard == 0),
            self.low.eq(ended),
        ]

        was_high = Signal(init=1)
        bit = Signal()
        m.d.comb += bit.eq(heard[0] == was_high)
        with m.If(look):
            m.d.usb += was_high.eq(heard[0])
        zeros = Signal(range(_ZEROS + 1))
        ones = Signal(range(_MOST_ONES + 1))
        bits = Signal(3)
        m.d.usb += self.rx_valid.eq(0)
        with m.FSM(domain="usb"):
            with m.State("Idle"), m.If(look):
                m.d.usb += [zeros.eq(Mux(bit | ended, 0, zeros + (zeros != _ZEROS))), ones.eq(1), bits.eq(0)]
                with m.If(bit & ~ended & (zeros == _ZEROS)):
                    m.next = "Packet"
            with m.State("Packet"):
                m.d.comb += self.rx_active.eq(1)
                with m.If(look):
                    m.d.usb += ones.eq(Mux(bit, ones + 1, 0))
                    with m.If(ended):
                        m.next = "Idle"
                    with m.Elif(ones != _MOST_ONES):
                        m.d.usb += [
                            self.rx_data.eq(Cat(self.rx_data[1:], bit)),
                            bits.eq(bits + 1),
                            self.rx_valid.eq(bits == 7),
                        ]
                    with m.Elif(bit):
                        m.next = "Skip"
            with m.State("Skip"), m.If(look & ended):
                m.next = "Idle"

    def _transmit(self, m: Module, drive: Signal) -> None:
        # D+ and D-.
        level = Signal(2, init=0b01)
        m.d.comb += [
            Cat(self.plus.o, self.minus.o).eq(level),
            self.plus.oe.eq(drive),
            self.minus.oe.eq(drive),
        ]
        phase = Signal(2)
        rest = Signal(7)
        left = Signal(3)
        ones = Signal(range(_MOST_ONES + 1))
        end = Signal(2)
        m.d.usb += phase.eq(phase + 1)

        def put(bit: Value | int) -> None:
            m.d.usb += [level.eq(Mux(bit, level, ~level)), ones.eq(Mux(bit, ones + 1, 0))]

        with m.FSM(domain="usb"):
            with m.State("Idle"):
                m.d.usb += [phase.eq(0), ones.eq(0), rest.eq(_SYNC >> 1), left.eq(7), end.eq(0)]
                with m.If(self.tx_valid):
                    # The first bit of SYNC: K.
                    m.d.usb += [drive.eq(1), level.eq(0b10)]
                    m.next = "Bits"
            with m.State("Bits"), m.If(phase == 3):
                with m.If(ones == _MOST_ONES):
                    put(0)
                with m.Elif(left != 0):
                    put(rest[0])
                    m.d.usb += [rest.eq(rest >> 1), left.eq(left - 1)]
                with m.Elif(self.tx_valid):
                    m.d.comb += self.tx_ready.eq(1)
                    put(self.tx_data[0])
                    m.d.usb += [rest.eq(self.tx_data[1:]), left.eq(7)]
                with m.Else():
                    m.d.usb += level.eq(0b00)
                    m.next = "End"
            with m.State("End"), m.If(phase == 3):
                # Two bits of SE0, one of J.
                m.d.usb += end.eq(end + 1)
                with m.If(end == 1):
                    m.d.usb += level.eq(0b01)
                with m.If(end == 2):
                    m.d.usb += drive.eq(0)
                    m.next = "Idle"
