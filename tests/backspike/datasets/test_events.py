"""Events in arrays: every one in its tick and at its input, for sensors of any size, or one sentence."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from backspike import BackspikeError, BackspikeWarning, NetworkConfig
from backspike.datasets import Binning, Dataset, Request, load_dataset, spikes_of, stream_recordings, stream_windows
from backspike.datasets.nmnist import EventSettings, bin_events
from backspike.datasets.own import load_own
from tests.damage import damaged_zips, read_or_refused

from .samples import recording

CONFIG = NetworkConfig(layers=(6, 2), ticks=4, input="spikes")
EVENTS = [(0, 0, 1, 0), (2, 1, 0, 99), (1, 1, 1, 100), (2, 0, 0, 250), (2, 0, 0, 260), (0, 1, 1, 399)]
"""x, y, polarity and microseconds of a sample of 3 x 2 pixels."""


def part(prefix: str, samples: list[list[tuple[int, int, int, int]]]) -> dict[str, Any]:
    """Return samples of labels 0, 1, 0, 1, .. as arrays."""
    columns = np.array([event for sample in samples for event in sample]).reshape(-1, 4).T
    arrays = dict(zip(("x", "y", "polarity", "time"), columns, strict=True))
    arrays["offsets"] = np.cumsum([0, *map(len, samples)])
    arrays["labels"] = np.arange(len(samples)) % 2
    return {prefix + name: array for name, array in arrays.items()}


def both(samples: list[list[tuple[int, int, int, int]]] | None = None) -> dict[str, Any]:
    samples = [EVENTS, EVENTS[1:4]] if samples is None else samples
    return {**part("train_", samples), **part("test_", samples[::-1])}


def load(folder: Path, arrays: dict[str, Any], config: NetworkConfig = CONFIG, **settings: Any) -> Dataset:
    np.savez(folder / "events.npz", **arrays)
    return load_dataset(folder / "events.npz", config, 1, settings)


def places(sample: np.ndarray) -> list[tuple[int, int]]:
    return [(int(tick), int(unit)) for tick, unit in np.argwhere(sample)]


def test_events_by_hand(tmp_path: Path) -> None:
    dataset = load(tmp_path, both())
    assert places(dataset.train_values[0]) == [(0, 0), (0, 5), (1, 4), (2, 2), (3, 3)]
    assert places(dataset.train_values[1]) == [(0, 5), (1, 4), (2, 2)]
    assert np.array_equal(dataset.test_values, dataset.train_values[::-1])
    assert dataset.train_labels.tolist() == [0, 1]


def test_settings(tmp_path: Path) -> None:
    apart = load(tmp_path, both(), CONFIG.replace(layers=(12, 2)), polarity="separate")
    assert places(apart.train_values[0]) == [(0, 5), (0, 6), (1, 10), (2, 2), (3, 9)]
    pooled = load(tmp_path, both(), CONFIG.replace(layers=(2, 2)), pool=2)
    assert places(pooled.train_values[0]) == [(0, 0), (0, 1), (1, 0), (2, 1), (3, 0)]
    often = load(tmp_path, both(), threshold=2)
    assert places(often.train_values[0]) == [(2, 2)]
    larger = load(tmp_path, both(), CONFIG.replace(layers=(20, 2)), width=5, height=4)
    assert places(larger.train_values[0]) == [(0, 0), (0, 7), (1, 6), (2, 2), (3, 5)]
    with pytest.warns(BackspikeWarning, match="spike in one of their 4 ticks alone"):
        longer = load(tmp_path, both(), milliseconds=4)
    assert places(longer.train_values[0]) == [(0, 0), (0, 2), (0, 3), (0, 4), (0, 5)]


def test_what_comes_after_the_window_is_left_out(tmp_path: Path) -> None:
    late = [(x, y, polarity, 20 * time) for x, y, polarity, time in EVENTS]
    dataset = load(tmp_path, both([late, late]), milliseconds=4)
    assert places(dataset.train_values[0]) == [(0, 0), (1, 5), (2, 4)]


def test_ways_of_keeping_the_same_events(tmp_path: Path) -> None:
    expected = load(tmp_path, both()).train_values.tolist()
    kinds = {"x": np.uint16, "y": np.int8, "polarity": bool, "time": np.float32, "offsets": np.uint32, "labels": str}
    typed = {name: array.astype(kinds[name.partition("_")[2]]) for name, array in both().items()}
    assert load(tmp_path, typed).train_values.tolist() == expected
    signed = {name: 2 * array - 1 if name.endswith("polarity") else array for name, array in both().items()}
    assert load(tmp_path, signed).train_values.tolist() == expected
    short = {name.replace("polarity", "p").replace("time", "t"): array for name, array in both().items()}
    assert load(tmp_path, short).train_values.tolist() == expected
    starts = {name: array[:-1] if name.endswith("offsets") else array for name, array in both().items()}
    assert load(tmp_path, starts).train_values.tolist() == expected
    structured: dict[str, Any] = {}
    for prefix in ("train_", "test_"):
        arrays = {name.removeprefix(prefix): array for name, array in both().items() if name.startswith(prefix)}
        events = np.zeros(len(arrays["x"]), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])
        for field, name in (("x", "x"), ("y", "y"), ("p", "polarity"), ("t", "time")):
            events[field] = arrays[name]
        structured |= {f"{prefix}events": events, **{prefix + name: arrays[name] for name in ("offsets", "labels")}}
    assert load(tmp_path, structured).train_values.tolist() == expected


def test_units_without_rows_and_polarity(tmp_path: Path) -> None:
    arrays = {name: array for name, array in both().items() if not name.endswith(("_y", "_polarity"))}
    dataset = load(tmp_path, arrays, CONFIG.replace(layers=(3, 2)))
    assert places(dataset.train_values[0]) == [(0, 0), (0, 2), (1, 1), (2, 2), (3, 0)]


def test_one_part_is_split(tmp_path: Path) -> None:
    dataset = load(tmp_path, part("", [EVENTS] * 10))
    assert (len(dataset.train_labels), np.bincount(dataset.test_labels).tolist()) == (8, [1, 1])


@pytest.mark.parametrize("polarity", ["merged", "separate"])
@pytest.mark.parametrize("pool", [1, 2])
def test_it_is_what_recordings_of_nmnist_become(tmp_path: Path, polarity: str, pool: int) -> None:
    draw = np.random.default_rng(5)
    events = [tuple(map(int, event)) for event in draw.integers(0, (34, 34, 2, 320_000), (500, 4))]
    settings = EventSettings(polarity=polarity, pool=pool)
    config = CONFIG.replace(layers=(settings.inputs, 2), ticks=7)
    dataset = load(
        tmp_path, both([events] * 2), config, polarity=polarity, pool=pool, milliseconds=300, width=34, height=34
    )
    assert np.array_equal(dataset.train_values[0], bin_events(recording(events), "it", 7, settings))


def structured(events: list[tuple[int, int, int, int]], *fields: str) -> np.ndarray:
    """Return events as tonic has them."""
    array = np.zeros(len(events), [(field, int) for field in fields])
    for field in fields:
        array[field] = [event["xypt".index(field)] for event in events]
    return array


class Endless:
    """Samples as some of tonic's are: with a length, and an answer to every index."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.int64]:
        return structured(EVENTS, "t", "x", "y", "p"), np.int64(index % 2)


