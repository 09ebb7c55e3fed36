"""How near the winner-take-all comes to a softmax: exactly, from its table, and in the draws that it makes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import GUMBEL_BITS, NetworkConfig
from backspike.errors import BackspikeError, shown
from backspike.files import read_json, reading, write_atomic
from backspike.model.seeding import lfsr_seeds
from backspike.model.wta import WinnerTakeAll, gumbel_table
from backspike.toml import take

from .task import machine

__all__ = ["CASES", "compare_with_softmax", "read_softmax", "softmax", "softmax_path", "table_distribution"]

CLASSES = 10

CASES = [(4, 0.35), (4, 1.0), (6, 0.35), (6, 1.0), (8, 0.35), (8, 1.0), (8, 4.0), (12, 1.0)]
"""Fraction bits and temperature of each comparison."""


def softmax_path(results: Path) -> Path:
    """Return the file of the comparison."""
    return results / "softmax.json"


def compare_with_softmax(results: Path, draws: int = 100_000, seed: int = 1) -> Path:
    """Let the winner-take-all race many times at fixed potentials, write down how often each class won.

    Parameters
    ----------
    results : Path
        Folder of the results.
    draws : int
        Races in each case.
    seed : int
        Seed of potentials and LFSRs.

    Returns
    -------
    Path
        The JSON file: for each of `CASES` the potentials in units of the activation, the softmax, the exact
        distribution of the table, the frequencies, and the distances in total variation (half the sum of absolute
        differences, 0 to 1): of the table, of the draws, and of as many draws of an ideal softmax in the mean.
    """
    begin = time.perf_counter()
    cases = [_case(weight_frac, temperature, draws, seed) for weight_frac, temperature in CASES]
    content = {"seed": seed, "draws": draws, "cases": cases, "machine": machine()}
    write_atomic(
        softmax_path(results),
        json.dumps({**content, "seconds": time.perf_counter() - begin}, indent=1).encode() + b"\n",
    )
    return softmax_path(results)


def read_softmax(results: Path) -> dict[str, Any]:
    """Return the content of the comparison's file.

    Raises
    ------
    BackspikeError
        It cannot be read, or is damaged: no JSON, or without a value that the results page shows.
    """
    with reading(softmax_path(results)):
        content = read_json(softmax_path(results))
        for key in ("seed", "draws"):
            take(content, key, int, "the comparison")
        for case in take(content, "cases", list, "the comparison"):
            take(case, "weight_frac", int, "a case")
            for key in ("temperature", "table_distance", "draws_distance", "ideal_distance"):
                take(case, key, float, "a case")
            for key in ("softmax", "frequencies"):
                if not all(isinstance(chance, float) for chance in take(case, key, list, "a case")):
                    raise BackspikeError(f"{key} of a case must be numbers, not {shown(case[key])}")
            if len(case["softmax"]) != len(case["frequencies"]) or not case["softmax"]:
                raise BackspikeError("softmax and frequencies of a case must be as many numbers")
        if not content["cases"]:
            raise BackspikeError("it has no cases")
    result: dict[str, Any] = content
    return result


def softmax(potentials: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities exp(u / temperature), normalised."""
    powers: NDArray[np.float64] = np.exp((potentials - potentials.max()) / temperature)
    powers /= powers.sum()
    return powers


def table_distribution(potentials: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the exact probability of each class to win, were each draw of the table equally likely.

    Parameters
    ----------
    potentials : int64 array, shape (classes,)
        In weight LSBs.
    table : int64 array, shape (entries,)
        Ascending, as `gumbel_table` gives it.
    """
    result = np.empty(len(potentials))
    for k, own in enumerate(potentials.tolist()):
        total = own + table
        chance = np.ones(len(table))
        for other, theirs in enumerate(potentials.tolist()):
            if other != k:
                # Ties go to the lowest class, so the lower ones must be beaten and the higher ones may be met.
                below = np.searchsorted(table, total - theirs, side="left" if other < k else "right")
                chance *= below / len(table)
        result[k] = chance.mean()
    return result


def _case(weight_frac: int, temperature: float, draws: int, seed: int) -> dict[str, Any]:
    config = NetworkConfig(
        layers=(1, CLASSES),
        weight_bits=16,
        weight_frac=weight_frac,
        activation_range=1.0,
        temperature=temperature,
        seed=seed,
    )
    generator = np.random.Generator(np.random.PCG64([seed, weight_frac]))
    potentials = np.rint(generator.normal(0, 1.5 * temperature, CLASSES) * 2**weight_frac).astype(np.int64)
    race = WinnerTakeAll(config, lfsr_seeds(seed, CLASSES, config.lfsr_bits))
    wins = np.zeros(CLASSES, dtype=np.int64)
    for draw in range(draws):
        race.tick(potentials, first=draw == 0, label=0, learn=False)
        wins[race.winner] += 1
    wanted = softmax(potentials / 2**weight_frac, temperature)
    exact = table_distribution(potentials, gumbel_table(weight_frac, temperature))
    frequencies = wins / draws
    # Mean distance of as many draws of an ideal softmax, by the normal limit of the multinomial.
    ideal = float(np.sqrt(wanted * (1 - wanted) / draws).sum() * np.sqrt(2 / np.pi) / 2)
    return {
        "weight_frac": weight_frac,
        "temperature": temperature,
        "potentials": (potentials / 2**weight_frac).tolist(),
        "softmax": wanted.tolist(),
        "table": exact.tolist(),
        "frequencies": frequencies.tolist(),
        "table_distance": _distance(exact, wanted),
        "draws_distance": _distance(frequencies, wanted),
        "ideal_distance": ideal,
        "table_entries": 1 << GUMBEL_BITS,
    }


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.abs(one - other).sum() / 2)
