"""An SDR SDRAM at its pins, for simulations and proofs: it keeps words, and tells of what a real part would not stand.

It is written in Amaranth, so that the same device is beside a controller in Amaranth's simulator, in Verilog and in
proofs. It is made from data sheets alone, and shares nothing with `hdl.memory.sdram` but the chip's figures.
"""

from __future__ import annotations

from enum import IntEnum

from amaranth import Array, Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike.hdl.memory.port import WORD_BITS, memory_port
from backspike.hdl.memory.sdram import Sdram, SdramController, SdramCycles, sdram_pins

__all__ = ["ARRAY_VERILOG", "SdramModel", "SimulatedSdram", "Violation", "describe_violation"]

GARBAGE = 0xA5C3
"""What is read where nobody drives the pins is this and the number of the clock, bit by bit."""

ARRAY_VERILOG = """\
module sdram_array #(parameter ADDRESS_BITS = 24) (
  input clk,
  input [ADDRESS_BITS-1:0] address,
  input [15:0] data,
  input [1:0] write,
  output [15:0] word,
  input [ADDRESS_BITS-1:0] upset_address,
  input [15:0] upset_mask
);
  reg [15:0] words [0:(1 << ADDRESS_BITS) - 1];
  integer place;
  initial for (place = 0; place < 1 << ADDRESS_BITS; place = place + 1) words[place] = 0;
  assign word = words[address];
  always @(posedge clk) begin
    if (upset_mask != 0) words[upset_address] <= words[upset_address] ^ upset_mask;
    if (write[0]) words[address][7:0] <= data[7:0];
    if (write[1]) words[address][15:8] <= data[15:8];
  end
endmodule
"""
"""The words of an `SdramModel` that is ``large``: a simulator's own memory, as long as the part's."""


class Violation(IntEnum):
    """What a part would not stand; under the names of data sheets where it has one."""

    NONE = 0
    POWER_UP = 1
    INITIALISATION = 2
    MODE = 3
    T_RP = 4
    T_RCD = 5
    T_RAS = 6
    T_RC = 7
    T_RRD = 8
    T_RFC = 9
    T_WR = 10
    T_MRD = 11
    T_REFI = 12
    BANK_OPEN = 13
    BANK_CLOSED = 14
    CONFLICT = 15
    NO_DATA = 16
    COMMAND = 17


SENTENCES = {
    Violation.POWER_UP: "a command before the time to power up was over",
    Violation.INITIALISATION: "used before a precharge of all banks, the refreshes and the mode",
    Violation.MODE: "the mode is not that of words one by one with the latency that was said",
    Violation.T_RP: "tRP: a command too early after a precharge",
    Violation.T_RCD: "tRCD: a read or a write too early after the row's activation",
    Violation.T_RAS: "tRAS: a precharge too early after the row's activation",
    Violation.T_RC: "tRC: an activation too early after the one before in the same bank",
    Violation.T_RRD: "tRRD: an activation too early after one in another bank",
    Violation.T_RFC: "tRFC: a command too early after a refresh",
    Violation.T_WR: "tWR: a precharge too early after a write",
    Violation.T_MRD: "tMRD: a command too early after the mode",
    Violation.T_REFI: "tREFI: no refresh for too long",
    Violation.BANK_OPEN: "a row is open that has to be closed before",
    Violation.BANK_CLOSED: "a read or a write in a bank that has no open row",
    Violation.CONFLICT: "both sides drive the data pins",
    Violation.NO_DATA: "a write without data",
    Violation.COMMAND: "a command that is not known here, or the clock is disabled",
}


def describe_violation(first: int, clock: int) -> str:
    """Return the first violation of an `SdramModel` as a sentence; an empty one if there is none."""
    return f"clock {clock} of the SDRAM: {SENTENCES[Violation(first)]}" if first else ""


