"""The LFSRs that everything random is drawn from: their numbers, and the states that they are seeded with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError

from .lfsr import SEEDING_POLYNOMIALS, States, leap

__all__ = ["LfsrMap", "lfsr_seeds", "seeded_states", "seeding_start"]


@dataclass(frozen=True)
class LfsrMap:
    """Numbers of the LFSRs of a network, in the order in which they are seeded.

    First the input LFSRs, then for each weight layer the LFSRs of its units and the one of its bias row.
    """

    config: NetworkConfig

    @property
    def inputs(self) -> range:
        """LFSRs shared by the input units."""
        return range(self.config.input_lfsrs)

    def units(self, layer: int) -> range:
        """LFSRs of the units of weight layer `layer` (1 .. L)."""
        before = (other for other in self.config.weight_layers if other.number < layer)
        start = self.config.input_lfsrs + sum(other.units + 1 for other in before)
        return range(start, start + self.config.weight_layer(layer).units)

    def bias(self, layer: int) -> int:
        """LFSR of the bias row of weight layer `layer` (1 .. L)."""
        return self.units(layer).stop

    @property
    def count(self) -> int:
        """Number of all LFSRs."""
        return self.bias(self.config.depth) + 1


def seeding_start(seed: int, width: int) -> int:
    """Spread a user's seed over the seeding register: the top bits of `seed` times 2**64 / golden ratio.

    Source: multiplicative hashing, D. E. Knuth, The Art of Computer Programming 3, section 6.4.
    """
    return ((seed * 0x9E37_79B9_7F4A_7C15) % 2**64) >> (64 - width) or 1


def lfsr_seeds(seed: int, count: int, width: int) -> States:
    """Return the initial states of LFSRs 0 .. count-1: the seeding register after 1, 2, .. leaps of `width` bits.

    No two are equal and none is zero: the states after multiples of `width` steps come round again only after
    ``(2**width - 1) / gcd(width, 2**width - 1)`` of them.

    Raises
    ------
    BackspikeError
        More LFSRs than that.
    """
    period = (1 << width) - 1
    most = period // math.gcd(width, period)
    if count > most:
        raise BackspikeError(f"lfsr_bits = {width} gives at most {most} LFSRs, but the network needs {count}")
    return seeded_states(seeding_start(seed, width), count, width)


def seeded_states(start: int, count: int, width: int) -> States:
    """Return what the seeding register gives LFSRs 0 .. count-1 from a first state of `width` bits: 0 is taken as 1."""
    state = np.array([start], dtype=np.uint64)
    seeds = np.empty(count, dtype=np.uint64)
    for index in range(count):
        state = leap(state, width, width, SEEDING_POLYNOMIALS[width])
        seeds[index] = state[0]
    return seeds
