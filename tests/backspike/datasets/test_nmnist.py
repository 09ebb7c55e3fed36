"""N-MNIST: every event in its tick and at its input, the same from folder and zip, and folds that cover everything."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backspike import BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import load_dataset, nmnist
from backspike.datasets.nmnist import EventSettings, bin_events
from tests.damage import damaged, damaged_zips, read_or_refused

from .conftest import Server
from .samples import recording

EVENTS = [
    (0, 0, 1, 0),
    (33, 0, 0, 74_999),
    (33, 0, 1, 75_000),
    (1, 2, 0, 75_001),
    (2, 33, 1, 299_999),
    (5, 5, 1, 300_000),
]
CONFIG = NetworkConfig(layers=(34 * 34, 10), ticks=4, input="spikes")


def spikes(settings: EventSettings, ticks: int = 4) -> set[tuple[int, int]]:
    values = bin_events(recording(EVENTS), "it", ticks, settings)
    assert values.shape == (ticks, settings.inputs)
    assert values.dtype == np.uint8
    assert set(np.unique(values)) <= {0, 1}
    return {(int(tick), int(unit)) for tick, unit in np.argwhere(values)}


def test_events_by_hand() -> None:
    assert spikes(EventSettings()) == {(0, 0), (0, 33), (1, 33), (1, 2 * 34 + 1), (3, 33 * 34 + 2)}


def test_polarities_apart() -> None:
    brighter = 34 * 34
    assert spikes(EventSettings(polarity="separate")) == {
        (0, brighter), (0, 33), (1, brighter + 33), (1, 2 * 34 + 1), (3, brighter + 33 * 34 + 2)
    }  # fmt: skip


def test_pooling() -> None:
    assert spikes(EventSettings(pool=2)) == {(0, 0), (0, 16), (1, 16), (1, 17), (3, 16 * 17 + 1)}


def test_a_longer_window_and_one_tick() -> None:
    assert spikes(EventSettings(milliseconds=400), ticks=1) == {(0, 0), (0, 33), (0, 69), (0, 33 * 34 + 2), (0, 175)}


def test_threshold_counts_events_of_an_input() -> None:
    assert spikes(EventSettings(threshold=2), ticks=1) == {(0, 33)}


def test_overflow_of_the_clock_moves_what_follows() -> None:
    content = recording([(1, 0, 0, 100), (0, 240, 0, 0), (2, 0, 0, 100), (0, 240, 0, 0), (3, 0, 0, 100)])
    values = bin_events(content, "it", 3, EventSettings(milliseconds=24))
    assert np.argwhere(values).tolist() == [[0, 1], [1, 2], [2, 3]]


def test_every_event_is_where_arithmetic_puts_it() -> None:
    generator = np.random.default_rng(4)
    events = [
        (*generator.integers(0, 34, 2), generator.integers(0, 2), time)
        for time in np.sort(generator.integers(0, 330_000, 500))
    ]
    expected = np.zeros((7, 2, 17, 17), dtype=np.uint8)
    for x, y, polarity, time in events:
        if (tick := int(time / 300_000 * 7)) < 7:
            expected[tick, polarity, y // 2, x // 2] = 1
    content = recording([tuple(map(int, event)) for event in events])
    got = bin_events(content, "it", 7, EventSettings(polarity="separate", pool=2))
    assert np.array_equal(got, expected.reshape(7, -1)), "seed 4"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "^it is damaged: 0 bytes are no recording of events of 5 bytes each$"),
        (recording(EVENTS)[:-2], "^it is damaged: 28 bytes are no recording"),
        (
            recording([(1, 1, 0, 5), (34, 3, 0, 9)]),
            r"^it is damaged: an event at \(34, 3\) is outside of 34 x 34 pixels$",
        ),
    ],
)
def test_a_damaged_recording_is_named(content: bytes, sentence: str) -> None:
    with pytest.raises(BackspikeError, match=sentence):
        bin_events(content, "it", 4, EventSettings())


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"polarity": "both"}, "^polarity must be merged or separate, not 'both'$"),
        ({"pool": 3}, "^pool must be a whole number, 1 or 2, not 3$"),
        ({"pool": True}, "^pool must be a whole number, 1 or 2, not True$"),
        ({"milliseconds": 0}, "^milliseconds must be a whole number, 1 to 1000, not 0$"),
        ({"threshold": 1.5}, "^threshold must be a whole number, 1 to 255, not 1.5$"),
        ({"folds": 1}, "^folds must be a whole number, 0 or 2 to 10, not 1$"),
        ({"folds": 10**5000}, "^folds must be a whole number, 0 or 2 to 10, not a very long int$"),
        ({"polarity": "x" * 500}, r"^polarity must be merged or separate, not 'x{96}\.\.\.$"),
    ],
)
def test_impossible_settings_are_one_sentence(values, sentence) -> None:
    with pytest.raises(BackspikeError, match=sentence):
        EventSettings(**values)


def content_of(number: int, start: int = 0, scale: float = 1.0) -> bytes:
    """Return a recording that tells its number: a unit of the first tick, and of the last one."""
    x, y = number % 34, number // 34
    return recording([(x, y, 0, start + int(time * scale)) for time in (10, 299_000)])


def recordings() -> dict[str, bytes]:
    """Return 20 recordings to train on and 10 to test on, of two digits, numbered in both parts as in the real set."""
    names = {f"Train/{number % 2 * 5}/{number:05}.bin": content_of(number) for number in range(1, 21)}
    return names | {f"Test/{number % 2 * 5}/{60000 + number}.bin": content_of(100 + number) for number in range(1, 11)}


@pytest.mark.parametrize(
    ("blank", "settings", "start", "sentence"),
    [
        (30, {"folds": 0}, 1_000_000, "all samples to train on of dataset nmnist are blank: no input ever spikes"),
        (30, {"threshold": 255}, 0, "all samples to train on of dataset nmnist are blank: no input ever spikes"),
        (20, {"folds": 0}, 1_000_000, "all samples to train on of dataset nmnist are blank: no input ever spikes"),
    ],
)
def test_blank_recordings_are_refused(
    places: Path, blank: int, settings: dict[str, Any], start: int, sentence: str
) -> None:
    contents = {path: content_of(5, start * (number < blank)) for number, path in enumerate(recordings())}
    write("zip", places, contents)
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        load_dataset("nmnist", CONFIG, 1, settings, places)


def test_mostly_blank_recordings_are_told(places: Path) -> None:
    """Times that begin at 1 s in 11 of 20 recordings."""
    write("zip", places, {path: content_of(5, 10**6 * (n < 11)) for n, path in enumerate(recordings())})
    with pytest.warns(BackspikeWarning, match=r"^11 of the 20 samples to train on of dataset nmnist are blank: no inp"):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_milliseconds_taken_for_microseconds_are_told(places: Path) -> None:
    write("zip", places, {path: content_of(5, scale=0.001) for path in recordings()})
    sentence = r"^20 of the 20 samples to train on of dataset nmnist spike in one of their 4 ticks alone$"
    with pytest.warns(BackspikeWarning) as caught:
        load_dataset("nmnist", CONFIG, 1, data_dir=places)
    assert re.match(sentence, str(caught[0].message))
    assert caught[0].filename == __file__


def write(kind: str, place: Path, contents: dict[str, bytes], name: str = "nmnist") -> None:
    if kind == "folder":
        for path, content in contents.items():
            file = place / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    elif kind == "zip":
        with zipfile.ZipFile(place / f"{name}.zip", "w") as archive:
            for path, content in contents.items():
                archive.writestr(f"some/where/{path}", content)
    else:
        (place / name).mkdir()
        for part in ("Train", "Test"):
            with zipfile.ZipFile(place / name / f"{part}.zip", "w") as archive:
                for path, content in reversed(contents.items()):
                    if path.startswith(part):
                        archive.writestr(path, content)


def numbers(values: np.ndarray) -> list[int]:
    return [int(np.flatnonzero(sample[0])[0]) for sample in values]


@pytest.mark.parametrize("kind", ["folder", "zip", "official"])
def test_the_official_parts_in_order(places: Path, kind: str) -> None:
    write(kind, places, recordings())
    dataset = load_dataset("nmnist", CONFIG, 1, data_dir=places)
    assert numbers(dataset.train_values) == list(range(1, 21))
    assert numbers(dataset.test_values) == list(range(101, 111))
    assert dataset.train_labels.tolist() == [5, 0] * 10
    assert dataset.test_labels.tolist() == [5, 0] * 5
    assert dataset.train_values.shape == (20, 4, 34 * 34)


@pytest.mark.parametrize("name", ["NMNIST", "N-MNIST", "nmnist"])
@pytest.mark.parametrize("parts", [("Train", "Test"), ("train", "test"), ("TRAIN", "Test")])
@pytest.mark.parametrize("kind", ["folder", "zip", "official"])
def test_layouts_that_people_have(places: Path, kind: str, name: str, parts: tuple[str, str]) -> None:
    """Such as tonic's, which has the zips beside what it unpacked of them; and what systems leave in them."""
    litter = {"Train/5/._00003.bin": b"litter", "Train/.DS_Store": b"litter", "Test/5/.DS_Store": b"litter"}
    contents = {
        path.replace("Train", parts[0]).replace("Test", parts[1]): content
        for path, content in {**litter, **recordings()}.items()
    }
    if kind == "official":
        (places / name).mkdir()
        for part in parts:
            with zipfile.ZipFile(places / name / f"{part}.zip", "w") as archive:
                for path, content in contents.items():
                    if path.startswith(part):
                        archive.writestr(path, content)
                        archive.writestr(f"__MACOSX/{Path(path).parent}/._{Path(path).name}", b"litter")
    else:
        write(kind, places, contents, name)
        (places / name).mkdir(exist_ok=True)
        (places / name / "train.zip").write_bytes(b"what was unpacked")
    dataset = load_dataset("nmnist", CONFIG, 1, data_dir=places)
    assert numbers(dataset.train_values) == list(range(1, 21))
    assert numbers(dataset.test_values) == list(range(101, 111))


