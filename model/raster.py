"""A sample tick by tick: what spikes, what passes errors on, what goes wrong and who wins."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .network import Network, Result
from .spikes import Sample

__all__ = ["Raster", "record_raster"]


@dataclass(frozen=True)
class Raster:
    """What a network did in each tick that a sample was shown for: T of them, or fewer if it ended early.

    Row t has what the inputs did in tick t, and what the units of layer l registered at its end, which layer l + 1
    works with in tick t + 1. A layer that does not take part yet, in ticks before l - 1, has nothing.

    Parameters
    ----------
    inputs : bool array, shape (ticks, n_0)
        Inputs that spiked.
    spikes, gates : list of bool array, shape (ticks, n_l) each
        Of the hidden layers, 1 to L - 1: units that spiked, and those whose derivative gate was open.
    errors : list of int8 array, shape (ticks, n_l) each
        Of the layers 1 to L: 1 for a positive error spike, -1 for a negative one, 0 for none. There are none unless the
        sample was learned.
    winners : int64 array, shape (ticks,)
        Class that won, 0 to n_L - 1; -1 while the output layer did not take part.
    changes : int64 array, shape (ticks, L)
        Weights of each weight layer that changed in the tick, by one LSB each.
    result : Result
        Wins of each class, and the class.
    """

    inputs: NDArray[np.bool_]
    spikes: list[NDArray[np.bool_]]
    gates: list[NDArray[np.bool_]]
    errors: list[NDArray[np.int8]]
    winners: NDArray[np.int64]
    changes: NDArray[np.int64]
    result: Result

    @property
    def ticks(self) -> int:
        """Ticks that the sample was shown for, 1 to T."""
        return len(self.winners)


def record_raster(network: Network, sample: Sample) -> Raster:
    """Show a sample to a network, which moves on, and write down every tick.

    Raises
    ------
    BackspikeError
        The sample is not the network's.
    """
    config = network.config
    rows: list[list[NDArray[np.bool_]]] = []
    gates: list[list[NDArray[np.bool_]]] = []
    errors: list[list[NDArray[np.int8]]] = []
    winners: list[int] = []
    changes: list[list[int]] = []
    weights = [matrix.copy() for matrix in network.weights]
    # Drawn once more, since nothing keeps the spikes of the inputs: their LFSRs depend on nothing else.
    generator = copy.deepcopy(network.generator)

    def note(tick: int) -> None:
        rows.append([units.spike for units in network.hidden])
        gates.append([units.gate for units in network.hidden])
        errors.append([units.error_pos.astype(np.int8) - units.error_neg.astype(np.int8) for units in network.units])
        winners.append(network.output.winner if tick >= config.depth - 1 else -1)
        changes.append([])
        for before, now in zip(weights, network.weights, strict=True):
            changes[-1].append(int(np.count_nonzero(before != now)))
            before[...] = now

    result = network.run(sample, note)
    inputs = np.zeros((len(winners), config.layers[0]), dtype=np.bool_)
    for tick, spiking in enumerate(inputs):
        listed, values = sample.listing(tick)
        spiking[listed] = generator.draw(values, network.rates[0], tick)[0]
    return Raster(
        inputs,
        [np.array(layer) for layer in zip(*rows, strict=True)],
        [np.array(layer) for layer in zip(*gates, strict=True)],
        [np.array(layer) for layer in zip(*errors, strict=True)],
        np.array(winners, dtype=np.int64),
        np.array(changes, dtype=np.int64),
        result,
    )
