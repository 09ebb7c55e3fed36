"""The request checker: its status is what docs/host_link.md says of every kind and body."""

from __future__ import annotations

import struct
from random import Random

from amaranth import Module, Signal
from amaranth.hdl import MemoryData
from amaranth.lib import memory
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.link.body import BodyReader
from backspike.hdl.link.checker import RequestChecker
from backspike.link import BODY_BYTES, FRAME_BYTES, PARTS, WORDS, Request, Status
from backspike.registers import RegisterMap

SEED = 20271
CONFIG = NetworkConfig(layers=(5, 4, 3))
TOO_MANY = [1, 255, 509, 1023, 0xFFFF, *(1 << bit for bit in range(8, 16))]
REGISTERS = len(RegisterMap(CONFIG).registers)


def header_bytes(body: bytes) -> int:
    """Return how many bytes of the headers of a body of samples are there, the last of which may be cut off."""
    place = there = 0
    while place < len(body):
        there += min(4, len(body) - place)
        place += 4 + 2 * int.from_bytes(body[place + 2 : place + 4], "little")
    return there


def verdict(kind: int, body: bytes, mid_sample: bool) -> Status:
    """Return what the protocol says."""
    if kind not in list(Request):
        return Status.UNKNOWN_KIND
    if kind in (Request.HELLO, Request.RESULTS, Request.LINK):
        return Status.WRONG_BODY if body else Status.DONE
    if kind == Request.SAMPLES:
        place, labels = 0, []
        while place < len(body):
            if place + 4 > len(body):
                return Status.WRONG_BODY
            flags, count = struct.unpack_from("<HH", body, place)
            labels.append(flags & 0x3FFF)
            place += 4 + 2 * count
        if place != len(body) or len(labels) > PARTS:
            return Status.WRONG_BODY
        return Status.WRONG_LABEL if max(labels, default=0) >= CONFIG.layers[-1] else Status.DONE
    if kind == Request.READ:
        right = len(body) == 2 and 1 <= body[1] <= WORDS
    elif kind == Request.CHECKSUM:
        right = len(body) == 3
    else:
        right = len(body) % 4 == 1 and 1 <= len(body) // 4 <= WORDS
    if not right or body[0] >= REGISTERS:
        return Status.WRONG_BODY
    return Status.MID_SAMPLE if mid_sample else Status.DONE


def draw_body(kind: int, random: Random) -> bytes:
    """Draw a body that is right, or nearly."""
    address = bytes((random.choice([0, REGISTERS - 1, REGISTERS, 255, random.randrange(REGISTERS)]),))
    if kind == Request.READ:
        body = address + bytes((random.choice([0, 1, WORDS, WORDS + 1, 255, 7]),))
    elif kind == Request.CHECKSUM:
        body = address + random.choice([b"\0\0", b"\0\1", b"\1\0", b"\xff\xff"])
    elif kind == Request.WRITE:
        body = address + random.randbytes(4 * random.choice([0, 1, 2, WORDS, WORDS + 1]))
    elif kind == Request.SAMPLES:
        body = b""
        parts = random.choice([0, 1, 2, 5, PARTS, PARTS + 1])
        for _ in range(parts):
            label = random.randrange(3) if random.random() < 0.99 else random.choice([3, 4, 256, 0x3FFF])
            count = random.choice([0, 0, 1, 2] if parts >= PARTS else [0, 1, 130, 250, 400])
            part = struct.pack("<HH", label | random.randrange(4) << 14, count) + random.randbytes(2 * count)
            body += part if len(body + part) <= BODY_BYTES - 4 else b""
        if random.random() < 0.3:
            # A part that promises more than there is, or more than there could be.
            body += struct.pack("<HH", random.randrange(3), random.choice(TOO_MANY))
    else:
        body = b"" if random.random() < 0.7 else random.randbytes(random.randrange(1, 9))
    change = random.random()
    return body[:-1] if change < 0.1 else body + random.randbytes(1) if change < 0.2 else body


def test_the_status_is_what_the_protocol_says() -> None:
    """And it comes in time; and the body is read again from its first byte on when that is asked for."""
    random, statuses = Random(SEED), []
    m = Module()
    m.submodules.checker = checker = RequestChecker(CONFIG)
    m.submodules.body = reader = BodyReader()
    content = MemoryData(shape=8, depth=FRAME_BYTES, init=[])
    m.submodules.memory = store = memory.Memory(content)
    read = store.read_port()
    again = Signal()
    m.d.comb += [
        read.addr.eq(reader.address),
        reader.data.eq(read.data),
        reader.size.eq(checker.size),
        reader.skip.eq(checker.skip),
        checker.beyond.eq(reader.beyond),
        checker.body.valid.eq(reader.o.valid),
        checker.body.payload.eq(reader.o.payload),
        reader.o.ready.eq(checker.body.ready | again),
    ]

    async def bench(ctx) -> None:
        for _ in range(300):
            kind = random.choice([*Request, Request.SAMPLES, Request.SAMPLES, random.randrange(256)])
            body, mid_sample = draw_body(kind, random), random.random() < 0.3
            looked_at = header_bytes(body) if kind == Request.SAMPLES else 0
            # What a longer body has left behind this one is still there.
            for place, byte in enumerate(body):
                ctx.set(content[place], byte)
            ctx.set(checker.kind, kind)
            ctx.set(checker.size, len(body))
            ctx.set(checker.mid_sample, mid_sample)
            ctx.set(reader.rewind, 1)
            await ctx.tick()
            ctx.set(reader.rewind, 0)
            ctx.set(checker.start, 1)
            await ctx.tick()
            ctx.set(checker.start, 0)
            cycles = 1
            while not ctx.get(checker.done):
                assert cycles < 2 + looked_at, f"kind {kind}, {len(body)} bytes: not done after {cycles} cycles"
                await ctx.tick()
                cycles += 1
            statuses.append(verdict(kind, body, mid_sample))
            assert ctx.get(checker.status) == statuses[-1], f"kind {kind}, body {body.hex()}, {mid_sample}"
            ctx.set(reader.rewind, 1)
            await ctx.tick()
            ctx.set(reader.rewind, 0)
            ctx.set(again, 1)
            for byte in body[:20]:
                assert (ctx.get(reader.o.valid), ctx.get(reader.o.payload)) == (1, byte)
                await ctx.tick()
            assert ctx.get(reader.o.valid) == (len(body) > 20)
            ctx.set(again, 0)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert set(statuses) == set(Status) - {Status.RUNNING, Status.QUEUE_FULL, Status.NOT_READY}
