"""The error and the warning that a user sees as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["BackspikeError", "BackspikeWarning", "loading", "shown"]


class BackspikeError(Exception):
    """Bad input or a missing prerequisite; its text is one clear sentence, shown without a traceback."""


class BackspikeWarning(UserWarning):
    """What can be worked with, but hardly is what was meant; one sentence, and the command line shows no more."""


@contextmanager
def loading(library: str) -> Iterator[None]:
    """Turn whatever a library raises while it is imported into one `BackspikeError`.

    It may be missing; and some read variables and files of the user's then, which can be wrong.
    """
    try:
        yield
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackspikeError(f"{library} cannot be loaded: {reason}") from error


def shown(value: Any) -> str:
    """Return a value as the sentence of a `BackspikeError` quotes it: in one line, and cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # An integer of more digits than Python prints, or lists in lists without end.
        text = f"a very long {type(value).__name__}"
    text = text.replace("\n", " ")
    return text if len(text) <= 100 else f"{text[:97]}..."
