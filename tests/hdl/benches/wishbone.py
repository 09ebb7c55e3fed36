"""A network on Wishbone, driven by the master of cocotbext-wishbone. Runs inside the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.wishbone import driver
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from backspike.bus import result_words, sample_words
from backspike.registers import BUS_PLACES

from .bus import OKAY, SLVERR, BusHost, pick_job

SIGNALS = {
    "cyc": "wb_cyc_i",
    "stb": "wb_stb_i",
    "we": "wb_we_i",
    "adr": "wb_adr_i",
    "sel": "wb_sel_i",
    "datwr": "wb_dat_i",
    "datrd": "wb_dat_o",
    "ack": "wb_ack_o",
    "err": "wb_err_o",
}
ENDED = {1: OKAY, 2: SLVERR}


def deposit(signal: Any, value: int) -> None:
    """Set a signal."""
    signal.value = value


# The driver sets its first zeros at once, before Icarus has worked anything out; what follows from them it then never
# works out.
driver.set_immediate = deposit
NONE = 0xFFFF_FFFF


class WishboneHost(BusHost):
    """A host with one master, which is pipelined where the job has it so."""

    clock, reset, reset_level = "wb_clk_i", "wb_rst_i", 1
    no_register = SLVERR  # Wishbone knows one error alone
    of_bytes = False

    def __init__(self, dut: Any, job: dict[str, Any], pipelined: bool) -> None:
        super().__init__(dut, job)
        signals = {**SIGNALS, "stall": "wb_stall_o"} if pipelined else SIGNALS
        self.master = WishboneMaster(dut, "", dut.wb_clk_i, timeout=20_000, width=32, signals_dict=signals)

    async def access(self, address: int, data: int | None = None, strobe: int = 0xF) -> tuple[str, int]:
        """Read or write in a cycle of its own."""
        ((ended, value),) = await self.cycle([(address, data, strobe)])
        return ended, value

    async def cycle(self, accesses: Sequence[tuple[int, int | None, int]]) -> list[tuple[str, int]]:
        """Do some accesses in one cycle of the bus, with pauses between them where the job has stalls."""
        operations = []
        for address, data, strobe in accesses:
            idle = self.random.randint(0, 3) if self.random.random() < self.job["stalls"] else 0
            operations.append(WBOp(address, data, idle=idle, sel=strobe))
        found = []
        for answer, (_, data, _) in zip(await self.master.send_cycle(operations), accesses, strict=True):
            found.append((ENDED[answer.ack], int(answer.datrd) if data is None else 0))
        return found

    async def send(self, words: Sequence[int]) -> None:
        """Write words to SAMPLE, all of them in one cycle of the bus."""
        for ended, _ in await self.cycle([(self.offset("SAMPLE"), word, 0xF) for word in words]):
            assert ended == OKAY, "a word of a sample was refused"

    async def results(self, count: int) -> list[list[int]]:
        """Read results, when they are there."""
        found = []
        for _ in range(count):
            while (first := await self.read("RESULT")) == NONE:
                await self.clocks(10)
            rest = [(self.offset("RESULT"), None, 0xF)] * (result_words(self.config) - 1)
            found.append([first, *(value for _, value in await self.cycle(rest))])
        return found

    def unknown(self, addresses: list[int]) -> list[int]:
        """Samples and results have registers here."""
        return addresses


async def started(pipelined: bool = False) -> WishboneHost:
    host = WishboneHost(cocotb.top, pick_job(), pipelined)
    await host.start()
    return host


@cocotb.test()
async def learns(dut: Any) -> None:
    host = await started()
    await host.hand_over_what_is_learned()


@cocotb.test()
async def learns_pipelined(dut: Any) -> None:
    host = await started(pipelined=True)
    await host.hand_over_what_is_learned()


@cocotb.test()
async def refuses(dut: Any) -> None:
    host = await started()
    await host.refuse()
    sample, result = host.offset("SAMPLE"), host.offset("RESULT")
    for address in (sample, result):
        for strobe in (1, 8, 14):
            assert (await host.access(address, 1 << 24, strobe))[0] == SLVERR
        assert (await host.access(address, 1 << 24, 0))[0] == OKAY
    # Reads are of whole words, whichever bytes are asked for, and the lowest bits of an address say nothing.
    assert await host.access(host.offset("IDENTITY") + 3) == (OKAY, 0x424B_5350)
    assert await host.access(host.offset("IDENTITY"), None, 1) == (OKAY, 0x424B_5350)
    assert await host.read("SAMPLE") == 0
    assert await host.read("RESULT") == NONE
    status = await host.status()
    assert (status["RESULTS"], status["SAMPLES"], status["BEGUN"]) == (0, 0, 0)


@cocotb.test()
async def nobody_waits_for_ever(dut: Any) -> None:
    """Results are not taken: a sample for which there is no place is refused, and accesses are answered."""
    host = await started()
    await host.load_weights()
    words = sample_words(host.config, host.samples[0]).tolist()
    for _ in range(BUS_PLACES):
        await host.send(words)
        await host.write("RATE_1", 3)
    # The label alone begins no sample.
    assert (await host.access(host.offset("SAMPLE"), words[0]))[0] == OKAY
    assert (await host.access(host.offset("SAMPLE"), words[1]))[0] == SLVERR
    await host.write("RATE_1", 64)
    while (await host.status())["RESULTS"] < BUS_PLACES:
        await host.clocks(50)
    assert (await host.access(host.offset("SAMPLE"), words[1]))[0] == SLVERR
    assert (await host.status())["BEGUN"] == 0
    # The winner alone of one result, and all of the next; a write where none has been begun drops nothing.
    winner = await host.read("RESULT")
    assert winner & 0xFFFF < host.config.layers[-1]
    await host.write("RESULT", 0)
    assert (await host.status())["RESULTS"] == BUS_PLACES - 1
    await host.write("RESULT", 0)
    assert (await host.status())["RESULTS"] == BUS_PLACES - 1
    await host.send(words)
    # A reset of the network leaves results that wait.
    await host.write("BUS_CONTROL", 1)
    assert await host.read("RATE_1") == host.config.rates[0]
    left = (await host.status())["RESULTS"]
    assert left >= BUS_PLACES - 1
    await host.results(left)
    assert await host.read("RESULT") == NONE
    assert (await host.status())["SAMPLES"] == 0


@cocotb.test()
async def a_master_that_gives_up_is_forgotten(dut: Any) -> None:
    """An access that its master has ended has its effect, and the next one gets its own answer."""
    host = await started()
    await host.open_window(1)
    dut.wb_adr_i.value, dut.wb_we_i.value, dut.wb_sel_i.value = host.offset("RATE_1"), 1, 0xF
    for clocks in range(1, 12):
        dut.wb_dat_i.value = 100 + clocks
        dut.wb_adr_i.value, dut.wb_we_i.value = host.offset("RATE_1"), 1
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 1
        ended = False
        for _ in range(clocks):
            await RisingEdge(dut.wb_clk_i)
            ended |= bool(dut.wb_ack_o.value)
            if ended:
                break
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 0
        await RisingEdge(dut.wb_clk_i)
        for _ in range(host.random.choice([0, 1, 20])):
            await RisingEdge(dut.wb_clk_i)
            assert dut.wb_ack_o.value == 0
            assert dut.wb_err_o.value == 0
        # Not what the last access has read.
        assert await host.read("IDENTITY") == 0x424B_5350
        assert await host.read("RATE_1") == 100 + clocks
        assert (await host.access(0xFFC))[0] == SLVERR


@cocotb.test()
async def waits_for_no_unfinished_sample(dut: Any) -> None:
    """Recorded spikes are shown while they come in: accesses that would wait for the rest of a sample are refused."""
    host = await started()
    await host.load_weights()
    await host.unfinished()
