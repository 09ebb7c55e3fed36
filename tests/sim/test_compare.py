"""Golden model against Verilog, state for state: random networks, every preset, and differences put in on purpose."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.datasets import load_dataset
from backspike.hdl.verilog import write_design
from backspike.layers import WeightLayer
from backspike.model import Result
from backspike.sim.compare import WORDS_BY_REGISTER, Comparison, Schedule, compare, compare_native, schedule_of
from backspike.sim.exchange import load_values
from backspike.sim.exercise import random_config
from backspike.sim.golden import expectations
from backspike.sim.runner import BenchError, run_bench
from tests.sim.accumulator import NEEDS_ICARUS, ON_BOTH

# So few, of the first two hundred, have all that is in any of these: `test_random_networks_leave_nothing_out`.
SEEDS = (24, 26, 30, 67, 68, 92, 126, 127, 130, 136, 137, 145, 146, 160, 162)
SAMPLES = 4
# Verilator takes many times longer to build a design, so it gets some of them; more where Icarus gets none.
ON_VERILATOR = (127, 136) if shutil.which("iverilog") else (26, 127, 137, 145)

# Two layers with a leak; words of which the last is not full.
MIXED = PRESETS["tiny"].replace(name="mixed", leak=2, lanes=(3, 2), input_lfsrs=3)


def schedule(config, samples=SAMPLES, seed=1, **options) -> Schedule:
    return schedule_of(config, load_dataset("random", config, seed), samples, seed, **options)


def compared_counts(config, samples, ticks) -> dict[str, int]:
    """Return how much there is to compare, as the configuration and the number of samples and ticks imply."""
    synapses = sum(layer.rows * layer.units for layer in config.weight_layers)
    hidden, classes = sum(config.layers[1:-1]), config.layers[-1]
    flags = 6 * hidden + 2 * classes + 1  # spike, gate, permit, dropped and two errors; two errors; the winner
    return {
        "samples": samples,
        "ticks": ticks,
        "spikes, gates and errors": ticks * flags,
        "weights": samples * synapses,
        "LFSR states": samples * (config.input_lfsrs + config.depth + hidden + classes),
    }


def assert_equal(config, shown: Schedule, simulator: str, message: str = "", **options) -> Comparison:
    result = compare(config, shown, simulator=simulator, **options)
    samples, ticks = len(shown.labels), result.compared["ticks"]
    assert result.mismatch == "", message
    assert result.compared == compared_counts(config, samples, ticks), message
    assert result.counters["SAMPLES"] == samples, message
    assert result.counters["TICKS"] == ticks, message
    # With a patience a sample may end early, but not before the output layer could be patient.
    patience = min(config.patience_for(learn) or config.ticks for learn in (True, False))
    least = min(config.ticks, config.depth + patience)
    assert samples * least <= ticks <= samples * config.ticks, message
    for layer, (before, after) in enumerate(zip(shown.weights, result.weights, strict=True), start=1):
        if not np.array_equal(before, after):
            assert result.counters[f"WRITES_{layer}"] > 0, message
    return result


@contextmanager
def seconds(limit: int):
    """Interrupt what takes too long: nothing may wait for ever."""

    def late(number, frame):
        raise TimeoutError(f"not done in {limit} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# -- random networks ------------------------------------------------------------------------------------------------


def stalls(seed: int) -> float:
    return 0.3 if seed % 2 else 0.0


def compare_random(seed: int, simulator: str) -> None:
    config = random_config(seed)
    assert_equal(
        config,
        schedule(config, seed=seed),
        simulator,
        f"random_config({seed}): {config}",
        seed=seed,
        stalls=stalls(seed),
    )


@NEEDS_ICARUS
@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_equal_the_model(seed):
    compare_random(seed, "icarus")


@pytest.mark.parametrize("seed", ON_VERILATOR)
def test_some_of_them_on_verilator(seed):
    compare_random(seed, "verilator")


def situations(config: NetworkConfig, seed: int) -> Iterator[tuple]:
    """Give what a network is that its hardware, or the bench, has to deal with in another way."""
    stalled = stalls(seed) > 0
    lanes = {0: "all", config.input_lfsrs: "all", 1: "one"}.get(config.input_lanes, "some")
    words = sum(layer.rows * layer.row_lanes for layer in config.weight_layers)
    yield "depth", config.depth, config.input
    yield "input draws", config.input_draws, config.depth > 1
    yield "lists", config.input, config.input_buffers, lanes
    yield "LFSR", config.lfsr_bits
    yield "leak", config.depth, config.leak > 0
    yield "leak", config.leak == 8
    yield "patience", config.patience > 0, config.inference_patience is None
    yield "ticks", "few" if config.ticks < 2 * config.depth else "many" if config.ticks >= 32 else "usual"
    yield "weight", config.weight_bits if config.weight_bits in (4, 16) else "usual"
    yield "stalls", config.depth, stalled
    yield "stalls", config.input, stalled
    yield "words by register", words > WORDS_BY_REGISTER["icarus"]
    for layer in config.weight_layers:
        yield "rate", layer.rate if layer.rate in (0, 256) else "usual"
        yield "dropout", layer.dropout if layer.dropout in (0, 255) else "usual"


def parts(layer: WeightLayer) -> Iterator[tuple]:
    """Give what a layer's hardware is made of."""
    depth = layer.config.depth
    yield "layer", layer.number, depth
    if layer.crossbar:
        yield "crossbar", layer.first
        return
    fold = "whole" if layer.fold == 1 else "odd" if layer.units % layer.lanes else "even"
    yield "memories", layer.first, layer.banks, layer.ports
    yield "words", layer.first, layer.banks, fold
    yield "folded", depth, layer.fold > 1
    if layer.hidden:
        yield "units", fold, layer.unit_width < layer.lanes


