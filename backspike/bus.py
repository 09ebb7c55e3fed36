"""Samples and results as words of 32 bits, for who drives a network on a bus from Python (docs/bus.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .config import NetworkConfig
from .errors import BackspikeError
from .model import Result, Sample
from .registers import Field, bus_registers

__all__ = ["read_results", "result_words", "sample_words"]


def _fields(register: str) -> dict[str, Field]:
    return {field.name: field for field in bus_registers(streams=True)[register].fields}


def sample_words(config: NetworkConfig, sample: Sample) -> NDArray[np.uint32]:
    """Return the words of a sample: its label, then the entries of its lists, the last of each of them marked.

    Parameters
    ----------
    config : NetworkConfig
    sample : Sample
        Its values are of shape (n_0,), or (T, n_0) where they are recorded spikes.

    Returns
    -------
    uint32 array, shape (words,)
        What goes to the stream of samples, or into register SAMPLE, one after the other.
    """
    field = _fields("SAMPLE")
    words = [field["LABEL"].mask | sample.learn * field["LEARN"].mask | sample.label << field["NUMBER"].offset]
    for tick in range(1 if config.input == "rate" else config.ticks):
        rows, values = sample.listing(tick)
        # An empty list is an entry without a value.
        entries = rows << field["NUMBER"].offset | values.astype(np.int64) << field["VALUE"].offset
        entries = entries if len(entries) else np.zeros(1, dtype=np.int64)
        entries[-1] |= field["LAST"].mask
        words += entries.tolist()
    return np.array(words, dtype=np.uint32)


def result_words(config: NetworkConfig) -> int:
    """Return how many words a result has: the winner's, and one of each class."""
    return 1 + config.layers[-1]


def read_results(config: NetworkConfig, words: NDArray[np.uint32]) -> list[Result]:
    """Return the results that words from the stream of results, or of register RESULT, mean.

    Parameters
    ----------
    config : NetworkConfig
    words : uint32 array, shape (results * `result_words`,)

    Raises
    ------
    BackspikeError
        They are not whole results: some are missing, or what should be a class's word is another's.
    """
    field = _fields("RESULT")
    words, size = np.asarray(words, dtype=np.int64), result_words(config)
    if len(words) % size:
        raise BackspikeError(f"results must be of {size} words each, and {len(words)} are not a multiple of that")
    parts = words.reshape(-1, size)
    classes, wins = ((parts & field[name].mask) >> field[name].offset for name in ("CLASS", "WINS"))
    results = [Result(row[1:]) for row in wins]
    for number, (result, row) in enumerate(zip(results, classes.tolist(), strict=True)):
        if row != [result.winner, *range(size - 1)]:
            raise BackspikeError(
                f"result {number} must name the classes {[result.winner, *range(size - 1)]}, not {row}"
            )
    return results
