"""The engines that compute a network: by name, all of them the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError
from backspike.model.network import Network

__all__ = ["DEFAULT_ENGINE", "ENGINES", "Engine", "load_engine"]

Engine = Callable[[Network, NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], bool], NDArray[np.int64]]
"""Shows samples to a network, which moves on: values, labels, order and learn flag in, wins of each class out."""

ENGINES = ("fast", "numpy", "rtl")
"""Names of the engines: compiled loops, the NumPy that says what is meant, and the simulated Verilog."""

DEFAULT_ENGINE = "fast"


def load_engine(name: str | Engine) -> Engine:
    """Return an engine by name; one that is none of those named is returned as it is.

    Raises
    ------
    BackspikeError
        There is none of that name.
    """
    if callable(name):
        return name
    if name == "numpy":
        return Network.run_samples
    if name == "fast":
        # Imported when asked for: the compiler takes a second to load.
        from backspike.model.fast import run_samples

        return run_samples
    if name == "rtl":
        from backspike.sim.native import RtlEngine

        return RtlEngine()
    raise BackspikeError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
