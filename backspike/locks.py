"""Folders that one process at a time writes to."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .errors import BackspikeError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path, within: float = 0.0) -> Iterator[None]:
    """Keep a folder, which must exist, to oneself; the lock is the folder's own, and goes with the process that has it.

    Parameters
    ----------
    folder : Path
    within : float
        Seconds to wait for it.

    Raises
    ------
    BackspikeError
        Another process, or another part of this one, has it; or the file system has no locks.
    """
    end = time.monotonic() + within
    with ExitStack() as closing:
        try:
            handle = os.open(folder, os.O_RDONLY)
            closing.callback(os.close, handle)
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise
                    time.sleep(0.05)
        except BlockingIOError as error:
            raise BackspikeError(
                f"another process writes to {folder}; wait for it, or choose another folder"
            ) from error
        except OSError as error:
            raise BackspikeError(f"cannot lock {folder}: {error.strerror}") from error
        yield
