"""The composite neuron: forward spike, derivative gate and two error spike trains, all in one tick."""

from __future__ import annotations

from amaranth import Module, Mux, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import PERMISSION_BITS, RATE_BITS, NetworkConfig
from backspike.layers import WeightLayer

from .comparison import is_below
from .synapses import drive_shape

__all__ = ["CompositeNeuron", "Membrane", "error_spikes", "neuron_flags", "neuron_state"]


def neuron_state(layer: WeightLayer) -> data.StructLayout:
    """Return the layout of what a hidden unit keeps between samples: LFSR state, and membrane where there is a leak."""
    # A field of no bits takes no memory, and reads as zero.
    config = layer.config
    membrane = signed(drive_shape(layer).width + config.leak) if config.leak else unsigned(0)
    return data.StructLayout({"random": config.lfsr_bits, "membrane": membrane})


def error_spikes() -> data.StructLayout:
    """Return the layout of a unit's error spikes."""
    return data.StructLayout({"error_pos": 1, "error_neg": 1})


def neuron_flags() -> data.StructLayout:
    """Return the layout of the flags that a hidden unit has in a tick, and of the error spikes it will have next."""
    return data.StructLayout({"spike": 1, "gate": 1, "permit": 1, "dropped": 1, "next_errors": error_spikes()})


class Membrane(wiring.Component):
    """Leaky integration of a tick's drive into the potential. Combinational; the state is kept outside.

    Parameters
    ----------
    drive_bits : int
        Width of the signed drive, in weight LSBs.
    leak : int
        Shift k; with 0 the potential is the drive.

    Members
    -------
    drive : ``In(signed(drive_bits))``
    first : ``In(1)``
        The layer's first tick of a sample: forget the state.
    state, following : ``In(signed(drive_bits + leak))``, ``Out(signed(drive_bits + leak))``
        State before and after the tick, in LSB / 2**leak.
    potential : ``Out(signed(drive_bits))``
        Floor of the state after the tick, in LSBs.
    """

    def __init__(self, drive_bits: int, leak: int) -> None:
        self._leak = leak
        state = signed(drive_bits + leak)
        super().__init__(
            {
                "drive": In(signed(drive_bits)),
                "first": In(1),
                "state": In(state),
                "following": Out(state),
                "potential": Out(signed(drive_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        target = self.drive << self._leak
        m.d.comb += [
            self.following.eq(Mux(self.first, target, self.state + ((target - self.state) >> self._leak))),
            self.potential.eq(self.following >> self._leak),
        ]
        return m


class CompositeNeuron(wiring.Component):
    """The logic of one hidden unit. Combinational: its state is kept outside, so that it serves folded layers too.

    Parameters
    ----------
    config : NetworkConfig
    dropout : int
        Probability in 1/256 that the unit is dropped.
    drive_bits, error_bits : int
        Widths of the signed drive, and of the back-propagated error's magnitude.

    Members
    -------
    draw : ``In(hidden_draw_bits)``
        Fresh random bits: rho (activation bits), rho' (error bits), and 8 for the permission to learn.
    drive, first, membrane, membrane_following
        See `Membrane`.
    next_rate : ``In(9)``
        Learning rate of the next layer in 1/256.
    learn : ``In(1)``
        Whether the sample is learned.
    dropped_before, dropped : ``In(1)``, ``Out(1)``
        Whether the unit is dropped: as it was in the last tick, or drawn anew at first and in inference.
    spike, gate, permit : ``Out(1)``
        ``V > rho``; ``0 < V < 2**a``; permission for this unit's row of the next layer. A dropped unit has neither
        of the first two.
    error_magnitude, error_negative : ``In(error_bits)``, ``In(1)``
        Back-propagated error in LSBs, as magnitude and sign.
    error_pos, error_neg : ``Out(1)``
        Error spikes, if the gate that goes with the error is open: ``e > rho'`` or ``-e > rho'``; never both.
    """

    def __init__(self, config: NetworkConfig, dropout: int, drive_bits: int, error_bits: int) -> None:
        self._config = config
        self._dropout = dropout
        self._drive_bits = drive_bits
        state = signed(drive_bits + config.leak)
        super().__init__(
            {
                "draw": In(config.hidden_draw_bits),
                "drive": In(signed(drive_bits)),
                "first": In(1),
                "membrane": In(state),
                "membrane_following": Out(state),
                "next_rate": In(RATE_BITS),
                "learn": In(1),
                "dropped_before": In(1),
                "dropped": Out(1),
                "spike": Out(1),
                "gate": Out(1),
                "permit": Out(1),
                "error_magnitude": In(error_bits),
                "error_negative": In(1),
                "error_pos": Out(1),
                "error_neg": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self._config.activation_bits, self._config.error_bits
        forward, backward = self.draw[:a], self.draw[a : a + b]
        permission = self.draw[a + b : a + b + PERMISSION_BITS]

        m.submodules.membrane = membrane = Membrane(self._drive_bits, self._config.leak)
        error = self.error_magnitude > backward
        dropping = is_below(permission, self._dropout)
        m.d.comb += [
            membrane.drive.eq(self.drive),
            membrane.first.eq(self.first),
            membrane.state.eq(self.membrane),
            self.membrane_following.eq(membrane.following),
            self.dropped.eq(Mux(self.first | ~self.learn, dropping, self.dropped_before)),
            self.spike.eq((membrane.potential > forward) & ~self.dropped),
            self.gate.eq((membrane.potential >> a == 0) & (membrane.potential != 0) & ~self.dropped),
            self.permit.eq(permission < self.next_rate),
            self.error_pos.eq(error & ~self.error_negative),
            self.error_neg.eq(error & self.error_negative),
        ]
        return m
