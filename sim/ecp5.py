"""The cells of an ECP5 that outputs follow from, as Verilog: from the wires and settings of `trellis.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.fpga.families.ecp5 import LOOP
from backspike.fpga.tools import find_tool, run_tool, tool_version

from .built import CHIP, PORTS, Built
from .gates import cell_models
from .trellis import Chip, Wire

__all__ = ["Netlist", "decode"]

_LETTERS = "ABCD"
_BLOCK_RAM_TILES = 3

# What cells give, by the names of the wires.
_OUTPUTS = {
    "table": re.compile(r"^F([0-7])_SLICE$"),
    "wide5": re.compile(r"^F5([A-D])_SLICE$"),
    "wide6": re.compile(r"^FX([A-D])_SLICE$"),
    "register": re.compile(r"^Q([0-7])_SLICE$"),
    "carry": re.compile(r"^FCO([A-C]?)_SLICE$"),
    "block_ram": re.compile(r"^JDO[AB]\d+_EBR$"),
}
_TABLE = re.compile(r"^F([0-7])$")
_CLOCK_BUFFER = re.compile(r"^G_CLKO_(\w)DCC(\w+)$")
# Wires have no underscore but those of the whole chip; pins of cells have one.
_OTHER_PIN = re.compile(r"^[^_]{2,}_")
_TIE = re.compile(r"^J(?:[A-D]|CE|LSR|CLK)[0-7]$")
# What slice C hands on to the distributed RAM in slices A and B: inputs of its tables.
_WRITTEN = re.compile(r"^W(A?)DO([0-3])C_SLICE$")
_WRITE_ADDRESS, _WRITE_DATA = "DBCA", "CADB"


_FLOATING = """\
reg [15:0] noise = 16'hACE1;
always @(posedge clk) noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};
wire floating = noise[0];
wire locked = ~rst;
"""


def decode(built: Built) -> str:
    """Return what the chip is configured as: the module `CHIP`, and the models of the cells in it.

    Decoded bitstreams are kept in `backspike.cache`.

    Raises
    ------
    BackspikeError
        `ecpunpack` is missing or stops; or the bitstream has another PLL than was asked for, other pins, or cells that
        no model is known of.
    """
    content, _ = built.content(), built.pins()

    def make(made: Path) -> None:
        (made / "chip.bit").write_bytes(content)
        run_tool([*find_tool("ecpunpack"), "chip.bit", "chip.config"], made, "ecpunpack")
        chip = Chip((made / "chip.config").read_text(encoding="ascii"))
        (made / "chip.v").write_text(_module(chip, built), encoding="utf-8")
        for name in ("chip.bit", "chip.config"):
            (made / name).unlink()

    # What this and `trellis.py` make of a bitstream is up to them.
    sources = [path.read_text(encoding="utf-8") for path in (Path(__file__), Path(__file__).with_name("trellis.py"))]
    parts = ["bitstream", *sources, tool_version("ecpunpack"), built.board.name, repr(built.pll), content.hex()]
    folder = cached(parts, make, f"{built.bitstream.name}, decoded")
    return (folder / "chip.v").read_text(encoding="utf-8") + cell_models("ecp5")


def _module(chip: Chip, built: Built) -> str:
    """Return the chip as a module with `PORTS`."""
    platform, pins = built.board.platform(), built.pins()
    places = chip.package_pins[platform._nextpnr_package_options[platform.package].upper()]
    pads = {name: _pad(chip, places[pin.place]) for name, pin in pins.items()}
    pads["clk"] = _pad(chip, places[platform.lookup(platform.default_clk).ios[0].names[0]])
    for name, pad in pads.items():
        if not pad.type.startswith("INPUT_" if name in ("clk", "rx") else "OUTPUT_"):
            raise BackspikeError(f"{built.bitstream} has a pin for {name} that is {pad.type or 'nothing'}")
    rx = "~rx" if pins["rx"].inverted else "rx"
    netlist = Netlist(chip, {**_pll(chip, pads["clk"].input, built), pads["rx"].input: rx})
    lines = []
    for name in ("tx", "busy"):
        output, disable = netlist.net(pads[name].output), netlist.net(pads[name].disable)
        lines.append(f"assign {name} = {disable} ? floating : {'~' if pins[name].inverted else ''}{output};\n")
    header = ", ".join(f"{port['direction']} {name}" for name, port in PORTS.items())
    return f"module {CHIP} ({header});\n{_FLOATING}{netlist.write()}{''.join(lines)}endmodule\n"


@dataclass(frozen=True)
class _Pad:
    """A pad: what comes in, what goes out, and what switches it off; and what it is set to, ``OUTPUT_LVCMOS33`` say."""

    input: Wire
    output: Wire
    disable: Wire
    type: str


def _pad(chip: Chip, place: Mapping[str, Any]) -> _Pad:
    """Return the pad at a place of the package, as the database has it."""
    letter, here = place["pio"], Wire(place["col"], place["row"], "")
    into, out, off = (here._replace(name=f"{name}{letter}_PIO") for name in ("JPADDI", "PADDO", "PADDT"))
    # The tiles that set it are in the row and column of its wires, or in the next ones.
    return _Pad(into, out, off, chip.option(f"PIO{letter}.BASE_TYPE", here, height=3, width=2))


def _pll(chip: Chip, oscillator: Wire, built: Built) -> dict[Wire, str]:
    """Return what the PLL's outputs are in Verilog, once its settings are those that were asked for."""
    used = [
        (tile, wire)
        for tile, wire in chip.sinks("CLKI_PLL")
        if chip.option("MODE", tile, height=2, width=2) == "EHXPLLL"
    ]
    if len(used) != 1:
        raise BackspikeError(f"{built.bitstream} has {len(used)} PLLs, where one was asked for")
    ((tile, clock_in),) = used
    # Dividers are one less there.
    dividers = {name: int(value) - 1 for name, value in built.pll.parameters.items() if name.endswith("_DIV")}
    for name, asked in {**dividers, "CLKOP_CPHASE": built.pll.parameters["CLKOP_CPHASE"], **LOOP}.items():
        got = chip.word(name, tile, height=2, width=2)
        if got != asked:
            raise BackspikeError(f"{built.bitstream} has a PLL whose {name} is {got}, where {asked} was asked for")
    outputs = {clock_in._replace(name="JCLKOP_PLL"): "clk", clock_in._replace(name="JLOCK_PLL"): "locked"}
    wires = Netlist(chip, {**outputs, oscillator: "oscillator"})
    for name, wanted in (("CLKI_PLL", "oscillator"), ("CLKFB_PLL", "clk")):
        if (net := wires.net(clock_in._replace(name=name))) != wanted:
            raise BackspikeError(f"{built.bitstream} has a PLL whose {name} is {net}, not {wanted}")
    return outputs


