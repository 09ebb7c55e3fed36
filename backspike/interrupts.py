"""Ctrl-C at a moment of our choosing, so that what is written down is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["held_interrupts"]


@contextmanager
def held_interrupts() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back; the function given tells whether one has come, and leaving the block lets it out.

    Outside the main thread, where Python delivers no signals, nothing is held and none ever comes. Within another such
    block it is let out to that one.

    Raises
    ------
    KeyboardInterrupt
        At the block's end, if Ctrl-C came within it.
    """
    came = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        came.set()

    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)
    if came.is_set() and callable(before):
        before(signal.SIGINT, None)