def test_recordings_one_by_one_are_the_same(tmp_path: Path) -> None:
    binning = Binning(width=3, height=2, microseconds=400)
    expected = load(tmp_path, both()).train_values[0].tolist()
    for recordings in (Endless(), ((structured(EVENTS, *order), 1) for order in ("xypt", "txyp", "pytx"))):
        values, labels = spikes_of(recordings, binning, 4)
        assert values.tolist() == [expected] * 3
        assert (values.dtype, labels.dtype) == (np.uint8, np.int64)
    kinds = {"values": values, "labels": np.array([0, 1, 0])}
    arrays = {f"{part}_{kind}": array for part in ("train", "test") for kind, array in kinds.items()}
    assert load(tmp_path, arrays).train_values.tolist() == values.tolist()
    units, _ = spikes_of([(structured(EVENTS, "t", "x", "p"), 0)], Binning(width=3, microseconds=400), 4)
    assert places(units[0]) == [(0, 0), (0, 2), (1, 1), (2, 2), (3, 0)]


@pytest.mark.parametrize(
    ("recordings", "sentence"),
    [
        ([], "there are no recordings"),
        ([(structured(EVENTS, *"xypt"), 0), (np.ones(5), 1)], "recording 1: events must have .*, not be float64"),
        ([(structured(EVENTS, *"xyp"), 0)], "recording 0: it has no time"),
        ([(structured([(0, 0, 0, -1)], *"xypt"), 0)], "recording 0: time must be microseconds, 0 or above, not -1"),
        ([(structured(EVENTS, *"xypt"), "one")], "recording 0: its label must be a whole number, not 'one'"),
        ([structured(EVENTS, *"xypt")], "recording 0: it must be a pair of events and label, not array.*"),
        ([(structured([(0, 2, 0, 1)], *"xypt"), 0)], "recording 0: it has an event at y = 2, outside of height = 2"),
    ],
)  # fmt: skip
def test_a_wrong_recording_is_counted(recordings: list[Any], sentence: str) -> None:
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        spikes_of(recordings, Binning(width=3, height=2, microseconds=400), 4)


