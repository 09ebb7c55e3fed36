"""Bench of `backspike.hdl.registers.RegisterFile` against what its docstring and the register map say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backspike.config import NetworkConfig
from backspike.hdl.counters import event_kinds
from backspike.model.seeding import seeding_start
from backspike.registers import IDENTITY, SEMANTICS_VERSION, WINDOW, Control, RegisterKind, RegisterMap

from .bench import Bench

ACCESSES = 160
HALVES = 256
"""At most, in the memory of a configuration of the tests."""


class RegisterModel:
    """What the registers hold but for the counters, and what an access answers.

    Parameters
    ----------
    config : NetworkConfig
    """

    def __init__(self, config: NetworkConfig) -> None:
        self.config = config
        self.registers = RegisterMap(config)
        self.names = {entry.address: name for name, entry in self.registers.registers.items()}
        start = seeding_start(config.seed, config.lfsr_bits)
        self.values = {
            "IDENTITY": IDENTITY,
            "SEMANTICS": SEMANTICS_VERSION,
            "CONFIG_HASH": int(config.hash[:8], 16),
            "CONTROL": 0,
            "SEED_LOW": start & 0xFFFF_FFFF,
            "SEED_HIGH": start >> 32,
            **dict.fromkeys(WINDOW, 0),
            **{f"RATE_{layer.number}": layer.rate for layer in config.weight_layers},
        }
        self.weights: dict[tuple[int, ...], int] = {}

    @property
    def seed(self) -> list[int]:
        """The bytes that the seeding register is given."""
        whole = self.values["SEED_HIGH"] << 32 | self.values["SEED_LOW"]
        return [whole >> bit & 0xFF for bit in range(0, self.config.lfsr_bits, 8)]

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
    """The job has ``config``, ``stalls``, and ``carries``: events come until a counter carries out of its lower half.

    The bench plays the network: quiet or not, its weights, and its events.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = config = NetworkConfig.from_dict(self.job["config"])
        self.requests = self.driver("requests", self.job["stalls"])
        self.responses = self.monitor("responses", self.job["stalls"])
        self.model = RegisterModel(config)
        self.kinds = event_kinds(config)
        self.happening = self.flooded = self.unheld = False
        self.renewed = 0
        self.counted = dict.fromkeys(self.kinds, 0)
        self.weights: dict[tuple[int, ...], int] = {}
        self.loaded: list[int] = []

    async def run(self) -> None:
        """Do all accesses, one after the other, and compare answers and outputs; then all counters."""
        self.start(self._weigh())
        self.start(self._watch())
        await self._renewed("after the reset", seeds=True, counters=True)
        self.happening = True
        self.start(self._happen())
        for number, (address, write, value) in enumerate(self._accesses()):
            await self._access(number, address, write, value)
        if self.job["carries"]:
            self.flooded = True
            while max(self.counted.values()) < 0x1_0100:
                await self.clocks(20)
        self.happening = False
        await self.unit.edge
        for name in self.kinds:
            await self._access(-1, self.model.registers[name].address, False, 0)
        await self.responses.finish()

    async def _renewed(self, where: str, seeds: bool, counters: bool) -> None:
        """Wait until samples may start: the LFSRs have been seeded, or not; and counters cleared, or not."""
        for _ in range(2 * HALVES + 2 * self.config.lfsr_bits // 8 + 8):
            await self.unit.edge
            assert self.unit.get("requests__ready") == 0 or self.unit.get("hold") == 0, f"{where}: a request is taken"
            if not self.unit.get("hold"):
                break
        assert self.unit.get("hold") == 0, f"{where}: hold stays"
        expected = self.model.seed if seeds else []
        assert self.loaded == expected, f"{where}: the seeder got {self.loaded}, expected {expected}"
        if counters:
            # A byte every other cycle has come after the counters.
            self.renewed = self.now() - 2 * len(expected)
        self.loaded = []

    def _accesses(self) -> Iterator[tuple[int, bool, int]]:
        """Give accesses: every address read and written, weights row after row, and any others."""
        config, registers = self.config, RegisterMap(self.config)
        addresses = range(1 << self.unit.ports["requests__payload"]["fields"]["address"]["width"])
        control = registers["CONTROL"].address
        for address in addresses:
            yield address, False, 0
            yield address, True, self.random.getrandbits(32)
        # Around the largest values.
        for name, largest in (("WEIGHT_ROW", 65_535), ("RATE_1", 256)):
            for value in (largest - 1, largest, largest + 1):
                yield registers[name].address, True, value
            yield registers[name].address, False, 0
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
        waits = write or name == "WEIGHT_DATA"
        busy, seeding = self.random.randrange(2), self.random.randrange(2)
        unit.put(quiet=int(not busy), showing=busy, seeding=seeding)
        in_window = model.in_window()
        controls = value if write and name == "CONTROL" else 0
        clears, seeds = (bool(controls >> bit & 1) for bit in (Control.CLEAR_COUNTERS, Control.SEED_LFSRS))
        if clears:
            self.happening = False
        before = dict(self.counted)
        sending = self.start(self.requests.send({"address": address, "write": int(write), "data": value}))
        if busy and waits:
            await self.until("requests__valid")
            await self.clocks(2)
            for _ in range(self.random.randint(2, 12)):
                await unit.edge
                assert unit.get("hold") == 1, f"{where}: the next sample is not kept waiting"
                assert unit.get("responses__valid") == 0, f"{where}: answered while a sample was being shown"
                assert unit.get("weight__valid") == 0, f"{where}: weight asked for while a sample was being shown"
            unit.put(quiet=1)
        begun = self.now()
        self.unheld = not waits
        await sending
        taken = self.now()
        self.unheld = False
        got = await self.responses.receive(patience=200)
        assert self.loaded == [], f"{where}: the LFSRs are seeded while it is answered"
        if not self.job["stalls"]:
            assert self.now() == taken + 1, f"{where}: answered {self.now() - taken} cycles after it was taken, not 1"
            most = 4 * len(self.kinds) + 6 if name in self.kinds else 32 if name == "WEIGHT_DATA" else 6
            assert taken - begun <= most, f"{where}: taken after {taken - begun} cycles, not within {most}"
        if name in self.kinds:
            # Turns of four cycles, from the first counter on; the upper half comes in the third.
            turns = 4 * len(self.kinds)
            turn = (taken - self.renewed) % turns
            due = 4 * list(self.kinds).index(name) + 2
            assert turn == due, f"{where}: taken in cycle {turn} of {turns} of the counters, not {due}"
            least, last = before[name], self.counted[name]
            assert least <= got <= last, f"{where}: expected {least} to {last}, got {got}"
        else:
            expected = model.access(address, write, value, busy | seeding << 1)
            assert got == expected, f"{where}: expected {expected:#x}, got {got:#x}"
        if clears or seeds:
            await self._renewed(where, seeds, clears)
            if clears:
                self.counted = dict.fromkeys(self.kinds, 0)
            self.happening = True
        else:
            await unit.edge
            assert unit.get("hold") == 0, f"{where}: hold stays"
        self._compare(where, in_window)

    def _compare(self, where: str, in_window: bool) -> None:
        """Compare what goes out to the network."""
        values, config = self.model.values, self.config
        rates = self.unit.get("rates")
        expected = [values[f"RATE_{layer}"] for layer in range(1, config.depth + 1)]
        assert rates == expected, f"{where}: expected rates {expected}, got {rates}"
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

    async def _happen(self) -> None:
        """Let things happen, as many at a time and as often as there can be, or fewer; and count them."""
        unit = self.unit
        passed = {name: kind.spacing for name, kind in self.kinds.items()}
        while True:
            events = dict.fromkeys(self.kinds, 0)
            full = self.flooded or not self.one_in(4)
            for name, kind in self.kinds.items():
                passed[name] += 1
                if self.happening and passed[name] >= kind.spacing:
                    events[name] = kind.most if full else self.random.randint(0, kind.most)
                    passed[name] = 0 if events[name] else passed[name]
            unit.put(events=events)
            await unit.edge
            for name, number in events.items():
                self.counted[name] += number

    async def _watch(self) -> None:
        """Note each byte for the seeding register, clock by clock."""
        unit = self.unit
        while True:
            await unit.edge
            assert not (self.unheld and unit.get("hold")), "an access that need not wait keeps the next sample waiting"
            if unit.get("load"):
                self.loaded.append(unit.get("byte"))
