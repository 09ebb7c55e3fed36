"""The golden model of the whole network: `docs/semantics.md` in NumPy, integers only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, shown

from .fields import StateKind
from .neuron import CompositeNeurons
from .seeding import LfsrMap, lfsr_seeds
from .spikes import Sample, SpikeGenerator
from .state import state_entries
from .synapses import SynapseArray, initial_weights
from .wta import WinnerTakeAll

__all__ = ["Counters", "Network", "Result", "check_rates", "check_samples", "check_weights"]


@dataclass(frozen=True)
class Result:
    """What a sample yields: wins of each class over the ticks, shape (n_L,), and the class with most of them."""

    wins: NDArray[np.int64]

    @property
    def winner(self) -> int:
        """Class with the most wins; ties go to the lowest index."""
        return int(np.argmax(self.wins))


@dataclass
class Counters:
    """Work done since the counters were made: what the hardware's counters show too.

    Parameters
    ----------
    samples, ticks, error_ticks : int
        Samples shown, ticks they took, and those in which some layer had an error.
    rows, writes : int64 array, shape (L,)
        Rows of each weight layer that were visited, and those of them that were written back.
    """

    samples: int
    ticks: int
    error_ticks: int
    rows: NDArray[np.int64]
    writes: NDArray[np.int64]

    @classmethod
    def zero(cls, depth: int) -> Counters:
        """Return counters of a network of so many weight layers that has done nothing."""
        return cls(0, 0, 0, np.zeros(depth, dtype=np.int64), np.zeros(depth, dtype=np.int64))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], depth: int) -> Counters:
        """Return the counters that `to_dict` wrote, of a network of so many weight layers.

        Raises
        ------
        ValueError
            They are no such counts: one is missing, too many, no whole number or negative.
        """
        single, layered = ("samples", "ticks", "error_ticks"), ("rows", "writes")
        if not isinstance(values, dict) or values.keys() != {*single, *layered}:
            raise ValueError("the counts are not those of a network")
        for key, value in values.items():
            counts = value if key in layered else [value]
            if not isinstance(counts, list) or len(counts) != (depth if key in layered else 1):
                raise ValueError(f"{key} must be {depth} counts, one per weight layer")
            if not all(type(count) is int and 0 <= count < 2**63 for count in counts):
                raise ValueError(f"{key} must be whole numbers from 0 to {2**63 - 1}")
        return cls(*(values[key] for key in single), *(np.array(values[key], dtype=np.int64) for key in layered))

    def by_register(self) -> dict[str, int]:
        """Return the counts by the names of the hardware's counters, which show them modulo 2^32."""
        return {
            "SAMPLES": self.samples,
            "TICKS": self.ticks,
            "ERROR_TICKS": self.error_ticks,
            **{f"ROWS_{layer}": int(rows) for layer, rows in enumerate(self.rows, start=1)},
            **{f"WRITES_{layer}": int(writes) for layer, writes in enumerate(self.writes, start=1)},
        }

    def add(self, counted: Mapping[str, int]) -> None:
        """Add what the hardware's counters of these names have counted."""
        layers = range(1, len(self.rows) + 1)
        self.samples += counted["SAMPLES"]
        self.ticks += counted["TICKS"]
        self.error_ticks += counted["ERROR_TICKS"]
        self.rows += np.array([counted[f"ROWS_{layer}"] for layer in layers])
        self.writes += np.array([counted[f"WRITES_{layer}"] for layer in layers])

    def to_dict(self) -> dict[str, int | list[int]]:
        """Return all counts as JSON has them."""
        return {
            "samples": self.samples,
            "ticks": self.ticks,
            "error_ticks": self.error_ticks,
            "rows": self.rows.tolist(),
            "writes": self.writes.tolist(),
        }


