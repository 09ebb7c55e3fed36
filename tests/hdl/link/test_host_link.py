"""The whole link, at a transport that brings a token per cycle: requests, answers, and promised latencies."""

from __future__ import annotations

import struct
import zlib
from random import Random

from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.link.host_link import HostLink
from backspike.hdl.link.transport import Token
from backspike.link import ANSWER, WORDS, LinkEvent, Request, Status, greeting
from backspike.registers import RegisterMap

SEED = 20272
CONFIG = NetworkConfig(layers=(300, 4, 3), ticks=9)
REGISTERS = len(RegisterMap(CONFIG).registers)
PATIENCE = 5000


def packed(sequence: int, kind: int, body: bytes) -> bytes:
    content = bytes((sequence, kind)) + body
    return content + zlib.crc32(content).to_bytes(4, "little")


async def offer(ctx, stream, payload: object) -> None:
    """Offer a payload until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    for _ in range(PATIENCE):
        _, _, taken = await ctx.tick().sample(stream.ready)
        if taken:
            break
    else:
        raise AssertionError(f"{payload} is not taken")
    ctx.set(stream.valid, 0)


class Bench:
    """A host at one end, a network that only remembers at the other."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.link = HostLink(CONFIG)
        self.cycle = 0
        self.sequence = self.random.randrange(256)
        self.values = [self.random.getrandbits(32) for _ in range(REGISTERS)]
        self.accesses: list[tuple[int, int, int]] = []
        self.entries: list[tuple[int, int, int, int, int]] = []
        self.results: list[tuple[int, int]] = []
        self.owed = 0
        self.resets = 0
        self.counted = dict.fromkeys(LinkEvent, 0)
        # Cycles of the last: first access, answer handed over.
        self.first_access = self.handed = -1

    def run(self, bench) -> None:
        simulator = Simulator(self.link)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        for network in (self.registers, self.take_entries, self.give_results, self.watch):
            simulator.add_testbench(network, background=True)
        simulator.run()

    # -- the network ----------------------------------------------------------------------------------------------

    async def registers(self, ctx) -> None:
        link = self.link
        while True:
            ctx.set(link.requests.ready, self.random.random() < 0.7)
            _, _, valid, ready, access = await ctx.tick().sample(
                link.requests.valid, link.requests.ready, link.requests.payload
            )
            if not (valid and ready):
                continue
            ctx.set(link.requests.ready, 0)
            self.accesses.append((access.address, access.write, access.data))
            for _ in range(1 + self.random.randrange(3)):
                await ctx.tick()
            await offer(ctx, link.responses, self.values[access.address])
            # A read moves on, as that of a weight does.
            self.values[access.address] = access.data if access.write else (self.values[access.address] + 1) % 2**32

    async def take_entries(self, ctx) -> None:
        samples = self.link.samples
        while True:
            ctx.set(samples.ready, self.random.random() < 0.6)
            _, _, valid, ready, entry = await ctx.tick().sample(samples.valid, samples.ready, samples.payload)
            if valid and ready:
                self.owed += entry.last
                self.entries.append((entry.index, entry.value, entry.label, entry.learn, entry.last))

    async def give_results(self, ctx) -> None:
        """Give a result for each sample, some time after its last entry."""
        results = self.link.results
        while True:
            for _ in range(1 + self.random.randrange(40)):
                await ctx.tick()
            if self.owed:
                winner = self.random.randrange(3)
                wins = [self.random.randrange(10) for _ in range(3)]
                await offer(ctx, results, {"winner": winner, "wins": wins, "most": wins[winner]})
                self.results.append((winner, wins[winner]))
                self.owed -= 1

    async def watch(self, ctx) -> None:
        link = self.link
        while True:
            _, _, access, start, reset = await ctx.tick().sample(link.requests.valid, link.answer.start, link.reset)
            if access and self.first_access < 0:
                self.first_access = self.cycle
            if start:
                self.handed = self.cycle
            self.resets += reset
            self.cycle += 1

    # -- the host -------------------------------------------------------------------------------------------------

    async def send(self, ctx, content: bytes, end: Token = Token.END) -> int:
        """Send a frame, a token per cycle; return the cycle of the last."""
        received = self.link.received
        ctx.set(received.valid, 1)
        for kind, byte in [*((Token.BYTE, byte) for byte in content), (end, 0)]:
            ctx.set(received.payload, {"kind": kind, "byte": byte})
            await ctx.tick()
        ctx.set(received.valid, 0)
        return self.cycle - 1

    async def hear(self, ctx) -> bytes:
        """Take the answer that is handed over, byte by byte, some of them twice."""
        answer = self.link.answer
        waited = 0
        while not ctx.get(answer.start):
            await ctx.tick()
            waited += 1
            assert waited < PATIENCE, "no answer"
        await ctx.tick()
        length = ctx.get(answer.length)
        content = bytearray(length)
        for place in [*range(length), *self.random.sample(range(length), 3)]:
            ctx.set(answer.address, place)
            await ctx.tick()
            content[place] = ctx.get(answer.data)
        ctx.set(answer.done, 1)
        await ctx.tick()
        ctx.set(answer.done, 0)
        assert not ctx.get(self.link.busy)
        return bytes(content)

    async def ask(self, ctx, kind: int, body: bytes = b"", status: Status = Status.DONE) -> bytes:
        """Send the next request; return what its answer has after the status."""
        self.sequence = (self.sequence + 1) % 256
        self.counted[LinkEvent.TAKEN] += 1
        self.first_access = -1
        self.sent = await self.send(ctx, packed(self.sequence, kind, body))
        answer = await self.hear(ctx)
        assert answer[:3] == bytes((self.sequence, kind | ANSWER, status))
        assert answer[-4:] == zlib.crc32(answer[:-4]).to_bytes(4, "little")
        return answer[3:-4]

    async def refuse(self, ctx, event: LinkEvent, content: bytes, end: Token = Token.END) -> None:
        """Send what is refused: nothing comes of it, and the next frame may follow at once."""
        self.counted[event] += 1
        await self.send(ctx, content, end)
        await ctx.tick().repeat(2)
        assert not ctx.get(self.link.busy)


