"""The sample memory's contents (`docs/sample_memory.md`): lists, records, orders and digests, as NumPy has them.

Words are uint16, as they lie in the memory; an address is the number of a word.
"""

from __future__ import annotations

import zlib
from binascii import crc_hqx
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError

__all__ = [
    "ADDRESS_LIMIT",
    "ENTRY_WORDS",
    "FRAME_WORDS",
    "Records",
    "digest",
    "encode_lists",
    "gap_bits",
    "longest_list",
    "longest_record",
    "pack_order",
    "pack_records",
    "read_entry",
    "read_record",
    "results_of",
]

ADDRESS_LIMIT = 1 << 24
"""Words that an entry of an order can address."""

ENTRY_WORDS = 2
"""Words of an order's entry, and of a result."""

FRAME_WORDS = 3
"""Words of a record besides its lists: label, length, CRC."""

_GAP_BITS = {"rate": 4, "spikes": 5}
_RECORDED_WORDS = 2048
"""Most words of a record of recorded spikes: a device holds two, and few samples are longer."""

_BLOCK = 2000
"""Lists that are encoded at a time, since the steps between take several times as much."""


@dataclass(frozen=True)
class Records:
    """Samples as they lie in a memory, one record after the other.

    Attributes
    ----------
    words : uint16 array
        What lies from the first record's address on.
    addresses : int64 array, shape (samples,)
        Of each record.
    """

    words: NDArray[np.uint16]
    addresses: NDArray[np.int64]


def gap_bits(config: NetworkConfig) -> int:
    """Return how many of a header's 8 bits say how many inputs are passed over; the others say how many follow."""
    return _GAP_BITS[config.input]