def test_folds_cover_all_recordings_once(places: Path) -> None:
    write("zip", places, recordings())
    everything = sorted([*range(1, 21), *range(101, 111)])
    tested: list[int] = []
    for seed in range(1, 6):
        dataset = load_dataset("nmnist", CONFIG, seed, {"folds": 5}, places)
        assert sorted(numbers(dataset.train_values) + numbers(dataset.test_values)) == everything
        assert np.bincount(dataset.test_labels).tolist() == [3, 0, 0, 0, 0, 3]
        tested += numbers(dataset.test_values)
        again = load_dataset("nmnist", CONFIG, seed + 5, {"folds": 5}, places)
        assert np.array_equal(again.test_values, dataset.test_values)
    assert sorted(tested) == everything


def test_the_small_set_is_the_first_recordings_of_the_whole(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmnist, "SMALL", {"Train": range(1, 11), "Test": range(60001, 60007)})
    write("official", places, recordings())
    dataset = load_dataset("nmnist-small", CONFIG, 1, {"folds": 0}, places)
    assert numbers(dataset.train_values) == list(range(1, 11))
    assert numbers(dataset.test_values) == list(range(101, 107))
    in_folds = load_dataset("nmnist-small", CONFIG, 2, {"folds": 2}, places)
    assert (len(in_folds.train_labels), len(in_folds.test_labels)) == (8, 8)


