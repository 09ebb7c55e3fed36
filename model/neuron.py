"""The composite neuron: forward spike, derivative gate and two error spike trains of each hidden unit in one tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backspike.config import PERMISSION_BITS, NetworkConfig

from .fields import StateField, StateKind
from .lfsr import POLYNOMIALS, States, leap

__all__ = ["CompositeNeurons", "Membrane"]

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Membrane:
    """Leaky integration of potentials, with ``leak`` fraction bits below the weight's LSB."""

    def __init__(self, units: int, leak: int) -> None:
        self._leak = leak
        self.state: Integers = np.zeros(units, dtype=np.int64)

    def integrate(self, drive: Integers, first: bool) -> Integers:
        """Take the tick's weighted sum; return the potential V in weight LSBs (floor of the state).

        The first tick that a layer takes part in sets ``M = v << leak``; later ones add ``((v << leak) - M) >> leak``,
        an arithmetic shift. With as many fraction bits as the shift drops, V comes to within 1 LSB of a constant v.
        """
        target = drive << self._leak
        self.state = target if first else self.state + ((target - self.state) >> self._leak)
        return self.state >> self._leak


class CompositeNeurons:
    """The hidden units of one layer, with what each of them registers between ticks.

    Attributes
    ----------
    random : uint64 array, shape (units,)
        LFSR state of each unit. A tick takes its low bits: ``activation_bits`` for rho, then ``error_bits`` for
        rho', then 8 for the permission to learn, and leaps over all of them.
    membrane : int64 array, shape (units,)
        Membrane of each unit in LSB / 2**leak.
    spike, gate, permit : bool array, shape (units,)
        Forward spike, derivative gate, and permission for the unit's row of the next layer, for the next tick.
    dropped : bool array, shape (units,)
        Whether the unit is dropped, and so neither spikes nor has its gate open: for the whole of a sample that is
        learned; in inference for this tick.
    error_pos, error_neg : bool array, shape (units,)
        Error spikes for the next tick, never both.
    """

    STORED = (
        StateField("random", StateKind.RANDOM, np.uint64),
        StateField("membrane", StateKind.MEMBRANE, np.int64),
        StateField("spike", StateKind.FLAG, np.bool_),
        StateField("gate", StateKind.FLAG, np.bool_),
        StateField("permit", StateKind.FLAG, np.bool_),
        StateField("dropped", StateKind.FLAG, np.bool_),
        StateField("error_pos", StateKind.FLAG, np.bool_),
        StateField("error_neg", StateKind.FLAG, np.bool_),
    )

    def __init__(self, config: NetworkConfig, seeds: States, dropout: int) -> None:
        self._config = config
        self._dropout = dropout
        self._membrane = Membrane(len(seeds), config.leak)
        self.random = seeds.copy()
        self.clear()

    def clear(self) -> None:
        """Forget spikes, gates, dropping and errors, as at a sample's start."""
        units = len(self.random)
        self.spike, self.gate, self.permit, self.dropped = (np.zeros(units, dtype=np.bool_) for _ in range(4))
        self.error_pos, self.error_neg = (np.zeros(units, dtype=np.bool_) for _ in range(2))

    @property
    def membrane(self) -> Integers:
        """Membrane states in LSB / 2**leak."""
        return self._membrane.state

    @membrane.setter
    def membrane(self, state: Integers) -> None:
        self._membrane.state = state

    def tick(self, drive: Integers, first: bool, error: Integers | None, next_rate: int, learn: bool) -> None:
        """Compute what the units register at the end of a tick.

        Parameters
        ----------
        drive : int64 array, shape (units,)
            Weighted sum of the spiking rows.
        first : bool
            Whether this is the layer's first tick of the sample.
        error : int64 array, shape (units,), or None
            Back-propagated error of each unit; None when the next layer carries no error in this tick.
        next_rate : int
            Learning rate of the next layer in 1/256.
        learn : bool
            Whether the sample is learned.
        """
        config = self._config
        a, b = config.activation_bits, config.error_bits
        draw = self.random.astype(np.uint64)
        forward = (draw & np.uint64((1 << a) - 1)).astype(np.int64)
        backward = ((draw >> np.uint64(a)) & np.uint64((1 << b) - 1)).astype(np.int64)
        permission = (draw >> np.uint64(a + b)) & np.uint64((1 << PERMISSION_BITS) - 1)

        # The gate belongs to the spikes that met this error: the ones registered before this tick.
        if error is None:
            self.error_pos, self.error_neg = np.zeros_like(self.gate), np.zeros_like(self.gate)
        else:
            self.error_pos = self.gate & (error > backward)
            self.error_neg = self.gate & (-error > backward)

        # A sample's first permission is never used, since no error is there to meet it: it is free to decide this.
        if first or not learn:
            self.dropped = permission < self._dropout
        potential = self._membrane.integrate(drive, first)
        self.spike = (potential > forward) & ~self.dropped
        self.gate = (potential > 0) & (potential < 1 << a) & ~self.dropped
        self.permit = permission < next_rate
        self.random = leap(self.random, config.hidden_draw_bits, config.lfsr_bits, POLYNOMIALS[config.lfsr_bits])
