"""Seeding of the random streams in hardware: every state, where it goes, and in which clock."""

from __future__ import annotations

import random

from backspike.hdl.streams import INPUT_GROUP, StreamSeeder, bias_group, stream_groups, units_group
from backspike.model.lfsr import POLYNOMIALS
from backspike.model.streams import StreamMap

from .benches.simulation import simulate
from .benches.streams import StreamSeederBench
from .variants import random_config

SEED = 20236


def variants():
    generator = random.Random(SEED)
    drawn = {}
    for width in POLYNOMIALS:
        config = random_config(
            generator, lfsr_bits=width, weight_bits=6, weight_frac=3, activation_range=0.5, error_range=0.5
        )
        drawn[f"wide_{width}"] = (StreamSeeder(config), {"config": config.to_dict()})
    return drawn


def test_every_stream_gets_the_seed_of_the_model() -> None:
    simulate(StreamSeederBench, variants(), SEED)


def test_groups_hold_all_streams() -> None:
    generator = random.Random(SEED)
    for _ in range(50):
        config = random_config(generator)
        groups = stream_groups(config)
        assert sum(streams for streams, _ in groups) == StreamMap(config).count, f"seed {SEED}, {config}"
        assert len(groups) == 1 + 2 * config.depth
        assert groups[INPUT_GROUP][0] == config.input_streams
        for layer in config.weight_layers:
            assert groups[units_group(layer)] == (layer.units, layer.unit_width)
            assert groups[bias_group(layer)] == (1, 1)
