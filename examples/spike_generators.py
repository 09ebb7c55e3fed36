"""Spike trains of independent generators, and what becomes of them if their seeds are shifts of one sequence.

Eight `SpikeGenerator`s have an LFSR each. With seeds from `lfsr_seeds` their spikes are independent; with eight states
that one LFSR comes to in a row, each generator repeats what its neighbour has drawn one tick before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth import Const, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from numpy.typing import NDArray

from backspike.hdl import LeapForwardLfsr, SpikeGenerator
from backspike.model.lfsr import POLYNOMIALS, leap
from backspike.model.seeding import lfsr_seeds

LFSR_BITS, DRAW_BITS = 32, 16
UNITS, TICKS, VALUE = 8, 2000, 96


class SpikeBank(wiring.Component):
    """A spike of each unit per cycle, with the probability value / 256.

    Members
    -------
    values : ``In(ArrayLayout(8, units))``
    spikes : ``Out(units)``
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = seeds
        super().__init__({"values": In(data.ArrayLayout(8, len(seeds))), "spikes": Out(len(seeds))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for unit, seed in enumerate(self._seeds):
            # 16 bits a cycle: 8 for the spike, and 8 for a permission to learn that is not used here.
            m.submodules[f"lfsr_{unit}"] = lfsr = LeapForwardLfsr(LFSR_BITS, DRAW_BITS, init=int(seed))
            m.submodules[f"generator_{unit}"] = generator = SpikeGenerator(LFSR_BITS)
            m.d.comb += [
                lfsr.enable.eq(1),
                generator.state.eq(lfsr.state),
                generator.value.eq(self.values[unit]),
                generator.rate.eq(Const(0)),
                self.spikes[unit].eq(generator.spike),
            ]
        return m


def spike_trains(seeds: Sequence[int]) -> NDArray[np.int64]:
    """Return the spikes of units of the same value, shape (ticks, units)."""
    bank, trains = SpikeBank(seeds), []

    async def bench(ctx):
        ctx.set(bank.values, [VALUE] * len(seeds))
        for _ in range(TICKS):
            spikes = ctx.get(bank.spikes)
            trains.append([spikes >> unit & 1 for unit in range(len(seeds))])
            await ctx.tick()

    simulator = Simulator(bank)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array(trains)


def main() -> None:
    """Print rates and correlations, with good seeds and with bad ones."""
    shifted = [np.array([1], dtype=np.uint64)]
    for _ in range(UNITS - 1):
        shifted.append(leap(shifted[-1], DRAW_BITS, LFSR_BITS, POLYNOMIALS[LFSR_BITS]))
    kinds = {
        "seeds of lfsr_seeds": lfsr_seeds(1, UNITS, LFSR_BITS).tolist(),
        "shifts of a sequence": np.concatenate(shifted).tolist(),
    }
    for name, seeds in kinds.items():
        trains = spike_trains(seeds)
        # What one unit does, against what the next one did a tick before.
        repeated = np.corrcoef(trains[1:, 0], trains[:-1, 1])[0, 1]
        print(f"{name}: rate {trains.mean():.3f} of {VALUE / 256:.3f}, repeated by the next unit: {repeated:+.3f}")


if __name__ == "__main__":
    main()