def test_recordings_are_read_when_they_are_asked_for() -> None:
    """So a set may be larger than memory, and go on for ever."""
    taken = []

    def endless() -> Iterator[tuple[np.ndarray, int]]:
        for number in count():
            taken.append(number)
            yield structured(EVENTS, *"xypt"), number % 2

    stream = stream_recordings(endless(), Binning(width=3, height=2, microseconds=400), 4)
    expected = spikes_of([(structured(EVENTS, *"xypt"), 0)], Binning(width=3, height=2, microseconds=400), 4)[0][0]
    for number in range(5):
        spikes, label = next(stream)
        assert np.array_equal(spikes, expected)
        assert (label, len(taken)) == (number % 2, number + 1)


@pytest.mark.parametrize("packet", [1, 7, 50, 1000])
def test_a_sensor_that_goes_on_is_cut_into_samples(packet: int) -> None:
    """However its events are put into packets: each sample is what its own events are binned to."""
    draw = np.random.default_rng(8)
    time = np.sort(draw.integers(5_000_000, 5_004_000, 1000))
    # Nothing happens in the third sample.
    time = time[(time < time[0] + 800) | (time >= time[0] + 1200)]
    events = [(int(x), int(y), int(p), int(t)) for (x, y, p), t in
              zip(draw.integers(0, (3, 2, 2), (len(time), 3)), time, strict=True)]  # fmt: skip
    binning = Binning(width=3, height=2, separate=True, microseconds=400, threshold=3)
    array = structured(events, *"txyp")
    packets = [array[start : start + packet] for start in range(0, len(array), packet)]
    found = list(stream_windows([array[:0], *packets], binning, 4))
    expected = []
    for begin in range(int(time[0]), int(time[-1]) + 1, 400):
        own = [(x, y, p, t - begin) for x, y, p, t in events if begin <= t < begin + 400]
        if own:
            expected.append(spikes_of([(structured(own, *"txyp"), 0)], binning, 4)[0][0])
    assert len(expected) == (int(time[-1]) - int(time[0])) // 400
    assert np.array_equal(found, expected)
    assert np.any(expected)


def test_a_sample_is_given_once_it_is_over() -> None:
    binning, taken = Binning(width=3, height=2, microseconds=400), []

    def packets() -> Iterator[np.ndarray]:
        for number in count():
            taken.append(number)
            yield structured([(0, 0, 0, 100 + 150 * number)], *"xypt")

    stream = stream_windows(packets(), binning, 4)
    assert next(stream).any()
    assert len(taken) == 4
    assert next(stream).any()
    assert len(taken) == 7
    stream.close()


@pytest.mark.parametrize(
    ("packet", "sentence"),
    [
        (structured([(0, 0, 0, 499)], *"xypt"), "it has an event at 499 microseconds, but .* been given"),
        (structured([(3, 0, 0, 900)], *"xypt"), "it has an event at x = 3, outside of width = 3"),
        (np.ones(5), "events must have fields x, y, polarity and time, not be float64"),
        (None, "events must have fields .*, not be object"),
    ],
)  # fmt: skip
def test_a_wrong_packet_is_named(packet: Any, sentence: str) -> None:
    first = [structured([(0, 0, 0, time)], *"xypt") for time in (100, 500)]
    stream = stream_windows([*first, packet], Binning(width=3, height=2, microseconds=400), 4)
    next(stream)
    with pytest.raises(BackspikeError, match=f"^packet 2: {sentence}$"):
        next(stream)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_impossible_binning_is_one_sentence(value: Any) -> None:
    with pytest.raises(BackspikeError, match=rf"^pool must be a whole number, 1 or more, not {value!r}$"):
        Binning(width=3, pool=value, microseconds=400)


