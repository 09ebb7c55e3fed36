"""The composite neuron and its membrane, of every state and every draw."""

from __future__ import annotations

from amaranth import Mux

from backspike.config import NetworkConfig
from backspike.hdl import neuron

from .proof import Bench, Proof, mutant

CONFIG = NetworkConfig(layers=(8, 4, 3), weight_bits=6, weight_frac=4, leak=2)
DRIVE, ERROR = 10, 9


def membrane(bench: Bench) -> None:
    """The state moves as docs/semantics.md, 4.6 says, in integers without an end, and stays in its range."""
    unit, leak = bench.unit, CONFIG.leak
    # A state that drives have led to: between the greatest and the least target. Sums get one bit more.
    most = ((1 << (DRIVE - 1)) - 1) << leak
    target = unit.drive * (1 << leak)
    moved = unit.state + ((target - unit.state) >> leak)
    bench.assume(unit.state <= most)
    exact = Mux(unit.first, target, moved)
    bench.claim(unit.following == exact)
    bench.claim(unit.following <= most)
    bench.claim(unit.potential == exact >> leak)


def composite(bench: Bench) -> None:
    """What docs/semantics.md, 4.7 says of a unit's spikes."""
    unit = bench.unit
    a, b = CONFIG.activation_bits, CONFIG.error_bits
    rho, rho_back, draw = unit.draw[:a], unit.draw[a : a + b], unit.draw[a + b : a + b + 8]
    potential = unit.membrane_following >> CONFIG.leak
    bench.claim(~(unit.error_pos & unit.error_neg))
    bench.claim(unit.error_pos == (~unit.error_negative & (unit.error_magnitude > rho_back)))
    bench.claim(unit.error_neg == (unit.error_negative & (unit.error_magnitude > rho_back)))
    # Without an error no error spike; beyond the range certain ones.
    bench.claim((unit.error_magnitude != 0) | ~(unit.error_pos | unit.error_neg))
    bench.claim((unit.error_magnitude < (1 << b)) | unit.error_pos | unit.error_neg)
    bench.claim(unit.dropped == Mux(unit.first | ~unit.learn, draw < 24, unit.dropped_before))
    bench.claim(~unit.dropped | ~(unit.spike | unit.gate))
    bench.claim(unit.dropped | (unit.spike == (potential > rho)))
    bench.claim(unit.dropped | (unit.gate == ((potential > 0) & (potential < (1 << a)))))
    bench.claim(unit.permit == (draw < unit.next_rate))


def unit(module):
    return lambda: module.CompositeNeuron(CONFIG, 24, DRIVE, ERROR)


PROOFS = [
    Proof(
        "membrane",
        f"Membrane({DRIVE}, {CONFIG.leak})",
        "the state is that of integers without an end: no sum wraps",
        lambda: neuron.Membrane(DRIVE, CONFIG.leak),
        membrane,
        depth=2,
        # The difference is cut to the state's width.
        twin=lambda: mutant(
            neuron, "((target - self.state) >> self._leak)", "((target - self.state)[:-2].as_signed() >> self._leak)"
        ).Membrane(DRIVE, CONFIG.leak),
        quick=True,
    ),
    Proof(
        "neuron",
        "CompositeNeuron",
        "never both errors; neither spike nor gate of a dropped unit; spikes, gate and permission as written",
        unit(neuron),
        composite,
        depth=2,
        twin=unit(mutant(neuron, "self.error_neg.eq(error & self.error_negative)", "self.error_neg.eq(error)")),
        quick=True,
    ),
]
