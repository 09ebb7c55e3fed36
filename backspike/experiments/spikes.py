"""Statistics of spike trains: rates, correlations of LFSRs, and updates beside those of backpropagation."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import PIXEL_BITS, PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading, write_atomic
from backspike.model import Network
from backspike.model.lfsr import POLYNOMIALS, leap
from backspike.model.seeding import lfsr_seeds
from backspike.toml import take
from backspike.training.engines import load_engine
from backspike.training.order import sample_order

from .softmax import softmax
from .task import machine

__all__ = [
    "correlations",
    "expected_updates",
    "measure_spikes",
    "rate_errors",
    "read_spikes",
    "spike_draws",
    "spikes_path",
    "updates",
]

Draws = NDArray[np.uint8]
Floats = NDArray[np.float64]

LFSRS = 8
INPUT_BITS = 16
"""Bits that an entry draws: eight for its spike, eight for its permission."""

ENTRIES = 4
"""Entries of a list that share an LFSR, as about thirty non-zero pixels and eight LFSRs make it."""

RATE_TICKS = (16, 64, 256, 1024)
RATE_VALUES = tuple(range(1, 256, 2))
RATE_WIDTH = 32
CORRELATED_WIDTHS = (16, 24, 32, 40, 48, 64)
CORRELATED_DRAWS = 1 << 15
LAGS = 64
THRESHOLDS = (16, 128)
"""Values whose spikes are correlated: rates of 1/16 and 1/2."""

UPDATE_TICKS = (4, 8, 16, 32, 64, 128, 256)
UPDATE_LEAKS = (0, 1, 3)
UPDATE_SAMPLES = 400
DATASETS = {"digits": "digits", "mnist": "mnist-ecp5"}
"""Datasets by name, and the preset whose network learns an epoch of it before the updates are looked at."""

FRACTION, WIDTH = 14, 48
"""Fraction bits of a weight, so that a sample hardly changes it, and bits of an LFSR, that draws for them fit into."""


def spikes_path(results: Path) -> Path:
    """Return the file of the statistics."""
    return results / "spikes.json"


def measure_spikes(results: Path, samples: int = UPDATE_SAMPLES, seed: int = 1, data_dir: Path | None = None) -> Path:
    """Measure rates, correlations and updates of the golden model, and write them down.

    Parameters
    ----------
    results : Path
        Folder of the results.
    samples : int
        Samples whose updates are looked at, of each dataset that is found.
    seed : int
        Of LFSRs, training and samples.
    data_dir : Path, optional
        Folder in which datasets are looked for first.

    Returns
    -------
    Path
        The JSON file: ``rates``, ``correlations`` and ``updates``, a list each of what `rate_errors`, `correlations`
        and `updates` return.
    """
    begin = time.perf_counter()
    cases = []
    for name, preset in DATASETS.items():
        try:
            data = load_dataset(name, PRESETS[preset], seed, {}, data_dir)
        except BackspikeError:
            # What is not there cannot be looked at; the digits are always there.
            if name == "digits":
                raise
            continue
        network = _taught(PRESETS[preset], data, seed)
        for leak in UPDATE_LEAKS:
            for ticks in UPDATE_TICKS:
                cases.append({"dataset": name, **updates(network, data, ticks, leak, samples, seed)})
    content = {
        "seed": seed,
        "samples": samples,
        "rates": [rate_errors(ticks, seed) for ticks in RATE_TICKS],
        "correlations": [correlations(width, seed) for width in CORRELATED_WIDTHS],
        "updates": cases,
        "machine": machine(),
        "seconds": time.perf_counter() - begin,
    }
    write_atomic(spikes_path(results), json.dumps(content, indent=1).encode() + b"\n")
    return spikes_path(results)


def read_spikes(results: Path) -> dict[str, Any]:
    """Return the content of the statistics' file.

    Raises
    ------
    BackspikeError
        It cannot be read, or is damaged: no JSON, or without a value that the results page shows.
    """
    parts: dict[str, dict[str, type]] = {
        "rates": {"ticks": int, "rms": list, "ideal": list},
        "correlations": {"lfsr_bits": int, "pairs": int, "rms": float, "largest": float, "expected": float},
        "updates": {"dataset": str, "ticks": int, "leak": int, "layers": list},
    }
    with reading(spikes_path(results)):
        content = read_json(spikes_path(results))
        for key in ("seed", "samples"):
            take(content, key, int, "the statistics")
        for part, keys in parts.items():
            for case in take(content, part, list, "the statistics"):
                for key, kind in keys.items():
                    take(case, key, kind, "a case")
            if not content[part]:
                raise BackspikeError(f"it has no {part}")
        for case in content["rates"]:
            for key in ("rms", "ideal"):
                numbers = [isinstance(value, float) for value in case[key]]
                if len(numbers) != len(RATE_VALUES) or not all(numbers):
                    raise BackspikeError(f"{key} of a case must be {len(RATE_VALUES)} numbers, not {shown(case[key])}")
        for case in content["updates"]:
            if len(case["layers"]) != 2:
                raise BackspikeError(f"layers of a case must be 2, not {len(case['layers'])}")
            for layer in case["layers"]:
                for key in ("cosine", "mean_cosine", "bias", "gain"):
                    take(layer, key, float, "a layer")
    result: dict[str, Any] = content
    return result


# -- rates ------------------------------------------------------------------------------------------------------------


def spike_draws(width: int, count: int, seed: int) -> Draws:
    """Return what each of `LFSRS` input LFSRs draws for the spikes of `count` entries, shape (count, LFSRS)."""
    states = lfsr_seeds(seed, LFSRS, width)
    draws = np.empty((count, LFSRS), dtype=np.uint8)
    for row in draws:
        row[:] = states & np.uint64((1 << PIXEL_BITS) - 1)
        states = leap(states, INPUT_BITS, width, POLYNOMIALS[width])
    return draws


def rate_errors(ticks: int, seed: int) -> dict[str, Any]:
    """Return how far the rate of an input's spikes in so many ticks is from its value / 256, root mean square.

    Returns
    -------
    dict
        ``ticks``; for each of `RATE_VALUES` the error that was measured, ``rms``, and that of independent draws,
        ``ideal``; and the ``windows`` of so many ticks that each is measured in.
    """
    windows = max(4, 4096 // ticks)
    draws = spike_draws(RATE_WIDTH, windows * ticks * ENTRIES, seed)
    # An input has the same place in each tick's list: each LFSR serves several.
    trains = draws.reshape(windows, ticks, ENTRIES * LFSRS)
    chances = np.array(RATE_VALUES) / 2**PIXEL_BITS
    rms = [
        float(np.sqrt((((trains < value).mean(axis=1) - chance) ** 2).mean()))
        for value, chance in zip(RATE_VALUES, chances, strict=True)
    ]
    return {
        "ticks": ticks,
        "windows": windows * ENTRIES * LFSRS,
        "rms": rms,
        "ideal": np.sqrt(chances * (1 - chances) / ticks).tolist(),
    }


def correlations(width: int, seed: int) -> dict[str, Any]:
    """Return how spikes of input LFSRs are correlated, at any lag up to `LAGS` draws, with others' and their own.

    Returns
    -------
    dict
        ``lfsr_bits``, ``draws``, and the number of ``pairs`` of spike trains, a lag and a rate of `THRESHOLDS` each;
        their correlation coefficients in units of what independent draws of that number deviate by, 1 / sqrt(draws):
        ``largest`` and ``rms``; and the largest ``expected`` of as many independent ones.
    """
    draws = spike_draws(width, CORRELATED_DRAWS + LAGS, seed)
    found = []
    for value in THRESHOLDS:
        chance = value / 2**PIXEL_BITS
        trains = ((draws < value) - chance) / math.sqrt(chance * (1 - chance))
        for lag in range(LAGS + 1):
            matrix = trains[:CORRELATED_DRAWS].T @ trains[lag : lag + CORRELATED_DRAWS] / math.sqrt(CORRELATED_DRAWS)
            # Without a lag the matrix is symmetric, and a train is itself.
            found.append(matrix[np.triu_indices(LFSRS, 1)] if lag == 0 else matrix.ravel())
    pairs = np.concatenate(found)
    return {
        "lfsr_bits": width,
        "draws": CORRELATED_DRAWS,
        "pairs": len(pairs),
        "largest": float(np.abs(pairs).max()),
        "rms": float(np.sqrt((pairs**2).mean())),
        # Half of all sets of so many normal deviates, taken without their sign, stay below.
        "expected": NormalDist().inv_cdf(1 - (1 - 0.5 ** (1 / len(pairs))) / 2),
    }


# -- updates ----------------------------------------------------------------------------------------------------------


def expected_updates(network: Network, values: NDArray[np.uint8], label: int) -> list[Floats]:
    """Return what backpropagation in floats would add to each weight in a tick, in LSB.

    It is the negative gradient of the cross-entropy of a network with rates in the place of spikes: hidden activations
    ``clip(V / A, 0, 1)``, the softmax of the winner-take-all, and errors at a hidden unit in units of the error range;
    every rate is 1.

    Parameters
    ----------
    network : Network
        Gives weights and ranges.
    values : uint8 array, shape (n_0,)
    label : int

    Returns
    -------
    list of float64 array, shape (inputs + 1, units) each
    """
    config = network.config
    activation, error = 2.0**config.activation_bits, 2.0**config.error_bits
    activations = [np.append(values / 2**PIXEL_BITS, 1.0)]
    gates = []
    for weights in network.weights:
        potential = activations[-1] @ weights
        gates.append((potential > 0) & (potential < activation))
        activations.append(np.append(np.clip(potential / activation, 0, 1), 1.0))
    passed = -softmax(np.asarray(potential, dtype=np.float64), config.temperature * 2**config.weight_frac)
    passed[label] += 1
    result = []
    for layer in reversed(range(config.depth)):
        result.append(np.outer(activations[layer], passed))
        if layer:
            passed = np.clip(network.weights[layer][:-1] @ passed / error, -1, 1) * gates[layer - 1]
    return result[::-1]


def updates(network: Network, data: Dataset, ticks: int, leak: int, samples: int, seed: int) -> dict[str, Any]:
    """Compare what samples add to the weights of a network with `expected_updates`; each finds the same weights.

    Parameters
    ----------
    network : Network
        Two weight layers, taught.
    data : Dataset
    ticks, leak : int
        In place of the configuration's.
    samples : int
        The first of those to train on.
    seed : int

    Returns
    -------
    dict
        ``ticks`` and ``leak``; and of each of the ``layers``: ``cosine``, between a sample's update and the expected
        one, in the mean of the samples; and of the mean update of all of them, freed of its noise by two runs that are
        independent: ``mean_cosine``, the same; ``gain``, its part along the expected one; and ``bias``, its distance
        from it, in units of the expected one's length.
    """
    config, factor = network.config, 2 ** (FRACTION - network.config.weight_frac)
    config = config.replace(
        ticks=ticks,
        leak=leak,
        weight_bits=16,
        weight_frac=FRACTION,
        lfsr_bits=WIDTH,
        rates=(256,) * config.depth,
        dropout=(0,) * (config.depth - 1),
        patience=0,
        inference_patience=None,
    )
    weights = [matrix * factor for matrix in network.weights]
    expected = [np.zeros(matrix.shape) for matrix in weights]
    runs = [[np.zeros(matrix.shape) for matrix in weights] for _ in range(2)]
    cosines: list[list[float]] = [[] for _ in weights]
    shows = load_engine("fast")
    networks = [Network(config.replace(seed=2 * seed + run), weights) for run in range(2)]
    for index in range(samples):
        wanted = expected_updates(networks[0], data.train_values[index], int(data.train_labels[index]))
        for run, fresh in enumerate(networks):
            shows(fresh, data.train_values, data.train_labels, np.array([index]), True)
            for layer, array in enumerate(fresh.synapses):
                moves = ticks - (2 * config.depth - layer - 1)
                update = (array.weights - weights[layer]) / moves
                array.weights = weights[layer].copy()
                runs[run][layer] += update / samples
                if run == 0:
                    expected[layer] += wanted[layer] / samples
                    # Where nothing has moved, nothing has been learned.
                    cosines[layer].append(_cosine(update, wanted[layer]))
    layers = []
    for layer, wanted_mean in enumerate(expected):
        one, other = (runs[run][layer] for run in range(2))
        length = float((wanted_mean**2).sum())
        along = float(((one + other) / 2 * wanted_mean).sum())
        own = max(float((one * other).sum()), 1e-12)
        layers.append(
            {
                "cosine": float(np.mean(cosines[layer])),
                "mean_cosine": along / math.sqrt(own * length),
                "gain": along / length,
                "bias": math.sqrt(max(0.0, float(((one - wanted_mean) * (other - wanted_mean)).sum())) / length),
            }
        )
    return {"ticks": ticks, "leak": leak, "layers": layers}


def _cosine(one: Floats, other: Floats) -> float:
    lengths = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / lengths if lengths else 0.0


def _taught(config: NetworkConfig, data: Dataset, seed: int) -> Network:
    """Return a network that has learned an epoch: one with much left to learn has errors to look at."""
    network = Network(config.replace(seed=seed))
    order = sample_order(len(data.train_labels), seed, 0)
    load_engine("fast")(network, data.train_values, data.train_labels, order, True)
    return network
