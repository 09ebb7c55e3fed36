"""Random configurations and weights that leave no part of a network idle: for comparing, not for learning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import BANK_COUNTS, LFSR_WIDTHS, PERMISSION_BITS, PIXEL_BITS, NetworkConfig

__all__ = ["lively_weights", "random_config"]

_CROSSBAR_CELLS = 250
"""Most synapses of a crossbar that is drawn: simulators that compile nothing work on all of them in every cycle."""


def random_config(seed: int, **fixed: Any) -> NetworkConfig:
    """Return a small configuration in which every value is drawn: two in three lively, one that goes to the ends.

    In the lively ones most values are such that spikes and errors get everywhere; the third has, in about half of its
    values, what is allowed at all, down and up to the ends. Only sizes are kept small, so that a comparison is quick: 1
    to 4 weight layers, at most 24 inputs, 20 hidden units per layer and 64 ticks. The soak, comparisons and tests of
    units all draw from here.

    Parameters
    ----------
    seed : int
        At least 0; a seed always gives the same configuration.
    fixed
        Values that are taken as they are; the others are drawn to fit them.
    """
    random = np.random.Generator(np.random.PCG64(seed))

    def among(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    def one_of(*choices: Any) -> Any:
        return choices[random.integers(len(choices))]

    extreme = among(1, 3) == 1

    def usual_or(usual: Any, *others: Any) -> Any:
        return one_of(*[usual] * len(others), *others) if extreme else usual

    values = {"name": f"random_{seed}", **fixed}
    depth = among(1, 4)
    values.setdefault("layers", (among(1, 24), *(among(1, 20) for _ in range(depth - 1)), among(2, 9)))
    layers = values["layers"]
    depth = len(layers) - 1
    # All that is needed to train every layer, and more; or fewer, as few as there can be, or many.
    ticks = usual_or(among(2 * depth, 2 * depth + 10), among(depth, 2 * depth - 1), depth, among(32, 64))
    ticks = values.setdefault("ticks", ticks)

    weight_bits = values.setdefault("weight_bits", among(4, 16))
    fraction = values.setdefault("weight_frac", among(1, weight_bits))
    # Ranges far beyond what weights add up to make spikes, or errors, rare.
    forward = usual_or(among(1, 12), 1, among(12, fraction + 16))
    backward = usual_or(among(1, 10), 1, among(10, fraction + 16))
    if depth > 1:
        room = values.get("lfsr_bits", max(LFSR_WIDTHS)) - PERMISSION_BITS
        forward = min(forward, room - 1)
        backward = min(backward, room - forward)
    values.setdefault("activation_range", 2.0 ** (forward - fraction))
    values.setdefault("error_range", 2.0 ** (backward - fraction))
    values.setdefault("leak", usual_or(one_of(0, 0, 1, 3), 8, among(1, 8)))
    values.setdefault("temperature", usual_or(one_of(0.25, 1.0, 2.5), 1e-9, 16.0, 16 * (1 - random.random())))
    values.setdefault("rates", tuple(usual_or(among(1, 256), 0, 256) for _ in range(depth)))
    values.setdefault("dropout", tuple(usual_or(one_of(0, 0, 60, 200), among(1, 255), 255) for _ in range(depth - 1)))
    values.setdefault("patience", min(ticks, usual_or(one_of(0, 0, 1, 2), among(1, ticks), ticks)))
    values.setdefault("inference_patience", usual_or(one_of(None, None, 0, 1), among(1, ticks), ticks))
    values.setdefault("seed", usual_or(among(1, 2**32 - 1), 1, 2**32 - 1))
    exponents = (int(np.log2(values[name])) for name in ("activation_range", "error_range"))
    hidden = sum(fraction + exponent for exponent in exponents) + PERMISSION_BITS if depth > 1 else 0
    needed = max(PIXEL_BITS + PERMISSION_BITS, hidden)
    values.setdefault("lfsr_bits", one_of(*(bits for bits in LFSR_WIDTHS if bits >= needed)))
    values.setdefault("input", one_of("rate", "spikes"))
    lfsrs = values.setdefault("input_lfsrs", among(1, 16))

    # What changes clocks and area only. A good third of the layers is not folded, whatever their size.
    values.setdefault("input_lanes", one_of(0, *_divisors(lfsrs)))
    values.setdefault("input_buffers", among(1, 2))
    # A draw of its own leaves all others as they are: of the small ones, a third are crossbars.
    crossbar = np.random.Generator(np.random.PCG64([seed, 1])).integers(3) == 0
    cells = sum((inputs + 1) * units for inputs, units in pairwise(layers))
    possible = cells <= _CROSSBAR_CELLS and not {"lanes", "unit_lanes", "banks", "ports"} & set(values)
    if values.setdefault("synapses", "crossbar" if crossbar and possible else "rows") == "crossbar":
        return NetworkConfig(**values)
    values.setdefault("lanes", tuple(one_of(0, among(1, units), among(1, units)) for units in layers[1:]))
    lanes = [given or units for given, units in zip(values["lanes"], layers[1:], strict=True)]
    given_widths, given_banks = values.get("unit_lanes"), values.get("banks")
    widths, banks = [], [one_of(*BANK_COUNTS)]
    for below, units in enumerate(layers[1:-1]):
        # Units that move per cycle, and the banks of the layer above, which divide them unless all units move at once.
        pairs = [
            (width, count)
            for width in ([given_widths[below]] if given_widths else [0, *_divisors(lanes[below])])
            for count in ([given_banks[below + 1]] if given_banks else BANK_COUNTS)
            if (width or lanes[below]) >= units or (width or lanes[below]) % count == 0
        ]
        width, count = one_of(*pairs)
        widths.append(width)
        banks.append(count)
    values.setdefault("unit_lanes", tuple(widths))
    values.setdefault("banks", tuple(banks))
    values.setdefault("ports", tuple(among(1, 2) for _ in range(depth)))
    if values["input"] == "rate":
        values.setdefault("input_draws", one_of("independent", "stratified"))
    return NetworkConfig(**values)


def _divisors(number: int) -> list[int]:
    return [count for count in range(1, number + 1) if number % count == 0]


def lively_weights(config: NetworkConfig, seed: int) -> list[NDArray[np.int64]]:
    """Draw weights that keep many gates open and pass errors down, with some at the ends of the format.

    Sums of a layer's typical ten spikes come out between nothing and twice the activation range; large weights alone
    would shut every gate.
    """
    random = np.random.Generator(np.random.PCG64([seed, config.seed]))
    weights = []
    for layer in config.weight_layers:
        reach = max(1, min(config.weight_max, 2**config.activation_bits // int(np.sqrt(min(layer.inputs, 100)) + 1)))
        matrix = random.integers(-reach, reach, layer.shape, endpoint=True)
        matrix[-1] = random.integers(0, reach, layer.units, endpoint=True)
        ends = random.choice([config.weight_min, config.weight_max], matrix.shape)
        weights.append(np.where(random.random(matrix.shape) < 0.02, ends, matrix))
    return weights
