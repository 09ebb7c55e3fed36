"""Operations and memory accesses of a sample: the spiking network's, counted, and the dense float network's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = ["DenseWork", "SampleWork", "dense_work", "inference_work", "mean_work", "training_work"]


@dataclass(frozen=True)
class SampleWork:
    """Work of a sample in the mean.

    Parameters
    ----------
    ticks : float
        Ticks that a sample takes.
    error_ticks : float
        Those with an error.
    rows : list of float
        Rows of each weight layer that are visited: each is read once.
    reads : float
        Synapses read, which is also the number of additions: the units of each visited row. An error adds two more
        additions per row, for the two synapses that it passes.
    writes : float
        Synapses written: the units of each row that is written back, of which an error changes two or fewer a spike.
    """

    ticks: float
    error_ticks: float
    rows: list[float]
    reads: float
    writes: float


@dataclass(frozen=True)
class DenseWork:
    """Work of a sample in the dense float network of the same layers: multiplications with addition.

    Parameters
    ----------
    inference : int
        Forward: each synapse once, biases included.
    training : int
        Forward, gradient of each synapse, and error passed back through all layers but the first.
    """

    inference: int
    training: int


def training_work(results: Sequence[Mapping[str, Any]]) -> SampleWork:
    """Return the work of a training sample, over all epochs of all results."""
    return mean_work([result["training"] for result in results], results[0]["task"]["network"]["layers"])


def inference_work(results: Sequence[Mapping[str, Any]]) -> SampleWork:
    """Return the work of a test sample with the weights that the trainings ended with."""
    return mean_work([result["test"] for result in results], results[0]["task"]["network"]["layers"])


def dense_work(layers: Sequence[int]) -> DenseWork:
    """Return the work of the float network."""
    synapses = [(inputs + 1) * units for inputs, units in pairwise(layers)]
    passed = sum(inputs * units for inputs, units in pairwise(layers[1:]))
    return DenseWork(sum(synapses), 2 * sum(synapses) + passed)


def mean_work(counts: Sequence[Mapping[str, Any]], layers: Sequence[int]) -> SampleWork:
    """Return the work of a sample over all of some counts (`Counters.to_dict`), of a network of these layers."""
    samples = sum(count["samples"] for count in counts)
    rows, writes = (
        [sum(layer) / samples for layer in zip(*(count[kind] for count in counts), strict=True)]
        for kind in ("rows", "writes")
    )
    return SampleWork(
        ticks=sum(count["ticks"] for count in counts) / samples,
        error_ticks=sum(count["error_ticks"] for count in counts) / samples,
        rows=rows,
        reads=sum(row * units for row, units in zip(rows, layers[1:], strict=True)),
        writes=sum(row * units for row, units in zip(writes, layers[1:], strict=True)),
    )
