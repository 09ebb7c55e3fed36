"""Leap-forward maximal-length linear-feedback shift register."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.model.lfsr import POLYNOMIALS

__all__ = ["LeapForwardLfsr", "leap"]


def leap(state: Value, steps: int, exponents: tuple[int, ...]) -> Value:
    """Return the state after `steps` single steps, as combinational logic: one XOR of the taps per step.

    The all-zero state, which a maximal-length register leaves only by this, is taken as 1. Steps whose taps are all in
    the state come as one operation on words, which simulators do at once.
    """
    width = len(state)
    block = width - max(exponents)
    state = Cat(state[0] | (state == 0), state[1:])
    while steps > 0:
        count = min(steps, block)
        first, *others = (state[exponent : exponent + count] for exponent in exponents)
        for tap in others:
            first = first ^ tap
        state = Cat(state[count:], first)
        steps -= count
    return state


class LeapForwardLfsr(wiring.Component):
    """A register that leaps `steps` bits of its maximal-length sequence per cycle.

    Bits 0 to ``steps - 1`` of `state` are fresh in each leap. Loading goes before stepping; a zero that got in by
    either way is left with the next step. Latency: one cycle from `enable` or `load` to `state`; a leap per cycle.

    **Several registers must not start a few shifts of one sequence apart**, as with the states 1, 2 and 4, or those
    that one register comes to in a row: what one draws, another draws a little later, and spikes that should be
    independent are copies. Take the seeds from `backspike.model.seeding.lfsr_seeds`, which gives those of another
    polynomial, as `init` or, in hardware, by an `LfsrSeeder`.

    Parameters
    ----------
    width : int
        Bits of the state, a key of `backspike.model.lfsr.POLYNOMIALS`.
    steps : int
        Bits consumed per leap, 1 to `width`.
    exponents : tuple of int, optional
        Polynomial; that of `POLYNOMIALS` when left out.
    init : int
        State after a reset, 1 to 2 ** `width` - 1.

    Members
    -------
    enable : ``In(1)``
        Leap at the end of this cycle.
    load : ``In(1)``
        Take `seed` at the end of this cycle instead.
    seed : ``In(width)``
        State to take.
    state : ``Out(width)``
        Current state; `init` after a reset.

    Raises
    ------
    ValueError
        A width that has no polynomial, or steps or a first state that the width does not have.
    """

    def __init__(self, width: int, steps: int, exponents: tuple[int, ...] | None = None, init: int = 1) -> None:
        if width not in POLYNOMIALS:
            raise ValueError(f"LFSR width must be one of {', '.join(map(str, POLYNOMIALS))}, not {width!r}")
        if not 1 <= steps <= width:
            raise ValueError(f"LFSR steps must be from 1 to the width {width}, not {steps!r}")
        if not 0 < init < 1 << width:
            raise ValueError(f"LFSR init must be from 1 to {(1 << width) - 1}, not {init!r}")
        self._steps = steps
        self._exponents = POLYNOMIALS[width] if exponents is None else exponents
        super().__init__({"enable": In(1), "load": In(1), "seed": In(width), "state": Out(width, init=init)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        following = leap(self.state, self._steps, self._exponents)
        with m.If(self.load | self.enable):
            m.d.sync += self.state.eq(Mux(self.load, self.seed, following))
        return m
