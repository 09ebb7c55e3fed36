"""The result of a sample: any winners, up to all ticks of one unit, and results that wait, clock for clock."""

from __future__ import annotations

from backspike.config import NetworkConfig
from backspike.hdl.wins import WinCounter

from .benches.simulation import simulate
from .benches.wins import WinCounterBench

SEED = 20294


def variants():
    variants = {}
    for units, ticks in ((2, 2), (3, 8), (5, 3), (4, 31)):
        config = NetworkConfig(layers=(2, 1, units), ticks=ticks)
        job = {"units": units, "ticks": ticks, "samples": 40}
        variants[f"units_{units}"] = (WinCounter(config), job)
    return variants


def test_results_are_counts_and_the_first_of_the_most() -> None:
    simulate(WinCounterBench, variants(), SEED)
