"""Where a dataset's files are: in a folder of the user's, in the cache, from Debian, or at the official source."""

from __future__ import annotations

import logging
import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from backspike.cache import cache_directory
from backspike.errors import BackspikeError
from backspike.files import make_directory, read_member, reading, write_atomic

__all__ = [
    "DEBIAN",
    "Archive",
    "Source",
    "below",
    "cache",
    "download",
    "find",
    "find_file",
    "is_litter",
    "locate",
    "search_path",
]

DEBIAN = Path("/usr/share/datasets")
"""Where Debian's packages put datasets, ``dataset-fashion-mnist`` for one."""

INNER = ("", "raw", "gzip")
"""Folders in a dataset's folder that may have the files: torchvision's ``raw``, and that of EMNIST's unpacked zip."""

SECONDS = 30
"""A server that is silent for longer is not there."""


@dataclass(frozen=True)
class Archive:
    """A zip file to download that holds a dataset's files, in any folder inside it."""

    name: str
    checksum: str


@dataclass(frozen=True)
class Source:
    """Where a dataset comes from.

    Parameters
    ----------
    title : str
        Its name, as people write it.
    folder : str
        Folder that it has below each place that is searched, itself or in one of `INNER`.
    files : tuple of str
        Names of all files that make it up, in the folder, in any case. One that ends in ``.gz`` may be there
        uncompressed instead, and one with ``-idx`` be named with ``.idx``.
    urls : tuple of str
        Addresses of the downloads, with ``{name}`` for a file's name, tried in turn; none: it is not published.
    checksums : dict
        Checksum of each file to download, such as ``"md5:..."``.
    archive : Archive, optional
        What is downloaded in place of the files, where they are published in one archive.
    help : str
        What a person who has no network can do instead, if there is more than to get the files.
    remote : dict
        What the server calls a file, where that is not its name.
    aliases : tuple of str
        What others call the folder, in any case.
    """

    title: str
    folder: str
    files: tuple[str, ...]
    urls: tuple[str, ...] = ()
    checksums: dict[str, str] = field(default_factory=dict)
    archive: Archive | None = None
    help: str = ""
    remote: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def folders(self, place: Path) -> list[Path]:
        """Return the folders in a place that may have the files, of whatever case."""
        found = [below(place, name, inner) for name in (self.folder, *self.aliases) for inner in INNER]
        return [folder for folder in dict.fromkeys(found) if folder is not None and folder.is_dir()]

    def present(self, place: Path) -> list[Path]:
        """Return the paths of all files in a place, or none.

        Raises
        ------
        BackspikeError
            Some of them are there only.
        """
        partial = ""
        for folder in self.folders(place):
            found = {name: path for name in self.files if (path := find_file(folder, name))}
            missing = [name for name in self.files if name not in found]
            if not missing:
                return [found[name] for name in self.files]
            if found and not partial:
                partial = f"{self.title} in {folder} is not whole: {', '.join(missing)} is missing"
        # In the cache it is a download that did not end.
        if partial and place != cache():
            raise BackspikeError(partial)
        return []


def cache() -> Path:
    """Return the folder in the user's cache (or in ``BACKSPIKE_CACHE``) that downloads go to."""
    return cache_directory() / "datasets"


def search_path(data_dir: Path | None) -> list[Path]:
    """Return the folders that datasets are looked for in, first to last: where one is given, that one alone.

    Raises
    ------
    BackspikeError
        The folder given, or else the one that ``BACKSPIKE_DATA`` names, does not exist.
    """
    if data_dir is not None:
        return [_existing(data_dir, "the folder given for datasets")]
    named = os.environ.get("BACKSPIKE_DATA")
    places = [_existing(Path(named), "the folder that BACKSPIKE_DATA names")] if named else []
    return [*places, cache(), DEBIAN]


