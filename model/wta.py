"""The winner-take-all unit: one winner per tick, drawn from the softmax of the potentials by a Gumbel race."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache

import numpy as np
from numpy.typing import NDArray

from backspike.config import GUMBEL_BITS, NetworkConfig

from .fields import StateField, StateKind
from .lfsr import POLYNOMIALS, States, leap
from .neuron import Membrane

__all__ = ["WinnerTakeAll", "gumbel_table"]


@cache
def gumbel_table(weight_frac: int, temperature: float) -> NDArray[np.int64]:
    """Return the Gumbel noise for each 10-bit draw n, in weight LSBs.

    Entry n is ``round(2**weight_frac * temperature * -ln(-ln((n + 1/2) / 1024)))``, halves to even: the quantile
    function of the standard Gumbel distribution at the middle of the n-th of 1,024 equal slices. Decimal
    arithmetic of 30 digits makes it the same on every machine.

    Source of the race (argmax of u_k + Gumbel noise is drawn with probability softmax(u)_k): E. J. Gumbel,
    "Statistical Theory of Extreme Values" (1954); as a sampler, Maddison, Tarlow, Minka, "A* Sampling" (2014).
    """
    context = Context(prec=30)
    scale = context.multiply(Decimal(2**weight_frac), Decimal(temperature))
    entries = 1 << GUMBEL_BITS
    table = []
    for n in range(entries):
        quantile = context.divide(Decimal(2 * n + 1), Decimal(2 * entries))
        noise = -context.ln(-context.ln(quantile))
        table.append(int(context.multiply(scale, noise).to_integral_value(ROUND_HALF_EVEN)))
    result = np.array(table, dtype=np.int64)
    result.setflags(write=False)
    return result


class WinnerTakeAll:
    """The output units: softmax cross-entropy as lateral inhibition.

    Attributes
    ----------
    random : uint64 array, shape (units,)
        LFSR state of each unit; a tick takes its low 10 bits.
    membrane : int64 array, shape (units,)
        Membrane of each unit in LSB / 2**leak.
    winner : int
        Winner of the last tick.
    error_pos, error_neg : bool array, shape (units,)
        Error spikes for the next tick: target and winner, where the two differ and the sample is learned.
    """

    STORED = (
        StateField("random", StateKind.RANDOM, np.uint64),
        StateField("membrane", StateKind.MEMBRANE, np.int64),
        StateField("error_pos", StateKind.FLAG, np.bool_),
        StateField("error_neg", StateKind.FLAG, np.bool_),
        StateField("winner", StateKind.FLAG, np.int64, ()),
    )

    def __init__(self, config: NetworkConfig, seeds: States) -> None:
        self._config = config
        self._membrane = Membrane(len(seeds), config.leak)
        self._table = gumbel_table(config.weight_frac, config.temperature)
        self.random = seeds.copy()
        self.clear()

    def clear(self) -> None:
        """Forget winner and errors, as at a sample's start."""
        self.winner = 0
        self.error_pos, self.error_neg = (np.zeros(len(self.random), dtype=np.bool_) for _ in range(2))

    @property
    def membrane(self) -> NDArray[np.int64]:
        """Membrane states in LSB / 2**leak."""
        return self._membrane.state

    @membrane.setter
    def membrane(self, state: NDArray[np.int64]) -> None:
        self._membrane.state = state

    def tick(self, drive: NDArray[np.int64], first: bool, label: int, learn: bool) -> None:
        """Run one race; ties go to the lowest index."""
        config = self._config
        noise = self._table[(self.random & np.uint64((1 << GUMBEL_BITS) - 1)).astype(np.int64)]
        self.winner = int(np.argmax(self._membrane.integrate(drive, first) + noise))
        self.error_pos, self.error_neg = (np.zeros(len(self.random), dtype=np.bool_) for _ in range(2))
        if learn and self.winner != label:
            self.error_pos[label] = self.error_neg[self.winner] = True
        self.random = leap(self.random, GUMBEL_BITS, config.lfsr_bits, POLYNOMIALS[config.lfsr_bits])
