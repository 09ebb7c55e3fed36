"""Where a dataset's files are: in a folder of the user's, in the cache, from Debian, or at the official source."""

from __future__ import annotations

import logging
import os
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic

__all__ = ["DEBIAN", "Archive", "Source", "cache", "download", "locate", "search_path"]

DEBIAN = Path("/usr/share/datasets")
"""Where Debian's packages put datasets, ``dataset-fashion-mnist`` for one."""

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
        Folder that it has below each place that is searched.
    files : tuple of str
        Names of all files that make it up, in the folder. One that ends in ``.gz`` may be there uncompressed instead.
    urls : tuple of str
        Addresses of the downloads, with ``{name}`` for a file's name, tried in turn; none: it is not published.
    checksums : dict
        Checksum of each file to download, such as ``"md5:..."``.
    archive : Archive, optional
        What is downloaded in place of the files, where they are published in one archive.
    help : str
        What a person who has no network can do instead, if there is more than to get the files.
    """

    title: str
    folder: str
    files: tuple[str, ...]
    urls: tuple[str, ...] = ()
    checksums: dict[str, str] = field(default_factory=dict)
    archive: Archive | None = None
    help: str = ""


def cache() -> Path:
    """Return the folder in the user's cache (or in ``BACKSPIKE_CACHE``) that downloads go to."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("BACKSPIKE_CACHE") or user_cache_path("backspike")) / "datasets"


def search_path(data_dir: Path | None) -> list[Path]:
    """Return the folders that datasets are looked for in, first to last."""
    named = os.environ.get("BACKSPIKE_DATA")
    return [place for place in (data_dir, Path(named) if named else None, cache(), DEBIAN) if place]


def locate(source: Source, data_dir: Path | None) -> dict[str, Path]:
    """Return the path of each file of a dataset, downloading what is nowhere on the search path.

    Parameters
    ----------
    source : Source
    data_dir : Path, optional
        Folder that is searched first.

    Raises
    ------
    BackspikeError
        A folder has some of the files only; or they are nowhere and cannot be downloaded.
    """
    for place in search_path(data_dir):
        folder = place / source.folder
        found = {name: path for name in source.files if (path := _present(folder, name))}
        if len(found) == len(source.files):
            return found
        # In the cache it is a download that did not end.
        if found and place != cache():
            missing = ", ".join(name for name in source.files if name not in found)
            raise BackspikeError(f"{source.title} in {folder} is not whole: {missing} is missing")
    if not source.urls:
        raise BackspikeError(_missing(source, "it is not published for download"))
    folder = make_directory(cache() / source.folder)
    if source.archive is None:
        return {name: download(source, name, source.checksums[name], folder) for name in source.files}
    archive = download(source, source.archive.name, source.archive.checksum, folder)
    _unpack(archive, folder)
    archive.unlink()
    return {name: folder / name for name in source.files}


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
    for url in (template.format(name=name) for template in source.urls):
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


def _present(folder: Path, name: str) -> Path | None:
    candidates = [folder / name, folder / name.removesuffix(".gz")]
    return next((path for path in candidates if path.is_file()), None)


def _unpack(archive: Path, folder: Path) -> None:
    """Write every file of a zip into one folder, each whole or not at all."""
    try:
        with zipfile.ZipFile(archive) as file:
            for member in file.infolist():
                if not member.is_dir():
                    write_atomic(folder / PurePosixPath(member.filename).name, file.read(member))
    except zipfile.BadZipFile as error:
        raise BackspikeError(f"{archive} is damaged: {error}") from error


def _missing(source: Source, reason: str) -> str:
    return (
        f"{source.title} is not here, and {reason}; put {', '.join(source.files)} in a folder {source.folder}/ and "
        f"name the folder above it with --data-dir or in BACKSPIKE_DATA{source.help}"
    )
