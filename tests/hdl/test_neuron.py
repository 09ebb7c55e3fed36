"""Membrane and composite neuron in hardware: all outputs, at their extremes and at the edges of each comparison."""

from __future__ import annotations

import random

import pytest

from backspike.hdl.neuron import CompositeNeuron, Membrane, neuron_state
from backspike.hdl.synapses import drive_shape, error_shape
from backspike.sim.exercise import random_config

from .benches.neuron import MembraneBench, NeuronBench
from .benches.simulation import simulate

SEED = 20233


def membranes():
    return {
        f"leak_{leak}_of_{bits}": (Membrane(bits, leak), {"drive_bits": bits, "leak": leak})
        for leak, bits in [(0, 5), (1, 8), (2, 12), (3, 30), (8, 21)]
    }


def neurons():
    generator = random.Random(SEED)
    variants = {}
    for number, (leak, dropout) in enumerate([(0, 0), (0, 255), (1, 64), (3, 1), (8, 150)]):
        layers = (generator.randint(1, 40), 5, generator.randint(2, 40))
        config = random_config(generator.getrandbits(32), layers=layers, leak=leak)
        drive, error = drive_shape(config.weight_layer(1)).width, error_shape(config.weight_layer(2)).width
        job = {"config": config.to_dict(), "dropout": dropout, "drive_bits": drive, "error_bits": error}
        variants[f"neuron_{number}"] = (CompositeNeuron(config, dropout, drive, error), job)
    return variants


def test_membranes_integrate_as_the_model_does() -> None:
    simulate(MembraneBench, membranes(), SEED)


def test_neurons_move_as_the_model_does() -> None:
    simulate(NeuronBench, neurons(), SEED)


@pytest.mark.parametrize("leak", [1, 3, 8])
def test_what_is_stored_of_a_membrane_is_all_of_it(leak: int) -> None:
    layer = random_config(SEED, layers=(7, 5, 3), leak=leak).weight_layer(1)
    membrane = Membrane(drive_shape(layer).width, leak)
    assert neuron_state(layer)["membrane"].shape == membrane.following.shape()
