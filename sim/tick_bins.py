"""What happens in ticks that are compared with hardware: signs, ends of the range, ties, lists, and ends of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import GUMBEL_BITS, NetworkConfig
from backspike.model import Network, Sample
from backspike.model.wta import gumbel_table

__all__ = ["TICK_BINS", "TickBins", "ending_bins"]

TICK_BINS = (
    "a hidden unit's error spike is positive",
    "a hidden unit's error spike is negative",
    "the output's error spikes, at label and winner",
    "a weight goes up",
    "a weight goes down",
    "a weight is held at its upper end",
    "a weight is held at its lower end",
    "the bias row learns",
    "a row that spikes has no permission where an error spike is",
    "a unit's potential is at least the activation range",
    "a unit's potential is between",
    "a unit's potential is 0 or below",
    "a unit is dropped, in learning",
    "a unit is dropped, in inference",
    "a race has a tie at its head",
    "a list is empty",
    "a list has all inputs",
    "the label never wins",
    "the label wins every tick",
    "a sample is inference",
    "a rate is 0",
    "a rate is 256",
)
"""Bins of a tick and of a sample."""


def ending_bins(config: NetworkConfig) -> list[str]:
    """Return bins of the tick after which a sample that is learned ends: of each that is possible, if any is early."""
    if not config.patience:
        return []
    earliest = min(config.ticks, config.depth + config.patience)
    return [_ending(config, ticks) for ticks in range(earliest, config.ticks + 1)]


def _ending(config: NetworkConfig, ticks: int) -> str:
    return f"{config.name} (patience {config.patience}) ends after {ticks} of {config.ticks} ticks"


class TickBins:
    """Shows samples to the golden model, and counts what happens in them.

    Attributes
    ----------
    hits : Counter of str
        How often each of `TICK_BINS` and `ending_bins` has happened, in ticks or in samples.
    """

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()

    def show(self, network: Network, sample: Sample) -> NDArray[np.int64]:
        """Show a sample, as `sim.link.Show` does."""
        config = network.config
        for number, synapses in enumerate(network.synapses):
            name, update = "update", synapses.update
            setattr(synapses, name, self._watching(synapses, number, config, update))
        before, ticks = network.output.random, network.counters.ticks

        def observe(tick: int) -> None:
            nonlocal before
            self._look(network, sample, tick, before)
            before = network.output.random

        try:
            wins = network.run(sample, observe).wins
        finally:
            for synapses in network.synapses:
                delattr(synapses, name)
        taken = network.counters.ticks - ticks
        if sample.learn and config.patience:
            self.hits[_ending(config, taken)] += 1
        self._count(
            {
                "the label never wins": sample.learn and not wins[sample.label],
                "the label wins every tick": sample.learn and wins[sample.label] == wins.sum(),
                "a sample is inference": not sample.learn,
                "a rate is 0": 0 in network.rates,
                "a rate is 256": 256 in network.rates,
            }
        )
        return wins

    def _count(self, happened: dict[str, Any]) -> None:
        self.hits.update(name for name, whether in happened.items() if whether)

    def _look(self, network: Network, sample: Sample, tick: int, drawn: NDArray[np.uint64]) -> None:
        """Look at a tick that is over; `drawn` is what the output's LFSRs were before it."""
        config, output = network.config, network.output
        rows, _ = sample.listing(tick)
        self._count({"a list is empty": not len(rows), "a list has all inputs": len(rows) == config.layers[0]})
        for units in network.hidden[: tick + 1]:
            potential, certain = units.membrane >> config.leak, 1 << config.activation_bits
            dropped = units.dropped.any()
            self._count(
                {
                    "a hidden unit's error spike is positive": units.error_pos.any(),
                    "a hidden unit's error spike is negative": units.error_neg.any(),
                    "a unit's potential is at least the activation range": (potential >= certain).any(),
                    "a unit's potential is between": ((potential > 0) & (potential < certain)).any(),
                    "a unit's potential is 0 or below": (potential <= 0).any(),
                    "a unit is dropped, in learning": dropped and sample.learn,
                    "a unit is dropped, in inference": dropped and not sample.learn,
                }
            )
        if tick < config.depth - 1:
            return
        noise = gumbel_table(config.weight_frac, config.temperature)
        index = (drawn & np.uint64((1 << GUMBEL_BITS) - 1)).astype(np.int64)
        scores = (output.membrane >> config.leak) + noise[index]
        self._count(
            {
                "a race has a tie at its head": np.count_nonzero(scores == scores.max()) > 1,
                "the output's error spikes, at label and winner": output.error_pos.any(),
            }
        )

    def _watching(
        self, synapses: Any, number: int, config: NetworkConfig, update: Callable[..., None]
    ) -> Callable[..., None]:
        """Return the update of a layer's weights, looked at."""

        def watched(rows: NDArray[np.int64], error_pos: NDArray[np.bool_], error_neg: NDArray[np.bool_]) -> None:
            above, below = synapses.weights[np.ix_(rows, error_pos)], synapses.weights[np.ix_(rows, error_neg)]
            self._count(
                {
                    "a weight goes up": (above < config.weight_max).any(),
                    "a weight goes down": (below > config.weight_min).any(),
                    "a weight is held at its upper end": (above == config.weight_max).any(),
                    "a weight is held at its lower end": (below == config.weight_min).any(),
                    "the bias row learns": config.layers[number] in rows,
                    "a row that spikes has no permission where an error spike is": config.layers[number] not in rows,
                }
            )
            update(rows, error_pos, error_neg)

        return watched
