"""Mutants are made, put in place, and judged; the whole measurement is `make mutation`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from . import measure
from .__main__ import HEAD, merged, row
from .arguments import ARGUMENTS
from .catalogue import ROOT, files, unit_tests, whole_tests
from .designs import compare, designs, kind_of, modules_of
from .measure import Verdict
from .mutants import Mutant, draw_mutants, find_mutants
from .trial import HDL, Outcome

SOURCE = '''
"""A module."""
from x import y

class Unit:
    """Never 1."""

    def elaborate(self, platform: int | None) -> Module:
        if platform == 0:
            raise ValueError(f"not {2 + 2}")
        with m.If(a & ~b):
            m.d.sync += [c.eq(Mux(d, 0, c + 1)), e.eq(0)]
        m.next = "Idle"
'''
FITS = "fits = (size[:2] == 1) & ~is_below(size, 5) & is_below(size, 2 + 4 * WORDS) & known_register"
CHANGES = [
    "if platform == 0 -> if platform != 0",
    "if platform == 0 -> if platform == 1",
    "m.If(a & ~b) -> m.If(a & ~b == 0)",
    "m.If(a & ~b) -> m.If(a | ~b)",
    "m.If(a & ~b) -> m.If(a)",
    "m.If(a & ~b) -> m.If(~b)",
    "m.If(a & ~b) -> m.If(a & b)",
    "c.eq(Mux(d, 0, c + 1)) -> nothing",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, c + 1, 0))",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, 1, c + 1))",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, 0, c - 1))",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, 0, c))",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, 0, 1))",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, 0, c + 2))",
    "c.eq(Mux(d, 0, c + 1)) -> c.eq(Mux(d, 0, c + 0))",
    "e.eq(0) -> nothing",
    "e.eq(0) -> e.eq(1)",
    "m.next = 'Idle' -> nothing",
]


def mutants_of(source: str) -> list[Mutant]:
    return [mutant for place in find_mutants("unit.py", source) for mutant in place]


def test_every_place_has_its_mutants() -> None:
    assert sorted(mutant.change for mutant in mutants_of(SOURCE)) == sorted(CHANGES)


def test_a_mutant_differs_in_what_it_says() -> None:
    source = "def f(a, b):\n    return max(a, b) - 3 if a < b else b\n"
    results = set()
    for mutant in mutants_of(source):
        names: dict[str, object] = {}
        exec(mutant.compile("unit.py"), names)
        before, after = mutant.change.split(" -> ")
        assert before != after
        results.add(tuple(names["f"](a, b) for a, b in [(1, 1), (1, 7), (7, 1)]))
    # <= for <; >= for <, as both ends swapped; + for -; the least; 4 or nothing but 3; 2; without a number.
    assert results == {(-2, 4, 1), (-2, 7, 4), (1, 10, 1), (1, -2, 1), (1, 3, 1), (1, 5, 1), (1, 7, 1)}


def test_all_places_come_before_any_comes_again_and_the_seed_decides() -> None:
    places = find_mutants("unit.py", SOURCE)
    order = [mutant.change for mutant in draw_mutants(places, Random(3))]
    assert sorted(order) == sorted(CHANGES)
    numbers = [mutant.number for mutant in draw_mutants(places, Random(3))]
    assert len(set(numbers[: len(places)])) == len(places)
    assert order == [mutant.change for mutant in draw_mutants(places, Random(3))]


def test_every_file_has_tests() -> None:
    assert len(files()) > 40
    for file in files():
        assert unit_tests(file) or whole_tests(file)
        assert all((ROOT / test).is_file() for test in unit_tests(file) + whole_tests(file))
    assert unit_tests("link/cobs.py") == ["tests/hdl/link/test_cobs.py"]
    assert unit_tests("pace.py") == unit_tests("input.py") == ["tests/hdl/test_spikes.py"]
    assert not [test for test in unit_tests("network.py") if not test.startswith("tests/hdl/bus/")]


def test_arguments_are_about_mutants_that_there_are() -> None:
    for file, reasons in ARGUMENTS.items():
        changes = {mutant.change for place in find_mutants(file, (HDL / file).read_text()) for mutant in place}
        assert set(reasons) <= changes, file


def test_a_run_goes_on_where_one_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has a verdict has no trial, and counts; what survives the unit's tests meets those of the whole."""
    file, tried = "lfsr.py", []
    drawn = draw_mutants(find_mutants(file, (HDL / file).read_text()), Random(f"3 {file}"))
    first, *later = [mutant.change for mutant, _ in zip(drawn, range(5), strict=False)]

    def judge(mutant: Mutant, *_: object) -> tuple[str, str]:
        tried.append(mutant.change)
        return ("whole" if mutant.change in tried[:-1] else "survived" if mutant.change == later[1] else "unit"), ""

    monkeypatch.setattr(measure, "_right_outcome", lambda tests: Outcome())
    monkeypatch.setattr(measure, "_right_designs", lambda kind: [])
    monkeypatch.setattr(measure, "_checked", lambda jobs, work, right: (trial() for trial in work))
    monkeypatch.setattr(measure, "_effect", lambda mutant, right: ("survived", ""))
    monkeypatch.setattr(measure, "_try_unit", judge)
    monkeypatch.setattr(measure, "_try_whole", judge)
    known = {later[0]: Verdict(1, later[0], "unit"), later[2]: Verdict(1, later[2], "survived")}
    verdicts = {verdict.change: verdict.kind for verdict in measure.measure(file, 3, 5, 1, known=known)}
    assert verdicts == {first: "unit", later[0]: "unit", later[1]: "whole", later[2]: "survived", later[3]: "unit"}
    assert tried == [first, later[1], later[3], later[1]]


