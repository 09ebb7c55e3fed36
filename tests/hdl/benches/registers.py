"""Bench of `backspike.hdl.registers.RegisterFile` against what its docstring and the register map say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backspike.config import NetworkConfig
from backspike.model.seeding import seeding_start
from backspike.registers import IDENTITY, SEMANTICS_VERSION, WINDOW, RegisterKind, RegisterMap

from .bench import Bench

ACCESSES = 400


class RegisterModel:
    """What the registers hold, and what an access answers.

    Parameters
    ----------
    config : NetworkConfig
    counters : list of int
        Values of the counters, in the order of the register file's port.
    """

    def __init__(self, config: NetworkConfig, counters: list[int]) -> None:
        self.config = config
        self.registers = RegisterMap(config)
        self.names = {entry.address: name for name, entry in self.registers.registers.items()}
        kinds = list(self.registers.counters)
        start = seeding_start(config.seed, config.lfsr_bits)
        self.values = {
            "IDENTITY": IDENTITY,
            "SEMANTICS": SEMANTICS_VERSION,
            "CONFIG_HASH": int(config.hash[:8], 16),
            "CONTROL": 0,
            "SEED_LOW": start & 0xFFFF_FFFF,
            "SEED_HIGH": start >> 32,
            **dict.fromkeys(WINDOW, 0),
            **dict(zip(kinds, counters, strict=True)),
            **{f"RATE_{layer.number}": layer.rate for layer in config.weight_layers},
        }
        self.weights: dict[tuple[int, ...], int] = {}

    def in_window(self) -> bool:
        """Whether the window is on a weight that exists."""
        number, row, word, lane = (self.values[name] for name in WINDOW)
        if not 1 <= number <= self.config.depth:
            return False
        layer = self.config.weight_layer(number)
        return row < layer.rows and word < layer.fold and lane < layer.lanes

    def access(self, address: int, write: bool, value: int, status: int) -> int:
        """Do an access, and return its answer: the value before it."""
        name = self.names.get(address)
        if name is None:
            return 0
        if name == "WEIGHT_DATA":
            return self._weight(write, value)
        if name == "STATUS":
            return status
        before = self.values[name]
        if write:
            # As docs/hardware.md has them.
            limits = {RegisterKind.WINDOW: 65_535, RegisterKind.RATE: 256, RegisterKind.SEED: 2**32 - 1}
            kind = self.registers[name].kind
            if kind in limits:
                self.values[name] = min(value, limits[kind])
        return before

    def _weight(self, write: bool, value: int) -> int:
        """Read or write a weight, and move on by a lane."""
        if not self.in_window():
            return 0
        config = self.config
        place = tuple(self.values[name] for name in WINDOW)
        number, row, word, lane = place
        layer = config.weight_layer(number)
        before = self.weights.get(place, 0)
        if write:
            bits = config.weight_bits
            self.weights[place] = ((value & ((1 << bits) - 1)) ^ (1 << (bits - 1))) - (1 << (bits - 1))
        lane += 1
        if lane == layer.lanes:
            lane, word = 0, word + 1
            if word == layer.fold:
                word, row = 0, row + 1
        self.values |= dict(zip(WINDOW, (number, row, word, lane), strict=True))
        return before & 0xFFFF_FFFF


class RegisterFileBench(Bench):
    """The job has ``config`` and ``stalls``. The bench plays the network: quiet or not, and its weights."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = config = NetworkConfig.from_dict(self.job["config"])
        self.requests = self.driver("requests", self.job["stalls"])
        self.responses = self.monitor("responses", self.job["stalls"])
        counters = [self.random.getrandbits(32) for _ in RegisterMap(config).counters]
        self.model = RegisterModel(config, counters)
        self.counters = counters
        self.weights: dict[tuple[int, ...], int] = {}
        self.strobes: list[str] = []

    async def run(self) -> None:
        """Do all accesses, one after the other, and compare answers and outputs."""
        self.start(self._weigh())
        self.start(self._watch())
        self.start(self._show())
        for number, (address, write, value) in enumerate(self._accesses()):
            await self._access(number, address, write, value)
        await self.responses.finish()

    def _accesses(self) -> Iterator[tuple[int, bool, int]]:
        """Give accesses: every address read and written, weights row after row, and any others."""
        config, registers = self.config, RegisterMap(self.config)
        addresses = range(1 << self.unit.ports["requests__payload"]["fields"]["address"]["width"])
        control = registers["CONTROL"].address
        for address in addresses:
            yield address, False, 0
            yield address, True, self.random.getrandbits(32)
        # From before a word's, a row's and the layer's end on.
        for layer in config.weight_layers:
            place = (layer.number, layer.inputs - 1, layer.fold - 1, layer.lanes - 1)
            for write in (True, False):
                for name, value in zip(WINDOW, place, strict=True):
                    yield registers[name].address, True, value
                for _ in range(layer.row_lanes + 4):
                    yield registers["WEIGHT_DATA"].address, write, self.random.getrandbits(32)
                for name in WINDOW:
                    yield registers[name].address, False, 0
            # One step beyond, in one direction at a time; a layer that there is not, next to the last and to the first,
            # and with the same lowest bits.
            beyond = [("WEIGHT_ROW", place[1] + 2), ("WEIGHT_WORD", place[2] + 1), ("WEIGHT_LANE", place[3] + 1)]
            beyond += [("WEIGHT_LAYER", other) for other in (0, config.depth + 1, layer.number | 0x100, 0xFFFF)]
            for outside, other in beyond:
                for name, value in zip(WINDOW, place, strict=True):
                    yield registers[name].address, True, other if name == outside else value
                yield registers["WEIGHT_DATA"].address, True, self.random.getrandbits(32)
                yield registers["WEIGHT_DATA"].address, False, 0
        for _ in range(ACCESSES):
            address = self.random.choice([*addresses, control, registers["WEIGHT_DATA"].address])
            name = self.model.names.get(address, "")
            words = max(layer.fold for layer in config.weight_layers)
            most = {"WEIGHT_LAYER": config.depth, "WEIGHT_ROW": max(config.layers), "WEIGHT_WORD": words}
            near = self.random.randint(0, most.get(name, 300) + 1)
            yield address, self.one_in(2), self.random.choice([near, near, 0xFFFF_FFFF, self.random.getrandbits(32)])

    async def _access(self, number: int, address: int, write: bool, value: int) -> None:
        unit, model = self.unit, self.model
        name = model.names.get(address, "no register")
        where = f"access {number}: {'write' if write else 'read'} {name} ({address}), {value:#x}"
        waits, shown = write or name == "WEIGHT_DATA", name in RegisterMap(self.config).counters
        busy, seeding = self.random.randrange(2), self.random.randrange(2)
        unit.put(quiet=int(not busy), showing=busy, seeding=seeding)
        self.strobes = []
        in_window = model.in_window()
        expected = model.access(address, write, value, busy | seeding << 1)
        await self.requests.send({"address": address, "write": int(write), "data": value})
        taken = self.now()
        if busy and waits:
            for _ in range(self.random.randint(2, 12)):
                await unit.edge
                assert unit.get("hold") == 1, f"{where}: the next sample is not kept waiting"
                assert unit.get("responses__valid") == 0, f"{where}: answered while a sample was being shown"
                assert unit.get("weight__valid") == 0, f"{where}: weight asked for while a sample was being shown"
            assert self.strobes == [], f"{where}: {self.strobes} while a sample was being shown"
            unit.put(quiet=1)
        got = await self.responses.receive(patience=200)
        assert got == expected, f"{where}: expected {expected:#x}, got {got:#x}"
        if not self.job["stalls"] and not waits and not shown:
            assert self.now() == taken + 2, f"{where}: answered {self.now() - taken} cycles after it was taken, not 2"
        await unit.edge
        assert unit.get("hold") == 0, f"{where}: hold stays"
        strobes = [strobe for bit, strobe in enumerate(("clear_counters", "reseed")) if value >> bit & 1]
        if not (write and name == "CONTROL"):
            strobes = []
        assert self.strobes == strobes, f"{where}: expected strobes {strobes}, got {self.strobes}"
        self._compare(where, in_window)

    def _compare(self, where: str, in_window: bool) -> None:
        """Compare what goes out to the network."""
        values, config = self.model.values, self.config
        rates = self.unit.get("rates")
        expected = [values[f"RATE_{layer}"] for layer in range(1, config.depth + 1)]
        assert rates == expected, f"{where}: expected rates {expected}, got {rates}"
        seed = (values["SEED_HIGH"] << 32 | values["SEED_LOW"]) & ((1 << config.lfsr_bits) - 1)
        assert self.unit.get("seed") == seed, f"{where}: expected seed {seed:#x}, got {self.unit.get('seed'):#x}"
        assert self.weights == self.model.weights, f"{where}, {'in' if in_window else 'out of'} window: wrong weights"

    async def _weigh(self) -> None:
        """Play the weights: ``done`` four cycles after an access, with the old weight."""
        unit = self.unit
        while True:
            await unit.edge
            if not unit.get("weight__valid"):
                continue
            place = tuple(unit.get(name) for name in ("weight_layer", "weight__row", "weight__word", "weight__lane"))
            await unit.edge
            await unit.edge
            await unit.edge
            if unit.get("weight__write"):
                before, self.weights[place] = self.weights.get(place, 0), unit.get("weight__w_data")
            else:
                before = self.weights.get(place, 0)
            unit.put(weight__done=1, weight__r_data=before)
            await unit.edge
            assert unit.get("weight__valid") == 1, "a weight's access was not held until it was done"
            unit.put(weight__done=0, weight__r_data=0)

    async def _show(self) -> None:
        """Play the counters: show each in turn for a clock, and between them wrong values that are not valid."""
        unit = self.unit
        while True:
            for kind, value in enumerate(self.counters):
                unit.put(count={"valid": 0, "kind": kind, "value": self.random.getrandbits(32)})
                await unit.edge
                unit.put(count={"valid": 1, "kind": kind, "value": value})
                await unit.edge

    async def _watch(self) -> None:
        """Note each strobe, clock by clock."""
        unit = self.unit
        while True:
            await unit.edge
            self.strobes += [name for name in ("clear_counters", "reseed") if unit.get(name)]
