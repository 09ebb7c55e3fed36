"""Files: read within bounds or refused in one sentence, written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from .errors import BackspikeError, shown
from .interrupts import held_interrupts

__all__ = [
    "LARGEST",
    "make_directory",
    "parse_json",
    "read_file",
    "read_json",
    "read_member",
    "read_stream",
    "read_text",
    "reading",
    "write_atomic",
]

LARGEST = 1 << 30
"""Bytes of the largest file that is read at once, unpacked: the largest of EMNIST takes half of it."""

_BLOCK = 1 << 20


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def reading(path: Path | str, what: str = "") -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into one sentence that names the file.

    The block holds the reading and the taking apart of that one file and nothing else, since every exception in it
    is laid to the file. They are not listed: what NumPy, zipfile, zlib, json and a look into their results raise on
    foreign bytes is no short list, and changes with their versions.

    Parameters
    ----------
    path : Path or str
    what : str
        What the file is, in words before its name: ``"checkpoint"``.

    Raises
    ------
    BackspikeError
        Instead of every `Exception`. A `BackspikeError` is passed on; the file's name comes before it, unless it begins
        with that already.
    """
    name = f"{what} {path}" if what else f"{path}"
    try:
        yield
    except BackspikeError as error:
        if str(error).startswith((name, f"{path}", f"cannot read {name}", f"cannot read {path}")):
            raise
        raise BackspikeError(f"{name}: {error}") from error
    except Exception as error:
        raise BackspikeError(_sentence(name, error)) from error


def _sentence(name: str, error: Exception) -> str:
    reason = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return f"cannot read {name}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"cannot read {name}: it takes more memory than there is"
    if isinstance(error, RecursionError):
        return f"cannot read {name}: it is nested too deeply"
    # What zipfile says of a zip that it cannot take apart, however right it is.
    if isinstance(error, RuntimeError):
        return f"cannot read {name}: {reason}"
    if isinstance(error, KeyError):
        return f"{name} is damaged: it has no {reason}"
    if isinstance(error, (TypeError, AttributeError)):
        return f"{name} is damaged: a value in it is of the wrong kind ({reason})"
    return f"{name} is damaged: {reason}"


def read_stream(file: _Readable, at_most: int = LARGEST) -> bytes:
    """Return the rest of an open file, which need not say how long it is.

    Raises
    ------
    BackspikeError
        There are more than `at_most` bytes; no more than a block beyond them is held meanwhile. The file's name is
        added by `reading`.
    """
    blocks, size = [], 0
    while block := file.read(_BLOCK):
        blocks.append(block)
        size += len(block)
        if size > at_most:
            raise BackspikeError(f"it holds more than {at_most:,} bytes")
    return b"".join(blocks)


def read_file(path: Path, what: str = "", at_most: int = LARGEST) -> bytes:
    """Return the content of a file.

    Raises
    ------
    BackspikeError
        It cannot be read, or is larger than `at_most` bytes.
    """
    with reading(path, what), path.open("rb") as file:
        return read_stream(file, at_most)


def read_text(path: Path, what: str = "") -> str:
    """Return the content of a UTF-8 file.

    Raises
    ------
    BackspikeError
        It cannot be read, or is no text.
    """
    with reading(path, what):
        return read_file(path, what).decode()


def read_json(path: Path, what: str = "") -> Any:
    """Return the content of a JSON file; it may be of any type, so look into it within `reading` as well.

    Raises
    ------
    BackspikeError
        It cannot be read, or `parse_json` refuses it.
    """
    with reading(path, what):
        return parse_json(read_file(path, what))


def parse_json(text: str | bytes) -> Any:
    """Return what JSON in UTF-8 says. Python's own parser also takes infinities and NaN, which are no JSON.

    Raises
    ------
    ValueError, RecursionError
        It is no JSON, has a number out of a float's range, or is nested too deeply.
    """
    return json.loads(text.decode() if isinstance(text, bytes) else text, parse_float=_finite, parse_constant=_finite)


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:40]} is no finite number")
    return value


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, at_most: int = LARGEST) -> bytes:
    """Return the content of a file in a zip, never unpacking more than the zip says that it is.

    Raises
    ------
    BackspikeError
        It is encrypted, larger than `at_most` bytes, or packed otherwise than by deflate: zipfile unpacks the other
        methods without a bound.
    Exception
        What zipfile and zlib raise on a damaged file; `reading` makes one sentence of it.
    """
    if member.file_size > at_most:
        raise BackspikeError(f"{shown(member.filename)} in it takes {member.file_size:,} bytes, more than {at_most:,}")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BackspikeError(f"{shown(member.filename)} in it is packed otherwise than by deflate")
    if member.flag_bits & 1:
        raise BackspikeError(f"{shown(member.filename)} in it is encrypted")
    with archive.open(member) as file:
        return read_stream(file, at_most)


def make_directory(path: Path) -> Path:
    """Create a directory and its parents, and return it.

    Raises
    ------
    BackspikeError
        It cannot be created, or cannot be written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackspikeError(f"cannot create directory {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise BackspikeError(f"cannot write to directory {path}")
    return path


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file by renaming a finished temporary one over it: a good file is never half overwritten.

    Ctrl-C is held back until it is done, so that it leaves no temporary file either. A link stays, and what it leads to
    is written; a file that is there keeps its permissions. What is no file, as ``/dev/stdout`` or a named pipe, is
    written into: nothing may be put in its place.

    Raises
    ------
    BackspikeError
        The file cannot be written.
    """
    try:
        before = path.stat()
    except OSError:
        before = None  # what is wrong with the place, if anything is, is found out below
    try:
        if before is not None and not stat.S_ISREG(before.st_mode):
            with path.open("wb") as file:
                file.write(content)
            return
        target = Path(os.path.realpath(path))
        make_directory(target.parent)
        with held_interrupts():
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                # mkstemp makes private files; a product is as readable as any other new file.
                umask = os.umask(0)
                os.umask(umask)
                temporary.chmod(0o666 & ~umask if before is None else stat.S_IMODE(before.st_mode))
                temporary.replace(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BackspikeError(f"cannot write {path}: {error.strerror or error}") from error
