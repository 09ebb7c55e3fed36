"""Result files: lines appended whole, read although the last may be cut off, and refused by name where damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backspike import BackspikeError
from backspike.experiments import report
from backspike.experiments.definitions import Experiment, Sweep, load_experiment, load_sweep
from backspike.experiments.results import (
    append_cell,
    cells_path,
    read_cells,
    read_result,
    result_path,
    sweep_results,
    write_result,
)

from .conftest import SWEEP, TINY
from .made_up import damaged, made_up


def test_the_last_line_of_a_cell_counts(tmp_path: Path) -> None:
    path = tmp_path / "made" / "cells.jsonl"
    assert read_cells(path) == {}
    lines: list[dict[str, Any]] = [{"key": "a", "error": "x"}, {"key": "b", "n": 1}, {"key": "a", "n": 2}]
    # A cell that failed when it was trained again still has its result.
    for line in [*lines, {"key": "b", "error": "y"}]:
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


@pytest.mark.parametrize(
    "content", [b"{", b"", b"1", b"{}", b'{"key": 1}', b'{"key": []}', b"[" * 9999, b"\xff", b'{"key": "a", "n": NaN}']
)
def test_a_line_that_is_no_cell_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cells.jsonl"
    path.write_bytes(b'{"key": "a"}\n' + content + b"\n")
    with pytest.raises(BackspikeError, match=r"line 2 of .*cells\.jsonl") as error:
        read_cells(path)
    assert "\n" not in str(error.value)


def one_experiment(folder: Path) -> tuple[Experiment, Sweep]:
    """Return an experiment and a sweep, in files of a folder."""
    (folder / "studies").mkdir()
    (folder / "tiny.toml").write_text(TINY)
    (folder / "studies" / "ticks.toml").write_text(SWEEP)
    return load_experiment(folder / "tiny.toml"), load_sweep(folder / "studies" / "ticks.toml")


@given(data=st.data())
def test_any_result_is_one_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """What is accepted makes a page; what is not is named, by the experiment and by the sweep alike."""
    folder = tmp_path_factory.mktemp("any")
    experiment, sweep = one_experiment(folder)
    cell = next(sweep.cells())
    result = data.draw(damaged(made_up(experiment.task(1), 0.5, 0.75)))
    line = data.draw(damaged({"values": cell.values, "seed": 1, **made_up(cell.task, 0.5, 0.75)}))
    write_result(folder, experiment, 1, result)
    append_cell(cells_path(folder, sweep), line)
    one = refused(lambda: read_result(folder, experiment, 1), result_path(folder, experiment, 1))
    other = refused(lambda: sweep_results(folder, sweep), cells_path(folder, sweep))
    with mock.patch.multiple(report, curves_picture=lambda *_: b"", study_picture=lambda *_: b""):
        if one or other:
            with pytest.raises(BackspikeError):
                report.write_report(folder, folder, folder / "docs")
            assert not (folder / "docs").exists()
        else:
            report.write_report(folder, folder, folder / "docs")


def refused(reader: Callable[[], object], path: Path) -> bool:
    """Return whether a reader refuses a file, which it must do in one sentence that names it."""
    try:
        reader()
    except BackspikeError as error:
        sentence = str(error)
    else:
        return False
    assert str(path) in sentence
    assert "\n" not in sentence
    return True


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"test_accuracy": None}, "test_accuracy of a result must be a (finite )?number, not None"),
        ({"test_accuracy": 1.5}, "test_accuracy of a result must be a number from 0 to 1, not 1.5"),
        ({"test_curve": [0.5]}, r"test_curve of a result must be 2 numbers from 0 to 1, not \[0\.5\]"),
        ({"epoch_seconds": [1, -1]}, r"epoch_seconds of a result must be 2 numbers from 0, not \[1, -1\]"),
        ({"training": {}}, "a result must give samples"),
        ({"machine": {}}, "machine of a result must give processor"),
        ({"task": {}}, "task of a result must give network"),
    ],
)
def test_what_is_wrong_with_a_result_is_said(experiments: Path, tmp_path: Path, change: dict, sentence: str) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    path = write_result(tmp_path, experiment, 1, {**made_up(experiment.task(1), 0.5, 0.75), **change})
    with pytest.raises(BackspikeError, match=f"^{path}: {sentence}$"):
        read_result(tmp_path, experiment, 1)
    whole = made_up(experiment.task(1), 0.5, 0.75)
    for key in ("float_accuracy", "test_accuracy", "test_curve", "training", "test", "seconds", "machine", "task"):
        path.write_text(json.dumps({name: value for name, value in whole.items() if name != key}))
        with pytest.raises(BackspikeError, match=f"^{path}: a result must give {key}$"):
            read_result(tmp_path, experiment, 1)
    # A result of the experiment as it was is none, whatever it has.
    path.write_text('{"key": "of old"}')
    assert read_result(tmp_path, experiment, 1) is None


def test_the_projects_own_results_can_be_read() -> None:
    root = Path(__file__).parents[3]
    experiment = load_experiment(root / "experiments" / "mnist.toml")
    assert all(read_result(root / "results", experiment, seed) for seed in experiment.seeds)
    sweep = load_sweep(root / "experiments" / "studies" / "ticks.toml")
    assert len(sweep_results(root / "results", sweep)) == len(list(sweep.cells()))
