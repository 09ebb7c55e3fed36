"""Checkpoints: exact, and refused with one sentence when they are damaged or another network's."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Network, Sample
from backspike.training.checkpoint import Checkpoint

CONFIGS = {
    "one layer": NetworkConfig(layers=(6, 3), ticks=4),
    "two layers": PRESETS["tiny"],
    "three layers, 64-bit LFSRs": NetworkConfig(layers=(8, 5, 4, 3), ticks=6, lfsr_bits=64, leak=1),
    "spikes, 16-bit weights": NetworkConfig(layers=(6, 5, 3), ticks=5, input="spikes", weight_bits=16),
}


def learn(network: Network, first: int, last: int) -> list[list[int]]:
    """Show training samples of the random dataset; return the wins of each class."""
    dataset = load_dataset("random", network.config, seed=1)
    pairs = zip(dataset.train_values[first:last], dataset.train_labels[first:last], strict=True)
    return [network.run(Sample(values, int(label), True)).wins.tolist() for values, label in pairs]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    network = Network(PRESETS["tiny"])
    learn(network, 0, 20)
    path = tmp_path / "checkpoint.npz"
    Checkpoint.capture(network, epoch=7).save(path)
    return path


def rewrite(path: Path, **changes: np.ndarray) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, **changes})


def rewrite_header(path: Path, **changes: object) -> None:
    with np.load(path) as archive:
        header = json.loads(archive["header"].tobytes())
    rewrite(path, header=np.frombuffer(json.dumps({**header, **changes}).encode(), dtype=np.uint8))


@pytest.mark.parametrize("name", CONFIGS)
def test_network_goes_on_exactly_from_a_file(name, tmp_path) -> None:
    straight = Network(CONFIGS[name].replace(rates=(200,) * CONFIGS[name].depth))
    learn(straight, 0, 30)
    straight.rates[0] = 77
    Checkpoint.capture(straight, epoch=3).save(tmp_path / "c.npz")

    # Another seed: nothing of the new network's own state may be left.
    resumed = Network(CONFIGS[name].replace(seed=99))
    checkpoint = Checkpoint.load(tmp_path / "c.npz")
    checkpoint.apply(resumed)
    assert checkpoint.epoch == 3
    assert resumed.rates == straight.rates
    assert learn(straight, 30, 60) == learn(resumed, 30, 60)
    one, other = Checkpoint.capture(straight), Checkpoint.capture(resumed)
    assert np.array_equal(one.lfsrs, other.lfsrs)
    for weights, expected in zip(other.weights, one.weights, strict=True):
        assert np.array_equal(weights, expected)
    assert not np.array_equal(one.weights[0], checkpoint.weights[0]), "the samples were to change the weights"


def test_checkpoint_is_a_copy() -> None:
    network = Network(PRESETS["tiny"].replace(rates=(256, 256)))
    checkpoint = Checkpoint.capture(network)
    other = Network(network.config)
    checkpoint.apply(other)
    before = [weights.copy() for weights in checkpoint.weights], checkpoint.lfsrs.copy()
    learn(network, 0, 20)
    learn(other, 0, 20)
    assert all(np.array_equal(*pair) for pair in zip(checkpoint.weights, before[0], strict=True))
    assert np.array_equal(checkpoint.lfsrs, before[1])


def test_every_lfsr_has_its_place() -> None:
    network = Network(CONFIGS["three layers, 64-bit LFSRs"])
    lfsrs = Checkpoint.capture(network).lfsrs
    assert len(set(lfsrs.tolist())) == len(lfsrs), "a new network's LFSRs all differ, so none is there twice"
    # 8 input LFSRs, then the units and the bias of each layer.
    assert lfsrs[8 + 5] == network.synapses[0].bias[0]
    assert lfsrs[8 + 6 : 8 + 10].tolist() == network.hidden[1].random.tolist()
    assert lfsrs[-1] == network.synapses[2].bias[0]


def test_equal_states_are_equal_files(tmp_path) -> None:
    for name in ("a.npz", "b.npz"):
        Checkpoint.capture(Network(PRESETS["tiny"])).save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_pipe_is_read_as_a_file_is(saved, tmp_path) -> None:
    """As ``--checkpoint <(ssh board cat checkpoint.npz)`` is one: nobody knows beforehand how long it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(pipe.write_bytes, saved.read_bytes())
        Checkpoint.load(pipe).save(tmp_path / "again.npz")
        writing.result()
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()


