"""A few ticks of whole networks beside the golden model, in Amaranth's simulator: what finds most in the least time.

Not collected with the others.
"""

from __future__ import annotations

import pytest

from tests.hdl.benches.network import ClocksOfATick
from tests.hdl.benches.simulation import simulate
from tests.hdl.test_network import SEED, variants


@pytest.mark.parametrize("name", [f"network_{number}" for number in (2, 0, 1, 3, 4, 5)])
def test_clocks_and_results_are_those_of_the_model(name: str) -> None:
    simulate(ClocksOfATick, {name: variants()[name]}, SEED)
