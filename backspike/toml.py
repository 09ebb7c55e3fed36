"""TOML files, and the tables in them: every name and type checked, every error one sentence."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from .errors import BackspikeError, shown
from .files import read_file, reading

__all__ = ["LARGEST", "read_toml", "require_known", "take"]


LARGEST = 1 << 16
"""Bytes of the largest file: a thousand times what a configuration takes."""

# Names in tables in tables, as `a.b.c`, take memory and time by the square of their number.
_DEEP = re.compile(r"(?:[^\s.=,]{1,16}\s?\.\s?){100}")


def read_toml(path: Path, what: str = "") -> dict[str, Any]:
    """Return the content of a TOML file; a mark of the byte order before it is passed over.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, in words before its name, where it cannot be read.

    Raises
    ------
    BackspikeError
        It cannot be read, is larger than `LARGEST`, is nested too deeply, or is no TOML.
    """
    with reading(path, what):
        try:
            text = read_file(path, what, LARGEST).decode("utf-8-sig")
            if _DEEP.search(text):
                raise RecursionError
            return tomllib.loads(text)
        # Also what is no UTF-8, and numbers of more digits than Python takes.
        except ValueError as error:
            raise BackspikeError(f"{path} is not valid TOML: {str(error).splitlines()[0]}") from error


def require_known(values: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Raise `BackspikeError` for the first name in a table that it cannot have."""
    known = list(known)
    for key in values:
        if key not in known:
            raise BackspikeError(f"{shown(key)} is not a value of {what}; known are {', '.join(known)}")


def take(values: Mapping[str, Any], key: str, kind: type, what: str, default: Any = None) -> Any:
    """Return a value of a table, checked for its type; `default` if it is missing, or an error if there is none."""
    if key not in values:
        if default is None:
            raise BackspikeError(f"{what} must give {key}")
        return default
    value = values[key]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        with suppress(OverflowError):
            value = float(value)
    infinite = isinstance(value, float) and not math.isfinite(value)
    if not isinstance(value, kind) or infinite or (isinstance(value, bool) and kind is not bool):
        names = {
            int: "a whole number",
            float: "a finite number",
            str: "text",
            list: "a list",
            dict: "a table",
            bool: "a truth",
        }
        raise BackspikeError(f"{key} of {what} must be {names[kind]}, not {shown(value)}")
    return value
