"""The natively simulated Verilog: its ports, its states, and what it says of hardware that does not do its part."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.config import NetworkConfig
from backspike.datasets import load_dataset
from backspike.model import Network
from backspike.model.fields import StateKind
from backspike.model.state import NetworkState
from backspike.registers import IDENTITY
from backspike.sim.exercise import lively_weights, random_config
from backspike.sim.native import HardwareError, NativeNetwork, RtlEngine
from backspike.sim.observation import BETWEEN_SAMPLES, compared_state, difference
from backspike.training.engines import load_engine

# Words of which the last is not full, banks, a leak, both kinds of input, one layer and more.
CONFIGS = {
    "mixed": PRESETS["tiny"].replace(name="mixed", leak=2, lanes=(3, 2), banks=(4, 1), input_lfsrs=3),
    "whole": PRESETS["tiny"].replace(name="whole", banks=(2, 4), lfsr_bits=48),
    "spikes": NetworkConfig(
        layers=(9, 5), name="spikes", input="spikes", ticks=5, weight_bits=7, weight_frac=4, rates=(200,), lanes=(2,)
    ),
}


def assert_same(network: Network, hardware: NativeNetwork, where: str) -> None:
    assert difference(compared_state(network), hardware.state.read(*BETWEEN_SAMPLES)) is None, where


@pytest.fixture(scope="module", params=CONFIGS)
def built(request):
    """Give a configuration and its hardware, whose samples come and go with stalls."""
    config = CONFIGS[request.param]
    with NativeNetwork(config, stalls=0.3, seed=7, optimise=False) as hardware:
        yield config, hardware


def test_samples_have_the_wins_and_states_of_the_model(built) -> None:
    config, hardware = built
    data = load_dataset("random", config, 3)
    network = Network(config.replace(seed=99), lively_weights(config, 3))
    hardware.reseed(99)
    for layer, weights in enumerate(network.weights, start=1):
        hardware.write_weights(layer, weights)
    hardware.clear_counters()
    before = hardware.clocks
    for learn, rates, part in ((True, 256, slice(0, 40)), (False, 256, slice(0, 9)), (True, 100, slice(40, 60))):
        network.rates = [rates] * config.depth
        hardware.set_rates(network.rates)
        values, labels = data.train_values[part], data.train_labels[part]
        wanted = network.run_samples(values, labels, np.arange(len(labels)), learn)
        assert np.array_equal(hardware.show(values, labels, learn), wanted), f"{config.name}, learn {learn}"
        assert_same(network, hardware, f"{config.name}, learn {learn}")
    counted = hardware.counters()
    assert counted["SAMPLES"] == 69
    assert counted["TICKS"] == network.counters.ticks
    assert counted["ERROR_TICKS"] == network.counters.error_ticks > 0
    kept = zip(network.counters.rows, network.counters.writes, network.weights, strict=True)
    for layer, (rows, writes, weights) in enumerate(kept, start=1):
        assert counted[f"ROWS_{layer}"] == rows
        assert counted[f"WRITES_{layer}"] == writes
        assert np.array_equal(hardware.read_weights(layer), weights)
    assert counted["CLOCKS"] < hardware.clocks - before


def test_states_written_are_states_read(built) -> None:
    config, hardware = built
    network = Network(config.replace(seed=5), lively_weights(config, 5))
    state = NetworkState.of(network, StateKind.WEIGHT, StateKind.RANDOM)
    hardware.state.write(state)
    assert difference(state, hardware.state.read(StateKind.WEIGHT, StateKind.RANDOM)) is None
    for layer, weights in enumerate(network.weights, start=1):
        assert np.array_equal(hardware.read_weights(layer), weights)


def test_registers_answer(built) -> None:
    config, hardware = built
    assert hardware.read("IDENTITY") == IDENTITY
    assert hardware.read("CONFIG_HASH") == int(config.hash[:8], 16)
    hardware.write("RATE_1", 77)
    assert hardware.read("RATE_1") == 77
    hardware.write("WEIGHT_ROW", 4)
    assert hardware.access("WEIGHT_ROW", np.array([1, 2, 3])).tolist() == [4, 1, 2]


def test_every_clock_of_a_sample_has_its_cause() -> None:
    """With one layer, each clock reads a row's word, is a stall of one kind, or ends a sample."""
    config = CONFIGS["spikes"]
    data = load_dataset("random", config, 1)
    with NativeNetwork(config, optimise=False) as hardware:
        hardware.clear_counters()
        hardware.show(data.train_values, data.train_labels, True)
        counted = hardware.counters()
    read = counted["ROWS_1"] * config.weight_layer(1).fold
    stalled = sum(counted[f"STALLS_{cause}"] for cause in ("LIST", "PORT", "UNITS", "RESULT"))
    assert counted["CLOCKS"] == read + stalled + counted["SAMPLES"]
    assert counted["STALLS_LIST"] > 0
    assert counted["STALLS_UNITS"] > 0


