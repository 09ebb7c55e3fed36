"""The checker of the sample memory's requests: its status is what docs/sample_memory.md says."""

from __future__ import annotations

import struct
from random import Random

from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.link.memory_checker import MemoryChecker
from backspike.link import MEMORY_READ_WORDS, MemoryRequest, Status, memory_write_words
from backspike.registers import RegisterMap

SEED = 20277
CONFIG = NetworkConfig(layers=(5, 4, 3))
REGISTERS = len(RegisterMap(CONFIG).registers)
BITS = 10
SIZE = 1 << BITS


def fits(kind: int, body: bytes) -> bool:
    """Return whether the kind can have a body."""
    if kind in (MemoryRequest.MEMORY, MemoryRequest.RUNS):
        return not body
    if kind == MemoryRequest.RUN:
        if not 13 <= len(body) <= 48 or (len(body) - 13) % 5:
            return False
        samples, order, results, flags = struct.unpack_from("<IIIB", body)
        placed = all(place % 2 == 0 and place < SIZE and place + 2 * samples <= SIZE for place in (order, results))
        return placed and flags < 8 and all(body[place] < REGISTERS for place in range(13, len(body), 5))
    if len(body) < 6 or len(body) % 2:
        return False
    address, count = int.from_bytes(body[:4], "little"), len(body) // 2 - 2
    if kind == MemoryRequest.MEMORY_READ:
        if len(body) != 6:
            return False
        count = int.from_bytes(body[4:], "little")
        if not 1 <= count <= MEMORY_READ_WORDS:
            return False
    return address + count <= SIZE


def draw(kind: int, random: Random) -> bytes:
    """Draw a body that is right, or nearly."""

    def address(words: int) -> int:
        start = random.choice([0, SIZE // 2, max(0, SIZE - words), SIZE - words + 2, SIZE - words + 1, SIZE])
        return (
            max(0, start) | random.choice([0] * 9 + [1]) | random.choice([0] * 15 + [1 << random.randrange(BITS, 32)])
        )

    if kind == MemoryRequest.RUN:
        samples = random.choice([0, 1, 5, SIZE // 2, SIZE // 2 + 1, 1 << 9, 1 << 31 | 1])
        room = min(2 * samples, SIZE)
        flags = random.choice([0, 1, 2, 3, 4, 5, 6, 7] * 2 + [8, 0x81])
        body = struct.pack("<IIIB", samples, address(room), address(room), flags)
        for _ in range(random.choice([0, 1, 2, 7, 7, 8])):
            register = random.choice([0, REGISTERS - 1] * 8 + [REGISTERS, 255])
            body += bytes((register,)) + random.randbytes(4)
    elif kind == MemoryRequest.MEMORY_WRITE:
        count = random.choice([0, 1, 2, 40, memory_write_words()])
        body = struct.pack("<I", address(count)) + bytes(2 * count)
    elif kind == MemoryRequest.MEMORY_READ:
        count = random.choice([0, 1, 2, MEMORY_READ_WORDS, MEMORY_READ_WORDS + 1, 255, 256, 0x0101, 0xFFFF])
        body = struct.pack("<IH", address(count), count)
    else:
        body = b"" if random.random() < 0.7 else random.randbytes(random.randrange(1, 9))
    change = random.random()
    return body[:-1] if change < 0.05 else body + random.randbytes(1) if change < 0.1 else body


def test_the_status_is_what_the_protocol_says() -> None:
    random, found = Random(SEED), set()
    checker = MemoryChecker(CONFIG, BITS)

    async def bench(ctx) -> None:
        for _ in range(800):
            kind = random.choice([*MemoryRequest, MemoryRequest.RUN, MemoryRequest.RUN])
            body = draw(kind, random)
            ready, full, mid_sample = (random.random() < share for share in (0.8, 0.3, 0.3))
            status = Status.DONE
            if not fits(kind, body):
                status = Status.WRONG_BODY
            elif kind not in (MemoryRequest.MEMORY, MemoryRequest.RUNS) and not ready:
                status = Status.NOT_READY
            elif kind == MemoryRequest.RUN and mid_sample:
                status = Status.MID_SAMPLE
            elif kind == MemoryRequest.RUN and full:
                status = Status.QUEUE_FULL
            for port, value in (("kind", kind), ("size", len(body)), ("ready", ready), ("full", full)):
                ctx.set(getattr(checker, port), value)
            ctx.set(checker.mid_sample, mid_sample)
            ctx.set(checker.start, 1)
            place = cycles = 0
            while not ctx.get(checker.done):
                # Behind the body's end are other bytes.
                ctx.set(checker.body.valid, place < len(body))
                ctx.set(checker.body.payload, body[place] if place < len(body) else random.randrange(256))
                place += bool(ctx.get(checker.body.ready))
                await ctx.tick()
                ctx.set(checker.start, 0)
                cycles += 1
                assert cycles <= 2 + 6 + min(len(body), 50) + 1, f"{kind.name}: not done after {cycles} cycles"
            assert ctx.get(checker.status) == status, f"{kind.name} {body.hex()}, {ready=}, {full=}, {mid_sample=}"
            found.add((kind, status))
            await ctx.tick()

    simulator = Simulator(checker)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    of_all = {(kind, status) for kind in MemoryRequest for status in (Status.DONE, Status.WRONG_BODY)}
    of_run = {(MemoryRequest.RUN, status) for status in (Status.NOT_READY, Status.MID_SAMPLE, Status.QUEUE_FULL)}
    words = {(kind, Status.NOT_READY) for kind in (MemoryRequest.MEMORY_READ, MemoryRequest.MEMORY_WRITE)}
    assert found == of_all | of_run | words
