"""What the classes are called, in a file beside a checkpoint, which knows them by number alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading, write_atomic

__all__ = ["LONGEST", "checked_name", "names_path", "read_names", "write_names"]

LONGEST = 12
"""Characters of the longest name."""


def names_path(checkpoint: Path) -> Path:
    """Return the file with the names of a checkpoint's classes."""
    return Path(f"{checkpoint}.names.json")


def checked_name(name: object) -> str:
    """Return the name of a class without white space around it.

    Raises
    ------
    BackspikeError
        It is no text of 1 to `LONGEST` characters that can be seen.
    """
    text = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= LONGEST or not text.isprintable():
        raise BackspikeError(f"a name must have 1 to {LONGEST} characters that can be seen, not {shown(name)}")
    return text


def read_names(checkpoint: Path, classes: int) -> list[str | None] | None:
    """Return the names of a checkpoint's classes, None for one without; None if there is no file of them.

    Raises
    ------
    BackspikeError
        The file is damaged, or of another number of classes.
    """
    path = names_path(checkpoint)
    if not path.is_file():
        return None
    with reading(path):
        content = read_json(path)
        if not isinstance(content, list) or len(content) != classes:
            raise BackspikeError(f"it must be a list of {classes} names, one per class")
        names = [None if name is None else checked_name(name) for name in content]
        given = [name for name in names if name is not None]
        if len(set(given)) != len(given):
            raise BackspikeError("it has one name for two classes")
    return names


def write_names(checkpoint: Path, names: Sequence[str | None]) -> None:
    """Write the names beside a checkpoint."""
    write_atomic(names_path(checkpoint), json.dumps(names, ensure_ascii=False).encode() + b"\n")
