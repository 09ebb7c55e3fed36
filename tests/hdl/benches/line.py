"""Benches at the end of a serial line, in cycles: of a `SerialTransport`, and of a board with a small network."""

from __future__ import annotations

import struct
from itertools import groupby
from typing import Any

import numpy as np

from backspike.config import NetworkConfig
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.samples import pack_samples, unpack_results
from backspike.fpga.link.serial_transport import decode_line, encode_line
from backspike.hdl.link.transport import Token
from backspike.hdl.link.uart import BREAK_BITS
from backspike.link import ANSWER, Request, Status, greeting
from backspike.model import Network
from backspike.registers import IDENTITY, RegisterMap, window_checksum

from .bench import Bench, random_samples
from .cobs import stuffed


class LineBench(Bench):
    """The job has ``divisor``, cycles per bit."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bit = self.job["divisor"]
        self.unit.put(rx=1)

    async def send(self, line: bytes) -> None:
        """Put bytes on the line."""
        for byte in line:
            for level, bits in groupby((0, *(byte >> place & 1 for place in range(8)), 1)):
                self.unit.put(rx=level)
                await self.clocks(self.bit * len(list(bits)))

    async def hear(self, patience: int) -> bytes:
        """Return the bytes that come up to a 0, without it; each is there within so many cycles."""
        line = bytearray()
        while True:
            for _ in range(patience):
                await self.unit.edge
                if not self.unit.get("tx"):
                    break
            else:
                raise AssertionError(f"nothing in {patience} cycles after {line.hex()}")
            await self.clocks(self.bit // 2)
            byte = 0
            for place in range(8):
                await self.clocks(self.bit)
                byte |= self.unit.get("tx") << place
            await self.clocks(self.bit)
            assert self.unit.get("tx"), f"byte {byte:#x} came without a stop bit"
            if not byte:
                return bytes(line)
            line.append(byte)


class SerialTransportBench(LineBench):
    """Frames in and answers out, both at once; then a break."""

    async def run(self) -> None:
        """Compare tokens with the bytes that were stuffed, and bytes on the line with the answer."""
        self.tokens: list[tuple[Token, int]] = []
        self.answer, self.done = b"", 0
        self.start(self._take_tokens())
        self.start(self._give_bytes())
        for length in (1, 5, 254, 12):
            content = bytes(self.random.choice([0, 0, 1, 255, self.random.randrange(256)]) for _ in range(length))
            self.answer = bytes(self.random.choice([0, 7, self.random.randrange(256)]) for _ in range(1 + length // 3))
            sending = self.start(self.send(stuffed(content) + b"\0"))
            self.unit.put(answer__start=1, answer__length=len(self.answer))
            await self.unit.edge
            self.unit.put(answer__start=0)
            heard = await self.hear(12 * self.bit + 300)
            assert heard == stuffed(self.answer), f"{self.answer.hex()} was sent as {heard.hex()}"
            await sending
            await self.clocks(self.bit)
            got = bytes(byte for kind, byte in self.tokens if kind == Token.BYTE)
            assert (got, self.tokens[-1][0]) == (content, Token.END), f"of {content.hex()} came {got.hex()}"
            assert self.done == 1, f"an answer was done {self.done} times"
            self.tokens, self.done = [], 0
        await self._break()

    async def _break(self) -> None:
        """Break a frame and an answer off: the line is idle, and the next frame is one of its own."""
        unit, content = self.unit, b"\5\0\7"
        self.answer = bytes(200)
        unit.put(answer__start=1, answer__length=len(self.answer))
        await unit.edge
        unit.put(answer__start=0)
        await self.send(stuffed(content))
        assert not unit.get("reset"), "a reset without a break"
        unit.put(rx=0)
        await self.clocks((BREAK_BITS + 5) * self.bit)
        assert unit.get("reset"), "no reset in a break"
        unit.put(rx=1)
        await self.clocks(2 * self.bit)
        assert not unit.get("reset"), "a reset after a break"
        for _ in range(20 * self.bit):
            assert unit.get("tx"), "the answer goes on after a break"
            await unit.edge
        self.tokens = []
        await self.send(stuffed(content) + b"\0")
        await self.clocks(self.bit)
        got = bytes(byte for kind, byte in self.tokens if kind == Token.BYTE)
        assert (got, self.tokens[-1][0]) == (content, Token.END), f"after a break: {self.tokens}"

    async def _take_tokens(self) -> None:
        while True:
            await self.unit.edge
            if self.unit.get("received__valid"):
                token = self.unit.get("received__payload")
                self.tokens.append((Token(token["kind"]), token["byte"]))

    async def _give_bytes(self) -> None:
        while True:
            await self.unit.edge
            self.done += self.unit.get("answer__done")
            address = self.unit.get("answer__address")
            self.unit.put(answer__data=self.answer[address] if address < len(self.answer) else 0)


class BoardBench(LineBench):
    """A host that trains a board whose weights are all 0 at first, as in a simulation; the job has ``config``, too."""

    async def run(self) -> None:
        """Compare results, weights and counters with the golden model's, and find them gone after a HELLO."""
        config, self.sequence = NetworkConfig.from_dict(self.job["config"]), self.random.randrange(256)
        registers = RegisterMap(config)
        model = Network(config, [np.zeros(layer.shape, dtype=np.int64) for layer in config.weight_layers])
        samples = random_samples(config, self.random.getrandbits(32))
        for shown in range(2):
            assert await self.ask(Request.HELLO, b"") == greeting()
            for name, expected in (("IDENTITY", IDENTITY), ("SAMPLES", 0))[shown:]:
                got = await self.ask(Request.READ, bytes((registers[name].address, 1)))
                assert got == struct.pack("<I", expected), f"{name}: {got.hex()}"
            model = Network(config, model.weights)
            for _ in range(2 - shown):
                sample = next(samples)
                expected = model.run(sample)
                values = np.array([sample.values])
                results = b""
                for body in pack_samples(values, np.array([sample.label]), np.array([sample.learn]), 1018):
                    results += await self.ask(Request.SAMPLES, body.content)
                for _ in range(20):
                    if not results:
                        results = await self.ask(Request.RESULTS, b"")
                wins = int(expected.wins[expected.winner])
                assert unpack_results(results).tolist() == [[expected.winner, wins]], f"sample {sample}"
            # The window is on the layer's first weight after a reset.
            await self.ask(Request.WRITE, bytes((registers["WEIGHT_LAYER"].address,)) + struct.pack("<I", 1))
            weights = model.weights[0]
            got = await self.ask(Request.READ, bytes((registers["WEIGHT_DATA"].address, weights.size)))
            assert np.frombuffer(got, "<i4").tolist() == weights.ravel().tolist(), "weights differ"
            assert np.any(weights), "nothing was learned"
            await self.ask(Request.WRITE, bytes((registers["WEIGHT_ROW"].address,)) + bytes(4))
            got = await self.ask(Request.CHECKSUM, struct.pack("<BH", registers["WEIGHT_DATA"].address, weights.size))
            assert int.from_bytes(got, "little") == window_checksum(config.weight_layers[0], weights), (
                "another checksum"
            )

    async def ask(self, kind: int, body: bytes) -> bytes:
        """Send a request; return what its answer has after the status."""
        self.sequence = (self.sequence + 1) % 256
        request = Frame(self.sequence, kind, body)
        assert not self.unit.get("busy"), "busy before a request"
        await self.send(encode_line(request))
        await self.clocks(2)
        assert self.unit.get("busy"), "not busy with a request"
        answer = decode_line(await self.hear(20_000))
        head = (answer.sequence, answer.kind, answer.body[0])
        assert head == (self.sequence, kind | ANSWER, Status.DONE), f"{request} is answered by {head}"
        await self.clocks(self.bit)
        return answer.body[1:]
