"""Benches of whole networks in Amaranth's own simulator: the suite has most of them on Verilog, with the same draws.

Not collected with the others. Those of `ticks` find most in the least time.
"""

from __future__ import annotations

import pytest

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
# Its next sample is there before one ends.
BUFFERED = [("network_5", ResultsLeftWaiting)]


@pytest.mark.parametrize(("name", "bench"), [*OTHERS, *HIDDEN, *BUFFERED])
def test_hosts_meet_the_model(name: str, bench: type[Bench]) -> None:
    simulate(bench, {name: variants()[name]}, SEED)
