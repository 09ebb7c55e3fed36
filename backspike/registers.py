"""The register map of a network: what host, hardware and documentation agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .config import NetworkConfig
from .model.lfsr import seeding_start

__all__ = ["IDENTITY", "SEMANTICS_VERSION", "Register", "RegisterMap"]

IDENTITY = 0x424B_5350
"""ASCII "BKSP": what register IDENTITY reads."""

SEMANTICS_VERSION = 2
"""Version of `docs/semantics.md` that model and hardware follow."""


@dataclass(frozen=True)
class Register:
    """One 32-bit register: its word address, whether it may be written, and what it means."""

    name: str
    address: int
    writable: bool
    meaning: str


class RegisterMap:
    """Registers of a configuration, by name."""

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config

    @cached_property
    def counters(self) -> dict[str, str]:
        """All counters, in the order of their addresses, and what each counts."""
        layers = range(1, self._config.depth + 1)
        return {
            "SAMPLES": "samples shown",
            "TICKS": "ticks",
            "CLOCKS": "clocks in which a sample was being shown",
            "ERROR_TICKS": "ticks in which a layer carried error spikes",
            "STALLS_LIST": "of the clocks, those without a row read because a list of rows was not there yet",
            "STALLS_PORT": "of the clocks, those without a row read because a memory's only port wrote",
            "STALLS_UNITS": "of the clocks, those without a row read because neurons or the race had to end the tick",
            "STALLS_RESULT": "of the clocks, those in which a result waited for the one before it to be taken",
            "STALLS_SAMPLE": "clocks, besides those, in which no sample was there to be shown",
            **{f"ROWS_{layer}": f"rows of layer {layer} visited" for layer in layers},
            **{f"WRITES_{layer}": f"rows of layer {layer} written back" for layer in layers},
        }

    @cached_property
    def registers(self) -> dict[str, Register]:
        """All registers, in the order of their addresses."""
        layers = range(1, self._config.depth + 1)
        entries = [
            ("IDENTITY", False, 'ASCII "BKSP"'),
            ("SEMANTICS", False, "version of the semantics"),
            ("CONFIG_HASH", False, "first 32 bits of the configuration's SHA-256"),
            ("STATUS", False, "bit 0: a sample is being shown; bit 1: streams are being seeded"),
            ("CONTROL", True, "write bit 0: clear the counters; bit 1: seed all streams from SEED"),
            ("SEED_LOW", True, "start of the seeding register, bits 31..0; taken at the next seeding"),
            ("SEED_HIGH", True, "the same, bits 63..32"),
            ("WEIGHT_LAYER", True, "weight layer of the weight window, 1 .. L"),
            ("WEIGHT_ROW", True, "row of the window: input unit, or their number for the bias row"),
            ("WEIGHT_WORD", True, "word of the row: unit divided by the layer's lanes"),
            ("WEIGHT_LANE", True, "lane of the word: unit modulo the layer's lanes"),
            ("WEIGHT_DATA", True, "the weight there, in LSB, sign-extended; each access moves on by a lane"),
            *((name, False, f"counter: {meaning}") for name, meaning in self.counters.items()),
            *((f"RATE_{layer}", True, f"learning rate of layer {layer} in 1/256, 0 to 256") for layer in layers),
        ]
        return {
            name: Register(name, address, writable, meaning)
            for address, (name, writable, meaning) in enumerate(entries)
        }

    def __getitem__(self, name: str) -> Register:
        return self.registers[name]

    def seeding(self, seed: int) -> dict[str, int]:
        """Return the writes, in their order, that seed all random streams anew."""
        start = seeding_start(seed, self._config.lfsr_bits)
        return {"SEED_LOW": start & 0xFFFF_FFFF, "SEED_HIGH": start >> 32, "CONTROL": 2}

    def rates(self, rates: Sequence[int]) -> dict[str, int]:
        """Return the writes that set the learning rate of each layer, in 1/256."""
        return {f"RATE_{layer}": int(rate) for layer, rate in enumerate(rates, start=1)}