class Network:
    """A network with its weights and its LFSRs.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int arrays, shape (inputs + 1, units) each, optional
        Starting weights in LSB; drawn from the configuration's seed when left out.

    Raises
    ------
    BackspikeError
        Weights of a wrong shape, not integers or out of range; a sample of a wrong shape, or a label that is no class.

    Attributes
    ----------
    rates : list of int
        Learning rate of each weight layer in 1/256; may change between samples.
    generator, synapses, hidden, output
        The parts, with all state.
    """

    def __init__(self, config: NetworkConfig, weights: Sequence[NDArray[np.int64]] | None = None) -> None:
        self.config = config
        self.rates = list(config.rates)
        lfsrs = LfsrMap(config)
        seeds = lfsr_seeds(config.seed, lfsrs.count, config.lfsr_bits)
        if weights is None:
            weights = initial_weights(config, config.seed)
        check_weights(config, weights)
        self.generator = SpikeGenerator(config, seeds[lfsrs.inputs])
        self.synapses = [
            SynapseArray(config, own, seeds[[lfsrs.bias(layer.number)]])
            for layer, own in zip(config.weight_layers, weights, strict=True)
        ]
        self.hidden = [
            CompositeNeurons(config, seeds[lfsrs.units(layer.number)], layer.dropout) for layer in config.hidden_layers
        ]
        self.output = WinnerTakeAll(config, seeds[lfsrs.units(config.depth)])
        self.counters = Counters.zero(config.depth)

    @property
    def weights(self) -> list[NDArray[np.int64]]:
        """Weights of each layer, shape (inputs + 1, units), in LSB."""
        return [array.weights for array in self.synapses]

    @property
    def units(self) -> list[CompositeNeurons | WinnerTakeAll]:
        """Units of each weight layer: the hidden ones and, last, the output."""
        return [*self.hidden, self.output]

    def run(self, sample: Sample, observe: Callable[[int], None] | None = None) -> Result:
        """Show one sample for T ticks, or until the configuration's patience ends it.

        Parameters
        ----------
        sample : Sample
        observe : callable, optional
            Called with the tick's number after each tick, when all registers have moved.
        """
        sample = Sample(np.asarray(sample.values), sample.label, sample.learn)
        self.check(sample.values[np.newaxis], np.array([sample.label]), np.array([0]))
        return self._show(sample, observe)

    def _show(self, sample: Sample, observe: Callable[[int], None] | None = None) -> Result:
        """Show a sample that was checked."""
        config = self.config
        for part in self.units:
            part.clear()
        wins = np.zeros(config.layers[-1], dtype=np.int64)
        streak, last, ending = 0, None, False
        patience = config.patience_for(sample.learn)
        for tick in range(config.ticks):
            if self._tick(tick, sample):
                winner = self.output.winner
                wins[winner] += 1
                awaited = sample.label if sample.learn else last
                streak = streak + 1 if winner == awaited else int(not sample.learn)
                last = winner
            if observe:
                observe(tick)
            if ending:
                break
            # One tick more: while this one was decided, the next one's inputs were being drawn.
            ending = streak == patience > 0
        self.counters.samples += 1
        return Result(wins)

    def run_samples(
        self, values: NDArray[np.uint8], labels: NDArray[np.int64], order: NDArray[np.int64], learn: bool
    ) -> NDArray[np.int64]:
        """Show samples one after the other; the twin of `fast.run_samples`, which says what goes in and out."""
        self.check(values, labels, order)
        shown = [self._show(Sample(values[index], int(labels[index]), learn)).wins for index in order]
        return np.array(shown, dtype=np.int64).reshape(len(order), self.config.layers[-1])

    def _tick(self, tick: int, sample: Sample) -> bool:
        """Do one tick of all layers that take part; return whether the output layer did."""
        # Layer l takes part once the spikes of layer l - 1 are there: from tick l - 1 on.
        active = min(self.config.depth, tick + 1)
        drives: list[NDArray[np.int64]] = []
        # What each layer passes back to the units below it.
        errors: list[NDArray[np.int64] | None] = [None] * self.config.depth

        # Sweep: every layer works on what was registered before this tick, its own old weights included.
        any_error = False
        parts = zip(self.synapses[:active], self.units[:active], [None, *self.hidden][:active], strict=True)
        for index, (array, own, below) in enumerate(parts):
            spiking, permitted, visited = self._inputs(index, below, tick, sample)
            drives.append(array.forward(spiking))
            if own.error_pos.any() or own.error_neg.any():
                any_error = True
                if below:
                    errors[index] = array.backward(own.error_pos, own.error_neg)
                    visited = int((below.spike | below.gate).sum()) + 1
                array.update(permitted, own.error_pos, own.error_neg)
                self.counters.writes[index] += len(permitted)
            self.counters.rows[index] += visited

        # Neurons: all registers move.
        above = zip(self.hidden, errors[1:], self.rates[1:], strict=True)
        for index, (drive, (units, error, next_rate)) in enumerate(zip(drives, above, strict=False)):
            units.tick(drive, tick == index, error, next_rate, sample.learn)
        if active == self.config.depth:
            self.output.tick(drives[-1], tick == self.config.depth - 1, sample.label, sample.learn)
        self.counters.ticks += 1
        self.counters.error_ticks += any_error
        return active == self.config.depth

    def _inputs(
        self, index: int, below: CompositeNeurons | None, tick: int, sample: Sample
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Return the spiking rows of a layer, those of them that may learn, and the number of rows visited."""
        rate = self.rates[index]
        if below:
            spiking, permitted = np.flatnonzero(below.spike), np.flatnonzero(below.spike & below.permit)
        else:
            rows, values = sample.listing(tick)
            spike, permit = self.generator.draw(values, rate, tick)
            spiking, permitted = rows[spike], rows[spike & permit]
        bias = self.config.layers[index]
        spiking = np.append(spiking, bias)
        if self.synapses[index].bias_permit(rate):
            permitted = np.append(permitted, bias)
        return spiking, permitted, len(spiking)

    def check(self, values: NDArray[np.uint8], labels: NDArray[np.int64], order: NDArray[np.int64]) -> None:
        """Check all that an engine takes, its state included: compiled code and hardware do not look for themselves.

        Raises
        ------
        BackspikeError
            Samples of a wrong shape or type, not one label per sample, a label that is no class, an index of no sample,
            a rate outside of 0 to 256, weights that `check_weights` refuses, or another state of a wrong shape or type.
        """
        check_samples(self.config, values, labels)
        if not isinstance(order, np.ndarray) or order.ndim != 1 or order.dtype.kind not in "iu":
            raise BackspikeError(f"the order of samples must be whole numbers in one dimension, not {_kind(order)}")
        for index in order[(order < 0) | (order >= len(values))]:
            raise BackspikeError(f"the order of {len(values)} samples must be from 0 to {len(values) - 1}, not {index}")
        check_rates(self.config, self.rates)
        check_weights(self.config, self.weights)
        self._check_state()

    def _check_state(self) -> None:
        expected: list[tuple[str, object, tuple[int, ...], type[np.generic]]] = [
            (f"{entry.field.name} of layer {entry.layer}", getattr(entry.owner(self), entry.field.name), entry.shape,
             entry.field.dtype)
            for entry in state_entries(self.config).values()
            if entry.shape and entry.field.kind is not StateKind.WEIGHT
        ]  # fmt: skip
        for name in ("rows", "writes"):
            expected.append((f"counter {name}", getattr(self.counters, name), (self.config.depth,), np.int64))
        for what, found, shape, dtype in expected:
            if not isinstance(found, np.ndarray) or found.shape != shape or found.dtype != dtype:
                raise BackspikeError(f"{what} must be {dtype.__name__} of shape {shape}, not {_kind(found)}")


def _kind(value: object) -> str:
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def check_weights(config: NetworkConfig, weights: Sequence[NDArray[np.int64]]) -> None:
    """Raise `BackspikeError` unless weights have a configuration's shapes, (inputs + 1, units) each, and its range."""
    shapes = [layer.shape for layer in config.weight_layers]
    found = [w.shape if isinstance(w, np.ndarray) else type(w).__name__ for w in weights]
    if found != shapes:
        raise BackspikeError(f"weights must have the shapes {shapes}, not {found}")
    for layer, array in enumerate(weights, start=1):
        if array.dtype.kind not in "iu":
            raise BackspikeError(f"weights of layer {layer} must be whole numbers, not {array.dtype}")
        if array.min() < config.weight_min or array.max() > config.weight_max:
            raise BackspikeError(
                f"weights of layer {layer} must be from {config.weight_min} to {config.weight_max}, "
                f"not {array.min()} to {array.max()}"
            )


def check_rates(config: NetworkConfig, rates: Sequence[int]) -> None:
    """Raise `BackspikeError` unless there is a learning rate for each weight layer, 0 to 256."""
    if not isinstance(rates, (list, tuple, np.ndarray)) or len(rates) != config.depth:
        raise BackspikeError(f"there must be {config.depth} rates, one per weight layer, not {shown(rates)}")
    for rate in rates:
        if isinstance(rate, bool) or not isinstance(rate, (int, np.integer)) or not 0 <= rate <= 256:
            raise BackspikeError(f"a rate must be a whole number from 0 to 256, not {shown(rate)}")


def check_samples(config: NetworkConfig, values: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Raise `BackspikeError` unless samples, stacked along the first axis, and labels are fit for a configuration."""
    shape = config.sample_shape
    if not isinstance(values, np.ndarray) or values.shape[1:] != shape or values.dtype != np.uint8 or not values.ndim:
        found = f"{values.dtype} of shape {values.shape[1:]}" if isinstance(values, np.ndarray) else _kind(values)
        raise BackspikeError(f"a sample must be uint8 of shape {shape}, not {found}")
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise BackspikeError(f"labels must be whole numbers, not {_kind(labels)}")
    if labels.shape != values.shape[:1]:
        raise BackspikeError(f"there must be one label per sample: {len(values)}, not {labels.size}")
    for label in labels[(labels < 0) | (labels >= config.layers[-1])]:
        raise BackspikeError(f"a label must be from 0 to {config.layers[-1] - 1}, not {label}")
