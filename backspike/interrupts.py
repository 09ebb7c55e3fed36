"""Ctrl-C and termination at a moment of our choosing, so that what is written down is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

__all__ = ["Terminated", "held_interrupts", "raised_terminations"]

TERMINATIONS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a process to end: of `kill`, of a batch system, and of a terminal that is closed."""


class Terminated(SystemExit):
    """The process was asked to end, by the signal `number`; its exit status is that of shells, 128 + `number`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = self.status = 128 + number


class _Note:
    """A handler that remembers the first signal that came, and does nothing else."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number


@contextmanager
def held_interrupts() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C and termination back; the function given tells whether one has come.

    Leaving the block lets out the first that came: to the handler that was there before, which within another such
    block is that block's; where the signal would have ended the process on the spot, an exception does. A block that
    stopped its work half done has to raise one itself if it goes on after its end: not every handler does.

    What is ignored stays ignored, as Ctrl-C is in the background of a script; what is handled outside Python stays so.
    Outside the main thread, where Python delivers no signals, nothing is held and none ever comes.

    Raises
    ------
    KeyboardInterrupt
        At the block's end, if Ctrl-C came within it.
    Terminated
        At the block's end, if SIGTERM or SIGHUP came within it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    note = _Note()
    before: dict[int, Any] = {}
    with ExitStack() as handlers:
        for number in (signal.SIGINT, *TERMINATIONS):
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):
                before[number] = handler
                handlers.callback(signal.signal, number, handler)
                signal.signal(number, note)
        try:
            yield lambda: note.number is not None
        finally:
            # Also if an error goes before it: the block around must hear of it.
            for handler in before.values():
                if note.number and isinstance(handler, _Note):
                    handler(note.number, None)
    if note.number:
        handler = before[note.number]
        if handler == signal.SIG_DFL:
            raise KeyboardInterrupt if note.number == signal.SIGINT else Terminated(note.number)
        handler(note.number, None)


@contextmanager
def raised_terminations() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated` where they would end the process on the spot.

    So files are put away and simulators ended, as after Ctrl-C. Does nothing outside the main thread.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    with ExitStack() as handlers:
        if threading.current_thread() is threading.main_thread():
            for number in TERMINATIONS:
                if signal.getsignal(number) == signal.SIG_DFL:
                    handlers.callback(signal.signal, number, signal.SIG_DFL)
                    signal.signal(number, end)
        yield
