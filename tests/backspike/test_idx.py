"""IDX files: well-formed ones are read, everything else is named and refused."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backspike.errors import BackspikeError
from backspike.idx import read_idx
from tests.damage import damaged, read_or_refused

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_images_by_hand(tmp_path: Path, name: str) -> None:
    images = read_idx(write(tmp_path / name, IMAGES), 3)
    assert images.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert images.dtype == np.uint8


def test_labels_by_hand(tmp_path: Path) -> None:
    assert read_idx(write(tmp_path / "labels.gz", LABELS), 1).tolist() == [7, 9]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (IMAGES[:-1], r"announces \(2, 2, 3\) values, but holds 11"),
        (IMAGES + b"x", r"announces \(2, 2, 3\) values, but holds 13"),
        (IMAGES[:4] + bytes([255] * 12), r"announces \(4294967295, 4294967295, 4294967295\) values; more than"),
        (IMAGES[:4] + bytes([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + b"x", r"announces .* values, but holds 1"),
        (IMAGES[:4] + bytes([64, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]), r"announces .* values, but holds 0"),
        (LABELS, "is not an IDX file of unsigned bytes in 3 dimensions"),
        (b"", "is not an IDX file"),
        (b"<html>not found</html>", "is not an IDX file"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = write(tmp_path / "wrong.gz", content)
    with pytest.raises(BackspikeError, match=sentence) as error:
        read_idx(path, 3)
    assert str(path) in str(error.value)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "short.gz"
    path.write_bytes(gzip.compress(IMAGES)[:-9])
    with pytest.raises(BackspikeError, match=r"short\.gz is damaged"):
        read_idx(path, 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackspikeError, match=r"cannot read .*absent\.gz: No such file"):
        read_idx(tmp_path / "absent.gz", 3)


def test_no_room_is_made_for_what_is_announced(tmp_path: Path) -> None:
    path = write(tmp_path / "large", IMAGES[:4] + bytes([64, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(BackspikeError, match=r"large announces \(1073741824, 1, 1\) values, but holds 100$"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_empty_array_is_one(tmp_path: Path) -> None:
    assert read_idx(write(tmp_path / "none", bytes([0, 0, 8, 1, 0, 0, 0, 0])), 1).shape == (0,)


@given(content=damaged(IMAGES, LABELS), packed=st.booleans(), dimensions=st.sampled_from([1, 3]))
def test_anything_is_an_array_or_one_sentence(
    content: bytes, packed: bool, dimensions: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("idx") / ("file.gz" if packed else "file")
    array = read_or_refused(lambda path: read_idx(path, dimensions), write(path, content))
    assert array is None or array.ndim == dimensions


@given(content=damaged(gzip.compress(IMAGES, mtime=0)))
def test_anything_packed_is_an_array_or_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("idx") / "file.gz"
    path.write_bytes(content)
    array = read_or_refused(lambda path: read_idx(path, 3), path)
    assert array is None or array.ndim == 3
