"""Where files are looked for, and downloads: whole and right, or not there and one sentence."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.datasets.files import Archive, Source, cache, locate
from backspike.datasets.mnist import FASHION_MNIST, MNIST
from backspike.datasets.nmnist import NMNIST

from .conftest import Server

SOURCE = Source(title="Two Files", folder="two", files=("one.gz", "other.gz"))


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(f"{folder} {name}".encode())
    return folder


def md5(content: bytes) -> str:
    return "md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest()


def published(server: Server, **contents: bytes) -> Source:
    """Serve files, named without their ``.gz``, and return their source."""
    for name, content in contents.items():
        (server.folder / f"{name}.gz").write_bytes(content)
    checksums = {f"{name}.gz": md5(content) for name, content in contents.items()}
    return replace(SOURCE, urls=(server.url,), checksums=checksums)


def test_places_are_searched_in_their_order(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSPIKE_DATA", str(places / "named"))
    (places / "named").mkdir()
    for place in (places / "debian", cache(), places / "named"):
        put(place / "two", *SOURCE.files)
        assert locate(SOURCE, None) == [place / "two" / name for name in SOURCE.files]


def test_a_given_folder_is_the_only_one(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever others have: a result would be of other data than was asked for."""
    monkeypatch.setenv("BACKSPIKE_DATA", str(places / "named"))
    for place in (places / "debian", cache(), places / "named"):
        put(place / "two", *SOURCE.files)
    given = places / "given"
    with pytest.raises(BackspikeError, match=rf"^the folder given for datasets does not exist: {given}$"):
        locate(SOURCE, given)
    given.mkdir()
    sentence = rf"^Two Files is not in {given}: looked for one\.gz, other\.gz in {given}/two"
    with pytest.raises(BackspikeError, match=f"{sentence}$"):
        locate(SOURCE, given)
    put(given, "one.gz")
    with pytest.raises(BackspikeError, match=f"{sentence}; {given} itself has some of them$"):
        locate(SOURCE, given)
    put(given / "two", *SOURCE.files)
    assert locate(SOURCE, given) == [given / "two" / name for name in SOURCE.files]


def test_a_named_folder_that_does_not_exist_is_an_error(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(places / "debian" / "two", *SOURCE.files)
    monkeypatch.setenv("BACKSPIKE_DATA", str(places / "named"))
    with pytest.raises(BackspikeError, match=rf"^the folder that BACKSPIKE_DATA names does not exist: {places}/named$"):
        locate(SOURCE, None)
    (places / "named").mkdir()
    assert locate(SOURCE, None) == [places / "debian" / "two" / name for name in SOURCE.files]


def test_uncompressed_files_do_as_well(places: Path) -> None:
    folder = put(places / "two", "one", "other.gz")
    assert locate(SOURCE, places) == [folder / "one", folder / "other.gz"]


def test_a_folder_with_some_of_the_files_is_named(places: Path) -> None:
    put(places / "two", "one.gz")
    put(places / "debian" / "two", *SOURCE.files)
    with pytest.raises(BackspikeError, match=rf"^Two Files in {places}/two is not whole: other\.gz is missing$"):
        locate(SOURCE, places)


def test_an_unpublished_dataset_says_what_to_do(places: Path) -> None:
    with pytest.raises(
        BackspikeError,
        match=r"^Two Files is not here, and it is not published for download; put one\.gz, other\.gz in a folder two/ "
        r"and name the folder above it with --data-dir or in BACKSPIKE_DATA; looked in .*/cache/datasets, .*/debian$",
    ):
        locate(SOURCE, None)


def test_download_goes_to_the_cache_once(server: Server) -> None:
    source = published(server, one=b"first", other=b"second")
    found = locate(source, None)
    assert found == [cache() / "two" / "one.gz", cache() / "two" / "other.gz"]
    assert [path.read_bytes() for path in found] == [b"first", b"second"]
    assert server.asked == ["/one.gz", "/other.gz"]
    assert locate(source, None) == found
    assert len(server.asked) == 2


def test_a_download_that_was_stopped_goes_on(server: Server) -> None:
    source = published(server, one=b"first", other=b"second")
    (server.folder / "other.gz").unlink()
    with pytest.raises(BackspikeError, match=r"^Two Files is not here, and http://.*/other\.gz answers 404; put "):
        locate(source, None)
    (server.folder / "other.gz").write_bytes(b"second")
    server.asked.clear()
    assert locate(source, None)[1].read_bytes() == b"second"
    assert server.asked == ["/other.gz"]


def test_a_download_with_another_checksum_is_not_kept(server: Server) -> None:
    source = published(server, one=b"first", other=b"second")
    (server.folder / "one.gz").write_bytes(b"a page that asks to log in")
    with pytest.raises(BackspikeError, match=r"/one\.gz is not the file that it should be: its checksum differs; put "):
        locate(source, None)
    assert not (cache() / "two").exists()


def test_the_next_address_is_tried(server: Server) -> None:
    source = published(server, one=b"first", other=b"second")
    closed = "http://127.0.0.1:1/{name}"
    found = locate(replace(source, urls=(closed, server.url)), None)
    assert found[0].read_bytes() == b"first"
    with pytest.raises(BackspikeError, match=r"^Two Files .* and http://127\.0\.0\.1:1/one\.gz cannot be reached; put"):
        locate(replace(source, folder="again", urls=(closed,)), None)


def archived(server: Server, damaged: bool = False) -> Source:
    path = server.folder / "all.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("inside/", "")  # a folder
        for name in SOURCE.files:
            file.writestr(f"inside/{name}", name * 100)
    if damaged:
        content = bytearray(path.read_bytes())
        content[content.index(b"one.gzone.gz") + 8] ^= 1
        path.write_bytes(content)
    return replace(SOURCE, urls=(server.url,), archive=Archive("all.zip", md5(path.read_bytes())))


def test_an_archive_is_unpacked(server: Server) -> None:
    found = locate(archived(server), None)
    assert [path.read_text() for path in found] == [name * 100 for name in SOURCE.files]
    assert sorted(path.name for path in (cache() / "two").iterdir()) == ["one.gz", "other.gz"]


def test_a_damaged_archive_is_named(server: Server) -> None:
    with pytest.raises(BackspikeError, match=r"all\.zip is damaged: Bad CRC-32 for file 'inside/one\.gz'"):
        locate(archived(server, damaged=True), None)


def test_official_sources_are_whole() -> None:
    """Every file of a source has its checksum, as its publisher or torchvision gives it."""
    for source in (MNIST, FASHION_MNIST, NMNIST):
        assert set(source.checksums) == set(source.files)
        assert len(set(source.checksums.values())) == len(source.files)
        assert not source.remote or set(source.remote) == set(source.files)
        assert all(len(checksum) == len("md5:") + 32 for checksum in source.checksums.values())
        assert all(url.format(name="x").startswith(("http://", "https://")) for url in source.urls)
    assert "dataset-fashion-mnist" in FASHION_MNIST.help
