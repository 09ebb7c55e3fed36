"""Word of what takes long: a bar on a terminal, and without one a line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tqdm import tqdm

__all__ = ["announced", "progress_bar"]

DELAY = 1.0
"""Seconds after which a step is long enough to be told of."""

logger = logging.getLogger(__name__)


@contextmanager
def announced(step: str) -> Iterator[None]:
    """Log `step` at the level INFO, once, if the block takes longer than a second: the command line prints it."""
    timer = threading.Timer(DELAY, logger.info, [f"{step} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@contextmanager
def progress_bar(total: int, unit: str, step: str, initial: int = 0, silent: bool = False) -> Iterator[tqdm]:
    """Give a progress bar on the standard error stream; where that is no terminal the step is `announced`.

    Parameters
    ----------
    total, initial : int
        Units there are, and those of them that are done.
    unit, step : str
        What is counted, in the plural; and what is done.
    silent : bool
        Whether nothing is to be seen or told; as it is where the level of Backspike's log is above INFO.
    """
    silent = silent or logging.getLogger("backspike").level > logging.INFO
    # disable=None: no bar where the error stream is no terminal.
    bar = tqdm(total=total, initial=initial, desc=step, unit=f" {unit}", leave=False, disable=True if silent else None)
    with ExitStack() as told, bar:
        if bar.disable and not silent:
            told.enter_context(announced(f"{step}, {total:,} {unit if total != 1 else unit.removesuffix('s')}"))
        yield bar
