"""Strata of draws in hardware: offsets in every tick and round, and when phases are taken."""

from __future__ import annotations

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.strata import DrawStrata

from .benches.simulation import simulate
from .benches.strata import DrawStrataBench

SEED = 20294


def variants():
    drawn = {}
    for ticks, rounds in ((1, 1), (1, 7), (2, 1), (5, 3), (16, 8), (300, 2), (3, 300)):
        config = NetworkConfig(layers=(2 * rounds, 2), ticks=ticks, input_lfsrs=2, input_draws="stratified")
        drawn[f"ticks_{ticks}_of_{rounds}"] = DrawStrata(config), {"ticks": ticks, "rounds": rounds}
    return drawn


@pytest.mark.parametrize("name", variants())
def test_offsets_are_those_of_the_model(name: str) -> None:
    simulate(DrawStrataBench, {name: variants()[name]}, SEED)
