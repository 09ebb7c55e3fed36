"""The SDRAM of a board: its clock, and pads that are placed and routed for real."""

from __future__ import annotations

import json
import re

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from backspike import PRESETS, BackspikeError
from backspike.fpga.boards import BOARDS, SDRAM
from backspike.fpga.families import ECP5, ICE40
from backspike.fpga.flow import place_and_route, synthesise
from backspike.fpga.sdram import WIRES, clock_delay
from backspike.fpga.tools import find_tool, run_tool
from backspike.hdl.memory.sdram import Sdram

CHIP = Sdram()


class MemoryTest(wiring.Component):
    """In the place of a network and its link: writes a part of the memory and reads it, again and again.

    The light goes on with the first word that is not what was written.
    """

    def __init__(self, config, transport, weights, memory) -> None:
        self._memory = memory
        super().__init__({"rx": In(1), "tx": Out(1), "busy": Out(1), "pins": Out(memory.pins.signature)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.memory = memory = self._memory
        connect(m, flipped(self.pins), memory.pins)
        port = memory.memory
        place = Signal(len(port.burst.p.address) + 1)
        written, read = Signal(16), Signal(16)
        m.d.comb += [
            port.burst.p.address.eq(place << 6),
            port.burst.p.write.eq(place[-1]),
            port.burst.p.count.eq(64),
            port.burst.valid.eq(1),
            port.written.payload.eq(written),
            port.written.valid.eq(1),
            port.read.ready.eq(1),
            self.tx.eq(self.rx),
        ]
        with m.If(port.burst.ready):
            m.d.sync += place.eq(place + 1)
        with m.If(port.written.ready):
            m.d.sync += written.eq(written * 5 + 1)
        with m.If(port.read.valid):
            m.d.sync += [read.eq(read * 5 + 1), self.busy.eq(self.busy | (port.read.payload != read))]
        return m


def test_on_an_ulx3s(tmp_path, monkeypatch):
    """Every register that is to be in a pad is there, the clock is what was asked for, and the logic is fast."""
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("backspike.fpga.design.BoardTop", MemoryTest)
    board = BOARDS["ulx3s-12f"]
    pll, divisor = board.timing(board.clock, board.baud, SDRAM)
    memory = board.sample_memory(SDRAM, pll.frequency)
    netlist = synthesise(board, PRESETS["tiny"], pll, divisor, memory=memory)
    routed = place_and_route(board, netlist, pll.frequency, 1)

    cells = json.loads((netlist.folder / "top.json").read_text())["modules"]["top"]["cells"].values()
    registers = sum(cell["type"] == "TRELLIS_FF" for cell in cells)
    report = json.loads((routed.folder / "nextpnr.json").read_text())
    used = {cell: use["used"] for cell, use in report["utilization"].items()}
    outputs = 1 + 1 + 3 + CHIP.bank_bits + CHIP.row_bits + 2 + 16
    # The clock has none of its own, but all have one that says whether they drive.
    assert used["IOLOGIC"] == outputs + 1
    assert registers - used["TRELLIS_FF"] == outputs + (outputs + 1) + 16
    assert used["TRELLIS_COMB"] < 500
    assert all(clock["achieved"] > 80 for clock in report["fmax"].values())

    run_tool([*find_tool("ecpunpack"), "top.bit", "top.config"], routed.folder, "ecpunpack")
    text = (routed.folder / "top.config").read_text()
    assert len(re.findall(r"^enum: PIO\w\.DATAMUX_OREG IOLDO$", text, re.MULTILINE)) == outputs
    assert len(re.findall(r"^enum: PIO\w\.DATAMUX_ODDR IOLDO$", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^enum: PIO\w\.TRIMUX_TSREG IOLTO$", text, re.MULTILINE)) == outputs + 1
    words = {word: int(bits, 2) for word, bits in re.findall(r"^word: (CLK\w+) ([01]+)$", text, re.MULTILINE)}
    eighths = 8 * (words["CLKOS_CPHASE"] - words["CLKOP_CPHASE"]) + words["CLKOS_FPHASE"]
    assert words["CLKOS_DIV"] == words["CLKOP_DIV"]
    wanted = clock_delay(CHIP, pll.frequency, ECP5)
    assert eighths / 8 / pll.oscillator * 1000 == pytest.approx(wanted, abs=0.5 / 8 / pll.oscillator * 1000)


@pytest.mark.parametrize("clock", [5, 25, 50, 60, 66.5, 74])
def test_both_directions_have_their_time(clock):
    period, pads = 1000 / clock, ECP5.pads
    delay = ECP5.delayed(ECP5.pll(25, clock), clock_delay(CHIP, clock, ECP5)).delay
    # All from an edge of the registers on; the part's edge is as late at its pin as the registers' outputs, or earlier.
    sent, edge = pads.output, delay + pads.output - pads.skew
    assert edge - sent >= CHIP.t_setup - 0.1
    assert sent + period - pads.skew - (delay + pads.output) >= CHIP.t_hold
    assert delay + pads.output + WIRES + CHIP.t_ac + pads.input <= period + 0.1
    # A word stays until after the registers' next edge, and is off the bus before the edge after which they drive.
    assert delay + CHIP.t_oh > 0
    assert delay + CHIP.t_hz < period


def test_as_litex_has_it_on_these_boards():
    """A quarter of a period at 50 MHz, with which its users' memories work."""
    assert clock_delay(CHIP, 50, ECP5) / 20 == pytest.approx(0.25, abs=0.02)


def test_a_clock_that_is_too_fast_is_one_sentence():
    sentence = r"^the board's SDRAM cannot have a clock of 75 MHz: what it sends would come too late from 74.1 MHz on$"
    with pytest.raises(BackspikeError, match=sentence):
        clock_delay(CHIP, 75, ECP5)
    assert clock_delay(CHIP, 74, ECP5) > 0


def test_a_family_without_a_second_clock_is_one_sentence():
    with pytest.raises(BackspikeError, match=r"^nothing is known of the times at pads of ice40, which an SDRAM needs$"):
        clock_delay(CHIP, 24, ICE40)
    with pytest.raises(BackspikeError, match=r"^the PLL of ice40 makes no second clock that is later$"):
        ICE40.delayed(ICE40.pll(12, 24), 3)
