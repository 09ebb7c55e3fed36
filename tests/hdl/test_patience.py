"""How long a winner has won: any winners, labels and modes, at any patience, clock for clock."""

from __future__ import annotations

from random import Random

import pytest
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.patience import Patience

SEED = 20299


@pytest.mark.parametrize(("learning", "inferring"), [(1, 1), (3, 3), (4, 7), (7, 0), (0, 3)])
def test_a_sample_ends_with_a_streak(learning: int, inferring: int) -> None:
    """Of the label in learning, of any unit else; a sample begins with none."""
    random = Random(SEED)
    config = NetworkConfig(layers=(1, 1, 5), ticks=20, patience=learning, inference_patience=inferring)
    unit = Patience(config)
    ended: dict[int, int] = {0: 0, 1: 0}

    async def bench(ctx) -> None:
        for sample in range(60):
            learn, label = random.randrange(2), random.randrange(5)
            patience = learning if learn else inferring
            ctx.set(unit.learn, learn)
            ctx.set(unit.label, label)
            ctx.set(unit.begin, 1)
            ctx.set(unit.won, 0)
            ctx.set(unit.winner, random.randrange(5))
            await ctx.tick()
            ctx.set(unit.begin, 0)
            winners: list[int] = []
            while len(winners) < 20:
                # Mostly the same one again, or one that differs in the highest bit.
                last = winners[-1] if winners else label
                winner = random.choice([last, last, last, label, label, last ^ 4 if last ^ 4 < 5 else 0])
                won = random.random() < 0.7
                ctx.set(unit.winner, winner)
                ctx.set(unit.won, won)
                winners += [winner] * won
                wanted = label if learn else winners[-1] if winners else -1
                streak = 0
                while streak < len(winners) and winners[-1 - streak] == wanted:
                    streak += 1
                enough = patience != 0 and streak >= patience
                assert ctx.get(unit.enough) == enough, f"sample {sample}, {learn=}, {label=}: {winners}"
                await ctx.tick()
                if enough and random.random() < 0.5:
                    ended[learn] += 1
                    break

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert all(ended[learn] > 0 for learn, patience in ((1, learning), (0, inferring)) if patience)
