"""What the benches of units share: several variants of a unit side by side in one design, each driven by its own bench.

A build takes longer than a bench, so one build holds all variants.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from backspike.sim.patience import BENCH_CLOCKS
from backspike.sim.runner import parameters
from backspike.sim.streams import Payload, StreamDriver, StreamMonitor, Value, now, start_clock, within

__all__ = ["Bench", "Unit", "now", "pack_lanes", "run_variants", "unpack_lanes"]


class Unit:
    """One variant as if it were the top module: its ports are attributes, ``clk`` and ``rst`` those of the design.

    All its inputs are 0 at first.

    Parameters
    ----------
    dut : handle
        The design; its ports are ``<name>__<port>``.
    name : str
        The variant.
    ports : mapping
        `backspike.hdl.verilog.describe_ports` of the design.
    """

    def __init__(self, dut: Any, name: str, ports: dict[str, Any]) -> None:
        prefix = f"{name}__"
        self.clk, self.rst = dut.clk, dut.rst
        self.edge = RisingEdge(dut.clk)
        self.ports = {port.removeprefix(prefix): ports[port] for port in ports if port.startswith(prefix)}
        self._handles = {port: getattr(dut, prefix + port) for port in self.ports}
        self._layouts = {port: Payload(description) for port, description in self.ports.items()}
        for port, description in self.ports.items():
            if description["direction"] == "input":
                self._handles[port].value = 0

    def __getattr__(self, port: str) -> Any:
        try:
            return self.__dict__["_handles"][port]
        except KeyError:
            raise AttributeError(port) from None

    def put(self, **values: Value) -> None:
        """Drive inputs, from now on."""
        for port, value in values.items():
            self._handles[port].value = self._layouts[port].pack(value)

    def get(self, port: str) -> Any:
        """Return a port's value, a number or its fields; an undefined bit fails the test.

        Behind a rising edge this is the value of the clock that the edge ended.
        """
        value = self._handles[port].value
        assert value.is_resolvable, f"{port} is {value} in clock {now()}"
        return self._layouts[port].unpack(int(value))

    def get_lane(self, port: str, index: int, count: int) -> int:
        """Return one of the signed numbers that a port has side by side; the others may be undefined."""
        value = self._handles[port].value
        width = len(value) // count
        lane = value[(index + 1) * width - 1 : index * width]
        assert lane.is_resolvable, f"lane {index} of {port} is {lane} in clock {now()}"
        return int(lane.to_signed())


class Bench(ABC):
    """A bench of one variant.

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
        """Check the unit; called behind the first rising edge after the reset."""

    def driver(self, stream: str, stalls: float = 0) -> StreamDriver:
        """Return a driver of a stream of the unit."""
        return StreamDriver(self.unit, stream, self.unit.ports, stalls=stalls, generator=self.random)

    def monitor(self, stream: str, stalls: float = 0) -> StreamMonitor:
        """Return a monitor of a stream of the unit."""
        return StreamMonitor(self.unit, stream, self.unit.ports, stalls=stalls, generator=self.random)

    async def until(self, port: str, patience: int = 2000) -> None:
        """Wait for a clock in which an output is set; return behind the edge that ends it."""
        for _ in range(patience):
            await self.unit.edge
            if self.unit.get(port):
                return
        raise AssertionError(f"{port} was not set in {patience} clocks, up to clock {now()}")

    def one_in(self, number: int) -> bool:
        """Draw with the probability 1 / number."""
        return self.random.randrange(number) == 0


async def run_variants(dut: Any, bench: type[Bench]) -> None:
    """Run a bench on all variants of the design, at once.

    The design's parameters are ``seed``, ``ports``, ``jobs``, from a variant's name to what its bench gets, and
    ``limit``, most clocks that they may take, `BENCH_CLOCKS` where it is left out.
    """
    given = parameters()
    seed, limit = given["seed"], given.get("limit", BENCH_CLOCKS)
    benches = {
        name: bench(Unit(dut, name, given["ports"]), job, Random(f"{seed} {name}"))
        for name, job in given["jobs"].items()
    }
    # A clock more, so that it is said which variant has not ended.
    await start_clock(dut, limit=limit + 1)

    async def run(name: str) -> None:
        try:
            await within(limit, benches[name].run(), f"the bench has not ended in {limit} clocks")
        except AssertionError as error:
            raise AssertionError(f"{error} (variant {name} = {given['jobs'][name]}, seed {seed})") from error

    for task in [cocotb.start_soon(run(name)) for name in benches]:
        await task


def pack_lanes(values: Any, width: int) -> int:
    """Put numbers side by side, the first in the lowest bits; negative ones in two's complement."""
    return sum((int(value) & ((1 << width) - 1)) << (index * width) for index, value in enumerate(values))


def unpack_lanes(bits: int, width: int, count: int, signed: bool = False) -> list[int]:
    """Take `count` numbers of `width` bits apart, the lowest first."""
    values = [(bits >> (index * width)) & ((1 << width) - 1) for index in range(count)]
    return [value - (1 << width) if signed and value >> (width - 1) else value for value in values]
