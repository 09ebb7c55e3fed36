"""What the page can ask for, as plain values in and out: answers, lessons, names, epochs, and what became of it all."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.datasets import Dataset
from backspike.errors import BackspikeError, shown
from backspike.experiments.work import dense_work, mean_work
from backspike.report.charts import SHOWN_TICKS
from backspike.training.answers import Evaluation, answer
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch

from .drawing import SURFACE, sample_of
from .names import checked_name, names_path, write_names
from .network import LiveNetwork, Shown

__all__ = ["REQUESTS", "LiveSession", "Place", "rehearsed"]

LESSONS = 1000
"""Drawings that are remembered, to be asked again; older ones are forgotten first."""

REHEARSED = 10
"""Samples of the dataset between two drawings that are rehearsed."""

AT_ONCE = 256
"""Samples of the dataset that one request may have learned."""


@dataclass
class Place:
    """Where a checkpoint is saved.

    Parameters
    ----------
    path : Path
    force : bool
        Whether a file that is there may be overwritten. What was saved here before may be.
    """

    path: Path
    force: bool = False

    def require_free(self) -> None:
        """Raise `BackspikeError` if a file is there that is not to be overwritten."""
        for path in (self.path, names_path(self.path)):
            if path.is_dir():
                raise BackspikeError(f"--out must be a file to be written, and {path} is a folder")
            if path.exists() and not self.force:
                raise BackspikeError(f"there is a file {path}: --out takes another name, --force overwrites it")


class LiveSession:
    """A network and all that the page has to know of it; one thread at a time.

    Parameters
    ----------
    live : LiveNetwork
    where : str
        What computes, in words.
    image : tuple of int
        Height and width of the network's image; their product is n_0.
    names : sequence of str or None
        What each class is called, None for an output unit that nothing was taught to.
    dataset : Dataset, optional
        To be learned from, and to be tested on.
    kept : int, optional
        How many of the samples to test on are asked, from the first; all when left out.
    epoch : int
        Epochs of the dataset that were learned before.
    place : Place, optional
        Where it is saved; nothing can be saved when left out.

    Attributes
    ----------
    live : LiveNetwork
    names : list of str or None
        As they are now.
    unsaved : bool
        Whether it has learned anything since it was saved, or since the beginning.
    """

    def __init__(
        self,
        live: LiveNetwork,
        where: str,
        image: tuple[int, int],
        names: Sequence[str | None],
        dataset: Dataset | None = None,
        kept: int | None = None,
        epoch: int = 0,
        place: Place | None = None,
    ) -> None:
        self.live = live
        self._where, self._image, self._dataset, self._place = where, image, dataset, place
        self._kept = kept
        self._start = list(names), epoch
        self._saved = ""
        self._begin()
        # Compiled here, so that no lesson waits for it.
        answer(live.seeded(), np.zeros((1, live.config.layers[0]), dtype=np.uint8))
        self._before = self._accuracy()

    def _begin(self) -> None:
        names, self._epoch = self._start
        self.names = list(names)
        self._position = 0
        self._learned = [0] * len(names)
        self._from_dataset = 0
        self._rehearsed = 0
        self._lessons: list[tuple[NDArray[np.uint8], int]] = []
        self.unsaved = False

    # -- requests -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what does not depend on a drawing."""
        config, dataset = self.live.config, self._dataset
        return {
            "network": config.name,
            "layers": list(config.layers),
            "where": self._where,
            "lost": self.live.lost,
            "image": list(self._image),
            "surface": SURFACE,
            "names": self.names,
            "learned": self._learned,
            "fromDataset": self._from_dataset,
            "rehearsed": self._rehearsed,
            "dataset": dataset
            and {
                "name": dataset.name,
                "train": len(dataset.train_labels),
                "position": self._position,
                "epoch": self._epoch,
                "atOnce": AT_ONCE,
            },
            "before": self._before,
            "out": self._place and str(self._place.path),
            "saved": self._saved,
            "canTakeBack": self.live.can_take_back,
        }

    def answer(self, drawing: object) -> dict[str, Any]:
        """Show a drawing, learning off."""
        values = self._values(drawing)
        return self._told(values, self.live.answer(values))

    def learn(self, drawing: object, label: object) -> dict[str, Any]:
        """Show a drawing to be learned, and then once more, learning off: both are returned, the latter as `now`."""
        values, index = self._values(drawing), self._class(label)
        if not values.any():
            raise BackspikeError("there is nothing to learn from a blank drawing")
        if self.names[index] is None:
            raise BackspikeError(f"output {index} has no name yet")
        taught = self.live.learn(values, index)
        self.unsaved = True
        self._learned[index] += 1
        self._lessons = [*self._lessons[1 - LESSONS :], (values, index)]
        return {**self._told(values, taught), "now": self._told(values, self.live.answer(values))}

    def name(self, name: object) -> dict[str, Any]:
        """Give the first output unit that has none a name."""
        text = checked_name(name)
        if text in self.names:
            raise BackspikeError(f"{text} is known already")
        if None not in self.names:
            raise BackspikeError(
                f"all {len(self.names)} output units have a name; `backspike live --spare 2` begins with two more"
            )
        index = self.names.index(None)
        self.names[index] = text
        return {"label": index}

    def epoch(self, samples: object, rehearse: object) -> dict[str, Any]:
        """Learn the next samples of the dataset, at most `AT_ONCE`, and no further than to the end of the epoch.

        Without `rehearse` an epoch is that of a training, from the very first sample on. With it the drawings that were
        learned take turns between them: see `rehearsed`.
        """
        dataset = self._dataset
        if dataset is None:
            raise BackspikeError("there is no dataset: `backspike live --dataset digits` has one")
        if type(samples) is not int or not 1 <= samples <= AT_ONCE:
            raise BackspikeError(f"samples must be a whole number from 1 to {AT_ONCE}, not {shown(samples)}")
        if type(rehearse) is not bool:
            raise BackspikeError(f"rehearse must be true or false, not {shown(rehearse)}")
        config, count = self.live.config, len(dataset.train_labels)
        part = sample_order(count, config.seed, self._epoch)[self._position : self._position + samples]
        rates = rates_of_epoch(config, self._epoch)
        values, labels = dataset.train_values[part], dataset.train_labels[part]
        if rehearse and self._lessons:
            drawings, taught = (np.array(lessons) for lessons in zip(*self._lessons, strict=True))
            values, labels = rehearsed(values, labels, self._position, drawings, taught, self._rehearsed)
            self._rehearsed += len(labels) - len(part)
        self.live.learn_all(values, labels, np.arange(len(labels)), rates)
        self.unsaved = True
        self._from_dataset += len(part)
        self._position += len(part)
        if self._position == count:
            self._epoch, self._position = self._epoch + 1, 0
        return {"shown": len(part)}

    def evaluate(self) -> dict[str, Any]:
        """Say how right it is: on the samples of the dataset to test on, and on the drawings it was taught.

        With LFSRs that are seeded anew each time, so that what differs is what was learned, not chance; by the golden
        model, whose weights are those of a device.
        """
        right = None
        if self._lessons:
            values, labels = (np.array(part) for part in zip(*self._lessons, strict=True))
            found = answer(self.live.seeded(), values).classes
            right = int(np.sum(found == labels))
        return {"accuracy": self._accuracy(), "lessons": len(self._lessons), "lessonsRight": right}

    def take_back(self) -> dict[str, Any]:
        """Go back to where it was before the last drawing that was learned; only that can be taken back."""
        if not self.live.can_take_back:
            raise BackspikeError("there is no lesson to take back")
        self.live.take_back()
        _, label = self._lessons.pop()
        self._learned[label] -= 1
        return {}

    def forget(self) -> dict[str, Any]:
        """Go back to where it began, names included."""
        self.live.forget()
        self._begin()
        return {}

    def save(self) -> dict[str, Any]:
        """Write a checkpoint, and the names of its classes."""
        if self._place is None:
            raise BackspikeError("there is no place to save to: `backspike live --out FILE` names one")
        # What is there was written by this very session, or there was nothing.
        self._place.require_free()
        self.live.checkpoint(self._epoch).save(self._place.path)
        write_names(self._place.path, self.names)
        self._place.force, self.unsaved = True, False
        self._saved = str(self._place.path)
        return {}

    def connect(self) -> dict[str, Any]:
        """Connect the device again."""
        self.live.connect()
        return {}

    # -- its parts ------------------------------------------------------------------------------------------------

    def _values(self, drawing: object) -> NDArray[np.uint8]:
        try:
            content = base64.b64decode(drawing if isinstance(drawing, str) else "", validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if len(content) != SURFACE**2:
            raise BackspikeError(f"a drawing must be {SURFACE}x{SURFACE} values of a byte each, in base64")
        return sample_of(np.frombuffer(content, np.uint8).reshape(SURFACE, SURFACE), *self._image)

    def _class(self, label: object) -> int:
        if type(label) is not int or not 0 <= label < len(self.names):
            raise BackspikeError(f"a label must be from 0 to {len(self.names) - 1}, not {shown(label)}")
        return label

    def _accuracy(self) -> float | None:
        dataset = self._dataset
        if dataset is None:
            return None
        labels = dataset.test_labels[: self._kept]
        found = answer(self.live.seeded(), dataset.test_values[: self._kept])
        return Evaluation.of(found.classes, labels, len(self.names)).accuracy

    def _told(self, values: NDArray[np.uint8], what: Shown) -> dict[str, Any]:
        raster, layers = what.raster, self.live.config.layers
        work = mean_work([what.counts], layers)
        return {
            "image": values.tolist(),
            "winner": raster.result.winner,
            "wins": raster.result.wins.tolist(),
            "ticks": raster.ticks,
            "reads": round(work.reads),
            "writes": round(work.writes),
            "dense": dense_work(layers).inference,
            "changes": raster.changes.sum(axis=0).tolist(),
            "inputs": _places(raster.inputs),
            "spikes": [_places(layer) for layer in raster.spikes],
            "positive": [_places(layer > 0) for layer in raster.errors],
            "negative": [_places(layer < 0) for layer in raster.errors],
            "winners": raster.winners[:SHOWN_TICKS].tolist(),
        }


def rehearsed(
    values: NDArray[np.uint8],
    labels: NDArray[np.int64],
    position: int,
    drawings: NDArray[np.uint8],
    taught: NDArray[np.int64],
    turn: int,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return samples of a dataset with a drawing after every tenth: alone they would make a network forget it.

    Parameters
    ----------
    values, labels : array, shape (samples, n_0), and array, shape (samples,)
        Of the dataset.
    position : int
        How many samples of its epoch came before them.
    drawings, taught : array, shape (drawings, n_0), and array, shape (drawings,)
        What takes turns, and what it is.
    turn : int
        How many turns came before.
    """
    after = np.flatnonzero((position + np.arange(len(labels)) + 1) % REHEARSED == 0) + 1
    turns = (turn + np.arange(len(after))) % len(taught)
    return np.insert(values, after, drawings[turns], axis=0), np.insert(labels, after, taught[turns])


def _places(marks: NDArray[np.bool_]) -> list[int]:
    """Return tick and unit of each mark in the first `SHOWN_TICKS`, one pair after the other."""
    places: list[int] = np.argwhere(marks[:SHOWN_TICKS]).reshape(-1).tolist()
    return places


REQUESTS: Mapping[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
    "state": (LiveSession.state, ()),
    "answer": (LiveSession.answer, ("drawing",)),
    "learn": (LiveSession.learn, ("drawing", "label")),
    "name": (LiveSession.name, ("name",)),
    "epoch": (LiveSession.epoch, ("samples", "rehearse")),
    "evaluate": (LiveSession.evaluate, ()),
    "take-back": (LiveSession.take_back, ()),
    "forget": (LiveSession.forget, ()),
    "save": (LiveSession.save, ()),
    "connect": (LiveSession.connect, ()),
}
"""What the page may ask for by name, and the values that each takes."""
