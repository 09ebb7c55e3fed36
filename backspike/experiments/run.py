"""An experiment, seed by seed: what is finished is not run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backspike.files import make_directory
from backspike.interrupts import Terminated
from backspike.training.engines import DEFAULT_ENGINE

from .definitions import Experiment
from .results import read_result, result_path, write_result

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
        Whether to train those that have a result again, from the first epoch. The old result is there until there is
        a new one.
    data_dir : Path, optional
        Folder in which datasets are searched first.
    engine : str
    report : callable, optional
        Takes a line of text for each result.

    Raises
    ------
    BackspikeError
        A seed is none of the experiment's; the dataset is not to be had or does not fit; or a file cannot be read or
        written.
    KeyboardInterrupt, Terminated
        Ctrl-C, or a signal that asks the process to end; without `force` the same call goes on from there.
    """
    tell = report or (lambda line: None)
    trained = 0
    for seed in experiment.chosen(seeds):
        path = result_path(results, experiment, seed)
        if not force and read_result(results, experiment, seed):
            tell(f"{experiment.name}, seed {seed}: has a result, {path}; --force trains it again")
            continue
        tell(f"{experiment.name}, seed {seed}: {experiment.title}")
        # Rather now than when all is trained.
        make_directory(path.parent)
        folder = work / experiment.name / f"seed-{seed}"
        try:
            result = experiment.task(seed).run(folder, data_dir, engine, report, force)
        except (KeyboardInterrupt, Terminated) as interruption:
            if not force:
                how = "the same command goes on from there"
            elif path.exists():
                how = "the result before is kept"
            else:
                how = "without --force the same command goes on from there"
            interruption.args = ("; ".join([*map(str, interruption.args), how]),)
            raise
        tell(f"written to {write_result(results, experiment, seed, result)}")
        trained += 1
    return trained
