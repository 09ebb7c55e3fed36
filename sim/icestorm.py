"""What an iCE40's bitstream makes of the chip, as Verilog that is simulated in place of the design it was built from.

The bits are decoded by Project IceStorm (C. Wolf, M. Lasser and others): `iceunpack` says which are set, `icebox_vlog`
which look-up tables, flip-flops, block RAMs and wires these are. Nothing of Amaranth, Yosys or nextpnr has a part in
it, so what is simulated is what the chip would be configured as, whatever was meant.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.fpga.tools import run_tool
from backspike.prerequisites import missing_programs
from backspike.programs import python_command

from .built import CHIP, PORTS, Built, Pin
from .gates import cell_models

__all__ = ["decode"]

_PROGRAMS = ("iceunpack", "icebox_vlog")
_MODELLED = ("SB_RAM40_4K", "SB_RAM40_4KNR", "SB_RAM40_4KNW", "SB_RAM40_4KNRNW", "SB_MAC16", "SB_SPRAM256KA")

# Where the pins of the single-port RAMs in use are, from Project IceStorm's own table.
_SPRAM_SCRIPT = """\
import json, sys
sys.path.insert(0, sys.argv[1])
import icebox
chip = icebox.iceconfig()
chip.read_file("chip.asc")
found = []
for pins in icebox.spram_db.get(chip.device, {}).values():
    pins = dict(pins)
    x, y, name = pins.pop("SPRAM_EN")
    tile = icebox.tileconfig(chip.tile(x, y))
    if any(entry[1:] == ["IpConfig", name] and tile.match(entry[0]) for entry in chip.tile_db(x, y)):
        found.append(pins)
with open("spram.json", "w") as file:
    json.dump(found, file)
"""

_PLL = re.compile(r"^SB_PLL40_\w+ #\((?P<parameters>.*?)\) \w+ \((?P<pins>.*?)\);\n", re.MULTILINE | re.DOTALL)
_BINDING = re.compile(r"\.(\w+)\(([^()]*)\)")
_NET = re.compile(r"^(?:wire|reg) (\w+)(?: = \d+)?;\n((?:// \(.*\)\n)*)", re.MULTILINE)
_SEGMENT = re.compile(r"// \((\d+), (\d+), '([^']+)'\)")


def decode(built: Built) -> str:
    """Return what the chip is configured as: the module `CHIP`, and the models of the cells in it.

    Decoded bitstreams are kept in `backspike.cache`.

    Raises
    ------
    BackspikeError
        Project IceStorm's tools are missing or stop; or the bitstream has another PLL than was asked for, or cells that
        no model is known of.
    """
    for sentence in missing_programs(*_PROGRAMS):
        raise BackspikeError(sentence)
    content, pins, package = built.content(), built.pins(), str(built.board.platform().package).lower()
    constraints = "".join(f"set_io {name} {pin.place}\n" for name, pin in pins.items())

    def make(made: Path) -> None:
        (made / "chip.bin").write_bytes(content)
        (made / "chip.pcf").write_text(constraints)
        run_tool(["iceunpack", "chip.bin", "chip.asc"], made)
        decoded = run_tool(["icebox_vlog", "-n", f"{CHIP}_pins", "-d", package, "-p", "chip.pcf", "chip.asc"], made)
        (made / "chip.v").write_text(decoded, encoding="utf-8")
        run_tool(python_command(_SPRAM_SCRIPT, str(_icebox())), made, "icebox")
        (made / "chip.asc").unlink()

    parts = ["bitstream", _SPRAM_SCRIPT, package, constraints, content.hex()]
    folder = cached(parts, make, f"{built.bitstream.name}, decoded")
    text = (folder / "chip.v").read_text(encoding="utf-8")
    memories = _spram(text, json.loads((folder / "spram.json").read_text(encoding="utf-8")))
    text = _without_pll(re.sub(r"^// .*\n", "", text, flags=re.MULTILINE), built)
    for cell in re.findall(r"^(SB_\w+)", text, re.MULTILINE):
        if cell not in _MODELLED:
            raise BackspikeError(f"{built.bitstream} has a cell {cell}, which cannot be simulated")
    return _with_ports(text.replace("endmodule", f"{memories}endmodule"), pins) + cell_models("ice40")


def _icebox() -> Path:
    """Return the folder of Project IceStorm's Python modules: they lie beside the program itself."""
    return Path(shutil.which("icebox_vlog") or "").resolve().parent


