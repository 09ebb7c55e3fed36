"""Drivers, monitors and the scoreboard that benches are made of, for Amaranth's streams under cocotb.

Every wait is on an edge of what is waited for, and the clock is made by cocotb's compiled code: Python wakes up at
transfers only, unless random stalls are asked for. No wait is without a limit, and no clock runs for ever: a design
that hangs fails its bench after a number of cycles, with a sentence that says what did not come.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import cocotb
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.simtime import get_sim_time
from cocotb.triggers import RisingEdge, SimTimeoutError, Timer, ValueChange, with_timeout

from .layout import Layout
from .patience import BENCH_CLOCKS, WAIT_CLOCKS

__all__ = [
    "CLOCK_PERIOD",
    "Scoreboard",
    "StreamDriver",
    "StreamMonitor",
    "clocks",
    "now",
    "start_clock",
    "within",
]

CLOCK_PERIOD = 10
"""Clock period of every bench, in nanoseconds."""

T = TypeVar("T")
Value = Any
"""A payload, as its `Layout` has it: a number, or the values of its fields by name, or those of its elements."""


async def start_clock(dut: Any, reset_clocks: int = 2, limit: int = BENCH_CLOCKS) -> None:
    """Start ``clk``, with ``rst`` high for some cycles; return after a rising edge, with ``rst`` low.

    Make all drivers and monitors before: they give their signals a defined value. A test that has not ended after
    ``limit`` clocks fails, whatever it waits for.
    """
    dut.rst.value = 1
    Clock(dut.clk, CLOCK_PERIOD, unit="ns", impl="gpi").start(start_high=False)
    await clocks(dut, reset_clocks)
    dut.rst.value = 0
    await RisingEdge(dut.clk)
    cocotb.start_soon(_end_after(limit))


async def _end_after(limit: int) -> None:
    await Timer(limit * CLOCK_PERIOD, unit="ns")
    raise AssertionError(f"the bench has not ended in {limit} cycles")


async def within(limit: int, awaitable: Awaitable[T], failure: str) -> T:
    """Wait for something; if it takes more than ``limit`` clocks, fail the test with the sentence ``failure``."""
    try:
        return await with_timeout(awaitable, limit * CLOCK_PERIOD, "ns")
    except SimTimeoutError:
        raise AssertionError(failure) from None


def now() -> int:
    """Return the number of the clock that has just ended."""
    return round(get_sim_time("ns")) // CLOCK_PERIOD


async def clocks(dut: Any, number: int) -> None:
    """Wait for a number of cycles, at least 1, without waking up in each; return after a rising edge."""
    await Timer((number - 1) * CLOCK_PERIOD + 1, unit="ns")
    await RisingEdge(dut.clk)


class _Stream:
    """The signals of a stream, looked up once, and the random stalls on it."""

    def __init__(
        self,
        dut: Any,
        name: str,
        ports: Mapping[str, Any],
        *,
        stalls: float = 0,
        generator: random.Random | None = None,
    ) -> None:
        if not 0 <= stalls < 1:
            raise ValueError(f"stalls must be at least 0 and below 1, not {stalls}")
        self.name = name
        self.layout = Layout(ports[f"{name}__payload"])
        self.stalls = stalls
        self._generator = generator or random.Random(name)
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._dut = dut
        self._clock = RisingEdge(dut.clk)
        self._start()

    def _start(self) -> None:
        """Give the signals that this side drives a defined value."""
        raise NotImplementedError

    def _stalled(self) -> bool:
        return self.stalls > 0 and self._generator.random() < self.stalls

    def _high(self, signal: Any) -> bool:
        value = signal.value
        assert value.is_resolvable, f"{signal._path} is {value} at {get_sim_time('ns'):.0f} ns"
        return bool(value)


class StreamDriver(_Stream):
    """Sends values into a stream, holding each until it is taken.

    Between values, with stalls, the payload is garbage: a design must not look at it.

    Parameters
    ----------
    dut : handle
        The top module.
    name : str
        The stream's name; its ports are ``<name>__payload``, ``<name>__valid`` and ``<name>__ready``.
    ports : mapping
        `backspike.hdl.verilog.describe_ports` of the top module.
    stalls : float
        Probability of a cycle without a value, before each value and again after each such cycle.
    generator : random.Random, optional
        Where stalls are drawn from; by default one seeded with the name.

    Attributes
    ----------
    count : int
        Values taken so far.
    """

    def _start(self) -> None:
        self.count = 0
        self._valid.value = 0
        self._payload.value = 0

    async def send(self, value: Value, patience: int = WAIT_CLOCKS) -> None:
        """Send a value, and return after the clock edge that transferred it; calls in a row leave no gap.

        If it is not taken within ``patience`` clocks, the test fails.
        """
        while self._stalled():
            self._payload.value = self._generator.getrandbits(self.layout.width)
            await self._clock
        self._payload.value = self.layout.pack(value)
        self._valid.value = 1
        await self._clock
        while not self._high(self._ready):
            failure = f"{self.name}: not ready in {patience} cycles, after {self.count} values"
            await within(patience, RisingEdge(self._ready), failure)
            await self._clock
        self._valid.value = 0
        self.count += 1


class StreamMonitor(_Stream):
    """Takes every value that a stream gives, and checks that each is held until it is taken.

    Undefined bits in ``valid`` or a valid payload fail the test. Parameters are those of `StreamDriver`; ``stalls`` is
    the probability that a cycle has ``ready`` low.

    Attributes
    ----------
    count : int
        Values taken so far.
    """

    def _start(self) -> None:
        self.count = 0
        self._received: Queue[Value] = Queue()
        self._ready.value = 0
        cocotb.start_soon(self._run())

    async def receive(self, patience: int = WAIT_CLOCKS) -> Value:
        """Return the next value, in order; waiting more than ``patience`` clocks for it fails the test."""
        if self._received.empty():
            failure = f"{self.name}: no value in {patience} cycles, after {self.count} values"
            return await within(patience, self._received.get(), failure)
        return self._received.get_nowait()

    async def finish(self, quiet: int = 100) -> None:
        """Fail the test if there is a value that nobody received, or one comes within ``quiet`` clocks."""
        await clocks(self._dut, quiet)
        if not self._received.empty():
            surplus = self._received.qsize()
            raise AssertionError(f"{self.name}: {surplus} surplus values, first {self._received.get_nowait()!r}")

    async def _run(self) -> None:
        held: int | None = None
        while True:
            accept = not self._stalled()
            self._ready.value = int(accept)
            await self._clock
            if not self._high(self._valid):
                assert held is None, f"{self.name}: valid fell before {self.layout.unpack(held or 0)!r} was taken"
                if not self.stalls:
                    await ValueChange(self._valid)
                continue
            value = self._payload.value
            assert value.is_resolvable, f"{self.name}: payload {value} is not defined"
            bits = int(value)
            assert held in (None, bits), (
                f"{self.name}: payload changed from {self.layout.unpack(held or 0)!r} to "
                f"{self.layout.unpack(bits)!r} before it was taken"
            )
            held = None if accept else bits
            if accept:
                self.count += 1
                self._received.put_nowait(self.layout.unpack(bits))


class Scoreboard:
    """Compares a stream's values with expected ones, in order.

    Parameters
    ----------
    monitor : StreamMonitor
        The stream.
    """

    def __init__(self, monitor: StreamMonitor) -> None:
        self._monitor = monitor
        self._expected: list[Value] = []

    def expect(self, value: Value) -> None:
        """Add a value after those already expected."""
        self._expected.append(value)

    async def check(self, quiet: int = 100, patience: int = WAIT_CLOCKS) -> int:
        """Receive all expected values and return their number.

        The first that differs fails the test, as do a value that does not come within ``patience`` clocks and a
        surplus one within ``quiet`` clocks after the last.
        """
        for index, expected in enumerate(self._expected):
            got = await self._monitor.receive(patience)
            assert got == expected, f"{self._monitor.name}[{index}]: expected {expected!r}, got {got!r}"
        await self._monitor.finish(quiet)
        return len(self._expected)
