"""How fast a built network trains: clocks a sample, what the host link carries, and what comes of both."""

from __future__ import annotations

import json
from pathlib import Path

from backspike.config import NetworkConfig

__all__ = ["clocks_a_sample", "link_samples", "samples_through_link"]

# Mean numbers of inputs that are not zero: MNIST's training set, scikit-learn's digits.
_NONZERO = {784: 149.9, 64: 32.7}


def clocks_a_sample(config: NetworkConfig, results: Path = Path("results")) -> float | None:
    """Estimate the clocks of a training sample, from the rows visited in a whole training and docs/hardware.md.

    The rows are those that the golden model counted, in the first result of the configuration's name; each tick is
    taken as the mean one, and the banks' rows as evenly spread.

    Returns
    -------
    float or None
        None where there is no result of these layers and ticks.
    """
    for path in sorted((results / config.name.replace("_", "-")).glob("seed-*.json")):
        result = json.loads(path.read_text())
        network, counted = result["task"]["network"], result["training"]
        if tuple(network["layers"]) == config.layers and network["ticks"] == config.ticks:
            rows = [number / counted["ticks"] for number in counted["rows"]]
            ticks = counted["ticks"] / counted["samples"]
            return float(ticks * _clocks_a_tick(config, rows) + 4)
    return None


def _clocks_a_tick(config: NetworkConfig, rows: list[float]) -> float:
    """Return the clocks of a tick in which each layer visits that many rows."""
    folds, unit_folds, classes = config.folds, config.unit_folds, config.layers[-1]
    words = [fold * count / banks for fold, count, banks in zip(folds, rows, config.banks, strict=True)]
    sweeps = [clocks + 2 * (layer > 0) for layer, clocks in enumerate(words)]
    ends = [1 if fold == 1 else fold + 2 for fold in unit_folds]
    hidden = [max(sweeps[layer], sweeps[layer + 1]) + ends[layer] for layer in range(len(ends))]
    last = folds[-1] if folds[-1] > 1 else 0
    return max(*hidden, sweeps[-1] + 5 + last, classes + 7 + last)


def link_samples(config: NetworkConfig, baud: float) -> float:
    """Return how many samples a second the line carries (docs/host_link.md).

    With as many non-zero inputs as MNIST and the digits have on the average, for their number of inputs; for others
    with all.
    """
    entries = _NONZERO.get(config.layers[0], config.layers[0])
    content = 4 + 2 * entries
    frame = content * 1024 / 1018 * 255 / 254
    return baud / 10 / frame


def samples_through_link(trained: float | None, carried: float) -> float | None:
    """Return how many samples a second are trained at the end of the line; None where the chip's speed is not known.

    The device works off a frame when all of it is there, and the next one comes when it has answered: with full frames
    the times of line and chip add up. In the simulated board it was 2 % more to 7 % less than that (docs/boards.md).

    Parameters
    ----------
    trained : float, optional
        Samples a second that the chip trains.
    carried : float
        Samples a second that the line carries.
    """
    return None if trained is None else 1 / (1 / trained + 1 / carried)
