"""The crossbar in hardware: every drive, error, weight and strobe, and the lines of its rows, clock by clock."""

from __future__ import annotations

import random
import re

import numpy as np

from backspike.config import NetworkConfig
from backspike.hdl.crossbar import Crossbar
from backspike.hdl.lines import EntryLines, FlagLines
from backspike.hdl.verilog import emit
from backspike.sim.exercise import random_config

from .benches.crossbar import CrossbarBench, EntryLinesBench, FlagLinesBench
from .benches.memory import simulate_testbench
from .benches.simulation import simulate

SEED = 20271
FEW = ["crossbar_0", "crossbar_2"]


def variants():
    generator = random.Random(SEED)
    variants = {}
    for number, (layers, layer, bits) in enumerate(
        [((6, 5, 3), 1, 8), ((1, 7, 2), 1, 4), ((9, 7, 11), 2, 8), ((6, 4, 5, 3), 2, 16), ((3, 1, 2), 2, 4)]
    ):
        config = random_config(
            generator.getrandbits(32), layers=layers, synapses="crossbar", weight_bits=bits, weight_frac=2
        )
        job = {"config": config.to_dict(), "layer": layer, "stalls": 0.4 * (number % 2)}
        variants[f"crossbar_{number}"] = (Crossbar(config.weight_layer(layer)), job)
    return variants


def flags():
    variants = {}
    for units in (1, 2, 19):
        layer = NetworkConfig(layers=(3, units, 2), synapses="crossbar").weight_layer(2)
        for stalls in (0, 0.4):
            job = {"units": units, "stalls": stalls}
            variants[f"units_{units}_{'stalled' if stalls else 'free'}"] = (FlagLines(layer), job)
    return variants


def entries():
    variants = {}
    for inputs, lfsrs, lanes in ((1, 1, 0), (20, 5, 0), (33, 8, 2)):
        config = NetworkConfig(layers=(inputs, 2), input_lfsrs=lfsrs, input_lanes=lanes, synapses="crossbar")
        for stalls in (0, 0.4):
            job = {"config": config.to_dict(), "stalls": stalls}
            variants[f"inputs_{inputs}_{'stalled' if stalls else 'free'}"] = (EntryLines(config), job)
    return variants


def test_sums_errors_and_weights_are_those_of_the_model() -> None:
    simulate(CrossbarBench, variants(), SEED)


def test_weights_at_power_up_are_initial_values_of_the_rows() -> None:
    config = NetworkConfig(layers=(3, 2), weight_bits=4, weight_frac=2, synapses="crossbar")
    weights = np.array([[-8, 7], [1, -1], [0, 3], [-2, 5]])
    text = emit(Crossbar(config.weight_layer(1), weights), "unit")
    stated = re.findall(r"initial row_(\d) = 8'h(\w\w);", text)
    assert dict(stated) == {"0": "78", "1": "f1", "2": "30", "3": "5e"}


def test_flags_set_the_lines_of_all_rows_at_once() -> None:
    simulate(FlagLinesBench, flags(), SEED)


def test_entries_are_gathered_to_one_visit() -> None:
    simulate(EntryLinesBench, entries(), SEED)


def test_the_words_of_a_list_are_taken_while_a_visit_is_not() -> None:
    lines = EntryLines(NetworkConfig(layers=(20, 2), input_lfsrs=5, synapses="crossbar"))

    async def testbench(ctx) -> None:
        entries, visits = lines.entries, lines.visits
        ctx.set(entries.valid, 1)
        for number in range(4):
            ctx.set(entries.p.last, number == 3)
            assert ctx.get(entries.ready), f"word {number} is not taken"
            assert not ctx.get(visits.valid)
            await ctx.tick()
        assert ctx.get(visits.valid)
        assert not ctx.get(entries.ready)
        ctx.set(visits.ready, 1)
        assert ctx.get(entries.ready)

    simulate_testbench(lines, testbench)
