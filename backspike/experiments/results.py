"""Results as files: one JSON file per seed of an experiment, one line of JSON per cell of a sweep."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backspike.errors import BackspikeError, shown
from backspike.files import make_directory, parse_json, read_file, reading, write_atomic
from backspike.locks import locked
from backspike.toml import take

from .definitions import Experiment, Sweep
from .task import Task

__all__ = [
    "append_cell",
    "cells_path",
    "own_cells",
    "read_cells",
    "read_result",
    "require_numbers",
    "require_origin",
    "result_path",
    "sweep_results",
    "write_result",
]


def result_path(results: Path, experiment: Experiment, seed: int) -> Path:
    """Return the file of an experiment's seed."""
    return results / experiment.name / f"seed-{seed}.json"


def read_result(results: Path, experiment: Experiment, seed: int) -> dict[str, Any] | None:
    """Return the result of an experiment's seed; None if there is none of the experiment as it is now.

    Raises
    ------
    BackspikeError
        The file cannot be read, or is damaged: no JSON, or without a value that a result has.
    """
    path, task = result_path(results, experiment, seed), experiment.task(seed)
    if not path.exists():
        return None
    with reading(path):
        result = _parsed(read_file(path))
        if result["key"] != task.key:
            return None
        _check(result, task)
    return result


def write_result(results: Path, experiment: Experiment, seed: int, result: dict[str, Any]) -> Path:
    """Write the result of an experiment's seed, and return its file."""
    path = result_path(results, experiment, seed)
    write_atomic(path, json.dumps(result, indent=1).encode() + b"\n")
    return path


def cells_path(results: Path, sweep: Sweep) -> Path:
    """Return the file of a sweep's cells."""
    return results / "sweeps" / f"{sweep.name}.jsonl"


def read_cells(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last line of each cell of a sweep, by key; one with an error only if the cell has no other.

    A last line that was not written to its end, as a machine that stops leaves it, is passed over.

    Raises
    ------
    BackspikeError
        The file cannot be read, or a line within it is damaged.
    """
    if not path.exists():
        return {}
    *lines, rest = read_file(path).split(b"\n")
    if _whole(rest):
        lines.append(rest)
    cells: dict[str, dict[str, Any]] = {}
    for number, text in enumerate(lines, start=1):
        with reading(path, f"line {number} of"):
            line = _parsed(text)
            if "error" not in line or "error" in cells.get(line["key"], line):
                cells[line["key"]] = line
    return cells


def sweep_results(results: Path, sweep: Sweep) -> dict[str, dict[str, Any]]:
    """Return the results of a sweep's cells, by key, without those that failed; lines of older cells are passed over.

    Raises
    ------
    BackspikeError
        The file cannot be read, or a line of it is damaged.
    """
    path = cells_path(results, sweep)
    lines = read_cells(path)
    found: dict[str, dict[str, Any]] = {}
    for cell in sweep.cells():
        line = lines.get(cell.task.key, {"error": ""})
        if "error" not in line:
            values = ", ".join(f"{axis} = {shown(value)}" for axis, value in cell.values.items())
            with reading(path, f"the line of {values}, seed {cell.task.seed}, in"):
                _check(line, cell.task)
            found[cell.task.key] = line
    return found


def append_cell(path: Path, cell: dict[str, Any]) -> None:
    """Append a line, in one piece; a line before it that was not written to its end is dropped.

    Raises
    ------
    BackspikeError
        The file cannot be written.
    """
    make_directory(path.parent)
    try:
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    file.seek(0)
                    content = file.read()
                    rest = content[content.rfind(b"\n") + 1 :]
                    if _whole(rest):
                        file.write(b"\n")
                    else:
                        file.truncate(len(content) - len(rest))
            file.write(json.dumps(cell).encode() + b"\n")
    except OSError as error:
        raise BackspikeError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def own_cells(path: Path) -> Iterator[None]:
    """Keep a file of cells to oneself; it is made if it is missing.

    Raises
    ------
    BackspikeError
        Another process has it, or it cannot be written.
    """
    make_directory(path.parent)
    try:
        path.touch()
    except OSError as error:
        raise BackspikeError(f"cannot write {path}: {error.strerror}") from error
    with locked(path):
        yield


def _whole(line: bytes) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except (ValueError, RecursionError):
        return False


def _parsed(text: bytes) -> dict[str, Any]:
    result = parse_json(text)
    if not isinstance(result, dict) or not isinstance(result.get("key"), str):
        raise ValueError("it is no result")
    return result


def _check(result: dict[str, Any], task: Task) -> None:
    """Raise `BackspikeError` unless all that the results page needs is there, and can be."""
    trained = dict(take(result, "task", dict, "a result"))
    # Files of earlier versions have values in it that decide no result.
    network = take(trained, "network", dict, "task of a result")
    trained["network"] = {key: value for key, value in network.items() if key in task.decisive}
    if trained != task.to_dict():
        raise BackspikeError("it is damaged: its task is not the one of its key")
    require_origin(result)
    require_numbers(result, "float_accuracy", None, 1)
    if task.float_only:
        return
    require_numbers(result, "test_accuracy", None, 1)
    if task.scenario:
        task.scenario.check(take(result, "scenario", dict, "a result"))
        return
    require_numbers(result, "test_curve", task.epochs, 1)
    require_numbers(result, "epoch_seconds", task.epochs)
    for kind in ("training", "test"):
        counts = take(result, kind, dict, "a result")
        for key in ("samples", "ticks", "error_ticks"):
            require_numbers(counts, key, None)
        for key in ("rows", "writes"):
            require_numbers(counts, key, task.network.depth)
        if not (counts["samples"] and counts["ticks"]):
            raise BackspikeError(f"samples and ticks of {kind} must be above 0")


def require_origin(result: dict[str, Any]) -> None:
    """Raise `BackspikeError` unless a result says on what machine it was computed, and in how many seconds."""
    made = take(result, "machine", dict, "a result")
    for key in ("processor", "cores", "system"):
        if key not in made:
            raise BackspikeError(f"machine of a result must give {key}")
    take(made, "versions", dict, "machine of a result")
    require_numbers(result, "seconds", None)


def require_numbers(values: dict[str, Any], key: str, count: int | None, high: float = math.inf) -> None:
    """Raise `BackspikeError` unless a value is a number from 0 to `high`, or a list of so many."""
    found = [take(values, key, float, "a result")] if count is None else take(values, key, list, "a result")
    real = all(isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n <= high for n in found)
    if not real or len(found) != (1 if count is None else count):
        what = "a number" if count is None else f"{count} numbers"
        bound = "from 0" if high == math.inf else f"from 0 to {high}"
        raise BackspikeError(f"{key} of a result must be {what} {bound}, not {shown(values[key])}")
