"""Benches in Amaranth's own simulator: nothing is compiled, so it is quick for small units and short benches.

Coroutines are resumed in each cycle by a loop of our own, which reads what is settled before the edge, and puts after
it: as cocotb does after a rising edge, so that a bench sees the same, clock for clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Coroutine, Generator, Mapping
from random import Random
from typing import Any, TypeVar

from amaranth.hdl import Cat, ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.sim import Simulator

from backspike.hdl.verilog import describe_ports, find_ports
from backspike.sim.layout import Layout
from backspike.sim.patience import BENCH_CLOCKS, WAIT_CLOCKS
from backspike.sim.streams import Value

from .bench import Bench, Unit

__all__ = ["simulate"]

T = TypeVar("T")
RESET_CLOCKS = 2


def simulate(
    bench: type[Bench],
    variants: Mapping[str, tuple[wiring.Component, dict[str, Any]]],
    seed: int,
    limit: int = BENCH_CLOCKS,
) -> None:
    """Run a bench on components, one after the other, each with the job that its bench gets.

    What `tests.hdl.benches.verilog` does with a variant as Verilog: the same draws, in the same clocks.

    Raises
    ------
    AssertionError
        The first that fails, with its name, its job and the seed; a bench that has not ended after ``limit`` clocks
        does.
    """
    for name, (component, job) in variants.items():
        try:
            _Simulation(component).run(bench, job, Random(f"{seed} {name}"), limit)
        except AssertionError as error:
            what = str(error).partition("\n")[0]
            raise AssertionError(f"{what} ({bench.__name__} of variant {name} = {job}, seed {seed})") from error


# -- coroutines -----------------------------------------------------------------------------------------------------


class _Trigger:
    """Something that tasks wait for."""

    def __init__(self) -> None:
        self.waiting: list[_Task] = []

    def __await__(self) -> Generator[tuple[_Trigger, ...], None, None]:
        yield (self,)


class _First:
    """The first of some triggers."""

    def __init__(self, *triggers: _Trigger) -> None:
        self._triggers = triggers

    def __await__(self) -> Generator[tuple[_Trigger, ...], None, None]:
        yield self._triggers


class _Task:
    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.ended = _Trigger()
        self.done = False
        self.result: Any = None
        self.waits_for: tuple[_Trigger, ...] = ()

    def cancel(self) -> None:
        self.coroutine.close()
        self.done = True

    def __await__(self) -> Generator[tuple[_Trigger, ...], None, Any]:
        if not self.done:
            yield (self.ended,)
        return self.result


class _Tasks:
    """Coroutines that take turns, in the order in which what they wait for came."""

    def __init__(self) -> None:
        self._ready: deque[_Task] = deque()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> _Task:
        task = _Task(coroutine)
        self._ready.append(task)
        return task

    def fire(self, trigger: _Trigger) -> None:
        """Make ready what waits for a trigger."""
        waiting, trigger.waiting = trigger.waiting, []
        for task in waiting:
            for other in task.waits_for:
                if other is not trigger:
                    other.waiting.remove(task)
            self._ready.append(task)

    def run(self) -> None:
        """Resume all that are ready, until none is."""
        while self._ready:
            task = self._ready.popleft()
            if task.done:
                continue
            try:
                task.waits_for = task.coroutine.send(None)
            except StopIteration as stop:
                task.done, task.result = True, stop.value
                self.fire(task.ended)
            else:
                for trigger in task.waits_for:
                    trigger.waiting.append(task)


# -- the unit -------------------------------------------------------------------------------------------------------


class _Simulation(Unit):
    def __init__(self, component: wiring.Component) -> None:
        self.ports = describe_ports(component)
        self.edge = _Trigger()
        self._component = component
        self._signals: dict[str, Signal] = {name: signal for name, (signal, _) in find_ports(component).items()}
        self._layouts = {port: Layout(description) for port, description in self.ports.items()}
        self._domain = ClockDomain("sync")
        self._signals |= {"clk": self._domain.clk, "rst": self._domain.rst}
        self._put: dict[str, int] = {}
        self._driven: dict[str, int] = {}
        self._together: dict[tuple[str, ...], Any] = {}
        self._tasks = _Tasks()
        self._clock = 0
        self._context: Any = None

    def run(self, bench: type[Bench], job: dict[str, Any], random: Random, limit: int) -> None:
        """Simulate until the bench has returned."""
        m = Module()
        m.domains += self._domain
        m.submodules.unit = self._component
        # Units of logic alone have no clock, but benches do.
        beat = Signal()
        m.d.sync += beat.eq(~beat)

        async def testbench(context: Any) -> None:
            self._context = context
            self.set_reset(1)
            task = self.start(self._after_reset(bench(self, job, random)))
            self._tasks.run()
            while not task.done:
                # The clock falls with what is put, since each change is a pass through the design; time stands still.
                self._step()
                assert self._clock <= limit, f"the bench has not ended in {limit} cycles"
                context.set(self._domain.clk, 1)

        simulator = Simulator(m)
        simulator.add_testbench(testbench)
        simulator.run()

    async def _after_reset(self, bench: Bench) -> None:
        await self.clocks(RESET_CLOCKS)
        self.set_reset(0)
        await self.edge
        await bench.run()

    def _step(self) -> None:
        """Begin a clock with what was put and is not there yet, and resume the tasks where it ends."""
        changed = {port: value for port, value in self._put.items() if self._driven.get(port) != value}
        self._driven |= changed
        changed["clk"] = 0
        ports = tuple(changed)
        if ports not in self._together:
            self._together[ports] = Cat(self._signals[port] for port in ports)
        bits = position = 0
        for port, value in changed.items():
            bits |= value << position
            position += len(self._signals[port])
        self._put.clear()
        self._context.set(self._together[ports], bits)
        self._clock += 1
        self._tasks.fire(self.edge)
        self._tasks.run()

    def put(self, **values: Value) -> None:
        """Drive inputs, from now on."""
        for port, value in values.items():
            self._put[port] = self._layouts[port].pack(value)

    def put_bits(self, port: str, bits: int) -> None:
        """Drive an input with bits of any meaning."""
        self._put[port] = bits

    def get(self, port: str) -> Any:
        """Return a port's value, a number or its fields."""
        return self._layouts[port].unpack(self._context.get(self._signals[port]))

    def get_element(self, port: str, index: int) -> Any:
        """Return one element of an array."""
        return self.get(port)[index]

    def set_reset(self, level: int) -> None:
        """Drive the reset, from now on."""
        self._put["rst"] = level

    def in_reset(self) -> bool:
        """Whether the clock that has just ended was one of reset."""
        return bool(self._context.get(self._domain.rst))

    def now(self) -> int:
        """Return the number of the clock that has just ended."""
        return self._clock

    async def clocks(self, number: int) -> None:
        """Wait for a number of cycles."""
        for _ in range(number):
            await self.edge

    async def within(self, limit: int, awaitable: Awaitable[T], failure: str) -> T:
        """Wait for something; if it takes more than ``limit`` clocks, fail the test with the sentence ``failure``."""

        async def wait() -> T:
            return await awaitable

        task = self.start(wait())
        await self.wait_for(task.ended, lambda: task.done, limit, failure)
        return task.result  # type: ignore[no-any-return]

    async def wait_for(self, trigger: _Trigger, come: Any, limit: int, failure: str) -> None:
        """Wait until ``come()`` is true, which it can become with a trigger."""
        last = self._clock + limit
        while not come():
            assert self._clock < last, failure
            await _First(trigger, self.edge)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> _Task:
        """Run a coroutine beside the bench."""
        return self._tasks.start(coroutine)

    def fire(self, trigger: _Trigger) -> None:
        self._tasks.fire(trigger)

    def driver(self, stream: str, stalls: float, generator: Random) -> _Driver:
        """Return a driver of a stream."""
        return _Driver(self, stream, stalls, generator)

    def monitor(self, stream: str, stalls: float, generator: Random) -> _Monitor:
        """Return a monitor of a stream."""
        return _Monitor(self, stream, stalls, generator)


