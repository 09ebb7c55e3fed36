"""Benches of what a host may do to a whole network beyond showing sample after sample.

`backspike.sim.network_bench` compares every state of every tick; here only what a host can see is compared with the
golden model: results, counters and weights. Wrong draws or spikes show in the weights that are learned from them.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.hdl import timing
from backspike.hdl.scanner import RowScanner
from backspike.layers import WeightLayer
from backspike.model import Network, Result, Sample
from backspike.model.seeding import seeding_start
from backspike.registers import WINDOW, RegisterMap
from backspike.sim.exercise import lively_weights
from backspike.sim.host import RegisterHost, sample_entries

from .bench import Bench, Monitor, random_samples

PATIENCE = 30_000


class HostBench(Bench):
    """A network, its model with the same random weights, and a host; the job has ``config``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config = NetworkConfig.from_dict(self.job["config"])
        self.samples = self.driver("samples")
        self.host = RegisterHost(self.config, self.driver("requests"), self.monitor("responses"))
        seed = self.random.getrandbits(32)
        self.model = Network(self.config, lively_weights(self.config, seed))
        self._samples = random_samples(self.config, seed)

    def draw_sample(self, learn: bool = True) -> Sample:
        """Draw a sample; learned, unless said otherwise."""
        sample = next(self._samples)
        return Sample(sample.values, sample.label, learn)

    async def load(self) -> None:
        """Write the model's weights into the network."""
        for layer, weights in enumerate(self.model.weights, start=1):
            await self.host.write_weights(layer, weights)

    async def send(self, *samples: Sample) -> None:
        """Send samples one after the other."""
        for sample in samples:
            for entry in sample_entries(self.config, sample):
                await self.samples.send(entry)

    async def receive(self, results: Monitor, expected: Result) -> None:
        """Take a result, and compare it."""
        got = await results.receive(PATIENCE)
        assert isinstance(got, dict)
        wins = got["wins"]
        assert (got["winner"], wins) == (expected.winner, expected.wins.tolist()), (
            f"expected class {expected.winner} with wins {expected.wins.tolist()}, got {got['winner']} with {wins}"
        )
        assert got["most"] == max(wins), f"expected {max(wins)} as the most of {wins}, got {got['most']}"

    async def compare_weights(self) -> None:
        """Compare all weights with the model's."""
        for layer, weights in enumerate(self.model.weights, start=1):
            got = await self.host.read_weights(layer)
            differing = np.argwhere(got != weights)
            assert not len(differing), f"weights of layer {layer} differ at {differing[:3].tolist()} and elsewhere"

    async def compare_counters(self) -> None:
        """Compare all counters that the model has too."""
        for name, value in self.model.counters.by_register().items():
            got = await self.host.read(name)
            assert got == value, f"{name}: expected {value}, got {got}"

    async def open_window(self, layer: WeightLayer, row: int, unit: int) -> None:
        """Put the weight window on a weight."""
        for name, value in RegisterMap(self.config).window(layer, row, unit).items():
            await self.host.write(name, value)

    async def showing(self) -> None:
        """Wait until a sample is being shown."""
        for _ in range(100):
            if await self.host.read("STATUS") == 1:
                return
        raise AssertionError("no sample is shown")


class AccessesMeanwhile(HostBench):
    """Two samples at once, and accesses during the first."""

    async def run(self) -> None:
        """Read during the first sample; a write comes ahead of the second, which is already there."""
        await self.load()
        results, model, counters = self.monitor("results"), self.model, RegisterMap(self.config).counters
        for number in range(6):
            index = self.random.randrange(self.config.depth)
            layer = self.config.weight_layers[index]
            row, unit = self.random.randrange(layer.rows), self.random.randrange(layer.units)
            await self.open_window(layer, row, unit)
            first, second = self.draw_sample(), self.draw_sample()
            sending = self.start(self.send(first, second))
            await self.showing()
            for name in ("RATE_1", "IDENTITY", ("TICKS", "CLOCKS")[number % 2]):
                asked = self.now()
                await self.host.read(name)
                most = 9 + 4 * len(counters) * (name in counters)
                assert self.now() - asked <= most, f"reading {name} took {self.now() - asked} cycles"
            assert results.count == 2 * number, "the sample was over before the registers were read"
            expected = [model.run(first)]
            kind = ("rate", "weight", "weight read")[number % 3]
            if kind == "rate":
                model.rates[index] = self.random.choice([0, 40, 256])
                await self.host.write(f"RATE_{layer.number}", model.rates[index])
            elif kind == "weight":
                weight = self.random.choice([self.config.weight_min, self.config.weight_max])
                model.weights[index][row, unit] = weight
                await self.host.write("WEIGHT_DATA", weight)
            else:
                got, weight = await self.host.read("WEIGHT_DATA"), int(model.weights[index][row, unit])
                assert got == weight & 0xFFFF_FFFF, f"read {got:#x} instead of weight {weight}"
            assert results.count == 2 * number + 1, f"{kind}: not answered between the two samples"
            expected.append(model.run(second))
            await sending
            for result in expected:
                await self.receive(results, result)
        await self.compare_weights()
        await self.compare_counters()
        await results.finish()


