"""Benches of `backspike.hdl.crossbar` and `backspike.hdl.lines`."""

from __future__ import annotations

from typing import Any

from backspike.config import NetworkConfig

from .bench import Bench, pack_flags
from .synapses import Row, SynapseArrayBench

LISTS = 20


class CrossbarBench(SynapseArrayBench):
    """That of a synapse array, with one visit a list; errors end a cycle after the sweep."""

    errors_late = 1

    async def run(self) -> None:
        """Have the host go from either end of the weights to the other besides."""
        await super().run()
        config = self.config
        for value in (config.weight_min, config.weight_max) * 2:
            await self._access(0, 0, value)
            assert await self._access(0, 0, None) == value

    def _visits(self, rows: list[Row]) -> list[list[Row]]:
        """Return the visit of all rows; the bias row, which comes first here, is what says that it is the last."""
        return [[rows[-1], *rows[:-1]]]


class FlagLinesBench(Bench):
    """The job has ``units`` and ``stalls``."""

    async def run(self) -> None:
        """Compare the visit of each list, and the clock it comes in."""
        units, unit = self.job["units"], self.unit
        visits = self.monitor("visits", self.job["stalls"])
        for number in range(LISTS):
            density = self.random.choice([0, 30, 100])
            spike, gate, permit = ([int(self.random.randrange(100) < density) for _ in range(units)] for _ in range(3))
            gates, bias_permit = self.random.randrange(2), self.random.randrange(2)
            unit.put(spike=pack_flags(spike), gate=pack_flags(gate), permit=pack_flags(permit))
            unit.put(gates=gates, bias_permit=bias_permit, start=1)
            await unit.edge
            started = self.now()
            unit.put(start=0)
            got = await visits.receive()
            assert isinstance(got, dict)
            if not self.job["stalls"]:
                assert self.now() == started + 1, f"list {number}: a visit after {self.now() - started} cycles, not 1"
            assert unit.get("word") == 0
            expected = [
                {"active": own | gates & other, "spike": own, "gate": gates & other, "permit": may, "lane": row}
                for row, (own, other, may) in enumerate(zip(spike, gate, permit, strict=True))
            ]
            expected.append({"active": 1, "spike": 1, "gate": 0, "permit": bias_permit, "lane": 0})
            assert (got["word"], got["last"]) == (0, 1), f"list {number}"
            for row, (own, wanted) in enumerate(zip(got["banks"], expected, strict=True)):
                assert own == {"row": 0, **wanted}, f"list {number}, row {row}: expected {wanted}, got {own}"
            for _ in range(self.random.choice([0, 1, 9])):
                await unit.edge
                assert unit.get("visits__valid") == 0, f"list {number}: a visit more"
        await visits.finish()


class EntryLinesBench(Bench):
    """The job has ``config`` and ``stalls``."""

    async def run(self) -> None:
        """Send lists one after the other, and compare the visit of each; a word a cycle where nothing stalls."""
        config = NetworkConfig.from_dict(self.job["config"])
        inputs, slots, stalls = config.layers[0], config.input_width, self.job["stalls"]
        words, visits = self.driver("entries", stalls), self.monitor("visits", stalls)
        drawn = [self._list(inputs, slots) for _ in range(LISTS)]
        self.unit.put(bias_permit=1)
        begun = self.now()
        sending = self.start(self._send(words, [word for sent, _ in drawn for word in sent]))
        total = 0
        for number, (sent, rows) in enumerate(drawn):
            got = await visits.receive()
            assert isinstance(got, dict)
            total += len(sent)
            if not stalls:
                took = self.now() - begun
                assert took == total + 1, f"list {number}: its visit came after {took} cycles, not {total + 1}"
            *lines, bias = got["banks"]
            found = {row: line["permit"] for row, line in enumerate(lines) if line["spike"]}
            assert found == rows, f"list {number}: expected rows with permissions {rows}, got {found}"
            assert all(line["active"] == line["spike"] and not line["gate"] for line in lines)
            assert (got["last"], bias) == (1, {"active": 1, "row": 0, "spike": 1, "gate": 0, "permit": 1, "lane": 0})
        await sending
        await visits.finish()

    async def _send(self, words: Any, drawn: list[dict[str, Any]]) -> None:
        for word in drawn:
            await words.send(word)

    def _list(self, inputs: int, slots: int) -> tuple[list[dict[str, Any]], dict[int, int]]:
        """Draw a list: its words, and the rows that spike with their permissions."""
        rows = [row for row in range(inputs) if self.random.randrange(100) < self.random.choice([20, 100])]
        words, spiking = [], {}
        for start in range(0, max(1, len(rows)), slots):
            own = rows[start : start + slots]
            spikes, permits = self.random.getrandbits(len(own) + 1) >> 1, self.random.getrandbits(slots)
            spiking |= {row: permits >> slot & 1 for slot, row in enumerate(own) if spikes >> slot & 1}
            padded = own + [self.random.randrange(inputs) for _ in range(slots - len(own))]
            words.append(
                {"rows": padded, "spikes": spikes, "permits": permits, "last": int(start + slots >= len(rows))}
            )
        return words, spiking