def _without_pll(text: str, built: Built) -> str:
    """Return the chip with the PLL's outputs driven from outside, once its settings are those that were asked for."""
    found = _PLL.search(text)
    if not found:
        raise BackspikeError(f"{built.bitstream} has no PLL")
    settings = dict(_BINDING.findall(found["parameters"]))
    for name, asked in built.pll.parameters.items():
        got = settings.get(name, "nothing").strip('"')
        if (int(got.partition("b")[2], 2) if "'b" in got else got) != asked:
            raise BackspikeError(f"{built.bitstream} has a PLL whose {name} is {got}, where {asked} was asked for")
    pins = dict(_BINDING.findall(found["pins"]))
    outputs = f"assign {pins['PLLOUTGLOBAL']} = clk;\nassign {pins['LOCK']} = ~rst;\n"
    return text[: found.start()] + outputs + text[found.end() :]


def _spram(text: str, cells: list[dict[str, tuple[int, int, str]]]) -> str:
    """Return the single-port RAMs, which `icebox_vlog` leaves out: each pin is at the net that has its segment."""
    nets = {(int(x), int(y), name): net[1] for net in _NET.finditer(text) for x, y, name in _SEGMENT.findall(net[2])}
    instances = []
    for number, cell in enumerate(cells):
        pins: dict[str, dict[int, str]] = {}
        for pin, (x, y, name) in cell.items():
            bus, _, bit = pin.partition("_")
            # What nothing is routed to is 0.
            pins.setdefault(bus, {})[int(bit or 0)] = nets.get((x, y, name), "" if bus == "DATAOUT" else "1'b0")
        joined = []
        for bus, bits in pins.items():
            wires = [bits[bit] or f"open_spram_{number}_{bit}" for bit in sorted(bits, reverse=True)]
            joined.append(f".{bus}({{{', '.join(wires)}}})")
        unused = [f"wire open_spram_{number}_{bit};\n" for bit, net in pins["DATAOUT"].items() if not net]
        instances.append(f"{''.join(unused)}SB_SPRAM256KA spram_{number} ({', '.join(joined)});\n")
    return "".join(instances)


def _with_ports(text: str, pins: dict[str, Pin]) -> str:
    """Return the chip in a module with `PORTS`: with clock and reset, and none of its pins inverted."""
    header = re.search(rf"^module {CHIP}_pins \(([^)]*)\);", text, re.MULTILINE)
    found = dict(part.split()[::-1] for part in header[1].split(", ")) if header else {}
    wanted = {name: PORTS[name]["direction"] for name in pins}
    if header is None or found != wanted:
        raise BackspikeError(f"the chip's pins should be {wanted}, and are {found}")
    # The pins are declared as wires once more.
    text = re.sub(rf"^wire (?:{'|'.join(pins)});\n", "", text, flags=re.MULTILINE)
    text = text.replace(header[0], f"module {CHIP}_pins (input clk, input rst, {header[1]});")
    outside = [f"{port['direction']} {name}" for name, port in PORTS.items()]
    names = {name: f"{name}_pin" if pin.inverted else name for name, pin in pins.items()}
    lines = [f"module {CHIP} ({', '.join(outside)});"]
    for name, inner in names.items():
        if inner != name:
            lines.append(f"wire {inner};")
            lines.append(f"assign {name} = ~{inner};" if wanted[name] == "output" else f"assign {inner} = ~{name};")
    connections = [f".{name}({names.get(name, name)})" for name in PORTS]
    lines += [f"{CHIP}_pins pins ({', '.join(connections)});", "endmodule", ""]
    return text + "\n".join(lines)