class SeededAnew(HostBench):
    """Samples, another seed with a sample already waiting, and samples again."""

    async def run(self) -> None:
        """Compare with a fresh model of the other seed, that has the weights learned so far."""
        await self.load()
        results = self.monitor("results")
        for number in range(3):
            for sample in (self.draw_sample(), self.draw_sample(learn=False)):
                await self.send(sample)
                await self.receive(results, self.model.run(sample))
            seed = self.random.randint(1, 2**32 - 1)
            start = seeding_start(seed, self.config.lfsr_bits)
            await self.host.write("SEED_LOW", start & 0xFFFF_FFFF)
            await self.host.write("SEED_HIGH", start >> 32)
            await self.host.write("CONTROL", 0b11)
            if number % 2:
                # An access that waits, too, while LFSRs are seeded.
                assert await self.host.read("STATUS") == 2, "not seeding after CONTROL was written"
                await self.compare_weights()
            self.model = Network(self.config.replace(seed=seed), self.model.weights)
        sample = self.draw_sample()
        await self.send(sample)
        await self.receive(results, self.model.run(sample))
        await self.compare_weights()
        await self.compare_counters()
        await results.finish()


class ResetInMidSample(HostBench):
    """All variants share the reset, so they share its clock too."""

    RESET_AT = 2_500

    async def run(self) -> None:
        """Reset, and compare with a fresh model that has the weights found then."""
        begun = self.now()
        await self.load()
        results = self.monitor("results")
        await self.host.write("RATE_1", 3)
        assert self.now() - begun < self.RESET_AT, "weights are loaded too late for the common reset"
        await self.clocks(self.RESET_AT - (self.now() - begun) - self.random.randint(40, 60))
        sending = self.start(self.send(*[self.draw_sample() for _ in range(3)]))
        await self.clocks(self.RESET_AT - (self.now() - begun))
        assert results.count == 0, "a sample was over before the reset"
        sending.cancel()
        self.unit.put(samples__valid=0)
        self.unit.set_reset(1)
        await self.clocks(1)
        self.unit.set_reset(0)
        assert await self.host.read("WEIGHT_LAYER") == 0, "the window stayed over the reset"
        weights = [await self.host.read_weights(layer) for layer in range(1, self.config.depth + 1)]
        self.model = Network(self.config, weights)
        for _ in range(3):
            sample = self.draw_sample()
            await self.send(sample)
            await self.receive(results, self.model.run(sample))
        assert await self.host.read("RATE_1") == self.config.rates[0], "a rate stayed over the reset"
        await self.compare_weights()
        await self.compare_counters()
        await results.finish()


