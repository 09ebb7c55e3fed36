"""The way of entries into the lists of several banks, where a visit takes many cycles."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

import pytest
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.entries import EntrySorter

LISTS, PLACES = 12, 3
"""A serialiser has an item to give, a word that it is at, and one that waits."""

LIMIT = 100_000


def fewest_visits(rows: Sequence[int], banks: int) -> int:
    """Return the visits of a list, that of the bias row too, if each takes a row of every bank that can have one."""
    coming, waiting, visits = deque(row % banks for row in rows), [0] * banks, 1
    while coming or any(waiting):
        # The last entry ends the lists of all banks, and needs a place in each.
        while coming and max(waiting if len(coming) == 1 else [waiting[coming[0]]]) < PLACES:
            waiting[coming.popleft()] += 1
        waiting = [max(0, held - 1) for held in waiting]
        visits += 1
    return visits


@pytest.mark.parametrize("banks", [2, 4])
def test_the_next_visit_is_joined_while_one_takes_its_cycles(banks: int) -> None:
    """So that no bank lacks a row that could have come; and each bias row's permission is that of its own visit."""
    config = NetworkConfig(layers=(60, 16), input_lfsrs=8, input_lanes=1, lanes=(1,), banks=(banks,))
    fold = config.weight_layer(1).fold
    generator = random.Random(7)
    # The first list is only there for the next one to be drawn beside it, as all but the first one of a sample are.
    lists = [
        sorted(generator.sample(range(60), generator.choice([0, 1, 20, 30, 40, 60]) if number else 1))
        for number in range(LISTS)
    ]
    unit = EntrySorter(config)

    async def send(ctx) -> None:
        for rows in lists:
            for row in rows or [0]:
                fields = {"rows": [row], "spikes": int(bool(rows)), "permits": row & 1}
                ctx.set(unit.entries.payload, {**fields, "last": int(not rows or row == rows[-1])})
                ctx.set(unit.entries.valid, 1)
                taken = False
                while not taken:
                    _, _, taken = await ctx.tick().sample(unit.entries.ready)
                ctx.set(unit.entries.valid, 0)

    async def take(ctx) -> None:
        for number, rows in enumerate(lists):
            seen: list[int] = []
            bias_permit, visits, last = generator.randrange(2), 0, False
            while not last:
                for cycle in range(fold):
                    # Permission changes with the bias row's visit, at the earliest when the one before it is over.
                    ctx.set(unit.bias_permit, bias_permit)
                    ctx.set(unit.visits.ready, int(cycle == fold - 1))
                    _, _, valid, visit = await ctx.tick().sample(unit.visits.valid, unit.visits.payload)
                    assert valid or (number == 0 and not visits) or not cycle, f"list {number}: nothing to visit"
                last, visits = bool(visit.last), visits + 1
                active = [(bank, mark) for bank, mark in enumerate(visit.banks) if mark.active]
                if last:
                    ((bank, mark),) = active
                    assert (mark.row * banks + bank, mark.permit) == (60, bias_permit), f"list {number}: {mark}"
                for bank, mark in active if not last else []:
                    row = mark.row * banks + bank
                    assert (mark.spike, mark.gate, mark.permit) == (1, 0, row & 1), f"list {number}, row {row}"
                    seen.append(row)
            assert sorted(seen) == rows, f"list {number}"
            if number:
                fewest = fewest_visits(rows, banks)
                assert visits == fewest, f"list {number}, {rows}: expected {fewest} visits, not {visits}"

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(take)
    simulator.run_until(LIMIT * 1e-6)
