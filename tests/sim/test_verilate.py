"""What Verilator's builds have in common: its headers, compiled once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from backspike import cache
from backspike.errors import BackspikeError
from backspike.sim import verilate
from backspike.sim.simulators import find_tools


def test_headers_that_cannot_be_compiled_are_one_sentence_however_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk a build is tried again, in another folder."""
    monkeypatch.setattr(cache, "_after_full", [])
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "build"
    folder.mkdir()
    tried = []

    def full(name: str, title: str, command: list[str], *rest: object) -> str:
        if command[-1] == "options":
            return "g++ -O1"
        tried.append(title)
        raise BackspikeError(f"{name} cannot build {title}: {os.strerror(errno.ENOSPC)}")

    monkeypatch.setattr(verilate, "_run", full)
    with pytest.warns(match="cannot be kept"), pytest.raises(BackspikeError, match=os.strerror(errno.ENOSPC)):
        verilate._compiled_headers(find_tools("verilator"), folder, ["make"])
    assert len(tried) == 2
    assert list(folder.iterdir()) == []
