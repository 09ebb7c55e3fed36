"""The writer of answers: bytes, their CRC, and an answer that stays until it is sent, as often as it is asked for."""

from __future__ import annotations

import zlib
from random import Random

from amaranth import Module
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from backspike.hdl.link.checksum import Checksum
from backspike.hdl.link.writer import AnswerWriter

SEED = 20298


def test_answers_are_sent_whole_before_anything_else_is_written() -> None:
    random = Random(SEED)
    m = Module()
    m.submodules.writer = writer = AnswerWriter()
    m.submodules.checksum = checksum = Checksum()
    connect(m, writer.crc, checksum.writer)

    async def bench(ctx) -> None:
        async def strobe(signal) -> None:
            ctx.set(signal, 1)
            await ctx.tick()
            ctx.set(signal, 0)

        async def read(expected: bytes, latency: int) -> None:
            """Be the transport: the answer comes so many cycles after it was asked for, and is read at any pace."""
            for cycle in range(latency):
                assert ctx.get(writer.answer.start) == (cycle == latency - 1), f"cycle {cycle}"
                await ctx.tick()
            assert ctx.get(writer.answer.length) == len(expected)
            for place, byte in enumerate(expected):
                ctx.set(writer.answer.address, place)
                for _ in range(random.randint(1, 3)):
                    await ctx.tick()
                    assert not ctx.get(writer.done), f"it is done at byte {place} of {len(expected)}"
                assert ctx.get(writer.answer.data) == byte, f"byte {place}"
            ctx.set(writer.answer.done, 1)
            assert ctx.get(writer.done)
            await ctx.tick()
            ctx.set(writer.answer.done, 0)
            assert not ctx.get(writer.done)

        for _ in range(12):
            await strobe(writer.begin)
            if random.random() < 0.3:
                # An answer that is given up.
                ctx.set(writer.i.payload, random.randrange(256))
                await strobe(writer.i.valid)
                await strobe(writer.begin)
            content = random.randbytes(random.choice([1, 2, 9, 60]))
            for byte in content:
                ctx.set(writer.i.payload, byte)
                await strobe(writer.i.valid)
                for _ in range(random.choice([0, 0, 3])):
                    await ctx.tick()
            answer = content + zlib.crc32(content).to_bytes(4, "little")
            await strobe(writer.seal)
            await read(answer, 5)
            for _ in range(random.choice([0, 1, 2])):
                await strobe(writer.send)
                await read(answer, 1)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
