"""Small networks on each bus in Amaranth's simulator, clock by clock: the suite has such as Verilog.

Not collected with the others.
"""

from __future__ import annotations

import pytest

from backspike.config import NetworkConfig
from backspike.datasets import load_dataset
from backspike.hdl.bus.pins import BusTop
from backspike.sim.compare import schedule_of
from tests.hdl.benches.bus_cycles import AxiCycles, Clocked, WishboneCycles
from tests.hdl.benches.simulation import simulate

SEED = 20273
HOSTS = {"axi": AxiCycles, "wishbone": WishboneCycles}
SMALL = {"weight_bits": 4, "weight_frac": 2, "lfsr_bits": 24, "input_lfsrs": 1, "ticks": 3}
CONFIGS = {
    "rate": NetworkConfig(layers=(5, 3), **SMALL),
    "spikes": NetworkConfig(layers=(5, 2), input="spikes", **SMALL),
}
SAMPLES = 4


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("wrapper", HOSTS)
def test_hosts_meet_the_model(wrapper: str, kind: str) -> None:
    config = CONFIGS[kind]
    shown = schedule_of(config, load_dataset("random", config, SEED), SAMPLES, SEED)
    job = {
        "config": config.to_dict(),
        "values": shown.values,
        "labels": shown.labels,
        "learn": shown.learn,
        "rates": shown.rates,
        "stalls": 0.3,
        "seed": SEED,
        **{f"weights_{layer}": weights for layer, weights in enumerate(shown.weights, start=1)},
    }
    simulate(HOSTS[wrapper], {f"{wrapper}_{kind}": (Clocked(BusTop(wrapper, config)), job)}, SEED, 20_000)
