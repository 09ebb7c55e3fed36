"""Long steps told as they begin, on the standard error stream, with a terminal or without.

The other modules log; who uses them from Python decides what becomes of that. On the command line `-q` leaves nothing
of it, progress bars included, and `-v` adds the level DEBUG: programs that are run, and builds that are found.
"""

from __future__ import annotations

import logging
import sys

from tqdm import tqdm

__all__ = ["show_log"]


class _Console(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(record.getMessage(), file=sys.stderr)  # above a progress bar, if there is one


def show_log(level: int = logging.INFO) -> None:
    """Show what Backspike's modules log from this level on, from now on."""
    log = logging.getLogger("backspike")
    if not any(isinstance(handler, _Console) for handler in log.handlers):
        log.addHandler(_Console())
    log.setLevel(level)
