"""How many clock cycles a network takes: the formulae that documentation, benches, estimates and time-outs share.

The bench of whole networks (`tests/hdl/benches/network.py`) counts the cycles of samples, and compares. No result
depends on any of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from backspike.config import NetworkConfig
from backspike.layers import WeightLayer

__all__ = [
    "ENDING_CYCLES",
    "first_list_cycles",
    "late_lists",
    "layer_cycles",
    "list_cycles",
    "move_cycles",
    "noise_cycles",
    "race_cycles",
    "sample_cycles",
    "sample_limit",
    "sweep_cycles",
    "tick_cycles",
]

ENDING_CYCLES = 2
"""Cycles that end a sample: its wins are counted, and the result is handed over."""

_SCAN_CYCLES = 2
_NEURON_STAGES = 2
_NOISE_STAGES = 2
_RACE_STAGES = 4
_ERROR_STAGES = 1


def sweep_cycles(layer: WeightLayer, rows: float, late: int = 0) -> float:
    """Return the cycles of a sweep: `fold` for each row visited, and two before a list that follows from flags.

    That of a crossbar, which visits all rows at once, is one cycle.

    Parameters
    ----------
    layer : WeightLayer
    rows : float
        Rows visited; of several banks those of the bank that has most. With a single port, each word that changes
        takes a cycle more.
    late : int
        Cycles by which the list is late.
    """
    if layer.crossbar:
        return 1 + late
    return layer.fold * rows + late + (0 if layer.first else _SCAN_CYCLES)


def move_cycles(layer: WeightLayer) -> int:
    """Return the cycles in which the units of a hidden layer move, after its own sweep and that of the layer above."""
    return 1 if layer.unit_fold == 1 else layer.unit_fold + _NEURON_STAGES


def noise_cycles(layer: WeightLayer) -> int:
    """Return the cycles in which the noise of a tick is drawn for the output layer, from the tick's start on.

    Above a crossbar none: it is drawn as the race begins.
    """
    return 0 if layer.crossbar else layer.units + _NOISE_STAGES


def race_cycles(layer: WeightLayer) -> int:
    """Return the cycles of the output layer's race, from the last drive or the last noise on."""
    return _RACE_STAGES if layer.fold == 1 else layer.fold + _RACE_STAGES


def layer_cycles(config: NetworkConfig, rows: Sequence[float], late: Sequence[int] = ()) -> list[float]:
    """Return the cycles that each layer takes for a tick.

    A hidden layer moves after the longer of its own sweep and that of the layer above, which brings its errors (of a
    crossbar, a cycle after its end); the output layer races after its sweep, or after its noise is drawn if that takes
    longer.

    Parameters
    ----------
    config : NetworkConfig
    rows : sequence of float
        Rows that each layer visits, as for `sweep_cycles`; 0 where it takes no part: then it takes no cycles.
    late : sequence of int
        Cycles by which the list of each layer is late (`late_lists`); none when left out.
    """
    *hidden, output = config.weight_layers
    sweeps = [
        sweep_cycles(layer, visited, delay) if visited else 0
        for layer, visited, delay in zip(config.weight_layers, rows, late or [0] * config.depth, strict=True)
    ]
    errors = _ERROR_STAGES if output.crossbar else 0
    cycles = [
        max(own, above + errors if above else 0) + move_cycles(layer) if own else 0
        for layer, (own, above) in zip(hidden, pairwise(sweeps), strict=True)
    ]
    last = sweeps[-1]
    return [*cycles, max(last, noise_cycles(output)) + 1 + race_cycles(output) if last else 0]


def tick_cycles(config: NetworkConfig, rows: Sequence[float], late: Sequence[int] = ()) -> float:
    """Return the cycles of a tick: those of the layer that takes longest. Parameters are those of `layer_cycles`."""
    return max(layer_cycles(config, rows, late))


def late_lists(config: NetworkConfig, cycles: Sequence[float]) -> list[int]:
    """Return the cycles by which each layer's next list is late, from those that each has taken (`layer_cycles`).

    A layer whose units move in one cycle may still be moving them when the next tick begins, and its own list and that
    of the layer above follow from them. The first layer's list follows from nothing here.
    """
    longest = max(cycles)
    moving = [
        layer.unit_fold == 1 and taken == longest for layer, taken in zip(config.hidden_layers, cycles, strict=False)
    ]
    return [0, *(int(own or below) for below, own in pairwise([*moving, False]))]


def list_cycles(config: NetworkConfig, entries: float) -> float:
    """Return the cycles in which the list of a tick is drawn, beside the tick before: as many entries a cycle as lanes.

    A crossbar's tick takes no less: it visits all entries at once. In a row memory the visits take longer.
    """
    return max(1, entries / config.input_width)


def first_list_cycles(config: NetworkConfig) -> int:
    """Return the cycles by which the first list of a sample is late; with a crossbar, if it is a word of entries."""
    return 1 if config.weight_layer(1).crossbar else 2


def sample_cycles(config: NetworkConfig) -> int:
    """Return the cycles that a sample takes besides its ticks."""
    return first_list_cycles(config) + ENDING_CYCLES


def sample_limit(config: NetworkConfig) -> int:
    """Return cycles that no sample comes near: every row of every layer, one layer after the other, four times over."""
    tick = sum(layer.fold * (layer.inputs + 8) + 2 * layer.units for layer in config.weight_layers)
    return 4 * config.ticks * tick
