"""Answers: what a network makes of samples while it does not learn, and how many of them are right."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.model.network import Counters, Network

from .engines import DEFAULT_ENGINE, Engine, load_engine, show_chunks

__all__ = ["Answer", "Answers", "Evaluation", "answer", "scratch_copy"]


@dataclass(frozen=True)
class Answer:
    """A network's answer to one sample.

    Parameters
    ----------
    label : Any
        Label of its class, the one with the most wins and the lowest of them.
    wins : int64 array, shape (n_L,)
        Ticks that each class has won, 0 to T - L + 1.
    """

    label: Any
    wins: NDArray[np.int64]

    @property
    def confidence(self) -> float:
        """Share of the ticks that the class has won, 1/n_L to 1."""
        return float(self.wins.max() / self.wins.sum())


@dataclass(frozen=True)
class Answers:
    """A network's answers to some samples.

    Parameters
    ----------
    wins : int64 array, shape (samples, n_L)
        Ticks that each class has won, 0 to T - L + 1.
    counters : Counters
        Work done for all of them.
    """

    wins: NDArray[np.int64]
    counters: Counters

    @property
    def classes(self) -> NDArray[np.int64]:
        """Class of each sample, the one with the most wins and the lowest of them: shape (samples,), 0 to n_L - 1."""
        classes: NDArray[np.int64] = self.wins.argmax(axis=1)
        return classes

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the ticks that each class has won, shape (samples, n_L), 0 to 1; those of a sample add up to 1."""
        shares: NDArray[np.float64] = self.wins / self.wins.sum(axis=1, keepdims=True)
        return shares

    @property
    def confidences(self) -> NDArray[np.float64]:
        """Share of the ticks that each sample's class has won, shape (samples,), 1/n_L to 1."""
        confidences: NDArray[np.float64] = self.shares.max(axis=1)
        return confidences


@dataclass(frozen=True)
class Evaluation:
    """How right answers are.

    Parameters
    ----------
    confusion : int64 array, shape (n_L, n_L)
        Samples of each label, row, that were given each class, column.
    """

    confusion: NDArray[np.int64]

    @classmethod
    def of(cls, answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Evaluation:
        """Count answers.

        Parameters
        ----------
        answers, labels : int64 array, shape (samples,)
            From 0 to `classes` - 1.
        classes : int
            n_L.
        """
        counts = np.bincount(labels * classes + answers, minlength=classes * classes)
        return cls(counts.reshape(classes, classes))

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.confusion.sum())

    @property
    def right(self) -> int:
        """Number of samples that were given the class of their label."""
        return int(self.confusion.trace())

    @property
    def accuracy(self) -> float:
        """Share of the samples that were answered right, 0 to 1."""
        return self.right / self.samples

    @property
    def recalls(self) -> list[float | None]:
        """For each class the share of its samples that were answered right, 0 to 1; None if there are none."""
        return _shares(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precisions(self) -> list[float | None]:
        """For each class the share of the answers with it that were right, 0 to 1; None if there are none."""
        return _shares(self.confusion.diagonal(), self.confusion.sum(axis=0))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        samples, right = self.confusion.sum(axis=1).tolist(), self.confusion.diagonal().tolist()
        return {
            "samples": self.samples,
            "right": self.right,
            "accuracy": self.accuracy,
            "classes": [
                {"class": number, "samples": of, "right": got, "recall": recall, "precision": precision}
                for number, (of, got, recall, precision) in enumerate(
                    zip(samples, right, self.recalls, self.precisions, strict=True)
                )
            ],
            "confusion": self.confusion.tolist(),
        }


def answer(
    network: Network,
    values: NDArray[np.uint8],
    engine: str | Engine = DEFAULT_ENGINE,
    title: str = "answering",
    silent: bool = True,
) -> Answers:
    """Show samples one after the other to a copy of a network, learning off; the network itself stays as it is.

    The LFSRs run on from sample to sample, so an answer depends on what was asked before it, by chance.

    Parameters
    ----------
    network : Network
    values : uint8 array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
    engine : str or Engine
        One of `ENGINES`, or another; the result is the same with each.
    title : str
        What is done, for the progress bar.
    silent : bool
        Whether there is no progress bar.

    Raises
    ------
    BackspikeError
        The samples are not the network's.
    """
    subject, labels = scratch_copy(network), np.zeros(len(values), dtype=np.int64)
    # Once for all: without any sample no chunk is shown.
    subject.check(values, labels, labels)
    chunks = show_chunks(
        subject, values, labels, np.arange(len(values)), False, load_engine(engine), title, silent=silent
    )
    wins = [np.zeros((0, network.config.layers[-1]), dtype=np.int64), *(found for _, found in chunks)]
    return Answers(np.concatenate(wins), subject.counters)


def scratch_copy(network: Network) -> Network:
    """Return a copy of a network for samples that are to leave no trace, with counters at zero.

    Inference draws from the LFSRs that training draws from: the network itself would learn otherwise after it.
    """
    subject = copy.deepcopy(network)
    subject.counters = Counters.zero(network.config.depth)
    return subject


def _shares(parts: NDArray[np.int64], wholes: NDArray[np.int64]) -> list[float | None]:
    return [part / whole if whole else None for part, whole in zip(parts.tolist(), wholes.tolist(), strict=True)]
