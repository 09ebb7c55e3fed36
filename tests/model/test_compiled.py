"""Numba's cache may be missing or full: then it is compiled again, and nothing fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numba
import pytest
from numba.core.caching import InTreeCacheLocator, UserWideCacheLocator

from backspike.errors import BackspikeError, BackspikeWarning
from backspike.model import compiled as module
from backspike.model.compiled import compiled


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where Numba would keep what it compiles, were it told where: beside the source nothing can be written."""
    for locator in (InTreeCacheLocator, UserWideCacheLocator):
        monkeypatch.setattr(locator, "ensure_cache_path", lambda self: _refuse())
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path))
    return tmp_path


def _refuse():
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def add_two(number: int) -> int:
    return number + 2


def kept(folder: Path) -> list[str]:
    return [path.suffix for path in folder.rglob("*.nbc")]


def test_where_numba_finds_no_place_backspikes_cache_is_one(folder):
    assert compiled(add_two)(3) == 5
    assert kept(folder / "numba") == [".nbc"]
    assert not numba.config.CACHE_DIR  # as it was


@pytest.mark.filterwarnings("ignore::backspike.errors.BackspikeWarning")
def test_without_any_place_it_is_compiled_with_a_warning(folder, monkeypatch):
    monkeypatch.setenv("BACKSPIKE_CACHE", "/dev/null/cache")
    with pytest.warns(BackspikeWarning, match=r"^the fast engine is compiled in every process: cannot cache function"):
        function = compiled(add_two)
    assert function(3) == 5


def test_a_place_that_is_full_costs_a_warning(folder, monkeypatch):
    function = compiled(add_two)

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/the/cache")

    monkeypatch.setattr(function._cache._cache_file, "save", full)
    with pytest.warns(
        BackspikeWarning, match=r"^the fast engine is compiled again next time: /the/cache: No space left"
    ):
        assert function(3) == 5
    assert kept(folder) == []


def test_compiling_is_told_once_and_not_where_it_was_kept(folder, monkeypatch, caplog):
    monkeypatch.setattr(module._tell, "_told", False)
    with caplog.at_level("INFO", "backspike"):
        function = compiled(add_two)
        assert (function(3), function(3.0)) == (5, 5.0)
    assert [record.getMessage() for record in caplog.records] == ["compiling the fast engine ..."]
    caplog.clear()
    monkeypatch.setattr(module._tell, "_told", False)
    with caplog.at_level("INFO", "backspike"):
        assert compiled(add_two)(4) == 6  # from the cache
        assert numba.njit(lambda number: number)(1) == 1  # another's
    assert caplog.records == []


def test_what_is_not_compiled_is_refused(monkeypatch):
    """Python's integers have no 64 bits: the loops would compute something else."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(BackspikeError, match=r"NUMBA_DISABLE_JIT is set; the engine numpy can do without$"):
        compiled(lambda number: number)
