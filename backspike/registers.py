"""The register map of a network: what host, hardware and documentation agree on."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .config import NetworkConfig
from .layers import WeightLayer
from .model.seeding import seeding_start

__all__ = [
    "BUS_CLASSES",
    "BUS_PLACES",
    "BUS_REGISTERS",
    "IDENTITY",
    "SEMANTICS_VERSION",
    "WINDOW",
    "Access",
    "BusControl",
    "Control",
    "Field",
    "Register",
    "RegisterKind",
    "RegisterMap",
    "bus_registers",
    "window_checksum",
    "window_weights",
    "window_words",
]

IDENTITY = 0x424B_5350
"""ASCII "BKSP": what register IDENTITY reads."""

SEMANTICS_VERSION = 2
"""Version of `docs/semantics.md` that model and hardware follow."""

WINDOW = ("WEIGHT_LAYER", "WEIGHT_ROW", "WEIGHT_WORD", "WEIGHT_LANE")
"""The registers that say which weight WEIGHT_DATA is, in the order in which a host sets them."""


class Control(IntEnum):
    """Bits of register CONTROL, by number."""

    CLEAR_COUNTERS = 0
    SEED_LFSRS = 1


class BusControl(IntEnum):
    """Bits of register BUS_CONTROL, by number."""

    RESET = 0


class Access(Enum):
    """What an access to a register is good for; others do nothing, and read zero."""

    READ = "read"
    WRITE = "write"
    BOTH = "both"


class RegisterKind(Enum):
    """What a register is for."""

    CONSTANT = "constant"
    STATUS = "status"
    CONTROL = "control"
    SEED = "seed"
    WINDOW = "window"
    WEIGHT = "weight"
    COUNTER = "counter"
    RATE = "rate"
    SAMPLE = "sample"
    RESULT = "result"


_READ_ONLY = (RegisterKind.CONSTANT, RegisterKind.STATUS, RegisterKind.COUNTER)
_WRITE_ONLY = (RegisterKind.CONTROL, RegisterKind.SAMPLE)
_LARGEST = {RegisterKind.WINDOW: 0xFFFF, RegisterKind.RATE: 256}


@dataclass(frozen=True)
class Field:
    """Some bits of a register.

    Parameters
    ----------
    name : str
    offset, width : int
        Number of the lowest bit, and how many bits.
    meaning : str
    """

    name: str
    offset: int
    width: int
    meaning: str

    def __post_init__(self) -> None:
        # A number out of an enumeration shows itself by its name up to Python 3.10.
        object.__setattr__(self, "offset", int(self.offset))

    @property
    def mask(self) -> int:
        """The register's value with all bits of this field set, and no other."""
        return ((1 << self.width) - 1) << self.offset


@dataclass(frozen=True)
class Register:
    """One 32-bit register.

    Parameters
    ----------
    name : str
    address : int
        Of a word of 32 bits.
    kind : RegisterKind
    meaning : str
    fields : tuple of Field
        From bit 0 up; none where the register is one number.
    """

    name: str
    address: int
    kind: RegisterKind
    meaning: str
    fields: tuple[Field, ...] = ()

    @property
    def writable(self) -> bool:
        """Whether a write has an effect."""
        return self.kind not in _READ_ONLY

    @property
    def access(self) -> Access:
        """What an access is good for."""
        if self.kind in _READ_ONLY:
            return Access.READ
        return Access.WRITE if self.kind in _WRITE_ONLY else Access.BOTH

    @property
    def largest(self) -> int:
        """Largest value that it holds: what a write of a larger one leaves."""
        return _LARGEST.get(self.kind, 0xFFFF_FFFF)

    def to_dict(self) -> dict[str, str | int | bool | dict[str, dict[str, str | int]]]:
        """Return all but the name, as JSON has it."""
        fields: dict[str, dict[str, str | int]] = {
            field.name: {"offset": field.offset, "width": field.width, "meaning": field.meaning}
            for field in self.fields
        }
        return {
            "address": self.address,
            "kind": self.kind.value,
            "writable": self.writable,
            "largest": self.largest,
            "meaning": self.meaning,
            **({"fields": fields} if fields else {}),
        }


_FIELDS = {
    "STATUS": (
        Field("SHOWING", 0, 1, "a sample is being shown"),
        Field("SEEDING", 1, 1, "the LFSRs are being seeded"),
    ),
    "CONTROL": (
        Field("CLEAR_COUNTERS", Control.CLEAR_COUNTERS, 1, "clear the counters"),
        Field("SEED_LFSRS", Control.SEED_LFSRS, 1, "seed all LFSRs from SEED_LOW and SEED_HIGH"),
    ),
}


