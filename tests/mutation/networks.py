"""Benches of whole networks in Amaranth's own simulator: the suite has most of them on Verilog, with the same draws.

Not collected with the others. What finds most in the least time comes first.
"""

from __future__ import annotations

import pytest

from tests.hdl.benches.bench import Bench
from tests.hdl.benches.network import (
    ClocksOfATick,
    OddEntries,
    ResetInMidSample,
    ResultsLeftWaiting,
    SeededAnew,
    WeightWindow,
)
from tests.hdl.benches.simulation import simulate
from tests.hdl.test_network import SEED, variants

FIRST = [(f"network_{number}", ClocksOfATick) for number in (2, 0, 1, 3)]
OTHERS = [("network_2", bench) for bench in (WeightWindow, ResultsLeftWaiting, OddEntries)]
HIDDEN = [("network_0", bench) for bench in (SeededAnew, ResetInMidSample)]


@pytest.mark.parametrize(("name", "bench"), [*FIRST, *OTHERS, *HIDDEN])
def test_hosts_meet_the_model(name: str, bench: type[Bench]) -> None:
    simulate(bench, {name: variants()[name]}, SEED)
