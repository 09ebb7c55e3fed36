"""Networks whose samples end early, or with their first tick, in Amaranth's simulator: the suite has Verilog of such.

Not collected with the others.
"""

from __future__ import annotations

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.network import NetworkTop
from tests.hdl.benches.network import SeededAnew
from tests.hdl.benches.simulation import simulate
from tests.hdl.test_network import SEED, variants

SELDOM = {"rates": (100, 40)}
BOTH, ONE, SHORT = {"patience": 1, "inference_patience": 3}, {"inference_patience": 3}, {"ticks": 1}
LONG = {"patience": 3}


@pytest.mark.parametrize(
    ("name", "changed"), [("network_2", BOTH), ("network_1", ONE), ("network_2", SHORT), ("network_2", LONG)]
)
def test_samples_end_where_the_model_ends_them(name: str, changed: dict[str, int]) -> None:
    config = NetworkConfig.from_dict(variants()[name][1]["config"]).replace(**changed)
    simulate(SeededAnew, {name: (NetworkTop(config), {"config": config.to_dict()})}, SEED)


@pytest.mark.parametrize("name", ["network_0", "network_1", "network_4"])
def test_few_coincidences_count_where_the_model_counts_them(name: str) -> None:
    """In crossbars, too, and behind hidden layers of them."""
    config = NetworkConfig.from_dict(variants()[name][1]["config"]).replace(**SELDOM)
    simulate(SeededAnew, {name: (NetworkTop(config), {"config": config.to_dict()})}, SEED)