@pytest.mark.parametrize(
    ("changed", "settings", "sentence"),
    [
        ({"train_x": None}, {}, "it has no train_x$"),
        ({"test_time": None, "test_labels": None}, {}, "it has no test_time and test_labels$"),
        ({"train_x": np.ones((9, 1), int)}, {}, r"train_x must be whole numbers in one dimension, not int64 of \(9"),
        ({"train_x": np.ones(9)}, {}, "train_x must be whole numbers in one dimension, not float64"),
        ({"train_y": -np.ones(9, int)}, {}, "train_y must be from 0 to 65535, not -1"),
        ({"train_y": np.full(9, 1 << 63, np.uint64)}, {}, f"train_y must be from 0 to 65535, not {1 << 63}"),
        ({"train_polarity": np.full(9, 2)}, {}, "train_polarity must be from -1 to 1, not 2"),
        ({"train_y": np.ones(8, int)}, {}, "train_y has 8 events, but train_x 9"),
        ({"train_time": np.full(9, np.nan)}, {}, "train_time must be microseconds, 0 or above, not nan"),
        ({"train_time": -np.ones(9, int)}, {}, "train_time must be microseconds, 0 or above, not -1"),
        ({"train_time": np.ones(9, complex)}, {}, "train_time must be numbers, one for each event, not complex128"),
        ({"train_offsets": np.array([0, 5, 8])}, {}, "train_offsets must say where .* each of the 2 samples begin"),
        ({"train_offsets": np.array([1, 5, 9])}, {}, "train_offsets must say where"),
        ({"train_offsets": np.array([0, 9])[::-1]}, {}, "train_offsets must say where"),
        ({"train_offsets": np.array([0, 3, 6, 9])}, {}, "train_offsets must say where"),
        ({"train_offsets": np.array([0, 99])}, {}, "train_offsets must be from 0 to 9, not 99"),
        ({"train_events": np.ones(9)}, {}, "train_events must have fields x, y, polarity and time, not be float64"),
        ({}, {"width": 2}, "it has an event at x = 2, outside of width = 2"),
        ({}, {"height": 1}, "it has an event at y = 1, outside of height = 1"),
        ({}, {"white": 0}, "white must be"),
        ({}, {"width": 65535, "height": 65535}, "its samples have 4,294,836,225 inputs in 4 ticks, .*: pool more"),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_one_sentence(
    tmp_path: Path, changed: dict[str, Any], settings: dict[str, Any], sentence: str
) -> None:
    arrays = {name: array for name, array in {**both(), **changed}.items() if array is not None}
    with pytest.raises(BackspikeError, match=sentence) as error:
        load(tmp_path, arrays, **settings)
    assert "\n" not in str(error.value)


def test_a_network_for_pixels_and_settings_for_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackspikeError, match=r'it has recorded events: its network needs input = "spikes"$'):
        load(tmp_path, both(), CONFIG.replace(input="rate"))
    images = {"values": np.ones((9, 4, 6)), "labels": np.arange(9) % 2}
    with pytest.raises(BackspikeError, match=r"pool is a setting of recorded events, and it has none$"):
        load(tmp_path, images, pool=2)
    (tmp_path / "a.csv").write_text("1,2,3\n")
    with pytest.raises(BackspikeError, match=r"a\.csv: pool is a setting of recorded events, and it has none$"):
        load_dataset(tmp_path / "a.csv", CONFIG, 1, {"pool": 2})


def members() -> dict[str, bytes]:
    result = {}
    for name, array in part("", [EVENTS] * 6).items():
        file = io.BytesIO()
        np.save(file, array.astype(np.int8 if name != "time" else np.int32))
        result[f"{name}.npy"] = file.getvalue()
    return result


@given(content=damaged_zips(members()))
def test_anything_is_a_dataset_or_one_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("events") / "events.npz"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BackspikeWarning)
        dataset = read_or_refused(lambda path: load_own(Request(str(path), CONFIG, 1)), path)
    assert dataset is None or isinstance(dataset, Dataset)