def test_random_networks_leave_nothing_out():
    """Few seeds have all that is in any of many; of a layer it counts if it learns.

    The model alone shows that; that the hardware does the same is compared above.
    """
    wanted: set[tuple] = set()
    for seed in range(1, 201):
        config = random_config(seed)
        wanted.update(situations(config, seed), *map(parts, config.weight_layers))
    found: set[tuple] = set()
    reached = {}
    for seed in SEEDS:
        config = random_config(seed)
        shown = schedule(config, seed=seed)
        found.update(situations(config, seed))
        last, errors = None, 0
        for last in expectations(job_of(config, shown)):
            if config.depth > 1:
                errors += sum(bool((f["error_pos_1"] | f["error_neg_1"]).any()) for f in last.flags)
        for layer, before in zip(config.weight_layers, shown.weights, strict=True):
            if (last.state[f"weights_{layer.number}"] != before).any():
                found.update(parts(layer))
        if config.depth > 1:
            reached[config.name] = errors
    assert not wanted - found
    # Errors that reach the first layer, where they are not the output's own.
    assert sum(count > 0 for count in reached.values()) > len(reached) / 2, reached


def job_of(config, shown: Schedule) -> dict:
    """Return what the golden model needs of a bench's job."""
    return {
        "config": config.to_dict(),
        "values": shown.values,
        "labels": shown.labels,
        "learn": shown.learn,
        "rates": shown.rates,
        "seed": shown.seed,
        **{f"weights_{layer}": weights for layer, weights in enumerate(shown.weights, start=1)},
    }


# -- presets --------------------------------------------------------------------------------------------------------


@ON_BOTH
def test_tiny_learns_and_infers_as_the_model(simulator):
    config = PRESETS["tiny"]
    learning = assert_equal(config, schedule(config, 8), simulator, stalls=0.2)
    assert min(learning.counters["WRITES_1"], learning.counters["WRITES_2"]) > 0
    inference = schedule(config, 8, inference=True)
    result = assert_equal(config, inference, simulator)
    assert (result.counters["WRITES_1"], result.counters["WRITES_2"]) == (0, 0)
    assert all(np.array_equal(before, after) for before, after in zip(inference.weights, result.weights, strict=True))


def assert_equal_after_each_sample(config, shown: Schedule) -> Comparison:
    """Compare on the native simulation, which is built in a fraction of the time: each state after each sample."""
    result = compare_native(config, shown, interval=1, optimise=False)
    assert result.mismatch == ""
    samples, ticks = len(shown.labels), result.counters["TICKS"]
    counts = compared_counts(config, samples, ticks)
    assert result.compared == {name: counts[name] for name in ("samples", "ticks", "weights", "LFSR states")}
    return result