class SdramModel(wiring.Component):
    """An SDRAM, in the clock of its own pin.

    Every command is checked, whatever comes: the times between commands in cycles, the state of banks, how the part is
    made ready, and that of the data pins only one side drives. A bank is precharged alone or with all others. A word
    that was never written is 0.

    Parameters
    ----------
    chip : Sdram
        Its shape.
    cycles : SdramCycles
        Its times.
    large : bool
        Words are kept in a module ``sdram_array``, whose Verilog is `ARRAY_VERILOG`; else in a memory of Amaranth's,
        which is slow to build for more than some 10,000 words.

    Members
    -------
    pins : ``In(sdram_pins(chip))``
    read_driven : ``Out(1)``
        The part drives the data pins.
    violations : ``Out(18)``
        Those of the commands at this clock's end: bit n stands for `Violation` n.
    first, first_clock : ``Out(8)``, ``Out(32)``
        The first of all `Violation`, the lowest of those in one clock, and the number of its clock, from 0 on.
    upset_address, upset_mask : ``In(address_bits)``, ``In(16)``
        Bits to flip in a word at this clock's end. An address is row, bank and column, from its highest bits on.
    """

    def __init__(self, chip: Sdram, cycles: SdramCycles, large: bool = False) -> None:
        self.chip, self.cycles, self._large = chip, cycles, large
        super().__init__(
            {
                "pins": In(sdram_pins(chip)),
                "read_driven": Out(1),
                "violations": Out(len(Violation)),
                "first": Out(8),
                "first_clock": Out(32),
                "upset_address": In(chip.address_bits),
                "upset_mask": In(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        chip, cycles, pins = self.chip, self.cycles, self.pins
        found = {kind: Signal(name=kind.name.lower()) for kind in Violation}
        m.d.comb += self.violations.eq(Cat(found.values()))

        def check(kind: Violation, condition: Value) -> None:
            with m.If(condition):
                m.d.comb += found[kind].eq(1)

        clock = Signal(32)
        m.d.sync += clock.eq(clock + 1)
        with m.If((self.first == 0) & (self.violations != 0)):
            m.d.sync += self.first_clock.eq(clock)
            for kind in reversed(Violation):
                with m.If(found[kind]):
                    m.d.sync += self.first.eq(kind)

        def timer(name: str, most: int) -> Signal:
            """Return what counts down to 0 from what it is set to."""
            left = Signal(range(most + 1), name=name)
            with m.If(left != 0):
                m.d.sync += left.eq(left - 1)
            return left

        # -- commands ---------------------------------------------------------------------------------------------
        command = Cat(pins.write, pins.column, pins.row)
        names = ("none", "stop", "read", "writes", "activate", "precharge", "refresh", "mode")
        # RAS, CAS, WE: none 000, write enable alone stops a burst 001, read 010, write 011, and so on.
        is_command = {name: Signal(name=name) for name in names}
        m.d.comb += [signal.eq(pins.select & (command == code)) for code, signal in enumerate(is_command.values())]
        _, stop, read, write, activate, precharge, refresh, mode = is_command.values()
        alone = precharge & ~pins.address[10]
        check(Violation.COMMAND, stop | ((read | write) & pins.address[10]) | ~pins.clock_enable)

        # -- making ready -----------------------------------------------------------------------------------------
        power_up = Signal(range(cycles.power_up + 1), init=cycles.power_up)
        with m.If(power_up != 0):
            m.d.sync += power_up.eq(power_up - 1)
        check(Violation.POWER_UP, pins.select & (command != 0) & (power_up != 0))
        precharged = Signal()
        refreshed = Signal(range(cycles.refreshes + 1))
        usable = Signal()
        with m.If(precharge & pins.address[10]):
            m.d.sync += precharged.eq(1)
        with m.If(refresh & (refreshed != cycles.refreshes)):
            m.d.sync += refreshed.eq(refreshed + 1)
        with m.If(mode):
            m.d.sync += usable.eq(1)
        check(Violation.INITIALISATION, (refresh & ~precharged) | (mode & (refreshed != cycles.refreshes)))
        check(Violation.INITIALISATION, (activate | read | write) & ~usable)
        check(Violation.MODE, mode & ((pins.address != cycles.cas_latency << 4) | (pins.bank != 0)))

        # -- times of the whole part ------------------------------------------------------------------------------
        refreshing = timer("refreshing", cycles.t_rfc)
        setting = timer("setting", cycles.t_mrd)
        activating = timer("activating", cycles.t_rrd)
        kept = timer("kept", cycles.t_refi)
        with m.If(refresh):
            m.d.sync += [refreshing.eq(cycles.t_rfc - 1), kept.eq(cycles.t_refi)]
        with m.If(mode):
            m.d.sync += setting.eq(cycles.t_mrd - 1)
        with m.If(activate):
            m.d.sync += activating.eq(cycles.t_rrd - 1)
        check(Violation.T_RFC, pins.select & (command != 0) & (refreshing != 0))
        check(Violation.T_MRD, pins.select & (command != 0) & (setting != 0))
        check(Violation.T_RRD, activate & (activating != 0))
        check(Violation.T_REFI, usable & (kept == 0))

        # -- banks ------------------------------------------------------------------------------------------------
        rows = []
        for number in range(1 << chip.bank_bits):
            row = Signal(chip.row_bits, name=f"row_{number}")
            rows.append(row)
            is_open = Signal(name=f"open_{number}")
            mine = Signal(name=f"mine_{number}")
            closing = timer(f"closing_{number}", cycles.t_rp)
            opening = timer(f"opening_{number}", cycles.t_rcd)
            needed = timer(f"needed_{number}", cycles.t_ras)
            cycle = timer(f"cycle_{number}", cycles.t_rc)
            storing = timer(f"storing_{number}", cycles.t_wr)
            m.d.comb += mine.eq(pins.bank == number)
            closes = precharge & (mine | ~alone)
            with m.If(activate & mine):
                m.d.sync += [row.eq(pins.address), is_open.eq(1)]
                m.d.sync += [opening.eq(cycles.t_rcd - 1), needed.eq(cycles.t_ras - 1), cycle.eq(cycles.t_rc - 1)]
            with m.If(write & mine):
                m.d.sync += storing.eq(cycles.t_wr - 1)
            with m.If(closes):
                m.d.sync += [is_open.eq(0), closing.eq(cycles.t_rp - 1)]
            whole = refresh | mode
            check(Violation.T_RP, ((activate & mine) | whole) & (closing != 0))
            check(Violation.T_RC, ((activate & mine) | refresh) & (cycle != 0))
            check(Violation.T_RCD, (read | write) & mine & (opening != 0))
            check(Violation.T_RAS, closes & is_open & (needed != 0))
            check(Violation.T_WR, closes & (storing != 0))
            check(Violation.BANK_OPEN, ((activate & mine) | whole) & is_open)
            check(Violation.BANK_CLOSED, (read | write) & mine & ~is_open)

        # -- words ------------------------------------------------------------------------------------------------
        address = Signal(chip.address_bits)
        word = Signal(WORD_BITS)
        bytes_written = Signal(WORD_BITS // 8)
        m.d.comb += [
            address.eq(Cat(pins.address[: chip.column_bits], pins.bank, Array(rows)[pins.bank])),
            bytes_written.eq(Mux(write, ~pins.mask, 0)),
        ]
        self._add_words(m, address, bytes_written, word)
        # A word leaves after the edge before the one at which it is taken, if its bytes were not masked by then.
        leaving: Value = read
        left: Value = word
        for stage in range(1, cycles.cas_latency):
            on_its_way = Signal(name=f"on_its_way_{stage}")
            value = Signal(WORD_BITS, name=f"value_{stage}")
            m.d.sync += [on_its_way.eq(leaving), value.eq(left)]
            leaving, left = on_its_way, value
        mask_before = Signal.like(pins.mask)
        unmasked = Signal.like(pins.mask)
        driven = Signal(WORD_BITS // 8)
        value = Signal(WORD_BITS)
        m.d.comb += [unmasked.eq(Mux(leaving, ~mask_before, 0)), self.read_driven.eq(driven.any())]
        m.d.sync += [mask_before.eq(pins.mask), driven.eq(unmasked), value.eq(left)]
        for byte in range(WORD_BITS // 8):
            part = slice(8 * byte, 8 * byte + 8)
            garbage = Const(GARBAGE, WORD_BITS)[part] ^ clock[:8]
            m.d.comb += pins.read[part].eq(Mux(driven[byte], value[part], garbage))
        # What the other side drives at the edge it has driven since some time before, and goes on to some time after.
        check(Violation.CONFLICT, pins.drive & (driven | unmasked).any())
        check(Violation.NO_DATA, write & ~pins.drive)
        return m

    def _add_words(self, m: Module, address: Signal, write: Signal, word: Signal) -> None:
        if self._large:
            m.submodules.array = Instance(
                "sdram_array",
                p_ADDRESS_BITS=self.chip.address_bits,
                i_clk=ClockSignal(),
                i_address=address,
                i_data=self.pins.data,
                i_write=write,
                o_word=word,
                i_upset_address=self.upset_address,
                i_upset_mask=self.upset_mask,
            )
            return
        m.submodules.array = array = memory.Memory(shape=WORD_BITS, depth=1 << self.chip.address_bits, init=[])
        stored, kept = array.write_port(granularity=8), array.read_port(domain="comb")
        damaged, sound = array.write_port(), array.read_port(domain="comb")
        m.d.comb += [
            stored.addr.eq(address),
            stored.data.eq(self.pins.data),
            stored.en.eq(write),
            kept.addr.eq(address),
            word.eq(kept.data),
            sound.addr.eq(self.upset_address),
            damaged.addr.eq(self.upset_address),
            damaged.data.eq(sound.data ^ self.upset_mask),
            damaged.en.eq(self.upset_mask != 0),
        ]


class SimulatedSdram(wiring.Component):
    """A controller, registers at the pads, and an `SdramModel`: to its user it is a memory like any other.

    All have one clock, though the part's is later by some of a period: what leaves a pad at an edge is taken by the
    part before the next one, and what the part then sends goes into the pad's register at the edge after. So here the
    part is a cycle later than the pads that send, and takes the place of the register that receives. A reset is as if
    the power came back, but that words are kept.

    Parameters
    ----------
    controller : SdramController
    cycles : SdramCycles, optional
        Times of the part; the controller's when left out.
    large : bool
        As of `SdramModel`.

    Members
    -------
    memory : ``In(memory_port(address_bits))``
    part : ``Out(wiring.Signature(…))``
        ``first``, ``first_clock``, ``upset_address``, ``upset_mask`` of the `SdramModel`.
    """

    frame_bytes = SdramController.frame_bytes

    def __init__(self, controller: SdramController, cycles: SdramCycles | None = None, large: bool = False) -> None:
        self._controller = controller
        self._model = SdramModel(controller.chip, cycles or controller.cycles, large)
        super().__init__(
            {
                "memory": In(memory_port(controller.chip.address_bits)),
                "part": Out(
                    wiring.Signature(
                        {
                            "first": Out(8),
                            "first_clock": Out(32),
                            "upset_address": In(controller.chip.address_bits),
                            "upset_mask": In(WORD_BITS),
                        }
                    )
                ),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        m.submodules.controller = controller = self._controller
        m.submodules.model = model = self._model
        connect(m, flipped(self.memory), controller.memory)
        for name in model.pins.signature.members:
            if name != "read":
                m.d.sync += getattr(model.pins, name).eq(getattr(controller.pins, name))
        m.d.comb += [
            controller.pins.read.eq(model.pins.read),
            self.part.first.eq(model.first),
            self.part.first_clock.eq(model.first_clock),
            model.upset_address.eq(self.part.upset_address),
            model.upset_mask.eq(self.part.upset_mask),
        ]
        return m
