"""Folders of images by class: as people lay them out, or one sentence."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from backspike import BackspikeError, NetworkConfig
from backspike.datasets import dataset_identity, load_dataset
from backspike.datasets.folder import read_samples
from tests.damage import damaged, read_or_refused

CONFIG = NetworkConfig(layers=(6, 3), ticks=4)
PIXELS = np.array([[0, 10, 20], [128, 254, 255]], dtype=np.uint8)


def picture(pixels: np.ndarray = PIXELS, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write(folder: Path, classes: Iterable[str], count: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Write as many images of each class; return them by their paths."""
    draw = np.random.default_rng(seed)
    written = {}
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 256, (2, 3), dtype=np.uint8)
            (folder / name / f"{number}.png").write_bytes(picture(pixels))
            written[f"{name}/{number}.png"] = pixels
    return written


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "Test"), ("training", "testing"), ("TRAINING", "test")])
def test_two_parts(tmp_path: Path, names: tuple[str, str]) -> None:
    train = write(tmp_path / names[0], "abc", 3)
    test = write(tmp_path / names[1], "ca", 2, seed=2)
    dataset = load_dataset(tmp_path, CONFIG, 1)
    assert dataset.train_values.tolist() == [pixels.ravel().tolist() for pixels in train.values()]
    assert dataset.train_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert dataset.test_values.tolist() == [
        test[f"{name}.png"].ravel().tolist() for name in ("a/0", "a/1", "c/0", "c/1")
    ]
    assert dataset.test_labels.tolist() == [0, 0, 2, 2]


def test_one_part_is_split(tmp_path: Path) -> None:
    write(tmp_path / "letters", "abc", 5)
    dataset = load_dataset(tmp_path / "letters", CONFIG, 1)
    assert np.bincount(dataset.train_labels).tolist() == [4, 4, 4]
    assert np.bincount(dataset.test_labels).tolist() == [1, 1, 1]
    assert dataset.name == "letters"


def test_classes_named_by_numbers_count_in_their_order(tmp_path: Path) -> None:
    write(tmp_path, ("10", "2", "1"), 1)
    assert read_samples(tmp_path)[0].values.tolist()[2] == np.asarray(Image.open(tmp_path / "10" / "0.png")).tolist()


def test_a_class_may_be_called_as_a_part_is(tmp_path: Path) -> None:
    write(tmp_path, ("car", "train", "ship"), 3)
    assert sorted(read_samples(tmp_path)[0].labels.tolist()) == [0] * 3 + [1] * 3 + [2] * 3


def test_a_folder_is_one_from_wherever_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine", "abc", 3)
    monkeypatch.chdir(tmp_path / "mine")
    names = (".", "../mine", "../mine/", "a/..", str(tmp_path / "mine"))
    assert all(dataset_identity(name) == dataset_identity(names[0]) for name in names)
    assert {load_dataset(name, CONFIG, 1).name for name in names} == {"mine"}


def test_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "abc", 3)
    before = read_samples(tmp_path)[0].values.tolist()
    identity = dataset_identity(str(tmp_path))
    for name in (".DS_Store", "a/.DS_Store", "a/._0.png", "b/Thumbs.db", "README.txt"):
        (tmp_path / name).write_bytes(b"litter")
    for name in ("__MACOSX/a", ".git/objects"):
        (tmp_path / name).mkdir(parents=True)
    assert read_samples(tmp_path)[0].values.tolist() == before
    assert dataset_identity(str(tmp_path)) == identity
    (tmp_path / "a" / "0.png").rename(tmp_path / "b" / "x.png")
    assert dataset_identity(str(tmp_path)) != identity


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", picture()),
        ("a.PNG", picture()),
        ("a.pgm", b"P5 3 2 255\n" + PIXELS.tobytes()),
        ("a.pgm", b"P2\n# a comment\n3 2\n255\n0 10 20 128 254 255\n"),
        ("a.bmp", picture(kind="BMP")),
        ("a.png", picture(np.repeat(PIXELS[:, :, np.newaxis], 3, axis=2))),
        ("a.png", picture(np.dstack([PIXELS] * 3 + [np.full_like(PIXELS, 255)]))),
        ("a.png", picture(PIXELS.astype(np.uint16) * 257)),
        ("a.pgm", b"P5 3 2 65535\n" + (PIXELS.astype(np.uint16) * 257).astype(">u2").tobytes()),
    ],
    ids=["png", "PNG", "pgm", "plain pgm", "bmp", "rgb", "rgba", "16 bits", "pgm of 16 bits"],
)
def test_an_image_of_any_format_is_its_grey_values(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, "bc", 1)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_bytes(content)
    assert read_samples(tmp_path)[0].values[0].tolist() == PIXELS.tolist()