@pytest.mark.parametrize("name", ["digits", "digits-deep"])
def test_digits_learn_and_infer_as_the_model(name):
    config = PRESETS[name]
    dataset = load_dataset("digits", config, 1)
    learning = assert_equal_after_each_sample(config, schedule_of(config, dataset, 12, 1))
    assert learning.counters["WRITES_1"] > 0
    inference = assert_equal_after_each_sample(config, schedule_of(config, dataset, 4, 1, inference=True))
    assert inference.counters["WRITES_1"] == 0


@pytest.mark.parametrize("name", ["mnist-up5k", "mnist-ecp5"])
def test_large_networks_learn_as_the_model(name):
    config = PRESETS[name]
    result = assert_equal(config, schedule(config, 2), "verilator")
    assert result.counters["WRITES_1"] > 0


@NEEDS_ICARUS
def test_another_seed_goes_through_the_seed_registers(tmp_path):
    config = PRESETS["tiny"]
    assert config.seed == 1
    assert_equal(config, schedule(config, 3, seed=2**32 - 1), "icarus", out=tmp_path)
    # The hardware was built for the configuration's own: the registers made the difference.
    assert json.loads((tmp_path / "tiny.json").read_text())["config"]["seed"] == 1


@pytest.mark.parametrize(
    ("simulator", "suffix", "start"),
    [pytest.param("icarus", ".fst", b"\0", marks=NEEDS_ICARUS), ("verilator", ".vcd", b"$version")],
)
def test_waveforms_on_demand(simulator, suffix, start, tmp_path):
    waves = tmp_path / "new" / f"tiny{suffix}"
    assert_equal(PRESETS["tiny"], schedule(PRESETS["tiny"], 2), simulator, waves=waves)
    assert waves.read_bytes().startswith(start)
    assert waves.stat().st_size > 2_000
    if suffix == ".vcd":
        text = waves.read_text()
    elif shutil.which("fst2vcd"):
        text = subprocess.run(["fst2vcd", str(waves)], capture_output=True, text=True, check=True).stdout
    else:
        return
    assert re.search(r"\$var wire +4 \S+ flags__spike \[3:0\]", text)
    # All that the save files want to show is in it, under that name and as wide.
    shown = re.findall(r"^(?:\+\{.*\} )?(tiny\.\S+)$", waves.with_suffix(".gtkw").read_text(), re.MULTILINE)
    assert len(shown) > 30
    assert not set(shown) - recorded(text)
    added = re.findall(r"^variable_add (\S+)$", waves.with_suffix(".sucl").read_text(), re.MULTILINE)
    assert added == [name.partition("[")[0] for name in shown]


def recorded(text: str) -> set[str]:
    """Return the hierarchical names of the signals in a VCD, with their bits."""
    place, names = [], set()
    for line in text.partition("$enddefinitions")[0].splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            place.append(words[2])
        elif words[:1] == ["$upscope"]:
            place.pop()
        elif words[:1] == ["$var"]:
            names.add(".".join([*place, "".join(words[4:-1])]))
    return names


# -- differences put in on purpose ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mixed_design(tmp_path_factory) -> list[Path]:
    return write_design(MIXED, tmp_path_factory.mktemp("mixed"))


@pytest.fixture
def written(mixed_design, monkeypatch):
    """Make `compare` simulate a given Verilog text; that of `MIXED` unless another is put into the list."""
    texts = [mixed_design[0].read_text()]

    def write(config, directory):
        paths = [directory / path.name for path in mixed_design]
        paths[0].write_text(texts[-1])
        shutil.copy(mixed_design[1], paths[1])
        return paths

    monkeypatch.setattr("backspike.sim.compare.write_design", write)
    return texts


def golden_with(change, **other):
    """Return a stand-in for `golden_process` whose model says something else of sample 2, or does another job."""

    @contextmanager
    def start(job, pipe):
        def write():
            with suppress(BrokenPipeError), pipe.open("wb") as out:
                for number, expected in enumerate(expectations({**load_values(job), **other})):
                    copy = pickle.loads(pickle.dumps(expected))
                    if number == 2:
                        change(copy)
                    pickle.dump(copy, out)

        thread = Thread(target=write)
        thread.start()
        yield
        thread.join()

    return start


