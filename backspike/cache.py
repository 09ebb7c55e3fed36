"""What is built once and kept: a folder for each build, named by a hash of all that the build depends on."""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import fnmatch
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs

from .errors import BackspikeError, BackspikeWarning

__all__ = ["Build", "cache_directory", "cached", "kept_builds", "prune", "prune_leftovers", "size", "user_cache"]

log = logging.getLogger(__name__)

_CHECKSUMS = "checksums.json"
_LOCK = ".lock"

_KEY = "[0-9a-f]" * 32
"""Pattern of a build's folder: nothing else in the folder of builds is ours to delete, whoever has put it there."""


# -- where ----------------------------------------------------------------------------------------------------------


_after_full: list[Path] = []
"""The temporary folder that serves once a disk was found full."""


def user_cache() -> Path:
    """Return the folder in which a user's programs have their caches; where it cannot be written, a temporary one.

    The temporary one is deleted at the end of the process.
    """
    return _after_full[0] if _after_full else _usual_cache()


@cache
def _usual_cache() -> Path:
    folder = platformdirs.user_cache_path()
    reason = _why_not_writable(folder)
    return (
        _temporary(f"{folder}: {reason}; a folder to keep them in can be named in XDG_CACHE_HOME") if reason else folder
    )


def cache_directory() -> Path:
    """Return the folder that builds and datasets are kept in: ``BACKSPIKE_CACHE``, or one in `user_cache`.

    It can be deleted at any time. Builds are put there whole, by renaming, so that processes can share it.
    """
    named = os.environ.get("BACKSPIKE_CACHE")
    return Path(named).expanduser().absolute() if named else user_cache() / "backspike"


def _why_not_writable(folder: Path) -> str:
    if not folder.is_absolute():
        return "there is no home folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return str(error.strerror)


@cache
def _temporary(reason: str) -> Path:
    """Return a folder that is there until this process ends, and warn that it has to serve."""
    warnings.warn(f"what is built cannot be kept in {reason}", BackspikeWarning, stacklevel=2)
    folder = tempfile.mkdtemp(prefix="backspike-cache-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


# -- builds ---------------------------------------------------------------------------------------------------------


def cached(parts: Sequence[str], make: Callable[[Path], None], title: str) -> Path:
    """Return the folder that belongs to some texts, filled by ``make`` if it is missing or damaged.

    Where the cache cannot be written, or is full, the build is made in a temporary folder, with a warning.

    Parameters
    ----------
    parts : sequence of str
        All that the build depends on.
    make : callable
        Fills an empty folder. Beside it, in the same parent, it may leave what is deleted when it is done.
    title : str
        What is built, and with what: ``"digits, Verilator"``. Told (logged) before it is built, and listed.

    Raises
    ------
    BackspikeError
        ``make`` raised it, or there is no place at all to build in.
    """
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    entry = cache_directory() / "builds" / key
    if _intact(entry):
        with contextlib.suppress(OSError):
            os.utime(entry)  # used now: what has not been for long is pruned
        log.debug("%s: as built before, in %s", title, entry)
        return entry
    log.info("building %s ...", title)
    try:
        return _store(entry, make, title)
    except OSError as error:
        folder = _temporary(f"{entry.parent}: {error.strerror}")
        if error.errno == errno.ENOSPC:
            _after_full.append(folder)  # the disk may be that of a cache of the tools themselves
        instead = folder / "backspike" / "builds" / key  # where `cache_directory` may be from now on
    if _intact(instead):
        return instead
    try:
        return _store(instead, make, title)
    except OSError as error:
        raise BackspikeError(f"cannot build {title} in {instead.parent}: {error.strerror}") from error


def _store(entry: Path, make: Callable[[Path], None], title: str) -> Path:
    entry.parent.mkdir(parents=True, exist_ok=True)
    prune_leftovers(entry.parent)
    with _workplace(entry) as folder:
        fresh = folder / "entry"
        fresh.mkdir()
        try:
            make(fresh)
        except BackspikeError as error:
            # A compiler that finds the disk full says so and ends as with any other fault.
            if os.strerror(errno.ENOSPC) in str(error) or os.strerror(errno.EDQUOT) in str(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        (fresh / _CHECKSUMS).write_text(json.dumps({"title": title, "files": _checksums(fresh)}))
        with contextlib.suppress(OSError):
            entry.rename(folder / "damaged")
        try:
            fresh.rename(entry)
        except OSError:  # another process was quicker
            if not _intact(entry):
                raise
    return entry


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.name != _CHECKSUMS)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _description(entry: Path) -> dict[str, object]:
    found = json.loads((entry / _CHECKSUMS).read_text())
    return found if isinstance(found, dict) else {}


def _intact(entry: Path) -> bool:
    try:
        return bool(_description(entry)["files"] == _checksums(entry))
    except (OSError, ValueError, KeyError):
        return False


# -- killed builds --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _workplace(entry: Path) -> Iterator[Path]:
    """Make the folder that a build is made in, beside its entry, and delete it in the end.

    It is locked: the lock of a process that is killed goes with it, so that others know the folder for a leftover.
    """
    with contextlib.ExitStack() as stack:
        with _locked(_whole_lock(entry.parent)):  # no one prunes between the folder and its lock
            folder = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_locked(folder / _LOCK))
        yield folder


@contextlib.contextmanager
def _locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file; give whether it was to be had. Where files cannot be locked, nobody prunes."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True


def prune_leftovers(builds: Path) -> int:
    """Delete what killed builds have left, and return how many there were."""
    count = 0
    # What cannot be locked or deleted is left to the next.
    with contextlib.suppress(OSError), _locked(_whole_lock(builds)) as alone:
        for folder in builds.glob(f".{_KEY}-*") if alone else ():
            with contextlib.suppress(OSError), _locked(folder / _LOCK, wait=False) as free:
                if free:
                    shutil.rmtree(folder)
                    count += 1
    return count


def _whole_lock(builds: Path) -> Path:
    return builds.with_name("builds.lock")


# -- what is there --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Build:
    """A build in the cache.

    Attributes
    ----------
    folder : Path
    title : str
        What it is.
    bytes : int
    used : float
        When it was last asked for, in seconds since 1970.
    """

    folder: Path
    title: str
    bytes: int
    used: float


def kept_builds() -> list[Build]:
    """Return the builds in the cache, the one used last first."""
    found = []
    builds = cache_directory() / "builds"
    # Not by `glob`, to which a folder that cannot be read is one with nothing in it.
    names = [path.name for path in builds.iterdir()] if builds.is_dir() else []
    for folder in (builds / name for name in fnmatch.filter(names, _KEY)):
        title = "damaged"
        with contextlib.suppress(OSError, ValueError):
            title = str(_description(folder).get("title", "of an earlier version"))
        with contextlib.suppress(OSError):  # another process has deleted it
            found.append(Build(folder, title, size(folder), folder.stat().st_mtime))
    return sorted(found, key=lambda build: build.used, reverse=True)


def size(path: Path) -> int:
    """Return the bytes of all files in a folder; 0 if it is not there."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def prune(days: float) -> list[Build]:
    """Delete builds that were last asked for some days ago or earlier, and return them.

    Raises
    ------
    BackspikeError
        One cannot be deleted.
    """
    old = [build for build in kept_builds() if build.used <= time.time() - days * 86_400]
    for build in old:
        try:
            shutil.rmtree(build.folder)
        except OSError as error:
            raise BackspikeError(f"cannot delete {build.folder}: {error.strerror}") from error
    return old
