"""One mutant in place of the source that it is of, in a process of its own, under the suite's own tests."""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from amaranth.sim import pysim

from .mutants import Mutant

__all__ = ["HDL", "Outcome", "in_processes", "install", "run_tests"]

HDL = Path(__file__).parents[2] / "hdl"
SLOWER = 4
"""A test that takes so many times the simulation steps of the right design waits for something that does not come."""
PATIENCE = 3
"""So many seconds more than twice those of the right design, and what builds one comes to no end."""


_foreign: set[str] = set()
"""Modules that tests have imported, but ours."""


class _Mutated(SourceFileLoader):
    """Loads a module from other code than its file's."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder(MetaPathFinder):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return spec_from_file_location(fullname, self._path, loader=_Mutated(fullname, self._path, self._code))


def install(mutant: Mutant) -> None:
    """Let all imports from now on see a mutant; what is imported already is imported anew."""
    for name in list(sys.modules):
        if _is_ours(name) and not name.startswith("tests.mutation"):
            del sys.modules[name]
    path = str(HDL / mutant.file)
    name = "backspike.hdl." + mutant.file.removesuffix(".py").replace("/", ".")
    sys.meta_path.insert(0, _Finder(name, path, mutant.compile(path)))


def _is_ours(name: str) -> bool:
    return name.split(".")[0] in ("backspike", "tests")


# -- processes --------------------------------------------------------------------------------------------------------


def in_processes(jobs: int, work: Sequence[Callable[[], Any]], seconds: float = 600) -> Iterator[Any]:
    """Give the results of functions, in their order, each from a process of its own that ends with it.

    Parameters
    ----------
    jobs : int
        How many run at once.
    work : sequence of callable
        Their results can be pickled; one that raises gives its exception.
    seconds : float
        Of CPU, after which an endless one raises TimeoutError.
    """
    # What no mutant is of: each process has it at once.
    for name in ("cocotb", "hypothesis", "numpy", *_foreign):
        with suppress(ImportError):
            import_module(name)
    running: dict[Connection, tuple[int, int]] = {}
    results: dict[int, Any] = {}
    started = given = 0
    try:
        while given < len(work):
            while started < len(work) and len(running) < jobs:
                receiver, sender = Pipe(duplex=False)
                pid = _fork(work[started], sender, seconds)
                sender.close()
                running[receiver] = (started, pid)
                started += 1
            for receiver in wait(list(running)):
                number, pid = running.pop(receiver)
                try:
                    results[number] = pickle.loads(receiver.recv_bytes())
                except EOFError:
                    results[number] = ChildProcessError("the process has ended without a result")
                if isinstance(results[number], Outcome):
                    _foreign.update(results[number].modules)
                receiver.close()
                os.waitpid(pid, 0)
            while given in results:
                yield results.pop(given)
                given += 1
    finally:
        for _, pid in running.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(work: Callable[[], Any], sender: Connection, seconds: float) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    # What is there already is not looked at again in each child.
    gc.freeze()
    pid = os.fork()
    if pid:
        return pid
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 60))
        # Not of addresses, of which Yosys reserves more than it uses.
        resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))
        signal.signal(signal.SIGXCPU, partial(_give_up, sender))
        try:
            result = work()
        except BaseException as error:
            result = error
        sender.send_bytes(pickle.dumps(result))
    finally:
        os._exit(0)


def _give_up(sender: Connection, number: int, frame: object) -> None:
    """End the process: an exception would be a test's failure, and what follows it as endless."""
    sender.send_bytes(pickle.dumps(TimeoutError("it does not come to an end")))
    os._exit(0)


# -- tests ------------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What tests say.

    ``failed``: the first that fails, or None; ``why``: the last line of its failure; ``asserted``: it
    is a claim of the test's that does not hold, not another error; ``steps``: of the simulation in each test;
    ``seconds``: of CPU in all; ``quiet``: the most in a row without a step; ``modules``: others' that were imported.
    """

    failed: str | None = None
    why: str = ""
    asserted: bool = False
    steps: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    quiet: int = 0
    modules: list[str] = field(default_factory=list)


class _Watch:
    """What the tests in this process are asked for, and what they say."""

    def __init__(self, right: Outcome | None, first: str) -> None:
        self.outcome, self._first = Outcome(), first
        self._most = right.steps if right else {}
        self._patience = PATIENCE + 2 * right.quiet if right else 1 << 62
        self._done = self._quiet = 0

    def look(self, number: int, frame: object) -> None:
        """Give up where nothing is simulated for long, second by second of CPU."""
        done = sum(self.outcome.steps.values())
        self._quiet = self._quiet + 1 if done == self._done else 0
        self._done = done
        self.outcome.quiet = max(self.outcome.quiet, self._quiet)
        if self._quiet > self._patience:
            signal.raise_signal(signal.SIGXCPU)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what compiles Verilog, and begin with what bears the file's name."""
        items[:] = [item for item in items if "simulator" not in getattr(item, "fixturenames", ())]
        items.sort(key=lambda item: self._first not in item.name)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        name = item.nodeid
        self.outcome.steps[name] = 0
        limit = SLOWER * self._most[name] + 10_000 if name in self._most else 1 << 62
        settle = pysim._PyEngineState.commit
        unsettled = 0

        def commit(state: Any, changed: Any = None) -> bool:
            nonlocal unsettled
            settled = settle(state, changed)
            unsettled = 0 if settled else unsettled + 1
            self.outcome.steps[name] += 1
            assert self.outcome.steps[name] < limit, "the test waits for what does not come"
            assert unsettled < 1000, "the logic does not settle"
            return settled

        pysim._PyEngineState.commit = commit
        try:
            yield
        finally:
            pysim._PyEngineState.commit = settle

    @pytest.hookimpl
    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        error = call.excinfo.value
        self.outcome.failed = node.nodeid
        self.outcome.asserted = isinstance(error, AssertionError | pytest.fail.Exception)
        self.outcome.why = f"{type(error).__name__}: {error}".partition("\n")[0]


def run_tests(paths: Sequence[str], right: Outcome | None = None, first: str = "") -> Outcome:
    """Run tests until one fails.

    Parameters
    ----------
    paths : sequence of str
    right : Outcome, optional
        Of the right design: a test with many more steps fails; one that builds for much longer comes to no end.
    first : str
        Tests that have it in their name come before others.
    """
    watch = _Watch(right, first)
    standard = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
    standard += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    before = time.process_time()
    signal.signal(signal.SIGPROF, watch.look)
    signal.setitimer(signal.ITIMER_PROF, 1, 1)
    status = pytest.main([*standard, *paths], plugins=[watch])
    if status and not watch.outcome.failed:
        # No test says so: there is none, or pytest itself has failed.
        watch.outcome.failed, watch.outcome.why = "pytest", f"it ends with {status!r}"
    signal.setitimer(signal.ITIMER_PROF, 0)
    watch.outcome.modules = (
        [name for name in sys.modules if not _is_ours(name) and name != "__main__"] if right is None else []
    )
    watch.outcome.seconds = time.process_time() - before
    return watch.outcome