def test_a_small_set_of_its_own_is_whole_or_named(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmnist, "SMALL", {"Train": range(1, 11), "Test": range(60001, 60007)})
    contents = recordings()
    write("zip", places, contents, "nmnist-small")
    assert len(load_dataset("nmnist-small", CONFIG, 1, {"folds": 0}, places).train_labels) == 10
    del contents["Train/0/00004.bin"]
    write("zip", places, contents, "nmnist-small")
    with pytest.raises(BackspikeError, match=r"nmnist-small\.zip: 9 of the first 10 recordings of Train$"):
        load_dataset("nmnist-small", CONFIG, 1, data_dir=places)


def test_a_damaged_recording_in_a_zip_is_named(places: Path) -> None:
    write("zip", places, {**recordings(), "Train/5/00003.bin": b"1234"})
    with pytest.raises(
        BackspikeError, match=r"^some/where/Train/5/00003\.bin in .*nmnist\.zip is damaged: 4 bytes are"
    ):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)
    (places / "nmnist.zip").write_bytes((places / "nmnist.zip").read_bytes()[:-30])
    with pytest.raises(BackspikeError, match=r"nmnist\.zip is damaged: File is not a zip file$"):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_a_file_of_another_name_is_named(places: Path) -> None:
    write("folder", places, {**recordings(), "Train/eight/1.bin": content_of(1)})
    with pytest.raises(BackspikeError, match=r"eight/1\.bin is not named Train/<digit>/<number>\.bin"):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_one_part_alone_is_not_enough(places: Path) -> None:
    write("zip", places, {path: content for path, content in recordings().items() if path.startswith("Train")})
    with pytest.raises(BackspikeError, match=r"nmnist\.zip: no recordings Test/<digit>/<number>\.bin$"):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_a_network_for_pixels_is_refused() -> None:
    with pytest.raises(
        BackspikeError, match=r'^dataset nmnist is recorded spikes: its network needs input = "spikes"$'
    ):
        load_dataset("nmnist", CONFIG.replace(input="rate"), 1)


