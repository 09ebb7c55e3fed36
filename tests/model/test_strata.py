"""Stratified spike draws: offsets against SciPy's Sobol points, chance over all phases, and counts over the ticks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from backspike.config import NetworkConfig
from backspike.model.seeding import lfsr_seeds
from backspike.model.spikes import SpikeGenerator
from backspike.model.strata import ROUND_DIRECTIONS, TICK_DIRECTIONS, offsets


def make_generator(**values: object) -> SpikeGenerator:
    config = NetworkConfig(layers=(64, 2), input_draws="stratified", **values)
    return SpikeGenerator(config, lfsr_seeds(config.seed, config.input_lfsrs, config.lfsr_bits))


def test_offsets_are_the_first_two_coordinates_of_sobol_points() -> None:
    # SciPy's points come in the order of Gray codes.
    points = stats.qmc.Sobol(2, scramble=False).random_base2(8) * 256
    numbers = np.arange(256)
    for coordinate, directions in enumerate((TICK_DIRECTIONS, ROUND_DIRECTIONS)):
        found = offsets(numbers ^ numbers >> 1, directions)
        assert found.tolist() == points[:, coordinate].tolist()
        assert offsets(numbers + 256, directions).tolist() == offsets(numbers, directions).tolist()


def test_each_tick_and_round_has_the_probability_of_the_value() -> None:
    # Over all phases that there are: each as likely as the others, for an LFSR is.
    numbers = np.arange(256)
    phases = numbers[:, None, None].astype(np.uint64)
    draws = phases ^ offsets(numbers, TICK_DIRECTIONS)[:, None] ^ offsets(numbers[:20], ROUND_DIRECTIONS)
    assert np.array_equal(np.sort(draws, axis=0), np.broadcast_to(phases, draws.shape))


@pytest.mark.parametrize("ticks", [1, 2, 8, 16, 64, 256])
def test_ticks_have_the_share_of_the_value_give_or_take_one(ticks: int) -> None:
    numbers = np.arange(256)
    draws = numbers[:, None].astype(np.uint64) ^ offsets(np.arange(ticks), TICK_DIRECTIONS)
    for value in range(1, 256):
        counts = (draws < value).sum(axis=1)
        share = ticks * value / 256
        assert np.floor(share) <= counts.min()
        assert counts.max() <= np.ceil(share)
        assert counts.sum() == ticks * value, "over all phases the count is the share, without a bias"


def test_counts_vary_far_less_than_those_of_independent_draws() -> None:
    # 64 entries of 8 LFSRs; ticks that are no power of two, so that the last strata are not all met.
    seed, samples, ticks = 4, 100, 11
    values = np.full(64, 90, dtype=np.uint8)
    counts = {}
    for input_draws in ("independent", "stratified"):
        config = NetworkConfig(layers=(64, 2), input_draws=input_draws, seed=seed)
        generator = SpikeGenerator(config, lfsr_seeds(seed, 8, config.lfsr_bits))
        counts[input_draws] = np.array(
            [sum(generator.draw(values, 0, tick)[0].astype(int) for tick in range(ticks)) for _ in range(samples)]
        )
    p = 90 / 256
    assert counts["independent"].var() == pytest.approx(ticks * p * (1 - p), rel=0.1), f"seed {seed}"
    assert counts["stratified"].var() < 0.25 * ticks * p * (1 - p), f"seed {seed}"
    assert counts["stratified"].mean() == pytest.approx(ticks * p, rel=0.01), f"seed {seed}"


def test_draws_by_hand() -> None:
    # Two LFSRs, five entries: rounds 0, 0, 1, 1, 2, whose offsets are 0, 0x80 and 0xC0. Phases: the low bytes, 0x35 and
    # 0xF0. Ticks 0 to 3 have the offsets 0, 0x80, 0x40 and 0xC0.
    config = NetworkConfig(layers=(5, 2), input_lfsrs=2, input_draws="stratified")
    generator = SpikeGenerator(config, np.array([0x1235, 0x34F0], dtype=np.uint64))
    expected = [
        [0x35, 0xF0, 0xB5, 0x70, 0xF5],
        [0xB5, 0x70, 0x35, 0xF0, 0x75],
        [0x75, 0xB0, 0xF5, 0x30, 0xB5],
        [0xF5, 0x30, 0x75, 0xB0, 0x35],
    ]
    states = generator.random.copy()
    for tick, draws in enumerate(expected):
        for change, spikes in ((1, True), (0, False)):
            generator.random = states.copy()
            spike, _ = generator.draw(np.array(draws, dtype=np.uint8) + np.uint8(change), 0, tick)
            assert spike.tolist() == [spikes] * 5, f"tick {tick}"
        states = generator.random


@pytest.mark.parametrize(("lfsrs", "width"), [(1, 16), (8, 32)])
def test_lfsrs_and_permissions_are_those_of_independent_draws(lfsrs: int, width: int) -> None:
    config = {"weight_frac": 2, "input_lfsrs": lfsrs, "lfsr_bits": width}
    stratified = make_generator(**config)
    independent = SpikeGenerator(NetworkConfig(layers=(64, 2), **config), stratified.random)
    values = np.full(41, 99, dtype=np.uint8)
    for tick in range(20):
        # Samples of five ticks.
        own, other = (generator.draw(values, 77, tick % 5) for generator in (stratified, independent))
        assert own[1].tolist() == other[1].tolist()
        assert stratified.random.tolist() == independent.random.tolist()
        # An LFSR's first draw of a sample is the phase.
        assert tick % 5 or own[0][:lfsrs].tolist() == other[0][:lfsrs].tolist()


def test_a_phase_holds_for_its_sample_alone() -> None:
    # A short list takes fewer phases; a longer one after it has those of its own.
    generator, other = make_generator(seed=3), make_generator(seed=3)
    short, long = np.full(3, 128, np.uint8), np.full(30, 128, np.uint8)
    for tick in range(4):
        generator.draw(short, 0, tick)
    other.random = generator.random.copy()
    for tick in range(4):
        assert generator.draw(long, 0, tick)[0].tolist() == other.draw(long, 0, tick)[0].tolist()