def longest_list(config: NetworkConfig) -> int:
    """Return the bytes of the longest list that an encoder writes."""
    inputs, most = config.layers[0], (1 << (8 - gap_bits(config))) - 1
    # All inputs in a row; of recorded spikes, which need no values, every second one is worse.
    return (inputs - (-inputs // most) if config.input == "rate" else -(-inputs // 2)) + 1


def longest_record(config: NetworkConfig) -> int:
    """Return the most words of a record that a device takes: any sample's, but of recorded spikes at most 2,048."""
    if config.input == "rate":
        return FRAME_WORDS - (-longest_list(config) // 2)
    return min(FRAME_WORDS - (-config.ticks * longest_list(config) // 2), _RECORDED_WORDS)


def encode_lists(config: NetworkConfig, lists: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Encode lists, one after the other.

    Parameters
    ----------
    config : NetworkConfig
    lists : uint8 array, shape (lists, n_0)

    Returns
    -------
    content : uint8 array
    ends : int64 array, shape (lists,)
        Where each list ends in `content`.
    """
    gap_limit, values = 1 << gap_bits(config), config.input == "rate"
    count_bits = 8 - gap_bits(config)
    number, index = np.nonzero(lists)
    place = np.arange(len(number))
    first = np.append(True, number[1:] != number[:-1])[: len(number)]
    gap = index - np.where(first, -1, np.append(-1, index[:-1])[: len(index)]) - 1
    run = np.maximum.accumulate(np.where(first | (gap > 0), place, 0))
    headed = (place - run) % ((1 << count_bits) - 1) == 0
    # What a header's gap cannot say is skipped ahead of it, as much as can be at a time.
    skipped = gap // gap_limit
    skips = -(-skipped // (gap_limit - 1))
    sizes = skips + headed + values
    # A byte 0 stands at the end of each list.
    starts = np.cumsum(sizes) - sizes + number
    in_list = np.bincount(number, weights=sizes, minlength=len(lists)).astype(np.int64)
    ends = np.cumsum(in_list + 1)
    content = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    for skip in range(int(skips.max(initial=0))):
        chosen = skips > skip
        units = np.minimum(skipped[chosen] - skip * (gap_limit - 1), gap_limit - 1)
        content[starts[chosen] + skip] = units << count_bits
    heads = np.flatnonzero(headed)
    counts = np.diff(np.append(heads, len(number)))
    content[(starts + skips)[heads]] = gap[heads] % gap_limit << count_bits | counts
    if values:
        content[starts + skips + headed] = lists[number, index]
    return content, ends


def pack_records(
    config: NetworkConfig, values: NDArray[np.uint8], labels: NDArray[np.int64], address: int = 0
) -> Records:
    """Pack samples into records, one after the other.

    Parameters
    ----------
    config : NetworkConfig
    values : uint8 array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
    labels : int64 array, shape (samples,)
        Classes, 0 to n_L - 1.
    address : int
        Of the first record; even.

    Raises
    ------
    BackspikeError
        A sample of recorded spikes is longer than a device takes; the message says which.
    """
    each = config.ticks if config.input == "spikes" else 1
    block = max(1, _BLOCK // each)
    words: list[NDArray[np.uint16]] = []
    addresses: list[NDArray[np.int64]] = []
    for start in range(0, len(values), block):
        lists = values[start : start + block].reshape(-1, config.layers[0])
        content, list_ends = encode_lists(config, lists)
        ends = list_ends[each - 1 :: each]
        sizes = np.diff(ends, prepend=0)
        lengths = FRAME_WORDS + (sizes + 1) // 2
        for number in np.flatnonzero(lengths > longest_record(config))[:1]:
            raise BackspikeError(
                f"sample {start + number} has a record of {lengths[number]:,} words; a device takes "
                f"{longest_record(config):,} at most"
            )
        packed, places = _frame(content, sizes, lengths, labels[start : start + block], address)
        words.append(packed)
        addresses.append(places)
        address += len(packed)
    none = np.zeros(0, dtype=np.int64)
    return Records(np.concatenate([*words, none.astype(np.uint16)]), np.concatenate([*addresses, none]))


def _frame(
    content: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    lengths: NDArray[np.int64],
    labels: NDArray[np.int64],
    address: int,
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Return the words of records whose lists are in `content`, so many bytes each, and the records' addresses."""
    rooms = lengths + lengths % 2
    places = np.cumsum(rooms) - rooms
    words = np.zeros(int(rooms.sum()), dtype="<u2")
    words[places], words[places + 1] = labels, lengths
    moves = 2 * (places + 2) - (np.cumsum(sizes) - sizes)
    words.view(np.uint8)[np.arange(len(content)) + np.repeat(moves, sizes)] = content
    whole = words.tobytes()
    for place, length in zip(places.tolist(), lengths.tolist(), strict=True):
        end = place + length - 1
        words[end] = _record_crc(whole[2 * place : 2 * end], address + place)
    return words.astype(np.uint16), address + places


def read_record(
    config: NetworkConfig, memory: NDArray[np.uint16], address: int
) -> tuple[NDArray[np.uint8], int] | None:
    """Return a sample's values, shaped as `NetworkConfig.sample_shape`, and its label; None if it is damaged.

    Parameters
    ----------
    config : NetworkConfig
    memory : uint16 array
        All of the memory.
    address : int
        Of the record, any number from 0 on.
    """
    if address % 2 or address + 1 >= len(memory):
        return None
    label, length = (int(word) for word in memory[address : address + 2])
    if not FRAME_WORDS < length <= longest_record(config) or address + length > len(memory):
        return None
    content = memory[address : address + length].astype("<u2").tobytes()
    if label >= config.layers[-1] or _record_crc(content[:-2], address) != int(memory[address + length - 1]):
        return None
    coded = iter(content[4:-2])
    lists = [_decode(config, coded) for _ in range(config.ticks if config.input == "spikes" else 1)]
    return np.array(lists, dtype=np.uint8).reshape(config.sample_shape), label


def _decode(config: NetworkConfig, coded: Iterator[int]) -> NDArray[np.uint8]:
    """Return the next list; one that is missing is empty."""
    bits, inputs = gap_bits(config), config.layers[0]
    found, position = np.zeros(inputs, dtype=np.uint8), 0
    while header := next(coded, 0):
        gap, count = header >> (8 - bits), header & ((1 << (8 - bits)) - 1)
        position += gap if count else gap << bits
        for _ in range(count):
            value = next(coded, 0) if config.input == "rate" else 1
            if position < inputs:
                found[position] = value
            position += 1
    return found


def pack_order(addresses: NDArray[np.int64], address: int) -> NDArray[np.uint16]:
    """Return the words of an order of records at these addresses, that is to lie at the even address `address`."""
    entries = np.zeros((len(addresses), 2 * ENTRY_WORDS), dtype=np.uint8)
    for byte in range(3):
        entries[:, byte] = addresses >> 8 * byte & 0xFF
    places = address + ENTRY_WORDS * np.arange(len(addresses), dtype=np.int64)
    entries[:, 3] = _entry_crc(places, addresses)
    return entries.reshape(-1).view("<u2").astype(np.uint16)


def read_entry(memory: NDArray[np.uint16], address: int) -> int | None:
    """Return the record's address in the entry of an order; None if the entry is damaged."""
    low, high = (int(word) for word in memory[address : address + 2])
    record = low | (high & 0xFF) << 16
    crc = int(_entry_crc(np.array([address]), np.array([record]))[0])
    return record if crc == high >> 8 else None


def results_of(wins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return winner and its wins, shape (samples, 2), of the wins of each class, shape (samples, n_L)."""
    return np.stack([wins.argmax(axis=1), wins.max(axis=1)], axis=1)


def digest(results: NDArray[np.int64], begun: int = 0) -> int:
    """Return the digest of results, shape (samples, 2), winner and wins, after those whose digest is `begun`."""
    return zlib.crc32(results.astype("<u2").tobytes(), begun)


def _record_crc(content: bytes, address: int) -> int:
    """CRC-16/IBM-3740 of a record up to its CRC."""
    return crc_hqx(content, crc_hqx(address.to_bytes(4, "little"), 0xFFFF))


def _crc8_table() -> NDArray[np.uint8]:
    state = np.arange(256)
    for _ in range(8):
        state = (state << 1 ^ np.where(state & 0x80, 0x2F, 0)) & 0xFF
    return state.astype(np.uint8)


_CRC8 = _crc8_table()


def _entry_crc(places: NDArray[np.int64], records: NDArray[np.int64]) -> NDArray[np.uint8]:
    """CRC-8/AUTOSAR of entries at some addresses, of records at others."""
    state = np.full(len(places), 0xFF, dtype=np.uint8)
    for number, size in ((places, 4), (records, 3)):
        for byte in range(size):
            state = _CRC8[state ^ (number >> 8 * byte & 0xFF)]
    return state ^ np.uint8(0xFF)
