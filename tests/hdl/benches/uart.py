"""Benches of `backspike.hdl.link.uart`: bytes on a line of no clock, at a bit rate that is a little off."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, Timer

from backspike.sim.streams import CLOCK_PERIOD

from .variants import Bench, now, run_variants

BYTES = 60
PICOSECONDS = 1000


@cocotb.test()
async def line(dut: Any) -> None:
    """Receive, or transmit."""
    await run_variants(dut, UartBench)


class UartBench(Bench):
    """The job has ``unit``, ``"receiver"`` or ``"transmitter"``, ``divisor``, and for the receiver ``skew``.

    ``skew`` is how much longer the bits on the line are than they should be, as a fraction.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bit = round(self.job["divisor"] * CLOCK_PERIOD * PICOSECONDS * (1 + self.job.get("skew", 0)))
        self.got: list[int] = []
        if self.job["unit"] == "receiver":
            self.unit.put(rx=1)
        else:
            self.sender = self.driver("i")

    async def run(self) -> None:
        """Send bytes, and compare those that come."""
        sent = [self.random.choice([0, 255, 0x55, self.random.randrange(256)]) for _ in range(BYTES)]
        if self.job["unit"] == "receiver":
            cocotb.start_soon(self._watch())
            await self.receive(sent)
        else:
            cocotb.start_soon(self._look())
            await self.transmit(sent)
        assert self.got == sent, f"expected {sent}, got {self.got}"

    async def receive(self, sent: list[int]) -> None:
        """Put bytes on the line, among pulses too short for a start bit and bytes without a stop bit."""
        await Timer(self.random.randrange(1, CLOCK_PERIOD * PICOSECONDS), "ps")
        for byte in sent:
            await self._put(0, *((byte >> bit) & 1 for bit in range(8)), 1)
            if self.one_in(8):
                await self._put(0, length=self.bit // 4)
                await self._put(1, 1)
            if self.one_in(8):
                await self._put(0, *((byte >> bit) & 1 for bit in range(8)), 0, 0, 1, 1)
            if self.one_in(3):
                await Timer(self.random.randrange(1, 30 * CLOCK_PERIOD * PICOSECONDS), "ps")
        await self._put(1, 1)

    async def transmit(self, sent: list[int]) -> None:
        """Offer bytes, the second half of them in a row: they leave no gap."""
        begin, frame = 0, 10 * self.job["divisor"]
        for number, byte in enumerate(sent):
            if number < BYTES // 2 and self.one_in(2):
                await Timer(self.random.randrange(2 * frame) * CLOCK_PERIOD, "ns")
                await self.unit.edge
            await self.sender.send(byte)
            begin = begin if number > BYTES // 2 else now()
        took = now() - begin
        assert took == (BYTES - 1 - BYTES // 2) * frame, f"{BYTES - 1 - BYTES // 2} bytes took {took} clocks"
        await Timer((frame + 2) * CLOCK_PERIOD, "ns")

    async def _put(self, *levels: int, length: int = 0) -> None:
        for level in levels:
            self.unit.put(rx=level)
            await Timer(length or self.bit, "ps")

    async def _watch(self) -> None:
        while True:
            await self.unit.edge
            if self.unit.get("o__valid"):
                self.got.append(self.unit.get("o__payload"))

    async def _look(self) -> None:
        tx = self.unit.tx
        while True:
            await FallingEdge(tx)
            await Timer(self.bit // 2, "ps")
            bits = []
            for _ in range(10):
                bits.append(int(tx.value))
                # To the middle of the next bit, but for the stop bit: the next byte may follow it at once.
                if len(bits) < 10:
                    await Timer(self.bit, "ps")
            assert (bits[0], bits[9]) == (0, 1), f"bits on the line: {bits}"
            self.got.append(sum(level << bit for bit, level in enumerate(bits[1:9])))
