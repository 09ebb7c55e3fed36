"""What an ECP5's bitstream makes of the chip, by Project Trellis's database (D. Shah and others).

`ecpunpack` says which bits are set, tile by tile, as connections ("arcs") and settings. Here they become wires and
settings of the whole chip; `ecp5.py` makes cells of what they lead to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from backspike.errors import BackspikeError
from backspike.fpga.tools import trellis_database

__all__ = ["Chip", "Wire", "position"]

# Sizes of dice in the names of wires that only one of them has, by what follows "LFE5U-" in the device's.
_DICE = {"12F": "25K_", "25F": "25K_", "45F": "45K_", "85F": "85K_"}
_ANY_DIE = re.compile(r"^\d\dK_")
_RELATIVE = re.compile(r"^(?:([NS])(\d+))?(?:([EW])(\d+))?_(.*)$")
_CHIP_WIDE = ("G_", "L_", "R_")
_POSITION = re.compile(r"R(\d+)C(\d+)")

# The clock's tree: branches to tiles, from taps in some columns, from a spine in each quadrant.
_REGIONAL = re.compile(r"^([GLR]_HPBX|G_VPTX|G_HPRX)(\d\d)00$")


class Wire(NamedTuple):
    """A wire of the chip: the tile that it begins at, and its name there; wires of the whole chip begin at (0, 0)."""

    column: int
    row: int
    name: str


@dataclass
class _TileType:
    """What the database says of a type of tile.

    A bit is written as there: ``F8B10``, with ``!`` before it if it is 0 that counts.

    Attributes
    ----------
    muxes : dict
        For each wire that is driven from one of several, these, and each one's bits.
    words : dict
        For each word, the bits of each of its bits, the lowest first.
    enums : dict
        For each setting, its options, and each one's bits.
    fixed : list
        Connections that are always there: what is driven, and what drives.
    idle : list
        Connections of `muxes` that take no bit.
    """

    muxes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    words: dict[str, list[list[str]]] = field(default_factory=dict)
    enums: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    fixed: list[tuple[str, str]] = field(default_factory=list)
    idle: list[tuple[str, str]] = field(default_factory=list)


@cache
def _tile_type(path: Path) -> _TileType:
    """Read a type of tile."""
    found = _TileType()
    entry: dict[str, list[str]] = {}
    word: list[list[str]] | None = None
    for line in path.read_text(encoding="ascii").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, *rest = line.split()
        if kind == ".mux":
            entry, word = found.muxes.setdefault(rest[0], {}), None
        elif kind == ".config":
            word = found.words.setdefault(rest[0], [])
        elif kind == ".config_enum":
            entry, word = found.enums.setdefault(rest[0], {}), None
        elif kind == ".fixed_conn":
            # Those of a test, which no design has.
            if not rest[1].endswith("_CIBTEST"):
                found.fixed.append((rest[0], rest[1]))
        elif word is not None:
            word.append([bit for bit in line.split() if bit != "-"])
        else:
            entry[kind] = [bit for bit in rest if bit != "-"]
    found.idle = [(sink, source) for sink, options in found.muxes.items() for source in options if not options[source]]
    return found


class _Name(NamedTuple):
    """What a tile's name of a wire says.

    Attributes
    ----------
    die : str
        The only one that has it; empty if all have.
    chip_wide : bool
        It is the same wire in all tiles.
    rows, columns : int
        Where it begins, seen from the tile.
    name : str
        What it is called there.
    """

    die: str
    chip_wide: bool
    rows: int
    columns: int
    name: str


@cache
def _parsed(name: str) -> _Name:
    die = _ANY_DIE.match(name)
    rest = name[die.end() :] if die else name
    if rest.startswith(_CHIP_WIDE):
        return _Name(die[0] if die else "", not _REGIONAL.match(rest), 0, 0, rest)
    relative = _RELATIVE.match(rest)
    if relative is None:
        return _Name(die[0] if die else "", False, 0, 0, rest)
    north_south, rows, east_west, columns, here = relative.groups()
    down, right = (-1 if north_south == "N" else 1), (-1 if east_west == "W" else 1)
    return _Name(die[0] if die else "", False, down * int(rows or 0), right * int(columns or 0), here)


@cache
def position(tile: str) -> tuple[int, int]:
    """Return a tile's row and column, which are in its name."""
    found = _POSITION.search(tile)
    if found is None:
        raise BackspikeError(f"the bitstream has a tile {tile}, whose place is not known")
    return int(found[1]), int(found[2])


