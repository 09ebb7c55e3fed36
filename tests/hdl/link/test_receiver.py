"""The frame receiver: what it offers is whole and right, and all else is counted as what it is."""

from __future__ import annotations

import zlib
from random import Random

import pytest
from amaranth import Module
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from backspike.hdl.link.checksum import Checksum
from backspike.hdl.link.receiver import FrameReceiver
from backspike.hdl.link.transport import Token
from backspike.link import FRAME_BYTES, OVERHEAD, LinkEvent

SEED = 20270
PATIENCE = 5000


def packed(content: bytes) -> bytes:
    return content + zlib.crc32(content).to_bytes(4, "little")


def draw_content(random: Random) -> bytes:
    """Draw the bytes of a frame: right, damaged in one way, short or long."""
    good = packed(random.randbytes(2 + random.choice([0, 0, 1, 5, random.randrange(60)])))
    place = random.randrange(len(good))
    what = random.choice(["good", "good", "flipped", "lost", "doubled", "short", "zeros"])
    if what == "flipped":
        return good[:place] + bytes((good[place] ^ 1 << random.randrange(8),)) + good[place + 1 :]
    if what == "lost":
        return good[:place] + good[place + 1 :]
    if what == "doubled":
        return good[: place + 1] + good[place:]
    if what == "short":
        # The shortest with a right sum among them.
        return random.choice([b"", packed(b""), packed(b"\7"), random.randbytes(random.randrange(6))])
    return bytes(random.randrange(20)) if what == "zeros" else good


def verdict(content: bytes, end: Token, frame_bytes: int = FRAME_BYTES) -> LinkEvent | None:
    """Return as what docs/host_link.md has a frame counted; None if it is whole."""
    if len(content) > frame_bytes:
        return LinkEvent.LONG
    if len(content) < OVERHEAD:
        return LinkEvent.SHORT
    if end == Token.BROKEN or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return LinkEvent.DAMAGED
    return None


