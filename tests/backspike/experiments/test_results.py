"""Lines of cells: appended whole, and read although the last one may have been cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.experiments.results import append_cell, read_cells


def test_the_last_line_of_a_cell_counts(tmp_path: Path) -> None:
    path = tmp_path / "made" / "cells.jsonl"
    assert read_cells(path) == {}
    for line in ({"key": "a", "error": "x"}, {"key": "b", "n": 1}, {"key": "a", "n": 2}):
        append_cell(path, line)
    assert read_cells(path) == {"a": {"key": "a", "n": 2}, "b": {"key": "b", "n": 1}}


def test_a_line_cut_off_at_any_byte_is_passed_over_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    append_cell(path, {"key": "a", "text": "é"})
    first = path.read_bytes()
    append_cell(path, {"key": "b", "n": 1})
    whole = path.read_bytes()
    for length in range(len(first), len(whole)):
        path.write_bytes(whole[:length])
        complete = length >= len(whole) - 1
        assert set(read_cells(path)) == ({"a", "b"} if complete else {"a"}), length
        append_cell(path, {"key": "c"})
        assert set(read_cells(path)) == ({"a", "b", "c"} if complete else {"a", "c"}), length
        assert path.read_bytes().startswith(whole if complete else first)


def test_a_damaged_line_within_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    path.write_text('{"key": "a"}\n{"key"\n{"key": "b"}\n')
    with pytest.raises(BackspikeError, match=r"^line 2 of .*cells\.jsonl is damaged: "):
        read_cells(path)