def test_lines_of_files_that_were_not_measured_stay() -> None:
    """A file's line is the new one where there is one; the sum is that of all lines."""
    cobs, uart, again = "link/cobs.py", "link/uart.py", Counter(unit=4, whole=1, survived=1, invalid=2, argued=1)
    old = (
        HEAD + row(cobs, 100, Counter(unit=9)) + row(uart, 60, Counter(unit=3, proven=1, unchanged=1)) + "| **all** |\n"
    )
    table = merged(old, HEAD + row(cobs, 90, again) + row("**all**", 90, again)).removeprefix(HEAD).splitlines()
    assert table == [
        f"| {cobs} | 90 | 9 | 2 | 0 | 0 | 1 | 6 | 4 | 1 | 1 | 83.3 % |",
        f"| {uart} | 60 | 5 | 0 | 1 | 1 | 0 | 3 | 3 | 0 | 0 | 100.0 % |",
        "| **all** | 150 | 14 | 2 | 1 | 1 | 1 | 9 | 7 | 1 | 1 | 88.9 % |",
    ]


@pytest.mark.slow
def test_tests_find_what_is_wrong(tmp_path: Path) -> None:
    """In a run of its own, since each mutant has a process."""
    wrong = {
        "m.d.sync += low.eq(byte) -> nothing": "unit",
        "parts = Signal(range(PARTS + 1), reset_less=True) -> parts = Signal(range(PARTS), reset_less=True)": "unit",
        # A size whose low bits are 1 is never 4.
        f"{FITS} -> {FITS.replace('size, 5', 'size, 4')}": "proven",
    }
    command = ["-m", "tests.mutation", "link/checker", "--folder", str(tmp_path)]
    command += [part for change in wrong for part in ("--change", change)]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = json.loads((tmp_path / "results.json").read_text())["link/checker.py"]
    assert {verdict["change"]: verdict["kind"] for verdict in verdicts} == wrong
    killed = [verdict["why"] for verdict in verdicts if verdict["kind"] == "unit"]
    assert all("test_the_status_is_what_the_protocol_says: AssertionError: " in why for why in killed), killed
    assert (tmp_path / "mutants.md").read_text().splitlines()[2].endswith("| 0 | 0 | 1 | 0 | 2 | 2 | 0 | 0 | 100.0 % |")


@pytest.mark.slow
def test_every_file_is_in_its_designs() -> None:
    """Or else whatever is changed there would have no effect."""
    parts = [file for file in files() if "def elaborate(" in (HDL / file).read_text()]
    made = {kind: modules_of(kind) for kind in set(map(kind_of, parts))}
    assert len(made) == 6
    for file in parts:
        assert f"backspike.hdl.{file.removesuffix('.py').replace('/', '.')}" in made[kind_of(file)], file


@pytest.mark.slow
def test_designs_that_differ_are_not_proven_equal() -> None:
    right = list(designs("boards"))
    decoder = right[0].index("module \\top.transport.decoder\n")
    wrong = right[0][:decoder] + right[0][decoder:].replace("cell $sub ", "cell $add ", 1)
    assert compare("boards", right) == "unchanged"
    assert compare("boards", [wrong, *right[1:]]) == "differs"
