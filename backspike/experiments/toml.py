"""Tables read from TOML files, every name and type checked, every error with the file's name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from backspike.errors import BackspikeError

__all__ = ["read_toml", "require_known", "take"]


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    BackspikeError
        It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BackspikeError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BackspikeError(f"{path} is not valid TOML: {error}") from error


def require_known(values: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Raise `BackspikeError` for the first name in a table that it cannot have."""
    known = list(known)
    for key in values:
        if key not in known:
            raise BackspikeError(f"{key!r} is not a value of {what}; known are {', '.join(known)}")


def take(values: Mapping[str, Any], key: str, kind: type, what: str, default: Any = None) -> Any:
    """Return a value of a table, checked for its type; `default` if it is missing, or an error if there is none."""
    if key not in values:
        if default is None:
            raise BackspikeError(f"{what} must give {key}")
        return default
    value = values[key]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = {
            int: "a whole number",
            float: "a number",
            str: "text",
            list: "a list",
            dict: "a table",
            bool: "a truth",
        }
        raise BackspikeError(f"{key} of {what} must be {names[kind]}, not {value!r}")
    return value
