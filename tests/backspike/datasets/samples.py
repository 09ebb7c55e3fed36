"""Files that the tests make: IDX images and labels, and recordings of events."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + values.astype(np.uint8).tobytes()


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def write_images(folder: Path, names: Sequence[str], labels: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Write images and labels to train on, then those to test on; return the images."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [images(len(part), seed) for seed, part in enumerate(labels)]
    for part in range(2):
        for name, values in zip(names[2 * part :], (pictures[part], np.array(labels[part])), strict=False):
            content = idx(values)
            (folder / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    return pictures


def recording(events: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Return the bytes of events (x, y, polarity, microseconds)."""
    return b"".join(bytes([x, y]) + (polarity << 23 | time).to_bytes(3, "big") for x, y, polarity, time in events)
