"""Bench of `backspike.hdl.memory.player.SamplePlayer`: runs beside `backspike.model.records`."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from backspike.config import NetworkConfig
from backspike.hdl.memory.runs import COUNT_BYTES, NO_REGISTER, RUN_BYTES
from backspike.hdl.timing import sample_limit
from backspike.link import DAMAGED_RESULT, RUNS, RunFlag
from backspike.model.records import (
    ENTRY_WORDS,
    digest,
    pack_order,
    pack_records,
    read_entry,
    read_record,
)

from .bench import Bench, random_samples

FOREVER = 1_000_000


class PlayerBench(Bench):
    """Runs at a memory and a network that stall.

    The job has ``config``; ``address_bits``; ``stalls``, the probability with which memory and network do; ``runs``,
    how many; and ``damage``, bits of records that are flipped.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.memory = np.array(
            [self.random.getrandbits(16) for _ in range(1 << self.job["address_bits"])], dtype=np.uint16
        )
        self.number = 0
        # What has come: lists, registers; and what is to come of each run.
        self.lists: list[tuple[list[tuple[int, int]], int, int]] = []
        self.registers: list[tuple[int, int, int]] = []
        self.waiting: deque[int] = deque()
        self.won: list[tuple[int, int]] = []
        self.shown = self.damaged = 0

    async def run(self) -> None:
        """Lay samples into the memory, damage some, and play them in runs, several in the queue."""
        for task in (self.fetch(), self.store(), self.take(), self.give(), self.access()):
            self.start(task)
        self.unit.put(free=1)
        words, half = len(self.memory), len(self.memory) // 2
        samples = random_samples(self.config, self.random.getrandbits(31))
        drawn = [next(samples) for _ in range(40)]
        values, labels = np.array([sample.values for sample in drawn]), np.array([sample.label for sample in drawn])
        packed = pack_records(self.config, values, labels)
        chosen = packed.addresses[packed.addresses + 2 * len(drawn) < half]
        end = half if len(chosen) < len(drawn) else len(packed.words)
        self.memory[:end] = packed.words[:end]
        # A record as near to the memory's end as there can be, and one that would go beyond it.
        last = pack_records(self.config, values[:1] * 0, labels[:1], words - 4)
        self.memory[words - 4 :] = last.words[:4]
        # A record of a network with more inputs: what leads beyond the last has no effect.
        inputs = self.config.layers[0]
        wide = replace(self.config, layers=(inputs + 9, *self.config.layers[1:]))
        beyond = np.zeros((1, *wide.sample_shape), dtype=values.dtype)
        beyond[..., [0, inputs, inputs + 2]] = 1
        strange = pack_records(wide, beyond, labels[:1], words - 64)
        self.memory[words - 64 : words - 64 + len(strange.words)] = strange.words
        places = [*chosen.tolist(), words - 64, words - 4, words - 2, half + 1]
        self.flip(0, end, self.job["damage"])
        done = 0
        while done < self.job["runs"]:
            count = self.random.randint(1, 3)
            await self.queue([self.draw(places) for _ in range(min(count, self.job["runs"] - done))])
            done += count
        assert self.shown > 8
        assert self.damaged > 0

    def flip(self, start: int, end: int, count: int) -> None:
        for _ in range(count):
            self.memory[self.random.randrange(start, end)] ^= 1 << self.random.randrange(16)

    def draw(self, places: list[int]) -> dict[str, Any]:
        """Lay an order into the memory, and draw what else a run does."""
        samples = self.random.choice([0, 1, 2, 5, 9])
        half = len(self.memory) // 2
        # Those of the runs in the queue do not meet.
        order = half + 40 * (self.number % 4)
        kept = half + 200 + 40 * (self.number % 4)
        addresses = np.array([self.random.choice(places) for _ in range(samples)], dtype=np.int64)
        self.memory[order : order + ENTRY_WORDS * samples] = pack_order(addresses, order)
        if samples and self.one_in(2):
            self.flip(order, order + ENTRY_WORDS * samples, 1)
        writes = [
            (self.random.randrange(5), self.random.getrandbits(32)) for _ in range(self.random.choice([0, 1, 2, 7]))
        ]
        flags = self.random.choice([0, 1, 2, 3, 3, 6, 4])
        self.number += 1
        return {"samples": samples, "order": order, "kept": kept, "flags": flags, "writes": writes}

    async def queue(self, runs: list[dict[str, Any]]) -> None:
        """Put runs into the queue, wait until they are finished, and compare what has come of them."""
        number = self.unit.get("link__number")
        before = self.memory.copy()
        for run in runs:
            await self.append(run)
        limit = 2000 + sum(run["samples"] + 1 for run in runs) * (4 * sample_limit(self.config) + 3000)
        for _ in range(limit):
            await self.unit.edge
            if self.unit.get("link__unfinished") == 0:
                break
        else:
            raise AssertionError(f"runs {runs} are not finished in {limit} cycles")
        assert not self.unit.get("active")
        for position, run in enumerate(runs):
            await self.compare(number + position, run, before)
        assert not self.lists, f"{len(self.lists)} lists more than there should be"
        assert not self.registers
        assert not self.won
        kept = {place for run in runs if run["flags"] & 2 for place in range(run["kept"], run["kept"] + 40)}
        changed = set(np.flatnonzero(before != self.memory).tolist())
        assert changed <= kept, f"words {sorted(changed - kept)} were written"

    async def append(self, run: dict[str, Any]) -> None:
        numbers = struct.pack("<IIIB", run["samples"], run["order"], run["kept"], run["flags"])
        content = numbers + b"".join(struct.pack("<BI", *write) for write in run["writes"])
        content = content.ljust(RUN_BYTES, bytes((NO_REGISTER,))) + bytes(COUNT_BYTES)
        place = self.unit.get("link__number") % RUNS * len(content)
        await self.lock()
        for offset, byte in enumerate(content):
            self.unit.put(link__address=place + offset, link__byte=byte, link__write=1)
            await self.unit.edge
        self.unit.put(link__write=0, link__append=1)
        await self.unit.edge
        self.unit.put(link__append=0, link__lock=0)
        await self.unit.edge

    async def lock(self) -> None:
        self.unit.put(link__lock=1)
        await self.until("link__granted", 100)

    async def counts(self, number: int) -> tuple[int, ...]:
        """Return what the table says of a run."""
        await self.lock()
        content = bytearray()
        for offset in range(COUNT_BYTES):
            self.unit.put(link__address=number % RUNS * 64 + RUN_BYTES + offset)
            await self.clocks(2)
            content.append(self.unit.get("link__data"))
        self.unit.put(link__lock=0)
        await self.unit.edge
        return struct.unpack("<4I", bytes(content))

    async def compare(self, number: int, run: dict[str, Any], memory: np.ndarray) -> None:
        """Compare a run with what the memory said of it when it was put into the queue."""
        each = self.config.ticks if self.config.input == "spikes" else 1
        written = [(address, 1, value) for address, value in run["writes"]]
        assert self.registers[: len(written)] == written
        del self.registers[: len(written)]
        results, right = [], 0
        for position in range(run["samples"]):
            entry = read_entry(memory, run["order"] + ENTRY_WORDS * position)
            sample = None if entry is None else read_record(self.config, memory, entry)
            if sample is None:
                results.append(DAMAGED_RESULT)
                continue
            values, label = sample
            if run["flags"] >> RunFlag.CHECK & 1:
                results.append((label, 0))
                continue
            for row in values.reshape(each, -1):
                units = np.flatnonzero(row)
                expected = (list(zip(units.tolist(), row[units].tolist(), strict=True)), label, run["flags"] & 1)
                found = self.lists.pop(0)
                assert found == expected, f"sample {position} of run {number}: expected {expected}, got {found}"
            results.append(self.won.pop(0))
            right += results[-1][0] == label
        damaged = results.count(DAMAGED_RESULT)
        self.damaged += damaged
        self.shown += len(results) - damaged
        shown = np.array(results, dtype=np.int64).reshape(-1, 2)
        counts = (run["samples"], right, damaged, digest(shown))
        found = await self.counts(number)
        assert found == counts, f"run {number}: expected {counts}, got {found}"
        if run["flags"] >> RunFlag.WRITE_RESULTS & 1:
            kept = self.memory[run["kept"] : run["kept"] + ENTRY_WORDS * run["samples"]]
            assert kept.tolist() == shown.reshape(-1).tolist()

    # -- what it plays out of, and what it plays to ---------------------------------------------------------------

    async def fetch(self) -> None:
        asked, words = (
            self.monitor("memory__fetch", self.job["stalls"]),
            self.driver("memory__words", self.job["stalls"]),
        )
        while True:
            burst = await asked.receive(FOREVER)
            end = burst["address"] + burst["count"]
            assert 0 < burst["count"] < 1024, burst
            assert end <= len(self.memory), burst
            for word in self.memory[burst["address"] : end].tolist():
                await words.send(word)

    async def store(self) -> None:
        stored = self.monitor("memory__store", self.job["stalls"])
        while True:
            word = await stored.receive(FOREVER)
            self.memory[word["address"]] = word["word"]

    async def take(self) -> None:
        """Take entries, and note the lists that they make."""
        entries = self.monitor("samples", self.job["stalls"])
        each = self.config.ticks if self.config.input == "spikes" else 1
        units, count = [], 0
        while True:
            entry = await entries.receive(FOREVER)
            assert self.unit.get("active"), "an entry, and the network is not the player's"
            if entry["value"]:
                units.append((entry["index"], entry["value"]))
            if entry["last"]:
                self.lists.append((units, entry["label"], entry["learn"]))
                units, count = [], count + 1
                if count == each:
                    count = 0
                    self.waiting.append(self.now())

    async def give(self) -> None:
        """Give a result for each sample, some time after its last entry."""
        results = self.driver("results")
        while True:
            await self.unit.edge
            if self.waiting and self.now() > self.waiting[0] + self.random.randrange(1, 200):
                self.waiting.popleft()
                wins = [self.random.randrange(self.config.ticks + 1) for _ in range(self.config.layers[-1])]
                winner = self.random.randrange(len(wins))
                self.won.append((winner, wins[winner]))
                await results.send({"winner": winner, "wins": wins, "most": wins[winner]})

    async def access(self) -> None:
        requests = self.monitor("requests", self.job["stalls"])
        responses = self.driver("responses", self.job["stalls"])
        while True:
            request = await requests.receive(FOREVER)
            assert self.unit.get("active"), "a request, and the network is not the player's"
            self.registers.append((request["address"], request["write"], request["data"]))
            await responses.send(self.random.getrandbits(32))
