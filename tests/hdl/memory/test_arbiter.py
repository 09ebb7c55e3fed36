"""The arbiter of a memory with two users: in each cycle who has it, what it is asked for, and who hears of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from amaranth.sim import Simulator

from backspike.hdl.memory.arbiter import MemoryArbiter

SEED = 20301
BITS = 4
CYCLES = 900


@dataclass
class Request:
    """What a user asks for; a word to store, or so many to fetch."""

    write: bool
    address: int
    count: int
    word: int


def draw(random: Random) -> Request:
    write, count = random.random() < 0.5, random.randint(1, 4)
    return Request(write, random.randrange((1 << BITS) - 4), 1 if write else count, random.getrandbits(16))


@pytest.mark.parametrize(("stalls", "resets"), [(0.0, 0.0), (0.4, 0.05)])
def test_bursts_are_those_asked_for_in_turn(stalls: float, resets: float) -> None:
    arbiter, random = MemoryArbiter(BITS), Random(f"{SEED} {stalls}")
    ports, reset_ports = (arbiter.player, arbiter.host), (arbiter.reset_player, arbiter.reset_host)
    memory = [random.getrandbits(16) for _ in range(1 << BITS)]
    done: Counter[tuple[int, bool]] = Counter()

    async def bench(ctx) -> None:
        asked: list[Request | None] = [None, None]
        # The burst at work: whose, what, whether the memory has it, words that came, and whether nobody wants them.
        owner, job, begun, came, dropped = 0, None, False, 0, False
        for cycle in range(CYCLES):
            reset = [int(random.random() < resets) for _ in ports]
            for user, port in enumerate(ports):
                if asked[user] is None and random.random() < 0.4:
                    asked[user] = draw(random)
                request = asked[user] or draw(random)
                ctx.set(reset_ports[user], reset[user])
                ctx.set(port.store.valid, asked[user] is not None and request.write)
                ctx.set(port.store.payload, {"address": request.address, "word": request.word})
                ctx.set(port.fetch.valid, asked[user] is not None and not request.write)
                fetch = draw(random) if request.write else request
                ctx.set(port.fetch.payload, {"address": fetch.address, "count": fetch.count})
            go, wanted = random.random() >= stalls, [int(random.random() >= stalls) for _ in ports]
            reading = job is not None and begun and not job.write
            offered, word = int(reading and go), memory[job.address + came] if reading else random.getrandbits(16)
            ctx.set(arbiter.memory.burst.ready, go)
            ctx.set(arbiter.memory.written.ready, go)
            ctx.set(arbiter.memory.read.valid, offered)
            ctx.set(arbiter.memory.read.payload, word)
            for user, port in enumerate(ports):
                ctx.set(port.words.ready, wanted[user])

            where = f"seed {SEED}, cycle {cycle}"
            asking = [request is not None for request in asked]
            chosen = (1 - owner if all(asking) else asking.index(True)) if any(asking) and job is None else None
            taken = [chosen == user and not reset[user] for user in range(2)]
            for user, port in enumerate(ports):
                stored, fetched = (ctx.get(way.valid & way.ready) for way in (port.store, port.fetch))
                assert stored + fetched == taken[user], f"{where}: taken of user {user}"
                heard = offered if owner == user and not dropped else 0
                assert ctx.get(port.words.valid) == heard, f"{where}: words for user {user}"
                assert not heard or ctx.get(port.words.payload) == word, f"{where}: word for user {user}"
            assert ctx.get(arbiter.memory.burst.valid) == (job is not None and not begun), where
            assert ctx.get(arbiter.memory.written.valid) == (job is not None and begun and job.write), where
            if job is not None and not begun:
                burst = ctx.get(arbiter.memory.burst.payload)
                assert (burst.write, burst.address, burst.count) == (job.write, job.address, job.count), where
                begun = go
            elif job is not None and job.write:
                assert ctx.get(arbiter.memory.written.payload) == job.word, where
                if go:
                    memory[job.address] = job.word
                    done[owner, True] += 1
                    job = None
            elif job is not None and offered:
                assert ctx.get(arbiter.memory.read.ready) == (dropped or wanted[owner]), where
                came += dropped or wanted[owner]
                if came == job.count:
                    done[owner, False] += 1
                    job = None
            dropped = dropped or bool(reset[owner])
            if chosen is not None:
                owner, dropped = chosen, False
                if taken[chosen]:
                    job, begun, came = asked[chosen], False, 0
                    asked[chosen] = None
            asked = [None if reset[user] else asked[user] for user in range(2)]
            await ctx.tick()

    simulator = Simulator(arbiter)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert min(done[user, write] for user in range(2) for write in (False, True)) > 10, done