def flip(name, unit):
    def change(expected):
        expected.flags[3][name][unit] ^= True

    return change


def add(name, *position):
    def change(expected):
        expected.state[name][position] += 1

    return change


def other_winner(expected):
    expected.flags[4]["winner_2"][()] = (expected.flags[4]["winner_2"] + 1) % 3


def other_wins(expected):
    # The last field of a frozen record: built again instead.
    object.__setattr__(expected, "result", Result(np.roll(expected.result.wins, 1) + 1))


@NEEDS_ICARUS
@pytest.mark.parametrize(
    ("change", "where"),
    [
        (flip("spike_1", 3), r"sample 2, tick 3, layer 1, unit 3, spike: expected (0, got 1|1, got 0)"),
        (flip("gate_1", 0), r"sample 2, tick 3, layer 1, unit 0, gate: expected (0, got 1|1, got 0)"),
        (flip("error_neg_2", 2), r"sample 2, tick 3, layer 2, unit 2, error neg: expected (0, got 1|1, got 0)"),
        (other_winner, r"sample 2, tick 4, layer 2, winner: expected (0, got 2|1, got 0|2, got 1)"),
        (add("weights_1", 8, 3), r"sample 2, after tick 7, layer 1, row 8, unit 3, weights: expected -?\d+, got -?\d+"),
        (add("weights_2", 0, 2), r"sample 2, after tick 7, layer 2, row 0, unit 2, weights: expected -?\d+, got -?\d+"),
        (add("membrane_1", 2), r"sample 2, after tick 7, layer 1, unit 2, membrane: expected -?\d+, got -?\d+"),
        (add("random_2", 1), r"sample 2, after tick 7, layer 2, unit 1, random: expected \d+, got \d+"),
        (add("bias_2", 0), r"sample 2, after tick 7, layer 2, bias: expected \d+, got \d+"),
        (add("random_0", 1), r"sample 2, after tick 7, layer 0, LFSR 1, random: expected \d+, got \d+"),
        (other_wins, r"sample 2, result: expected class \d with wins \[.*\], got class \d with wins \[.*\]"),
    ],
    ids=[
        "spike",
        "gate",
        "error",
        "winner",
        "bias row",
        "weight",
        "membrane",
        "unit's LFSR",
        "bias's",
        "input's",
        "result",
    ],
)
def test_a_difference_of_any_kind_is_named_where_it_is(change, where, written, monkeypatch):
    monkeypatch.setattr("backspike.sim.compare.golden_process", golden_with(change))
    result = compare(MIXED, schedule(MIXED, 4), simulator="icarus")
    assert re.fullmatch(where, result.mismatch), result.mismatch
    expected, got = map(int, re.findall(r"(-?\d+)(?:, got|$)", result.mismatch)) if "result" not in where else (0, 1)
    assert expected != got
    if "result" not in where:
        assert result.compared["samples"] == 2  # those before


@NEEDS_ICARUS
def test_weights_of_many_layers_come_in_their_order():
    """With ten or more, the order of their names is another one."""
    config = NetworkConfig(layers=(2,) * 12, name="eleven", ticks=11, weight_bits=6, weight_frac=4)
    shown = schedule(config, 1, inference=True)
    result = compare(config, shown, simulator="icarus")
    assert result.mismatch == ""
    assert [weights.tolist() for weights in result.weights] == [weights.tolist() for weights in shown.weights]
    assert not np.array_equal(shown.weights[1], shown.weights[9])


@NEEDS_ICARUS
def test_a_wrong_counter_is_named(written, monkeypatch):
    def change(expected):
        expected.counters.rows[1] += 1

    monkeypatch.setattr("backspike.sim.compare.golden_process", golden_with(change))
    result = compare(MIXED, schedule(MIXED, 3), simulator="icarus")
    assert re.fullmatch(r"counter ROWS_2: expected \d+, got \d+", result.mismatch), result.mismatch


