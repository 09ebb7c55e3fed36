"""A single-data-rate SDRAM of 16 bits as a memory for one user, who reads and writes in bursts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from amaranth import Cat, Module, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from backspike.link import LONG_FRAME_BYTES

from .port import WORD_BITS, burst_layout, memory_port

__all__ = ["Sdram", "SdramController", "SdramCycles", "sdram_pins"]

READ_WORDS = 16
"""Words that wait for a user who does not take them: more than are on their way, so that one who does never waits."""

ALL_BANKS = 1 << 10
"""Address bit 10 of a precharge: of all banks."""


@dataclass(frozen=True)
class SdramCycles:
    """Times of an SDRAM in cycles of its clock, under the names of data sheets; see `Sdram`."""

    t_rp: int
    t_rcd: int
    t_ras: int
    t_rc: int
    t_rrd: int
    t_rfc: int
    t_wr: int
    t_mrd: int
    t_refi: int
    power_up: int
    refreshes: int
    cas_latency: int


@dataclass(frozen=True)
class Sdram:
    """An SDR SDRAM whose words have 16 bits: its shape, and its times in nanoseconds.

    The times left as they are hold for every part of 256 Mbit that boards have: they are the longest of those of
    Micron's MT48LC16M16A2-75, ISSI's IS42S16160G-7, Winbond's W9825G6KH-6 and Alliance's AS4C16M16SA-7.

    Attributes
    ----------
    bank_bits, row_bits, column_bits : int
        Bits of a bank's number, of a row's in it, and of a word's in a row, which is at most 10. A part with more
        columns is one with fewer.
    t_rp : float
        From a precharge to the next command.
    t_rcd, t_ras, t_rc, t_rrd : float
        From the activation of a row to a read or a write, to its precharge, to the bank's next activation, and to one
        in another bank; the last is at least 2 cycles.
    t_rfc : float
        From a refresh to the next command.
    t_wr : float
        From a write to the row's precharge; at least 2 cycles.
    t_mrd : int
        Cycles from setting the mode to the next command.
    t_refi : float
        Between two refreshes at most.
    power_up : float
        From a stable clock to the first command.
    refreshes : int
        How many there have to be before the first use.
    cas_latency : int
        Cycles from a read to its word: 2 or 3.
    t_ac, t_oh, t_hz : float
        From the clock's edge until a word is valid at most, stays valid at least, and is off the bus at most.
    t_setup, t_hold : float
        That what goes in is stable before the clock's edge, and after it.
    """

    bank_bits: int = 2
    row_bits: int = 13
    column_bits: int = 9
    t_rp: float = 20.0
    t_rcd: float = 20.0
    t_ras: float = 45.0
    t_rc: float = 70.0
    t_rrd: float = 15.0
    t_rfc: float = 70.0
    t_wr: float = 20.0
    t_mrd: int = 2
    t_refi: float = 64e6 / 8192
    power_up: float = 200e3
    refreshes: int = 8
    cas_latency: int = 2
    t_ac: float = 6.0
    t_oh: float = 2.7
    t_hz: float = 6.0
    t_setup: float = 1.5
    t_hold: float = 1.0

    @property
    def address_bits(self) -> int:
        """Bits of a word's address."""
        return self.bank_bits + self.row_bits + self.column_bits

    def cycles(self, clock: float) -> SdramCycles:
        """Return the times in cycles of a clock in MHz, rounded to the safe side."""

        def at_least(nanoseconds: float) -> int:
            return max(1, math.ceil(nanoseconds * clock / 1000 - 1e-9))

        return SdramCycles(
            t_rp=at_least(self.t_rp),
            t_rcd=at_least(self.t_rcd),
            t_ras=at_least(self.t_ras),
            t_rc=at_least(self.t_rc),
            t_rrd=max(2, at_least(self.t_rrd)),
            t_rfc=at_least(self.t_rfc),
            t_wr=max(2, at_least(self.t_wr)),
            t_mrd=self.t_mrd,
            t_refi=math.floor(self.t_refi * clock / 1000 + 1e-9),
            power_up=at_least(self.power_up),
            refreshes=self.refreshes,
            cas_latency=self.cas_latency,
        )


