"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import BackspikeError
from .interrupts import held_interrupts

__all__ = ["make_directory", "write_atomic"]


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

    Ctrl-C is held back until it is done, so that it leaves no temporary file either.

    Raises
    ------
    BackspikeError
        The file cannot be written.
    """
    make_directory(path.parent)
    try:
        with held_interrupts():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                # mkstemp makes private files; a product is as readable as any other new file.
                umask = os.umask(0)
                os.umask(umask)
                temporary.chmod(0o666 & ~umask)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BackspikeError(f"cannot write {path}: {error.strerror}") from error
