"""The mutation score of a file: mutants in random order until so many have an effect, each under the file's tests."""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from .arguments import ARGUMENTS
from .catalogue import later_tests, quick_tests, unit_tests
from .designs import compare, designs, kind_of
from .mutants import Mutant, draw_mutants, find_mutants
from .trial import HDL, Outcome, in_processes, install, run_tests

__all__ = ["EFFECTIVE", "Verdict", "measure"]

EFFECTIVE = ("unit", "whole", "survived")
"""Verdicts on mutants that do something else than the right source."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    ``kind``: ``unit`` or ``whole``, killed by the tests of the unit alone, or only by those of a network or link;
    ``survived``; or else it is no mutant: ``invalid``, it cannot be built; ``unchanged``, no design has another netlist
    by it; ``proven`` or ``argued``, it does the same. ``why``: the test's failure, or the reason.
    """

    line: int
    change: str
    kind: str
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return its fields."""
        return asdict(self)


def measure(
    file: str,
    seed: int,
    wanted: int,
    jobs: int,
    only: set[str] | None = None,
    known: Mapping[str, Verdict] = MappingProxyType({}),
) -> Iterator[Verdict]:
    """Give verdicts on mutants of a file, until as many as are wanted have an effect, or there are no more.

    Those that only slow tests of a whole can kill come last.

    Parameters
    ----------
    file : str
        Path below hdl/.
    seed : int
        Of the mutants' order.
    wanted, jobs : int
        Mutants with an effect; processes at once.
    only : set of str, optional
        Changes of the mutants to look at, and no others.
    known : mapping, optional
        Verdicts by change: given as they are, without a trial.
    """
    drawn = draw_mutants(find_mutants(file, (HDL / file).read_text()), Random(f"{seed} {file}"))
    mutants = [mutant for mutant in drawn if only is None or mutant.change in only]
    unit = _right_outcome(tuple(quick_tests(file)))
    work = [partial(_try_unit, mutant, unit) for mutant in mutants if mutant.change not in known]
    tried = _checked(jobs, work, unit)

    def effect(mutant: Mutant) -> tuple[str, str]:
        return next(_checked(1, [partial(_effect, mutant, _right_designs(kind_of(file)))], unit))

    left, effective = [], 0
    for mutant in mutants:
        new = mutant.change not in known
        kind, why = next(tried) if new else (known[mutant.change].kind, known[mutant.change].why)
        if new and kind == "survived":
            kind, why = effect(mutant)
        verdict = Verdict(mutant.line, mutant.change, kind, why)
        effective += verdict.kind in EFFECTIVE
        if new and kind == "survived":
            left.append(mutant)
        else:
            yield verdict
        if effective == wanted:
            break
    tried.close()
    whole = _right_outcome(tuple(later_tests(file))) if left else Outcome()
    work = [partial(_try_whole, mutant, whole) for mutant in left]
    for mutant, (kind, why) in zip(left, _checked(jobs, work, whole), strict=True):
        yield Verdict(mutant.line, mutant.change, kind, why)


@cache
def _right_outcome(tests: tuple[str, ...]) -> Outcome:
    """Return what tests say of the right source."""
    if not tests:
        return Outcome()
    outcome = next(in_processes(1, [partial(run_tests, tests)]))
    if isinstance(outcome, BaseException):
        raise outcome
    if outcome.failed:
        raise RuntimeError(f"{outcome.failed} fails without a mutant: {outcome.why}")
    return outcome


@cache
def _right_designs(kind: str) -> list[str]:
    found = next(in_processes(1, [lambda: list(designs(kind))]))
    if isinstance(found, BaseException):
        raise found
    return found


def _checked(
    jobs: int, work: list[Callable[[], tuple[str, str]]], right: Outcome
) -> Generator[tuple[str, str], None, None]:
    """Give results; of a process that came to no end, that the mutant cannot be built.

    Simulations end after steps: only what builds a design can go on for ever.
    """
    for result in in_processes(jobs, work, 20 + 5 * right.seconds):
        if isinstance(result, TimeoutError | MemoryError | ChildProcessError):
            yield "invalid", f"{type(result).__name__}: {result}"
        elif isinstance(result, BaseException):
            raise result
        else:
            yield result


def _try_unit(mutant: Mutant, right_outcome: Outcome) -> tuple[str, str]:
    """Return kind and reason of the verdict of the first tests on a mutant; in a process of its own."""
    return _try("unit" if unit_tests(mutant.file) else "whole", quick_tests(mutant.file), mutant, right_outcome)


def _try_whole(mutant: Mutant, right_outcome: Outcome) -> tuple[str, str]:
    """Return those of the other tests of a whole."""
    return _try("whole", later_tests(mutant.file), mutant, right_outcome)


def _try(killed: str, tests: list[str], mutant: Mutant, right_outcome: Outcome) -> tuple[str, str]:
    if not right_outcome.steps:
        return "survived", ""
    install(mutant)
    outcome = run_tests(tests, right_outcome, Path(mutant.file).stem)
    if not outcome.failed:
        return "survived", ""
    try:
        if not outcome.asserted:
            next(designs(kind_of(mutant.file)))
    except Exception as error:
        return "invalid", f"{type(error).__name__}: {error}".partition("\n")[0]
    return killed, f"{outcome.failed}: {outcome.why}"


def _effect(mutant: Mutant, right: list[str]) -> tuple[str, str]:
    """Return kind and reason of the verdict on a mutant that tests have let through; in a process of its own."""
    if mutant.change in ARGUMENTS.get(mutant.file, {}):
        return "argued", ARGUMENTS[mutant.file][mutant.change]
    install(mutant)
    try:
        kind = compare(kind_of(mutant.file), right)
    except Exception as error:
        return "invalid", f"{type(error).__name__}: {error}".partition("\n")[0]
    return "survived" if kind == "differs" else kind, ""


def cpu_seconds() -> float:
    """Return the CPU time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
