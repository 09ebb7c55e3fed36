"""Benches of `backspike.hdl.link.uart`: bytes on a line of no clock, at a bit rate that is a little off."""

from __future__ import annotations

from typing import Any

from backspike.hdl.link.uart import BREAK_BITS

from .bench import Bench, Driver

BYTES = 40


class UartBench(Bench):
    """The job has ``unit``, ``"receiver"`` or ``"transmitter"``, ``divisor``, and for the receiver ``skew``.

    ``skew`` is how much longer the bits on the line are than they should be, as a fraction.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bit = self.job["divisor"] * (1 + self.job.get("skew", 0))
        self.time = 0.0
        self.sender: Driver
        self.got: list[int] = []
        self.breaks = 0
        if self.job["unit"] == "receiver":
            self.unit.put(rx=1)
        else:
            self.sender = self.driver("i")

    async def run(self) -> None:
        """Send bytes, and compare those that come."""
        sent = [self.random.choice([0, 255, 0x55, self.random.randrange(256)]) for _ in range(BYTES)]
        if self.job["unit"] == "receiver":
            self.start(self._watch())
            await self.receive(sent)
        else:
            self.start(self._look())
            await self.transmit(sent)
        assert self.got == sent, f"expected {sent}, got {self.got}"
        assert self.breaks == (self.job["unit"] == "receiver"), f"{self.breaks} breaks"

    async def receive(self, sent: list[int]) -> None:
        """Put bytes on the line, among pulses too short for a start bit, bytes without a stop bit, and breaks."""
        self.time = self.now() + self.random.random()
        for number, byte in enumerate(sent):
            await self._put(0, *((byte >> bit) & 1 for bit in range(8)), 1)
            if self.one_in(8):
                await self._put(0, length=self.bit / 4)
                await self._put(1, 1)
            if self.one_in(8):
                await self._put(0, *((byte >> bit) & 1 for bit in range(8)), 0, 0, 1, 1)
            if number == BYTES // 2:
                # Nearly a break, and one that is hardly longer than it has to be.
                for bits in (BREAK_BITS - 5, BREAK_BITS + 5):
                    await self._put(0, length=bits * self.bit)
                    await self._put(1, 1)
            if self.one_in(3):
                await self._put(1, length=self.random.uniform(0, 30))
        await self._put(1, 1)

    async def transmit(self, sent: list[int]) -> None:
        """Offer bytes, the second half of them in a row: they leave no gap."""
        begin, frame = 0, 10 * self.job["divisor"]
        for number, byte in enumerate(sent):
            if number < BYTES // 2 and self.one_in(2):
                await self.clocks(self.random.randint(1, 2 * frame))
            await self.sender.send(byte)
            begin = begin if number > BYTES // 2 else self.now()
        took = self.now() - begin
        assert took == (BYTES - 1 - BYTES // 2) * frame, f"{BYTES - 1 - BYTES // 2} bytes took {took} cycles"
        await self.clocks(frame + 2)

    async def _put(self, *levels: int, length: float | None = None) -> None:
        """Put levels on the line, each for a bit or the given number of cycles: not a whole one, as a rule."""
        for level in levels:
            self.unit.put(rx=level)
            self.time += self.bit if length is None else length
            while self.now() < int(self.time):
                await self.unit.edge

    async def _watch(self) -> None:
        before = 0
        while True:
            await self.unit.edge
            broken = self.unit.get("broken")
            self.breaks += broken and not before
            before = broken
            if self.unit.get("o__valid"):
                self.got.append(self.unit.get("o__payload"))

    async def _look(self) -> None:
        while True:
            await self.unit.edge
            if self.unit.get("tx"):
                continue
            # To the middle of the start bit, and from bit to bit: the next byte may follow the stop bit at once.
            await self.clocks(self.job["divisor"] // 2)
            bits = [self.unit.get("tx")]
            while len(bits) < 10:
                await self.clocks(self.job["divisor"])
                bits.append(self.unit.get("tx"))
            assert (bits[0], bits[9]) == (0, 1), f"bits on the line: {bits}"
            self.got.append(sum(level << bit for bit, level in enumerate(bits[1:9])))