def find(source: Source, data_dir: Path | None, present: Callable[[Path], list[Path]] | None = None) -> list[Path]:
    """Return the paths that a dataset would be read from; none where it would have to be downloaded.

    Parameters
    ----------
    source : Source
    data_dir : Path, optional
        The only folder to look in: with another's files under the same name, a result would be of other data.
    present : callable, optional
        What it has in a place, where that is not `Source.present`.

    Raises
    ------
    BackspikeError
        The folder given lacks it, or a folder has some of its files only.
    """
    for place in search_path(data_dir):
        try:
            found = (present or source.present)(place)
        except OSError as error:
            raise BackspikeError(f"cannot read {place}: {error.strerror}") from error
        if found:
            return found
    if data_dir is not None:
        astray = any(find_file(data_dir, name) for name in source.files)
        raise BackspikeError(
            f"{source.title} is not in {data_dir}: looked for {', '.join(source.files)} in {data_dir / source.folder}"
            f"{source.help}" + (f"; {data_dir} itself has some of them" if astray else "")
        )
    return []


def locate(source: Source, data_dir: Path | None, present: Callable[[Path], list[Path]] | None = None) -> list[Path]:
    """Return the paths of a dataset, downloading what is in no place; arguments and errors are those of `find`.

    Raises
    ------
    BackspikeError
        Also where it is nowhere and cannot be downloaded.
    """
    found = find(source, data_dir, present)
    if found:
        return found
    if not source.urls:
        raise BackspikeError(_missing(source, "it is not published for download"))
    folder = make_directory(cache() / source.folder)
    if source.archive is None:
        return [download(source, name, source.checksums[name], folder) for name in source.files]
    archive = download(source, source.archive.name, source.archive.checksum, folder)
    _unpack(archive, folder)
    archive.unlink()
    return [folder / name for name in source.files]


def download(source: Source, name: str, checksum: str, folder: Path) -> Path:
    """Download a file, unless it is there already, and return its path; it appears there once it is whole and right.

    Raises
    ------
    BackspikeError
        No address gives it, or what they give has another checksum.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=SECONDS)
    reason = ""
    for url in (template.format(name=source.remote.get(name, name)) for template in source.urls):
        try:
            return Path(pooch.retrieve(url, checksum, fname=name, path=folder, downloader=downloader))
        except requests.HTTPError as error:
            reason = f"{url} answers {error.response.status_code if error.response is not None else 'nothing'}"
        except requests.RequestException:
            reason = f"{url} cannot be reached"
        except ValueError:
            reason = f"{url} is not the file that it should be: its checksum differs"
        except OSError as error:
            raise BackspikeError(f"cannot write {folder / name}: {error.strerror}") from error
    with suppress(OSError):
        folder.rmdir()  # if nothing is in it
    raise BackspikeError(_missing(source, reason))


def below(place: Path, *names: str) -> Path | None:
    """Return a file or folder by its path below a place, names in any case, the very name before others; or None."""
    for name in filter(None, names):
        found = place / name
        if not found.exists():
            entries = place.iterdir() if place.is_dir() else ()
            alike = [entry for entry in entries if entry.name.lower() == name.lower()]
            if not alike:
                return None
            found = min(alike)
        place = found
    return place


def find_file(folder: Path, name: str) -> Path | None:
    """Return a dataset's file in a folder, as it is named or in another of the ways of `Source.files`; or None."""
    for spelt in (name, name.replace("-idx", ".idx")):
        for packed in (spelt, spelt.removesuffix(".gz")):
            found = below(folder, packed)
            if found is not None and found.is_file():
                return found
    return None


def is_litter(name: str) -> bool:
    """Return whether a file or folder is what operating systems leave beside those that people put there."""
    return name.startswith(".") or name.lower() in ("__macosx", "thumbs.db", "desktop.ini")


def _existing(folder: Path, what: str) -> Path:
    if not folder.is_dir():
        raise BackspikeError(f"{what} does not exist: {folder}")
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Write every file of a zip into one folder, each whole or not at all."""
    with reading(archive):
        file = zipfile.ZipFile(archive)
    with file:
        for member in file.infolist():
            if not member.is_dir():
                with reading(archive):
                    content = read_member(file, member)
                write_atomic(folder / PurePosixPath(member.filename).name, content)


def _missing(source: Source, reason: str) -> str:
    return (
        f"{source.title} is not here, and {reason}; put {', '.join(source.files)} in a folder {source.folder}/ and "
        f"name the folder above it with --data-dir or in BACKSPIKE_DATA{source.help}; "
        f"looked in {', '.join(map(str, search_path(None)))}"
    )
