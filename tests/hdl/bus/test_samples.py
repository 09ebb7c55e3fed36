"""Words of samples, in any order: each becomes the entry, or the label, that docs/bus.md says."""

from __future__ import annotations

from random import Random

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.bus.samples import SampleReader
from tests.hdl.benches.memory import simulate_testbench

SEED = 20275
CYCLES = 800


@pytest.mark.parametrize("kind", ["rate", "spikes"])
def test_words_become_entries_and_samples_are_let_in_one_by_one(kind: str) -> None:
    config = NetworkConfig(layers=(5, 3), ticks=3, input=kind)
    reader, random = SampleReader(config), Random(SEED)
    lists, inputs, classes = 1 if kind == "rate" else config.ticks, config.layers[0], config.layers[-1]
    kinds = set()

    async def bench(ctx) -> None:
        label = learn = closed = 0
        begun = False
        for cycle in range(CYCLES):
            word = {
                "number": random.choice([0, inputs - 1, inputs, classes - 1, classes, 0xFFFF]),
                "value": random.choice([0, 1, 255]),
                "last": int(random.random() < 0.3),
                "learn": random.randrange(2),
                "label": int(random.random() < 0.3),
            }
            packet_ends, admit, ready = int(random.random() < 0.2), random.randrange(2), random.randrange(2)
            valid = int(random.random() < 0.8)
            for name, value in word.items():
                ctx.set(reader.words.p.data[name], value)
            ctx.set(reader.words.p.last, packet_ends)
            ctx.set(reader.words.valid, valid)
            ctx.set(reader.admit, admit)
            ctx.set(reader.samples.ready, ready)
            ends = word["last"] or packet_ends
            is_entry = not word["label"] or ends
            now = (label, learn)
            if word["label"]:
                now = (word["number"], int(word["learn"] and word["number"] < classes))
            where = f"cycle {cycle}, seed {SEED}"
            assert ctx.get(reader.begun) == begun, where
            assert ctx.get(reader.blocked) == (is_entry and not begun and not admit), where
            assert ctx.get(reader.begin) == (valid and is_entry and not begun and admit), where
            assert ctx.get(reader.samples.valid) == bool(valid and is_entry and begun), where
            taken = valid and (not is_entry or (begun and ready))
            if valid:
                assert ctx.get(reader.words.ready) == bool(taken), where
            if valid and is_entry and begun:
                entry = reader.samples.p
                kept = 0 if word["label"] or word["number"] >= inputs else word["value"]
                assert (ctx.get(entry.value), ctx.get(entry.last)) == (kept, int(ends)), where
                assert not kept or ctx.get(entry.index) == word["number"], where
                assert ctx.get(entry.learn) == now[1], where
                # A class that is none is not learned, and not looked at.
                assert now[0] >= classes or ctx.get(entry.label) == now[0], where
                kinds.add((bool(word["label"]), now[0] < classes, now[1], word["number"] < inputs))
            if valid and is_entry and not begun:
                begun = bool(admit)
            if taken:
                label, learn = now
                if is_entry and ends:
                    closed = (closed + 1) % lists
                    begun = closed > 0
            await ctx.tick()

    simulate_testbench(reader, bench)
    assert {(True, True, 1, True), (False, True, 1, False), (False, False, 0, True), (True, False, 0, False)} <= kinds
