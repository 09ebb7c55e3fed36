"""Loops that Numba compiles at their first use, and keeps if there is any place to keep them in."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

from backspike.cache import cache_directory
from backspike.errors import BackspikeError, BackspikeWarning, loading

with loading("Numba"):
    from numba import config, njit
    from numba.core import event

__all__ = ["compiled"]

log = logging.getLogger(__name__)


def compiled(function: Callable[..., Any]) -> Any:
    """Return a function as Numba compiles it, without Python's lock while it runs.

    What is compiled is kept where Numba keeps it: beside the source, or in the user's cache folder; where neither can
    be written, in Backspike's cache. A place that is full costs a warning. That compiling begins is logged, once.

    Raises
    ------
    BackspikeError
        Numba is told to compile nothing: in Python's own integers the loops would compute something else.
    """
    settings: Any = config
    if settings.DISABLE_JIT:
        raise BackspikeError(
            "the fast engine cannot be compiled while NUMBA_DISABLE_JIT is set; the engine numpy can do without"
        )
    dispatcher = njit(nogil=True)(function)
    try:
        _keep(dispatcher)
    except RuntimeError as error:
        warnings.warn(f"the fast engine is compiled in every process: {error}", BackspikeWarning, stacklevel=2)
    _tell.ours.append(dispatcher)
    return dispatcher


def _keep(dispatcher: Any) -> None:
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # Numba has found no folder that can be written
        settings: Any = config
        named, settings.CACHE_DIR = settings.CACHE_DIR, str(cache_directory() / "numba")
        try:
            dispatcher.enable_caching()
        finally:
            settings.CACHE_DIR = named
    save = dispatcher._cache.save_overload

    def save_if_possible(signature: Any, data: Any) -> None:
        try:
            save(signature, data)
        except OSError as error:
            sentence = f"the fast engine is compiled again next time: {error.filename}: {error.strerror}"
            warnings.warn(sentence, BackspikeWarning, stacklevel=2)

    dispatcher._cache.save_overload = save_if_possible


class _Tell(event.Listener):
    """Logs that functions of this module's are compiled, not taken from the cache."""

    def __init__(self) -> None:
        self.ours: list[Any] = []
        self._told = False

    def on_start(self, event: Any) -> None:
        if not self._told and event.data["dispatcher"] in self.ours:
            self._told = True
            log.info("compiling the fast engine ...")

    def on_end(self, event: Any) -> None:
        pass


_tell = _Tell()
register: Callable[..., None] = event.register
register("numba:compile", _tell)
