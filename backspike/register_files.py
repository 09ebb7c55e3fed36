"""The register map for others: as C header, as CMSIS-SVD and as a table, all made of `backspike.registers`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from xml.etree import ElementTree

from .config import NetworkConfig
from .registers import BUS_REGISTERS, Access, Register, RegisterKind, RegisterMap

__all__ = ["WORD_BYTES", "c_header", "markdown_table", "register_files", "svd"]

WORD_BYTES = 4
"""Bytes of a register: on a bus, which counts bytes, a register is at so many times its address."""

_BUS_BYTES = 0x1000

_SVD_ACCESS = {Access.READ: "read-only", Access.WRITE: "write-only", Access.BOTH: "read-write"}

_HEADER = """\
/* {name}: its registers, made by Backspike {version}. Do not edit.
 *
 * Offsets are those of bytes from the base address; every register is one aligned word of 32 bits, little-endian.
 * What an access does, and when it waits: docs/hardware.md and docs/bus.md.
 */
#ifndef {guard}
#define {guard}

"""


def register_files(name: str, config: NetworkConfig, more: Mapping[str, Register] | None = None) -> dict[str, str]:
    """Return the text of each file that describes a design's registers, by the file's name.

    Parameters
    ----------
    name : str
        The design's: names files, macros and the SVD's device.
    config : NetworkConfig
    more : mapping of str to Register
        Registers besides those of the network, by name (`registers.bus_registers`).
    """
    registers = {**RegisterMap(config).registers, **(more or {})}
    return {
        f"{name}_registers.h": c_header(name, config, registers),
        f"{name}.svd": svd(name, config, registers),
        f"{name}_registers.md": markdown_table(name, config, registers),
    }


def c_header(name: str, config: NetworkConfig, registers: Mapping[str, Register]) -> str:
    """Return a C header (C89, and C++): offsets, fields, what constants read as, and the sizes of the layers.

    The macros of register R begin with ``<NAME>_R``: its offset itself, ``_VALUE`` of a constant, and for each field
    ``_<FIELD>_SHIFT`` and ``_<FIELD>_MASK``. Of layer l there are ``<NAME>_LAYER_l_ROWS`` (the bias row included),
    ``_UNITS`` and ``_LANES``, and ``_WORDS``, how many words WEIGHT_DATA gives for a row.
    """
    prefix, initial = name.upper(), RegisterMap(config).initial
    lines: list[tuple[str, str, str]] = []
    for register in registers.values():
        macro = f"{prefix}_{register.name}"
        lines.append((macro, f"0x{WORD_BYTES * register.address:03X}u", f"{register.access.value}: {register.meaning}"))
        if register.kind is RegisterKind.CONSTANT:
            lines.append((f"{macro}_VALUE", f"0x{initial[register.name]:08X}u", "what it reads as"))
        for field in register.fields:
            lines.append((f"{macro}_{field.name}_SHIFT", f"{field.offset}u", field.meaning))
            lines.append((f"{macro}_{field.name}_MASK", f"0x{field.mask:08X}u", ""))
    lines.append((f"{prefix}_LAYERS", f"{config.depth}u", "weight layers"))
    for layer in config.weight_layers:
        sizes = {"ROWS": layer.rows, "UNITS": layer.units, "LANES": layer.lanes, "WORDS": layer.row_lanes}
        lines += [(f"{prefix}_LAYER_{layer.number}_{what}", f"{size}u", "") for what, size in sizes.items()]
    width = max(len(macro) for macro, _, _ in lines)
    defined = [
        f"#define {macro:<{width}} {value}" + (f" /* {remark} */" if remark else "") for macro, value, remark in lines
    ]
    guard = f"{prefix}_REGISTERS_H"
    head = _HEADER.format(name=name, version=version("backspike"), guard=guard)
    return head + "\n".join(defined) + f"\n\n#endif /* {guard} */\n"


def svd(name: str, config: NetworkConfig, registers: Mapping[str, Register]) -> str:
    """Return the registers as CMSIS-SVD 1.3: a device of one peripheral, whose base address is 0.

    A system description takes the peripheral over, with its own base address.
    """
    device = ElementTree.Element(
        "device",
        {
            "schemaVersion": "1.3",
            "xmlns:xs": "http://www.w3.org/2001/XMLSchema-instance",
            "xs:noNamespaceSchemaLocation": "CMSIS-SVD.xsd",
        },
    )
    about = f"Spiking network {'-'.join(map(str, config.layers))} that learns on chip, configuration {config.hash[:8]}"
    _add(device, name=name, version=version("backspike"), description=about, addressUnitBits="8", width="32")
    peripheral = ElementTree.SubElement(ElementTree.SubElement(device, "peripherals"), "peripheral")
    _add(peripheral, name=name.upper(), description=about, baseAddress="0x0")
    block = ElementTree.SubElement(peripheral, "addressBlock")
    size = _BUS_BYTES if BUS_REGISTERS in {register.address for register in registers.values()} else None
    _add(block, offset="0x0", size=f"0x{size or WORD_BYTES * len(registers):X}", usage="registers")
    listed, initial = ElementTree.SubElement(peripheral, "registers"), RegisterMap(config).initial
    for register in registers.values():
        entry = ElementTree.SubElement(listed, "register")
        known = register.name in initial or register.kind in (RegisterKind.WINDOW, RegisterKind.COUNTER)
        _add(
            entry,
            name=register.name,
            description=register.meaning,
            addressOffset=f"0x{WORD_BYTES * register.address:X}",
            size="32",
            access=_SVD_ACCESS[register.access],
            resetValue=f"0x{initial.get(register.name, 0):08X}",
            resetMask=f"0x{0xFFFFFFFF if known else 0:08X}",
        )
        if register.kind in (RegisterKind.WEIGHT, RegisterKind.RESULT):
            # The next read gives another weight, or word.
            _add(entry, readAction="modify")
        if register.fields:
            fields = ElementTree.SubElement(entry, "fields")
            for field in register.fields:
                _add(
                    ElementTree.SubElement(fields, "field"),
                    name=field.name,
                    description=field.meaning,
                    bitOffset=str(field.offset),
                    bitWidth=str(field.width),
                )
    ElementTree.indent(device)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(device, encoding="unicode")}\n'


def markdown_table(name: str, config: NetworkConfig, registers: Mapping[str, Register]) -> str:
    """Return the registers as a page of Markdown: a table of them, and one of their fields."""
    initial = RegisterMap(config).initial
    lines = [
        f"# Registers of {name}",
        "",
        f"Made by Backspike {version('backspike')} of the configuration {config.hash[:8]}. Offsets are those of bytes;",
        "a register is a word of 32 bits. What an access does, and when it waits: docs/hardware.md and docs/bus.md.",
        "",
        "| offset | register | access | after a reset | meaning |",
        "|---|---|---|---|---|",
    ]
    for register in registers.values():
        value = f"0x{initial[register.name]:08X}" if register.name in initial else ""
        offset = f"0x{WORD_BYTES * register.address:03X}"
        lines.append(f"| {offset} | `{register.name}` | {register.access.value} | {value} | {register.meaning} |")
    lines += ["", "| register | bits | field | meaning |", "|---|---|---|---|"]
    for register in registers.values():
        for field in register.fields:
            bits = f"{field.offset + field.width - 1}:{field.offset}" if field.width > 1 else str(field.offset)
            lines.append(f"| `{register.name}` | {bits} | `{field.name}` | {field.meaning} |")
    return "\n".join(lines) + "\n"


def _add(parent: ElementTree.Element, **children: str) -> None:
    """Add elements that hold a text each."""
    for tag, text in children.items():
        ElementTree.SubElement(parent, tag).text = text