def test_an_unknown_setting_lists_the_known() -> None:
    with pytest.raises(
        BackspikeError, match=r"^'pooling' is not a setting of dataset nmnist; known are polarity, pool"
    ):
        load_dataset("nmnist", CONFIG, 1, {"pooling": 2})


def test_settings_that_do_not_fit_the_network_are_named(places: Path) -> None:
    write("zip", places, recordings())
    with pytest.raises(BackspikeError, match=r"samples of shape \(4, 289\) in 10 classes, but network"):
        load_dataset("nmnist", CONFIG, 1, {"pool": 2}, places)


def test_a_given_folder_without_it_is_an_error(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSPIKE_DATA", str(places))
    write("zip", places, recordings())
    given = places / "given"
    given.mkdir()
    for name in ("nmnist", "nmnist-small"):
        with pytest.raises(BackspikeError, match=rf"^N-MNIST is not in {given}: looked for Train\.zip, Test\.zip in "):
            load_dataset(name, CONFIG, 1, data_dir=given)
    assert len(load_dataset("nmnist", CONFIG, 1).train_labels) == 20


def test_a_set_that_is_not_whole_is_named(places: Path) -> None:
    """Never the rest from elsewhere."""
    write("official", places, recordings())
    (places / "nmnist" / "Test.zip").unlink()
    with pytest.raises(BackspikeError, match=rf"^N-MNIST in {places}/nmnist is not whole: Test\.zip is missing$"):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)
    (places / "nmnist" / "Train.zip").unlink()
    (places / "nmnist" / "Test").mkdir()
    with pytest.raises(BackspikeError, match=rf"^N-MNIST in {places}/nmnist is not whole: folder Train is missing$"):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_one_recording_twice_is_named(places: Path) -> None:
    write("zip", places, {**recordings(), "again/Train/5/3.bin": content_of(3)})
    sentence = r"nmnist\.zip has one recording twice: .*Train/5/00003\.bin and .*again/Train/5/3\.bin$"
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_a_name_of_control_characters_is_one_sentence(places: Path) -> None:
    write("zip", places, {"a\n\033[2J/Train/5/1.bin": content_of(3)})
    sentence = r"nmnist\.zip has a recording of a name that is none: 'some/where/a\\n\\x1b\[2J/Train/5/1\.bin'$"
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


