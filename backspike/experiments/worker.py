"""What a Dask worker on this machine does when it starts: Ctrl-C is for the command, which ends its workers itself."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Worker

__all__ = ["dask_setup"]


def dask_setup(worker: Worker) -> None:
    """Let Ctrl-C pass; the name is the one that Dask calls."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
