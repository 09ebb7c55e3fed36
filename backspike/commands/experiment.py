"""``backspike experiment``: experiments as files, and the page of their results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from backspike.errors import BackspikeError

from .options import (
    PATH,
    Known,
    answering,
    data_dir_option,
    engine_option,
    examples,
    experiments_folder,
    experiments_option,
    results_option,
    work_option,
)

__all__ = ["experiment"]


def _names() -> Iterable[str]:
    folder = experiments_folder()
    found = [path for part in ("", "on_chip/", "subsets/") for path in folder.glob(f"{part}*.toml")]
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in found)


def _tell(found: list[dict[str, Any]]) -> None:
    for one in found:
        click.echo(f"{one['name']:<24}{one['done']} of {one['seeds']} seeds  {one['title']}")


@click.group(epilog=examples("backspike experiment list", "backspike experiment run digits"))
def experiment() -> None:
    """Experiments as files: list them, run them, and make the page of their results."""


@experiment.command("list", epilog=examples("backspike experiment list", "backspike experiment list --json"))
@experiments_option
@results_option
@answering(_tell)
def list_experiments(experiments: Path, results: Path) -> list[dict[str, Any]]:
    """List the experiments, and how many of their seeds have a result."""
    from backspike.experiments.definitions import load_experiments, load_scenarios
    from backspike.experiments.results import read_result

    return [
        {
            "name": found.name,
            "done": sum(read_result(results, found, seed) is not None for seed in found.seeds),
            "seeds": len(found.seeds),
            "title": found.title,
        }
        for found in [*load_experiments(experiments), *load_scenarios(experiments)]
    ]


@experiment.command(
    "run", epilog=examples("backspike experiment run digits", "backspike experiment run mnist --seed 1 --force")
)
@click.argument("names", type=Known(_names), metavar="NAME...", nargs=-1, required=True)
@click.option("--seed", "seeds", type=click.IntRange(1, 2**32 - 1), multiple=True, help="Only this one; repeatable.")
@click.option("--force", is_flag=True, help="Train those that have a result again, from the first epoch.")
@engine_option
@data_dir_option
@experiments_option
@results_option
@work_option
def run_named_experiments(
    names: tuple[str, ...],
    seeds: tuple[int, ...],
    force: bool,
    engine: str,
    data_dir: Path | None,
    experiments: Path,
    results: Path,
    work: Path,
) -> None:
    """Train the seeds of experiments that have no result yet.

    Ctrl-C stops at any sample; the same command goes on from there.
    """
    from backspike.experiments.definitions import load_experiment
    from backspike.experiments.run import run_experiment

    for found in [load_experiment(experiments / f"{name}.toml") for name in names]:
        run_experiment(
            found,
            results,
            work,
            seeds=seeds,
            force=force,
            data_dir=data_dir,
            engine=engine,
            report=click.echo,
        )


@experiment.command(
    "float", epilog=examples("backspike experiment float digits", "backspike experiment float mnist --seed 1")
)
@click.argument("names", type=Known(_names), metavar="NAME...", nargs=-1, required=True)
@click.option("--seed", "seeds", type=click.IntRange(1, 2**32 - 1), multiple=True, help="Only this one; repeatable.")
@click.option("--force", is_flag=True, help="Train those that have a result again.")
@data_dir_option
@experiments_option
@results_option
def train_out_floats(
    names: tuple[str, ...],
    seeds: tuple[int, ...],
    force: bool,
    data_dir: Path | None,
    experiments: Path,
    results: Path,
) -> None:
    """Train out the float networks beside experiments: how and how long, a validation part decides.

    Ctrl-C stops at any time; the same command goes on after the last trial that was finished.
    """
    from backspike.experiments.definitions import load_experiment
    from backspike.experiments.trained_out import run_trained_out

    for found in [load_experiment(experiments / f"{name}.toml") for name in names]:
        run_trained_out(found, results, seeds=seeds, force=force, data_dir=data_dir, report=click.echo)


@experiment.command("config", epilog=examples("backspike experiment config mnist-12-ticks --out mnist-12-ticks.toml"))
@click.argument("name", type=Known(_names), metavar="NAME")
@click.option("--seed", type=click.IntRange(1, 2**32 - 1), help="One of the experiment's; its first when left out.")
@click.option("--out", type=PATH, required=True, help="File to write, whose name ends in .toml.")
@experiments_option
def write_config(name: str, seed: int | None, out: Path, experiments: Path) -> None:
    """Write the configuration of an experiment's network: a file for every --config."""
    from backspike.experiments.definitions import load_experiment

    if out.suffix != ".toml":
        raise BackspikeError(f"--out must be a file whose name ends in .toml, not {out}")
    found = load_experiment(experiments / f"{name}.toml")
    (chosen, *_) = found.chosen([] if seed is None else [seed])
    found.task(chosen).network.save(out)
    click.echo(f"written to {out}")


@experiment.command(epilog=examples("backspike experiment softmax --draws 1000"))
@click.option("--draws", type=click.IntRange(1), default=100_000, show_default=True, help="Races in each case.")
@results_option
def softmax(draws: int, results: Path) -> None:
    """Let the winner-take-all race many times, and compare it with a softmax."""
    from backspike.experiments.softmax import compare_with_softmax

    click.echo(f"written to {compare_with_softmax(results, draws)}")


@experiment.command(epilog=examples("backspike experiment spikes --samples 100"))
@click.option("--samples", type=click.IntRange(1), default=400, show_default=True, help="Samples, of each dataset.")
@click.option("--seed", type=click.IntRange(1, 2**31 - 1), default=1, show_default=True)
@data_dir_option
@results_option
def spikes(samples: int, seed: int, data_dir: Path | None, results: Path) -> None:
    """Measure rates and correlations of spike trains, and updates beside backpropagation, on what data is found."""
    from backspike.experiments.spikes import measure_spikes

    click.echo(f"written to {measure_spikes(results, samples, seed, data_dir)}")


@experiment.command(epilog=examples("backspike experiment upsets"))
@results_option
def upsets(results: Path) -> None:
    """Train networks whose bits flip, and measure their accuracy."""
    from backspike.experiments.upsets import measure_upsets

    click.echo(f"written to {measure_upsets(results)}")


@experiment.command(epilog=examples("backspike experiment report", "backspike experiment report --docs build/results"))
@experiments_option
@results_option
@click.option("--docs", type=PATH, default=Path("docs"), show_default=True, help="Folder of the page.")
def report(experiments: Path, results: Path, docs: Path) -> None:
    """Make results.md and its pictures from the results, of experiments and sweeps alike."""
    from backspike.experiments.report import write_report

    for path in write_report(experiments, results, docs):
        click.echo(path)