class Netlist:
    """The cells that outputs of a chip follow from, as Verilog.

    They are found from the outputs backwards; what no output follows from is not looked at. Where a cell needs a wire
    that nothing drives, and that is not known to be a constant then, it gets ``floating``, which is another random bit
    in each cycle: a design that depends on it is found out.

    Parameters
    ----------
    chip : Chip
    inputs : mapping
        Wires that come from outside, and what each is in Verilog.
    """

    def __init__(self, chip: Chip, inputs: Mapping[Wire, str]) -> None:
        self._chip = chip
        self._names = dict(inputs)
        self._wanted: list[tuple[str, Wire]] = []
        self._cells: set[tuple[str, int, int]] = set()
        self._lines: list[str] = []

    def write(self) -> str:
        """Return Verilog of all cells that have been asked for, and those that they need."""
        while self._wanted:
            kind, wire = self._wanted.pop()
            getattr(self, f"_write_{kind}")(wire)
        return "".join(self._lines)

    def source(self, wire: Wire) -> Wire:
        """Return where a wire comes from: a cell's output, an input of the chip, or where it ends."""
        passed = {wire}
        while wire not in self._names:
            before = self._chip.driver(wire)
            buffer = _CLOCK_BUFFER.match(wire.name)
            if before is None and buffer:
                side, number = buffer.groups()
                if self._chip.option(f"DCC_{side}{number}.MODE") != "NONE":
                    raise BackspikeError(f"the bitstream gates a clock, in {buffer[1]}DCC{buffer[2]}")
                before = Wire(0, 0, f"G_CLKI_{side}DCC{number}")
            if before is None:
                break
            table = _TABLE.match(wire.name)
            if table and self._mode(wire, int(table[1])) == "CCU2":
                # The bit of its own multiplexer belongs to the adder there.
                before = wire._replace(name=f"{wire.name}_SLICE")
            if before in passed:
                raise BackspikeError(f"the bitstream has a loop of wires through {wire.name}")
            passed.add(before)
            wire = before
        return wire

    def net(self, wire: Wire, undriven: str = "floating") -> str:
        """Return what a wire is in Verilog, and `undriven` if nothing drives it.

        Raises
        ------
        BackspikeError
            A cell drives it that no model is known of, such as a multiplier.
        """
        source = self.source(wire)
        if source in self._names:
            return self._names[source]
        if written := _WRITTEN.match(source.name):
            letters = _WRITE_ADDRESS if written[1] else _WRITE_DATA
            return self._table_input(source, letters[int(written[2])], 4 if written[1] else 5)
        if _TIE.match(source.name):
            return self._tie(source) or undriven
        for kind, pattern in _OUTPUTS.items():
            if pattern.match(source.name):
                if kind == "carry" and self._mode(source, 2 * _carrying(source)) != "CCU2":
                    # Slices are wired in a row, whether there is a carry in them or not.
                    return undriven
                name = f"{source.name}_X{source.column}_Y{source.row}"
                self._names[source] = name
                self._lines.append(f"wire {name};\n")
                self._wanted.append((kind, source))
                return name
        if _OTHER_PIN.search(source.name):
            raise BackspikeError(f"the bitstream uses {source.name}, of a cell or pin that cannot be simulated")
        return undriven

    def _tie(self, wire: Wire) -> str:
        """Return the constant that an input of a block RAM, multiplier or pin is tied to; the empty string if to none.

        Of clocks and resets only a 1 is known, which the database calls 0.
        """
        option = self._chip.option(f"CIB.{wire.name}MUX", wire)
        if option not in ("0", "1"):
            return ""
        return "1'b1" if wire.name.startswith(("JLSR", "JCLK")) else f"1'b{option}"

    def _instance(self, cell: str, parameters: Mapping[str, str], pins: Mapping[str, str]) -> None:
        """Write a cell."""
        given = ", ".join(f".{name}({value})" for name, value in parameters.items())
        joined = ", ".join(f".{name}({net})" for name, net in pins.items())
        self._lines.append(f"{cell} #({given}) cell_{len(self._lines)} ({joined});\n")

    def _mode(self, wire: Wire, number: int) -> str:
        """Return the mode of the slice that a table is in."""
        return self._chip.option(f"SLICE{_LETTERS[number // 2]}.MODE", wire)

    def _table_input(self, wire: Wire, letter: str, number: int) -> str:
        """Return what comes to an input of a table, A to D, or to the input M beside it."""
        if self._chip.option(f"SLICE{_LETTERS[number // 2]}.{letter}{number % 2}MUX", wire) == "1":
            return "1'b1"
        return self.net(wire._replace(name=f"{letter}{number}_SLICE"))

    def _table(self, wire: Wire, number: int) -> str:
        """Return what a table holds, as a number in Verilog."""
        return f"16'd{self._chip.word(f'SLICE{_LETTERS[number // 2]}.K{number % 2}.INIT', wire)}"

    def _write_table(self, wire: Wire) -> None:
        number = int(wire.name[1])
        letter = _LETTERS[number // 2]
        mode = self._mode(wire, number)
        if mode == "CCU2":
            self._write_adder(wire, number // 2)
            return
        pins = {name: self._table_input(wire, name, number) for name in _LETTERS}
        if mode == "LOGIC":
            self._instance("LUT4", {"INIT": self._table(wire, number)}, {**pins, "Z": self._names[wire]})
            return
        if mode != "DPRAM":
            raise BackspikeError(f"the bitstream has a slice in mode {mode}, which cannot be simulated")
        pins |= {f"WAD{bit}": self.net(wire._replace(name=f"WAD{bit}{letter}_SLICE")) for bit in range(4)}
        pins["WD"] = self.net(wire._replace(name=f"WD{number % 2}{letter}_SLICE"))
        enable = self.net(wire._replace(name=f"WRE{number // 2}_SLICE"))
        pins["WRE"] = _through(self._chip.option("SLICEA.WREMUX", wire), enable)
        clock = self.net(wire._replace(name=f"WCK{number // 2}_SLICE"))
        pins["WCK"] = _through(self._chip.option("CLK1.CLKMUX", wire), clock)
        self._instance("ECP5_SLICE_RAM", {"INIT": self._table(wire, number)}, {**pins, "Z": self._names[wire]})

    def _write_adder(self, wire: Wire, slice_number: int) -> None:
        """Write both tables of a slice and its carry."""
        letter, low = _LETTERS[slice_number], 2 * slice_number
        if self._written(f"adder {letter}", wire):
            return
        pins = {
            f"{pin}{number % 2}": self._table_input(wire, pin, number) for pin in _LETTERS for number in (low, low + 1)
        }
        pins["CIN"] = self.net(wire._replace(name=f"FCI{letter if slice_number else ''}_SLICE"))
        carry = "FCO_SLICE" if letter == "D" else f"FCO{letter}_SLICE"
        outputs = {"S0": f"F{low}_SLICE", "S1": f"F{low + 1}_SLICE", "COUT": carry}
        pins |= {pin: self.net(wire._replace(name=output)) for pin, output in outputs.items()}
        parameters = {f"INIT{half}": self._table(wire, low + half) for half in (0, 1)}
        for half in (0, 1):
            parameters[f"INJECT1_{half}"] = f'"{self._chip.option(f"SLICE{letter}.CCU2.INJECT1_{half}", wire)}"'
        self._instance("CCU2C", parameters, pins)

    def _written(self, cell: str, wire: Wire) -> bool:
        """Return whether a cell of several outputs is there already; it is from now on."""
        before = len(self._cells)
        self._cells.add((cell, wire.column, wire.row))
        return len(self._cells) == before

    def _write_carry(self, wire: Wire) -> None:
        self._write_adder(wire, _carrying(wire))

    def _write_wide5(self, wire: Wire) -> None:
        low = 2 * _LETTERS.index(wire.name[2])
        tables = [self.net(wire._replace(name=f"F{number}_SLICE")) for number in (low, low + 1)]
        pins = {"BLUT": tables[0], "ALUT": tables[1], "C0": self._table_input(wire, "M", low), "Z": self._names[wire]}
        self._instance("PFUMX", {}, pins)

    def _write_wide6(self, wire: Wire) -> None:
        letter = wire.name[2]
        below = [self.net(wire._replace(name=f"FX{side}{letter}_SLICE")) for side in "AB"]
        choice = self._table_input(wire, "M", 2 * _LETTERS.index(letter) + 1)
        self._instance("L6MUX21", {}, {"D0": below[0], "D1": below[1], "SD": choice, "Z": self._names[wire]})

    def _write_register(self, wire: Wire) -> None:
        number = int(wire.name[1])
        slice_number = number // 2
        slice_name = f"SLICE{_LETTERS[slice_number]}"
        register = f"{slice_name}.REG{number % 2}"
        clock, reset = (self._chip.driver(wire._replace(name=f"MUX{pin}{slice_number}")) for pin in ("CLK", "LSR"))
        parameters = {
            "CLKMUX": self._chip.option(f"{clock.name}.CLKMUX", wire) if clock else "CLK",
            "LSRMUX": self._chip.option(f"{reset.name}.LSRMUX", wire) if reset else "LSR",
            "SRMODE": self._chip.option(f"{reset.name}.SRMODE", wire) if reset else "LSR_OVER_CE",
            "CEMUX": self._chip.option(f"{slice_name}.CEMUX", wire),
            "REGSET": self._chip.option(f"{register}.REGSET", wire),
            "LSRMODE": self._chip.option(f"{register}.LSRMODE", wire),
        }
        from_table = self._chip.option(f"{register}.SD", wire) == "1"
        enabled = parameters["CEMUX"] in ("CE", "INV")
        beside = "1'b0"
        if not from_table or parameters["LSRMODE"] == "PRLD":
            beside = self._table_input(wire, "M", number)
        pins = {
            "CLK": self.net(clock) if clock else "1'b0",
            "LSR": self.net(reset) if reset else "1'b0",
            "CE": self.net(wire._replace(name=f"CE{slice_number}_SLICE")) if enabled else "1'b1",
            "DI": self.net(wire._replace(name=f"DI{number}_SLICE")) if from_table else beside,
            "M": beside,
            "Q": self._names[wire],
        }
        self._instance("TRELLIS_FF", {name: _quoted(value) for name, value in parameters.items()}, pins)

    def _write_block_ram(self, wire: Wire) -> None:
        if self._written("block RAM", wire):
            return
        number = next(number for number in range(4) if self._chip.tiles_with(f"EBR{number}.CLKAMUX", wire))

        def option(name: str) -> str:
            return self._chip.option(f"EBR{number}.{name}", wire, width=_BLOCK_RAM_TILES)

        # A bit of the mode inverts the write enable, where that is a pin.
        here, beside = f"EBR{number}.MODE", f"EBR{number}.WEAMUX"
        mode = self._chip.option(here, wire, width=_BLOCK_RAM_TILES, beside=beside)
        if mode not in ("DP16KD", "PDPW16KD"):
            raise BackspikeError(f"the bitstream has a block RAM in mode {mode}, which cannot be simulated")
        parameters = {f"REGMODE_{port}": _quoted(option(f"REGMODE_{port}")) for port in "AB"}
        parameters["RESETMODE"] = _quoted(option("RESETMODE"))
        pins = {}
        for pin in ("CLK", "CE", "OCE", "RST", *(("WE",) if mode == "DP16KD" else ())):
            for port in "AB":
                net = self.net(wire._replace(name=f"J{pin}{port}_EBR"))
                pins[f"{pin}{port}"] = _through(option(f"{pin}{port}MUX"), net)
        if mode == "DP16KD":
            for port in "AB":
                parameters[f"DATA_WIDTH_{port}"] = option(f"DP16KD.DATA_WIDTH_{port}")
                parameters[f"WRITEMODE_{port}"] = _quoted(option(f"DP16KD.WRITEMODE_{port}"))
        else:
            # Port A writes whenever it is enabled, port B never.
            parameters |= {"DATA_WIDTH_A": "36", "DATA_WIDTH_B": option("PDPW16KD.DATA_WIDTH_R")}
            pins |= {"WEA": "1'b1", "WEB": "1'b0"}
        for port in "AB":
            self._require_selected(wire, number, port)
            buses = {f"AD{port}": 14, f"DI{port}": 18, f"DO{port}": 18}
            bits = (f"{bus}{bit}" for bus, width in buses.items() for bit in range(width))
            pins |= {pin: self.net(wire._replace(name=f"J{pin}_EBR")) for pin in bits}
            pins |= {f"CS{port}{bit}": "1'b0" for bit in range(3)}
        for inverted in (f"AD{port}{bit}" for port in "AB" for bit in range(4)):
            if option(f"{inverted}MUX") == "INV":
                pins[inverted] = _through("INV", pins[inverted])
        self._instance("DP16KD", parameters | self._contents(wire, number), pins)

    def _require_selected(self, wire: Wire, number: int, port: str) -> None:
        """Raise an exception unless a port of a block RAM is selected by constants."""
        code = self._chip.word(f"EBR{number}.CSDECODE_{port}", wire, width=_BLOCK_RAM_TILES)
        nets = [self.net(wire._replace(name=f"JCS{port}{bit}_EBR")) for bit in range(3)]
        if nets != [f"1'b{code >> (2 - bit) & 1}" for bit in range(3)]:
            raise BackspikeError("the bitstream has a block RAM that is selected, which cannot be simulated")

    def _contents(self, wire: Wire, number: int) -> dict[str, str]:
        """Return what a block RAM begins with: 16 words of 18 bits in a parameter, 20 bits apart."""
        reversed_number = self._chip.word(f"EBR{number}.WID", wire, width=_BLOCK_RAM_TILES)
        contents = self._chip.contents.get(int(f"{reversed_number:09b}"[::-1], 2))
        if contents is None:
            raise BackspikeError("the bitstream has a block RAM without contents")
        words = [low | high << 9 for low, high in zip(contents[::2], contents[1::2], strict=True)]
        parts = [words[start : start + 16] for start in range(0, len(words), 16)]
        values = [sum(word << 20 * place for place, word in enumerate(part)) for part in parts]
        return {f"INITVAL_{part:02X}": f"320'h{value:X}" for part, value in enumerate(values)}


def _carrying(wire: Wire) -> int:
    """Return the number of the slice that has a carry for output."""
    return len(_LETTERS) - 1 if wire.name == "FCO_SLICE" else _LETTERS.index(wire.name[3])


def _quoted(option: str) -> str:
    return f'"{option}"'


def _through(option: str, net: str) -> str:
    """Return what is behind a multiplexer that gives a wire, its inverse or a constant."""
    if option in ("0", "1"):
        return f"1'b{option}"
    return f"~{net}" if option == "INV" else net
