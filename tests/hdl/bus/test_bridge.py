"""The bridge to the registers, at a network that takes its time: each access has its own answer, and no more effect."""

from __future__ import annotations

from random import Random

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.bus.access import Answer
from backspike.hdl.bus.bridge import RegisterBridge
from backspike.registers import RegisterMap
from tests.hdl.benches.memory import simulate_testbench

SEED = 20274
ACCESSES = 150
STATUS, CONTROL = 0x800, 0x804


@pytest.mark.parametrize("kind", ["rate", "spikes"])
def test_accesses_are_answered_in_order_whenever_the_network_answers(kind: str) -> None:
    config = NetworkConfig(layers=(3, 2), ticks=3, input=kind)
    bridge, random = RegisterBridge(config), Random(SEED)
    last = 4 * (len(RegisterMap(config).registers) - 1)
    seen = set()

    async def bench(ctx) -> None:
        access, answer, request = bridge.accesses, bridge.answers, bridge.requests
        resets = 0

        async def tick() -> None:
            nonlocal resets
            await ctx.tick()
            resets += ctx.get(bridge.reset)

        async def until(signal) -> None:
            for _ in range(20):
                if ctx.get(signal):
                    return
                await tick()
            raise AssertionError(f"{signal.name} does not come, seed {SEED}")

        for number in range(ACCESSES):
            address = random.choice([0, 4, last, last + 4, STATUS, CONTROL, 0x808, 0xFFC]) | random.choice([0, 0, 0, 3])
            write, data = random.randrange(2), random.getrandbits(32)
            strobe = random.choice([15, 15, 15, 0, random.randrange(16)])
            status, returned = random.getrandbits(32), random.getrandbits(32)
            ctx.set(bridge.status.as_value(), status)
            ctx.set(access.p, {"address": address, "write": write, "data": data, "strobe": strobe})
            ctx.set(access.valid, 1)
            resets = 0
            if address & 3:
                expected = Answer.SLVERR, 0
            elif address > last and address not in (STATUS, CONTROL):
                expected = Answer.DECERR, 0
            elif write and strobe < 15:
                expected = Answer.SLVERR if strobe else Answer.OKAY, 0
            elif address == STATUS:
                expected = Answer.OKAY, 0 if write else status
            elif address == CONTROL:
                expected = Answer.OKAY, 0
            else:
                expected = Answer.OKAY, returned
                await until(request.valid)
                for _ in range(random.randrange(4)):
                    await tick()
                    assert ctx.get(request.valid), f"a request is taken back, seed {SEED}"
                wanted = (address // 4, write, data)
                assert (ctx.get(request.p.address), ctx.get(request.p.write), ctx.get(request.p.data)) == wanted
                ctx.set(request.ready, 1)
                await tick()
                ctx.set(request.ready, 0)
                # Anything, until the response is there.
                for _ in range(random.randrange(4)):
                    ctx.set(bridge.responses.payload, random.getrandbits(32))
                    await tick()
                    assert not ctx.get(answer.valid), f"an answer before the response, seed {SEED}"
                ctx.set(bridge.responses.payload, returned)
                ctx.set(bridge.responses.valid, 1)
                await until(bridge.responses.ready)
            assert not ctx.get(answer.valid)
            await until(access.ready)
            assert not ctx.get(request.valid)
            await tick()
            ctx.set(access.valid, 0)
            ctx.set(bridge.responses.valid, 0)
            # Not the status of later.
            ctx.set(bridge.status.as_value(), random.getrandbits(32))
            for _ in range(random.randrange(3)):
                assert ctx.get(answer.valid)
                await tick()
            assert (ctx.get(answer.p.status), ctx.get(answer.p.data)) == expected, f"access {number}, seed {SEED}"
            ctx.set(answer.ready, 1)
            await tick()
            ctx.set(answer.ready, 0)
            assert not ctx.get(answer.valid)
            wanted = address == CONTROL and write and strobe == 15 and data & 1
            assert resets == wanted, f"access {number} resets {resets} times, seed {SEED}"
            seen.add((address, write))
            for _ in range(random.randrange(2)):
                await tick()

    simulate_testbench(bridge, bench)
    assert {(CONTROL, 0), (CONTROL, 1), (STATUS, 0), (STATUS, 1), (0, 0), (last, 1), (0xFFC, 0)} <= seen
