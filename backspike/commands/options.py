"""What commands share: options, the samples of a comparison, and how its result is told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError, BackspikeWarning, shown
from backspike.interrupts import Terminated
from backspike.progress import announced

if TYPE_CHECKING:
    from backspike.sim.compare import Comparison, Schedule

__all__ = [
    "FAILED",
    "PATH",
    "Number",
    "advising_resumption",
    "baud_option",
    "chosen_seed",
    "config_option",
    "data_dir_option",
    "dataset_option",
    "engine_option",
    "experiments_option",
    "force_option",
    "load_schedule",
    "out_option",
    "results_option",
    "seed_option",
    "setting_option",
    "speed_option",
    "tell_comparison",
    "told",
    "work_option",
]

FAILED = 1
"""Exit status of a command that ran and found a mismatch or a failure."""


class _Path(click.Path):
    """A path; an empty word, as a variable of the shell that is not set gives it, would be the folder one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; no text is refused."""
        if value == "":
            self.fail("a path must not be empty", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)


class Number(click.FloatRange):
    """A number in a range: not one that is none (NaN), which no bound keeps out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; what is none, or out of range, is refused."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


config_option = click.option(
    "--config", "config_name", required=True, metavar="NAME|FILE.toml", help="A preset, or a configuration file."
)
baud_option = click.option(
    "--baud", type=click.IntRange(9_600, 12_000_000), help="Bits a second on the line; 1,000,000 when left out."
)
dataset_option = click.option(
    "--dataset",
    "dataset_name",
    required=True,
    metavar="NAME",
    help="Such as digits or mnist; see `backspike datasets`.",
)
data_dir_option = click.option(
    "--data-dir",
    type=PATH,
    help="The only folder to look for datasets in; see `backspike datasets`.",
)
setting_option = click.option(
    "--dataset-setting",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    callback=lambda context, option, words: _settings(words),
    help="A setting of the dataset, such as pool=2 of nmnist; repeatable.",
)
seed_option = click.option(
    "--seed", type=click.IntRange(1, 2**32 - 1), help="The configuration's own, which is 1 by default, when left out."
)
force_option = click.option("--force", is_flag=True, help="Overwrite a training that is in --out.")
out_option = click.option("--out", type=PATH, required=True, help="Folder for the results.")
speed_option = click.option(
    "--dataset",
    "dataset_name",
    metavar="NAME",
    help="For the speed, the dataset of the training; needed where trainings on several are on record.",
)


def _folder_option(name: str, default: str, purpose: str) -> Callable[[Any], Any]:
    return click.option(name, type=PATH, default=Path(default), show_default=True, help=purpose)


experiments_option = _folder_option("--experiments", "experiments", "Folder of the experiments' files.")
results_option = _folder_option("--results", "results", "Folder of their results.")
work_option = _folder_option("--work", "build/experiments", "Folder for checkpoints.")
engine_option = click.option("--engine", type=click.Choice(["fast", "numpy"]), default="fast", show_default=True)


def chosen_seed(config: NetworkConfig, seed: int | None) -> int:
    """Return the seed that an option gives; the configuration's own if the option was left out."""
    return config.seed if seed is None else seed


def told(config: NetworkConfig) -> NetworkConfig:
    """Return a configuration after a warning of each value that is hardly meant."""
    for sentence in config.warnings():
        warnings.warn(sentence, BackspikeWarning, stacklevel=2)
    return config


def _settings(words: Sequence[str]) -> dict[str, int | str]:
    settings: dict[str, int | str] = {}
    for key, value in map(_setting, words):
        if settings.setdefault(key, value) != value:
            raise BackspikeError(f"{key} of the dataset is set twice: {settings[key]} and {value}")
    return settings


def _setting(word: str) -> tuple[str, int | str]:
    """Return key and value of ``key=value``: a whole number if it is one."""
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise BackspikeError(f"a dataset's setting must be KEY=VALUE, not {shown(word)}")
    # No setting has so many digits, and Python reads no number of thousands of them.
    return key, int(value) if value.isdecimal() and len(value) < 20 else value


@contextmanager
def advising_resumption(advice: str) -> Iterator[None]:
    """Say how to go on with a training that is interrupted, if it has come so far that one can."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as interruption:
        if interruption.args:
            interruption.args = (f"{interruption.args[0]}; {advice}",)
        raise


def load_schedule(
    config: NetworkConfig,
    dataset_name: str,
    samples: int,
    seed: int,
    inference: bool,
    checkpoint: Path | None,
    settings: dict[str, Any],
    data_dir: Path | None,
) -> Schedule:
    """Return the samples of a dataset that a comparison shows, from initial weights or those of a checkpoint."""
    from backspike.datasets import load_dataset
    from backspike.sim.compare import schedule_of
    from backspike.training.checkpoint import Checkpoint

    weights = None
    if checkpoint:
        trained = Checkpoint.load(checkpoint)
        trained.require(config)
        weights = trained.weights
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, seed, settings, data_dir)
    return schedule_of(config, dataset, samples, seed, inference, weights)


def tell_comparison(result: Comparison, what: str) -> int:
    """Print the first mismatch of a comparison, or how much of what was equal; return the exit status."""
    if result.mismatch:
        click.echo(f"mismatch: {result.mismatch}")
        return FAILED
    compared = ", ".join(f"{count:,} {kind}" for kind, count in result.compared.items())
    click.echo(f"{what}: {compared}\n0 mismatches")
    return 0
