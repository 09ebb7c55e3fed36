"""A layer's sweep in hardware: its list, its bias row's LFSR, its start beside flags that change, and its events."""

from __future__ import annotations

import numpy as np

from backspike.config import NetworkConfig
from backspike.hdl.sweep import RowSweep

from .benches.simulation import simulate
from .benches.sweep import FirstSweepBench, LaterSweepBench

SEED = 20295


def test_the_first_layers_list_is_its_own() -> None:
    variants = {}
    for ports in (1, 2):
        config = NetworkConfig(layers=(9, 4, 3), ports=(ports, 2))
        variants[f"ports_{ports}"] = (RowSweep(config.weight_layer(1)), {"config": config.to_dict()})
    simulate(FirstSweepBench, variants, SEED)


def test_later_layers_scan_what_is_below_when_it_is_there() -> None:
    variants = {}
    random = np.random.default_rng(SEED)
    for number, (layers, lanes, unit_lanes, layer) in enumerate(
        [((3, 6, 4), (6, 2), (3,), 2), ((3, 5, 7, 2), (5, 7, 2), (1, 7), 2), ((3, 4, 5, 3), (4, 5, 1), (4, 5), 3)]
    ):
        config = NetworkConfig(layers=layers, lanes=lanes, unit_lanes=unit_lanes)
        found = config.weight_layer(layer)
        weights = random.integers(config.weight_min, config.weight_max, found.shape, endpoint=True)
        job = {"config": config.to_dict(), "layer": layer, "weights": weights.tolist()}
        variants[f"layers_{number}"] = (RowSweep(found, weights), job)
    simulate(LaterSweepBench, variants, SEED)