def test_a_design_is_built_once(monkeypatch) -> None:
    config = CONFIGS["spikes"]
    NativeNetwork(config, optimise=False).close()

    def build(*arguments, **options):
        raise AssertionError("built again")

    monkeypatch.setattr("backspike.sim.library._compile", build)
    NativeNetwork(config, optimise=False).close()
    with pytest.raises(AssertionError, match="built again"):
        NativeNetwork(config.replace(temperature=0.5), optimise=False)


def test_one_build_serves_all_seeds_and_rates() -> None:
    engine, data = RtlEngine(), load_dataset("random", CONFIGS["spikes"], 1)
    configs = [CONFIGS["spikes"].replace(**changes) for changes in ({}, {"seed": 9, "rates": (64,), "rate_decay": 0.5})]
    shown = data.train_values[:6], data.train_labels[:6], np.arange(6), True
    for config in configs:
        mine, theirs = Network(config), Network(config)
        assert np.array_equal(engine(mine, *shown), load_engine("numpy")(theirs, *shown))
        kinds = StateKind.WEIGHT, StateKind.RANDOM
        assert difference(NetworkState.of(mine, *kinds), NetworkState.of(theirs, *kinds)) is None
    assert engine.hardware(configs[0]) is engine.hardware(configs[1])


def test_two_designs_live_side_by_side() -> None:
    first, second = CONFIGS["spikes"], CONFIGS["whole"]
    with NativeNetwork(first, optimise=False) as one, NativeNetwork(second, optimise=False) as other:
        assert one.read("CONFIG_HASH") != other.read("CONFIG_HASH")
        for config, hardware in ((first, one), (second, other)):
            # A write waits until all LFSRs are seeded.
            hardware.set_rates(config.rates)
            weights = hardware.state.read(StateKind.WEIGHT).weights
            assert_same(Network(config, weights), hardware, config.name)


def test_two_simulations_of_a_design_live_side_by_side() -> None:
    config = CONFIGS["spikes"]
    data = load_dataset("random", config, 2)
    with NativeNetwork(config, optimise=False) as one:
        with NativeNetwork(config, optimise=False) as other:
            wins = [part.show(data.train_values[:9], data.train_labels[:9], False) for part in (one, other)]
        assert np.array_equal(*wins)
        # What is left works when the other is gone.
        assert one.show(data.train_values[:9], data.train_labels[:9], False).sum() == 9 * config.ticks


def test_hardware_that_does_not_answer_is_one_sentence(monkeypatch) -> None:
    config = CONFIGS["spikes"]
    data = load_dataset("random", config, 1)
    with NativeNetwork(config, optimise=False) as hardware:
        monkeypatch.setattr(hardware, "_patience", 3)
        with pytest.raises(HardwareError, match=r"^the hardware gave \d of 6 results, then nothing for 3 cycles$"):
            hardware.show(data.train_values[:6], data.train_labels[:6], True)


def test_impossible_stalls_are_refused() -> None:
    with pytest.raises(BackspikeError, match=r"^stalls must be at least 0 and below 1, not 1\.0$"):
        NativeNetwork(CONFIGS["spikes"], stalls=1.0)


@pytest.mark.parametrize("seed", [3, 20])
def test_the_engine_leaves_a_network_where_the_model_does(seed: int, monkeypatch) -> None:
    # For the few samples of each the compiler need not take its time.
    monkeypatch.setattr("backspike.sim.native.NativeNetwork", partial(NativeNetwork, optimise=False))
    config = random_config(seed)
    data = load_dataset("random", config, seed)
    networks = [Network(config, lively_weights(config, seed)) for _ in range(2)]
    order = np.arange(30)[::-1]
    wins = []
    for network, engine in zip(networks, ("numpy", "rtl"), strict=True):
        show = load_engine(engine)
        network.rates = [200] * config.depth
        parts = [show(network, data.train_values, data.train_labels, part, True) for part in (order[:20], order[20:])]
        wins.append(np.concatenate(parts))
    assert np.array_equal(*wins), f"random_config({seed})"
    assert difference(*map(compared_state, networks)) is None, f"random_config({seed})"
    assert networks[0].counters.to_dict() == networks[1].counters.to_dict()