class RegisterMap:
    """Registers of a configuration, by name."""

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config

    @cached_property
    def registers(self) -> dict[str, Register]:
        """All registers, in the order of their addresses."""
        layers = [layer.number for layer in self._config.weight_layers]
        kind = RegisterKind
        entries = [
            ("IDENTITY", kind.CONSTANT, 'ASCII "BKSP"'),
            ("SEMANTICS", kind.CONSTANT, "version of the semantics"),
            ("CONFIG_HASH", kind.CONSTANT, "first 32 bits of the configuration's SHA-256"),
            ("STATUS", kind.STATUS, "bit 0: a sample is being shown; bit 1: the LFSRs are being seeded"),
            ("CONTROL", kind.CONTROL, "write bit 0: clear the counters; bit 1: seed all LFSRs from SEED"),
            ("SEED_LOW", kind.SEED, "start of the seeding register, bits 31..0; taken at the next seeding"),
            ("SEED_HIGH", kind.SEED, "the same, bits 63..32"),
            ("WEIGHT_LAYER", kind.WINDOW, "weight layer of the weight window, 1 .. L"),
            ("WEIGHT_ROW", kind.WINDOW, "row of the window: input unit, or their number for the bias row"),
            ("WEIGHT_WORD", kind.WINDOW, "word of the row: unit divided by the layer's lanes"),
            ("WEIGHT_LANE", kind.WINDOW, "lane of the word: unit modulo the layer's lanes"),
            ("WEIGHT_DATA", kind.WEIGHT, "the weight there, in LSB, sign-extended; each access moves on by a lane"),
            ("SAMPLES", kind.COUNTER, "samples shown"),
            ("TICKS", kind.COUNTER, "ticks"),
            ("CLOCKS", kind.COUNTER, "clocks in which a sample was being shown"),
            ("ERROR_TICKS", kind.COUNTER, "ticks in which a layer carried error spikes"),
            *((f"STALLS_{cause}", kind.COUNTER, meaning) for cause, meaning in _STALLS.items()),
            *((f"ROWS_{layer}", kind.COUNTER, f"rows of layer {layer} visited") for layer in layers),
            *((f"WRITES_{layer}", kind.COUNTER, f"rows of layer {layer} written back") for layer in layers),
            *((f"RATE_{layer}", kind.RATE, f"learning rate of layer {layer} in 1/256, 0 to 256") for layer in layers),
        ]
        return {
            name: Register(name, address, kind, meaning, _FIELDS.get(name, ()))
            for address, (name, kind, meaning) in enumerate(entries)
        }

    def __getitem__(self, name: str) -> Register:
        return self.registers[name]

    def of_kind(self, kind: RegisterKind) -> dict[str, Register]:
        """Return the registers of a kind, in the order of their addresses."""
        return {name: register for name, register in self.registers.items() if register.kind is kind}

    @cached_property
    def counters(self) -> dict[str, Register]:
        """All counters, in the order of their addresses."""
        return self.of_kind(RegisterKind.COUNTER)

    @property
    def initial(self) -> dict[str, int]:
        """What the registers hold after a reset; those that are left out are 0, or not known."""
        start = seeding_start(self._config.seed, self._config.lfsr_bits)
        return {
            "IDENTITY": IDENTITY,
            "SEMANTICS": SEMANTICS_VERSION,
            "CONFIG_HASH": int(self._config.hash[:8], 16),
            "SEED_LOW": start & 0xFFFF_FFFF,
            "SEED_HIGH": start >> 32,
            **self.rates(self._config.rates),
        }

    @property
    def stalls(self) -> dict[str, str]:
        """Names of the counters of stalls, by their cause."""
        return {cause.lower(): f"STALLS_{cause}" for cause in _STALLS}

    @property
    def rows(self) -> list[str]:
        """Names of the counters of rows visited, of each layer."""
        return [f"ROWS_{layer.number}" for layer in self._config.weight_layers]

    # -- what a host writes -----------------------------------------------------------------------------------

    def seeding(self, seed: int) -> dict[str, int]:
        """Return the writes, in their order, that seed all LFSRs anew."""
        start = seeding_start(seed, self._config.lfsr_bits)
        return {"SEED_LOW": start & 0xFFFF_FFFF, "SEED_HIGH": start >> 32, "CONTROL": 1 << Control.SEED_LFSRS}

    def clearing(self) -> dict[str, int]:
        """Return the write that sets all counters to zero."""
        return {"CONTROL": 1 << Control.CLEAR_COUNTERS}

    def rates(self, rates: Sequence[int]) -> dict[str, int]:
        """Return the writes that set the learning rate of each layer, in 1/256."""
        return {f"RATE_{layer}": int(rate) for layer, rate in enumerate(rates, start=1)}

    def window(self, layer: WeightLayer, row: int = 0, unit: int = 0) -> dict[str, int]:
        """Return the writes, in their order, that put the weight window on a weight of a layer."""
        return dict(zip(WINDOW, (layer.number, row, *divmod(unit, layer.lanes)), strict=True))


