"""The stochastic spike generator."""

from __future__ import annotations

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.config import PERMISSION_BITS, PIXEL_BITS, RATE_BITS
from backspike.model.lfsr import POLYNOMIALS

from .lfsr import leap

__all__ = ["SpikeGenerator"]


class SpikeGenerator(wiring.Component):
    """Bernoulli spikes of one LFSR: ``spike`` with probability `value` / 256, ``permit`` with `rate` / 256.

    Combinational: the LFSR's state is kept outside, so that one generator serves several LFSRs in turn.

    Each LFSR whose state is shown to a generator needs a seed of its own, which is not that of another a few draws on:
    see `LeapForwardLfsr`.

    Parameters
    ----------
    lfsr_bits : int
        Width of the LFSR.
    stratified : bool
        Whether a spike may be decided by a sample's phase instead of the LFSR.

    Members
    -------
    state, following : ``In(lfsr_bits)``, ``Out(lfsr_bits)``
        State of the LFSR, and after the 16 bits of this draw.
    value : ``In(8)``
    rate : ``In(9)``
    spike, permit : ``Out(1)``
    taking, phase, offset, draw : ``In(1)``, ``In(8)``, ``In(8)``, ``Out(8)``
        Of a stratified one: what decides the spike. It is the LFSR's draw if `taking`, and then the phase to keep;
        otherwise the phase that was kept, XOR the offset.
    """

    def __init__(self, lfsr_bits: int, stratified: bool = False) -> None:
        self._lfsr_bits, self._stratified = lfsr_bits, stratified
        phase = {"taking": In(1), "phase": In(PIXEL_BITS), "offset": In(PIXEL_BITS), "draw": Out(PIXEL_BITS)}
        super().__init__(
            {
                "state": In(lfsr_bits),
                "following": Out(lfsr_bits),
                "value": In(PIXEL_BITS),
                "rate": In(RATE_BITS),
                "spike": Out(1),
                "permit": Out(1),
                **(phase if stratified else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = PIXEL_BITS + PERMISSION_BITS
        draw = self.state[:PIXEL_BITS]
        if self._stratified:
            m.d.comb += self.draw.eq(Mux(self.taking, draw, self.phase ^ self.offset))
            draw = self.draw
        m.d.comb += [
            self.following.eq(leap(self.state, bits, POLYNOMIALS[self._lfsr_bits])),
            self.spike.eq(draw < self.value),
            self.permit.eq(self.state[PIXEL_BITS:bits] < self.rate),
        ]
        return m
