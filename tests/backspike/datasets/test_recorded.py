"""Datasets of tonic, and what is like one, are trained on as files of the same events are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backspike import BackspikeError, Model, NetworkConfig
from backspike.datasets import binning_of, load_dataset, recorded_dataset

CONFIG = NetworkConfig(name="recorded", layers=(12, 5, 2), ticks=4, input="spikes")


class StandIn:
    """What the datasets of tonic are: a size of the sensor, a length, and pairs by index."""

    sensor_size: Any = (5, 3, 2)

    def __init__(self, samples: int, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.samples = []
        for number in range(samples):
            events = np.zeros(30, [("x", int), ("y", int), ("t", int), ("p", int)])
            events["x"], events["y"], events["p"] = draw.integers(0, (5, 3, 2), (30, 3)).T
            events["t"] = np.sort(draw.integers(0, 8000, 30))
            self.samples.append((events, number % 2))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.samples[index]


def test_it_is_what_a_file_of_the_same_events_is(tmp_path: Path) -> None:
    train, test = StandIn(12, 1), StandIn(6, 2)
    binning = binning_of(train, pool=2, separate=True, milliseconds=8)
    dataset = recorded_dataset("stand-in", train, test, CONFIG, binning)
    arrays = {}
    for part, source in (("train", train), ("test", test)):
        arrays[f"{part}_events"] = np.concatenate([events for events, _ in source.samples])
        arrays[f"{part}_offsets"] = 30 * np.arange(len(source))
        arrays[f"{part}_labels"] = np.array([label for _, label in source.samples])
    np.savez(tmp_path / "events.npz", **arrays)
    settings = {"width": 5, "height": 3, "pool": 2, "polarity": "separate", "milliseconds": 8}
    expected = load_dataset(tmp_path / "events.npz", CONFIG, 1, settings)
    for name in ("train_values", "train_labels", "test_values", "test_labels"):
        assert np.array_equal(getattr(dataset, name), getattr(expected, name)), name
    assert dataset.train_values.any()
    model = Model(CONFIG, epochs=1, engine="numpy").fit(dataset.train_values, dataset.train_labels)
    assert model.predict(dataset.test_values).shape == (6,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"input": "rate"}, r'dataset it is recorded spikes: its network needs input = "spikes"'),
        ({"layers": (15, 2)}, "dataset it has 12 inputs, but network recorded 15"),
        ({"layers": (12, 1 << 14)}, None),
    ],
)
def test_a_network_for_other_data_is_refused(changes: dict[str, Any], sentence: str | None) -> None:
    train = StandIn(4, 1)
    binning = binning_of(train, pool=2, separate=True, milliseconds=8)
    if sentence is None:
        assert recorded_dataset("it", train, train, CONFIG.replace(**changes), binning).classes == 1 << 14
        return
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        recorded_dataset("it", train, train, CONFIG.replace(**changes), binning)


def test_wrong_recordings_are_named() -> None:
    train, test = StandIn(4, 1), StandIn(4, 2)
    binning = binning_of(train, pool=2, separate=True, milliseconds=8)
    test.samples[2][0]["x"][3] = 5
    with pytest.raises(
        BackspikeError, match=r"^dataset it, to test on: recording 2: it has an event at x = 5, outside"
    ):
        recorded_dataset("it", train, test, CONFIG, binning)
    test.samples[2] = train.samples[0][0], 2
    with pytest.raises(BackspikeError, match=r"^test_labels of dataset it must be from 0 to 1, not 2$"):
        recorded_dataset("it", train, test, CONFIG, binning)
    with pytest.raises(BackspikeError, match=r"^dataset it, to train on: there are no recordings$"):
        recorded_dataset("it", [], test, CONFIG, binning)


@pytest.mark.parametrize("size", [None, (5,), (5.0, 3, 2), "53"])
def test_a_sensor_without_a_size(size: Any) -> None:
    train = StandIn(1, 1)
    train.sensor_size = size
    with pytest.raises(
        BackspikeError, match=r"^StandIn must have a sensor_size of width and height, not .*; make a Binn"
    ):
        binning_of(train, milliseconds=8)
    with pytest.raises(BackspikeError, match=r"^milliseconds must be a whole number, 1 or more, not 0$"):
        binning_of(StandIn(1, 1), milliseconds=0)


def test_tonic_itself(tmp_path: Path) -> None:
    """Its reader of the Heidelberg digits, on a file of that form with a few spikes."""
    tonic = pytest.importorskip(
        "tonic", reason="tonic is not installed; what is like one of its datasets is read above"
    )
    h5py = pytest.importorskip("h5py")
    draw = np.random.default_rng(4)
    (tmp_path / "SHD").mkdir()
    for part in ("train", "test"):
        (tmp_path / "SHD" / f"shd_{part}.h5.zip").write_bytes(b"")
        with h5py.File(tmp_path / "SHD" / f"shd_{part}.h5", "w") as file:
            times = file.create_dataset("spikes/times", (3,), h5py.vlen_dtype(np.float32))
            units = file.create_dataset("spikes/units", (3,), h5py.vlen_dtype(np.int32))
            for number in range(3):
                times[number] = np.sort(draw.random(40))
                units[number] = draw.integers(0, 700, 40)
            file["labels"] = np.array([1, 0, 1])
            file["extra/keys"] = np.array([b"zero", b"one"])
            file["extra/speaker"] = np.zeros(3)
    train, test = (tonic.datasets.SHD(str(tmp_path), train=part) for part in (True, False))
    binning = binning_of(train, pool=10, milliseconds=1000)
    dataset = recorded_dataset("shd", train, test, CONFIG.replace(layers=(70, 2), ticks=20), binning)
    with h5py.File(tmp_path / "SHD" / "shd_train.h5") as file:
        for number in range(3):
            expected = np.zeros((20, 70), dtype=np.uint8)
            microseconds = (file["spikes/times"][number].astype(float) * 1e6).astype(int)
            expected[microseconds // 50_000, file["spikes/units"][number] // 10] = 1
            assert np.array_equal(dataset.train_values[number], expected)
    assert dataset.train_labels.tolist() == [1, 0, 1]
