"""The engines that compute a network: by name, all of them the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError
from backspike.model.network import Network
from backspike.progress import progress_bar

__all__ = ["DEFAULT_ENGINE", "ENGINES", "Engine", "load_engine", "show_chunks"]

CHUNK = 256
"""Samples shown between two looks at the clock: progress is shown, and Ctrl-C heard, this often."""

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


def show_chunks(
    network: Network,
    values: NDArray[np.uint8],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    learn: bool,
    show: Engine,
    title: str,
    initial: int = 0,
    silent: bool = False,
    interrupted: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Show samples to a network, which moves on, with a progress bar; give the indices and the wins of each chunk.

    Parameters
    ----------
    network, values, labels, order, learn
        As an `Engine` takes them.
    show : Engine
    title : str
        What is done, in words.
    initial : int
        Samples that were shown before these, for the bar.
    silent : bool
        Whether nothing is to be seen.
    interrupted : callable, optional
        Asked before each chunk; nothing more is shown once it says so.

    Yields
    ------
    int64 array, shape (chunk,), and int64 array, shape (chunk, n_L)
    """
    with progress_bar(initial + len(order), "samples", title, initial=initial, silent=silent) as bar:
        for start in range(0, len(order), CHUNK):
            if interrupted():
                break
            chunk = order[start : start + CHUNK]
            yield chunk, show(network, values, labels, chunk, learn)
            bar.update(len(chunk))
