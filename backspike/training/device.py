"""Training, testing and comparing on a device, with the golden model beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backspike.fpga.link.device import Device
from backspike.model import Network
from backspike.sim.compare import Comparison, Schedule, differing_counter

from .answers import Evaluation
from .differences import MismatchError, result_difference, weight_difference
from .engines import load_engine

__all__ = ["AnsweringDevice", "DeviceEngine", "compare_device", "evaluate_device"]

CHUNK = 64
"""Samples between two looks at the golden model."""


class _Beside:
    """A device, and the golden model beside it, which has to give the same.

    Attributes
    ----------
    shown : int
        Samples that both were shown, and that were compared.
    """

    def __init__(self, device: Device) -> None:
        self._device, self._golden = device, load_engine("fast")
        self.shown = 0

    def _load(self, network: Network) -> None:
        """Give the device the weights and the LFSRs of a network that has been seeded and has not run yet."""
        self._device.reseed(network.config.seed)
        self._device.write_weights(network.weights)

    def _show(
        self,
        network: Network,
        values: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        learn: bool,
    ) -> NDArray[np.int64]:
        """Show samples to device and model; return the wins if they are the same, or raise `MismatchError`."""
        results = self._device.show(values[order], labels[order], learn)
        wins = self._golden(network, values, labels, order, learn)
        difference = result_difference(wins, results, self.shown)
        if difference:
            raise MismatchError(difference)
        self.shown += len(order)
        return wins


class DeviceEngine(_Beside):
    """A device as an engine of a training: see `backspike.training.engines.Engine`.

    The golden model runs beside it, and the two are compared: winner and its wins of each sample that is learned, and
    all weights at the end of each epoch, where the model is tested. So the LFSRs, which a device does not show, are
    those of the model, and a checkpoint is the same, byte for byte, as without a device.

    Weights and LFSRs of the device are set at the first call, to those of a network that has not run yet. The
    device's own LFSRs go on through all epochs: samples without learning are shown to the model alone.

    Parameters
    ----------
    device : Device
        Of the configuration of the networks, but for the seed.

    Raises
    ------
    MismatchError
        When called: the device differs from the model.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._rates: list[int] = []
        self._weights_compared = 0

    def __call__(
        self,
        network: Network,
        values: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        learn: bool,
    ) -> NDArray[np.int64]:
        """Show samples; parameters, result and errors are those of `Network.run_samples`."""
        network.check(values, labels, order)
        if not learn:
            self.compare_weights(network)
            return self._golden(network, values, labels, order, False)
        if not self._rates:
            self._load(network)
        if network.rates != self._rates:
            self._device.set_rates(network.rates)
            self._rates = list(network.rates)
        return self._show(network, values, labels, order, True)

    def compare_weights(self, network: Network) -> None:
        """Compare all weights, unless that was done since the last sample; a difference raises `MismatchError`."""
        if self._weights_compared < self.shown:
            difference = weight_difference(network.weights, self._device.read_weights())
            if difference:
                raise MismatchError(f"after {self.shown} samples: {difference}")
            self._weights_compared = self.shown


class AnsweringDevice(_Beside):
    """A device as an engine that answers, learning off: see `backspike.training.engines.Engine`.

    The golden model answers beside it; winner and its wins are compared for each sample, and the wins of the other
    classes, which a device does not tell, are the model's.

    Weights and LFSRs of the device are set at the first call, to those of a network that has been seeded and has not
    run yet: a device's LFSRs cannot be set but by a seed.

    Parameters
    ----------
    device : Device
        Of the configuration of the networks, but for the seed.

    Raises
    ------
    MismatchError
        When called: the device differs from the model.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._ready = False

    def __call__(
        self,
        network: Network,
        values: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        learn: bool,
    ) -> NDArray[np.int64]:
        """Show samples; parameters, result and errors are those of `Network.run_samples`."""
        network.check(values, labels, order)
        if learn:
            raise ValueError("what answers does not learn")
        if not self._ready:
            self._load(network)
            self._ready = True
        return self._show(network, values, labels, order, False)


def evaluate_device(
    device: Device,
    values: NDArray[np.uint8],
    labels: NDArray[np.int64],
    progress: Callable[[int], object] | None = None,
) -> Evaluation:
    """Return how right a device's answers to samples are, learning off; parameters are those of `Device.show`."""
    winners = device.show(values, labels, False, progress)[:, 0]
    return Evaluation.of(winners, labels, device.config.layers[-1])


def compare_device(device: Device, schedule: Schedule, progress: Callable[[int], object] | None = None) -> Comparison:
    """Show a schedule to device and golden model, and compare the results, and in the end weights and counters.

    Parameters
    ----------
    device : Device
        Its weights are overwritten; its counters begin anew.
    schedule : Schedule
    progress : callable, optional
        Gets the number of samples that were compared.
    """
    config = device.config
    network, golden = Network(config.replace(seed=schedule.seed), schedule.weights), load_engine("fast")
    device.hello()
    device.reseed(schedule.seed)
    device.write_weights(schedule.weights)
    predicted: list[NDArray[np.int64]] = []
    mismatch, start, samples = "", 0, len(schedule.labels)
    while start < samples and not mismatch:
        rates, learn = schedule.rates[start], bool(schedule.learn[start])
        same = (schedule.rates[start : start + CHUNK] == rates).all(axis=1)
        same &= schedule.learn[start : start + CHUNK] == learn
        part = slice(start, start + (len(same) if same.all() else int(same.argmin())))
        network.rates = rates.tolist()
        device.set_rates(network.rates)
        values, labels = schedule.values[part], schedule.labels[part]
        results = device.show(values, labels, learn)
        wins = golden(network, values, labels, np.arange(len(labels)), learn)
        mismatch = result_difference(wins, results, start)
        predicted.append(results[:, 0])
        start = part.stop
        if progress:
            progress(len(labels))
    weights, counters = device.read_weights(), device.counters()
    mismatch = mismatch or weight_difference(network.weights, weights) or differing_counter(network.counters, counters)
    compared = {"results": start, "weights": sum(matrix.size for matrix in weights)}
    return Comparison(mismatch, compared, np.concatenate(predicted), counters, weights)
