"""Records that are longer than a burst: their pieces, and what is there in the end."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.memory.fetcher import PIECE_BITS, RecordFetcher
from backspike.model.records import FRAME_WORDS, pack_order, pack_records

SEED = 20297
CONFIG = NetworkConfig(layers=(1500, 3), ticks=3)
BITS = 12
LIMIT = 10_000


@pytest.mark.parametrize("entries", [600, 1031, 1500])
def test_a_long_record_comes_in_pieces(entries: int) -> None:
    random = Random(SEED + entries)
    values = np.zeros((1, 1500), dtype=np.uint8)
    values[0, random.sample(range(1500), entries)] = [random.randrange(1, 256) for _ in range(entries)]
    order, start = 2, 700 + 2 * random.randrange(50)
    record = pack_records(CONFIG, values, np.array([2]), start).words
    memory = np.array([random.getrandbits(16) for _ in range(1 << BITS)], dtype=np.uint16)
    length = int(record[1])
    memory[start : start + len(record)] = record
    memory[order : order + 2] = pack_order(np.array([start]), order)
    asked = []
    fetcher = RecordFetcher(CONFIG, BITS)

    async def bench(ctx) -> None:
        ctx.set(fetcher.entries.payload, {"address": order, "final": 1})
        ctx.set(fetcher.entries.valid, 1)
        ctx.set(fetcher.fetch.ready, 1)
        waiting: list[int] = []
        for _ in range(LIMIT):
            if ctx.get(fetcher.records.valid):
                break
            given = bool(waiting) and random.random() < 0.8
            ctx.set(fetcher.words.valid, given)
            ctx.set(fetcher.words.payload, waiting[0] if given else random.getrandbits(16))
            if given and ctx.get(fetcher.words.ready):
                waiting.pop(0)
            if ctx.get(fetcher.fetch.valid):
                burst = ctx.get(fetcher.fetch.payload)
                assert not waiting, "a burst before the last one has come"
                asked.append((burst.address, burst.count))
                waiting += memory[burst.address : burst.address + burst.count].tolist()
            taken = ctx.get(fetcher.entries.ready)
            await ctx.tick()
            if taken:
                ctx.set(fetcher.entries.valid, 0)
        found = ctx.get(fetcher.records.payload)
        assert ctx.get(fetcher.records.valid), f"nothing is there after {LIMIT} cycles"
        assert (found.label, found.damaged, found.final) == (2, 0, 1), f"{entries} entries"
        assert found.words == length - FRAME_WORDS
        for place in range(found.words):
            ctx.set(fetcher.address, place)
            await ctx.tick()
            assert ctx.get(fetcher.data) == record[2 + place], f"word {place} of {entries} entries"

    simulator = Simulator(fetcher)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    # The order's entry, the record's header, and the rest: what is less than a piece first.
    assert asked[:2] == [(order, 2), (start, 2)]
    assert max(count for _, count in asked) <= 1 << PIECE_BITS
    assert length < 1 << PIECE_BITS or len(asked) > 3
    covered = [address + place for address, count in asked[2:] for place in range(count)]
    assert covered == list(range(start + 2, start + length))