def test_lanes_and_name_do_not_matter(saved) -> None:
    Checkpoint.load(saved).apply(Network(PRESETS["tiny"].replace(lanes=(2, 1), name="other", rate_decay=0.5)))


def test_missing_file_is_one_sentence(tmp_path) -> None:
    with pytest.raises(BackspikeError, match=r"^cannot read checkpoint .*none.npz: No such file or directory$"):
        Checkpoint.load(tmp_path / "none.npz")


def test_other_configuration_is_one_sentence(saved) -> None:
    with pytest.raises(
        BackspikeError,
        match=r"^the checkpoint is of another configuration \(tiny\): its layers is \(8, 4, 3\), and digits has \(64,",
    ):
        Checkpoint.load(saved).apply(Network(PRESETS["digits"]))
    with pytest.raises(BackspikeError, match=r"its ticks is 8, and tiny has 9$"):
        Checkpoint.load(saved).require(PRESETS["tiny"].replace(ticks=9))


def test_unwritable_place_is_one_sentence(saved) -> None:
    with pytest.raises(BackspikeError, match=r"^cannot create directory .*checkpoint.npz: File exists$"):
        Checkpoint.load(saved).save(saved / "below.npz")


def refusal(path: Path) -> str:
    """Return the one sentence with which a file is refused; it names the file."""
    with pytest.raises(BackspikeError) as error:
        Checkpoint.load(path)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_truncated_anywhere_is_damaged(saved) -> None:
    content = saved.read_bytes()
    for length in range(0, len(content), 61):
        saved.write_bytes(content[:length])
        refusal(saved)


def test_flipped_bit_is_damaged_or_harmless(saved) -> None:
    """Zip archives have bytes that nobody reads (dates, attributes); all others are under a checksum."""
    content = bytearray(saved.read_bytes())
    good = Checkpoint.load(saved)
    damaged = 0
    positions = range(0, len(content), 23)
    for position in positions:
        content[position] ^= 0x10
        saved.write_bytes(content)
        content[position] ^= 0x10
        try:
            got = Checkpoint.load(saved)
        except BackspikeError:
            damaged += 1
        else:
            assert (got.config, got.epoch, got.rates) == (good.config, good.epoch, good.rates), position
            assert np.array_equal(got.lfsrs, good.lfsrs), position
            assert all(np.array_equal(*pair) for pair in zip(got.weights, good.weights, strict=True)), position
    assert damaged > len(positions) / 2


def test_other_files_are_no_checkpoints(tmp_path) -> None:
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    pickled = io.BytesIO()
    np.savez(pickled, header=np.array([{"a": 1}], dtype=object))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "no arrays here")
    for index, content in enumerate(
        [b"", b"text", b"\x93NUMPY", array.getvalue(), pickled.getvalue(), archive.getvalue()]
    ):
        path = tmp_path / f"{index}.npz"
        path.write_bytes(content)
        refusal(path)


def test_arrays_that_do_not_fit_their_configuration_are_damage(saved) -> None:
    with np.load(saved) as archive:
        good = dict(archive)
    for changes, words in (
        (
            {"weights_1": good["weights_1"][1:]},
            r"weights_1 must be int16 of shape \(9, 4\), not int16 of shape \(8, 4\)",
        ),
        ({"weights_1": good["weights_1"].astype(np.int64)}, "weights_1 must be int16 of shape"),
        ({"weights_2": good["weights_2"] + np.int16(32)}, "weights_2 must be from -32 to 31, not "),
        ({"weights_2": good["weights_2"].astype(object).astype(str)}, "weights_2 must be int16"),
        ({"weights_2": good["weights_2"] + 0.5}, "weights_2 must be int16"),
        ({"weights_3": good["weights_2"]}, "it has 'weights_3', which no checkpoint has"),
        ({"lfsrs": good["lfsrs"][1:]}, "lfsrs must be uint64 of shape"),
        ({"lfsrs": good["lfsrs"].astype(np.float64)}, "lfsrs must be uint64"),
        ({"lfsrs": good["lfsrs"] << np.uint64(8)}, "lfsrs must be from 0 to 4294967295, not "),
        ({"rates": np.array([1])}, r"rates must be int64 of shape \(2,\)"),
        ({"rates": np.array([1, 257])}, "rates must be from 0 to 256, not 1 to 257"),
        ({"rates": np.array([1.0, 2.0])}, "rates must be int64"),
        ({"header": np.frombuffer(b"{}", dtype=np.uint8)}, "it has no 'format'"),
        ({"header": np.frombuffer(b"[]", dtype=np.uint8)}, "a value in it is of the wrong kind"),
        ({"header": np.frombuffer(b"\xff", dtype=np.uint8)}, "is damaged"),
        ({"header": np.frombuffer(b"[" * 100_000, dtype=np.uint8)}, "nested too deeply"),
    ):
        rewrite(saved, **{**good, **changes})
        assert re.search(words, refusal(saved)), refusal(saved)
    for missing in good:
        np.savez(saved, **{name: array for name, array in good.items() if name != missing})
        assert f"it has no {missing!r}" in refusal(saved)
    rewrite(saved, **good)
    assert Checkpoint.load(saved).epoch == 7


