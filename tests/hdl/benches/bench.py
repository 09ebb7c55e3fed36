"""What a bench of a unit is made of, whatever simulates the unit: its ports, its clock, its streams.

A bench sees a unit as a `Unit`. `simulation` has that of Amaranth's own simulator, `verilog` that of cocotb; a bench
runs on either.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine, Iterator, Mapping
from random import Random
from typing import Any, Protocol, TypeVar

from backspike.config import NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Sample
from backspike.sim.streams import Value

__all__ = ["Bench", "Driver", "Monitor", "Task", "Unit", "pack_flags", "random_samples", "unpack_flags"]

T = TypeVar("T")


class Task(Protocol):
    """A coroutine that runs beside the bench; awaiting it gives what it returns."""

    def cancel(self) -> Any:
        """Go no further."""

    def __await__(self) -> Any:
        """Wait until it has returned."""


class Driver(Protocol):
    """Sends values into a stream: `backspike.sim.streams.StreamDriver`, or the like."""

    count: int

    async def send(self, value: Value) -> None:
        """Send a value, and return after the clock edge that transferred it; calls in a row leave no gap."""


class Monitor(Protocol):
    """Takes all values of a stream: `backspike.sim.streams.StreamMonitor`, or the like."""

    count: int

    async def receive(self, patience: int = ...) -> Value:
        """Return the next value; waiting more than ``patience`` clocks for it fails the test."""

    async def finish(self, quiet: int = ...) -> None:
        """Fail the test if there is a value that nobody received, or one comes within ``quiet`` clocks."""


class Unit(ABC):
    """One unit as a bench sees it. All its inputs are 0 at first, and keep what was put.

    Attributes
    ----------
    ports : mapping
        `backspike.hdl.verilog.describe_ports` of the unit.
    edge : awaitable
        The next rising edge of the clock. After it, an output is what it was in the cycle that the edge ended, and
        what is put comes in the cycle that it began.
    """

    ports: Mapping[str, Any]
    edge: Any

    @abstractmethod
    def put(self, **values: Value) -> None:
        """Drive inputs, from now on."""

    @abstractmethod
    def get(self, port: str) -> Any:
        """Return a port's value, a number or its fields; an undefined bit fails the test."""

    @abstractmethod
    def get_element(self, port: str, index: int) -> Any:
        """Return one element of an array; the others may be undefined."""

    @abstractmethod
    def set_reset(self, level: int) -> None:
        """Drive the reset, which all variants in a simulation share, from now on."""

    @abstractmethod
    def in_reset(self) -> bool:
        """Whether the clock that has just ended was one of reset."""

    @abstractmethod
    def now(self) -> int:
        """Return the number of the clock that has just ended."""

    @abstractmethod
    async def clocks(self, number: int) -> None:
        """Wait for a number of cycles, at least 1."""

    @abstractmethod
    async def within(self, limit: int, awaitable: Awaitable[T], failure: str) -> T:
        """Wait for something; if it takes more than ``limit`` clocks, fail the test with the sentence ``failure``."""

    @abstractmethod
    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run a coroutine beside the bench; if it fails, the test does. It ends with the test."""

    @abstractmethod
    def driver(self, stream: str, stalls: float, generator: Random) -> Driver:
        """Return a driver of a stream; it stalls with the probability ``stalls`` before each value."""

    @abstractmethod
    def monitor(self, stream: str, stalls: float, generator: Random) -> Monitor:
        """Return a monitor of a stream; it is not ready with the probability ``stalls`` in each cycle."""


class Bench(ABC):
    """A bench of one variant of a unit.

    Parameters
    ----------
    unit : Unit
    job : dict
        What the test gave this variant.
    random : Random
        Source of all that is random in the bench.
    """

    def __init__(self, unit: Unit, job: dict[str, Any], random: Random) -> None:
        self.unit, self.job, self.random = unit, job, random

    @abstractmethod
    async def run(self) -> None:
        """Check the unit; called after the first rising edge after the reset."""

    def now(self) -> int:
        """Return the number of the clock that has just ended."""
        return self.unit.now()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run a coroutine beside the bench."""
        return self.unit.start(coroutine)

    async def clocks(self, number: int) -> None:
        """Wait for a number of cycles, at least 1."""
        await self.unit.clocks(number)

    def driver(self, stream: str, stalls: float = 0) -> Driver:
        """Return a driver of a stream of the unit."""
        return self.unit.driver(stream, stalls, self.random)

    def monitor(self, stream: str, stalls: float = 0) -> Monitor:
        """Return a monitor of a stream of the unit."""
        return self.unit.monitor(stream, stalls, self.random)

    async def until(self, port: str, patience: int = 2000) -> None:
        """Wait for a clock in which an output is set; return after the edge that ends it."""
        for _ in range(patience):
            await self.unit.edge
            if self.unit.get(port):
                return
        raise AssertionError(f"{port} was not set in {patience} cycles, up to clock {self.now()}")

    def one_in(self, number: int) -> bool:
        """Draw with the probability 1 / number."""
        return self.random.randrange(number) == 0


def random_samples(config: NetworkConfig, seed: int) -> Iterator[Sample]:
    """Give samples to be learned, of all densities, without an end: those of the dataset ``random`` in turn."""
    dataset = load_dataset("random", config, seed)
    while True:
        for values, label in zip(dataset.train_values, dataset.train_labels.tolist(), strict=True):
            yield Sample(values, label, True)


def pack_flags(flags: Any) -> int:
    """Return a vector of flags as a number: flag n is bit n."""
    return sum(int(flag) << index for index, flag in enumerate(flags))


def unpack_flags(vector: int, count: int) -> list[int]:
    """Return the flags of a vector, the lowest first."""
    return [vector >> index & 1 for index in range(count)]
