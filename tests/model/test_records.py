"""The sample memory's contents: bytes worked out by hand, published check values, and whatever samples there are."""

from __future__ import annotations

import zlib
from binascii import crc_hqx

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backspike import BackspikeError
from backspike.config import NetworkConfig
from backspike.model import records
from backspike.model.records import (
    digest,
    encode_lists,
    longest_list,
    longest_record,
    pack_order,
    pack_records,
    read_entry,
    read_record,
)

RATE = NetworkConfig(layers=(600, 4))
SPIKES = NetworkConfig(layers=(1200, 4), input="spikes", ticks=2)


def listed(config: NetworkConfig, units: dict[int, int]) -> np.ndarray:
    values = np.zeros((1, config.layers[0]), dtype=np.uint8)
    for unit, value in units.items():
        values[0, unit] = value
    return values


@pytest.mark.parametrize(
    ("units", "content"),
    [
        ({}, "00"),
        ({0: 9}, "01 09 00"),
        ({0: 1, 1: 2, 3: 255}, "02 01 02 11 ff 00"),
        ({15: 7}, "f1 07 00"),
        # 16 and 240 are one skip, 256 are two.
        ({16: 7}, "10 01 07 00"),
        ({241: 7}, "f0 11 07 00"),
        ({256: 7}, "f0 10 01 07 00"),
        # A header says 15 values at most.
        (dict.fromkeys(range(17), 3), "0f" + 15 * " 03" + " 02 03 03 00"),
        ({599: 5}, "f0 f0 70 71 05 00"),
    ],
)
def test_rate_coded_lists_by_hand(units: dict[int, int], content: str) -> None:
    found, ends = encode_lists(RATE, listed(RATE, units))
    assert found.tobytes().hex(" ") == content
    assert ends.tolist() == [len(found)]


@pytest.mark.parametrize(
    ("units", "content"),
    [
        ([], "00"),
        ([0, 1, 2], "03 00"),
        ([31], "f9 00"),
        ([32, 33], "08 02 00"),
        (range(8), "07 01 00"),
        ([1023, 1024], "f8 fa 00"),
        ([1024], "f8 08 01 00"),
    ],
)
def test_lists_of_recorded_spikes_by_hand(units: list[int], content: str) -> None:
    found, _ = encode_lists(SPIKES, listed(SPIKES, dict.fromkeys(units, 1)))
    assert found.tobytes().hex(" ") == content


def test_a_record_and_an_order_by_hand() -> None:
    values = np.concatenate([listed(RATE, {0: 1, 1: 2, 3: 255}), listed(RATE, {})])
    packed = pack_records(RATE, values, np.array([2, 1]), 0x10000)
    first = bytes.fromhex("0200 0600 02010211ff00")
    second = bytes.fromhex("0100 0400 0000")
    crcs = [
        crc_hqx(place.to_bytes(4, "little") + record, 0xFFFF) for place, record in ((0x10000, first), (0x10006, second))
    ]
    assert packed.words.astype("<u2").tobytes() == b"".join(
        record + crc.to_bytes(2, "little") for record, crc in zip((first, second), crcs, strict=True)
    )
    assert packed.addresses.tolist() == [0x10000, 0x10006]
    order = pack_order(packed.addresses[::-1], 0x20).astype("<u2").tobytes()
    assert (order[:3], order[4:7]) == (b"\x06\0\1", b"\0\0\1")


def test_a_record_of_an_odd_number_of_words_leaves_one_free() -> None:
    packed = pack_records(RATE, listed(RATE, {0: 1, 2: 3}).repeat(2, axis=0), np.array([0, 3]))
    assert packed.words[1] == 6
    packed = pack_records(RATE, listed(RATE, {0: 1}).repeat(2, axis=0), np.array([0, 3]))
    assert (packed.words[1], packed.words[5], packed.addresses.tolist()) == (5, 0, [0, 6])


def test_the_crcs_are_the_published_ones() -> None:
    assert crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    # Of AUTOSAR's "Specification of CRC Routines", CRC8H2F: the check value, and two of its test data.
    for content, crc in ((b"123456789", 0xDF), (bytes(4), 0x12), (bytes.fromhex("f20183"), 0xC2)):
        state = 0xFF
        for byte in content:
            state = int(records._CRC8[state ^ byte])
        assert state ^ 0xFF == crc
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert digest(np.array([[3, 32], [0xFFFF, 0]])) == zlib.crc32(b"\x03\0\x20\0\xff\xff\0\0")
    assert digest(np.array([[0xFFFF, 0]]), digest(np.array([[3, 32]]))) == digest(np.array([[3, 32], [0xFFFF, 0]]))


