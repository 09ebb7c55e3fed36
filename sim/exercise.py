"""Random configurations and weights that leave no part of a network idle: for comparing, not for learning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backspike.config import BANK_COUNTS, LFSR_WIDTHS, PERMISSION_BITS, NetworkConfig

__all__ = ["lively_weights", "random_config"]


def random_config(seed: int) -> NetworkConfig:
    """Return a small configuration in which every value is drawn; it has 1 to 3 weight layers."""
    random = np.random.Generator(np.random.PCG64(seed))

    def among(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    depth = among(1, 3)
    layers = (among(1, 24), *(among(1, 20) for _ in range(depth - 1)), among(2, 9))
    weight_bits = among(4, 16)
    weight_frac = among(1, weight_bits)
    activation_bits, error_bits = among(1, 12), among(1, 10)
    widths = [width for width in LFSR_WIDTHS if width >= activation_bits + error_bits + PERMISSION_BITS]
    config = NetworkConfig(
        layers=layers,
        name=f"random_{seed}",
        ticks=among(depth + 1, depth + 12),
        weight_bits=weight_bits,
        weight_frac=weight_frac,
        activation_range=2.0 ** (activation_bits - weight_frac),
        error_range=2.0 ** (error_bits - weight_frac),
        leak=int(random.choice([0, 0, 1, 3, 8])),
        temperature=float(random.choice([0.25, 1.0, 2.5])),
        rates=tuple(among(0, 256) for _ in range(depth)),
        dropout=tuple(int(random.choice([0, 0, 60, 200])) for _ in range(depth - 1)),
        patience=int(random.choice([0, 0, 1, 2])),
        inference_patience=[None, None, 0, 1, 2][random.integers(5)],
        seed=among(1, 2**32 - 1),
        lfsr_bits=int(random.choice(widths)),
        input=str(random.choice(["rate", "spikes"])),
        input_streams=among(1, 9),
        # A third of the layers is not folded, whatever their size.
        lanes=tuple(units if among(1, 3) == 1 else among(1, units) for units in layers[1:]),
    )
    streams = config.input_streams
    config = config.replace(
        input_lanes=int(random.choice([count for count in range(streams + 1) if not count or streams % count == 0])),
        input_buffers=int(random.choice([1, 2])),
    )
    config = config.replace(
        unit_lanes=tuple(
            int(random.choice([0, *(count for count in range(1, lanes) if lanes % count == 0)]))
            for lanes in config.lanes[:-1]
        )
    )
    banks = []
    for layer in range(depth):
        # What more than one bank has to divide, unless the layer below moves as a whole.
        below = config.unit_widths[layer - 1] if layer and config.unit_folds[layer - 1] > 1 else max(BANK_COUNTS)
        banks.append(int(random.choice([count for count in BANK_COUNTS if below % count == 0])))
    return config.replace(banks=tuple(banks), ports=tuple(among(1, 2) for _ in range(depth)))


def lively_weights(config: NetworkConfig, seed: int) -> list[NDArray[np.int64]]:
    """Draw weights that keep many gates open and pass errors down, with some at the ends of the format.

    Sums of a layer's typical ten spikes come out between nothing and twice the activation range; large weights alone
    would shut every gate.
    """
    random = np.random.Generator(np.random.PCG64([seed, config.seed]))
    weights = []
    for inputs, units in zip(config.layers[:-1], config.layers[1:], strict=True):
        reach = max(1, min(config.weight_max, 2**config.activation_bits // int(np.sqrt(min(inputs, 100)) + 1)))
        matrix = random.integers(-reach, reach, (inputs + 1, units), endpoint=True)
        matrix[-1] = random.integers(0, reach, units, endpoint=True)
        ends = random.choice([config.weight_min, config.weight_max], matrix.shape)
        weights.append(np.where(random.random(matrix.shape) < 0.02, ends, matrix))
    return weights
