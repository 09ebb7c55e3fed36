"""The composite neuron, tick by tick by hand, over all of its draws, and against integers without a width."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from backspike.config import NetworkConfig
from backspike.model.neuron import CompositeNeurons, Membrane
from backspike.model.seeding import lfsr_seeds

from .reference import Lfsr

# An activation range of 16 LSB (a = 4) and an error range of 8 LSB (b = 3): a draw is 15 bits, rho lowest.
CONFIG = NetworkConfig(
    layers=(1, 1, 2), weight_bits=8, weight_frac=4, activation_range=1.0, error_range=0.5, lfsr_bits=16
)


def state_with(rho: int, rho_back: int, permission: int) -> int:
    """Return a 16-bit state that gives these draws, and is never zero."""
    return 1 << 15 | permission << 7 | rho_back << 4 | rho


def neurons_with(*states: int, config: NetworkConfig = CONFIG) -> CompositeNeurons:
    return CompositeNeurons(config, np.array(states, dtype=np.uint64), 0)


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_three_ticks_by_hand() -> None:
    # Four units that draw rho = 6, rho' = 5, permission = 100 in their first tick.
    neurons = neurons_with(*[state_with(6, 5, 100)] * 4)

    # Tick 1: V = 6, 7, 16, -3 against rho = 6: 6 > 6 is no spike, 7 is, 16 = A spikes but closes the gate, and -3
    # neither spikes nor opens it. The errors of 8 find every gate still closed. 100 < 101 permits.
    neurons.tick(integers(6, 7, 16, -3), True, integers(8, 8, 8, 8), 101, True)
    assert neurons.spike.tolist() == [False, True, True, False]
    assert neurons.gate.tolist() == [True, True, False, False]
    assert neurons.permit.tolist() == [True] * 4
    assert not neurons.error_pos.any()
    assert not neurons.error_neg.any()

    # Tick 2: the same draws, put back by hand. Errors 6, -6, 6, 6 against rho' = 5: the gates of tick 1 pass those
    # of units 0 and 1, although V = 0 now closes these gates and V = 1 opens those of units 2 and 3. 100 < 100 does
    # not permit. Without a leak V is this tick's sum alone.
    neurons.random[:] = state_with(6, 5, 100)
    neurons.tick(integers(0, 0, 1, 1), False, integers(6, -6, 6, 6), 100, True)
    assert neurons.error_pos.tolist() == [True, False, False, False]
    assert neurons.error_neg.tolist() == [False, True, False, False]
    assert neurons.gate.tolist() == [False, False, True, True]
    assert neurons.spike.tolist() == [False] * 4
    assert neurons.permit.tolist() == [False] * 4

    # Tick 3: errors 5, 5, 5, -5 against rho' = 5 are not greater: no error anywhere. V = 15 > 6 spikes.
    neurons.random[:] = state_with(6, 5, 100)
    neurons.tick(integers(15, 15, 15, 15), False, integers(5, 5, 5, -5), 256, True)
    assert not neurons.error_pos.any()
    assert not neurons.error_neg.any()
    assert neurons.spike.all()
    assert neurons.gate.all()


def test_leak_by_hand() -> None:
    # k = 2; the membrane M is in LSB / 4, and a shift rounds down.
    #   tick 1: v = 5           M = 20                                        V = 5
    #   tick 2: v = -3 (-12)    M = 20 + floor(-32 / 4) = 12                  V = 3
    #   tick 3: v = -3          M = 12 + floor(-24 / 4) = 6                   V = 1 (6 / 4 = 1.5)
    #   tick 4: v = -4 (-16)    M = 6 + floor(-22 / 4 = -5.5) = 6 - 6 = 0     V = 0
    #   tick 5: v = -1 (-4)     M = 0 + floor(-4 / 4) = -1                    V = -1 (-1 / 4, rounded down)
    #   tick 6: v = 0           M = -1 + floor(1 / 4) = -1                    V = -1
    #   next sample, v = 2      M = 8                                         V = 2
    membrane = Membrane(1, 2)
    worked = [(5, True, 20, 5), (-3, False, 12, 3), (-3, False, 6, 1), (-4, False, 0, 0), (-1, False, -1, -1)]
    worked += [(0, False, -1, -1), (2, True, 8, 2)]
    for drive, first, state, potential in worked:
        assert membrane.integrate(integers(drive), first).tolist() == [potential]
        assert membrane.state.tolist() == [state]


@pytest.mark.parametrize("leak", range(9))
def test_leak_against_integers_of_any_size(leak: int) -> None:
    seed = 40 + leak
    random = np.random.default_rng(seed)
    membrane = Membrane(5, leak)
    expected = [0] * 5
    for tick in range(200):
        # Up to the sums that 16,385 rows of 16-bit weights can reach, and near zero, where rounding shows.
        size = int(random.choice([3, 200, 16_385 * 2**15]))
        drive = random.integers(-size, size, 5, endpoint=True)
        first = tick % 50 == 0
        for unit, v in enumerate(drive.tolist()):
            expected[unit] = 2**leak * v if first else expected[unit] + (2**leak * v - expected[unit]) // 2**leak
        potential = membrane.integrate(drive, first)
        where = f"tick {tick}, seed {seed}"
        assert membrane.state.tolist() == expected, where
        assert potential.tolist() == [m // 2**leak for m in expected], where


@pytest.mark.parametrize("leak", range(9))
def test_a_constant_drive_is_reached(leak: int) -> None:
    # Rounding down reaches it from above, and stops short of it from below by less than 1 LSB.
    membrane = Membrane(2, leak)
    membrane.integrate(integers(-500, 500), True)
    for _ in range(20 * 2**leak):
        membrane.integrate(integers(40, 40), False)
    below, above = membrane.state.tolist()
    assert 0 <= 40 * 2**leak - below < 2**leak
    assert above == 40 * 2**leak


def test_without_memory_the_potential_is_the_drive() -> None:
    membrane = Membrane(2, 0)
    for first, drive in [(True, (3, -7)), (False, (-90, 90)), (False, (0, 1))]:
        assert membrane.integrate(integers(*drive), first).tolist() == list(drive)


@pytest.mark.parametrize("potential", range(-3, 20))
def test_a_spike_has_the_clipped_ramps_probability(potential: int) -> None:
    # Exactly: of the 16 values of rho, clip(V, 0, 16) are below V. The gate is open on the ramp alone.
    neurons = neurons_with(*[state_with(rho, 0, 0) for rho in range(16)])
    neurons.tick(np.full(16, potential, dtype=np.int64), True, None, 0, True)
    assert neurons.spike.sum() == min(max(potential, 0), 16)
    assert set(neurons.gate.tolist()) == {0 < potential < 16}


@pytest.mark.parametrize("error", range(-11, 12))
def test_an_error_has_the_clipped_errors_probability(error: int) -> None:
    # Exactly: of the 8 values of rho', clip(|e|, 0, 8) are below |e|, on the side of its sign; a closed gate has none.
    for potential, is_open in [(5, True), (0, False), (-1, False), (16, False)]:
        states = [state_with(3, rho_back, 7) for rho_back in range(8)]
        neurons = neurons_with(*states)
        neurons.tick(np.full(8, potential, dtype=np.int64), True, None, 0, True)
        neurons.random[:] = states
        neurons.tick(np.full(8, 5, dtype=np.int64), False, np.full(8, error, dtype=np.int64), 0, True)
        assert neurons.error_pos.sum() == is_open * min(max(error, 0), 8)
        assert neurons.error_neg.sum() == is_open * min(max(-error, 0), 8)
        assert not (neurons.error_pos & neurons.error_neg).any()


@pytest.mark.parametrize("rate", [0, 1, 77, 255, 256])
def test_a_permission_has_the_rates_probability(rate: int) -> None:
    neurons = neurons_with(*[state_with(3, 5, permission) for permission in range(256)])
    neurons.tick(np.ones(256, dtype=np.int64), True, None, rate, True)
    assert neurons.permit.sum() == rate


@pytest.mark.parametrize(("seed", "width", "a", "b"), [(1, 32, 7, 6), (2, 24, 3, 8), (3, 64, 12, 10), (4, 16, 4, 3)])
def test_rates_from_the_lfsrs(seed: int, width: int, a: int, b: int) -> None:
    # The same through the LFSRs: 64 units held at constant potentials and errors, 3,000 ticks. Forward and error
    # spikes of a unit are independent, so that their coincidences count products.
    config = NetworkConfig(
        layers=(1, 64, 2),
        weight_frac=2,
        activation_range=2.0 ** (a - 2),
        error_range=2.0 ** (b - 2),
        lfsr_bits=width,
        seed=seed,
    )
    assert (config.activation_bits, config.error_bits) == (a, b)
    random = np.random.default_rng(seed)
    potential = random.integers(1, 2**a, 64)
    error = random.integers(-(2**b) * 5 // 4, 2**b * 5 // 4, 64)
    neurons = CompositeNeurons(config, lfsr_seeds(seed, 64, width), 0)
    neurons.tick(potential, True, None, 90, True)
    ticks = 3_000
    spikes, pos, neg, both, permits = (np.zeros(64, dtype=np.int64) for _ in range(5))
    for _ in range(ticks):
        neurons.tick(potential, False, error, 90, True)
        spikes += neurons.spike
        pos += neurons.error_pos
        neg += neurons.error_neg
        permits += neurons.permit
        both += neurons.spike & (neurons.error_pos | neurons.error_neg)
        assert not (neurons.error_pos & neurons.error_neg).any()
    p_spike, p_error = potential / 2**a, np.clip(error / 2**b, -1, 1)
    for name, counts, p in [
        ("spikes", spikes, p_spike),
        ("positive errors", pos, np.maximum(p_error, 0)),
        ("negative errors", neg, np.maximum(-p_error, 0)),
        ("coincidences of spike and error", both, p_spike * np.abs(p_error)),
        ("permissions", permits, np.full(64, 90 / 256)),
    ]:
        low, high = stats.binom.interval(1 - 0.001 / 64, ticks, p)
        assert np.all((low <= counts) & (counts <= high)), f"{name}, seed {seed}"


def test_an_error_meets_the_gate_of_the_tick_before() -> None:
    seed = 8
    random = np.random.default_rng(seed)
    neurons = CompositeNeurons(CONFIG, lfsr_seeds(seed, 50, 16), 0)
    gate = np.zeros(50, dtype=bool)
    for tick in range(40):
        drive = random.integers(-10, 30, 50)
        neurons.tick(drive, tick == 0, np.full(50, 8, dtype=np.int64), 256, True)  # e = 2**b: certain where it may pass
        assert neurons.error_pos.tolist() == gate.tolist(), f"tick {tick}, seed {seed}"
        gate = (drive > 0) & (drive < 16)
        assert neurons.gate.tolist() == gate.tolist(), f"tick {tick}, seed {seed}"


def test_no_error_from_the_next_layer_clears_the_error_spikes() -> None:
    neurons = neurons_with(state_with(1, 0, 0))
    neurons.tick(integers(5), True, None, 0, True)
    neurons.tick(integers(5), False, integers(8), 0, True)
    assert neurons.error_pos.tolist() == [True]
    neurons.tick(integers(5), False, None, 0, True)
    assert neurons.error_pos.tolist() == neurons.error_neg.tolist() == [False]


def test_clear_forgets_all_but_the_lfsrs() -> None:
    neurons = neurons_with(state_with(1, 0, 0), config=CONFIG.replace(leak=2))
    neurons.tick(integers(5), True, integers(0), 256, True)
    neurons.tick(integers(5), False, integers(8), 256, True)
    states = neurons.random.tolist()
    neurons.clear()
    registers = (neurons.spike, neurons.gate, neurons.permit, neurons.error_pos, neurons.error_neg)
    assert [register.tolist() for register in registers] == [[False]] * 5
    assert neurons.random.tolist() == states
    # What the membrane holds is overwritten by the next first tick.
    neurons.tick(integers(-2), True, None, 0, True)
    assert neurons.membrane.tolist() == [-8]


@pytest.mark.parametrize("width", [16, 24, 32, 40, 48, 64])
def test_every_tick_takes_fresh_bits_in_order(width: int) -> None:
    config = CONFIG.replace(lfsr_bits=width)
    neurons = CompositeNeurons(config, lfsr_seeds(3, 4, width), 0)
    serial = [Lfsr(width, int(state)) for state in neurons.random]
    for tick in range(20):
        drive = integers(3, 9, -1, 15)
        error = integers(5, -3, 8, 2) if tick % 3 else None
        gate = neurons.gate
        neurons.tick(drive, tick == 0, error, 120, True)
        draws = [lfsr.take(4, 3, 8) for lfsr in serial]
        assert neurons.spike.tolist() == [v > rho for v, (rho, _, _) in zip(drive.tolist(), draws, strict=True)]
        assert neurons.permit.tolist() == [permission < 120 for _, _, permission in draws]
        if error is not None:
            assert neurons.error_pos.tolist() == [
                bool(g) and e > back for g, e, (_, back, _) in zip(gate, error.tolist(), draws, strict=True)
            ]
        assert neurons.random.tolist() == [lfsr.state for lfsr in serial], f"tick {tick}"
