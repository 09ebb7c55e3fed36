"""Float networks trained out beside experiments: one for each seed, found again by all that decides it.

Experiments that differ in their spikes alone, such as in weight bits or ticks, stand beside the same ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from backspike.datasets import Dataset, dataset_identity, load_dataset
from backspike.errors import BackspikeError
from backspike.files import reading
from backspike.toml import take
from backspike.training.trained_out import (
    BATCHES,
    DROPOUTS,
    LARGE,
    MOST_EPOCHS,
    PATIENCE,
    RATE_DECAY,
    RATES,
    SMOOTHED,
    STEPS,
    VALIDATION,
    Trial,
    choose_schedule,
    optimisers_for,
    run_trial,
    train_out,
)

from .definitions import Experiment
from .results import append_cell, own_cells, read_cells, require_numbers, require_origin
from .task import Task, digest, origin

__all__ = ["TrainedOut", "TrainedOutRecord", "run_trained_out", "trained_out_path"]


@dataclass(frozen=True)
class TrainedOut:
    """The float network that is trained out beside a spiking one.

    Parameters
    ----------
    task : Task
        Gives dataset, layers, the activation's ceiling and the seed.
    chooser : int
        Seed whose trials choose the schedule, if it has the same samples; otherwise the task's own do.
    """

    task: Task
    chooser: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything that decides the result, as JSON has it."""
        network = self.task.network
        return {
            **dataset_identity(self.task.dataset),
            "dataset_settings": self.task.dataset_settings,
            "layers": list(network.layers),
            "input": network.input,
            # They decide how recorded spikes are binned.
            "ticks": network.ticks if network.input == "spikes" else None,
            "clip": self.task.baseline.clip,
            "seed": self.task.seed,
            "chooser": self.chooser,
            "rates": RATES,
            "large": LARGE,
            "rate_decay": RATE_DECAY,
            "dropouts": list(DROPOUTS),
            "batches": list(BATCHES),
            "steps": STEPS,
            "patience": PATIENCE,
            "smoothed": SMOOTHED,
            "most_epochs": MOST_EPOCHS,
            "validation": VALIDATION,
        }

    @property
    def key(self) -> str:
        """SHA-256 of `to_dict`: what a result is recognised by."""
        return digest(self.to_dict())

    def trial_key(self, optimiser: str, rate: float, dropout: int) -> str:
        """SHA-256 of what decides a trial with the task's seed."""
        return digest({**self.to_dict(), "chooser": None, "trial": [optimiser, rate, dropout]})

    def load(self, data_dir: Path | None) -> Dataset:
        """Return the dataset with the task's seed."""
        task = self.task
        return load_dataset(task.dataset, task.network, task.seed, task.dataset_settings, data_dir)


def trained_out_path(results: Path) -> Path:
    """Return the file of all float networks that are trained out: a line of JSON for each, and for each trial."""
    return results / "trained-out.jsonl"


