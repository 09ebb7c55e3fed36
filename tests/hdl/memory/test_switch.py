"""The switch between host link and player: each hears of the network only what is its own."""

from __future__ import annotations

from random import Random

import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.memory.switch import NetworkSwitch

SEED = 20296
CONFIG = NetworkConfig(layers=(20, 4, 3), ticks=9)
TO_NETWORK, FROM_NETWORK = ("samples", "requests"), ("results", "responses")


@pytest.mark.parametrize("playing", [0, 1])
def test_streams_are_those_of_the_one_whose_network_it_is(playing: int) -> None:
    switch, random = NetworkSwitch(CONFIG), Random(SEED)
    ports = {"link": switch.link, "player": switch.player, "network": switch.network}
    user, other = ("link", "player")[:: 1 - 2 * playing]
    to_network = [(port, name) for port in (user, other) for name in TO_NETWORK]
    to_users = [(port, name) for port in (user, other) for name in FROM_NETWORK]

    async def bench(ctx) -> None:
        def part(port: str, name: str, member: str) -> Value:
            return Value.cast(getattr(getattr(ports[port], name), member))

        def draw(port: str, name: str, member: str) -> int:
            value = random.getrandbits(len(part(port, name, member)))
            ctx.set(part(port, name, member), value)
            return value

        def transfer(source: str, sink: str, name: str) -> tuple[int, ...]:
            """Return what comes out of both ends of a stream."""
            forward = [ctx.get(part(sink, name, member)) for member in ("valid", "payload")]
            return *forward, ctx.get(part(source, name, "ready"))

        ctx.set(switch.playing, playing)
        for _ in range(40):
            sources = [*to_network, *(("network", name) for name in FROM_NETWORK)]
            sinks = [*to_users, *(("network", name) for name in TO_NETWORK)]
            offered = {stream: (draw(*stream, "valid"), draw(*stream, "payload")) for stream in sources}
            taken = {stream: draw(*stream, "ready") for stream in sinks}
            for name in TO_NETWORK:
                assert transfer(user, "network", name) == (*offered[user, name], taken["network", name]), f"seed {SEED}"
                assert not ctx.get(part(other, name, "ready")), f"{name} of the {other} is taken, seed {SEED}"
            for name in FROM_NETWORK:
                assert transfer("network", user, name) == (*offered["network", name], taken[user, name]), f"seed {SEED}"
                assert not ctx.get(part(other, name, "valid")), f"{name} comes to the {other}, seed {SEED}"

    simulator = Simulator(switch)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_the_network_is_free_when_the_host_has_the_results_of_all_that_it_has_begun() -> None:
    """Of samples that are not whole, whole, and shown; and of recorded spikes whose result comes before they end."""
    switch, random = NetworkSwitch(CONFIG), Random(SEED)
    seen = set()

    async def bench(ctx) -> None:
        results = switch.link.results
        begun = whole = counted = 0
        inside = False
        for cycle in range(3000):
            # Phases in which much comes in, and others in which all is fetched.
            busy = cycle // 40 % 2
            enters = busy and not inside and begun - counted < 3 and random.random() < 0.3
            leaves = inside and random.random() < 0.4
            owed = counted < (begun if random.random() < 0.2 else whole)
            unfetched = random.random() < 0.1
            valid, ready = owed and random.random() < 0.5, random.random() < 0.7
            before = inside
            inside, begun = (before or enters) and not leaves, begun + enters
            ctx.set(switch.mid_sample, inside)
            ctx.set(switch.unfetched, unfetched)
            ctx.set(switch.network.results.valid, valid)
            ctx.set(results.ready, ready)
            # What this cycle begins, ends and brings is known in the next.
            free = whole == counted and not before and not unfetched
            assert ctx.get(switch.free) == free, f"cycle {cycle}, seed {SEED}: {begun=}, {whole=}, {counted=}"
            seen.add((free, whole - counted, before))
            await ctx.tick()
            whole += before and not inside
            counted += valid and ready

    simulator = Simulator(switch)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert {owing for _, owing, _ in seen} == {-1, 0, 1, 2, 3}
    assert (True, 0, False) in seen
    assert (False, 0, True) in seen