@NEEDS_ICARUS
@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"seed": 2}, r"sample 0, .*expected \d+, got \d+"),
        ({"activation_range": 4.0}, r"sample \d, tick \d, layer 1, unit \d, (spike|gate|permit): expected \d, got \d"),
        ({"temperature": 0.25}, r"sample \d, tick \d, layer 2, (winner|unit \d, error .*): expected \d, got \d"),
    ],
    ids=["seed", "activation range", "temperature"],
)
def test_hardware_of_another_configuration_is_found(changes, where, written, tmp_path):
    written.append(write_design(MIXED.replace(**changes), tmp_path)[0].read_text())
    result = compare(MIXED, schedule(MIXED, 4), simulator="icarus")
    assert re.fullmatch(where, result.mismatch), result.mismatch


@NEEDS_ICARUS
def test_a_weight_that_is_wrong_from_the_start_is_found(written, monkeypatch):
    shown = schedule(MIXED, 3)
    other = shown.weights[0].copy()
    other[5, 2] ^= 1
    monkeypatch.setattr("backspike.sim.compare.golden_process", golden_with(lambda expected: None, weights_1=other))
    result = compare(MIXED, shown, simulator="icarus")
    # Sample 0 is blank: nothing shows or changes the weight.
    wanted, got = other[5, 2], shown.weights[0][5, 2]
    assert result.mismatch == f"sample 0, after tick 7, layer 1, row 5, unit 2, weights: expected {wanted}, got {got}"


@NEEDS_ICARUS
def test_hardware_that_never_ends_a_tick_is_found(written):
    text, count = re.subn(r"^    moved <= \w+;", "    moved <= 1'h0;", written[-1], flags=re.MULTILINE)
    assert count == 1
    written.append(text)
    with seconds(60):
        result = compare(MIXED, schedule(MIXED, 3), simulator="icarus")
    assert re.fullmatch(r"sample 0: expected 8 ticks within \d+ cycles, got fewer", result.mismatch), result.mismatch


# -- processes that die ---------------------------------------------------------------------------------------------


@pytest.fixture
def golden(monkeypatch):
    """List the golden model's processes as they are started."""
    started = []
    popen = subprocess.Popen

    def start(command, *arguments, **options):
        process = popen(command, *arguments, **options)
        if any("backspike.sim.golden" in word for word in command):
            started.append(process)
        return process

    monkeypatch.setattr("backspike.sim.golden.subprocess.Popen", start)
    yield started
    assert [process.poll() is None for process in started] == [False] * len(started)


@NEEDS_ICARUS
def test_a_golden_model_that_fails_is_one_sentence(golden, written):
    shown = schedule(MIXED, 3)
    shown.labels[1] = 9
    sentence = "the golden model failed: backspike.errors.BackspikeError: a label must be from 0 to 2, not 9"
    with seconds(60), pytest.raises(BackspikeError, match=f"^{re.escape(sentence)}$"):
        compare(MIXED, shown, simulator="icarus")
    assert len(golden) == 1


@NEEDS_ICARUS
def test_a_golden_model_killed_before_the_bench_begins_is_one_sentence(golden, written, monkeypatch):
    def run(*arguments, **options):
        golden[0].kill()
        golden[0].wait()
        return run_bench(*arguments, **options)

    monkeypatch.setattr("backspike.sim.compare.run_bench", run)
    with seconds(60), pytest.raises(BackspikeError, match=r"^the golden model was killed by signal 9$"):
        compare(MIXED, schedule(MIXED, 3), simulator="icarus")


@NEEDS_ICARUS
def test_a_golden_model_killed_in_the_middle_is_one_sentence(golden, written):
    with seconds(60), pytest.raises(BackspikeError, match=r"^the golden model was killed by signal 9$"):
        compare(MIXED, schedule(MIXED, 256), simulator="icarus", progress=lambda done: golden[0].kill())


@NEEDS_ICARUS
def test_a_simulator_that_dies_is_one_sentence(golden, written, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "vvp").write_text("#!/bin/sh\necho out of everything\nexit 3\n")
    (programs / "vvp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    with seconds(60), pytest.raises(BenchError, match=r"^\S+ failed on icarus: the simulator died .*out of everything"):
        compare(MIXED, schedule(MIXED, 3), simulator="icarus", out=tmp_path / "out")


def test_waveforms_that_cannot_be_written_are_refused_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("backspike.sim.compare.write_design", None)
    with pytest.raises(BackspikeError, match=r"^cannot create directory"):
        compare(MIXED, schedule(MIXED, 1), simulator="icarus", waves=tmp_path / "file" / "waves.fst")
