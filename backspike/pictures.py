"""Pictures by Matplotlib that look the same for everyone: no style, backend or fonts of the user's decide them."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import loading

__all__ = ["own_style", "plain"]


@contextmanager
def own_style(**settings: Any) -> Iterator[None]:
    """Draw with Matplotlib's own defaults, whatever a ``matplotlibrc`` in the user's or this folder says.

    Import Matplotlib's modules within it, not before: a wrong MPLBACKEND stops the first import, and no picture that is
    drawn here needs a backend.

    Parameters
    ----------
    **settings
        What differs from the defaults, with ``_`` for the point in a name: ``svg_hashsalt="backspike"``.

    Raises
    ------
    BackspikeError
        Matplotlib is missing, or cannot be loaded.
    """
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        with loading("Matplotlib"):
            from matplotlib import rc_context, rcdefaults
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    with rc_context():
        rcdefaults()
        # Its names are a type of their own, which no text is.
        changes: Any = {name.replace("_", ".", 1): value for name, value in settings.items()}
        with rc_context(changes):
            yield


def plain(text: str, width: int | None = None) -> str:
    """Return a text as it has to be written to be read as it is: between dollars Matplotlib takes it for a formula.

    Parameters
    ----------
    text : str
    width : int, optional
        Characters of the longest line; a longer text is written in several.
    """
    lines = textwrap.wrap(text, width) if width else [text]
    return "\n".join(lines).replace("$", r"\$")