def test_it_is_downloaded_under_the_servers_names(places: Path, server: Server, monkeypatch) -> None:
    (places / "made").mkdir()
    write("official", places / "made", recordings())
    paths = [places / "made" / "nmnist" / name for name in ("Train.zip", "Test.zip")]
    checksums = {path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths}
    for path, remote in zip(paths, ("3f", "4a"), strict=True):
        path.rename(server.folder / remote)
    remote = {"Train.zip": "3f", "Test.zip": "4a"}
    source = replace(nmnist.NMNIST, urls=(server.url,), checksums=checksums, remote=remote)
    monkeypatch.setattr(nmnist, "NMNIST", source)
    assert numbers(load_dataset("nmnist", CONFIG, 1).train_values) == list(range(1, 21))
    assert server.asked == ["/3f", "/4a"]
    assert [path.name for path in nmnist.find_nmnist(None)] == ["Train.zip", "Test.zip"]


def changed(change: Callable[[bytearray], object], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of all recordings, changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for path, content in recordings().items():
            archive.writestr(path, content * 20)
    content = bytearray(file.getvalue())
    change(content)
    return bytes(content)


def flip(place: int, mask: int) -> Callable[[bytearray], object]:
    return lambda content: content.__setitem__(place, content[place] ^ mask)


DIRECTORY = changed(lambda content: None).index(b"PK\x01\x02")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (changed(flip(50, 0xFF)), "nmnist.zip is damaged: (Error -3 while decompressing|Bad CRC-32)"),
        (changed(flip(DIRECTORY + 8, 1)), r"nmnist\.zip: 'T.*' in it is encrypted$"),
        (changed(flip(DIRECTORY + 10, 0x40)), r"nmnist\.zip: 'T.*' in it is packed otherwise than by deflate$"),
        (
            changed(flip(DIRECTORY + 27, 0x40)),
            r"nmnist\.zip: 'T.*' in it takes 1,073,.* bytes, more than 16,777,216$",
        ),
        (changed(lambda content: None, zipfile.ZIP_LZMA), r"'T.*' in it is packed otherwise than by deflate$"),
        (changed(lambda content: content.__delitem__(slice(0, 40))), "^cannot read .*nmnist.zip: Invalid argument$"),
        (b"PK" * 5000, "nmnist.zip is damaged: File is not a zip file"),
    ],
    ids=["bit rot", "encrypted", "unknown method", "huge", "lzma", "head cut off", "no zip"],
)
def test_a_damaged_zip_is_one_sentence(places: Path, content: bytes, sentence: str) -> None:
    (places / "nmnist.zip").write_bytes(content)
    with pytest.raises(BackspikeError, match=sentence):
        load_dataset("nmnist", CONFIG, 1, data_dir=places)


@given(
    content=damaged_zips(
        {f"{part}/{digit}/{digit}.bin": content_of(5) for part in ("Train", "Test") for digit in (0, 5)}
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_zip_is_a_dataset_or_one_sentence(content: bytes, places: Path) -> None:
    (places / "nmnist.zip").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BackspikeWarning)
        dataset = read_or_refused(
            lambda path: load_dataset("nmnist", CONFIG, 1, data_dir=places), places / "nmnist.zip"
        )
    assert dataset is None or dataset.train_values.shape[1:] == (4, 34 * 34)


@given(
    content=damaged(recording(EVENTS)), polarity=st.sampled_from(["merged", "separate"]), pool=st.sampled_from([1, 2])
)
def test_any_recording_is_spikes_or_one_sentence(content: bytes, polarity: str, pool: int) -> None:
    settings = EventSettings(polarity=polarity, pool=pool)
    values = read_or_refused(lambda path: bin_events(content, str(path), 4, settings), Path("recording"))
    assert values is None or values.shape == (4, settings.inputs)