def test_requests_do_what_they_say_and_nothing_else_does() -> None:
    bench = Bench()
    random = bench.random

    async def host(ctx) -> None:
        await bench.refuse(ctx, LinkEvent.ORDER, packed(0, Request.READ, b"\0\1"))
        await hello(ctx)
        # Each of them, in any order.
        for request in random.sample(4 * [read, add_up, write, show, repeat, disturb, refuse_body], 28):
            await request(ctx)
        await forget(ctx)
        counters = await bench.ask(ctx, Request.LINK)
        assert struct.unpack("<7H", counters) == tuple(bench.counted[event] for event in LinkEvent)

    async def hello(ctx) -> None:
        before, bench.sequence = bench.resets, random.randrange(256)
        assert await bench.ask(ctx, Request.HELLO) == greeting()
        assert bench.resets == before + 1
        # IDENTITY is written.
        address, written, _ = bench.accesses.pop()
        assert (address, written, bench.accesses) == (0, 1, [])

    async def forget(ctx) -> None:
        """Results that nobody has fetched, as many as the link keeps, are gone with the next greeting."""
        bench.owed = 2
        await ctx.tick().repeat(200)
        assert len(bench.results) == 2
        await hello(ctx)
        assert await bench.ask(ctx, Request.RESULTS) == b""
        bench.results.clear()

    async def read(ctx) -> None:
        address, count = random.randrange(REGISTERS), random.choice([1, 2, WORDS])
        value = bench.values[address]
        answer = await bench.ask(ctx, Request.READ, bytes((address, count)))
        assert struct.unpack(f"<{count}I", answer) == tuple((value + number) % 2**32 for number in range(count))
        assert [access[:2] for access in bench.accesses] == [(address, 0)] * count
        assert bench.first_access - bench.sent <= 12
        bench.accesses.clear()

    async def add_up(ctx) -> None:
        """Of more values than an answer has room for, too, and of a number whose low byte is 0."""
        address, count = random.randrange(REGISTERS), random.choice([1, 2, 127, 256, 259])
        value = bench.values[address]
        answer = await bench.ask(ctx, Request.CHECKSUM, struct.pack("<BH", address, count))
        values = struct.pack(f"<{count}I", *((value + number) % 2**32 for number in range(count)))
        assert answer == zlib.crc32(values).to_bytes(4, "little")
        assert [access[:2] for access in bench.accesses] == [(address, 0)] * count
        # One later than that of a read: the count has two bytes.
        assert bench.first_access - bench.sent <= 13
        bench.accesses.clear()

    async def write(ctx) -> None:
        address, count = random.randrange(REGISTERS), random.choice([1, 2, WORDS])
        words = [random.getrandbits(32) for _ in range(count)]
        body = bytes((address,)) + struct.pack(f"<{count}I", *words)
        assert await bench.ask(ctx, Request.WRITE, body) == b""
        assert bench.accesses == [(address, 1, word) for word in words]
        # Three later than that of a read: the word has four bytes.
        assert bench.first_access - bench.sent <= 15
        bench.accesses.clear()

    async def show(ctx) -> None:
        """Lists of one sample each, and all their results."""
        body, expected = b"", []
        for _ in range(random.choice([1, 3, 20])):
            count, label, learn = random.randrange(1, 8), random.randrange(3), random.randrange(2)
            steps = [random.randrange(1, 40) for _ in range(count)]
            values = [random.randrange(1, 256) for _ in range(count)]
            body += struct.pack("<HH", label | learn << 15, count) + bytes(
                byte for entry in zip(steps, values, strict=True) for byte in entry
            )
            index = -1
            for number, (step, value) in enumerate(zip(steps, values, strict=True), start=1):
                index += step
                expected.append((index, value, label, learn, int(number == count)))
        answer = await bench.ask(ctx, Request.SAMPLES, body)
        assert bench.entries == expected
        for _ in range(PATIENCE // 100):
            if len(answer) < 4 * sum(last for *_, last in expected):
                answer += await bench.ask(ctx, Request.RESULTS)
        assert list(struct.iter_unpack("<HH", answer)) == bench.results
        bench.entries.clear()
        bench.results.clear()

    async def repeat(ctx) -> None:
        """The kept answer comes again, and comes soon; nothing is done twice."""
        address = random.randrange(REGISTERS)
        first = await bench.ask(ctx, Request.READ, bytes((address, 2)))
        done = list(bench.accesses)
        for _ in range(2):
            bench.counted[LinkEvent.REPEATED] += 1
            sent = await bench.send(ctx, packed(bench.sequence, Request.READ, b"whatever it is"))
            assert (await bench.hear(ctx))[3:-4] == first
            assert bench.handed - sent <= 12
        assert bench.accesses == done
        bench.accesses.clear()

    async def disturb(ctx) -> None:
        """Frames that are refused, among them one that comes while another is executed."""
        following = packed((bench.sequence + 1) % 256, Request.WRITE, b"\x07abcd")
        await bench.refuse(ctx, LinkEvent.DAMAGED, following[:-1] + bytes((following[-1] ^ 1,)))
        await bench.refuse(ctx, LinkEvent.DAMAGED, following, Token.BROKEN)
        await bench.refuse(ctx, LinkEvent.SHORT, following[:5])
        await bench.refuse(ctx, LinkEvent.ORDER, packed((bench.sequence + 2) % 256, Request.WRITE, b"\x07abcd"))
        bench.sequence = (bench.sequence + 1) % 256
        bench.counted[LinkEvent.TAKEN] += 1
        bench.counted[LinkEvent.BUSY] += 1
        await bench.send(ctx, packed(bench.sequence, Request.RESULTS, b""))
        await ctx.tick()
        await bench.send(ctx, following[:3])
        assert (await bench.hear(ctx))[:3] == bytes((bench.sequence, Request.RESULTS | ANSWER, Status.DONE))
        assert bench.accesses == []

    async def refuse_body(ctx) -> None:
        """Nothing is done, and the answer that says so is handed over soon."""
        kind, body, status = random.choice(
            [
                (99, b"", Status.UNKNOWN_KIND),
                (Request.READ, b"\0\0", Status.WRONG_BODY),
                (Request.CHECKSUM, b"\0\1", Status.WRONG_BODY),
                (Request.WRITE, b"\7abc", Status.WRONG_BODY),
                (Request.SAMPLES, struct.pack("<HH", 3, 0), Status.WRONG_LABEL),
                (Request.SAMPLES, struct.pack("<HH", 0, 1), Status.WRONG_BODY),
            ]
        )
        assert await bench.ask(ctx, kind, body, status) == b""
        assert bench.handed - bench.sent <= 8 + 4 * 1 + 6
        assert (bench.accesses, bench.entries) == ([], [])

    bench.run(host)
    assert min(bench.counted[event] for event in LinkEvent if event != LinkEvent.LONG) > 0