class Chip:
    """The wires and settings of an ECP5, as its bitstream has them.

    Parameters
    ----------
    text : str
        What `ecpunpack` has written.

    Attributes
    ----------
    package_pins : dict
        For each package, where its pins are.
    contents : dict
        What block RAMs begin with, 2,048 numbers of 9 bits, by the number that a block RAM has there.

    Raises
    ------
    BackspikeError
        The device is not known, or a wire has two drivers.
    """

    def __init__(self, text: str) -> None:
        device = re.search(r"^\.device (LFE5U-(\w+))$", text, re.MULTILINE)
        if not device or device[2] not in _DICE:
            raise BackspikeError("the bitstream is not of an ECP5 that is known")
        self._die = _DICE[device[2]]
        database = trellis_database() / "ECP5"
        tiles, self._globals, pins = (
            json.loads((database / device[1] / f"{name}.json").read_text(encoding="ascii"))
            for name in ("tilegrid", "globals", "iodb")
        )
        self.package_pins: dict[str, dict[str, dict[str, int | str]]] = pins["packages"]
        self._types = {
            name: _tile_type(database / "tiledata" / tile["type"] / "bits.db") for name, tile in tiles.items()
        }
        self._tiles_at: dict[tuple[int, int], list[str]] = {}
        for name in tiles:
            self._tiles_at.setdefault(position(name), []).append(name)
        self._bits: dict[str, set[str]] = {name: set() for name in tiles}
        self._drivers: dict[Wire, Wire] = {}
        self.contents: dict[int, list[int]] = {}
        self._read(text)
        self._several: set[Wire] = set()
        self._connect()

    def _connect(self) -> None:
        """Take the connections that are always there, and those of multiplexers of which no bit is set."""
        dice = ("", self._die)
        for name, tile_type in self._types.items():
            for sink, source in tile_type.fixed:
                if _parsed(sink).die in dice and _parsed(source).die in dice:
                    wire, driver = self.wire(name, sink), self.wire(name, source)
                    if self._drivers.setdefault(wire, driver) != driver:
                        self._several.add(wire)
            for sink, source in tile_type.idle:
                if _parsed(sink).die in dice and _parsed(source).die in dice:
                    self._drivers.setdefault(self.wire(name, sink), self.wire(name, source))

    def _read(self, text: str) -> None:
        """Take connections, bits that are set, and contents of block RAMs."""
        tile, contents = "", None
        for line in text.splitlines():
            key, _, rest = line.partition(" ")
            if key == ".tile":
                tile = rest
            elif key == ".bram_init":
                contents = self.contents.setdefault(int(rest), [])
            elif key == "arc:":
                self._take_arc(tile, *rest.split())
            elif key == "word:":
                name, value = rest.split()
                for bits, digit in zip(self._types[tile].words[name], reversed(value), strict=True):
                    self._take(tile, bits, digit == "1")
            elif key == "enum:":
                name, value = rest.split()
                self._take(tile, self._types[tile].enums[name].get(value, []))
            elif key == "unknown:":
                self._take(tile, [rest])
            elif contents is not None:
                contents.extend(int(word, 16) for word in line.split())

    def _take_arc(self, tile: str, sink: str, source: str) -> None:
        self._take(tile, self._types[tile].muxes[sink][source])
        wire, driver = self.wire(tile, sink), self.wire(tile, source)
        if self._drivers.setdefault(wire, driver) != driver:
            raise BackspikeError(f"the bitstream drives wire {wire.name} of tile {tile} twice")

    def _take(self, tile: str, bits: list[str], value: bool = True) -> None:
        """Note the bits of a value, or of its opposite, that are set."""
        self._bits[tile].update(bit.lstrip("!") for bit in bits if bit.startswith("!") != value)

    def wire(self, tile: str, name: str) -> Wire:
        """Return the wire that a tile has under a name."""
        found = _parsed(name)
        if found.chip_wide:
            return Wire(0, 0, found.name)
        row, column = position(tile)
        return Wire(column + found.columns, row + found.rows, found.name)

    def driver(self, wire: Wire) -> Wire | None:
        """Return what a wire is driven by; None if that is a cell, or nothing.

        Raises
        ------
        BackspikeError
            Several cells have it as their output.
        """
        if wire in self._several:
            raise BackspikeError(f"the bitstream uses a wire {wire.name} that several cells may drive")
        found = self._drivers.get(wire)
        if found is None and (regional := _REGIONAL.match(wire.name)):
            found = self._clock_driver(wire, *regional.groups())
        return found

    def _clock_driver(self, wire: Wire, kind: str, number: str) -> Wire | None:
        """Return what drives a wire of the clock's tree: from a quadrant's middle over spines and taps to a tile."""
        row, column = wire.row, wire.column
        if kind == "G_HPBX":
            for name, tap in self._globals["taps"].items():
                for side in "LR":
                    if tap[f"{side.lower()}x0"] <= column <= tap[f"{side.lower()}x1"]:
                        return Wire(int(name[1:]), row, f"{side}_HPBX{number}00")
        quadrant = next(
            name
            for name, area in self._globals["quadrants"].items()
            if area["x0"] <= column <= area["x1"] and area["y0"] <= row <= area["y1"]
        )
        if kind == "G_VPTX":
            spine = self._globals["spines"][f"{quadrant}{column}"]
            return Wire(spine["x"], spine["y"], wire.name)
        if kind == "G_HPRX":
            return Wire(0, 0, f"G_{quadrant}PCLK{int(number)}")
        return None

    def tiles_with(self, setting: str, at: Wire | None = None, height: int = 1, width: int = 1) -> list[str]:
        """Return the tiles that have a setting: all, or those of some rows and columns from a wire on."""
        if at is None:
            tiles: Iterable[str] = self._types
        else:
            places = [(at.row + row, at.column + column) for row in range(height) for column in range(width)]
            tiles = (tile for place in places for tile in self._tiles_at.get(place, ()))
        return [tile for tile in tiles if setting in self._types[tile].enums or setting in self._types[tile].words]

    def sinks(self, name: str) -> Iterator[tuple[Wire, Wire]]:
        """Give the wires of a name that another drives in any case, each after the place of the tile that says so."""
        for tile, tile_type in self._types.items():
            for sink, _ in tile_type.fixed:
                if sink.endswith(name) and (wire := self.wire(tile, sink)).name == name:
                    row, column = position(tile)
                    yield Wire(column, row, ""), wire

    def option(self, name: str, at: Wire | None = None, height: int = 1, width: int = 1, beside: str = "") -> str:
        """Return what a setting is set to, whose bits are in all the tiles that `tiles_with` gives, together.

        The empty string if there is no such setting, or no option that is known. Bits that it shares with a setting
        `beside` it do not count.
        """
        parts = [(tile, self._types[tile].enums.get(name, {})) for tile in self.tiles_with(name, at, height, width)]
        found, most = "", -1
        for option in dict.fromkeys(option for _, options in parts for option in options):
            bits = [
                (tile, bit)
                for tile, options in parts
                for bit in options.get(option, ())
                if not any(bit.lstrip("!") in others for others in self._types[tile].enums.get(beside, {}).values())
            ]
            if len(bits) > most and all(self._holds(tile, bit) for tile, bit in bits):
                found, most = option, len(bits)
        return found

    def word(self, name: str, at: Wire, height: int = 1, width: int = 1) -> int:
        """Return a word, whose bits are in all the tiles that `tiles_with` gives, together."""
        value = 0
        for tile in self.tiles_with(name, at, height, width):
            for index, bits in enumerate(self._types[tile].words[name]):
                value |= any(self._holds(tile, bit) for bit in bits) << index
        return value

    def _holds(self, tile: str, bit: str) -> bool:
        return (bit.lstrip("!") in self._bits[tile]) != bit.startswith("!")
