"""What the network of a training makes of the samples to test on, when it is shown them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.datasets import Dataset, find_loader, load_dataset
from backspike.errors import BackspikeError
from backspike.model.raster import Raster, record_raster
from backspike.model.spikes import Sample
from backspike.training.answers import Answers, Evaluation, answer, scratch_copy
from backspike.training.checkpoint import Checkpoint
from backspike.training.identity import data_digest

from .folders import TrainingFolder

__all__ = ["Samples", "Tested", "find_samples", "show_test"]


@dataclass(frozen=True)
class Samples:
    """Where samples are to be had; what is not given is that of the training's account.

    Parameters
    ----------
    dataset : str, optional
        Name, or path of data of one's own.
    settings : mapping
        Settings of the dataset by name.
    data_dir : Path, optional
        The only folder to look in.
    """

    dataset: str | None
    settings: Mapping[str, Any]
    data_dir: Path | None

    @property
    def given(self) -> bool:
        """Whether anything was said about them: then it has to be right."""
        return bool(self.dataset or self.settings or self.data_dir)


@dataclass(frozen=True)
class Tested:
    """Answers of a checkpoint to the samples to test on.

    Parameters
    ----------
    checkpoint : Checkpoint
    dataset : Dataset
    answers : Answers
    evaluation : Evaluation
    """

    checkpoint: Checkpoint
    dataset: Dataset
    answers: Answers
    evaluation: Evaluation

    @property
    def ticks(self) -> NDArray[np.int64]:
        """Ticks that each sample took, shape (samples,), L to T: the output layer takes part from tick L - 1 on."""
        ticks: NDArray[np.int64] = self.answers.wins.sum(axis=1) + self.checkpoint.config.depth - 1
        return ticks

    @property
    def worst(self) -> NDArray[np.int64]:
        """All samples, the worst first: by how far the share of the label's wins is below the best other's."""
        wins, labels = self.answers.wins, self.dataset.test_labels
        rows = np.arange(len(labels))
        others = wins.copy()
        others[rows, labels] = -1
        # Whole numbers until the end, so that what is equal is so to the last bit.
        margins = (wins[rows, labels] - others.max(axis=1)) / wins.sum(axis=1)
        order: NDArray[np.int64] = np.argsort(margins, kind="stable")
        return order

    def raster(self, sample: int) -> Raster:
        """Return what a copy of the network does in each tick while it learns a test sample."""
        label = int(self.dataset.test_labels[sample])
        shown = Sample(self.dataset.test_values[sample], label, True)
        return record_raster(scratch_copy(self.checkpoint.network()), shown)


def find_samples(training: TrainingFolder, samples: Samples) -> Dataset | str:
    """Return the dataset of a training, or, where nothing was said about it, why it is not to be had.

    Nothing is downloaded unless a dataset is asked for by name.

    Raises
    ------
    BackspikeError
        What was said about it is wrong: there is no such dataset, it does not fit, or it is not the training's.
    """
    try:
        return _load(training, samples)
    except BackspikeError as error:
        if samples.given:
            raise
        hint = "" if "--dataset" in str(error) else "; --dataset says which they are"
        return f"the samples are not to be had: {error}{hint}"


def _load(training: TrainingFolder, samples: Samples) -> Dataset:
    name = samples.dataset or training.dataset
    if not name:
        raise BackspikeError("without metrics.json nothing says which they are; --dataset does")
    loader = find_loader(name)
    if not samples.dataset and loader.find and not loader.find(samples.data_dir):
        raise BackspikeError(f"dataset {name} is not on this machine; --dataset {name} downloads it")
    config = training.config
    dataset = load_dataset(name, config, config.seed, samples.settings, samples.data_dir)
    if training.data and data_digest(dataset) != training.data:
        raise BackspikeError(
            f"those of dataset {name} are not the ones that {training.folder} was trained and tested on; "
            "--dataset and --dataset-setting say which"
        )
    return dataset


def show_test(checkpoint: Checkpoint, dataset: Dataset) -> Tested:
    """Show a copy of a checkpoint's network the samples to test on, learning off, as its training did."""
    answers = answer(checkpoint.network(), dataset.test_values, title="testing", silent=False)
    evaluation = Evaluation.of(answers.classes, dataset.test_labels, checkpoint.config.layers[-1])
    return Tested(checkpoint, dataset, answers, evaluation)
