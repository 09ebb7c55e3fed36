"""The parts at the ends of AXI and Wishbone: in which order accesses come, and that nothing is lost while one waits."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from backspike.hdl.bus.access import Answer
from backspike.hdl.bus.axi import AxiLiteRegisters
from backspike.hdl.bus.wishbone import StreamWindow, WishboneRegisters
from tests.hdl.benches.memory import simulate_testbench

SEED = 20278
SAMPLE, RESULT = 0x808, 0x80C


def test_reads_and_writes_of_axi_take_turns_where_both_wait() -> None:
    registers = AxiLiteRegisters()

    async def bench(ctx) -> None:
        bus, kinds = registers.bus, []
        for signal in (bus.aw.valid, bus.w.valid, bus.ar.valid, bus.b.ready, bus.r.ready, registers.answers.valid):
            ctx.set(signal, 1)
        ctx.set(registers.accesses.ready, 1)
        for _ in range(40):
            await ctx.tick()
            if ctx.get(registers.accesses.valid):
                kinds.append(ctx.get(registers.accesses.p.write))
        assert len(kinds) >= 6
        assert all(before != after for before, after in pairwise(kinds)), kinds

    simulate_testbench(registers, bench)


def test_addresses_are_those_of_four_kilobytes() -> None:
    axi, wishbone = AxiLiteRegisters().bus, WishboneRegisters().bus
    assert [len(address) for address in (axi.aw.p.addr, axi.ar.p.addr, wishbone.adr)] == [12, 12, 12]


def test_accesses_of_samples_and_results_end_as_the_text_says_whoever_waits() -> None:
    window, random = StreamWindow(), Random(SEED)
    seen = set()

    async def bench(ctx) -> None:
        access, answer, words, results = window.accesses, window.answers, window.words, window.results
        within = False

        async def until(signal) -> None:
            for _ in range(20):
                if ctx.get(signal):
                    return
                await ctx.tick()
            raise AssertionError(f"{signal.name} does not come, seed {SEED}")

        for number in range(200):
            where = f"access {number}, seed {SEED}"
            address = random.choice([SAMPLE, SAMPLE, RESULT, RESULT, 0, 0x804])
            # The rest of a result is there without a gap.
            write, blocked, there = random.randrange(2), random.randrange(2), within or random.randrange(2)
            strobe = random.choice([15, 15, 15, 0, random.randrange(16)])
            data, word, returned = (random.getrandbits(32) for _ in range(3))
            last = random.randrange(2)
            ctx.set(access.p, {"address": address, "write": write, "data": data, "strobe": strobe})
            ctx.set(window.blocked, blocked)
            ctx.set(results.p.data.as_value(), word)
            ctx.set(results.p.last, last)
            ctx.set(results.valid, there)
            ctx.set(access.valid, 1)
            own, whole = address in (SAMPLE, RESULT), not write or strobe == 15
            expected = Answer.OKAY, 0
            taken = 0
            if not own:
                await until(window.others.valid)
                assert ctx.get(window.others.payload.as_value()) == ctx.get(access.payload.as_value()), where
                for _ in range(random.randrange(3)):
                    assert not ctx.get(access.ready), where
                    await ctx.tick()
                ctx.set(window.others.ready, 1)
                assert ctx.get(access.ready), where
                await ctx.tick()
                ctx.set(window.others.ready, 0)
                ctx.set(access.valid, 0)
                for _ in range(random.randrange(3)):
                    assert not ctx.get(answer.valid), where
                    await ctx.tick()
                expected = random.choice(list(Answer)), returned
                ctx.set(window.other_answers.p, {"status": expected[0], "data": returned})
                ctx.set(window.other_answers.valid, 1)
                await until(window.other_answers.ready)
                await ctx.tick()
                ctx.set(window.other_answers.valid, 0)
            elif not whole:
                expected = Answer.SLVERR if strobe else Answer.OKAY, 0
            elif address == SAMPLE and write and blocked:
                expected = Answer.SLVERR, 0
            elif address == SAMPLE and write:
                await until(words.valid)
                for _ in range(random.randrange(3)):
                    assert not ctx.get(access.ready), where
                    await ctx.tick()
                assert (ctx.get(words.p.data.as_value()), ctx.get(words.p.last)) == (data, 0), where
                ctx.set(words.ready, 1)
            elif address == RESULT and not write:
                expected = Answer.OKAY, word if there else 0xFFFF_FFFF
                taken = there
                within = not last if there else within
            elif address == RESULT:
                # What is left of a result goes, and no more.
                taken = 1 if within else 0
                if within and not last:
                    await until(results.ready)
                    await ctx.tick()
                    assert not ctx.get(access.ready), where
                    ctx.set(results.p.last, 1)
                within = False
            if own:
                await until(access.ready)
                assert ctx.get(results.valid & results.ready) == taken, where
                assert not ctx.get(window.others.valid), where
                await ctx.tick()
                ctx.set(access.valid, 0)
                ctx.set(words.ready, 0)
                assert not ctx.get(words.valid), where
            for _ in range(random.randrange(3)):
                assert ctx.get(answer.valid), where
                await ctx.tick()
            assert ctx.get(answer.valid), where
            assert (ctx.get(answer.p.status), ctx.get(answer.p.data)) == expected, where
            ctx.set(answer.ready, 1)
            await ctx.tick()
            ctx.set(answer.ready, 0)
            assert not ctx.get(answer.valid), where
            seen.add((address, write, expected[0], bool(taken)))

    simulate_testbench(window, bench)
    assert {(RESULT, 1, Answer.OKAY, True), (RESULT, 0, Answer.OKAY, True), (SAMPLE, 1, Answer.SLVERR, False)} <= seen
