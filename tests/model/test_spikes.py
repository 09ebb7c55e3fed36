"""Spike trains against their values and rates, and LFSR by LFSR against a bit-serial generator."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from backspike.config import NetworkConfig
from backspike.model import Sample
from backspike.model.seeding import lfsr_seeds
from backspike.model.spikes import SpikeGenerator

from .reference import Lfsr


def make_generator(config: NetworkConfig) -> SpikeGenerator:
    return SpikeGenerator(config, lfsr_seeds(config.seed, config.input_lfsrs, config.lfsr_bits))


def test_a_listing_holds_the_non_zero_values_alone() -> None:
    sample = Sample(np.array([0, 7, 0, 0, 255, 1], dtype=np.uint8), label=0, learn=True)
    for tick in (0, 5):
        rows, values = sample.listing(tick)
        assert rows.tolist() == [1, 4, 5]
        assert values.tolist() == [7, 255, 1]


def test_a_listing_of_recorded_spikes_is_the_ticks_own() -> None:
    recorded = np.array([[0, 1, 1], [0, 0, 0], [9, 0, 0]], dtype=np.uint8)
    sample = Sample(recorded, label=0, learn=True)
    assert [sample.listing(tick)[0].tolist() for tick in range(3)] == [[1, 2], [], [0]]


@pytest.mark.parametrize(
    ("seed", "lfsrs", "width", "rate"), [(1, 8, 32, 64), (2, 3, 24, 128), (3, 16, 64, 3), (4, 5, 48, 256)]
)
def test_rates_are_the_values_over_256(seed: int, lfsrs: int, width: int, rate: int) -> None:
    # Every value there is, from 1 to 255, in each of 1,500 ticks.
    config = NetworkConfig(layers=(255, 2), input_lfsrs=lfsrs, lfsr_bits=width, seed=seed)
    generator = make_generator(config)
    values = np.arange(1, 256, dtype=np.uint8)
    ticks = 1_500
    spikes, permits, both = (np.zeros(255, dtype=np.int64) for _ in range(3))
    for tick in range(ticks):
        spike, permit = generator.draw(values, rate, tick)
        spikes += spike
        permits += permit
        both += spike & permit

    def check(name: str, counts: NDArray[np.int64], p: NDArray[np.float64]) -> None:
        # Each count lies in what one of 255 binomials leaves once in a thousand times, and so does their sum.
        low, high = stats.binom.interval(1 - 0.001 / 255, ticks, p)
        assert np.all((low <= counts) & (counts <= high)), f"{name}, seed {seed}"
        excess = (counts - ticks * p).sum() / max(1e-9, np.sqrt((ticks * p * (1 - p)).sum()))
        assert abs(excess) < stats.norm.isf(0.0005), f"{name}, {excess} deviations, seed {seed}"

    expected = values / 256
    check("spikes", spikes, expected)
    check("permissions", permits, np.full(255, rate / 256))
    check("coincidences of spike and permission", both, expected * rate / 256)


def test_spike_and_permission_are_independent() -> None:
    seed = 9
    generator = make_generator(NetworkConfig(layers=(8, 2), seed=seed))
    values = np.full(8, 128, dtype=np.uint8)
    table = np.zeros((2, 2))
    for tick in range(5_000):
        spike, permit = generator.draw(values, 64, tick)
        np.add.at(table, (spike.astype(int), permit.astype(int)), 1)
    p = stats.chi2_contingency(table).pvalue
    assert p > 0.001, f"p = {p}, seed {seed}"


def test_a_spike_never_foretells_the_next_one() -> None:
    # 13 entries share 8 LFSRs, so that entries 0 and 8 are neighbours in one LFSR, and so are ticks.
    seed, ticks = 10, 6_000
    generator = make_generator(NetworkConfig(layers=(13, 2), seed=seed))
    values = np.full(13, 100, dtype=np.uint8)
    trains = np.array([generator.draw(values, 256, tick)[0] for tick in range(ticks)], dtype=float)
    trains = (trains - trains.mean(axis=0)) / trains.std(axis=0)
    for lag in range(3):
        scores = trains[lag:].T @ trains[: ticks - lag] / np.sqrt(ticks - lag)
        if lag == 0:
            scores = scores[np.triu_indices(13, 1)]
        assert np.abs(scores).max() < stats.norm.isf(0.0005 / scores.size), f"lag {lag}, seed {seed}"


@pytest.mark.parametrize("kind", ["rate", "spikes"])
@pytest.mark.parametrize(("lfsrs", "width"), [(1, 16), (3, 24), (8, 32), (16, 40)])
def test_entry_n_draws_from_lfsr_n_modulo_lfsrs(kind: str, lfsrs: int, width: int) -> None:
    seed = 100 * lfsrs + width
    config = NetworkConfig(
        layers=(40, 2), input_lfsrs=lfsrs, lfsr_bits=width, seed=seed, input=kind, weight_frac=2, weight_bits=4
    )
    generator = make_generator(config)
    serial = [Lfsr(width, int(state)) for state in generator.random]
    random = np.random.default_rng(seed)
    for tick in range(30):
        values = random.integers(1, 256, int(random.integers(0, 41)), dtype=np.uint8)
        rate = int(random.integers(0, 257))
        spike, permit = generator.draw(values, rate, tick)
        assert len(spike) == len(permit) == len(values)
        for entry, value in enumerate(values.tolist()):
            draw, permission = serial[entry % lfsrs].take(8, 8)
            where = f"tick {tick}, entry {entry}, seed {seed}"
            assert spike[entry] == (kind == "spikes" or draw < value), where
            assert permit[entry] == (permission < rate), where
        assert generator.random.tolist() == [lfsr.state for lfsr in serial], f"tick {tick}, seed {seed}"


def test_draws_by_hand() -> None:
    # Two LFSRs of 16 bits, three entries. LFSR 0 holds 0x4080: spike draw 0x80 = 128, permission 0x40 = 64.
    # LFSR 1 holds 0x3F7F: 127 and 63. Entry 2 has LFSR 0 again, 16 steps on. Bit n of that state is the parity
    # of bits n, n+2, n+3 and n+5, where bits from 16 on are the new bits 0, 1, 2 .. themselves, and of the old
    # ones only 7 and 14 are set:
    #   bit 7 is in n = 2, 4, 5, 7; bit 14 alone is in n = 9, 11, 12, 14;
    #   n = 13 has bits 13, 15, 16, 18 = 0, 0, 0, 1; n = 15 has bits 15, 17, 18, 20 = 0, 0, 1, 1, which cancel.
    # So bits 2, 4, 5, 7 are set in the low byte, 0xB4 = 180, and bits 9, 11, 12, 13, 14 in the high one, 0x7A = 122.
    config = NetworkConfig(layers=(3, 2), input_lfsrs=2, lfsr_bits=16, weight_frac=2, weight_bits=4)
    generator = SpikeGenerator(config, np.array([0x4080, 0x3F7F], dtype=np.uint64))
    spike, permit = generator.draw(np.array([128, 128, 181], dtype=np.uint8), 64, 0)
    assert spike.tolist() == [False, True, True]
    assert permit.tolist() == [False, True, False]
    generator = SpikeGenerator(config, np.array([0x4080, 0x3F7F], dtype=np.uint64))
    spike, permit = generator.draw(np.array([129, 127, 180], dtype=np.uint8), 123, 0)
    assert spike.tolist() == [True, False, False]
    assert permit.tolist() == [True, True, True]


def test_recorded_spikes_always_spike_and_draw_the_same() -> None:
    rated = NetworkConfig(layers=(20, 2), seed=6)
    generators = make_generator(rated), make_generator(rated.replace(input="spikes"))
    values = np.full(20, 1, dtype=np.uint8)
    for tick in range(50):
        (spike, permit), (recorded, recorded_permit) = (generator.draw(values, 100, tick) for generator in generators)
        assert recorded.all()
        assert not spike.all()
        assert permit.tolist() == recorded_permit.tolist()
        assert generators[0].random.tolist() == generators[1].random.tolist()


@pytest.mark.parametrize(("rate", "allowed"), [(0, False), (256, True)])
def test_the_ends_of_the_rate_are_certain(rate: int, allowed: bool) -> None:
    generator = make_generator(NetworkConfig(layers=(64, 2), seed=3))
    for tick in range(100):
        assert (generator.draw(np.full(64, 9, dtype=np.uint8), rate, tick)[1] == allowed).all()
