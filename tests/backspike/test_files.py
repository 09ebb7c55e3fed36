"""Files are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.files import make_directory, write_atomic


def test_writes_and_overwrites(tmp_path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_new_file_is_as_readable_as_any(tmp_path) -> None:
    write_atomic(tmp_path / "atomic", b"")
    (tmp_path / "ordinary").write_bytes(b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_leaves_the_old_file_and_no_other(failure: BaseException, tmp_path, monkeypatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"good")

    def fail(self: Path, target: Path) -> None:
        raise failure

    monkeypatch.setattr(Path, "replace", fail)
    expected = BackspikeError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_atomic(path, b"half")
    assert path.read_bytes() == b"good"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_directory_below_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackspikeError, match=r"^cannot create directory .*file/below: Not a directory$"):
        make_directory(tmp_path / "file" / "below")
    with pytest.raises(BackspikeError, match=r"^cannot create directory .*file: File exists$"):
        make_directory(tmp_path / "file")


def test_file_that_is_a_directory_is_refused(tmp_path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(BackspikeError, match=r"^cannot write .*file: Is a directory$"):
        write_atomic(tmp_path / "file", b"")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_directory_without_write_permission_is_refused(tmp_path, monkeypatch) -> None:
    # Root may write anywhere, so the permission is asked of a stand-in.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(BackspikeError, match=r"^cannot write to directory "):
        make_directory(tmp_path)


def test_ctrl_c_right_after_the_renaming_is_ctrl_c(tmp_path, monkeypatch) -> None:
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> None:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "file", b"whole")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]
