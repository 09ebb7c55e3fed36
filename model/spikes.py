"""The stochastic spike generator: from a sample to the list of input rows that spike in a tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backspike.config import PIXEL_BITS, NetworkConfig

from .fields import Axis, StateField, StateKind
from .lfsr import POLYNOMIALS, States, leap
from .strata import ROUND_DIRECTIONS, TICK_DIRECTIONS, offsets

__all__ = ["Sample", "SpikeGenerator"]


@dataclass(frozen=True)
class Sample:
    """One labelled example.

    Parameters
    ----------
    values : uint8 array
        Rate-coded: shape (n_0,), pixel x spikes with probability x / 256 per tick. Recorded spikes: shape
        (T, n_0), non-zero where unit j spikes in tick t.
    label : int
        Class, 0 .. n_L - 1.
    learn : bool
        Whether the network learns from it; otherwise it is inference, with the same draws.
    """

    values: NDArray[np.uint8]
    label: int
    learn: bool

    def listing(self, tick: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the rows listed in a tick, ascending, and their values: the non-zero ones alone."""
        values = self.values if self.values.ndim == 1 else self.values[tick]
        rows = np.flatnonzero(values)
        return rows, values[rows]


class SpikeGenerator:
    """Bernoulli spikes of listed inputs, from `input_lfsrs` shared LFSRs.

    Entry n of the list draws 16 bits of LFSR n modulo `input_lfsrs`: the low 8 for the spike, the high 8 for
    the permission to learn. LFSRs are numbered by position in the list, so a result never depends on how many
    are worked on per cycle. Stratified draws: the first entry of each LFSR, in a sample's first tick, has its spike
    draw kept as a phase; the spike draws of the sample's ticks are that phase, XOR what tick and round of the list say
    (`strata`). The LFSRs draw all the same.

    Attributes
    ----------
    random : uint64 array, shape (input_lfsrs,)
        State of each LFSR.
    """

    STORED = (StateField("random", StateKind.RANDOM, np.uint64, (Axis.LFSR,)),)

    def __init__(self, config: NetworkConfig, seeds: States) -> None:
        self._config = config
        self.random = seeds.copy()
        # Those of the sample that is shown, and no state to keep: the next one takes its own in its first tick.
        self._phases: tuple[int, ...] = ()

    def draw(self, values: NDArray[np.uint8], rate: int, tick: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Draw one tick: which entries spike, and which of them may learn.

        Parameters
        ----------
        values : uint8 array, shape (n,)
            Values of the listed entries. Recorded spikes always spike; they draw all the same.
        rate : int
            Learning rate of layer 1 in 1/256.
        tick : int
            Number of the tick in its sample, from 0. Of stratified draws those of a sample's first tick come first.
        """
        config, lfsrs = self._config, self._config.input_lfsrs
        draws = np.empty(-(-len(values) // lfsrs) * lfsrs, dtype=np.uint64)
        for start in range(0, len(values), lfsrs):
            drawing = slice(0, min(lfsrs, len(values) - start))
            draws[start : start + lfsrs] = self.random
            self.random[drawing] = leap(
                self.random[drawing], config.input_draw_bits, config.lfsr_bits, POLYNOMIALS[config.lfsr_bits]
            )
        draws = draws[: len(values)]
        permitted = ((draws >> np.uint64(PIXEL_BITS)) & np.uint64(0xFF)) < rate
        if config.input == "spikes":
            return np.ones(len(values), dtype=np.bool_), permitted
        spike_draws = draws & np.uint64(0xFF)
        if config.input_draws == "stratified":
            if tick == 0:
                self._phases = tuple(spike_draws[:lfsrs].tolist())
            rounds, places = np.divmod(np.arange(len(values)), lfsrs)
            spike_draws = np.array(self._phases, dtype=np.uint64)[places] ^ offsets(rounds, ROUND_DIRECTIONS)
            spike_draws ^= offsets(np.array(tick), TICK_DIRECTIONS)
        return spike_draws < values, permitted
