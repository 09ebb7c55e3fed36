"""Warnings of ours as the command line gives them, in its own process and in those that work for it."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from typing import Any

from .errors import BackspikeWarning

__all__ = ["tell_warnings"]


def tell_warnings() -> None:
    """Have each of our warnings told once, in one sentence on the standard error stream, wherever it comes from."""
    told = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, BackspikeWarning):
            text = warnings.formatwarning(message, category, *where[:2])
        elif str(message) in told:
            return
        else:
            told.add(str(message))
            text = f"warning: {message}\n"
        # An error stream that takes nothing is no reason to end what goes on.
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()

    warnings.showwarning = show
    # Whatever PYTHONWARNINGS says: an error would be a traceback, and ignored it would be no warning.
    warnings.simplefilter("always", BackspikeWarning)
