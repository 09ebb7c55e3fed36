"""Results as files: one JSON file a seed of an experiment, one line of JSON a cell of a sweep."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic

from .definitions import Experiment, Sweep

__all__ = ["append_cell", "cells_path", "read_cells", "read_result", "result_path", "write_result"]


def result_path(results: Path, experiment: Experiment, seed: int) -> Path:
    """Return the file of an experiment's seed."""
    return results / experiment.name / f"seed-{seed}.json"


def read_result(results: Path, experiment: Experiment, seed: int) -> dict[str, Any] | None:
    """Return the result of an experiment's seed; None if there is none of the experiment as it is now.

    Raises
    ------
    BackspikeError
        The file cannot be read or is damaged.
    """
    path = result_path(results, experiment, seed)
    if not path.exists():
        return None
    result = _parsed(_text(path), str(path))
    return result if result["key"] == experiment.task(seed).key else None


def write_result(results: Path, experiment: Experiment, seed: int, result: dict[str, Any]) -> Path:
    """Write the result of an experiment's seed, and return its file."""
    path = result_path(results, experiment, seed)
    write_atomic(path, json.dumps(result, indent=1).encode() + b"\n")
    return path


def cells_path(results: Path, sweep: Sweep) -> Path:
    """Return the file of a sweep's cells."""
    return results / "sweeps" / f"{sweep.name}.jsonl"


def read_cells(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last line of each cell of a sweep, by key.

    A last line that was not written to its end, as a machine that stops leaves it, is passed over.

    Raises
    ------
    BackspikeError
        The file cannot be read, or a line within it is damaged.
    """
    if not path.exists():
        return {}
    *lines, rest = _text(path).split("\n")
    if rest and _whole(rest):
        lines.append(rest)
    parsed = [_parsed(line, f"line {number} of {path}") for number, line in enumerate(lines, start=1)]
    return {line["key"]: line for line in parsed}


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
                    if _whole(rest.decode(errors="replace")):
                        file.write(b"\n")
                    else:
                        file.truncate(len(content) - len(rest))
            file.write(json.dumps(cell).encode() + b"\n")
    except OSError as error:
        raise BackspikeError(f"cannot write {path}: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BackspikeError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BackspikeError(f"{path} is damaged: it is no text") from error


def _whole(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        result = json.loads(text)
    except ValueError as error:
        raise BackspikeError(f"{what} is damaged: {error}") from error
    if not isinstance(result, dict) or "key" not in result:
        raise BackspikeError(f"{what} is damaged: it is no result")
    return result
