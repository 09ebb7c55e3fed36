"""An experiment, seed by seed: what is finished is not run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backspike.model.engines import DEFAULT_ENGINE

from .definitions import Experiment
from .results import read_result, write_result

__all__ = ["run_experiment"]


def run_experiment(
    experiment: Experiment,
    results: Path,
    work: Path,
    *,
    seeds: Sequence[int] = (),
    force: bool = False,
    data_dir: Path | None = None,
    engine: str = DEFAULT_ENGINE,
    report: Callable[[str], None] | None = None,
) -> int:
    """Train the seeds that have no result, write their results, and return how many there were to train.

    Parameters
    ----------
    experiment : Experiment
    results : Path
        Folder of the results.
    work : Path
        Folder for checkpoints, from which an interrupted training goes on.
    seeds : sequence of int, optional
        Those to train; all of the experiment's when left out.
    force : bool
        Whether to train those that have a result again.
    data_dir : Path, optional
        Folder in which datasets are searched first.
    engine : str
    report : callable, optional
        Takes a line of text for each result.

    Raises
    ------
    BackspikeError
        The dataset is not to be had or does not fit, or a file cannot be read or written.
    KeyboardInterrupt
        Ctrl-C; the same call goes on from there.
    """
    tell = report or (lambda line: None)
    trained = 0
    for seed in seeds or experiment.seeds:
        if not force and read_result(results, experiment, seed):
            tell(f"{experiment.name}, seed {seed}: has a result")
            continue
        tell(f"{experiment.name}, seed {seed}: {experiment.title}")
        result = experiment.task(seed).run(work / experiment.name / f"seed-{seed}", data_dir, engine, report)
        tell(f"written to {write_result(results, experiment, seed, result)}")
        trained += 1
    return trained
