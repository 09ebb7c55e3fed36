"""Networks on a bus in Amaranth's simulator: hosts with masters of our own, a few samples, and what is refused.

`axi` and `wishbone` have masters that are not ours, on Verilog; what a host does is the same.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from amaranth import ClockSignal, DomainRenamer, Module, ResetSignal, Shape
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.bus import read_results, result_words, sample_words
from backspike.hdl.bus.pins import BusTop
from backspike.model import Network
from backspike.registers import BUS_PLACES

from .bench import Bench, Unit
from .bus import DECERR, OKAY, SLVERR, BusHost

__all__ = ["AxiCycles", "Clocked", "WishboneCycles"]

PATIENCE = 3000
NONE = 0xFFFF_FFFF


class Clocked(wiring.Component):
    """A `BusTop` on the clock and the reset of a bench; its other ports are plain bits."""

    def __init__(self, top: BusTop) -> None:
        self._top = top
        wrapper = top.wrapper
        members = {name: port for name, port in top.signature.members.items() if name != wrapper.clock}
        del members[wrapper.reset]
        widths = {name: Shape.cast(port.shape).width for name, port in members.items()}
        super().__init__({name: (In if port.flow == In else Out)(widths[name]) for name, port in members.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        top = self._top
        # Its domain has the name of the bench's.
        m.submodules.top = DomainRenamer("bus")(top)
        active_low = top.wrapper.reset == "aresetn"
        m.d.comb += getattr(top, top.wrapper.clock).eq(ClockSignal())
        m.d.comb += getattr(top, top.wrapper.reset).eq(~ResetSignal() if active_low else ResetSignal())
        for name, port in self.signature.members.items():
            inside, outside = Value.cast(getattr(top, name)), getattr(self, name)
            m.d.comb += inside.eq(outside) if port.flow == In else outside.eq(inside)
        return m


class CyclesHost(BusHost, Bench):
    """A host that drives its bus clock by clock."""

    def __init__(self, unit: Unit, job: dict[str, Any], random: Random) -> None:
        BusHost.__init__(self, unit, job)
        Bench.__init__(self, unit, job, random)

    async def clocks(self, number: int) -> None:
        """Wait."""
        await self.unit.clocks(number)

    async def pause(self) -> None:
        """Wait now and then."""
        if self.random.random() < self.job["stalls"]:
            await self.clocks(self.random.randint(1, 4))

    async def handshake(self, valid: str, ready: str) -> None:
        """Drive one end of a stream until there is a transfer."""
        self.unit.put(**{valid: 1})
        await self.until(ready, PATIENCE)
        self.unit.put(**{valid: 0})

    async def run(self) -> None:
        """Refuse, learn, and be left with results that nobody takes."""
        await self.refuse()
        model = Network(self.config, [self.job[f"weights_{layer.number}"] for layer in self.config.weight_layers])
        found = await self.learn()
        for number, result in enumerate(read_results(self.config, found["results"].ravel())):
            model.rates = self.job["rates"][number].tolist()
            expected = model.run(self.samples[number])
            assert result.wins.tolist() == expected.wins.tolist(), f"sample {number}"
        for number, weights in enumerate(model.weights, start=1):
            assert np.array_equal(found[f"weights_{number}"], weights), f"layer {number}"
            assert not np.array_equal(self.job[f"weights_{number}"], weights), f"layer {number} has not learned"
        for name, value in model.counters.by_register().items():
            assert found["counters"][name] == value, name
        # One of many words.
        self.samples.sort(key=lambda sample: -np.count_nonzero(sample.values))
        if self.config.input == "spikes":
            await self.write("BUS_CONTROL", 1)
            await self.unfinished()
            await self.begin_meanwhile()
        else:
            await self.leave_results()

    async def leave_results(self) -> None:
        """Samples come in as long as there are places for their results, and a reset leaves results that wait."""
        words = sample_words(self.config, self.samples[0]).tolist()
        for number in range(BUS_PLACES):
            status = await self.status()
            assert (status["RESULTS"] + status["SAMPLES"], status["PLACES"]) == (number, BUS_PLACES)
            await self.send(words)
        await self.turned_away(words)
        # It waits for the samples before it.
        await self.write("RATE_1", 9)
        while (await self.status())["RESULTS"] < BUS_PLACES:
            await self.clocks(20)
        assert (await self.status())["SAMPLES"] == 0
        await self.turned_away(words)
        await self.write("BUS_CONTROL", 0)
        assert await self.read("RATE_1") == 9
        await self.write("BUS_CONTROL", 3)
        assert await self.read("RATE_1") == self.config.rates[0]
        assert await self.read("SAMPLES") == 0
        status = await self.status()
        assert (status["RESULTS"], status["SAMPLES"], status["BEGUN"]) == (BUS_PLACES, 0, 0)
        assert len(await self.results(BUS_PLACES)) == BUS_PLACES
        await self.clocks(10)
        status = await self.status()
        assert (status["SAMPLES"], status["BEGUN"]) == (0, 0), "words from before a reset have begun a sample"
        # One more; then another, which a reset cuts off with what has come of it.
        await self.send(words)
        await self.results(1)
        await self.send(words[:2])
        while not (await self.status())["BEGUN"]:
            await self.clocks(5)
        assert (await self.status())["SAMPLES"] == 1
        await self.write("BUS_CONTROL", 1)
        status = await self.status()
        assert (status["RESULTS"], status["SAMPLES"], status["BEGUN"]) == (0, 0, 0)
        await self.send(words)
        await self.results(1)
        assert await self.read("SAMPLES") == 1

    async def begin_meanwhile(self) -> None:
        """On a bus where it can be, samples begin while accesses are under way."""

    @abstractmethod
    async def turned_away(self, words: Sequence[int]) -> None:
        """Send the words of a sample, for which there is no place; forget them."""


class AxiCycles(CyclesHost):
    """On AXI. Address and data of a write come in any order."""

    full = False
    """Words that nobody takes wait."""

    async def access(self, address: int, data: int | None = None, strobe: int = 0xF) -> tuple[str, int]:
        """Read, or write `data`, and return how it ended and what was read."""
        unit = self.unit
        if data is None:
            # What is on the other channels, and not valid, is anything.
            unit.put(s_axi_araddr=address, s_axi_awaddr=self.random.getrandbits(12))
            unit.put(s_axi_wdata=self.random.getrandbits(32), s_axi_wstrb=self.random.getrandbits(4))
            await self.handshake("s_axi_arvalid", "s_axi_arready")
            await self.pause()
            await self.handshake("s_axi_rready", "s_axi_rvalid")
            status, value = unit.get("s_axi_rresp"), unit.get("s_axi_rdata")
        else:
            await self._send_write(address, data, strobe)
            await self.pause()
            await self.handshake("s_axi_bready", "s_axi_bvalid")
            status, value = unit.get("s_axi_bresp"), 0
        return {0: OKAY, 2: SLVERR, 3: DECERR}[status], value

    async def _send_write(self, address: int, data: int, strobe: int) -> None:
        unit = self.unit
        unit.put(s_axi_awaddr=address, s_axi_wdata=data, s_axi_wstrb=strobe)
        first, second = self.random.choice([("aw", "w"), ("w", "aw")])
        unit.put(**{f"s_axi_{first}valid": 1})
        await self.pause()
        unit.put(**{f"s_axi_{second}valid": 1})
        for _ in range(PATIENCE):
            await unit.edge
            ready = unit.get("s_axi_awready"), unit.get("s_axi_wready")
            assert ready[0] == ready[1]
            if ready[0]:
                break
        else:
            raise AssertionError(f"a write was not taken in {PATIENCE} cycles")
        unit.put(s_axi_awvalid=0, s_axi_wvalid=0)

    async def send(self, words: Sequence[int]) -> None:
        """Send a packet."""
        for number, word in enumerate(words, start=1):
            await self.pause()
            await self._send_word(word, number == len(words) and bool(word >> 24 & 1))

    async def _send_word(self, word: int, last: bool) -> None:
        # What ends a list says so in one of two ways, or in both.
        how = self.random.randrange(3) if last else 0
        word &= ~(1 << 24) if how == 1 else NONE
        self.unit.put(s_axis_samples_tdata=word, s_axis_samples_tlast=int(how > 0))
        await self.handshake("s_axis_samples_tvalid", "s_axis_samples_tready")

    async def results(self, count: int) -> list[list[int]]:
        """Take packets."""
        found: list[list[int]] = []
        for _ in range(count):
            packet: list[int] = []
            while not packet or not self.unit.get("m_axis_results_tlast"):
                await self.pause()
                await self.handshake("m_axis_results_tready", "m_axis_results_tvalid")
                packet.append(self.unit.get("m_axis_results_tdata"))
            assert len(packet) == result_words(self.config), packet
            found.append(packet)
        return found

    async def begin_meanwhile(self) -> None:
        """An access that waits for samples ends, though the sample that comes with it does not go on."""
        words = sample_words(self.config, self.samples[0]).tolist()
        for offset in range(10):

            async def begin(offset: int = offset) -> None:
                await self.clocks(1 + offset)
                for word in words[:4]:
                    await self._send_word(word, last=False)

            beginning = self.unit.start(begin())
            ended, _ = await self.access(self.offset("RATE_1"), 100 + offset)
            await beginning
            for number, word in enumerate(words[4:], start=5):
                await self._send_word(word, number == len(words))
            assert len(await self.results(1)) == 1
            assert ended in (OKAY, SLVERR)
            if ended == OKAY:
                assert await self.read("RATE_1") == 100 + offset

    async def turned_away(self, words: Sequence[int]) -> None:
        """The label is taken, and two words wait."""
        unit = self.unit
        if not self.full:
            for word in words[:3]:
                unit.put(s_axis_samples_tdata=word, s_axis_samples_tvalid=1, s_axis_samples_tlast=0)
                await self.until("s_axis_samples_tready")
        self.full = True
        for _ in range(40):
            unit.put(s_axis_samples_tvalid=1)
            await unit.edge
            assert not unit.get("s_axis_samples_tready"), "a sample is taken, and there is no place for its result"
        unit.put(s_axis_samples_tvalid=0)

    def unknown(self, addresses: list[int]) -> list[int]:
        """Samples and results have streams, so they have no registers."""
        return [*addresses, 0x808, 0x80C]


class WishboneCycles(CyclesHost):
    """On Wishbone, as a master of the classic kind."""

    no_register = SLVERR
    of_bytes = False

    async def access(self, address: int, data: int | None = None, strobe: int = 0xF) -> tuple[str, int]:
        """Read or write in a cycle of its own."""
        unit = self.unit
        await self.pause()
        unit.put(wb_cyc_i=1, wb_stb_i=1, wb_we_i=int(data is not None), wb_adr_i=address | self.random.randrange(4))
        unit.put(wb_sel_i=strobe, wb_dat_i=self.random.getrandbits(32) if data is None else data)
        for _ in range(PATIENCE):
            await unit.edge
            acknowledged, refused = unit.get("wb_ack_o"), unit.get("wb_err_o")
            assert unit.get("wb_stall_o") == 1 - (acknowledged | refused)
            if acknowledged or refused:
                break
        else:
            raise AssertionError(f"an access of {address:#x} has not ended in {PATIENCE} cycles")
        assert not (acknowledged and refused)
        value = unit.get("wb_dat_o") if data is None else 0
        # Either of both is enough for a break between two accesses.
        unit.put(**self.random.choice([{"wb_cyc_i": 0}, {"wb_stb_i": 0}, {"wb_cyc_i": 0, "wb_stb_i": 0}]))
        await unit.edge
        assert (unit.get("wb_ack_o"), unit.get("wb_err_o"), unit.get("wb_stall_o")) == (0, 0, 0)
        return OKAY if acknowledged else SLVERR, value

    async def send(self, words: Sequence[int]) -> None:
        """Write words to SAMPLE."""
        for word in words:
            await self.write("SAMPLE", word)

    async def results(self, count: int) -> list[list[int]]:
        """Read results, when they are there."""
        found = []
        for _ in range(count):
            while (first := await self.read("RESULT")) == NONE:
                await self.clocks(10)
            rest = [await self.read("RESULT") for _ in range(result_words(self.config) - 1)]
            found.append([first, *rest])
        return found

    async def turned_away(self, words: Sequence[int]) -> None:
        """A label is taken, and no entry."""
        sample = self.offset("SAMPLE")
        assert (await self.access(sample, words[0]))[0] == OKAY
        assert (await self.access(sample, words[1]))[0] == SLVERR

    def unknown(self, addresses: list[int]) -> list[int]:
        """Samples and results have registers here."""
        return addresses

    async def refuse(self) -> None:
        """Of the windows of samples and results, too."""
        await super().refuse()
        for address in map(self.offset, ("SAMPLE", "RESULT")):
            for strobe in (1, 8, 14):
                assert (await self.access(address, 1 << 24, strobe))[0] == SLVERR
            assert (await self.access(address, 1 << 24, 0))[0] == OKAY
        assert await self.access(self.offset("IDENTITY"), None, 1) == (OKAY, 0x424B_5350)
        assert await self.read("SAMPLE") == 0
        assert await self.read("RESULT") == NONE
        await self.write("RESULT", 0)
        status = await self.status()
        assert (status["RESULTS"], status["SAMPLES"], status["BEGUN"]) == (0, 0, 0)
