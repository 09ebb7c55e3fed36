"""The numbering and the seeds of LFSRs, and that what they draw is independent from lane to lane."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from backspike.config import PRESETS, NetworkConfig
from backspike.errors import BackspikeError
from backspike.model import Network
from backspike.model.lfsr import POLYNOMIALS, SEEDING_POLYNOMIALS, leap
from backspike.model.seeding import LfsrMap, lfsr_seeds, seeding_start

from .reference import seeds as reference_seeds

SEEDS = (1, 2, 3, 42, 2**31, 2**32 - 1)


def test_numbering_of_tiny_by_hand() -> None:
    # 8-4-3 with two input LFSRs: these first, then four hidden units and their bias row, then three output units and
    # theirs.
    lfsrs = LfsrMap(PRESETS["tiny"])
    assert lfsrs.inputs == range(0, 2)
    assert lfsrs.units(1) == range(2, 6)
    assert lfsrs.bias(1) == 6
    assert lfsrs.units(2) == range(7, 10)
    assert lfsrs.bias(2) == 10
    assert lfsrs.count == 11


@pytest.mark.parametrize("preset", PRESETS)
def test_every_number_has_one_use(preset: str) -> None:
    config = PRESETS[preset]
    lfsrs = LfsrMap(config)
    numbers = list(lfsrs.inputs)
    for layer in range(1, config.depth + 1):
        numbers += [*lfsrs.units(layer), lfsrs.bias(layer)]
        assert len(lfsrs.units(layer)) == config.layers[layer]
    assert numbers == list(range(lfsrs.count))


def test_seeding_starts_at_the_golden_ratio() -> None:
    with localcontext() as context:
        context.prec = 60
        fraction = int(Decimal(2**64) / ((1 + Decimal(5).sqrt()) / 2))
    assert seeding_start(1, 64) == fraction
    assert seeding_start(1, 16) == fraction >> 48
    assert seeding_start(3, 32) == (3 * fraction) % 2**64 >> 32


@pytest.mark.parametrize("width", POLYNOMIALS)
def test_a_seeding_register_never_starts_at_zero(width: int) -> None:
    # 0 gives the product 0; so do the top 16 bits of some of the seeds up to 2**17.
    starts = [seeding_start(seed, width) for seed in range(2**17 if width == 16 else 1_000)]
    assert min(starts) == 1
    assert max(starts) < 2**width


@pytest.mark.parametrize("width", POLYNOMIALS)
def test_seeds_are_those_of_a_bit_serial_register(width: int) -> None:
    for seed in SEEDS:
        drawn = lfsr_seeds(seed, 40, width)
        assert drawn.dtype == np.uint64
        assert drawn.tolist() == reference_seeds(seed, 40, width), f"seed {seed}"


@pytest.mark.parametrize("preset", PRESETS)
def test_no_two_lfsrs_share_a_seed(preset: str) -> None:
    config = PRESETS[preset]
    count = LfsrMap(config).count
    for seed in SEEDS:
        for width in POLYNOMIALS:
            drawn = lfsr_seeds(seed, count, width).tolist()
            assert len(set(drawn)) == count, f"seed {seed}, {width} bits"
            assert 0 not in drawn, f"seed {seed}, {width} bits"
            assert max(drawn) < 2**width


def test_sixteen_bits_seed_every_state_once() -> None:
    following = leap(np.arange(2**16, dtype=np.uint64), 16, 16, SEEDING_POLYNOMIALS[16]).tolist()
    state, period = following[1], 1
    while state != 1:
        state, period = following[state], period + 1
    assert period == 65_535


@pytest.mark.parametrize(
    # 2**24 - 1 is a multiple of 3, as 24 is: only every third state is a seed.
    ("width", "most"),
    [(16, 65_535), (24, 5_592_405)],
)
def test_running_out_of_seeds_is_one_sentence(width: int, most: int) -> None:
    message = f"lfsr_bits = {width} gives at most {most} LFSRs, but the network needs {most + 1}"
    with pytest.raises(BackspikeError, match=f"^{message}$"):
        lfsr_seeds(1, most + 1, width)


@pytest.mark.parametrize("preset", ["tiny", "digits-deep"])
def test_a_network_takes_its_lfsrs_in_that_order(preset: str) -> None:
    config = PRESETS[preset].replace(seed=77)
    network = Network(config)
    parts: list[NDArray[np.uint64]] = [network.generator.random]
    for hidden, array in zip(network.hidden, network.synapses, strict=False):
        parts += [hidden.random, array.bias]
    parts += [network.output.random, network.synapses[-1].bias]
    assert np.concatenate(parts).tolist() == lfsr_seeds(77, LfsrMap(config).count, config.lfsr_bits).tolist()


def draws_of_all_lfsrs(config: NetworkConfig, ticks: int) -> NDArray[np.float64]:
    """Return what each LFSR is compared with in a tick, one draw per LFSR and tick: shape (lfsrs, ticks).

    An input LFSR gives its spike draw (as if each LFSR had one listed input), a hidden unit rho, an output
    unit the index of its noise, and a bias row its permission.
    """
    lfsrs = LfsrMap(config)
    states = lfsr_seeds(config.seed, lfsrs.count, config.lfsr_bits)
    uses = [(lfsrs.inputs, 8, config.input_draw_bits)]
    for layer in range(1, config.depth):
        uses.append((lfsrs.units(layer), config.activation_bits, config.hidden_draw_bits))
    uses.append((lfsrs.units(config.depth), 10, 10))
    uses += [(range(lfsrs.bias(layer), lfsrs.bias(layer) + 1), 8, 8) for layer in range(1, config.depth + 1)]
    drawn = np.empty((lfsrs.count, ticks))
    for numbers, low_bits, leap_bits in uses:
        own = states[numbers]
        for tick in range(ticks):
            drawn[numbers, tick] = own & np.uint64((1 << low_bits) - 1)
            own = leap(own, leap_bits, config.lfsr_bits, POLYNOMIALS[config.lfsr_bits])
    return drawn


def correlation_scores(drawn: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    """Return the correlation of every pair of LFSRs, the one `lag` ticks later, in standard deviations.

    Between independent LFSRs a correlation over N ticks is normal with deviation 1 / sqrt(N). At lag 0 a
    LFSR is not paired with itself.
    """
    ticks = drawn.shape[1] - lag
    normal = (drawn - drawn.mean(axis=1, keepdims=True)) / drawn.std(axis=1, keepdims=True)
    scores: NDArray[np.float64] = normal[:, lag:] @ normal[:, :ticks].T / np.sqrt(ticks)
    return scores[np.triu_indices(len(scores), 1)] if lag == 0 else scores.ravel()


def chance_bound(scores: NDArray[np.float64]) -> float:
    """Return what the largest of so many independent scores exceeds once in a thousand times."""
    return float(stats.norm.isf(0.0005 / len(scores)))


@pytest.mark.parametrize("preset", PRESETS)
def test_lanes_are_uncorrelated(preset: str) -> None:
    config = PRESETS[preset]
    drawn = draws_of_all_lfsrs(config, 3_000)
    for lag in (0, 1, 2, 3):
        scores = correlation_scores(drawn, lag)
        where = f"lag {lag}, seed {config.seed}"
        assert np.abs(scores).max() < chance_bound(scores), where
        assert abs((scores**2).mean() - 1) < 5 * np.sqrt(2 / len(scores)), where


def test_the_correlation_check_sees_a_shared_seed() -> None:
    drawn = draws_of_all_lfsrs(PRESETS["digits"], 300)
    drawn[20, 2:] = drawn[30, :-2]
    for lag, seen in ((0, False), (1, False), (2, True)):
        scores = correlation_scores(drawn, lag)
        assert (np.abs(scores).max() > chance_bound(scores)) == seen, f"lag {lag}"
