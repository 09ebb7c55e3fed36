"""Bench of `backspike.hdl.link.lists.ListReader`: parts of lists, sensible or not, against docs/host_link.md."""

from __future__ import annotations

from typing import Any

from backspike.config import NetworkConfig

from .bench import Bench

SAMPLES = 40


class ListBench(Bench):
    """The job has ``config``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.bytes = self.driver("i", stalls=0.25)
        self.samples = self.monitor("samples", stalls=0.3)

    async def run(self) -> None:
        """Read the lists of some samples; compare what comes out, but for entries of value 0."""
        each = 1 if self.config.input == "rate" else self.config.ticks
        for sample in range(SAMPLES):
            for number in range(each):
                expected = await self.send_list(whole_after=number == each - 1)
                got: list[tuple[int, int]] = []
                last = False
                while not last:
                    entry: Any = await self.samples.receive(1000)
                    assert (entry["label"], entry["learn"]) == (self.label, self.learn), f"sample {sample}: {entry}"
                    if entry["value"]:
                        got.append((entry["index"], entry["value"]))
                    last = bool(entry["last"])
                assert got == expected, f"sample {sample}, list {number}: expected {expected}, got {got}"
        await self.samples.finish()

    async def send_list(self, whole_after: bool) -> list[tuple[int, int]]:
        """Send a list in one to three parts; return the entries that it has by the protocol."""
        inputs, index, entries = self.config.layers[0], -1, []
        classes = self.config.layers[-1]
        self.label, self.learn = self.random.randrange(classes), self.random.getrandbits(1)
        parts = self.random.randint(1, 3)
        for number in range(parts):
            # Now and then more than seven or eight bits can count.
            count = self.random.choice([self.random.randrange(5)] * 39 + [self.random.randint(128, 300)])
            steps = [self.random.choice([0, 1, 2, self.random.randrange(256)]) for _ in range(count)]
            values = [self.random.choice([0, 255, self.random.randrange(256)]) for _ in steps]
            flags = self.label | (number < parts - 1) << 14 | self.learn << 15
            body = flags.to_bytes(2, "little") + len(steps).to_bytes(2, "little")
            body += bytes(byte for entry in zip(steps, values, strict=True) for byte in entry)
            for step, value in zip(steps, values, strict=True):
                index += step
                if step and value and index < inputs:
                    entries.append((index, value))
            await self.send(body)
            whole = whole_after and number == parts - 1
            if number == parts - 1:
                await self.until("idle")
            assert self.unit.get("begun") != whole, f"{'whole' if whole else 'not whole'}, after part {number}"
        return entries

    async def send(self, body: bytes) -> None:
        """Send bytes as they are taken, with gaps."""
        for byte in body:
            await self.bytes.send(byte)
        await self.unit.edge
