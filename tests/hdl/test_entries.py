"""The way of entries into the lists of several banks, where a visit takes many cycles."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

import pytest
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.entries import EntrySorter

LISTS, LIMIT = 12, 100_000


def fewest_visits(rows: Sequence[int], banks: int, slots: int) -> int:
    """Return the visits of a list, that of the bias row too, if each takes a row of every bank that can have one.

    A bank's serialiser has a row to give, a word that it is at, and one that waits.
    """
    words = [[row % banks for row in rows[start : start + slots]] for start in range(0, len(rows), slots)]
    coming = deque([word.count(bank) for bank in range(banks)] for word in words)
    given, held = [False] * banks, [deque[int]() for _ in range(banks)]
    visits = 1
    while coming or any(held):
        for bank in range(banks):
            given[bank] = _gives(held[bank])
        # The last word ends the lists of all banks, and needs a place in each.
        while coming and all(len(held[bank]) < 2 for bank in range(banks) if len(coming) == 1 or coming[0][bank]):
            for bank, count in enumerate(coming.popleft()):
                if count:
                    held[bank].append(count)
                given[bank] = given[bank] or _gives(held[bank])
        visits += 1
    return visits


def _gives(held: deque[int]) -> bool:
    """Take a row from the words of a bank, if there is one."""
    if not held:
        return False
    held[0] -= 1
    if not held[0]:
        held.popleft()
    return True


@pytest.mark.parametrize(("banks", "slots"), [(2, 1), (4, 1), (4, 2), (2, 4)])
def test_the_next_visit_is_joined_while_one_takes_its_cycles(banks: int, slots: int) -> None:
    """So that no bank lacks a row that could have come; and each bias row's permission is that of its own visit."""
    config = NetworkConfig(layers=(60, 16), input_lfsrs=8, input_lanes=slots, lanes=(1,), banks=(banks,))
    fold = config.weight_layer(1).fold
    generator = random.Random(7)
    # One bank is full before the others have a row, and nothing comes for a while; of the others all comes at once.
    lists = [[*range(0, 3 * banks, banks), *range(2 * banks + 1, 6 * banks + 1, banks)]]
    lists += [sorted(generator.sample(range(60), generator.choice([0, 1, 20, 30, 40, 60]))) for _ in range(LISTS)]
    unit = EntrySorter(config)
    taken_apart = 0

    async def send(ctx) -> None:
        for number, rows in enumerate(lists):
            shown = rows or [0]
            for start in range(0, len(shown), slots):
                word = shown[start : start + slots]
                spikes = (1 << len(word)) - 1 if rows else 0
                fields = {"rows": word, "spikes": spikes, "permits": sum((row & 1) << n for n, row in enumerate(word))}
                if number == 0:
                    # What is there in between is no entry, whatever it may look like.
                    ctx.set(unit.entries.payload, {"rows": [0] * slots, "spikes": 1})
                    await ctx.tick().repeat(8)
                ctx.set(unit.entries.payload, {**fields, "last": int(start + slots >= len(shown))})
                ctx.set(unit.entries.valid, 1)
                taken = False
                while not taken:
                    _, _, taken = await ctx.tick().sample(unit.entries.ready)
                ctx.set(unit.entries.valid, 0)

    async def take(ctx) -> None:
        nonlocal taken_apart
        valid = False
        for _ in range(200):
            _, _, valid = await ctx.tick().sample(unit.visits.valid)
        assert valid, "the first visit waits for its being taken"
        for number, rows in enumerate(lists):
            seen: list[int] = []
            bias_permit, visits, last = generator.randrange(2), 0, False
            while not last:
                for cycle in range(fold):
                    # Permission changes with the bias row's visit, at the earliest when the one before it is over.
                    ctx.set(unit.bias_permit, bias_permit)
                    ctx.set(unit.visits.ready, int(cycle == fold - 1))
                    _, _, valid, visit = await ctx.tick().sample(unit.visits.valid, unit.visits.payload)
                    assert valid or not cycle, f"list {number}: nothing to visit"
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
            fewest = fewest_visits(rows, banks, slots)
            assert visits == fewest, f"list {number}, {rows}: expected {fewest} visits, not {visits}"
            taken_apart += 1

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(take)
    simulator.run_until(LIMIT * 1e-6)
    assert taken_apart == len(lists), f"{taken_apart} of {len(lists)} lists in {LIMIT} cycles"
