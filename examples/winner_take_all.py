"""The race of the output units alone: winners are drawn from the softmax of the potentials.

An `LfsrSeeder` seeds the LFSRs of the race, as it does in a network, from a first state that it is given in bytes.
"""

from __future__ import annotations

import numpy as np
from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from numpy.typing import NDArray

from backspike import NetworkConfig
from backspike.hdl import LfsrSeeder, WinnerTakeAll
from backspike.model.seeding import seeding_start

CONFIG = NetworkConfig(layers=(4, 4), weight_bits=8, weight_frac=4, ticks=8, temperature=1.0)
RACES = 1000
DRIVES = [0, 8, 16, 24]


class Race(wiring.Component):
    """A race with its seeder.

    Members
    -------
    load, byte : ``In(1)``, ``In(8)``
        A byte of the seeding register's first state, the lowest first.
    start : ``In(1)``
        Draw, and race, from the next cycle on.
    drives : ``In(ArrayLayout(signed, units))``
        Potentials, in weight LSBs.
    ready : ``Out(1)``
        The LFSRs are seeded.
    done, winner : ``Out(1)``, ``Out(range(units))``
    """

    def __init__(self) -> None:
        self._race = WinnerTakeAll(CONFIG)
        drives, winner = self._race.drives.shape(), self._race.winner.shape()
        assert isinstance(drives, data.ArrayLayout)
        seeds = {"load": In(1), "byte": In(8), "ready": Out(1)}
        super().__init__({**seeds, "start": In(1), "drives": In(drives), "done": Out(1), "winner": Out(winner)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.seeder = seeder = LfsrSeeder(CONFIG)
        m.submodules.race = race = self._race
        m.d.comb += [
            seeder.load.eq(self.load),
            seeder.byte.eq(self.byte),
            race.seeds.eq(seeder.o),
            race.draw.eq(self.start),
            race.start.eq(self.start),
            race.first.eq(1),
            race.drives.eq(self.drives),
            self.ready.eq(~seeder.busy),
            self.done.eq(race.done),
            self.winner.eq(race.winner),
        ]
        return m


def winners() -> NDArray[np.int64]:
    """Return how often each unit has won."""
    race, wins = Race(), np.zeros(len(DRIVES), dtype=np.int64)

    async def bench(ctx):
        ctx.set(race.drives, DRIVES)
        ctx.set(race.load, 1)
        for byte in seeding_start(CONFIG.seed, CONFIG.lfsr_bits).to_bytes(CONFIG.lfsr_bits // 8, "little"):
            ctx.set(race.byte, byte)
            await ctx.tick()
        ctx.set(race.load, 0)
        await ctx.tick().until(race.ready)
        for _ in range(RACES):
            ctx.set(race.start, 1)
            await ctx.tick()
            ctx.set(race.start, 0)
            (winner,) = await ctx.tick().sample(race.winner).until(race.done)
            wins[winner] += 1

    simulator = Simulator(race)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return wins


def main() -> None:
    """Print how often each unit has won, beside the softmax."""
    potentials = np.array(DRIVES) / 2**CONFIG.weight_frac / CONFIG.temperature
    softmax = np.exp(potentials) / np.exp(potentials).sum()
    for unit, (share, expected) in enumerate(zip(winners() / RACES, softmax, strict=True)):
        print(f"unit {unit}: won {share:.3f}, softmax {expected:.3f}")


if __name__ == "__main__":
    main()
