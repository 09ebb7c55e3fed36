"""Spike generators and the input layer in hardware: every visit of every tick."""

from __future__ import annotations

import random

from backspike.hdl.input import InputLayer
from backspike.hdl.spikes import SpikeGenerator
from backspike.model.lfsr import POLYNOMIALS
from backspike.sim.exercise import random_config

from .benches.simulation import simulate
from .benches.spikes import GeneratorBench, InputLayerBench
from .variants import FEW_AND_REST, choose

SEED = 20232


FEW = ["rate_1_stalled", "spikes_11_free", "rate_4_stalled", "rate_13_stalled", "rate_18_stalled", "rate_19_stalled"]
# Of more classes than there are inputs, and hidden units.
FEW += ["rate_25_stalled"]


def generators():
    kinds = [(f"wide_{width}", width, False) for width in POLYNOMIALS] + [("stratified", 32, True)]
    return {
        name: (SpikeGenerator(width, stratified), {"lfsr_bits": width, "stratified": stratified})
        for name, width, stratified in kinds
    }


def input_layers():
    generator = random.Random(SEED)
    fixed = [
        {"input": "rate", "layers": (1, 2), "input_lfsrs": 1},
        {"input": "rate", "layers": (16, 3), "input_lfsrs": 8},
        {"input": "rate", "layers": (20, 5), "input_lfsrs": 16, "ticks": 1},
        {"input": "rate", "layers": (33, 4), "input_lfsrs": 3},
        {"input": "rate", "layers": (33, 4), "input_lfsrs": 8, "input_lanes": 1, "input_buffers": 1},
        {"input": "rate", "layers": (5, 4), "input_lfsrs": 6, "input_lanes": 3},
        {"input": "rate", "layers": (40, 4), "input_lfsrs": 8, "input_lanes": 2, "patience": 2, "banks": (2,)},
        {"input": "rate", "layers": (60, 4), "input_lfsrs": 8, "banks": (2,)},
        {"input": "rate", "layers": (47, 4), "input_lfsrs": 16, "banks": (4,)},
        {"input": "spikes", "layers": (13, 4), "banks": (4,)},
        {"input": "spikes", "layers": (1, 2), "ticks": 1},
        {"input": "spikes", "layers": (19, 3), "input_lfsrs": 4},
        {"input": "rate", "layers": (40, 4), "patience": 1},
        {"input": "rate", "layers": (6, 4), "input_lfsrs": 8, "patience": 1, "ticks": 9, "banks": (2,)},
        {"input": "rate", "layers": (6, 4), "patience": 1, "ticks": 1},
        {"input": "rate", "layers": (9, 4), "patience": 0, "inference_patience": 2, "ticks": 6},
        {"input": "spikes", "layers": (17, 4), "patience": 1},
        {"input": "spikes", "layers": (5, 4), "patience": 1, "ticks": 1},
        {"input": "rate", "input_draws": "stratified", "layers": (29, 4), "input_lfsrs": 8, "input_lanes": 2},
        {"input": "rate", "input_draws": "stratified", "layers": (29, 4), "input_lfsrs": 3, "patience": 1, "ticks": 9},
        {"input": "rate", "input_draws": "stratified", "layers": (3, 4), "input_lfsrs": 8, "input_lanes": 1},
        *[{}] * 4,
        {"input": "rate", "layers": (3, 2, 9), "ticks": 2, "banks": (1, 1), "patience": 0, "inference_patience": 0},
    ]
    variants = {}
    for number, values in enumerate(fixed):
        config = random_config(generator.getrandbits(32), **{"synapses": "rows", **values})
        # Clocks are compared where nothing stalls and no sample ends early; of the others a few do not stall.
        timed = config.input == "rate" and not config.ends_early
        for stalls in (0, 0.4) if timed or number % 5 == 1 else (0.4,):
            job = {"config": config.to_dict(), "stalls": stalls}
            variants[f"{config.input}_{number}_{'stalled' if stalls else 'free'}"] = (InputLayer(config), job)
    return variants


def test_lfsrs_spike_as_the_model_does() -> None:
    simulate(GeneratorBench, generators(), SEED)


@FEW_AND_REST
def test_input_layer_lists_the_rows_that_spike(few: bool) -> None:
    simulate(InputLayerBench, choose(input_layers(), FEW, few), SEED)
