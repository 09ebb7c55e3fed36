"""Benches of `backspike.hdl.spikes` against `backspike.model.spikes`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model.spikes import Sample, SpikeGenerator
from backspike.sim.host import sample_entries

from .bench import Bench
from .visits import VisitReader, item_clocks, slowest_end

CLOCKS = 400
SAMPLES = 8


class GeneratorBench(Bench):
    """The job has ``lfsr_bits`` and ``stratified``."""

    async def run(self) -> None:
        """Compare all outputs in every cycle."""
        width = self.job["lfsr_bits"]
        config = NetworkConfig(
            layers=(1, 2), input_lfsrs=1, weight_frac=2, activation_range=1.0, error_range=1.0, lfsr_bits=width
        )
        for clock in range(CLOCKS):
            state = 0 if self.one_in(10) else self.random.getrandbits(width)
            value = self.random.choice([0, 1, 255, self.random.randrange(256)])
            rate = self.random.choice([0, 1, 255, 256, self.random.randrange(257)])
            self.unit.put(state=state, value=value, rate=rate)
            taking, phase, offset = self.random.randrange(2), self.random.randrange(256), self.random.randrange(256)
            if self.job["stratified"]:
                self.unit.put(taking=taking, phase=phase, offset=offset)
            await self.unit.edge
            model = SpikeGenerator(config, np.array([state], dtype=np.uint64))
            spike, permit = model.draw(np.array([value], dtype=np.uint8), rate, clock)
            if self.job["stratified"]:
                draw = state % 256 if taking else phase ^ offset
                assert self.unit.get("draw") == draw, f"clock {clock}: expected draw {draw}"
                spike = np.array([draw < value])
            expected = (int(spike[0]), int(permit[0]), int(model.random[0]))
            got = tuple(self.unit.get(name) for name in ("spike", "permit", "following"))
            assert got == expected, f"clock {clock}: expected spike, permit and following state {expected}, got {got}"


class InputLayerBench(Bench):
    """The job has ``config`` and ``stalls``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.samples = self.driver("samples", self.job["stalls"])
        self.visits = self.monitor("visits", self.job["stalls"])
        self.reader = VisitReader(self.unit, self.config.layers[0], self.config.banks[0], None)
        self.sent = 0

    async def run(self) -> None:
        """Seed the LFSRs, show all samples, and find that the layer is as quiet as before."""
        config = self.config
        states = [self.random.getrandbits(config.lfsr_bits) for _ in range(config.input_lfsrs)]
        # Other groups are for other units: nothing here may take them.
        lanes = config.input_lfsrs // config.input_turns
        seeds = [(group, lfsr, state) for lfsr, state in enumerate(states) for group in (0, 1)]
        for group, lfsr, state in seeds:
            word, lane = divmod(lfsr, lanes)
            foreign = self.random.getrandbits(config.lfsr_bits)
            fields = {"valid": 1, "group": group, "word": word, "lane": lane, "state": foreign if group else state}
            self.unit.put(seeds=fields)
            await self.unit.edge
        self.unit.put(seeds=dict.fromkeys(("valid", "group", "word", "lane", "state"), 0))
        model = SpikeGenerator(config, np.array(states, dtype=np.uint64))
        samples = [self._sample() for _ in range(SAMPLES)]
        sending = self.start(self._send(samples))
        for number, sample in enumerate(samples):
            await self._show(number, sample, model)
        await sending
        await self.visits.finish()
        assert self.unit.get("available") == 0, "a sample more is available than was sent"

    def _sample(self) -> Sample:
        """Draw a sample; some are empty, some full, some nearly sure to spike everywhere."""
        config = self.config
        shape = (config.layers[0],) if config.input == "rate" else (config.ticks, config.layers[0])
        density = self.random.choice([0, 20, 50, 100])
        drawn = [self.random.randint(1, 255) * (self.random.randrange(100) < density) for _ in range(np.prod(shape))]
        values: NDArray[np.uint8] = np.array(drawn, dtype=np.uint8).reshape(shape)
        if self.one_in(3):
            values[values > 0] = 255
        return Sample(values, self.random.randrange(config.layers[-1]), self.one_in(2))

    async def _send(self, samples: list[Sample]) -> None:
        """Send the samples' entries, with others between them that must not count."""
        for sample in samples:
            least = 0
            for entry in sample_entries(self.config, sample):
                while self.one_in(4):
                    await self.samples.send({**entry, **self._void(least), "last": 0})
                if entry["last"] and self.one_in(3):
                    # The last entry need not be one.
                    await self.samples.send({**entry, "last": 0})
                    entry |= self._void(entry["index"] + 1 if entry["value"] else least)
                await self.samples.send(entry)
                least = 0 if entry["last"] else entry["index"] + 1
            self.sent += 1

    def _void(self, least: int) -> dict[str, int]:
        """Return index and value of an entry that is not one: no value, an index gone by, or beyond the inputs."""
        inputs = self.config.layers[0]
        beyond = range(inputs, 1 << self.unit.ports["samples__payload"]["fields"]["index"]["width"])
        kinds = [{"index": self.random.randrange(inputs), "value": 0}]
        if least:
            kinds.append({"index": self.random.randrange(least), "value": self.random.randint(1, 255)})
        if beyond:
            kinds.append({"index": self.random.choice(beyond), "value": self.random.randint(1, 255)})
        return self.random.choice(kinds)

    async def _show(self, number: int, sample: Sample, model: SpikeGenerator) -> None:
        """Start a sample and compare its visits; for stored samples also their clocks, where nothing stalls."""
        config, unit = self.config, self.unit
        rate, bias_permit = self.random.choice([0, 77, 256]), self.random.randrange(2)
        unit.put(rate=rate, bias_permit=bias_permit)
        await self.until("available")
        for _ in range(self.random.choice([0, 0, 1, 60])):
            await unit.edge
        assert unit.get("available") == 1, f"sample {number}: available fell before the start"
        if config.input == "rate":
            assert self.sent <= number + 2, "more samples were taken than there are buffers"
        expected = (sample.label, int(sample.learn))
        got = (unit.get("label"), unit.get("learn"))
        assert got == expected, f"sample {number}: expected label and learn {expected}, got {got}"
        unit.put(start=1)
        await unit.edge
        started = self.now()
        unit.put(start=0)
        # The first tick is the last one only where it is the only one.
        ticks = self.random.randint(min(2, config.ticks), config.ticks) if config.ends_early else config.ticks
        lists = [self._listed(sample, tick, model, rate) for tick in range(ticks)]
        came = []
        for tick, (rows, _) in enumerate(lists):
            if tick and config.ends_early:
                await self._tick(tick == ticks - 1)
            came += await self.reader.read(self.visits, f"sample {number}, tick {tick}", rows, bias_permit)
        if not self.job["stalls"] and config.input == "rate" and not config.ends_early:
            took = [clock - started for clock in came]
            counts = [marks for _, marks in lists]
            if config.banks[0] == 1 and config.input_turns == 1:
                exact = self._clocks(counts)
                assert took == exact, f"sample {number}: expected visits {exact} cycles from the start, not {took}"
            # Visits that wait for a row of each bank may leave three of a bank to the end of its list.
            late = (config.input_turns > 1) + 3 * (config.banks[0] > 1 and config.weight_layer(1).fold > 1)
            latest = sum(slowest_end(marks, -1) + late for marks in counts) + 2
            assert took[-1] <= latest, f"sample {number}, {counts} rows per word: took {took[-1]}, not {latest}"

    async def _tick(self, final: bool) -> None:
        """Begin a tick, soon or late; what comes with the strobe counts with it alone."""
        for _ in range(self.random.choice([0, 0, 1, 3, 40])):
            self.unit.put(ticked=0, final=self.random.randrange(2))
            await self.unit.edge
        self.unit.put(ticked=1, final=int(final))
        await self.unit.edge
        self.unit.put(ticked=0, final=self.random.randrange(2))

    def _listed(
        self, sample: Sample, tick: int, model: SpikeGenerator, rate: int
    ) -> tuple[dict[int, tuple[int, int, int]], list[list[int]]]:
        """Return the rows that spike, with their flags, and how many of each bank every word of the list has."""
        rows, values = sample.listing(tick)
        spike, permit = model.draw(values, rate, tick)
        slots, banks = self.config.input_lfsrs // self.config.input_turns, self.config.banks[0]
        starts = range(0, max(1, len(rows)), slots)
        words = [rows[start : start + slots][spike[start : start + slots]] for start in starts]
        marks = [[int((word % banks == bank).sum()) for bank in range(banks)] for word in words]
        flags = {int(row): (1, 0, int(may_learn)) for row, may_learn in zip(rows[spike], permit[spike], strict=True)}
        return flags, marks

    def _clocks(self, counts: list[list[list[int]]]) -> list[int]:
        """Return how many cycles after the start the visits of a sample come, with one bank."""
        items = []
        for marks in counts:
            items += [count for (count,) in marks]
            items[-1] += 1
        return [clock for word in item_clocks(items, 1) for clock in word]
