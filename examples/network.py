"""A whole network in Amaranth's own simulator: weights go in through its registers, and it learns two samples.

The golden model does the same; results and weights are equal, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.sim import Simulator

from backspike import NetworkConfig
from backspike.hdl import NetworkTop
from backspike.model import Network, Sample
from backspike.model.synapses import initial_weights
from backspike.registers import RegisterMap, window_weights, window_words

CONFIG = NetworkConfig(layers=(6, 4, 2), weight_bits=6, weight_frac=4, ticks=6, rates=(256, 256), input_lfsrs=2)
IMAGES = np.array([[255, 200, 0, 0, 90, 10], [0, 0, 130, 255, 255, 0]], dtype=np.uint8)
LABELS = [0, 1]


async def put(ctx: Any, stream: Any, payload: dict[str, int]) -> None:
    """Offer a payload until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    await ctx.tick().until(stream.ready)
    ctx.set(stream.valid, 0)


async def get(ctx: Any, stream: Any) -> Any:
    """Take a payload."""
    ctx.set(stream.ready, 1)
    (payload,) = await ctx.tick().sample(stream.payload).until(stream.valid)
    ctx.set(stream.ready, 0)
    return payload


def learn() -> tuple[list[int], list[np.ndarray]]:
    """Return the classes that the hardware gives the samples, and its weights after them."""
    top, registers = NetworkTop(CONFIG), RegisterMap(CONFIG)
    classes: list[int] = []
    weights: list[np.ndarray] = []

    async def access(ctx, name, write, value=0):
        request = {"address": registers[name].address, "write": write, "data": int(value) & 0xFFFF_FFFF}
        await put(ctx, top.requests, request)
        return await get(ctx, top.responses)

    async def bench(ctx):
        for layer, start in zip(CONFIG.weight_layers, initial_weights(CONFIG, CONFIG.seed), strict=True):
            for name, value in registers.window(layer).items():
                await access(ctx, name, 1, value)
            for word in window_words(layer, start).tolist():
                await access(ctx, "WEIGHT_DATA", 1, word)
        for image, label in zip(IMAGES, LABELS, strict=True):
            (pixels,) = image.nonzero()
            for index in pixels.tolist():
                entry = {"index": index, "value": int(image[index]), "label": label, "learn": 1}
                await put(ctx, top.samples, {**entry, "last": int(index == pixels[-1])})
            classes.append((await get(ctx, top.results)).winner)
        for layer in CONFIG.weight_layers:
            for name, value in registers.window(layer).items():
                await access(ctx, name, 1, value)
            words = [await access(ctx, "WEIGHT_DATA", 0) for _ in range(layer.rows * layer.row_lanes)]
            weights.append(window_weights(layer, np.array(words, dtype=np.uint32)))

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return classes, weights


def main() -> None:
    """Print what both give, and how many weights have changed."""
    classes, weights = learn()
    start = initial_weights(CONFIG, CONFIG.seed)
    model = Network(CONFIG, start)
    expected = [model.run(Sample(image, label, True)).winner for image, label in zip(IMAGES, LABELS, strict=True)]
    equal = all(np.array_equal(*pair) for pair in zip(weights, model.weights, strict=True))
    changed = sum(int((before != after).sum()) for before, after in zip(start, weights, strict=True))
    print(f"classes {classes}, of the golden model {expected}")
    print(f"{changed} weights changed, {'equal to' if equal else 'other than'} the golden model's")


if __name__ == "__main__":
    main()
