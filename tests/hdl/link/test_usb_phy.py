"""The wires of USB, in Amaranth's simulator: bytes to states of the line and back, held against those of our host."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import pytest
from amaranth.sim import Simulator

from backspike.hdl.link.usb_phy import CLOCK_HZ, UsbPhy
from tests.hdl.benches.usb_host import LEVELS, SYNC, bits_of_bytes, states_of, stuff

SEED = 20276

CYCLES = 4
"""Of a bit."""


def packet(content: Sequence[int], sync: Sequence[int] = SYNC) -> str:
    return states_of(stuff([*sync, *bits_of_bytes(content)]))


def random_content(generator: random.Random) -> list[int]:
    """Return bytes, many of which have ones in a row."""
    return [
        generator.choice((0x00, 0x7E, 0xFF, 0xFC, 0x3F, generator.randrange(256)))
        for _ in range(generator.randint(1, 20))
    ]


def levels_of(states: str) -> list[int]:
    return [LEVELS[state] for state in states for _ in range(CYCLES)]


def put(ctx: Any, phy: UsbPhy, level: int) -> None:
    ctx.set(phy.plus.i, level & 1)
    ctx.set(phy.minus.i, level >> 1)


def run(phy: UsbPhy, bench: Callable[[Any], Awaitable[None]]) -> None:
    simulator = Simulator(phy)
    simulator.add_clock(1 / CLOCK_HZ, domain="usb")
    simulator.add_testbench(bench)
    simulator.run()


def cycles_of(states: str, skew: float, shake: float, generator: random.Random) -> Iterator[int]:
    """Return the line's level in each cycle; bits are longer by `skew`, and edges come up to `shake` bits off."""
    edge, cycle = generator.random() / CYCLES, 0
    for state, run in groupby(states):
        edge += len(list(run)) * (1 + skew)
        until = (edge + generator.uniform(-shake, shake)) * CYCLES
        while cycle < until:
            yield LEVELS[state]
            cycle += 1


def hear(levels: Sequence[int]) -> list[tuple[int, list[tuple[int, int]], int]]:
    """Return what a `UsbPhy` hears: of each packet its first cycle, its bytes with theirs, and the cycle after it."""
    phy, found = UsbPhy(), []

    async def bench(ctx) -> None:
        active = False
        for cycle, level in enumerate([*levels, *[LEVELS["J"]] * 40]):
            put(ctx, phy, level)
            now = bool(ctx.get(phy.rx_active))
            if now and not active:
                found.append([cycle, [], cycle])
            if ctx.get(phy.rx_valid):
                found[-1][1].append((cycle, ctx.get(phy.rx_data)))
            if active and not now:
                found[-1][2] = cycle
            active = now
            assert not ctx.get(phy.plus.oe) | ctx.get(phy.minus.oe), "it drives the line"
            await ctx.tick("usb")
        assert not active, "a packet does not end"

    run(phy, bench)
    return [tuple(entry) for entry in found]


def bytes_heard(levels: Sequence[int]) -> list[list[int]]:
    return [[byte for _, byte in content] for _, content, _ in hear(levels)]


@pytest.mark.parametrize("skew", [-0.0025, 0.0, 0.0025])
def test_packets_are_heard_whatever_the_phase(skew: float) -> None:
    """Of a host as fast and as slow as one may be (7.1.11), after a rest of any length.

    Two edges come as much too early or too late, from each other, as a receiver has to take (7.1.15.1), and hubs have
    taken up to two bits of SYNC.
    """
    generator = random.Random(f"{SEED} {skew}")
    levels: list[int] = []
    sent = []
    for _ in range(100):
        sent.append(random_content(generator))
        states = "J" * generator.randint(2, 12) + packet(sent[-1], SYNC[generator.randint(0, 2) :])
        levels += cycles_of(states, skew, 0.11, generator)
    assert bytes_heard(levels) == sent


