"""Test vectors: what `docs/semantics.md` makes of some inputs, as values to check any implementation against."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.model.lfsr import POLYNOMIALS, leap
from backspike.model.network import Network
from backspike.model.seeding import lfsr_seeds
from backspike.model.spikes import Sample
from backspike.model.synapses import initial_weights
from backspike.model.wta import gumbel_table
from backspike.registers import SEMANTICS_VERSION

from .checkpoint import Checkpoint
from .order import sample_order
from .trainer import rates_of_epoch

__all__ = ["NETWORKS", "as_text", "make_vectors"]

SEEDS = (1, 1959, 2**32 - 1)
LEAPS = (1, 8, 10, 16, 1000)
NOISE = ((1, 1e-9), (4, 1.0), (6, 0.35), (7, 0.5), (16, 16.0))
SAMPLES = 12
TAUGHT = 8
"""Of the samples, those at the start that are learned."""

NETWORKS = {
    "rate-coded": NetworkConfig(
        name="rate_coded",
        layers=(6, 5, 3),
        ticks=8,
        weight_bits=6,
        weight_frac=4,
        activation_range=2.0,
        error_range=0.5,
        rates=(200, 256),
        seed=7,
        input_lfsrs=4,
    ),
    "leak, dropout and patience": NetworkConfig(
        name="patient",
        layers=(7, 5, 4, 3),
        ticks=12,
        weight_bits=5,
        weight_frac=3,
        activation_range=2.0,
        error_range=0.5,
        leak=2,
        temperature=0.35,
        rates=(256, 100, 256),
        dropout=(64, 20),
        patience=3,
        inference_patience=2,
        seed=4_000_000_000,
        lfsr_bits=24,
        input_lfsrs=3,
    ),
    "recorded spikes": NetworkConfig(
        name="recorded",
        layers=(5, 4, 2),
        ticks=6,
        weight_bits=4,
        weight_frac=2,
        activation_range=1.0,
        error_range=0.5,
        rates=(256, 256),
        seed=99,
        lfsr_bits=64,
        input="spikes",
        input_lfsrs=2,
    ),
    "one weight layer": NetworkConfig(
        name="single",
        layers=(9, 4),
        ticks=5,
        weight_bits=8,
        weight_frac=6,
        temperature=1.5,
        rates=(150,),
        seed=2**32 - 1,
        lfsr_bits=16,
        input_lfsrs=5,
    ),
    "stratified draws": NetworkConfig(
        name="stratified",
        layers=(11, 4, 3),
        ticks=9,
        weight_bits=6,
        weight_frac=4,
        activation_range=2.0,
        error_range=0.5,
        leak=1,
        rates=(100, 256),
        patience=4,
        seed=31,
        input_lfsrs=4,
        input_draws="stratified",
    ),
}
"""Configurations of the networks, by what is in them."""

DECIDING = (
    "layers",
    "ticks",
    "weight_bits",
    "weight_frac",
    "activation_range",
    "error_range",
    "leak",
    "temperature",
    "rates",
    "dropout",
    "patience",
    "inference_patience",
    "seed",
    "lfsr_bits",
    "input",
    "input_lfsrs",
    "input_draws",
)
"""The values of a configuration that decide what a network computes."""


def make_vectors() -> dict[str, Any]:
    """Return all vectors, as JSON has them; section 9 of the semantics says what they are."""
    return {
        "semantics": SEMANTICS_VERSION,
        "lfsrs": [_lfsr(width, seed) for width in POLYNOMIALS for seed in SEEDS],
        "noise": [_noise(fraction, temperature) for fraction, temperature in NOISE],
        "networks": {name: _network(config) for name, config in NETWORKS.items()},
        "training": _training(NETWORKS["rate-coded"]),
    }


def as_text(vectors: dict[str, Any]) -> str:
    """Return vectors as JSON, a list of numbers a line."""
    text = json.dumps(vectors, indent=1)
    return (
        re.sub(r"\[[^][{}]+\]", lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
        + "\n"
    )


def _lfsr(width: int, seed: int) -> dict[str, Any]:
    starts = lfsr_seeds(seed, 4, width)
    after = {str(bits): _hexadecimal(leap(starts[:1], bits, width, POLYNOMIALS[width]), width)[0] for bits in LEAPS}
    return {"lfsr_bits": width, "seed": seed, "starts": _hexadecimal(starts, width), "lfsr_0_after": after}


def _hexadecimal(states: NDArray[np.uint64], width: int) -> list[str]:
    """Return states of LFSRs as text: not every reader of JSON has numbers of 64 bits."""
    return [f"{state:0{width // 4}x}" for state in states.tolist()]


def _noise(fraction: int, temperature: float) -> dict[str, Any]:
    table = gumbel_table(fraction, temperature).tolist()
    return {
        "weight_frac": fraction,
        "temperature": temperature,
        "first": table[:4],
        "last": table[-4:],
        "sha256": hashlib.sha256(",".join(str(entry) for entry in table).encode()).hexdigest(),
    }


def _network(config: NetworkConfig) -> dict[str, Any]:
    random = np.random.Generator(np.random.PCG64(config.seed))
    reach = 1 << config.weight_frac
    weights = [random.integers(-reach // 2, reach, layer.shape, endpoint=True) for layer in config.weight_layers]
    # A few weights at the ends of their format, where they saturate.
    for matrix in weights:
        matrix.flat[::7], matrix.flat[3::7] = config.weight_min, config.weight_max
    network, samples = Network(config, weights), []
    lists = config.sample_shape
    for number in range(SAMPLES):
        most = 255 if config.input == "rate" else 1
        values = (random.integers(1, most, lists, endpoint=True) * (random.random(lists) < 0.7)).astype(np.uint8)
        sample = Sample(values, int(random.integers(config.layers[-1])), number < TAUGHT)
        ticks = network.counters.ticks
        result = network.run(sample)
        samples.append(
            {
                "label": sample.label,
                "learn": sample.learn,
                "values": values.tolist(),
                "ticks": network.counters.ticks - ticks,
                "wins": result.wins.tolist(),
                "class": result.winner,
            }
        )
    return {
        "config": _deciding(config),
        "starting_weights": [matrix.tolist() for matrix in weights],
        "samples": samples,
        "weights": [matrix.tolist() for matrix in network.weights],
        "lfsrs": _hexadecimal(Checkpoint.capture(network).lfsrs, config.lfsr_bits),
        "counters": network.counters.to_dict(),
    }


def _training(config: NetworkConfig) -> dict[str, Any]:
    return {
        "config": _deciding(config) | {"rate_decay": config.rate_decay},
        "starting_weights": [matrix.tolist() for matrix in initial_weights(config, config.seed)],
        "rates_of_epochs": [rates_of_epoch(config, epoch) for epoch in range(40)],
        "orders_of_10_samples": [sample_order(10, config.seed, epoch).tolist() for epoch in range(3)],
    }


def _deciding(config: NetworkConfig) -> dict[str, Any]:
    values = config.to_dict()
    return {name: values[name] for name in DECIDING if name in values}
