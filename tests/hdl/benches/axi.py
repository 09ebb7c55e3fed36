"""A network on AXI, driven by the masters of cocotbext-axi. Runs inside the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink, AxiStreamSource

from backspike.bus import result_words, sample_words
from backspike.registers import BUS_PLACES

from .bus import DECERR, OKAY, SLVERR, BusHost, pick_job, random_pauses

ENDED = {AxiResp.OKAY: OKAY, AxiResp.SLVERR: SLVERR, AxiResp.DECERR: DECERR}


class AxiHost(BusHost):
    """A host with a master of AXI4-Lite, and a source and a sink of AXI4-Stream."""

    clock, reset, reset_level = "aclk", "aresetn", 0

    def __init__(self, dut: Any, job: dict[str, Any]) -> None:
        super().__init__(dut, job)
        clocked = (dut.aclk, dut.aresetn, False)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *clocked)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_samples"), *clocked, byte_lanes=4)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_results"), *clocked, byte_lanes=4)
        writes, reads = self.master.write_if, self.master.read_if
        channels = [writes.aw_channel, writes.w_channel, writes.b_channel, reads.ar_channel, reads.r_channel]
        for number, channel in enumerate([*channels, self.source, self.sink]):
            channel.set_pause_generator(random_pauses(Random(f"{job['seed']} {number}"), job["stalls"]))

    async def access(self, address: int, data: int | None = None, strobe: int = 0xF) -> tuple[str, int]:
        """Read or write, by the channels themselves: the master makes whole words of what is not."""
        if data is None:
            channels = self.master.read_if
            await channels.ar_channel.send(channels.ar_channel._transaction_obj(araddr=address))
            answer = await channels.r_channel.recv()
            return ENDED[AxiResp(int(answer.rresp))], int(answer.rdata)
        channels = self.master.write_if
        await channels.aw_channel.send(channels.aw_channel._transaction_obj(awaddr=address))
        await channels.w_channel.send(channels.w_channel._transaction_obj(wdata=data, wstrb=strobe))
        answer = await channels.b_channel.recv()
        return ENDED[AxiResp(int(answer.bresp))], 0

    async def send(self, words: Sequence[int]) -> None:
        """Send a packet."""
        await self.source.send(b"".join(word.to_bytes(4, "little") for word in words))

    async def results(self, count: int) -> list[list[int]]:
        """Take packets."""
        found = []
        for _ in range(count):
            packet = bytes((await self.sink.recv()).tdata)
            assert len(packet) == 4 * result_words(self.config), packet
            found.append([int.from_bytes(packet[place : place + 4], "little") for place in range(0, len(packet), 4)])
        return found

    def unknown(self, addresses: list[int]) -> list[int]:
        """Samples and results have streams, so they have no registers."""
        return [*addresses, 0x808, 0x80C]


async def started() -> AxiHost:
    host = AxiHost(cocotb.top, pick_job())
    await host.start()
    return host


@cocotb.test()
async def learns(dut: Any) -> None:
    host = await started()
    await host.hand_over_what_is_learned()


@cocotb.test()
async def refuses(dut: Any) -> None:
    host = await started()
    await host.refuse()
    # A master splits what is longer than a word: each part is an access of its own.
    assert (await host.master.read(host.offset("IDENTITY"), 12)).data[:4] == b"PSKB"
    assert (await host.master.write(host.offset("RATE_1") + 1, b"\1")).resp == AxiResp.SLVERR


@cocotb.test()
async def nobody_waits_for_ever(dut: Any) -> None:
    """Results are not taken: no more samples than there are places for come in, and accesses are answered."""
    host = await started()
    await host.load_weights()
    host.sink.clear_pause_generator()
    host.sink.pause = True
    words = sample_words(host.config, host.samples[0]).tolist()
    for _ in range(BUS_PLACES + 3):
        await host.send(words)
    # Writes, and weights, wait for samples that are shown, and for no more than these.
    for value in range(10):
        await host.write("RATE_1", value)
    while (await host.status())["RESULTS"] < BUS_PLACES:
        await host.clocks(50)
    status = await host.status()
    assert (status["SAMPLES"], status["PLACES"], dut.s_axis_samples_tready.value) == (0, BUS_PLACES, 0)
    await host.write("RATE_1", 64)
    assert await host.read("SAMPLES") == BUS_PLACES
    # A reset of the network: what has come of samples is gone, results that wait stay, and a packet is not cut.
    await host.write("BUS_CONTROL", 1)
    assert await host.read("RATE_1") == host.config.rates[0]
    assert (await host.status())["RESULTS"] == BUS_PLACES
    assert await host.read("SAMPLES") == 0
    assert dut.m_axis_results_tvalid.value == 1
    host.source.clear()
    host.sink.pause = False
    await host.results(BUS_PLACES)
    for _ in range(200):
        await RisingEdge(dut.aclk)


@cocotb.test()
async def packets_and_marks(dut: Any) -> None:
    """A list ends with a marked word, with its packet, or with both; a label may stand alone, and lasts."""
    host = await started()
    await host.load_weights()
    mark, label = 1 << 24, 1 << 31
    entries = [5 | 200 << 16, 7 | 90 << 16]
    await host.send([label | 2, entries[0], entries[1] | mark])
    await host.send(entries)
    # Three samples in a packet, the second without an entry, and a label that is for the next packet.
    await host.send([*entries[:1], entries[1] | mark, mark, *entries[:1], entries[1] | mark, label | 1])
    await host.results(5)
    # The last word was a packet's end: a list without an entry.
    await host.results(1)
    status = await host.status()
    assert (status["RESULTS"], status["SAMPLES"]) == (0, 0)
    assert await host.read("SAMPLES") == 6


@cocotb.test()
async def waits_for_no_unfinished_sample(dut: Any) -> None:
    """Recorded spikes are shown while they come in: accesses that would wait for the rest of a sample are refused."""
    host = await started()
    await host.load_weights()
    await host.unfinished()
