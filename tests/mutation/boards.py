"""A small board that plays samples out of its memory, in Amaranth's simulator: the suite has such as Verilog.

Not collected with the others.
"""

from __future__ import annotations

import struct
from itertools import islice

import numpy as np
import pytest

from backspike.config import NetworkConfig
from backspike.fpga.link.frames import Frame
from backspike.fpga.link.samples import pack_samples, unpack_results
from backspike.fpga.link.serial_transport import decode_line, encode_line
from backspike.hdl.board import BoardTop
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.link.uart import BREAK_BITS
from backspike.hdl.memory.block_ram import BlockRam
from backspike.link import ANSWER, DAMAGED_RESULT, RUNS, MemoryRequest, Request, Status, greeting
from backspike.model import Network
from backspike.model.records import digest, pack_order, pack_records
from backspike.registers import IDENTITY, RegisterMap
from tests.hdl.benches.bench import random_samples
from tests.hdl.benches.line import LineBench
from tests.hdl.benches.simulation import simulate

SEED = 20298
BITS = 10
ORDER, RESULTS = 128, 192
LEARN, WRITE = 1, 2
GOES_ON = 1 << 14


class PlayedBench(LineBench):
    """Samples by the line and out of the memory, in turn; the job has ``config`` and ``divisor``."""

    async def run(self) -> None:
        """Compare results and weights with the golden model's, also after a reset in the middle of a run."""
        config, self.sequence = NetworkConfig.from_dict(self.job["config"]), self.random.randrange(256)
        self.registers = RegisterMap(config)
        model = Network(config, [np.zeros(layer.shape, dtype=np.int64) for layer in config.weight_layers])
        samples = list(islice(random_samples(config, self.random.getrandbits(32)), 3))
        values, labels = np.array([sample.values for sample in samples]), np.array([sample.label for sample in samples])
        records = pack_records(config, values, labels)
        assert len(records.words) < ORDER
        assert await self.ask(Request.HELLO) == greeting()
        size, longest, runs, ready = struct.unpack("<IHBB", await self.ask(MemoryRequest.MEMORY))
        assert (size, runs, ready) == (1 << BITS, 8, 1)
        assert longest >= max(np.diff(records.addresses, append=len(records.words)))
        assert await self.read("IDENTITY") == struct.pack("<I", IDENTITY)
        order = np.array([2, 0, 1] * 8)
        await self.store(0, records.words)
        await self.store(ORDER, pack_order(records.addresses[order], ORDER))

        # A run waits until the results of what the line has brought are fetched.
        body = next(iter(pack_samples(values[:1], labels[:1], np.array([True]), 1018))).content
        found = await self.ask(Request.SAMPLES, body)
        assert not found
        expected = model.run(samples[0])
        await self.ask(MemoryRequest.RUN, struct.pack("<IIIB", 3, ORDER, RESULTS, LEARN | WRITE))
        await self.clocks(1500)
        await self.ask(Request.READ, bytes((0, 1)), Status.RUNNING)
        unfinished, _ = await self.runs()
        assert unfinished == 1, "a run has begun, and results are not fetched"
        found = await self.ask(Request.RESULTS)
        assert unpack_results(found).tolist() == [[expected.winner, int(expected.wins[expected.winner])]]
        await self.until_rest()
        results = []
        for number in order[:3].tolist():
            result = model.run(samples[number])
            results.append((result.winner, int(result.wins[result.winner])))
        unfinished, counts = await self.runs()
        right = sum(winner == labels[number] for (winner, _), number in zip(results, order.tolist(), strict=False))
        assert (unfinished, counts) == (0, (3, right, 0, digest(np.array(results)))), counts
        got = await self.ask(MemoryRequest.MEMORY_READ, struct.pack("<IH", RESULTS, 6))
        assert np.frombuffer(got, "<u2").reshape(-1, 2).tolist() == [list(result) for result in results]
        await self.compare(model)
        assert await self.read("SAMPLES") == struct.pack("<I", 4)

        # In the middle of a sample there is no run.
        await self.ask(Request.SAMPLES, struct.pack("<HH", GOES_ON, 0))
        await self.ask(MemoryRequest.RUN, bytes(13), Status.MID_SAMPLE)

        # A reset ends runs, by either way, wherever they are; weights and memory stay.
        for by_break in (False, True):
            await self.restart(False)
            # Entries that are damaged, so that nearly always words are on their way.
            await self.ask(MemoryRequest.RUN, struct.pack("<IIIB", 500, 0, 0, 0))
            await self.ask(Request.READ, bytes((0, 1)), Status.RUNNING)
            if not by_break:
                for _ in range(RUNS - 1):
                    await self.ask(MemoryRequest.RUN, bytes(13))
                await self.ask(MemoryRequest.RUN, bytes(13), Status.QUEUE_FULL)
            await self.restart(by_break)
            assert await self.read("SAMPLES") == bytes(4)
        results_at = struct.pack("<IH", 512 + 2 * 58, 4)
        # No result is written after a break, and words that were on their way to the host come to nobody.
        await self.ask(MemoryRequest.RUN, struct.pack("<IIIB", 60, 0, 512, WRITE))
        await self.restart(True, wait=2000)
        got = await self.ask(MemoryRequest.MEMORY_READ, struct.pack("<IH", 512, 2))
        assert got == struct.pack("<HH", *DAMAGED_RESULT), "the run has not begun before the break"
        got = await self.ask(MemoryRequest.MEMORY_READ, results_at)
        assert got == bytes(8), "a run goes on after a break"
        await self.send(
            encode_line(Frame((self.sequence + 1) % 256, MemoryRequest.MEMORY_READ, bytes((0, 0, 0, 0, 252, 0))))
        )
        await self.restart(True)
        assert await self.ask(MemoryRequest.MEMORY_READ, results_at) == got
        await self.ask(MemoryRequest.RUN, struct.pack("<IIIB", 2, ORDER, RESULTS, LEARN))
        await self.until_rest()
        model = Network(config, model.weights)
        results = [model.run(samples[number]) for number in order[:2].tolist()]
        _, counts = await self.runs()
        shown = np.array([(result.winner, int(result.wins[result.winner])) for result in results])
        assert (counts[0], counts[3]) == (2, digest(shown))
        await self.compare(model)

    async def restart(self, by_break: bool, wait: int = 1) -> None:
        """Say hello, after a break if it is asked for, and some cycles."""
        if by_break:
            self.unit.put(rx=0)
            await self.clocks((BREAK_BITS + 2) * self.bit)
            self.unit.put(rx=1)
            await self.clocks(4 * self.bit)
            # The link has forgotten that there was a HELLO.
            await self.send(encode_line(Frame((self.sequence + 1) % 256, Request.READ, bytes((0, 1)))))
            await self.clocks(30 * self.bit)
            assert self.unit.get("tx")
            await self.clocks(wait)
        self.sequence = self.random.randrange(256)
        assert await self.ask(Request.HELLO) == greeting()

    async def read(self, name: str) -> bytes:
        return await self.ask(Request.READ, bytes((self.registers[name].address, 1)))

    async def compare(self, model: Network) -> None:
        weights = model.weights[0]
        await self.ask(Request.WRITE, bytes((self.registers["WEIGHT_LAYER"].address,)) + struct.pack("<I", 1))
        got = await self.ask(Request.READ, bytes((self.registers["WEIGHT_DATA"].address, weights.size)))
        assert np.frombuffer(got, "<i4").tolist() == weights.ravel().tolist(), "weights differ"
        assert np.any(weights), "nothing was learned"

    async def store(self, address: int, words: np.ndarray) -> None:
        await self.ask(MemoryRequest.MEMORY_WRITE, struct.pack("<I", address) + words.astype("<u2").tobytes())

    async def runs(self) -> tuple[int, tuple[int, ...]]:
        """Return how many runs are not finished, and the counts of the first."""
        answer = await self.ask(MemoryRequest.RUNS)
        return answer[1], struct.unpack_from("<4I", answer, 2)

    async def until_rest(self) -> None:
        """Wait until the network is the host's again."""
        for _ in range(40):
            if await self.ask(Request.READ, bytes((0, 1)), Status.DONE, Status.RUNNING):
                return
        raise AssertionError("the runs do not end")

    async def ask(self, kind: int, body: bytes = b"", *statuses: Status) -> bytes:
        """Send a request; return what its answer has after the status, which is `DONE` unless others are given."""
        self.sequence = (self.sequence + 1) % 256
        request = Frame(self.sequence, kind, body)
        assert not self.unit.get("busy"), "busy before a request"
        await self.send(encode_line(request))
        answer = decode_line(await self.hear(20_000))
        head = (answer.sequence, answer.kind)
        assert head == (self.sequence, kind | ANSWER), f"{request} is answered by {head}"
        assert answer.body[0] in (statuses or (Status.DONE,)), f"{request} is answered by status {answer.body[0]}"
        await self.clocks(self.bit)
        return answer.body[1:]


@pytest.mark.parametrize("kind", ["rate"])
def test_a_board_plays_what_its_memory_has(kind: str) -> None:
    config = NetworkConfig(layers=(3, 2), ticks=5, rates=(256,), input=kind)
    board = BoardTop(config, SerialTransport(4), memory=BlockRam(BITS))
    simulate(PlayedBench, {kind: (board, {"config": config.to_dict(), "divisor": 4})}, SEED, 300_000)