# -- streams --------------------------------------------------------------------------------------------------------


class _Stream:
    def __init__(self, unit: _Simulation, name: str, stalls: float, generator: Random) -> None:
        self.name = name
        self.count = 0
        self._unit, self._stalls, self._generator = unit, stalls, generator
        self._payload, self._valid, self._ready = f"{name}__payload", f"{name}__valid", f"{name}__ready"

    def _stalled(self) -> bool:
        return self._stalls > 0 and self._generator.random() < self._stalls


class _Driver(_Stream):
    """`backspike.sim.streams.StreamDriver`, here."""

    async def send(self, value: Value, patience: int = WAIT_CLOCKS) -> None:
        unit = self._unit
        while self._stalled():
            unit.put_bits(self._payload, self._generator.getrandbits(unit.ports[self._payload]["width"]))
            await unit.edge
        unit.put(**{self._payload: value, self._valid: 1})
        await unit.edge
        last = unit.now() + patience
        while not unit.get(self._ready):
            assert unit.now() < last, f"{self.name}: not ready in {patience} cycles, after {self.count} values"
            await unit.edge
        unit.put(**{self._valid: 0})
        self.count += 1


class _Monitor(_Stream):
    """`backspike.sim.streams.StreamMonitor`, here."""

    def __init__(self, unit: _Simulation, name: str, stalls: float, generator: Random) -> None:
        super().__init__(unit, name, stalls, generator)
        self._received: deque[Value] = deque()
        self._came = _Trigger()
        unit.start(self._run())

    async def receive(self, patience: int = WAIT_CLOCKS) -> Value:
        failure = f"{self.name}: no value in {patience} cycles, after {self.count} values"
        await self._unit.wait_for(self._came, lambda: self._received, patience, failure)
        return self._received.popleft()

    async def finish(self, quiet: int = 100) -> None:
        await self._unit.clocks(quiet)
        surplus = len(self._received)
        assert not surplus, f"{self.name}: {surplus} surplus values, first {self._received[0]!r}"

    async def _run(self) -> None:
        unit, held = self._unit, None
        while True:
            accept = not self._stalled()
            unit.put(**{self._ready: int(accept)})
            await unit.edge
            if not unit.get(self._valid):
                assert held is None, f"{self.name}: valid fell before {held!r} was taken"
                continue
            value = unit.get(self._payload)
            assert held in (None, value), f"{self.name}: payload changed from {held!r} to {value!r} before it was taken"
            held = None if accept else value
            if accept:
                self.count += 1
                self._received.append(value)
                unit.fire(self._came)
