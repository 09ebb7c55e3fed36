"""A process that trains cells for a sweep on the same machine: they come, and their results go, through a pipe.

The pipe is the two processes' own, so nobody else can reach it; and whoever starts a worker needs no
``if __name__ == "__main__"`` about it, since a worker does not run its parent's script.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from backspike.programs import python_command
from backspike.warned import tell_warnings

__all__ = ["Worker", "main", "stop"]

STOPPED_WITHIN = 60
"""Seconds within which a worker that was told to stop must have written its checkpoint."""


class Worker:
    """The parent's side of a worker.

    Ctrl-C at a terminal does not reach it: `stop` does, and so does the end of its parent, whatever ends that.

    Attributes
    ----------
    connection : Connection
        Ready to be read, in `multiprocessing.connection.wait`, when a call has ended or the worker has.
    process : Popen
    """

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                python_command(f"from backspike.experiments.worker import main; main({theirs.fileno()})"),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Let it call a function of a module; what the function returns comes through `result`.

        Raises
        ------
        OSError
            The worker has ended.
        """
        self.connection.send((function, arguments))

    def result(self) -> Any:
        """Return what the call gave, when it has ended.

        Raises
        ------
        EOFError, OSError
            The worker has ended.
        """
        return self.connection.recv()

    def ended(self) -> str:
        """Wait until it has ended by itself, and return how."""
        self.connection.close()
        status = self.process.wait()
        return f"signal {-status}" if status < 0 else f"exit status {status}"


def stop(workers: Iterable[Worker]) -> None:
    """Let workers write their checkpoints and end; those that do not are killed, all of them at once by Ctrl-C."""
    workers = list(workers)
    for worker in workers:
        worker.connection.close()
    try:
        for worker in workers:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(STOPPED_WITHIN)
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.wait()


def main(handle: int) -> None:
    """Do what comes through the pipe until its other end is closed: by the parent, or because it is no more."""
    calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
    connection: Connection[Any, Any] = Connection(handle)

    def listen() -> None:
        with suppress(EOFError, OSError):
            while True:
                calls.put(connection.recv())
        # A signal that comes just before the main thread begins to wait for a call would not wake it.
        calls.put(None)
        # In the main thread this is Ctrl-C: a training leaves a checkpoint of the very sample.
        os.kill(os.getpid(), signal.SIGINT)

    tell_warnings()
    # Even if the parent runs in the background of a script, where Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt, BrokenPipeError):
        threading.Thread(target=listen, daemon=True).start()
        while call := calls.get():
            function, arguments = call
            connection.send(function(*arguments))
        # The signal may still be on its way, and would be complained of in the end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
