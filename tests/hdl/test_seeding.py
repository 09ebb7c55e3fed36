"""Seeding of the LFSRs in hardware: every state, where it goes, and in which clock."""

from __future__ import annotations

import random

from backspike.hdl.seeding import INPUT_GROUP, LfsrSeeder, bias_group, lfsr_groups, units_group
from backspike.model.lfsr import POLYNOMIALS
from backspike.model.seeding import LfsrMap
from backspike.sim.exercise import random_config

from .benches.seeding import LfsrSeederBench
from .benches.simulation import simulate

SEED = 20236


def variants():
    generator = random.Random(SEED)
    drawn = {}
    for width in POLYNOMIALS:
        # Few bits, which the narrowest LFSRs have room for.
        few = {"weight_bits": 6, "weight_frac": 3, "activation_range": 0.5, "error_range": 0.5}
        config = random_config(generator.getrandbits(32), lfsr_bits=width, **few)
        drawn[f"wide_{width}"] = (LfsrSeeder(config), {"config": config.to_dict()})
    return drawn


def test_every_lfsr_gets_the_seed_of_the_model() -> None:
    simulate(LfsrSeederBench, variants(), SEED)


def test_groups_hold_all_lfsrs() -> None:
    generator = random.Random(SEED)
    for _ in range(50):
        config = random_config(generator.getrandbits(32))
        groups = lfsr_groups(config)
        assert sum(lfsrs for lfsrs, _ in groups) == LfsrMap(config).count, f"seed {SEED}, {config}"
        assert len(groups) == 1 + 2 * config.depth
        assert groups[INPUT_GROUP][0] == config.input_lfsrs
        for layer in config.weight_layers:
            assert groups[units_group(layer)] == (layer.units, layer.unit_width)
            assert groups[bias_group(layer)] == (1, 1)
