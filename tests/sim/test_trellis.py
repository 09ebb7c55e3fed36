"""An ECP5's bits as wires, settings and cells; that a bitstream works is in tests/fpga/test_design.py."""

from __future__ import annotations

import pytest

from backspike import BackspikeError
from backspike.sim.ecp5 import Netlist
from backspike.sim.trellis import Chip, Wire, position

# As ecpunpack writes it: a register behind a table, an adder's first slice, and a block RAM of 1,024 words of 9 bits,
# whose settings are in three tiles, and in parts of them are something else.
TEXT = """\
.device LFE5U-12F

.tile R10C10:PLC2
arc: A0 H02E0701
arc: CLK0 G_HPBX0000
arc: E1_H02E0001 S1_V02N0001
arc: MUXCLK0 CLK0
word: SLICEA.K0.INIT 1010101010101010
enum: SLICEA.B0MUX 1
enum: SLICEA.C0MUX 1
enum: SLICEA.D0MUX 1
enum: SLICEA.CEMUX 1
enum: SLICEA.REG0.REGSET RESET

.tile R10C11:PLC2
arc: F0 F5A_SLICE
word: SLICEA.K0.INIT 0000000000001010
enum: SLICEA.CCU2.INJECT1_0 NO
enum: SLICEA.MODE CCU2

.tile R10C12:PLC2
arc: F0 F5A_SLICE

.tile MIB_R25C8:MIB_EBR4
enum: EBR2.DP16KD.DATA_WIDTH_A 9
enum: EBR2.DP16KD.WRITEMODE_B READBEFOREWRITE

.tile MIB_R25C9:MIB_EBR5
word: EBR2.WID 001000000
enum: EBR2.DP16KD.WRITEMODE_A READBEFOREWRITE
enum: EBR2.MODE DP16KD
enum: EBR2.WEBMUX INV

.tile MIB_R25C10:MIB_EBR6
enum: EBR2.DP16KD.DATA_WIDTH_B 9
enum: EBR2.GSR DISABLED
enum: EBR2.MODE PDPW16KD

.bram_init 4
000 001 1ff
010
"""

HERE = Wire(10, 10, "")
RAM = Wire(8, 25, "")


def at(column: int, row: int, name: str) -> Wire:
    return Wire(column, row, name)


@pytest.fixture(scope="module")
def chip() -> Chip:
    return Chip(TEXT)


@pytest.mark.parametrize(
    ("wire", "driver"),
    [
        # What the bits say, seen from the tile: a wire that begins here, and one to the east from one that comes north.
        (at(10, 10, "A0"), at(10, 10, "H02E0701")),
        (at(11, 10, "H02E0001"), at(10, 11, "V02N0001")),
        # What is always so; carries go from the tile to the west.
        (at(10, 10, "FCI_SLICE"), at(10, 10, "FCI")),
        (at(10, 10, "HFIE0000"), at(9, 10, "FCO")),
        # A multiplexer of which no bit is set, and one of which one is.
        (at(10, 10, "F0"), at(10, 10, "F0_SLICE")),
        (at(12, 10, "F0"), at(12, 10, "F5A_SLICE")),
        # The clock's tree: taps in column 4 serve columns 0 to 12; spines stand in quadrants.
        (at(10, 10, "G_HPBX0000"), at(4, 10, "R_HPBX0000")),
        (at(2, 10, "G_HPBX0300"), at(4, 10, "L_HPBX0300")),
        (at(4, 10, "G_VPTX0000"), at(3, 13, "G_VPTX0000")),
        (at(60, 40, "G_VPTX0000"), at(59, 37, "G_VPTX0000")),
        (at(3, 13, "G_HPRX0200"), at(0, 0, "G_ULPCLK2")),
        # What the PLL's output is called in the whole chip.
        (at(0, 0, "G_JLLCPLL0CLKOP"), at(2, 49, "JCLKOP_PLL")),
        (at(10, 10, "B0"), None),
    ],
)
def test_wires_have_their_drivers(wire, driver, chip) -> None:
    assert chip.driver(wire) == driver


