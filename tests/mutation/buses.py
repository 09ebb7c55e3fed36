"""Small networks on each bus in Amaranth's simulator, clock by clock: the suite has such as Verilog.

Not collected with the others.
"""

from __future__ import annotations

import pytest

from backspike.config import NetworkConfig
from backspike.hdl.bus.pins import BusTop
from tests.hdl.benches.bus_cycles import AxiCycles, Clocked, WishboneCycles
from tests.hdl.benches.simulation import simulate
from tests.hdl.bus.design import host_job

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
    job = host_job(config, SAMPLES, SEED, 0.3)
    simulate(HOSTS[wrapper], {f"{wrapper}_{kind}": (Clocked(BusTop(wrapper, config)), job)}, SEED, 20_000)