def sdram_pins(chip: Sdram) -> wiring.Signature:
    """Return the signature of an SDRAM's pins, as its controller sees them.

    All are active at 1, whatever they are at the part; the clock goes past the controller.

    Members
    -------
    clock_enable, select : ``Out(1)``
    row, column, write : ``Out(1)``
        The command: RAS, CAS, WE.
    bank, address : ``Out(bank_bits)``, ``Out(row_bits)``
        `address` has at least 11 bits, the last of which is of a command, not of a column.
    mask : ``Out(2)``
        Bytes that are not to be written or read: DQM.
    data, drive : ``Out(16)``, ``Out(1)``
        What is driven on the data pins, and whether it is.
    read : ``In(16)``
        What is on the data pins.
    """
    return wiring.Signature(
        {
            "clock_enable": Out(1, init=1),
            "select": Out(1, init=1),
            "row": Out(1),
            "column": Out(1),
            "write": Out(1),
            "bank": Out(chip.bank_bits),
            "address": Out(max(chip.row_bits, 11)),
            "mask": Out(WORD_BITS // 8, init=0b11),
            "data": Out(WORD_BITS),
            "drive": Out(1),
            "read": In(WORD_BITS),
        }
    )


class SdramController(wiring.Component):
    """An SDRAM as a memory of 2 ** `address_bits` words.

    An address is row, bank and column, from its highest bits on, so that a burst over the end of a row goes on in the
    next bank. One row is open at a time, and stays so until another one is wanted or a refresh is due. Each read and
    each write is a command of its own, a word long: so a burst can stop at any word, for a refresh or its user.

    Throughput: a word in each cycle. A burst takes a cycle more; one in another row, or one that a refresh has
    interrupted, those of a precharge and an activation. A word that is read comes ``cas_latency + 4`` cycles after its
    burst was taken, if the row is open. A refresh starts at most `SdramCycles.t_refi` cycles after the one before.

    Pins are those of registers. Between them and the part there is one more register in each direction, at the pad;
    the part takes a command in the cycle in which it leaves the pad.

    A reset starts the part anew, `SdramCycles.power_up` and all; what is in it may be lost.

    Parameters
    ----------
    chip : Sdram
    clock : float
        In MHz.

    Members
    -------
    memory : ``In(memory_port(address_bits))``
    pins : ``Out(sdram_pins(chip))``
    """

    frame_bytes = LONG_FRAME_BYTES
    """Most bytes of a frame of the host's: the device's own RAM is free for what fills this one quickly."""

    def __init__(self, chip: Sdram, clock: float) -> None:
        if not 1 <= chip.column_bits <= 10:
            raise ValueError(f"column_bits must be from 1 to 10, not {chip.column_bits}")
        if chip.cas_latency not in (2, 3):
            raise ValueError(f"cas_latency must be 2 or 3, not {chip.cas_latency}")
        self.chip, self.cycles = chip, chip.cycles(clock)
        if self.interval <= 2 * self.cycles.t_rfc:
            raise ValueError(f"a clock of {clock:g} MHz leaves no time between refreshes")
        super().__init__({"memory": In(memory_port(chip.address_bits)), "pins": Out(sdram_pins(chip))})

    @property
    def open_at_least(self) -> int:
        """Cycles for which a row stays open after it can first be read or written."""
        cycles = self.cycles
        return max(0, cycles.t_ras - self._opening, cycles.t_rc - cycles.t_rp - self._opening)

    @property
    def interval(self) -> int:
        """Cycles between two times at which a refresh becomes due.

        It starts after the longest that the memory may be busy with a row that it has just begun to open or to write.
        """
        cycles = self.cycles
        return cycles.t_refi + 1 - cycles.t_rp - max(self._opening + self.open_at_least, cycles.t_wr)

    @property
    def _opening(self) -> int:
        """Cycles from a row's activation to its first use: an own state comes between."""
        return max(2, self.cycles.t_rcd)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chip, cycles, pins, memory = self.chip, self.cycles, self.pins, self.memory
        ready = Signal()
        m.d.comb += memory.ready.eq(ready)

        # A refresh is due after each interval. So many intervals let the part power up.
        due = Signal()
        left_of_interval = Signal(range(self.interval), init=self.interval - 1)
        ends = Signal()
        m.d.comb += ends.eq(left_of_interval == 0)
        m.d.sync += left_of_interval.eq(left_of_interval - 1)
        with m.If(ends):
            m.d.sync += [left_of_interval.eq(self.interval - 1), due.eq(1)]

        # The burst that is under way, and whether the row of its next word is the one that is open.
        active = Signal()
        burst = Signal(burst_layout(chip.address_bits))
        word = Signal(chip.column_bits)
        row = Signal(chip.bank_bits + chip.row_bits)
        open_row = Signal.like(row)
        open_is_right = Signal()
        taken = burst_layout(chip.address_bits)(memory.burst.payload)
        m.d.comb += [
            Cat(word, row).eq(burst.address),
            memory.burst.ready.eq(ready & ~active),
        ]
        with m.If(memory.burst.valid & memory.burst.ready):
            m.d.sync += [
                burst.eq(memory.burst.payload),
                active.eq(1),
                open_is_right.eq(taken.address[chip.column_bits :] == open_row),
            ]

        # Words on their way: by the cycles since their reads, and with those that the user has not taken, all together.
        in_flight = Signal(cycles.cas_latency + 2)
        promised = Signal(range(READ_WORDS + 1))
        m.submodules.words = words = fifo.SyncFIFO(width=WORD_BITS, depth=READ_WORDS)
        reading = Signal()
        writing = Signal()
        leaves = Signal()
        m.d.comb += [
            words.w_data.eq(pins.read),
            words.w_en.eq(in_flight[-1]),
            memory.read.payload.eq(words.r_data),
            memory.read.valid.eq(words.r_rdy),
            words.r_en.eq(memory.read.ready),
            leaves.eq(memory.read.valid & memory.read.ready),
        ]
        m.d.sync += [in_flight.eq(Cat(reading, in_flight)), promised.eq(promised + reading - leaves)]

        # A command is out for a cycle; between it and the next one that is not a word's there is a pause.
        pause = Signal(range(max(cycles.t_rfc, cycles.t_mrd, self.open_at_least + 1)))
        m.d.sync += [pins.row.eq(0), pins.column.eq(0), pins.write.eq(0), pins.drive.eq(0)]
        m.d.sync += [pins.data.eq(memory.written.payload), pins.bank.eq(row), pins.mask.eq((~ready).replicate(2))]
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)

        def wait(number: int) -> None:
            m.d.sync += pause.eq(max(0, number - 1))

        def precharge() -> None:
            m.d.sync += [pins.row.eq(1), pins.write.eq(1), pins.address.eq(ALL_BANKS)]
            wait(cycles.t_rp)
            m.next = "Closed"

        intervals = math.ceil(cycles.power_up / self.interval)
        to_go = Signal(range(max(intervals, cycles.refreshes) + 1), init=intervals)
        with m.FSM():
            with m.State("Power up"):
                with m.If(ends):
                    m.d.sync += to_go.eq(to_go - 1)
                with m.If(to_go == 0):
                    m.d.sync += to_go.eq(cycles.refreshes)
                    precharge()
            with m.State("Closed"), m.If(pause == 0):
                with m.If(due | (to_go != 0)):
                    m.d.sync += [pins.row.eq(1), pins.column.eq(1), due.eq(0)]
                    wait(cycles.t_rfc)
                    with m.If(to_go != 0):
                        m.d.sync += to_go.eq(to_go - 1)
                with m.Elif(~ready):
                    # Bursts of one word.
                    m.d.sync += [pins.row.eq(1), pins.column.eq(1), pins.write.eq(1), ready.eq(1)]
                    m.d.sync += [pins.bank.eq(0), pins.address.eq(cycles.cas_latency << 4)]
                    wait(cycles.t_mrd)
                with m.Elif(active):
                    m.d.sync += [pins.row.eq(1), pins.address.eq(row[chip.bank_bits :])]
                    m.d.sync += [open_row.eq(row), open_is_right.eq(1)]
                    wait(self._opening - 1)
                    m.next = "Opening"
            with m.State("Opening"), m.If(pause == 0):
                wait(self.open_at_least + 1)
                m.next = "Open"
            with m.State("Open"):
                usable = Signal()
                m.d.comb += usable.eq(active & open_is_right & ~due)
                # A word that comes from the part is off the bus before one goes to it.
                may_write = usable & burst.write & ~in_flight[: cycles.cas_latency].any()
                m.d.comb += [
                    reading.eq(usable & ~burst.write & (promised != READ_WORDS)),
                    memory.written.ready.eq(may_write),
                    writing.eq(may_write & memory.written.valid),
                ]
                with m.If(reading | writing):
                    m.d.sync += [pins.column.eq(1), pins.write.eq(writing), pins.drive.eq(writing)]
                    m.d.sync += [pins.address.eq(word), burst.address.eq(burst.address + 1)]
                    m.d.sync += [burst.count.eq(burst.count - 1), active.eq(burst.count != 1)]
                    m.d.sync += open_is_right.eq(~word.all())
                    wait(max(cycles.t_wr, self.open_at_least))
                with m.Elif((pause == 0) & (due | (active & ~open_is_right))):
                    precharge()
        return m
