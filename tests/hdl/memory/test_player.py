"""Runs: samples out of a memory, in an order, checked before they are shown."""

from __future__ import annotations

from backspike.config import NetworkConfig
from backspike.hdl.memory.player import SamplePlayer
from tests.hdl.benches.player import PlayerBench
from tests.hdl.benches.simulation import simulate

SEED = 20275


def variants():
    configs = {
        "rate": (NetworkConfig(layers=(20, 3), ticks=5), 12, 0.0, 2),
        "rate_stalled": (NetworkConfig(layers=(37, 5), ticks=5), 16, 0.4, 8),
        "one_input": (NetworkConfig(layers=(1, 5), ticks=3), 11, 0.2, 4),
        "spikes": (NetworkConfig(layers=(45, 3), ticks=4, input="spikes"), 13, 0.0, 2),
        "spikes_stalled": (NetworkConfig(layers=(9, 4), ticks=3, input="spikes"), 12, 0.4, 6),
    }
    return {
        name: (
            SamplePlayer(config, bits),
            {"config": config.to_dict(), "address_bits": bits, "stalls": stalls, "damage": damage, "runs": 10},
        )
        for name, (config, bits, stalls, damage) in configs.items()
    }


def test_runs_are_played_as_the_text_says() -> None:
    simulate(PlayerBench, variants(), SEED)