class Bench:
    """Sends frames with gaps, takes those that are offered after a while, and notes what happened in which cycle.

    A patient one sends nothing while the receiver is busy.
    """

    def __init__(
        self,
        random: Random,
        contents: list[bytes],
        stalls: float,
        holds: int,
        patient: bool = False,
        frame_bytes: int = FRAME_BYTES,
    ) -> None:
        self.frame_bytes = frame_bytes
        self.random, self.contents, self.stalls, self.holds, self.patient = random, contents, stalls, holds, patient
        self.cycle = 0
        self.expected: list[tuple[int, object]] = []
        self.found: list[tuple[int, object]] = []
        self.kinds: set[object] = set()

    def run(self) -> None:
        m = Module()
        m.submodules.receiver = self.receiver = FrameReceiver(self.frame_bytes)
        m.submodules.checksum = checksum = Checksum()
        connect(m, self.receiver.crc, checksum.receiver)
        simulator = Simulator(m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.send)
        simulator.add_testbench(self.watch, background=True)
        simulator.add_testbench(self.take, background=True)
        simulator.run()
        found, expected = (sorted(noted, key=repr) for noted in (self.found, self.expected))
        assert found == expected

    async def send(self, ctx) -> None:
        for content in self.contents:
            begun = self.cycle
            while self.patient and ctx.get(self.receiver.busy):
                assert self.cycle - begun < PATIENCE, "busy for ever"
                await self.put(ctx, 0, Token.BYTE, 0)
            tokens = [(Token.BYTE, byte) for byte in content] or [(Token.FRAMING, 0)]
            if self.random.random() < 0.3:
                tokens.insert(self.random.randrange(len(tokens) + 1), (Token.FRAMING, self.random.randrange(256)))
            end = Token.BROKEN if not self.patient and self.random.random() < 0.1 else Token.END
            lost = False
            for kind, byte in [*tokens, (end, self.random.randrange(256))]:
                while self.random.random() < self.stalls:
                    await self.put(ctx, 0, self.random.choice(list(Token)), self.random.randrange(256))
                lost |= bool(ctx.get(self.receiver.busy)) and kind in (Token.BYTE, Token.FRAMING)
                await self.put(ctx, 1, kind, byte)
            found = verdict(content, end, self.frame_bytes)
            if lost:
                self.expected.append((self.cycle - 1, LinkEvent.BUSY))
            elif found is None:
                self.expected.append((self.cycle + 1, content))
            else:
                self.expected.append((self.cycle, found))
            self.kinds.add("offered" if found is None and not lost else self.expected[-1][1])
        await self.put(ctx, 0, Token.BYTE, 0)
        await ctx.tick().repeat(5)
        # The last offer may still be read.
        begun = self.cycle
        while ctx.get(self.receiver.busy):
            assert self.cycle - begun < PATIENCE, "busy for ever"
            await ctx.tick()
            self.cycle += 1

    async def put(self, ctx, valid: int, kind: Token, byte: int) -> None:
        ctx.set(self.receiver.i.valid, valid)
        ctx.set(self.receiver.i.payload, {"kind": kind, "byte": byte})
        await ctx.tick()
        self.cycle += 1

    async def watch(self, ctx) -> None:
        """Note events, and that an offer is not withdrawn."""
        receiver, cycle, held = self.receiver, 0, None
        while True:
            _, _, events, valid, ready, frame = await ctx.tick().sample(
                receiver.events, receiver.frame.valid, receiver.frame.ready, receiver.frame.payload
            )
            for event in LinkEvent:
                if events >> event & 1:
                    self.found.append((cycle, event))
            assert held is None or (valid and held == frame), f"cycle {cycle}: an offer was withdrawn or changed"
            held = frame if valid and not ready else None
            cycle += 1

    async def take(self, ctx) -> None:
        """Read a frame that is offered, byte by byte and in any order."""
        receiver = self.receiver
        while True:
            if ctx.get(receiver.frame.valid):
                frame, begun = ctx.get(receiver.frame.payload), self.cycle
                body = bytearray(frame.size)
                for place in self.random.sample(range(frame.size), frame.size):
                    ctx.set(receiver.address, place)
                    await ctx.tick()
                    body[place] = ctx.get(receiver.data)
                content = packed(bytes((frame.sequence, frame.kind)) + bytes(body))
                self.found.append((begun, content))
                for _ in range(1 + self.random.randrange(self.holds)):
                    await ctx.tick()
                ctx.set(receiver.frame.ready, 1)
                await ctx.tick()
                ctx.set(receiver.frame.ready, 0)
            else:
                await ctx.tick()


@pytest.mark.parametrize(("stalls", "holds"), [(0.0, 1), (0.3, 1), (0.0, 60), (0.5, 200)])
def test_only_frames_with_a_right_crc_are_offered(stalls: float, holds: int) -> None:
    random = Random(f"{SEED} {stalls} {holds}")
    bench = Bench(random, [draw_content(random) for _ in range(60)], stalls, holds)
    bench.run()
    assert bench.kinds == {"offered", LinkEvent.SHORT, LinkEvent.DAMAGED, LinkEvent.BUSY}


@pytest.mark.parametrize("frame_bytes", [FRAME_BYTES, 2 * FRAME_BYTES])
@pytest.mark.parametrize("factor_and_more", [(1, 0), (1, 1), (2, 7)])
def test_a_frame_that_fills_the_memory_is_whole_and_a_longer_one_is_refused(
    factor_and_more: tuple[int, int], frame_bytes: int
) -> None:
    """A right one before and after it: nothing of it is left."""
    length = factor_and_more[0] * frame_bytes + factor_and_more[1]
    random = Random(f"{SEED} {length}")
    contents = [packed(b"before"), packed(random.randbytes(length - 4)), packed(b"after it")]
    bench = Bench(random, contents, 0.0, 1, patient=True, frame_bytes=frame_bytes)
    bench.run()
    assert [what for _, what in bench.expected] == [
        contents[0],
        LinkEvent.LONG if length > frame_bytes else contents[1],
        contents[2],
    ]
