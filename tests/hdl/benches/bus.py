"""What the benches of both buses share: what a network on a bus has to do, whoever drives the bus.

The masters are not ours: they come with cocotbext-axi and cocotbext-wishbone. Runs inside the simulator.
"""

from __future__ import annotations

import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from backspike.bus import sample_words
from backspike.config import NetworkConfig
from backspike.model import Sample
from backspike.registers import RegisterMap, bus_registers, window_weights, window_words
from backspike.sim.runner import parameters, save_results
from backspike.sim.streams import CLOCK_PERIOD

LIMIT = 100_000
OKAY, SLVERR, DECERR = "okay", "slverr", "decerr"


def pauses(random: Random, share: float) -> Iterator[bool]:
    """Give, clock by clock, whether a channel pauses: in phases, so that others come to be far ahead of it."""
    while True:
        share_now = random.choice([0.0, share, 0.95])
        yield from (random.random() < share_now for _ in range(random.randint(1, 30)))


class BusHost(ABC):
    """A host on some bus, and what it does there with a network.

    Parameters
    ----------
    dut : handle
    job : dict
        What the test gives: ``config``, ``values``, ``labels``, ``learn``, ``rates``, ``weights_l``, ``stalls``.
    """

    clock: str
    reset: str
    reset_level: int

    def __init__(self, dut: Any, job: dict[str, Any]) -> None:
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.dut, self.job = dut, job
        self.config = NetworkConfig.from_dict(job["config"])
        self.registers = RegisterMap(self.config)
        self.random = Random(str(job["seed"]))
        self.samples = [
            Sample(values, int(label), bool(learn))
            for values, label, learn in zip(job["values"], job["labels"], job["learn"], strict=True)
        ]

    # -- what a bus has to offer ------------------------------------------------------------------------------

    @abstractmethod
    async def access(self, address: int, data: int | None = None, strobe: int = 0xF) -> tuple[str, int]:
        """Read, or write `data`, in one access, and return how it ended and what was read."""

    @abstractmethod
    async def send(self, words: Sequence[int]) -> None:
        """Send words of samples; return when they are taken, or on their way."""

    @abstractmethod
    async def results(self, count: int) -> list[list[int]]:
        """Return the words of so many results."""

    # -- what is the same on each -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the clock, and reset."""
        clock, reset = getattr(self.dut, self.clock), getattr(self.dut, self.reset)
        reset.value = self.reset_level
        Clock(clock, CLOCK_PERIOD, unit="ns", impl="gpi").start(start_high=False)
        for _ in range(3):
            await RisingEdge(clock)
        reset.value = 1 - self.reset_level
        await RisingEdge(clock)
        cocotb.start_soon(self._end())

    async def _end(self) -> None:
        await Timer(LIMIT * CLOCK_PERIOD, unit="ns")
        raise AssertionError(f"the bench has not ended in {LIMIT} cycles")

    async def clocks(self, number: int) -> None:
        """Wait."""
        await Timer(number * CLOCK_PERIOD, unit="ns")

    def offset(self, name: str) -> int:
        """Return a register's offset in bytes."""
        register = self.registers.registers.get(name) or bus_registers(streams=True)[name]
        return 4 * register.address

    async def read(self, name: str) -> int:
        """Return a register's value."""
        ended, value = await self.access(self.offset(name))
        assert ended == OKAY, f"{name} was not read: {ended}"
        return value

    async def write(self, name: str, value: int) -> None:
        """Write a register."""
        ended, _ = await self.access(self.offset(name), value & 0xFFFF_FFFF)
        assert ended == OKAY, f"{name} was not written: {ended}"

    async def status(self) -> dict[str, int]:
        """Return the fields of BUS_STATUS."""
        value = await self.read("BUS_STATUS")
        fields = bus_registers(streams=True)["BUS_STATUS"].fields
        return {field.name: (value & field.mask) >> field.offset for field in fields}

    async def open_window(self, number: int) -> None:
        """Put the window on a layer's first weight."""
        for name, value in self.registers.window(self.config.weight_layer(number)).items():
            await self.write(name, value)

    async def load_weights(self) -> None:
        """Load the weights that the job has."""
        for layer in self.config.weight_layers:
            await self.open_window(layer.number)
            for word in window_words(layer, self.job[f"weights_{layer.number}"]).tolist():
                await self.write("WEIGHT_DATA", word)

    async def read_weights(self, number: int) -> np.ndarray:
        """Return the weights of a layer, shape (inputs + 1, units)."""
        layer = self.config.weight_layer(number)
        await self.open_window(number)
        words = [await self.read("WEIGHT_DATA") for _ in range(layer.rows * layer.row_lanes)]
        return window_weights(layer, np.array(words, dtype=np.uint32))

    async def learn(self) -> dict[str, Any]:
        """Load, train on all samples, and return results, weights and counters."""
        await self.load_weights()
        taken: list[list[int]] = []
        rates = list(self.config.rates)
        for number, sample in enumerate(self.samples):
            wanted = self.job["rates"][number].tolist()
            if wanted != rates:
                # Rates hold for the samples that begin after them.
                taken += await self.results(number - len(taken))
                for name, value in self.registers.rates(wanted).items():
                    await self.write(name, value)
                rates = wanted
            await self.send(sample_words(self.config, sample).tolist())
            # As many as there are places for are on their way at a time.
            if number - len(taken) >= 2:
                taken += await self.results(1)
            # What does not wait is answered meanwhile.
            assert await self.read("CONFIG_HASH") == int(self.config.hash[:8], 16)
        taken += await self.results(len(self.samples) - len(taken))
        weights = {
            f"weights_{layer.number}": await self.read_weights(layer.number) for layer in self.config.weight_layers
        }
        counters = {name: await self.read(name) for name in self.registers.counters}
        status = await self.status()
        assert (status["RESULTS"], status["SAMPLES"], status["BEGUN"]) == (0, 0, 0), status
        return {"results": np.array(taken), "counters": counters, **weights}

    async def hand_over_what_is_learned(self) -> None:
        """Do so, and let the test have it."""
        save_results(**await self.learn())

    async def refuse(self) -> None:
        """Accesses that are no whole, aligned word of a register are refused, and change nothing."""
        last = 4 * (len(self.registers.registers) - 1)
        rate, window = self.offset("RATE_1"), self.offset("WEIGHT_LANE")
        before = await self.read("RATE_1")
        await self.open_window(1)
        for low in (1, 2, 3) if self.of_bytes else ():
            assert await self.access(rate + low) == (SLVERR, 0)
            assert await self.access(rate + low, 7) == (SLVERR, 0)
            # An address that is not a word's is not looked up.
            assert await self.access(0xFFC + low) == (SLVERR, 0)
        unknown = self.unknown([last + 4, 0x400, 0x7FC, 0x810, 0xFFC])
        for address in unknown:
            for data in (None, 5):
                ended, value = await self.access(address, data)
                assert (ended, value) == (self.no_register, 0), f"{address:#x}: {ended}"
        for strobe in range(1, 15):
            assert await self.access(rate, 0x5A5A_5A5A, strobe) == (SLVERR, 0), strobe
            assert (await self.access(self.offset("WEIGHT_DATA"), 1, strobe))[0] == SLVERR
        # No byte at all is a write that has nothing to do.
        assert (await self.access(rate, 0x5A5A_5A5A, 0))[0] == OKAY
        assert (await self.access(self.offset("BUS_CONTROL"), 1, 0))[0] == OKAY
        assert await self.read("RATE_1") == before
        assert (await self.access(window))[1] == 0, "a refused access has moved the window"
        for name in ("CONTROL", "BUS_CONTROL"):
            assert await self.read(name) == 0
        # What can only be read stays.
        for name in ("IDENTITY", "BUS_STATUS"):
            value = await self.read(name)
            await self.write(name, 0xFFFF_FFFF)
            assert await self.read(name) == value

    async def unfinished(self) -> None:
        """Send a part of a sample of recorded spikes: what would wait for the rest is refused until it is there."""
        words = sample_words(self.config, self.samples[0]).tolist()
        await self.send(words[:4])
        while not (await self.status())["BEGUN"]:
            await self.clocks(20)
        rate, weight = self.offset("RATE_1"), self.offset("WEIGHT_DATA")
        for address, data in ((rate, 9), (weight, None), (weight, 1), (self.offset("CONTROL"), 3), (0, 1)):
            assert (await self.access(address, data))[0] == SLVERR
        # Nothing was changed, and what does not wait is answered.
        assert await self.read("RATE_1") == self.config.rates[0]
        for name in self.registers.registers:
            if name != "WEIGHT_DATA":
                await self.read(name)
        await self.send(words[4:])
        assert len(await self.results(1)) == 1
        await self.write("RATE_1", 9)
        assert await self.read("RATE_1") == 9
        # Who cannot send the rest resets the network.
        await self.send(words[:4])
        while not (await self.status())["BEGUN"]:
            await self.clocks(20)
        assert (await self.access(rate, 1))[0] == SLVERR
        await self.write("BUS_CONTROL", 1)
        await self.write("RATE_1", 7)
        assert await self.read("RATE_1") == 7
        await self.send(words)
        assert len(await self.results(1)) == 1
        assert await self.read("SAMPLES") == 1

    no_register = DECERR
    of_bytes = True
    """Whether the lowest bits of an address say which byte is meant."""

    def unknown(self, addresses: list[int]) -> list[int]:
        """Return those of some addresses that are no register on this bus."""
        return addresses


def pick_job() -> dict[str, Any]:
    """Return what the test gave the bench."""
    return parameters()


def random_pauses(random: Random, share: float) -> Iterator[bool]:
    """Give pauses, or none at all."""
    return pauses(random, share) if share else itertools.repeat(False)
