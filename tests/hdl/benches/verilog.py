"""Benches on emitted Verilog, under cocotb: variants of units side by side in one design, each with its own bench.

A build takes longer than a bench, so one build holds all variants.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from importlib import import_module
from random import Random
from typing import Any, TypeVar

import cocotb
from cocotb.triggers import RisingEdge

from backspike.sim.layout import Layout
from backspike.sim.patience import BENCH_CLOCKS
from backspike.sim.runner import parameters
from backspike.sim.streams import StreamDriver, StreamMonitor, Value, clocks, now, start_clock, within

from .bench import Task, Unit

__all__ = ["VerilogUnit"]

T = TypeVar("T")


class VerilogUnit(Unit):
    """One variant as if it were the top module: its ports are attributes, ``clk`` and ``rst`` those of the design.

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
        self._layouts = {port: Layout(description) for port, description in self.ports.items()}
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
        """Return a port's value, a number or its fields; an undefined bit fails the test."""
        value = self._handles[port].value
        assert value.is_resolvable, f"{port} is {value} in clock {now()}"
        return self._layouts[port].unpack(int(value))

    def get_element(self, port: str, index: int) -> Any:
        """Return one element of an array; the others may be undefined."""
        element = Layout(self.ports[port]["elements"])
        bits = self._handles[port].value[(index + 1) * element.width - 1 : index * element.width]
        assert bits.is_resolvable, f"element {index} of {port} is {bits} in clock {now()}"
        return element.unpack(int(bits))

    def set_reset(self, level: int) -> None:
        """Drive the reset of all variants, from now on."""
        self.rst.value = level

    def now(self) -> int:
        """Return the number of the clock that has just ended."""
        return now()

    def in_reset(self) -> bool:
        """Whether the clock that has just ended was one of reset."""
        return bool(self.rst.value)

    async def clocks(self, number: int) -> None:
        """Wait for a number of cycles, at least 1."""
        await clocks(self, number)

    async def within(self, limit: int, awaitable: Awaitable[T], failure: str) -> T:
        """Wait for something; if it takes more than ``limit`` clocks, fail the test with the sentence ``failure``."""
        return await within(limit, awaitable, failure)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run a coroutine beside the bench."""
        return cocotb.start_soon(coroutine)

    def driver(self, stream: str, stalls: float, generator: Random) -> StreamDriver:
        """Return a driver of a stream."""
        return StreamDriver(self, stream, self.ports, stalls=stalls, generator=generator)

    def monitor(self, stream: str, stalls: float, generator: Random) -> StreamMonitor:
        """Return a monitor of a stream."""
        return StreamMonitor(self, stream, self.ports, stalls=stalls, generator=generator)


TURNS = parameters()["turns"]


@cocotb.test()
@cocotb.parametrize(turn=range(len(TURNS)))
async def variants(dut: Any, turn: int) -> None:
    """Run benches on all variants of the design, at once, each turn anew after a reset.

    The parameters are ``turns``, each from a variant's name to the module of its bench and the bench's name there,
    ``seed``, ``ports`` of the design, ``jobs``, from a variant's name to what its benches get, and ``limit``, most
    clocks that they may take, `BENCH_CLOCKS` where it is left out.
    """
    given = parameters()
    seed, limit, jobs = given["seed"], given.get("limit", BENCH_CLOCKS), given["jobs"]
    kinds = {name: getattr(import_module(module), kind) for name, (module, kind) in TURNS[turn].items()}
    benches = {
        name: kinds[name](VerilogUnit(dut, name, given["ports"]), job, Random(f"{seed} {name}"))
        for name, job in jobs.items()
    }
    # A clock more, so that it is said which variant has not ended.
    await start_clock(dut, limit=limit + 1)

    async def run(name: str) -> None:
        try:
            await within(limit, benches[name].run(), f"the bench has not ended in {limit} cycles")
        except AssertionError as error:
            kind = kinds[name].__name__
            raise AssertionError(f"{error} ({kind} of variant {name} = {jobs[name]}, seed {seed})") from error

    for task in [cocotb.start_soon(run(name)) for name in jobs]:
        await task
