"""Benches of whole networks in Amaranth's own simulator: the suite has most of them on Verilog, with the same draws.

Not collected with the others. Those of `ticks` find most in the least time.
"""

from __future__ import annotations

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.network import NetworkTop
from tests.hdl.benches.bench import Bench
from tests.hdl.benches.network import (
    OddEntries,
    ResetInMidSample,
    ResultsLeftWaiting,
    SeededAnew,
    WeightWindow,
)
from tests.hdl.benches.simulation import simulate
from tests.hdl.test_network import SEED, variants

OTHERS = [("network_2", bench) for bench in (WeightWindow, ResultsLeftWaiting, OddEntries)]
HIDDEN = [("network_0", bench) for bench in (SeededAnew, ResetInMidSample)]


@pytest.mark.parametrize("name", ["network_2", "network_1"])
def test_samples_end_early_where_the_model_ends_them(name: str) -> None:
    """The suite compares such networks on Verilog alone."""
    config = NetworkConfig.from_dict(variants()[name][1]["config"]).replace(patience=1, inference_patience=3)
    simulate(SeededAnew, {name: (NetworkTop(config), {"config": config.to_dict()})}, SEED)


@pytest.mark.parametrize(("name", "bench"), [*OTHERS, *HIDDEN])
def test_hosts_meet_the_model(name: str, bench: type[Bench]) -> None:
    simulate(bench, {name: variants()[name]}, SEED)
