"""The network that is taught: the golden model, or a device with the golden model beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.model.network import Counters, Network
from backspike.model.raster import Raster, record_raster
from backspike.model.spikes import Sample
from backspike.training.answers import scratch_copy
from backspike.training.checkpoint import Checkpoint
from backspike.training.differences import MismatchError, result_difference, weight_difference
from backspike.training.engines import load_engine

if TYPE_CHECKING:
    from backspike.fpga.link.device import Device

__all__ = ["DeviceLostError", "LiveNetwork", "Shown", "with_spare_units"]


class DeviceLostError(BackspikeError):
    """The device does not answer, or not as the golden model does; `LiveNetwork.connect` begins with it anew."""


@dataclass(frozen=True)
class Shown:
    """What a network did with a sample.

    Parameters
    ----------
    raster : Raster
    counts : dict
        Work done for it, see `Counters.to_dict`.
    """

    raster: Raster
    counts: dict[str, Any]


class LiveNetwork:
    """A network that is shown one sample after the other, some to be answered and some to be learned.

    Alone, the golden model answers on a copy, as `Model` does: so what it has learned depends on what it was taught
    and on nothing else, and is what `Model.partial_fit` makes of the same samples. A device cannot be copied: its LFSRs
    run on through all that it is shown. The golden model beside it is shown the same, and is compared: winner and wins
    of each sample, and all weights whenever they are read. The raster is then the golden model's.

    Parameters
    ----------
    network : Network
        Moves on with what is learned. With a device one that has been seeded and has not run yet.
    connect : callable, optional
        Opens the way to the device of the network's configuration (its seed apart), as a context.

    Attributes
    ----------
    network : Network
        As it is now.

    Raises
    ------
    DeviceLostError
        In all methods but `seeded` and `close`, with a device.
    """

    def __init__(self, network: Network, connect: Callable[[], AbstractContextManager[Device]] | None = None) -> None:
        self.network = network
        self._start = copy.deepcopy(network)
        self._previous: Network | None = None
        self._connect = connect
        self._way = ExitStack()
        self._device: Device | None = None
        self._rates: list[int] = []
        self._shown = 0
        if connect:
            self._open(connect)

    @property
    def config(self) -> NetworkConfig:
        """That of the network."""
        return self.network.config

    @property
    def lost(self) -> bool:
        """Whether there is to be a device, and is none."""
        return self._connect is not None and self._device is None

    def connect(self) -> None:
        """Open the way to the device anew; it gets the weights of the golden model, and LFSRs that are seeded anew.

        Raises
        ------
        DeviceLostError
            It still does not answer.
        """
        if not self._connect:
            return
        self.close()
        self.network = self.seeded()
        try:
            self._open(self._connect)
        # What a serial port raises, and what a device does that answers no more.
        except (OSError, BackspikeError) as error:
            self.close()
            raise DeviceLostError(str(error)) from error

    def close(self) -> None:
        """Close the way to the device, if there is one."""
        way, self._way, self._device = self._way, ExitStack(), None
        # What is gone cannot be closed in good order.
        with suppress(OSError, BackspikeError):
            way.close()

    def _open(self, connect: Callable[[], AbstractContextManager[Device]]) -> None:
        with ExitStack() as way:
            device = way.enter_context(connect())
            device.reseed(self.config.seed)
            device.write_weights(self.network.weights)
            difference = weight_difference(self.network.weights, device.read_weights())
            if difference:
                raise MismatchError(difference)
            self._way = way.pop_all()
        self._device, self._rates, self._shown = device, [], 0

    # -- samples --------------------------------------------------------------------------------------------------

    def answer(self, values: NDArray[np.uint8]) -> Shown:
        """Show a sample, uint8, shape (n_0,), learning off."""
        if self._connect:
            return self._show_device(values, 0, False)
        return _show(scratch_copy(self.network), values, 0, False)

    def learn(self, values: NDArray[np.uint8], label: int) -> Shown:
        """Show a sample, uint8, shape (n_0,), to be learned; the label is 0 to n_L - 1."""
        previous = copy.deepcopy(self.network)
        shown = self._show_device(values, label, True) if self._connect else _show(self.network, values, label, True)
        self._previous = previous
        return shown

    def learn_all(
        self, values: NDArray[np.uint8], labels: NDArray[np.int64], order: NDArray[np.int64], rates: list[int]
    ) -> None:
        """Show samples of a dataset to be learned, in an order, with learning rates that hold from then on.

        Parameters
        ----------
        values : uint8 array, shape (samples, n_0)
        labels : int64 array, shape (samples,)
        order : int64 array, shape (shown,)
            Indices of the samples to show.
        rates : list of int
            One per weight layer, in 1/256.
        """
        self._previous = None
        self.network.rates = list(rates)
        show = load_engine("fast")
        results = None
        if self._connect:
            results = self._ask(lambda device: device.show(values[order], labels[order], True))
        wins = show(self.network, values, labels, order, True)
        self.network.counters = Counters.zero(self.config.depth)
        if results is not None:
            self._compare(wins, results)

    def _show_device(self, values: NDArray[np.uint8], label: int, learn: bool) -> Shown:
        # First the device: if it is lost on the way, the golden model has not moved, and can be put into it again.
        results = self._ask(lambda device: device.show(values[np.newaxis], np.array([label]), learn))
        shown = _show(self.network, values, label, learn)
        self._compare(shown.raster.result.wins[np.newaxis], results)
        return shown

    def _ask(self, request: Callable[[Device], Any]) -> Any:
        device = self._device
        if not device:
            raise DeviceLostError("there is no device: connect it again")
        self._device = None
        try:
            # If it is lost, the way to it says in what words, and is closed.
            with self._way as way:
                if self._rates != self.network.rates:
                    device.set_rates(self.network.rates)
                    self._rates = list(self.network.rates)
                answer = request(device)
                self._way, self._device = way.pop_all(), device
        except (OSError, BackspikeError) as error:
            raise DeviceLostError(f"the device is lost: {error}") from error
        return answer

    def _compare(self, wins: NDArray[np.int64], results: NDArray[np.int64]) -> None:
        self._check(result_difference(wins, results, self._shown))
        self._shown += len(wins)

    def _check(self, difference: str) -> None:
        if difference:
            self.close()
            raise DeviceLostError(f"device and golden model differ: {difference}")

    # -- its weights ----------------------------------------------------------------------------------------------

    def seeded(self) -> Network:
        """Return a network of its weights and rates whose LFSRs are as its seed has them."""
        fresh = Network(self.config, [matrix.copy() for matrix in self.network.weights])
        fresh.rates = list(self.network.rates)
        return fresh

    @property
    def can_take_back(self) -> bool:
        """Whether the last sample that was learned can be taken back: one can, and none of a dataset."""
        return self._previous is not None

    def take_back(self) -> None:
        """Go back to where it was before the last `learn`; the LFSRs of a device are seeded anew."""
        if self._previous:
            self._go_to(self._previous)

    def forget(self) -> None:
        """Go back to where it began: weights, rates, and LFSRs."""
        self._go_to(copy.deepcopy(self._start))

    def _go_to(self, network: Network) -> None:
        self.network, self._previous = network, None
        if self._device:
            self.connect()

    def checkpoint(self, epoch: int) -> Checkpoint:
        """Return what it is now, after so many epochs of its dataset; weights of a device are read and compared."""
        if self._connect:
            self._check(weight_difference(self.network.weights, self._ask(lambda device: device.read_weights())))
        return Checkpoint.capture(self.network, epoch)


def with_spare_units(network: Network, units: int) -> Network:
    """Return a network with so many more output units, to be taught what it has no output for.

    Whatever it knows stays as it is. The weights of the new units are 0, and so are their potentials: they win where no
    class has anything to say for itself. All LFSRs are seeded anew, since there are more of them.

    Raises
    ------
    BackspikeError
        No network can have so many.
    """
    layers = network.config.layers
    config = network.config.replace(layers=(*layers[:-1], layers[-1] + units))
    spare = np.zeros((layers[-2] + 1, units), dtype=np.int64)
    weights = [matrix.copy() for matrix in network.weights]
    weights[-1] = np.concatenate([weights[-1], spare], axis=1)
    wider = Network(config, weights)
    wider.rates = list(network.rates)
    return wider


def _show(network: Network, values: NDArray[np.uint8], label: int, learn: bool) -> Shown:
    network.counters = Counters.zero(network.config.depth)
    raster = record_raster(network, Sample(values, label, learn))
    counts = network.counters.to_dict()
    network.counters = Counters.zero(network.config.depth)
    return Shown(raster, counts)
