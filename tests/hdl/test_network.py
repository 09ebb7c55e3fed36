"""A whole network in the hands of a host: accesses, resets and samples at awkward moments."""

from __future__ import annotations

import random

import pytest

from backspike.hdl.network import NetworkTop
from backspike.sim.exercise import random_config

from .benches.bench import Bench
from .benches.network import BENCHES, ClocksOfATick
from .benches.simulation import simulate
from .variants import ON_BOTH, check

SEED = 20240


def variants():
    generator = random.Random(SEED)
    fixed = [
        {"layers": (9, 5, 3), "lanes": (5, 3), "input": "rate", "input_lfsrs": 9, "ports": (2, 2), "leak": 0},
        {"layers": (9, 5, 3), "lanes": (2, 1), "input": "spikes", "leak": 2, "ports": (1, 2)},
        {
            "layers": (6, 3),
            "lanes": (2,),
            "input": "rate",
            "input_lfsrs": 4,
            "input_lanes": 2,
            "input_buffers": 1,
            "ports": (2,),
        },
        {
            "layers": (7, 4, 5, 3),
            "lanes": (3, 5, 2),
            "input": "rate",
            "ports": (2, 1, 1),
            "dropout": (80, 50),
            "leak": 0,
        },
        {
            "layers": (4, 3, 2),
            "synapses": "crossbar",
            "ticks": 24,
            "input": "rate",
            "input_lfsrs": 9,
            "input_lanes": 9,
            "leak": 1,
        },
        # Every list is a single word, so that each cycle is told; and the first layer, of many rows, is the slowest.
        {
            "layers": (12, 3, 2),
            "lanes": (3, 2),
            "unit_lanes": (0,),
            "input": "rate",
            "input_lfsrs": 12,
            "input_lanes": 12,
            "ports": (2, 2),
            "leak": 0,
        },
    ]
    drawn = {}
    for number, values in enumerate(fixed):
        # Learning everywhere, and ticks enough for a sample to be met in its middle.
        depth = len(values["layers"]) - 1
        values |= {"ticks": values.get("ticks", 12), "patience": 0, "inference_patience": 0, "rates": (256,) * depth}
        # The clocks of a tick are counted for lists of a single bank.
        values |= {} if "synapses" in values else {"synapses": "rows", "banks": (1,) * depth}
        values |= {"weight_bits": 8, "weight_frac": 4, "activation_range": 1.0, "error_range": 0.5, "temperature": 1.0}
        config = random_config(generator.getrandbits(32), **values)
        drawn[f"network_{number}"] = (NetworkTop(config), {"config": config.to_dict()})
    return drawn


@pytest.mark.parametrize("bench", BENCHES)
def test_hosts_of_a_small_network_meet_the_model(bench: type[Bench]) -> None:
    simulate(bench, {"network_2": variants()["network_2"]}, SEED)


@pytest.mark.parametrize("name", ["network_4", "network_5"])
def test_ticks_take_the_clocks_that_the_formulae_say(name: str) -> None:
    """Exactly: of a crossbar, whose accesses to weights are those of all benches, and of rows in a memory."""
    simulate(ClocksOfATick, {name: variants()[name]}, SEED)


@ON_BOTH
def test_hosts_meet_the_model(simulator: str) -> None:
    # Icarus takes as long for one of them as Verilator for both of the others, its build included.
    names = {"verilator": ["network_0", "network_3"], "icarus": ["network_1"]}[simulator]
    drawn = {name: variant for name, variant in variants().items() if name in names}
    check([dict.fromkeys(drawn, bench) for bench in BENCHES], drawn, simulator, SEED)