_STALLS = {
    "LIST": "of the clocks, those without a row read because a list of rows was not there yet",
    "PORT": "of the clocks, those without a row read because a memory wrote",
    "UNITS": "of the clocks, those without a row read because neurons or the race had to end the tick",
    "RESULT": "of the clocks, those in which a result waited for the one before it to be taken",
    "SAMPLE": "clocks, besides those, in which no sample was there to be shown",
}


# -- the registers that a bus adds (docs/bus.md) ----------------------------------------------------------------------

BUS_REGISTERS = 0x200
"""Address of the first of them: of a word, so byte 0x800 on a bus. A network's own have to be below."""

BUS_CLASSES = 0xFFFF
"""Classes that a word of a bus can name: no network has a class of this number."""

BUS_PLACES = 4
"""Places for results, and so the most samples that are in a network on a bus, or have a result that waits there."""


def bus_registers(streams: bool) -> dict[str, Register]:
    """Return the registers that a bus has besides those of `RegisterMap`, in the order of their addresses.

    Parameters
    ----------
    streams : bool
        Whether samples and results go through registers, as on Wishbone, for want of streams.
    """
    status = (
        Field("RESULTS", 0, 8, "results that wait to be taken"),
        Field("SAMPLES", 8, 8, "samples that have begun to come in, and have no result yet"),
        Field("PLACES", 16, 8, "what both come to at most: with fewer of them, one more sample is let in"),
        Field("BEGUN", 24, 1, "a sample has begun to come in, and is not whole"),
    )
    control = (Field("RESET", BusControl.RESET, 1, "reset the network: all but weights, and results that wait"),)
    sample = (
        Field("NUMBER", 0, 16, "the input of an entry, or the class that LABEL sets"),
        Field("VALUE", 16, 8, "of an entry, 1 to 255; 0: none, which an empty list has"),
        Field("LAST", 24, 1, "ends the list"),
        Field("LEARN", 25, 1, "with LABEL: samples are learned from now on"),
        Field("LABEL", 31, 1, "no entry: sets the class and LEARN of the samples that begin after it"),
    )
    result = (
        Field("CLASS", 0, 16, "the winner, then each class in turn; 65,535: no result waits"),
        Field("WINS", 16, 16, "ticks that it has won"),
    )
    kind = RegisterKind
    entries = [
        ("BUS_STATUS", kind.STATUS, "samples and results; never waits", status),
        ("BUS_CONTROL", kind.CONTROL, "the reset of the network", control),
    ]
    if streams:
        entries += [
            ("SAMPLE", kind.SAMPLE, "a word of a sample; refused when no more samples are let in", sample),
            ("RESULT", kind.RESULT, "the next word of the oldest result; a write drops the rest of it", result),
        ]
    return {
        name: Register(name, address, of, meaning, fields)
        for address, (name, of, meaning, fields) in enumerate(entries, start=BUS_REGISTERS)
    }


def window_words(layer: WeightLayer, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what a host writes to WEIGHT_DATA, one after the other, to load all weights of a layer.

    Parameters
    ----------
    layer : WeightLayer
    weights : int64 array, shape (inputs + 1, units)

    Returns
    -------
    int64 array, shape ((inputs + 1) * row_lanes,)
        Rows of whole words: lanes that are no unit hold zero.
    """
    return np.pad(weights, ((0, 0), (0, layer.row_lanes - layer.units))).ravel()


def window_weights(layer: WeightLayer, words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the weights of a layer, shape (inputs + 1, units), of all that was read from WEIGHT_DATA.

    Parameters
    ----------
    layer : WeightLayer
    words : uint32 array, shape ((inputs + 1) * row_lanes,)
        Two's complement.
    """
    weights = words.astype(np.uint32).view(np.int32).astype(np.int64)
    return weights.reshape(layer.rows, layer.row_lanes)[:, : layer.units]


def window_checksum(layer: WeightLayer, weights: NDArray[np.int64]) -> int:
    """Return the CRC-32/ISO-HDLC of what is read from WEIGHT_DATA, 4 bytes each, when a layer's weights are loaded.

    Parameters
    ----------
    layer : WeightLayer
    weights : int64 array, shape (inputs + 1, units)
    """
    return zlib.crc32(window_words(layer, weights).astype("<i4").tobytes())