def test_other_images(tmp_path: Path) -> None:
    write(tmp_path, "bc", 1)
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "a.png"
    palette = Image.fromarray(PIXELS // 128).convert("P")
    palette.putpalette([7, 7, 7, 200, 200, 200])
    palette.save(path)
    assert read_samples(tmp_path)[0].values[0].tolist() == [[7, 7, 7], [200, 200, 200]]
    Image.fromarray(PIXELS > 20).save(path)
    assert read_samples(tmp_path)[0].values[0].tolist() == [[0, 0, 0], [255, 255, 255]]
    Image.fromarray(np.full((2, 3), 99, np.uint8)).save(tmp_path / "a" / "a.jpg")
    assert read_samples(tmp_path)[0].values[0].tolist() == [[99] * 3] * 2


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a/x.txt", b"x", r"a/x\.txt is no image of a format that is read: \.png, \.pgm"),
        ("a/x.webp", b"x", r"a/x\.webp is no image of a format that is read"),
        ("a/x.png", b"", r"a/x\.png is no image of a format that is read: PNG, PPM, BMP, JPEG$"),
        ("a/x.png", b"GIF89a" + bytes(99), r"a/x\.png is no image of a format that is read: PNG, PPM, BMP, JPEG$"),
        ("a/x.png", picture()[:-20], r"a/x\.png is damaged: "),
        ("a/x.png", picture().replace(b"IDATx", b"IDATy"), r"a/x\.png is damaged: "),
        ("a/x.pgm", b"P5 3 2 255\n12345", r"a/x\.pgm is damaged: "),
        ("a/x.png", picture(PIXELS.T.copy()), r"a/x\.png has 2x3 pixels, but .*/a/0\.png 3x2: all images must"),
        ("a/x.pgm", b"P5 99999 99999 255\n", r"a/x\.pgm "),
        ("a/x.pgm", b"P5 9000 9000 255\n", r"a/x\.pgm has 9000x9000 pixels; more than 16,777,216 are not read"),
        ("a/x.png", picture(np.dstack([PIXELS] * 4)), r"a/x\.png is transparent in places; put it"),
        ("a/x/y.png", picture(), "a/x is a folder, where images of class 'a' are expected; a folder of"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_named(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    write(tmp_path, "abc", 2)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BackspikeError, match=sentence) as error:
        load_dataset(tmp_path, CONFIG, 1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a/x\033[2J.png", "\n/x.png", "\udcff/x.png"])
def test_a_name_of_control_characters_is_one_sentence(tmp_path: Path, name: str) -> None:
    write(tmp_path, "abc", 2)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(picture())
    with pytest.raises(BackspikeError, match=r"has a name that is none: '.*'$") as error:
        load_dataset(tmp_path, CONFIG, 1)
    assert str(error.value).isprintable()


def test_a_folder_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        BackspikeError, match=r"must have a folder for each class, at least two, .*; it has no folders$"
    ):
        load_dataset(tmp_path, CONFIG, 1)
    write(tmp_path / "train", "abc", 2)
    with pytest.raises(BackspikeError, match=r"must have a folder for each class, .*; it has \['train'\]$"):
        load_dataset(tmp_path, CONFIG, 1)
    write(tmp_path / "val", "abc", 2)
    with pytest.raises(
        BackspikeError, match=r"train/a is a folder, where images of class 'train' are expected; .*test "
    ):
        load_dataset(tmp_path, CONFIG, 1)
    write(tmp_path / "test", "abd", 2)
    with pytest.raises(BackspikeError, match=r"test/d is of a class that .*/train has not$"):
        load_dataset(tmp_path, CONFIG, 1)
    (tmp_path / "test" / "d").rename(tmp_path / "test" / "c")
    (tmp_path / "train" / "empty").mkdir()
    with pytest.raises(BackspikeError, match=r"train/empty has no images$"):
        load_dataset(tmp_path, CONFIG, 1)


@given(content=damaged(picture(), b"P5 3 2 255\n" + PIXELS.tobytes(), b"P2 3 2 255\n0 10 20 128 254 255\n",
                       picture(kind="BMP"), picture(PIXELS.astype(np.uint16) * 257)))  # fmt: skip
def test_anything_is_images_or_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("folder")
    for name in "ab":
        (folder / name).mkdir()
        (folder / name / "0.png").write_bytes(content if name == "a" else picture())
    samples = read_or_refused(read_samples, folder)
    assert samples is None or samples[0].values.dtype == np.uint8
