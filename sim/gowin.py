"""What a Gowin's bitstream was made from, as Verilog: the netlist as nextpnr has placed and routed it.

Apycula's own reader knows neither modes nor contents of block RAMs. So this is not what the bits make of the chip, but
what nextpnr has handed to the packer, cells that it has changed or added included; and the packer, run once more, has
to make the same file of it, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.files import read_file
from backspike.fpga.tools import find_tool, run_tool, tool_version, yosys_share

from .built import CHIP, PORTS, Built

__all__ = ["decode"]

_LARGEST = 1 << 26

_HEADER = """\
reg [15:0] noise = 16'hACE1;
always @(posedge clk) noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};
wire floating = noise[0];
wire locked = ~rst;
"""

# Tables of the adders that nextpnr puts before and after a carry chain: a carry of 0, or the carry as a sum; one of 1.
_ADDERS = {"C2L": 0x0000, "ONE2C": 0x000F}

# Block RAMs of one port and of two; and those of which port A writes and port B reads.
_BLOCK_RAMS = ("SP", "SPX9", "DP", "DPX9", "SDP", "SDPX9")
_ROWS, _ROW_BYTES = 512, 4
_CELLS = Path(__file__).with_name("cells")


def decode(built: Built) -> str:
    """Return what the packer was given: the module `CHIP`, and the models of the cells in it.

    Raises
    ------
    BackspikeError
        The netlist is not beside the bitstream, or another file is made of it; the packer is missing or stops; or the
        netlist has another PLL than was asked for, or cells that no model is known of.
    """
    content, pins = built.content(), built.pins()
    path = built.bitstream.with_suffix(built.board.family.routed)
    netlist, platform = read_file(path, "netlist", _LARGEST), built.board.platform()
    family = built.board.family

    def pack(made: Path) -> None:
        (made / "top.pnr.json").write_bytes(netlist)
        run_tool([*find_tool(family.packer), *family.packer_arguments(platform)], made, family.packer)
        same = family.bitstream(made).read_bytes() == content
        for left in made.iterdir():
            left.unlink()
        (made / "same").write_text(str(same))

    parts = [
        "packed",
        tool_version(family.packer),
        platform._chipdb_device,
        netlist.decode(),
        content.decode("latin-1"),
    ]
    if (cached(parts, pack, f"{built.bitstream.name}, packed again") / "same").read_text() != "True":
        raise BackspikeError(f"{built.bitstream} is not what {family.packer} makes of {path.name} beside it")
    top = json.loads(netlist)["modules"]["top"]
    outside = {f"uart_0__{name}__io": name for name in ("rx", "tx")} | {"led_0__io": "busy"}
    inverted = {name for name, pin in pins.items() if pin.inverted}
    return _Netlist(top, built).module(outside, inverted) + _models()


def _models() -> str:
    """Return the models of the cells: Yosys's, and ours."""
    paths = [yosys_share() / "gowin" / "cells_sim.v", *(_CELLS / f"gowin_{name}.v" for name in ("alu", "block_ram"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


class _Netlist:
    """A netlist, cell by cell.

    A wire that nothing drives is another random bit in each cycle: a design that depends on it is found out.
    """

    def __init__(self, top: Mapping[str, Any], built: Built) -> None:
        self._cells, self._ports, self._built = top["cells"], top["ports"], built
        self._lines: list[str] = []
        self._constants = {
            bit: value
            for cell in self._cells.values()
            for kind, port, value in (("GOWIN_GND", "G", 0), ("GOWIN_VCC", "V", 1))
            if cell["type"] == kind
            for bit in cell["connections"][port]
        }
        self._driven = {
            bit
            for cell in self._cells.values()
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] != "input"
            for bit in bits
        }

    def module(self, outside: Mapping[str, str], inverted: Iterable[str]) -> str:
        """Return the netlist as a module with `PORTS`, from what its own ports are called there."""
        lines = []
        for port, name in outside.items():
            (bit,) = self._ports[port]["bits"]
            invert = "~" if name in inverted else ""
            if self._ports[port]["direction"] == "input":
                self._driven.add(bit)
                lines.append(f"assign n{bit} = {invert}{name};\n")
            else:
                lines.append(f"assign {name} = {invert}n{bit};\n")
        (oscillator,) = self._ports[f"{self._built.board.platform().default_clk}_0__io"]["bits"]
        self._driven.add(oscillator)
        lines.append(f"assign n{oscillator} = 1'b0;\n")
        for cell in self._cells.values():
            self._write(cell["type"], cell["parameters"], cell["connections"])
        wires = "".join(f"wire n{bit};\n" for bit in sorted(self._driven))
        header = ", ".join(f"{port['direction']} {name}" for name, port in PORTS.items())
        return f"module {CHIP} ({header});\n{_HEADER}{wires}{''.join(lines + self._lines)}endmodule\n"

    def _net(self, bits: Iterable[int | str]) -> str:
        """Return what bits are in Verilog, the lowest first here."""
        nets = [f"n{bit}" if bit in self._driven else f"1'b{bit}" if bit in ("0", "1") else "floating" for bit in bits]
        return nets[0] if len(nets) == 1 else f"{{{', '.join(reversed(nets))}}}" if nets else "floating"

    def _write(self, kind: str, parameters: Mapping[str, str], connections: Mapping[str, list[int | str]]) -> None:
        """Write a cell."""
        pins = {port: self._net(bits) for port, bits in connections.items()}
        if kind == "GSR":
            # The reset of all registers, which is never given.
            return
        if kind in ("GOWIN_GND", "GOWIN_VCC"):
            self._lines.append(f"assign {pins['G' if kind == 'GOWIN_GND' else 'V']} = 1'b{int(kind == 'GOWIN_VCC')};\n")
        elif kind in ("IBUF", "OBUF", "BUFG"):
            self._lines.append(f"assign {pins['O']} = {pins['I']};\n")
        elif kind == "TBUF":
            self._lines.append(f"assign {pins['O']} = {pins['OEN']} ? floating : {pins['I']};\n")
        elif kind == "ALU":
            self._write_adder(parameters, pins)
        elif kind == "rPLL":
            self._write_pll(parameters, pins)
        elif kind in _BLOCK_RAMS:
            self._write_block_ram(kind, parameters, connections)
        elif kind.startswith(("LUT", "DFF", "MUX2_LUT", "RAM16SDP")):
            known = {port: net for port, net in pins.items() if not (kind.startswith("RAM16SDP") and port == "CE")}
            values = {name: f"{len(value)}'b{value}" for name, value in parameters.items()}
            self._instance(kind, values, known)
        else:
            raise BackspikeError(f"{self._built.bitstream} has a cell {kind}, which cannot be simulated")

    def _instance(self, cell: str, parameters: Mapping[str, str], pins: Mapping[str, str]) -> None:
        given = ", ".join(f".{name}({value})" for name, value in parameters.items())
        joined = ", ".join(f".{name}({net})" for name, net in pins.items())
        self._lines.append(f"{cell} #({given}) cell_{len(self._lines)} ({joined});\n")

    def _write_adder(self, parameters: Mapping[str, str], pins: Mapping[str, str]) -> None:
        table, mode = parameters.get("RAW_ALU_LUT"), parameters.get("ALU_MODE", "0")
        joined = {name: pins.get(name, "floating") for name in ("I0", "I1", "I3", "CIN")}
        joined |= {name: pins[name] for name in ("SUM", "COUT") if name in pins}
        if table:
            self._instance("GOWIN_ALU", {"TABLE": f"16'b{table[-16:]}"}, joined)
        elif mode in _ADDERS:
            self._instance("GOWIN_ALU", {"TABLE": f"16'd{_ADDERS[mode]}"}, joined)
        else:
            self._instance("ALU", {"ALU_MODE": str(int(mode, 2))}, joined)

    def _write_pll(self, parameters: Mapping[str, str], pins: Mapping[str, str]) -> None:
        for name in ("IDIV_SEL", "FBDIV_SEL", "ODIV_SEL"):
            got, asked = int(parameters[name], 2), self._built.pll.parameters[name]
            if got != asked:
                raise BackspikeError(
                    f"{self._built.bitstream} has a PLL whose {name} is {got}, where {asked} was asked for"
                )
        self._lines += [f"assign {pins['CLKOUT']} = clk;\n", f"assign {pins['LOCK']} = locked;\n"]

    def _write_block_ram(
        self, kind: str, parameters: Mapping[str, str], connections: Mapping[str, list[int | str]]
    ) -> None:
        # What nextpnr calls the ports of each kind, and their parameters: the first is port A of the model.
        ports = {"": ""} if kind.startswith("SP") else {"A": "0", "B": "1"}
        widths = [int(parameters[f"BIT_WIDTH{number and '_' + number}"], 2) for number in ports.values()]
        nine = any(width % 9 == 0 for width in widths)
        if any(int(parameters.get(f"READ_MODE{number}", "0"), 2) for number in ("", "0", "1")):
            raise BackspikeError(f"{self._built.bitstream} has a block RAM with output registers")
        values = {
            "NINE": str(int(nine)),
            "ASYNCHRONOUS": str(int(parameters["RESET_MODE"] == "ASYNC")),
            "INIT": _contents(parameters, 9 if nine else 8),
        }
        # A port that is not there does nothing.
        pins = {"CLKB": "clk", "CEB": "1'b0", "WREB": "1'b0", "RESETB": "1'b0", "ADB": "14'd0", "DIB": "36'd0"}
        for width, (port, number), mine in zip(widths, ports.items(), "AB", strict=False):
            values[f"WIDTH_{mine}"] = str(width)
            values[f"WRITE_MODE_{mine}"] = str(int(parameters.get(f"WRITE_MODE{number}", "0"), 2))
            self._require_selected(parameters.get(f"BLK_SEL{number and '_' + number}", "000"), connections, port)
            pins |= {f"{name}{mine}": self._net(connections[f"{name}{port}"]) for name in ("CLK", "CE", "RESET")}
            pins[f"AD{mine}"] = self._bus(connections, f"AD{port}", 14)
            if not kind.startswith("SDP"):
                pins[f"WRE{mine}"] = self._net(connections[f"WRE{port}"])
                pins[f"DI{mine}"] = self._bus(connections, f"DI{port}", 36)
                pins[f"DO{mine}"] = self._bus(connections, f"DO{port}", 36, "")
        if kind.startswith("SDP"):
            pins |= {"WREA": "1'b1", "DIA": self._bus(connections, "DI", 36)}
            pins["DOB"] = self._bus(connections, "DO", 36, "")
        self._instance("GOWIN_BLOCK_RAM", values, pins)

    def _bus(
        self, connections: Mapping[str, list[int | str]], name: str, width: int, otherwise: str = "floating"
    ) -> str:
        """Return pins that are numbered as one; of outputs that lead nowhere, those at the upper end are left out."""
        nets = [self._net(connections[f"{name}{bit}"]) for bit in range(width) if f"{name}{bit}" in connections]
        if otherwise:
            nets += [otherwise] * (width - len(nets))
        return f"{{{', '.join(reversed(nets))}}}"

    def _require_selected(self, code: str, connections: Mapping[str, list[int | str]], port: str) -> None:
        """Raise an exception unless a port of a block RAM is selected by constants."""
        nets = [connections.get(f"BLKSEL{port}{bit}", []) for bit in range(3)]
        found = "".join(str(self._constants.get(bits[0], "?")) for bits in reversed(nets) if bits)
        if found != code[-3:]:
            raise BackspikeError(f"{self._built.bitstream} has a block RAM that is selected, which cannot be simulated")


def _contents(parameters: Mapping[str, str], byte: int) -> str:
    """Return what a block RAM begins with, rows of four bytes 36 bits apart."""
    width = 32 * byte
    bits = "".join(parameters.get(f"INIT_RAM_{part:02X}", "").zfill(width) for part in reversed(range(64)))
    whole, row = int(bits, 2), _ROW_BYTES * byte
    rows = [whole >> row * number & (1 << row) - 1 for number in range(_ROWS)]
    return f"18432'h{sum(value << 36 * number for number, value in enumerate(rows)):X}"
