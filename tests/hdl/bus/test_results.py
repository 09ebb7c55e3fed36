"""Results that wait for a bus: places, what comes out, and its words."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.bus.results import ResultQueue, ResultWriter
from tests.hdl.benches.memory import simulate_testbench

SEED = 20277
CYCLES = 500
CONFIG = NetworkConfig(layers=(5, 3), ticks=9)


def draw(random: Random) -> dict[str, object]:
    wins = [random.randrange(CONFIG.ticks + 1) for _ in range(CONFIG.layers[-1])]
    return {"winner": random.randrange(len(wins)), "wins": wins, "most": max(wins)}


@pytest.mark.parametrize("places", [1, 3, 4])
def test_a_sample_is_let_in_when_there_is_a_place_for_its_result(places: int) -> None:
    queue, random = ResultQueue(CONFIG, places), Random(SEED)
    filled = set()

    async def bench(ctx) -> None:
        waiting: deque[int] = deque()
        inside = 0
        for cycle in range(CYCLES):
            admit = len(waiting) + inside < places
            where = f"cycle {cycle}, seed {SEED}"
            assert (ctx.get(queue.waiting), ctx.get(queue.inside)) == (len(waiting), inside), where
            assert ctx.get(queue.admit) == admit, where
            assert ctx.get(queue.results.ready) or not inside, where
            assert ctx.get(queue.o.valid) == bool(waiting), where
            if waiting:
                assert ctx.get(queue.o.payload.as_value()) == waiting[0], where
            filled.add((len(waiting), inside))
            # Phases in which results are taken, and others in which they are not.
            begin, comes = admit and random.random() < 0.5, inside and random.random() < 0.5
            takes, reset = random.random() < (cycle // 30 % 2), random.random() < 0.02
            ctx.set(queue.begin, begin)
            ctx.set(queue.results.valid, comes)
            ctx.set(queue.results.payload, draw(random))
            ctx.set(queue.o.ready, takes)
            ctx.set(queue.reset, reset)
            if takes and waiting:
                waiting.popleft()
            if comes:
                waiting.append(ctx.get(queue.results.payload.as_value()))
            inside = 0 if reset else inside + begin - bool(comes)
            await ctx.tick()

    simulate_testbench(queue, bench)
    assert {(0, 0), (places, 0), (0, places)} <= filled


def test_a_result_is_the_winners_word_and_one_of_each_class() -> None:
    writer, random = ResultWriter(CONFIG), Random(SEED)

    async def bench(ctx) -> None:
        for number in range(40):
            result = draw(random)
            words = [(unit, result["wins"][unit]) for unit in (result["winner"], *range(CONFIG.layers[-1]))]
            ctx.set(writer.i.payload, result)
            ctx.set(writer.i.valid, 0)
            await ctx.tick().repeat(1 + random.randrange(2))
            assert not ctx.get(writer.o.valid)
            ctx.set(writer.i.valid, 1)
            for place, word in enumerate(words, start=1):
                for ready in [0] * random.randrange(3) + [1]:
                    ctx.set(writer.o.ready, ready)
                    found = ctx.get(writer.o.p.data["class"]), ctx.get(writer.o.p.data.wins)
                    assert found == word, f"word {place} of result {number}, seed {SEED}"
                    assert ctx.get(writer.o.valid)
                    assert ctx.get(writer.o.p.last) == (place == len(words))
                    assert ctx.get(writer.i.ready) == (ready and place == len(words))
                    await ctx.tick()

    simulate_testbench(writer, bench)