class TrainedOutRecord:
    """What the file of all float networks that are trained out has; it is read once.

    Parameters
    ----------
    results : Path
        Folder of the results.

    Raises
    ------
    BackspikeError
        The file cannot be read, or is damaged.
    """

    def __init__(self, results: Path) -> None:
        self._path = trained_out_path(results)
        self._lines = read_cells(self._path)

    def beside(self, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        """Return the results there are beside the seeds of an experiment, or of a point of a sweep.

        Parameters
        ----------
        tasks : sequence of Task
            They differ in their seeds; that of the first chooses.

        Raises
        ------
        BackspikeError
            One of these results is damaged.
        """
        found = []
        for task in tasks:
            network = TrainedOut(task, tasks[0].seed)
            line = self._lines.get(network.key)
            if line is not None:
                with reading(self._path, f"the line of {task.dataset}, seed {task.seed}, in"):
                    _check(line, network)
                found.append(line)
        return found


def run_trained_out(
    experiment: Experiment,
    results: Path,
    *,
    seeds: Sequence[int] = (),
    force: bool = False,
    data_dir: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> int:
    """Train out the float networks of the seeds that have none, and return how many there were to train.

    Each trial and each result is written down as it ends, so that the same call goes on after an interruption.

    Parameters
    ----------
    experiment : Experiment
    results : Path
        Folder of the results.
    seeds : sequence of int, optional
        Those to train; all of the experiment's when left out.
    force : bool
        Whether to train those that have a result again. The old result counts until there is a new one.
    data_dir : Path, optional
        Folder in which datasets are searched first.
    report : callable, optional
        Takes a line of text for each trial and each result.

    Raises
    ------
    BackspikeError
        A seed is none of the experiment's; it has a scenario; the dataset is not to be had or does not fit; another
        process writes to the same file; or a file cannot be read or written.
    """
    tell = report or (lambda line: None)
    path = trained_out_path(results)
    trained = 0
    chosen = experiment.chosen(seeds)
    if experiment.task(chosen[0]).scenario:
        raise BackspikeError(
            f"experiment {experiment.name} has a scenario, whose own float network is trained by "
            f"`backspike experiment run {experiment.name}`"
        )
    with own_cells(path):
        known = {} if force else read_cells(path)

        def write(line: dict[str, Any]) -> None:
            append_cell(path, line)
            known[line["key"]] = line

        def find(key: str) -> Trial | None:
            if key not in known:
                return None
            with reading(path, "a trial in"):
                return _trial_of(known[key])

        for seed in chosen:
            network = TrainedOut(experiment.task(seed), experiment.seeds[0])
            name = f"{experiment.name}, seed {seed}"
            if network.key in known:
                tell(f"{name}: is trained out, see {path}; --force trains it again")
                continue
            tell(f"{name}: {'-'.join(map(str, network.task.network.layers))} on {network.task.dataset}, trained out")
            result = _run(network, data_dir, find, write, tell)
            write(result)
            tell(f"{name}: test {result['test_accuracy']:.2%} after {result['schedule']['epochs']} epochs")
            trained += 1
    return trained


def _run(
    network: TrainedOut,
    data_dir: Path | None,
    find: Callable[[str], Trial | None],
    write: Callable[[dict[str, Any]], None],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Choose a schedule, by trials that are found or are trained and written down, train, and return the result."""
    task = network.task
    dataset = network.load(data_dir)
    chooser = TrainedOut(replace(task, seed=network.chooser), network.chooser)
    if not _same_samples(dataset, chooser.load(data_dir)):
        # Among those that the other seed learns may be some that this one tests on.
        chooser = network
    attempts: list[Trial] = []

    def attempt(optimiser: str, rate: float, dropout: int) -> Trial:
        key, begin = chooser.trial_key(optimiser, rate, dropout), time.perf_counter()
        trial = find(key)
        if trial is None:
            trial = run_trial(task.network, dataset, chooser.task.seed, optimiser, rate, dropout, task.baseline.clip)
            write({"key": key, "task": chooser.to_dict(), "trial": asdict(trial), **origin(begin)})
            tell(
                f"{optimiser}, rate {rate:g}, dropout {dropout}/256: {trial.accuracy:.2%} on the validation part after "
                f"{trial.schedule.epochs} of {len(trial.accuracies)} epochs"
            )
        attempts.append(trial)
        return trial

    # Without hidden units there is nothing to drop.
    schedule = choose_schedule(
        attempt, optimisers_for(dataset), DROPOUTS if task.network.hidden_layers else DROPOUTS[:1]
    )
    begin = time.perf_counter()
    learned = train_out(task.network, dataset, task.seed, schedule, task.baseline.clip)
    with threadpool_limits(1):
        accuracy = learned.accuracy(dataset.test_values, dataset.test_labels)
    return {
        "key": network.key,
        "task": network.to_dict(),
        "test_accuracy": accuracy,
        "validation_accuracy": max(trial.accuracy for trial in attempts),
        "schedule": asdict(schedule),
        "chosen_with_seed": chooser.task.seed,
        "train_samples": len(dataset.train_labels),
        "test_samples": len(dataset.test_labels),
        **origin(begin),
    }


def _same_samples(one: Dataset, other: Dataset) -> bool:
    pairs: Iterable[tuple[Any, Any]] = (
        (getattr(one, name), getattr(other, name))
        for name in ("train_values", "train_labels", "test_values", "test_labels")
    )
    return all(np.array_equal(a, b) for a, b in pairs)


def _trial_of(line: Mapping[str, Any]) -> Trial:
    """Return the trial of a line; raise `BackspikeError` if it is damaged."""
    values = take(line, "trial", dict, "a trial")
    accuracies = take(values, "accuracies", list, "a trial")
    if not 0 < len(accuracies) <= MOST_EPOCHS:
        raise BackspikeError(f"a trial must have 1 to {MOST_EPOCHS} accuracies, not {len(accuracies)}")
    require_numbers(values, "accuracies", len(accuracies), 1)
    return Trial(
        take(values, "optimiser", str, "a trial"),
        take(values, "rate", float, "a trial"),
        take(values, "dropout", int, "a trial"),
        accuracies,
    )


def _check(line: dict[str, Any], network: TrainedOut) -> None:
    """Raise `BackspikeError` unless all that the results page needs is there, and can be."""
    if line.get("task") != network.to_dict():
        raise BackspikeError("it is damaged: its task is not the one of its key")
    require_origin(line)
    for key in ("test_accuracy", "validation_accuracy"):
        require_numbers(line, key, None, 1)
    for key in ("chosen_with_seed", "train_samples", "test_samples"):
        require_numbers(line, key, None)
    schedule = take(line, "schedule", dict, "a result")
    take(schedule, "optimiser", str, "schedule of a result")
    for key in ("rate", "dropout", "epochs"):
        require_numbers(schedule, key, None)
