"""Lists of a sample, byte by byte: parts, gaps, empty lists, and entries that are to be dropped."""

from __future__ import annotations

from backspike.config import NetworkConfig
from backspike.hdl.link.lists import ListReader
from tests.hdl.benches.lists import ListBench
from tests.hdl.benches.simulation import simulate

SEED = 20267


def variants():
    configs = {
        "few": NetworkConfig(layers=(3, 2)),
        "one": NetworkConfig(layers=(1, 5)),
        "many": NetworkConfig(layers=(784, 10)),
        "spikes": NetworkConfig(layers=(300, 4), input="spikes", ticks=3),
    }
    return {name: (ListReader(config), {"config": config.to_dict()}) for name, config in configs.items()}


def test_lists_are_read_as_the_protocol_says() -> None:
    simulate(ListBench, variants(), SEED)
