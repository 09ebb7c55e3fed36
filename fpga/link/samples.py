"""What requests of samples hold, and what their answers do (docs/host_link.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backspike.link import BODY_BYTES, PARTS

from .frames import FrameError

__all__ = ["SampleBody", "pack_samples", "unpack_results"]

_PART_BYTES = 4
_ENTRY_BYTES = 2
_LONGEST_STEP = 255
_GOES_ON = 1 << 14
_LEARN = 1 << 15


@dataclass(frozen=True)
class SampleBody:
    """Body of a ``SAMPLES`` request, and how many samples are whole with it."""

    content: bytes
    samples: int


def pack_samples(
    values: NDArray[np.uint8],
    labels: NDArray[np.int64],
    learn: bool | NDArray[np.bool_],
    most: int = BODY_BYTES,
    whole_samples: int | None = None,
) -> Iterator[SampleBody]:
    """Pack samples into as few bodies as hold them.

    Parameters
    ----------
    values : uint8 array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
    labels : int64 array, shape (samples,)
        Classes, 0 to 16,383.
    learn : bool, or bool array, shape (samples,)
        Whether the samples are learned.
    most : int
        Bytes of a body, at least 6: a part of one entry.
    whole_samples : int, optional
        Samples of a body, at least 1: none that goes on in the next body stands after one that ends in this.
    """
    if whole_samples is not None:
        for start in range(0, len(values), whole_samples):
            part = slice(start, start + whole_samples)
            yield from pack_samples(values[part], labels[part], learn if isinstance(learn, bool) else learn[part], most)
        return
    lists = values.reshape(-1, values.shape[-1])
    each = len(lists) // max(1, len(values))
    flags = labels | np.where(learn, _LEARN, 0)
    entries, bounds = _entries(lists)
    body, parts, samples = bytearray(), 0, 0
    for number in range(len(lists)):
        label, start, end = int(flags[number // each]), int(bounds[number]), int(bounds[number + 1])
        whole = False
        while not whole:
            # A part needs room for an entry, unless it is an empty list: with less, it starts a new frame.
            least = _PART_BYTES + (_ENTRY_BYTES if end > start else 0)
            if parts == PARTS or most - len(body) < least:
                yield SampleBody(bytes(body), samples)
                body, parts, samples = bytearray(), 0, 0
            count = min(end - start, (most - len(body) - _PART_BYTES) // _ENTRY_BYTES)
            whole = start + count == end
            body += (label | (0 if whole else _GOES_ON)).to_bytes(2, "little") + count.to_bytes(2, "little")
            body += entries[start : start + count].tobytes()
            parts, start = parts + 1, start + count
        samples += (number + 1) % each == 0
    if parts:
        yield SampleBody(bytes(body), samples)


def _entries(lists: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the entries of all lists, shape (entries, 2), and where each list begins, and the last one ends."""
    number, index = np.nonzero(lists)
    first = np.append(True, number[1:] != number[:-1])[: len(number)]
    steps = index - np.where(first, -1, np.append(-1, index[:-1])[: len(index)])
    # Entries of value 0 bridge what is left of a gap when its last step is as long as can be.
    bridges = (steps - 1) // _LONGEST_STEP
    ends = np.cumsum(bridges + 1)
    entries = np.zeros((int(ends[-1]) if len(ends) else 0, 2), dtype=np.uint8)
    entries[:, 0] = _LONGEST_STEP
    entries[ends - 1, 0] = steps - bridges * _LONGEST_STEP
    entries[ends - 1, 1] = lists[number, index]
    bounds = np.append(0, ends)[np.searchsorted(number, np.arange(len(lists) + 1))]
    return entries, bounds.astype(np.int64)


def unpack_results(content: bytes) -> NDArray[np.int64]:
    """Return winner and its wins of each sample, shape (results, 2), from the body of an answer after its status.

    Raises
    ------
    FrameError
        It is not made of whole results.
    """
    if len(content) % 4:
        raise FrameError("damaged")
    return np.frombuffer(content, dtype="<u2").reshape(-1, 2).astype(np.int64)