def test_settings_are_those_of_the_bits(chip) -> None:
    assert chip.option("SLICEA.REG0.REGSET", HERE) == "RESET"
    # Of what the file does not name no bit is set.
    assert chip.option("SLICEA.REG1.REGSET", HERE) == "SET"
    assert chip.option("SLICEA.MODE", HERE) == "LOGIC"
    assert chip.word("SLICEA.K0.INIT", HERE) == 0xAAAA
    assert chip.word("SLICEA.K1.INIT", HERE) == 0xFFFF


def test_settings_of_several_tiles_are_put_together(chip) -> None:
    """Each tile's bits alone would be another mode, and another width."""

    def option(name: str) -> str:
        return chip.option(f"EBR2.{name}", RAM, width=3)

    assert option("MODE") == "DP16KD"
    assert [option(f"DP16KD.DATA_WIDTH_{port}") for port in "AB"] == ["9", "9"]
    assert [option(f"DP16KD.WRITEMODE_{port}") for port in "AB"] == ["READBEFOREWRITE"] * 2
    assert option("WEBMUX") == "INV"
    assert chip.word("EBR2.WID", RAM, width=3) == 0b001000000
    assert chip.contents == {4: [0, 1, 0x1FF, 0x10]}


def test_cells_are_what_an_output_follows_from(chip) -> None:
    netlist = Netlist(chip, {at(4, 10, "R_HPBX0000"): "clk", at(10, 10, "H02E0701"): "rx"})
    assert netlist.net(at(10, 10, "Q0_SLICE")) == "Q0_SLICE_X10_Y10"
    table, register = sorted(line for line in netlist.write().splitlines() if not line.startswith("wire"))
    assert table.startswith("LUT4 #(.INIT(16'd43690)) ")
    assert table.endswith("(.A(rx), .B(1'b1), .C(1'b1), .D(1'b1), .Z(F0_SLICE_X10_Y10));")
    assert register.startswith("TRELLIS_FF #(")
    assert '.REGSET("RESET")' in register
    # No reset comes to it.
    assert ".CLK(clk), .LSR(1'b0), .CE(1'b1), .DI(F0_SLICE_X10_Y10)" in register


def test_an_adder_is_no_table_and_what_nothing_drives_is_random(chip) -> None:
    """The bit that would switch the output of a table to the one of two tables is the adder's here."""
    netlist = Netlist(chip, {})
    assert netlist.net(at(11, 10, "F0")) == "F0_SLICE_X11_Y10"
    written = netlist.write()
    assert written.count('CCU2C #(.INIT0(16\'d10), .INIT1(16\'d65535), .INJECT1_0("NO"), .INJECT1_1("YES"))') == 1
    # The slice to the west adds nothing.
    assert ".CIN(floating)" in written
    assert netlist.net(at(10, 10, "B0_SLICE")) == "floating"


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(BackspikeError, match=r"^the bitstream is not of an ECP5 that is known$"):
        Chip(".device LIFCL-40\n")
    with pytest.raises(BackspikeError, match=r"^the bitstream drives wire A0 of tile R10C10:PLC2 twice$"):
        Chip(TEXT.replace("arc: A0 H02E0701", "arc: A0 H02E0701\narc: A0 V02N0501"))
    with pytest.raises(BackspikeError, match=r"^the bitstream has a tile X, whose place is not known$"):
        position("X")


@pytest.mark.parametrize("pin", ["JP5_MULT18", "JR0_ALU54", "JPADDIB_PIO", "IOLDOA_IOLOGIC"])
def test_a_cell_or_pin_that_is_not_known_is_refused(pin, chip) -> None:
    with pytest.raises(BackspikeError, match=f"^the bitstream uses {pin}, of a cell or pin that cannot be simulated$"):
        Netlist(chip, {}).net(at(13, 13, pin))