HEADER = {
    "epoch": [None, -1, 1.0, True, "7", 2**63, float("inf"), float("nan"), []],
    "shown": [None, -7, 0.5, float("inf"), "0"],
    "right": [-1, 1, float("nan"), None],
    "counters": [None, {}, [], {"samples": 1}],
    "format": [None, 1, "3", [3]],
    "config": [None, [], {}, {"layers": [8, 4]}, {"layers": [10**9, 3]}, {"nonsense": 1}],
    "checkpoint_hash": [None, "0" * 64, 7],
}


def test_header_is_checked(saved) -> None:
    good = saved.read_bytes()
    for name, values in HEADER.items():
        for value in values:
            saved.write_bytes(good)
            rewrite_header(saved, **{name: value})
            refusal(saved)
    saved.write_bytes(good)
    rewrite_header(saved, format=2)
    assert refusal(saved).endswith(f"{saved} is a checkpoint of format 2; this reads 3")
    saved.write_bytes(good)
    rewrite_header(saved, config={"layers": [8, 4, 3], "input_streams": 2})
    assert "input_streams is called input_lfsrs now" in refusal(saved)
    for name in HEADER:
        saved.write_bytes(good)
        with np.load(saved) as archive:
            header = json.loads(archive["header"].tobytes())
        del header[name]
        rewrite(saved, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8))
        assert f"it has no {name!r}" in refusal(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("samples", -1), ("samples", 1.5), ("ticks", float("inf")), ("rows", [1]), ("rows", 3), ("writes", [1, "2"]),
        ("writes", [1, 2**63]), ("error_ticks", None),
    ],
)  # fmt: skip
def test_counts_are_checked(saved, key, value) -> None:
    with np.load(saved) as archive:
        counters = json.loads(archive["header"].tobytes())["counters"]
    rewrite_header(saved, counters={**counters, key: value})
    assert "is damaged" in refusal(saved)


def test_a_small_file_takes_no_gigabytes(saved) -> None:
    """Neither one that unpacks to them, nor one that only announces them."""
    with np.load(saved) as archive:
        good = dict(archive)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("weights_1.npy", header.getvalue())
    assert "announces shape" in refusal(saved)
    np.savez_compressed(saved, **{**good, "weights_1": np.zeros(1 << 20, dtype=np.int16)})
    assert re.search(r"its arrays take 2,\d{3},\d{3} bytes, more than \d,\d{3}$", refusal(saved))


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers(), max_size=3)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_sentence(saved, data) -> None:
    """Headers with any values, bytes anywhere; what is read is of the configuration, and can be applied."""
    network = Network(PRESETS["tiny"])
    Checkpoint.capture(network, epoch=7).save(saved)
    if data.draw(st.booleans()):
        rewrite_header(saved, **{data.draw(st.sampled_from(list(HEADER))): data.draw(VALUES)})
    else:
        content = bytearray(saved.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        saved.write_bytes(content)
    try:
        checkpoint = Checkpoint.load(saved)
    except BackspikeError:
        return
    checkpoint.apply(network)
    assert 0 <= checkpoint.right <= checkpoint.shown
    network.run(Sample(np.zeros(8, dtype=np.uint8), 0, True))
