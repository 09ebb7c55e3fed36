"""No output of the AXI wrapper follows from an input in the same cycle, as AXI demands."""

from __future__ import annotations

from random import Random

from amaranth.hdl import Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from backspike.config import NetworkConfig
from backspike.hdl.bus.axi import AxiNetwork
from backspike.hdl.bus.wishbone import WishboneNetwork

SEED = 20272
CLOCKS = 300
CONFIG = NetworkConfig(layers=(3, 2), ticks=3, weight_bits=4, weight_frac=2, lfsr_bits=24, input_lfsrs=1)


def followers(component: wiring.Component) -> tuple[set[str], int]:
    """Return the outputs that changed with the inputs within a cycle, and how many have changed at all."""
    parts = [(path, member.flow, Value.cast(signal)) for path, member, signal in component.signature.flatten(component)]
    inputs = [signal for _, flow, signal in parts if flow == In and isinstance(signal, Signal)]
    outputs = {"_".join(map(str, path)): signal for path, flow, signal in parts if flow != In}
    random, found, seen = Random(SEED), set(), {name: set() for name in outputs}

    async def bench(ctx):
        for _ in range(CLOCKS):
            before: dict[str, int] = {}
            for attempt in range(3):
                for signal in inputs:
                    # Mostly ready and valid, so that much happens; zeros are whole words of the first register.
                    some = random.getrandbits(len(signal)) if random.random() < 0.5 else 0
                    ctx.set(signal, some if len(signal) > 1 else random.random() < 0.8)
                now = {name: ctx.get(signal) for name, signal in outputs.items()}
                if attempt:
                    found.update(name for name in now if now[name] != before[name])
                before = now
                for name, value in now.items():
                    seen[name].add(value)
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found, sum(len(values) > 1 for values in seen.values())


def test_no_output_of_axi_follows_from_an_input() -> None:
    found, moved = followers(AxiNetwork(CONFIG))
    assert found == set(), f"seed {SEED}"
    # Results need samples that are whole, so they may not have come.
    assert moved >= 7, f"only {moved} outputs have moved, seed {SEED}"


def test_those_of_wishbone_that_the_docs_name_do() -> None:
    found, _ = followers(WishboneNetwork(CONFIG))
    assert found == {"wb_ack", "wb_err", "wb_stall"}, f"seed {SEED}"
