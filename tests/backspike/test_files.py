"""Files are read within bounds or refused in one sentence, and written whole or not at all."""

from __future__ import annotations

import io
import lzma
import os
import struct
import tracemalloc
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.files import make_directory, read_file, read_json, read_member, read_text, reading, write_atomic


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


def test_a_file_that_is_there_keeps_its_permissions(tmp_path) -> None:
    path = tmp_path / "private"
    path.touch(0o640)
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("before", [b"old", None])
def test_a_link_stays_and_what_it_leads_to_is_written(before, tmp_path) -> None:
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "file", tmp_path / "link"
    if before:
        target.write_bytes(before)
    link.symlink_to(target)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert [entry.name for entry in target.parent.iterdir()] == ["file"]


def test_what_is_no_file_is_written_into_and_stays(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        came = pool.submit(pipe.read_bytes)
        write_atomic(pipe, b"whole")
        assert came.result() == b"whole"
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
    # A terminal, as /dev/stdout may be one.
    here, there = os.openpty()
    terminal = Path(os.ttyname(there))
    write_atomic(terminal, b"on it")
    assert os.read(here, 100) == b"on it"
    assert terminal.is_char_device()
    os.close(here)
    with pytest.raises(BackspikeError, match=rf"^cannot write {terminal}: \w"):
        write_atomic(terminal, b"nowhere")
    os.close(there)


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


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(5, "Input/output error"), "cannot read thing PATH: Input/output error"),
        (MemoryError(), "cannot read thing PATH: it takes more memory than there is"),
        (RecursionError("maximum recursion depth exceeded"), "cannot read thing PATH: it is nested too deeply"),
        (RuntimeError("File 'x' is encrypted"), "cannot read thing PATH: File 'x' is encrypted"),
        (NotImplementedError("compression type 99"), "cannot read thing PATH: compression type 99"),
        (KeyError("epoch"), "thing PATH is damaged: it has no 'epoch'"),
        (TypeError("not iterable"), "thing PATH is damaged: a value in it is of the wrong kind (not iterable)"),
        (OverflowError("int too big"), "thing PATH is damaged: int too big"),
        (zlib.error("Error -3"), "thing PATH is damaged: Error -3"),
        (lzma.LZMAError("Corrupt input data"), "thing PATH is damaged: Corrupt input data"),
        (zipfile.BadZipFile("no\nzip"), "thing PATH is damaged: no"),
        (struct.error("unpack requires"), "thing PATH is damaged: unpack requires"),
        (EOFError(), "thing PATH is damaged: EOFError"),
        (ValueError("x" * 10_000), f"thing PATH is damaged: {'x' * 200}"),
        (BackspikeError("layers must be a list"), "thing PATH: layers must be a list"),
        (BackspikeError("thing PATH has no layers"), "thing PATH has no layers"),
        (BackspikeError("cannot read PATH: busy"), "cannot read PATH: busy"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_goes_wrong_in_reading_is_one_sentence(error, sentence) -> None:
    with pytest.raises(BackspikeError) as caught, reading("PATH", "thing"):
        raise error
    assert str(caught.value) == sentence


def test_ctrl_c_in_reading_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), reading("PATH"):
        raise KeyboardInterrupt


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(BackspikeError, match=r"^noise /dev/zero: it holds more than 1,000 bytes$"):
        read_file(Path("/dev/zero"), "noise", at_most=1000)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is damaged: Expecting property name"),
        (b"\xff", "is damaged: 'utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000, "^cannot read .*: it is nested too deeply$"),
        (b"[NaN]", "is damaged: NaN is no finite number$"),
        (b"[-Infinity]", "is damaged: -Infinity is no finite number$"),
        (b"[1e999]", "is damaged: 1e999 is no finite number$"),
    ],
)
def test_what_is_no_json_is_one_sentence(content, sentence, tmp_path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(BackspikeError, match=sentence) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_json_and_text_are_as_written(tmp_path) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"a": [1, 0.5, null, "\N{GREEK SMALL LETTER MU}"]}', encoding="utf-8")
    assert read_json(path) == {"a": [1, 0.5, None, "\N{GREEK SMALL LETTER MU}"]}
    assert read_text(path).endswith('\N{GREEK SMALL LETTER MU}"]}')


def zipped(content: bytes, method: int) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("member", content)
    return file


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_of_a_zip_is_its_content_or_too_large(method) -> None:
    with zipfile.ZipFile(zipped(bytes(1000), method)) as archive:
        assert read_member(archive, archive.infolist()[0], 1000) == bytes(1000)
        with pytest.raises(BackspikeError, match=r"^'member' in it takes 1,000 bytes, more than 999$"):
            read_member(archive, archive.infolist()[0], 999)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_is_unpacked_without_a_bound_is_refused(method) -> None:
    with (
        zipfile.ZipFile(zipped(bytes(1000), method)) as archive,
        pytest.raises(BackspikeError, match=r"^'member' in it is packed otherwise than by deflate$"),
    ):
        read_member(archive, archive.infolist()[0])


def test_a_member_that_says_less_than_it_holds_is_not_unpacked() -> None:
    """50 MB of zeros in 50 kB, of which the zip says that they are 10 bytes."""
    size = 50_123_456
    content = zipped(bytes(size), zipfile.ZIP_DEFLATED).getvalue()
    assert content.count(size.to_bytes(4, "little")) == 2
    lying = io.BytesIO(content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        with zipfile.ZipFile(lying) as archive, pytest.raises(zipfile.BadZipFile, match="Bad CRC-32"):
            read_member(archive, archive.infolist()[0], 1000)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
