"""The composite neuron alone: how often it spikes, and when its gate is open, at each potential.

Its spike is drawn with the probability clip(V / 2**a, 0, 1); its gate, which lets an error pass, is open where that
ramp has a slope.
"""

from __future__ import annotations

from random import Random

from amaranth.sim import Simulator

from backspike import NetworkConfig
from backspike.hdl import CompositeNeuron

CONFIG = NetworkConfig(layers=(4, 2, 2), weight_bits=8, weight_frac=4)
DRAWS = 400


def response(drives: list[int]) -> dict[int, tuple[float, int]]:
    """Return for each drive how often the neuron spikes, and whether its gate is open."""
    neuron = CompositeNeuron(CONFIG, dropout=0, drive_bits=12, error_bits=12)
    random, found = Random(1), {}

    async def bench(ctx):
        ctx.set(neuron.first, 1)
        for drive in drives:
            ctx.set(neuron.drive, drive)
            spikes = 0
            for _ in range(DRAWS):
                # In a network, the bits are those of the unit's LFSR.
                ctx.set(neuron.draw, random.getrandbits(CONFIG.hidden_draw_bits))
                await ctx.delay(1e-6)
                spikes += ctx.get(neuron.spike)
            found[drive] = (spikes / DRAWS, ctx.get(neuron.gate))

    simulator = Simulator(neuron)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def main() -> None:
    """Print the response around the ramp."""
    certain = 1 << CONFIG.activation_bits
    print(f"certain from a potential of {certain} LSB on")
    for drive, (rate, gate) in response([certain * step // 4 for step in range(-1, 6)]).items():
        print(f"V = {drive:4} LSB: P(spike) = {rate:.2f}, gate {'open' if gate else 'closed'}")


if __name__ == "__main__":
    main()
