"""A whole network in the hands of a host: accesses, resets and samples at awkward moments."""

from __future__ import annotations

import random

from backspike.hdl.network import NetworkTop

from .benches.network import BENCHES
from .variants import ON_BOTH, check, random_config

SEED = 20240


def variants():
    generator = random.Random(SEED)
    fixed = [
        {"layers": (9, 5, 3), "lanes": (5, 3), "input": "rate", "input_streams": 9, "ports": (2, 2)},
        {"layers": (9, 5, 3), "lanes": (2, 1), "input": "spikes", "leak": 2, "ports": (1, 2)},
        {
            "layers": (6, 3),
            "lanes": (2,),
            "input": "rate",
            "input_streams": 4,
            "input_lanes": 2,
            "input_buffers": 1,
            "ports": (2,),
        },
        {"layers": (7, 4, 5, 3), "lanes": (3, 5, 2), "input": "rate", "ports": (2, 1, 1), "dropout": (80, 50)},
    ]
    drawn = {}
    for number, values in enumerate(fixed):
        # Learning everywhere, and ticks enough for a sample to be met in its middle.
        config = random_config(generator, ticks=12, rates=(256,) * (len(values["layers"]) - 1), **values)
        drawn[f"network_{number}"] = (NetworkTop(config), {"config": config.to_dict()})
    return drawn


@ON_BOTH
def test_hosts_meet_the_model(simulator: str) -> None:
    drawn = variants()
    if simulator == "verilator":
        # It builds slowly.
        drawn = {name: drawn[name] for name in ("network_1", "network_3")}
    check([dict.fromkeys(drawn, bench) for bench in BENCHES], drawn, simulator, SEED)