@st.composite
def samples(draw: st.DrawFn) -> tuple[NetworkConfig, np.ndarray, np.ndarray, int]:
    """Samples of any density, in runs of any length, at any even address."""
    kind = draw(st.sampled_from(["rate", "spikes"]))
    layers = (draw(st.integers(1, 700)), draw(st.integers(2, 9)))
    config = NetworkConfig(layers=layers, input=kind, ticks=draw(st.integers(1, 5)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 5))
    lists = count * (config.ticks if kind == "spikes" else 1)
    # Every unit is as the one before, but for a change now and then.
    rate, share = draw(st.sampled_from([0.001, 0.02, 0.3, 1.0])), draw(st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
    drawn = random.random((lists, layers[0])) < share
    held = np.maximum.accumulate(np.where(random.random(drawn.shape) < rate, np.arange(layers[0]), 0), axis=1)
    spikes = np.take_along_axis(drawn, held, axis=1)
    values = (spikes * (random.integers(1, 256, spikes.shape) if kind == "rate" else 1)).astype(np.uint8)
    labels = random.integers(0, layers[1], count)
    return config, values.reshape(count, *config.sample_shape), labels, 2 * draw(st.integers(0, 300))


@settings(max_examples=150, deadline=None)
@given(samples())
def test_what_is_packed_is_read(drawn: tuple[NetworkConfig, np.ndarray, np.ndarray, int]) -> None:
    config, values, labels, address = drawn
    content, ends = encode_lists(config, values.reshape(-1, config.layers[0]))
    assert (ends[-1], np.diff(ends, prepend=0).max() <= longest_list(config)) == (len(content), True)
    packed = pack_records(config, values, labels, address)
    memory = np.concatenate([np.zeros(address, dtype=np.uint16), packed.words])
    for place, sample, label in zip(packed.addresses.tolist(), values, labels.tolist(), strict=True):
        found = read_record(config, memory, place)
        assert found is not None
        assert (found[0] == sample).all()
        assert found[1] == label
        # Nowhere else, and not with up to three bits flipped.
        shifted = np.append(np.zeros(2, dtype=np.uint16), memory)
        assert read_record(config, shifted, place + 2) is None
        length = int(memory[place + 1])
        for count in (1, 2, 3):
            damaged = memory.copy()
            for bit in np.random.default_rng([place, count]).choice(16 * length, count, replace=False):
                damaged[place + bit // 16] ^= 1 << bit % 16
            assert read_record(config, damaged, place) is None
    order = pack_order(packed.addresses, address)
    memory = np.append(np.zeros(address, dtype=np.uint16), order)
    places = address + 2 * np.arange(len(labels))
    assert [read_entry(memory, place) for place in places.tolist()] == packed.addresses.tolist()
    for bit in range(32):
        damaged = memory.copy()
        damaged[address + bit // 16] ^= 1 << bit % 16
        assert read_entry(damaged, address) is None
    assert read_entry(np.append(np.zeros(2, dtype=np.uint16), memory), address + 2) is None


@pytest.mark.parametrize("config", [RATE, SPIKES, NetworkConfig(layers=(1, 2)), NetworkConfig(layers=(16, 2))])
def test_no_list_is_longer_than_said(config: NetworkConfig) -> None:
    """The longest there is: all inputs, or of recorded spikes every second one."""
    inputs = np.arange(config.layers[0])
    worst = (inputs % (1 if config.input == "rate" else 2) == 0).astype(np.uint8)[np.newaxis]
    assert len(encode_lists(config, worst)[0]) == longest_list(config)


def test_lists_that_nobody_encodes_are_read_as_the_text_says() -> None:
    """Values of 0, headers beyond the last unit, lists that are missing, bytes after the last."""

    def read(config: NetworkConfig, content: str) -> list[list[int]]:
        coded = iter(bytes.fromhex(content))
        count = config.ticks if config.input == "spikes" else 1
        return [np.flatnonzero(records._decode(config, coded)).tolist() for _ in range(count)]

    rate, spikes = NetworkConfig(layers=(20, 2)), NetworkConfig(layers=(20, 2), input="spikes", ticks=3)
    assert read(rate, "02 00 05 00 01 07") == [[1]]
    assert read(rate, "10 35 01 02 03 04 05") == [[19]]
    assert read(rate, "f0 f0 01 09 00") == [[]]
    assert read(rate, "03 01") == [[0]]
    assert read(spikes, "01 00 09") == [[0], [1], []]
    assert read(spikes, "00 00 87 f8 07") == [[], [], [16, 17, 18, 19]]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({0: 4}, "a label that is no class"),
        ({0: 0x4000}, "a label with other bits"),
        ({1: 3}, "too short"),
        ({1: 5000}, "longer than there are"),
        ({1: 0xFFFF}, "beyond the memory"),
    ],
)
def test_a_record_is_damaged_also_with_a_right_crc(change: dict[int, int], what: str) -> None:
    memory = np.zeros(6000, dtype=np.uint16)
    words = pack_records(RATE, listed(RATE, {0: 9, 5: 2}), np.array([3]), 500).words
    memory[500 : 500 + len(words)] = words
    assert read_record(RATE, memory, 500) is not None
    for place, word in change.items():
        memory[500 + place] = word
    end = 500 + min(int(memory[501]), 5400) - 1
    memory[end] = records._record_crc(memory[500:end].astype("<u2").tobytes(), 500)
    assert read_record(RATE, memory, 500) is None, what


def test_an_address_that_no_record_can_have_is_damaged() -> None:
    memory = np.zeros(16, dtype=np.uint16)
    assert [read_record(RATE, memory, address) for address in (3, 15, 16, 1 << 23)] == [None] * 4


def test_a_sample_longer_than_a_device_takes_is_refused() -> None:
    config = NetworkConfig(layers=(1000, 2), input="spikes", ticks=10)
    assert longest_record(config) == 2048
    values = np.zeros((3, 10, 1000), dtype=np.uint8)
    values[1, :, ::2] = 1
    with pytest.raises(BackspikeError, match=r"^sample 1 has a record of 2,508 words; a device takes 2,048 at most$"):
        pack_records(config, values, np.zeros(3, dtype=np.int64))
