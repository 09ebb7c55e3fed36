"""Recordings that another library has, tonic's above all, as a dataset."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, shown

from .dataset import Dataset
from .events import Binning, spikes_of

__all__ = ["binning_of", "recorded_dataset"]

Recording = tuple[NDArray[Any], Any]


def binning_of(
    recordings: Any,
    *,
    milliseconds: int,
    pool: int = 1,
    separate: bool = False,
    threshold: int = 1,
) -> Binning:
    """Return how recordings become spikes, for the sensor that they say they are of.

    Parameters
    ----------
    recordings : Any
        Something with a `sensor_size` of width and height, as the datasets of tonic have; the polarities after them do
        not matter here.
    milliseconds : int
        Length of a recording that is divided among the ticks, 1 or more; what comes later is left out.
    pool, separate, threshold
        As in `Binning`.

    Raises
    ------
    BackspikeError
        It does not say how large its sensor is, or a value is impossible.
    """
    size: Any = getattr(recordings, "sensor_size", None)
    try:
        width, height = (operator.index(side) for side in size[:2])
    except (TypeError, ValueError) as error:
        raise BackspikeError(
            f"{type(recordings).__name__} must have a sensor_size of width and height, not {shown(size)}; make a "
            "Binning of its sensor by hand"
        ) from error
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 1:
        raise BackspikeError(f"milliseconds must be a whole number, 1 or more, not {shown(milliseconds)}")
    return Binning(
        width=width,
        height=height,
        pool=pool,
        separate=separate,
        microseconds=1000 * milliseconds,
        threshold=threshold,
    )


def recorded_dataset(
    name: str, train: Iterable[Recording], test: Iterable[Recording], config: NetworkConfig, binning: Binning
) -> Dataset:
    """Return recordings, read one by one and binned to the ticks of a network, as a dataset to train and test on.

    Parameters
    ----------
    name : str
        Name of the dataset.
    train, test : iterable or sequence
        Pairs of events and label, as `spikes_of` takes them: a dataset of tonic, or anything like one.
    config : NetworkConfig
        With ``input = "spikes"`` and an input for each of those of `binning`; its classes are the labels.
    binning : Binning

    Raises
    ------
    BackspikeError
        The network takes no recorded spikes, or of another number of inputs; a recording is none, or its label is no
        class; or there are none.

    Warns
    -----
    BackspikeWarning
        Most recordings are blank, spike in a single tick, or are of one class: see `Dataset.check`.
    """
    if config.input != "spikes":
        raise BackspikeError(f'dataset {name} is recorded spikes: its network needs input = "spikes"')
    if config.layers[0] != binning.inputs:
        raise BackspikeError(
            f"dataset {name} has {binning.inputs} inputs, but network {config.name} {config.layers[0]}"
        )
    parts: dict[str, Any] = {}
    for part, recordings in (("train", train), ("test", test)):
        try:
            parts[f"{part}_values"], parts[f"{part}_labels"] = spikes_of(recordings, binning, config.ticks)
        except BackspikeError as error:
            raise BackspikeError(f"dataset {name}, to {part} on: {error}") from error
    dataset = Dataset(name, **parts, classes=config.layers[-1])
    dataset.check(config)
    return dataset
