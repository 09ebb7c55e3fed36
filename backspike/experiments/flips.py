"""Bits that flip in the weights and the LFSRs of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState

__all__ = ["Flip", "flip_each_of", "flip_lfsrs", "flip_weights"]

Flip = Callable[[Network, int, np.random.Generator], None]


def flip_weights(network: Network, count: int, random: np.random.Generator) -> None:
    """Flip so many bits of a network's weights, each bit of all weights as likely as any other."""
    bits = network.config.weight_bits
    for array, places in zip(
        network.synapses, _places([w.size * bits for w in network.weights], count, random), strict=True
    ):
        array.weights = _flipped(array.weights, bits, places // bits, places % bits)


def flip_each_of(
    weights: Sequence[NDArray[np.int64]], bits: int, share: float, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return weights with one random bit flipped in each of a share of them, each weight as likely as any other.

    Parameters
    ----------
    weights : sequence of int64 array
        Whole numbers in two's complement.
    bits : int
        Of a weight.
    share : float
        0 to 1, of all weights of all arrays; the number of them is rounded.
    random : Generator
        What is drawn depends on the arrays' sizes alone, not on the weights.
    """
    sizes = [matrix.size for matrix in weights]
    chosen = list(_places(sizes, round(share * sum(sizes)), random))
    return [
        _flipped(matrix, bits, places, random.integers(0, bits, len(places)))
        for matrix, places in zip(weights, chosen, strict=True)
    ]


def flip_lfsrs(network: Network, count: int, random: np.random.Generator) -> None:
    """Flip so many bits of a network's LFSRs."""
    bits, state = network.config.lfsr_bits, NetworkState.of(network, StateKind.RANDOM)
    for name, places in zip(state, _places([s.size * bits for s in state.values()], count, random), strict=True):
        np.bitwise_xor.at(state[name], places // bits, np.uint64(1) << (places % bits).astype(np.uint64))
    state.put_into(network)


def _flipped(
    weights: NDArray[np.int64], bits: int, places: NDArray[np.int64], flipped: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return weights of so many bits, in two's complement, with one bit flipped at each place of the flat array."""
    words = weights.copy().ravel()
    np.bitwise_xor.at(words, places, 1 << flipped)
    words = ((words + (1 << bits - 1)) & (1 << bits) - 1) - (1 << bits - 1)
    return words.reshape(weights.shape)


def _places(sizes: Sequence[int], count: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Draw bits of several arrays, different ones, and give those of each."""
    drawn, start = random.choice(sum(sizes), count, replace=False), 0
    for size in sizes:
        yield drawn[(drawn >= start) & (drawn < start + size)] - start
        start += size
