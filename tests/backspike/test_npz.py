"""NumPy archives: arrays as they were saved, and room for no more than the file has."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from backspike import BackspikeError
from backspike.npz import read_arrays
from tests.damage import damaged_zips, read_or_refused

ARRAYS = {
    "words": np.arange(6, dtype=np.uint64),
    "columns": np.asfortranarray(np.arange(12, dtype=np.int16).reshape(3, 4)),
    "none": np.zeros((0, 4)),
    "one": np.array(3.5),
    "text": np.array("a text"),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_what_was_saved(save, tmp_path) -> None:
    save(tmp_path / "file.npz", **ARRAYS)
    found = read_arrays(tmp_path / "file.npz")
    assert found.keys() == ARRAYS.keys()
    for name, expected in ARRAYS.items():
        assert np.array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype
        assert found[name].flags.writeable


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + content


def header(shape: str, kind: str = "|u1") -> str:
    return f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (npy(header("(2000000000,)")), r"an array in it announces shape \(2000000000,\) of uint8, but has 0 bytes"),
        (npy(header(f"({1 << 62}, 8)", "<u8")), r"announces shape .* of uint64, but has 0 bytes"),
        (npy(header("(2,)"), b"abc"), r"announces shape \(2,\) of uint8, but has 3 bytes"),
        (npy(header("(-1, -3)"), b"abc"), "is damaged"),
        (npy(header("(1,)", "|O"), b"cos\nsystem\n."), "an array in it is of Python objects"),
        (npy(header("(1,)", "|u1"), b"a", b"\x09\x00"), r"an array in it is of format 9\.0"),
        (npy("{" * 200), "is damaged"),
        (npy("[" * 9000), "is damaged|nested too deeply|memory"),
        (npy(header("(0,)", "|S0")), "is damaged"),
        (b"", "is damaged"),
        (b"PK", "is damaged"),
    ],
)
def test_a_wrong_member_is_one_sentence(member, sentence, tmp_path) -> None:
    path = tmp_path / "file.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("array.npy", member)
    with pytest.raises(BackspikeError, match=sentence) as caught:
        read_arrays(path, "checkpoint")
    assert re.match(rf"(cannot read )?checkpoint {path}", str(caught.value))


def test_arrays_that_unpack_to_more_than_allowed_are_refused(tmp_path) -> None:
    np.savez_compressed(tmp_path / "file.npz", zeros=np.zeros(1 << 20, dtype=np.uint8), more=np.zeros(10))
    assert (tmp_path / "file.npz").stat().st_size < 1 << 16
    with pytest.raises(BackspikeError, match=r"file\.npz: its arrays take 1,048,\d+ bytes, more than 65,536$"):
        read_arrays(tmp_path / "file.npz", at_most=1 << 16)


def test_a_file_of_another_kind_is_one_sentence(tmp_path) -> None:
    for content in (b"", b"text", np.lib.format.magic(1, 0), io.BytesIO().getvalue()):
        (tmp_path / "file.npz").write_bytes(content)
        with pytest.raises(BackspikeError, match=r"^.*file\.npz is damaged: File is not a zip file$"):
            read_arrays(tmp_path / "file.npz")
    with pytest.raises(BackspikeError, match=r"^checkpoint /dev/zero: it holds more than 1,000 bytes$"):
        read_arrays(Path("/dev/zero"), "checkpoint", at_most=1000)


def members() -> dict[str, bytes]:
    file = io.BytesIO()
    np.savez(file, **ARRAYS)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@given(content=damaged_zips(members()))
def test_anything_is_arrays_or_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("npz") / "file.npz"
    path.write_bytes(content)
    arrays = read_or_refused(read_arrays, path)
    assert arrays is None or all(isinstance(array, np.ndarray) for array in arrays.values())
