"""Networks whose samples end early, in Amaranth's simulator: the suite compares such on Verilog alone.

Not collected with the others.
"""

from __future__ import annotations

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.network import NetworkTop
from tests.hdl.benches.network import SeededAnew
from tests.hdl.benches.simulation import simulate
from tests.hdl.test_network import SEED, variants


@pytest.mark.parametrize(("name", "patience"), [("network_2", 1), ("network_1", 0)])
def test_samples_end_early_where_the_model_ends_them(name: str, patience: int) -> None:
    config = NetworkConfig.from_dict(variants()[name][1]["config"]).replace(patience=patience, inference_patience=3)
    simulate(SeededAnew, {name: (NetworkTop(config), {"config": config.to_dict()})}, SEED)
