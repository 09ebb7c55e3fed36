"""Seeding of the random streams in hardware: every state, where it goes, and in which clock."""

from __future__ import annotations

import random

from backspike.hdl.streams import INPUT_GROUP, StreamSeeder, bias_group, stream_groups, units_group
from backspike.model.lfsr import POLYNOMIALS
from backspike.model.streams import StreamMap
from backspike.sim.exercise import random_config

from .benches.simulation import simulate
from .benches.streams import StreamSeederBench

SEED = 20236


def variants():
    generator = random.Random(SEED)
    drawn = {}
    for width in POLYNOMIALS:
        # Few bits, which the narrowest streams have room for.
        few = {"weight_bits": 6, "weight_frac": 3, "activation_range": 0.5, "error_range": 0.5}
        config = random_config(generator.getrandbits(32), lfsr_bits=width, **few)
        drawn[f"wide_{width}"] = (StreamSeeder(config), {"config": config.to_dict()})
    return drawn


def test_every_stream_gets_the_seed_of_the_model() -> None:
    simulate(StreamSeederBench, variants(), SEED)


def test_groups_hold_all_streams() -> None:
    generator = random.Random(SEED)
    for _ in range(50):
        config = random_config(generator.getrandbits(32))
        groups = stream_groups(config)
        assert sum(streams for streams, _ in groups) == StreamMap(config).count, f"seed {SEED}, {config}"
        assert len(groups) == 1 + 2 * config.depth
        assert groups[INPUT_GROUP][0] == config.input_streams
        for layer in config.weight_layers:
            assert groups[units_group(layer)] == (layer.units, layer.unit_width)
            assert groups[bias_group(layer)] == (1, 1)