class OddEntries(HostBench):
    """Entries of value 0, of an index gone by or beyond the inputs; labels beyond the classes."""

    async def run(self) -> None:
        """Compare with a model that gets none of these entries."""
        await self.load()
        config, results = self.config, self.monitor("results")
        fields = self.unit.ports["samples__payload"]["fields"]
        beyond = range(config.layers[0], 1 << fields["index"]["width"])
        no_class = range(config.layers[-1], 1 << fields["label"]["width"])
        for _ in range(8):
            sample = self.draw_sample()
            label = self.random.choice([sample.label, *no_class])
            # A label that is no class never makes an error, so the sample is as if it were not learned.
            expected = self.model.run(sample if label == sample.label else Sample(sample.values, sample.label, False))
            previous = -1
            for entry in sample_entries(config, sample):
                odd = [{"index": self.random.randrange(config.layers[0]), "value": 0}]
                odd += [{"index": index, "value": 9} for index in (previous, previous // 2) if previous >= 0]
                odd += [{"index": index, "value": 255} for index in beyond]
                while self.one_in(3):
                    await self.samples.send({**entry, **self.random.choice(odd), "label": label, "last": 0})
                previous = -1 if entry["last"] else entry["index"]
                await self.samples.send({**entry, "label": label})
            await self.receive(results, expected)
        await self.compare_weights()
        await self.compare_counters()
        await results.finish()


class WeightWindow(HostBench):
    """Weights by register, and accesses past the last of each layer."""

    async def run(self) -> None:
        """Find that all weights are where they were written, and nothing is beyond them."""
        await self.load()
        for layer, weights in zip(self.config.weight_layers, self.model.weights, strict=True):
            await self.host.read_weights(layer.number)
            for _ in range(3):
                await self.host.write("WEIGHT_DATA", -1)
                got = await self.host.read("WEIGHT_DATA")
                assert got == 0, f"a weight of {got} after the last of layer {layer.number}"
            window = [await self.host.read(name) for name in WINDOW]
            assert window == [layer.number, layer.rows, 0, 0], f"the window went on to {window}"
            await self._cross_row(layer, weights)
        # A layer that there is not.
        for number in (0, self.config.depth + 1):
            await self.host.write("WEIGHT_LAYER", number)
            for name in ("WEIGHT_ROW", "WEIGHT_WORD", "WEIGHT_LANE"):
                await self.host.write(name, 0)
            await self.host.write("WEIGHT_DATA", -1)
            got = await self.host.read("WEIGHT_DATA")
            assert got == 0, f"a weight of {got} in layer {number}"
        await self.compare_weights()
        index = self.random.randrange(self.config.depth)
        layer = self.config.weight_layers[index]
        for _ in range(10):
            row, unit = self.random.randrange(layer.rows), self.random.randrange(layer.units)
            await self.open_window(layer, row, unit)
            weight = self.random.randint(self.config.weight_min, self.config.weight_max)
            await self.host.write("WEIGHT_DATA", weight)
            self.model.weights[index][row, unit] = weight
        await self.compare_weights()

    async def _cross_row(self, layer: WeightLayer, weights: NDArray[np.int64]) -> None:
        """Write a row, with lanes that are no unit: old weights come back, low bits count, the next row follows."""
        config, row = self.config, self.random.randrange(layer.inputs)
        old = [*weights[row].tolist(), *[0] * (layer.row_lanes - layer.units)]
        new = [self.random.randint(config.weight_min, config.weight_max) for _ in old]
        await self.open_window(layer, row, 0)
        for before, weight in zip(old, new, strict=True):
            others = self.random.getrandbits(32) << config.weight_bits
            got = await self.host.write("WEIGHT_DATA", others | weight & ((1 << config.weight_bits) - 1))
            assert got == before & 0xFFFF_FFFF, f"a write answered {got:#x}, not the weight before it, {before}"
        for name, expected in (("ROW", row + 1), ("WORD", 0), ("LANE", 0)):
            got = await self.host.read(f"WEIGHT_{name}")
            assert got == expected, f"after row {row} WEIGHT_{name} is {got}, not {expected}"
        await self.open_window(layer, row, 0)
        for weight in new:
            got = await self.host.read("WEIGHT_DATA")
            assert got == weight & 0xFFFF_FFFF, f"read {got:#x} instead of weight {weight}"
        await self.open_window(layer, row, 0)
        for weight in old:
            await self.host.write("WEIGHT_DATA", weight)


class ResultsLeftWaiting(HostBench):
    """More samples than the network has room for."""

    async def run(self) -> None:
        """Take the results only when nothing moves any more."""
        await self.load()
        samples = [self.draw_sample() for _ in range(6)]
        sending = self.start(self.send(*samples))
        await self.showing()
        waited, ticks = await self.host.read("STALLS_SAMPLE"), -1
        for _ in range(100):
            before, ticks = ticks, await self.host.read("TICKS")
            if ticks == before:
                break
            await self.clocks(300)
        # The first result waits in the register, the second for it.
        assert ticks == 2 * self.config.ticks, f"expected two samples to be shown, not {ticks} ticks"
        assert await self.host.read("SAMPLES") == 1
        assert self.unit.get("results__valid") == 1
        assert self.unit.get("samples__ready") == 0, "samples are taken beyond what there is room for"
        if self.config.input_buffers > 1:
            assert await self.host.read("STALLS_SAMPLE") == waited, "a sample that was there was waited for"
        before = await self._stalls()
        await self.clocks(300)
        after = await self._stalls()
        assert after.pop("STALLS_RESULT") >= before.pop("STALLS_RESULT") + 300, "a result waits, and is not counted"
        assert after == before, "something else than the result is waited for"
        results = self.monitor("results")
        for sample in samples:
            await self.receive(results, self.model.run(sample))
        await sending
        await self.compare_weights()
        await self.compare_counters()
        await results.finish()

    async def _stalls(self) -> dict[str, int]:
        names = [name for name in RegisterMap(self.config).counters if name.startswith("STALLS_")]
        return {name: await self.host.read(name) for name in names}


class ClocksOfATick(HostBench):
    """Clocks of samples against what the rows visited in each tick make of them."""

    async def run(self) -> None:
        """Compare exactly where every list is a single word and no port is shared, else within what those can cost."""
        await self.load()
        results, config = self.monitor("results"), self.config
        words = [self._words(layer) for layer in config.weight_layers]
        lists = config.ticks * (max(words) - 1)
        single = [layer for layer in config.weight_layers if layer.ports == 1]
        for number in range(6):
            sample = self.draw_sample(learn=number % 2 == 0)
            await self.host.write("CONTROL", 1)
            # They are cleared once this can be read.
            assert await self.host.read("CLOCKS") == 0, "a counter was not cleared"
            begun = self.now()
            seen = [self.model.counters.rows.copy()]
            expected = self.model.run(sample, partial(self._note, seen))
            await self.send(sample)
            await self.receive(results, expected)
            rows = [(after - before).tolist() for before, after in pairwise(seen)]
            clocks_expected, late = timing.ENDING_CYCLES, [timing.first_list_cycles(config)] + [0] * (config.depth - 1)
            for visited in rows:
                cycles = timing.layer_cycles(config, visited, late)
                clocks_expected += max(cycles)
                late = timing.late_lists(config, cycles)
            got = await self.host.read("CLOCKS")
            # With a single port each word that changes costs a clock; the words of a row need not all change.
            slack = lists
            for layer in single:
                slack += layer.fold * await self.host.read(f"WRITES_{layer.number}")
            assert clocks_expected <= got <= clocks_expected + slack, (
                f"sample {number}: expected {clocks_expected} cycles and at most {slack} more, took {got}; rows {rows}"
            )
            assert await self.host.read("SAMPLES") == 1, "a counter was not cleared"
            await self._compare_stalls(got, seen[-1] - seen[0])
            await self._compare_waiting(begun, got)
        # It is all that comes, and is counted on.
        await self.clocks(500)
        await self._compare_waiting(begun, got)
        await self.compare_weights()

    async def _compare_stalls(self, clocks: int, rows: NDArray[np.int64]) -> None:
        """Compare a sample's clocks with what they went by for: a row that is read, a stall of one kind, the end."""
        stalls = {cause: await self.host.read(f"STALLS_{cause}") for cause in ("LIST", "PORT", "UNITS", "RESULT")}
        layers = self.config.weight_layers
        reading = [layer.fold * int(visited) for layer, visited in zip(layers, rows, strict=True)]
        if layers[0].crossbar:
            # All rows of a tick in a cycle.
            reading = [self.config.ticks - layer.number + 1 for layer in layers]
        read = clocks - sum(stalls.values()) - 1
        # Layers read at the same time.
        assert max(reading) <= read <= sum(reading), f"rows are read in {reading} cycles, {clocks} went by, {stalls}"
        assert min(stalls["LIST"], stalls["UNITS"]) > 0, f"a list, or units, took no time: {stalls}"
        assert stalls["RESULT"] == 0, "a result waited"

    async def _compare_waiting(self, begun: int, clocks: int) -> None:
        """Compare the cycles counted in which there is no sample with those since `begun` in which none was shown."""
        waited = await self.host.read("STALLS_SAMPLE")
        expected = self.now() - begun - clocks
        # A count is read in its turn.
        latency = 4 * len(RegisterMap(self.config).counters) + 9
        assert abs(waited - expected) <= latency, f"waited {expected} cycles for samples, counted as {waited}"

    def _note(self, seen: list[NDArray[np.int64]], tick: int) -> None:
        seen.append(self.model.counters.rows.copy())

    def _words(self, layer: WeightLayer) -> int:
        """Return how many words a layer's list of rows comes from; recorded spikes have none without an item."""
        config = self.config
        if layer.first:
            # LFSRs that take turns make a list that is no longer than their word wait a clock: as an empty word does.
            turns = config.input_turns
            words = -(-config.layers[0] * turns // config.input_lfsrs) if config.input == "rate" else 1
            return words + (turns > 1)
        below = layer.below
        return below.unit_fold * -(-below.unit_width // min(below.unit_width, RowScanner.CHUNK))


BENCHES = (
    AccessesMeanwhile,
    SeededAnew,
    ResetInMidSample,
    OddEntries,
    WeightWindow,
    ResultsLeftWaiting,
    ClocksOfATick,
)