def test_bytes_come_in_the_cycles_that_are_promised() -> None:
    generator = random.Random(SEED)
    for _ in range(10):
        content = random_content(generator)
        states = packet(content)
        ((_, found, ended),) = hear(levels_of(states))
        lasts = [len(stuff([*SYNC, *bits_of_bytes(content[: count + 1])[:-1]])) for count in range(len(content))]
        assert found == [(CYCLES * last + 5, byte) for last, byte in zip(lasts, content, strict=True)]
        assert ended == CYCLES * states.index("0") + 5


def test_what_is_no_packet_is_not_heard() -> None:
    """Four zeros before a one are no SYNC, and neither are six and the line's end; the next packet is heard."""
    states = "J" * 5 + packet([0x5A], SYNC[3:]) + "JJ" + "KJKJKJ00JJJ" + packet([0xA5, 0x81])
    assert bytes_heard(levels_of(states)) == [[0xA5, 0x81]]


def test_seven_ones_end_a_packet() -> None:
    """What comes after them is of no packet, even if it looks like the beginning of one; the next one is heard."""
    bits = [*SYNC, *bits_of_bytes([0x4B, 0x12]), *[1] * 7, *SYNC, *bits_of_bytes([0x69])]
    assert bytes_heard(levels_of("JJ" + states_of(bits) + "JJ" + packet([0xD2]))) == [[0x4B, 0x12], [0xD2]]


def test_a_packet_is_on_the_line_as_it_should_be() -> None:
    """All states for four cycles each, a cycle after it was offered; then nobody drives. Bytes come one by one."""
    generator = random.Random(SEED)
    phy, contents = UsbPhy(), [random_content(generator) for _ in range(8)]
    driven: list[str] = []
    taken: list[int] = []

    async def cycle(ctx) -> None:
        """Look at the line, and at what is taken, before the edge."""
        both = {ctx.get(phy.plus.oe), ctx.get(phy.minus.oe)}
        assert len(both) == 1, "one of two lines is driven"
        level = ctx.get(phy.plus.o) | ctx.get(phy.minus.o) << 1
        driven.append({value: state for state, value in LEVELS.items()}[level] if both == {1} else "-")
        # What it drives itself is on the line; it is not to hear that.
        put(ctx, phy, level)
        assert not ctx.get(phy.rx_active) | ctx.get(phy.rx_valid), "it hears itself"
        if ctx.get(phy.tx_ready):
            taken.append(ctx.get(phy.tx_data))
        await ctx.tick("usb")

    async def bench(ctx) -> None:
        for content in contents:
            for _ in range(generator.randrange(9)):
                await cycle(ctx)
            driven.clear()
            taken.clear()
            for byte in content:
                ctx.set(phy.tx_valid, 1)
                ctx.set(phy.tx_data, byte)
                count = len(taken)
                while len(taken) == count:
                    await cycle(ctx)
                    assert len(driven) < 2000, f"{byte:#04x} is not taken"
            ctx.set(phy.tx_valid, 0)
            while driven[-1] != "-":
                await cycle(ctx)
                assert len(driven) < 8000, "it drives on"
            assert taken == content
            assert "".join(driven) == "-" + "".join(CYCLES * state for state in packet(content)) + "-"

    run(phy, bench)


def test_what_never_changes_has_its_value() -> None:
    phy = UsbPhy()

    async def bench(ctx) -> None:
        for seen in (1, 0, 1):
            ctx.set(phy.term_select, seen)
            await ctx.tick("usb")
            assert (ctx.get(phy.pullup.o), ctx.get(phy.line_state), ctx.get(phy.session_end)) == (seen, 0b10, 0)

    run(phy, bench)


def test_both_lines_low_are_told() -> None:
    """A reset of the bus is: no packet."""
    assert bytes_heard(levels_of("J" * 3 + "0" * 40 + "J" * 3)) == []
    phy, lows = UsbPhy(), []

    async def bench(ctx) -> None:
        for level in levels_of("JJ000JJ"):
            put(ctx, phy, level)
            lows.append(ctx.get(phy.low))
            await ctx.tick("usb")

    run(phy, bench)
    # Two cycles later, through the synchroniser.
    assert lows == [0] * 10 + [1] * 12 + [0] * 6
