"""Recorded events: binned to the ticks of a network, and as people keep them in arrays."""

from __future__ import annotations

import operator
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, shown
from backspike.files import LARGEST

from .samples import Samples, SampleSettings

__all__ = [
    "Binning",
    "Recordings",
    "bin_recordings",
    "read_recordings",
    "spikes_of",
    "stream_recordings",
    "stream_windows",
]

FIELDS = {"x": ("x",), "y": ("y",), "polarity": ("polarity", "p"), "time": ("time", "t")}
"""What the parts of an event are called in arrays; an `x` and a time they must have."""


@dataclass(frozen=True, kw_only=True)
class Binning:
    """How events become spikes: an input spikes in a tick in which it has seen enough events.

    Parameters
    ----------
    width, height : int
        Pixels of the sensor.
    pool : int
        Pixels in each direction that share an input; what is over at the right and at the bottom has inputs as well.
    separate : bool
        Whether there are two inputs instead of one, first all for darker, then all for brighter.
    microseconds : int
        Length of the recording that is divided among the ticks; what comes later is left out.
    threshold : int
        Events that an input needs in a tick to spike.

    Raises
    ------
    BackspikeError
        A number is not 1 or more.
    """

    width: int
    height: int = 1
    pool: int = 1
    separate: bool = False
    microseconds: int
    threshold: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "height", "pool", "microseconds", "threshold"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise BackspikeError(f"{name} must be a whole number, 1 or more, not {shown(value)}")

    @property
    def columns(self) -> int:
        """Inputs in a row."""
        return -(-self.width // self.pool)

    @property
    def cells(self) -> int:
        """Inputs of one polarity."""
        return self.columns * -(-self.height // self.pool)

    @property
    def inputs(self) -> int:
        """Number of inputs, n_0, that a network needs."""
        return self.cells * (2 if self.separate else 1)

    def spikes(
        self, x: NDArray[Any], y: NDArray[Any], brighter: NDArray[Any], time: NDArray[Any], ticks: int
    ) -> NDArray[np.uint8]:
        """Return events as spikes, uint8 of shape (ticks, inputs), 0 or 1.

        Parameters
        ----------
        x, y : array of int64, shape (events,)
            Pixel of each event, inside of the sensor.
        brighter : array of int64, shape (events,)
            Its polarity, 0 or 1.
        time : array of int64 or float64, shape (events,)
            In microseconds, 0 or above.
        ticks : int
        """
        return self.spiking(self.counts(x, y, brighter, time, ticks))

    def counts(
        self, x: NDArray[Any], y: NDArray[Any], brighter: NDArray[Any], time: NDArray[Any], ticks: int
    ) -> NDArray[np.int64]:
        """Return how many events each input has in each tick, shape (ticks, inputs); parameters as in `spikes`."""
        tick = (time * ticks // self.microseconds).astype(np.int64)
        inputs = y // self.pool * self.columns + x // self.pool
        if self.separate:
            inputs = inputs + brighter * self.cells
        counts = np.bincount((tick * self.inputs + inputs)[tick < ticks], minlength=ticks * self.inputs)
        return counts.reshape(ticks, self.inputs)

    def spiking(self, counts: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return 1 where there are events enough, 0 elsewhere."""
        return (counts >= self.threshold).astype(np.uint8)


@dataclass(frozen=True)
class Recordings:
    """Events of many samples, one sample after the other.

    Parameters
    ----------
    x, y, brighter : array of int64, shape (events,)
        0 or above; polarity 0 or 1.
    time : array of int64 or float64, shape (events,)
        In microseconds from the start of the sample, 0 or above.
    offsets : array of int64, shape (samples + 1,)
        Where each sample begins, and the number of events.
    labels : array, shape (samples,)
    """

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    brighter: NDArray[np.int64]
    time: NDArray[Any]
    offsets: NDArray[np.int64]
    labels: NDArray[Any]


def read_recordings(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Recordings:
    """Return the recordings in the arrays whose names have a prefix, such as ``train_``.

    Parameters
    ----------
    arrays : mapping
        ``offsets`` and ``labels``; and ``x``, ``y``, ``polarity`` and ``time`` of all events, or an array ``events``
        with fields of these names. ``y`` and ``polarity`` may be left out, ``polarity`` and ``time`` be called ``p``
        and ``t``.
    prefix : str

    Raises
    ------
    BackspikeError
        An array is missing, of the wrong kind or shape, or has a value that is none.
    """
    events = arrays.get(f"{prefix}events")
    if events is None:
        there = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    elif events.dtype.names is None:
        raise BackspikeError(f"{prefix}events must have fields x, y, polarity and time, not be {events.dtype}")
    else:
        there = {name: events[name] for name in events.dtype.names}
    found = {field: next((there[name] for name in names if name in there), None) for field, names in FIELDS.items()}
    x, time = found["x"], found["time"]
    labels = arrays.get(f"{prefix}labels")
    if x is None or time is None or labels is None:
        missing = [name for name, array in (("x", x), ("time", time), ("labels", labels)) if array is None]
        raise BackspikeError(f"it has no {' and '.join(prefix + name for name in missing)}")
    x = _whole(f"{prefix}x", x, 0, 1 << 16)
    zeros = np.zeros(len(x), dtype=np.int64)
    y = zeros if found["y"] is None else _whole(f"{prefix}y", found["y"], 0, 1 << 16)
    polarity = zeros if found["polarity"] is None else _whole(f"{prefix}polarity", found["polarity"], -1, 2)
    if time.ndim != 1 or time.dtype.kind not in "iuf":
        raise BackspikeError(f"{prefix}time must be numbers, one for each event, not {time.dtype} of {time.shape}")
    time = time.astype(np.float64 if time.dtype.kind == "f" else np.int64)
    # Also what is no number.
    for wrong in time[~((time >= 0) & (time < 1 << 44))]:
        raise BackspikeError(f"{prefix}time must be microseconds, 0 or above, not {wrong}")
    for name, array in (("y", y), ("polarity", polarity), ("time", time)):
        if len(array) != len(x):
            raise BackspikeError(f"{prefix}{name} has {len(array):,} events, but {prefix}x {len(x):,}")
    return Recordings(x, y, (polarity > 0).astype(np.int64), time, _offsets(arrays, prefix, len(x)), labels)


def spikes_of(
    recordings: Iterable[tuple[NDArray[Any], Any]], binning: Binning, ticks: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return recordings as spikes, one after the other, so that a set may be larger than memory; and their labels.

    Saved as ``train_values`` and ``train_labels`` in an ``.npz`` they are data of one's own.

    Parameters
    ----------
    recordings : iterable or sequence
        Pairs of a structured array of events (`read_recordings` says of which fields) and a label, a whole number: what
        the datasets of tonic have.
    binning : Binning
    ticks : int

    Returns
    -------
    uint8 array of shape (samples, ticks, inputs), 0 or 1; int64 array of shape (samples,)

    Raises
    ------
    BackspikeError
        There are none; or one is no recording, or has an event outside of the sensor: the message says which.
    """
    found = list(stream_recordings(recordings, binning, ticks))
    if not found:
        raise BackspikeError("there are no recordings")
    values, labels = zip(*found, strict=True)
    return np.stack(values), np.array(labels)


def stream_recordings(
    recordings: Iterable[tuple[NDArray[Any], Any]], binning: Binning, ticks: int
) -> Generator[tuple[NDArray[np.uint8], int], None, None]:
    """Give recordings as pairs of spikes and label one by one, each when it is asked for: what a `Model` streams.

    Parameters and errors are those of `spikes_of`, but for there being none.

    Yields
    ------
    uint8 array of shape (ticks, inputs), 0 or 1; and int
    """
    # Some of tonic's have no end where they are iterated over, but a length.
    given: Any = recordings
    indexed = hasattr(given, "__len__") and hasattr(given, "__getitem__")
    pairs = (given[index] for index in range(len(given))) if indexed else given
    for number, pair in enumerate(pairs):
        try:
            events, label = _recording(pair)
            part = _events(events, binning)
        except BackspikeError as error:
            raise BackspikeError(f"recording {number}: {error}") from error
        yield binning.spikes(part.x, part.y, part.brighter, part.time, ticks), label


def stream_windows(
    packets: Iterable[NDArray[Any]], binning: Binning, ticks: int
) -> Generator[NDArray[np.uint8], None, None]:
    """Cut the events of a sensor that goes on and on into samples of `binning.microseconds` each, one after the other.

    The first begins with the first event. A sample is given once an event comes after its end, or when the packets end;
    one without any event is passed over. No more is kept than how many events each input has had in each tick.

    Parameters
    ----------
    packets : iterable
        Structured arrays of events, as `spikes_of` takes them, times counting through all packets: as cameras' drivers
        give them. A packet may end anywhere, and be empty.
    binning : Binning
    ticks : int

    Yields
    ------
    uint8 array of shape (ticks, inputs), 0 or 1

    Raises
    ------
    BackspikeError
        A packet is none, or has an event outside of the sensor or of a sample that has been given; the message says
        which.
    """
    start: Any = None
    counts: NDArray[np.int64] = np.zeros((ticks, binning.inputs), dtype=np.int64)
    for number, packet in enumerate(packets):
        try:
            part = _events(packet, binning)
            if start is None and len(part.time):
                start = part.time.min()
            since = part.time - start if len(part.time) else part.time
            for early in part.time[since < 0]:
                raise BackspikeError(f"it has an event at {early} microseconds, but the sample of it has been given")
        except BackspikeError as error:
            raise BackspikeError(f"packet {number}: {error}") from error
        windows = since // binning.microseconds
        for window in np.unique(windows):
            if window and counts.any():
                yield binning.spiking(counts)
                counts = np.zeros_like(counts)
            here = windows == window
            time = since[here] - window * binning.microseconds
            counts += binning.counts(part.x[here], part.y[here], part.brighter[here], time, ticks)
        if len(windows):
            start = start + windows.max() * binning.microseconds
    if counts.any():
        yield binning.spiking(counts)


def _recording(pair: Any) -> tuple[Any, int]:
    """Return events and label of a recording."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise BackspikeError(f"it must be a pair of events and label, not {shown(pair)}")
    events, label = pair
    try:
        return events, operator.index(label)
    except TypeError as error:
        raise BackspikeError(f"its label must be a whole number, not {shown(label)}") from error


def _events(events: Any, binning: Binning) -> Recordings:
    """Return events in one array, all of them on the sensor, as a recording."""
    part = read_recordings({"events": np.asarray(events), "offsets": np.array([0]), "labels": np.array([0])}, "")
    _check_inside([part], binning.width, binning.height)
    return part


def _check_inside(parts: list[Recordings], width: int | None, height: int | None) -> None:
    """Raise `BackspikeError` if an event is outside of the sensor."""
    for name, side, size in (("x", "width", width), ("y", "height", height)):
        last = max(int(getattr(part, name).max(initial=0)) for part in parts)
        if size is not None and last >= size:
            raise BackspikeError(f"it has an event at {name} = {last}, outside of {side} = {size}")


def _offsets(arrays: Mapping[str, NDArray[Any]], prefix: str, events: int) -> NDArray[np.int64]:
    offsets = _whole(f"{prefix}offsets", arrays[f"{prefix}offsets"], 0, events + 1)
    samples = len(arrays[f"{prefix}labels"]) if arrays[f"{prefix}labels"].ndim else 0
    if len(offsets) == samples:
        offsets = np.append(offsets, events)
    if len(offsets) != samples + 1 or offsets[0] != 0 or offsets[-1] != events or (np.diff(offsets) < 0).any():
        raise BackspikeError(
            f"{prefix}offsets must say where the events of each of the {samples} samples begin, from 0 and ascending; "
            f"after them may stand the number of events, {events:,}"
        )
    return offsets


def _whole(name: str, array: NDArray[Any], least: int, end: int) -> NDArray[np.int64]:
    if array.ndim != 1 or array.dtype.kind not in "biu":
        raise BackspikeError(f"{name} must be whole numbers in one dimension, not {array.dtype} of {array.shape}")
    for wrong in array[(array < least) | (array >= end)] if array.dtype.kind != "b" else ():
        raise BackspikeError(f"{name} must be from {least} to {end - 1}, not {wrong}")
    return array.astype(np.int64)


def bin_recordings(parts: list[Recordings], settings: SampleSettings, config: NetworkConfig) -> list[Samples]:
    """Return the recordings of all parts as spikes of shape (samples, ticks, inputs), binned alike.

    Raises
    ------
    BackspikeError
        The network takes no recorded spikes, an event is outside of the sensor, or they take too much memory.
    """
    if config.input != "spikes":
        raise BackspikeError('it has recorded events: its network needs input = "spikes"')
    last = {name: max(int(getattr(part, name).max(initial=0)) for part in parts) for name in ("x", "y", "time")}
    _check_inside(parts, settings.width, settings.height)
    binning = Binning(
        width=settings.width or last["x"] + 1,
        height=settings.height or last["y"] + 1,
        pool=settings.pool or 1,
        separate=settings.polarity == "separate",
        microseconds=1000 * settings.milliseconds if settings.milliseconds else last["time"] + 1,
        threshold=settings.threshold or 1,
    )
    size = sum(len(part.labels) for part in parts) * config.ticks * binning.inputs
    if size > LARGEST:
        raise BackspikeError(
            f"its samples have {binning.inputs:,} inputs in {config.ticks} ticks, {size:,} bytes together, more than "
            f"{LARGEST:,}: pool more of them, or take fewer samples"
        )
    return [Samples(_bin(part, binning, config.ticks), part.labels) for part in parts]


def _bin(part: Recordings, binning: Binning, ticks: int) -> NDArray[np.uint8]:
    values = np.zeros((len(part.offsets) - 1, ticks, binning.inputs), dtype=np.uint8)
    for sample, begin, end in zip(values, part.offsets[:-1], part.offsets[1:], strict=True):
        events = slice(int(begin), int(end))
        sample[...] = binning.spikes(part.x[events], part.y[events], part.brighter[events], part.time[events], ticks)
    return values
