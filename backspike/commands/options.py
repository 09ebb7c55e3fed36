"""What commands share: options, the samples of a comparison, and how its result is told."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from backspike.config import PRESETS, NetworkConfig
from backspike.errors import BackspikeError, BackspikeWarning, shown
from backspike.interrupts import Terminated
from backspike.progress import announced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backspike.datasets import Dataset
    from backspike.sim.compare import Comparison, Schedule

__all__ = [
    "FAILED",
    "PATH",
    "Known",
    "Number",
    "advising_resumption",
    "answering",
    "any_engine_option",
    "baud_option",
    "board_option",
    "checkpoint_option",
    "chosen_seed",
    "comparison_found",
    "config_option",
    "data_dir_option",
    "dataset_option",
    "draws_option",
    "engine_option",
    "examples",
    "experiments_folder",
    "experiments_option",
    "first_samples",
    "force_option",
    "load_schedule",
    "optional_dataset_option",
    "out_option",
    "results_option",
    "sample_memory_option",
    "samples_option",
    "seed_option",
    "setting_option",
    "speed_option",
    "tell_comparison",
    "tell_evaluation",
    "tell_table",
    "told",
    "trained_weights",
    "usb_option",
    "work_option",
]

FAILED = 1
"""Exit status of a command that ran and found a mismatch or a failure."""

WIDEST = 64
"""Classes of the largest confusion matrix that is printed as a table."""


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


# As `backspike.fpga.boards.SDRAM`, whose module takes its time.
_SDRAM: Literal["sdram"] = "sdram"


class _SampleMemory(click.ParamType):  # type: ignore[type-arg]  # no generic before click 8.2
    """KiB of a sample memory, a power of two from 1 to 32,768; or the board's SDRAM."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the bits of an address of its words, 9 to 24, or that it is the SDRAM."""
        if isinstance(value, int) or value == _SDRAM:
            return value  # type: ignore[no-any-return]
        if not value.isascii() or not value.isdecimal() or (kib := int(value)).bit_count() != 1 or kib > 1 << 15:
            self.fail(f"{value!r} must be a power of two from 1 to 32768.", param, ctx)
        return kib.bit_length() + 8


class Known(click.ParamType):  # type: ignore[type-arg]  # no generic before click 8.2
    """Text that is one of some names, or a path; what it may be is looked at later, and completed by the shell.

    Parameters
    ----------
    names : callable
        Returns the names; it is asked when a shell completes a word, since looking them up takes time.
    path : bool
        Whether a file or a folder does as well.
    """

    name = "text"

    def __init__(self, names: Callable[[], Iterable[str]], path: bool = False) -> None:
        self._names, self._path = names, path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so; where there is none, what a path does."""
        found = [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]
        return found or ([CompletionItem(incomplete, type="file")] if self._path else [])


def _boards() -> Iterable[str]:
    from backspike.fpga.boards import BOARDS

    return BOARDS


def _datasets() -> Iterable[str]:
    from backspike.datasets import LOADERS

    return LOADERS


def board_option(help: str, required: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that names a board."""
    return click.option("--board", "board_name", type=Known(_boards), metavar="NAME", required=required, help=help)


def sample_memory_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of a sample memory: without a number the board's SDRAM, with one the device's own RAM."""
    return click.option(
        "--sample-memory", type=_SampleMemory(), is_flag=False, flag_value=_SDRAM, metavar="[KIB]", help=help
    )


config_option = click.option(
    "--config",
    "config_name",
    type=Known(lambda: PRESETS, path=True),
    required=True,
    metavar="NAME|FILE.toml",
    help="A preset, or a configuration file.",
)
baud_option = click.option(
    "--baud",
    type=click.IntRange(9_600, 12_000_000),
    help="Bits per second on the line; that of board or build when left out.",
)
usb_option = click.option(
    "--usb", is_flag=True, help="The host link is at the board's own USB port (ULX3S: US2), not at a serial line."
)
dataset_option = click.option(
    "--dataset",
    "dataset_name",
    type=Known(_datasets, path=True),
    required=True,
    metavar="NAME|PATH",
    help="Such as digits or mnist, see `backspike datasets`; or data of your own, see docs/data.md.",
)


def optional_dataset_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that names a dataset, where there may be none."""
    return click.option("--dataset", "dataset_name", type=Known(_datasets, path=True), metavar="NAME|PATH", help=help)


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
    help="A setting of the dataset, such as pool=2 of nmnist or classes=10 of your own; repeatable.",
)
seed_option = click.option(
    "--seed", type=click.IntRange(1, 2**32 - 1), help="The configuration's own, which is 1 by default, when left out."
)
force_option = click.option("--force", is_flag=True, help="Overwrite a training that is in --out.")
out_option = click.option("--out", type=PATH, required=True, help="Folder for the results.")


def _known_dataset(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    from backspike.datasets import find_loader

    if name is not None:
        find_loader(name)
    return name


speed_option = click.option(
    "--dataset",
    "dataset_name",
    type=Known(_datasets),
    metavar="NAME",
    callback=_known_dataset,
    help="For the speed, the dataset of the training; needed where trainings on several are on record.",
)


def _folder_option(name: str, default: str, purpose: str) -> Callable[[Any], Any]:
    return click.option(name, type=PATH, default=Path(default), show_default=True, help=purpose)


def experiments_folder() -> Path:
    """Return the folder of experiments here, or else those that come with Backspike, installed or as a clone."""
    package = Path(__file__).parents[1]
    places = (Path("experiments"), package / "experiments" / "files", package.parent / "experiments")
    return next((place for place in places if place.is_dir()), places[0])


experiments_option = click.option(
    "--experiments",
    type=PATH,
    default=experiments_folder,
    show_default="experiments, or those that come with Backspike",
    help="Folder of the experiments' files.",
)
results_option = _folder_option("--results", "results", "Folder of their results.")
work_option = _folder_option("--work", "build/experiments", "Folder for checkpoints.")
engine_option = click.option("--engine", type=click.Choice(["fast", "numpy"]), default="fast", show_default=True)
any_engine_option = click.option(
    "--engine",
    type=click.Choice(["fast", "numpy", "rtl"]),
    default="fast",
    show_default=True,
    help="Golden model, compiled or in NumPy, or the Verilog in simulation.",
)
checkpoint_option = click.option("--checkpoint", type=PATH, required=True, help="What a training has written.")
draws_option = click.option(
    "--seed",
    type=click.IntRange(1, 2**32 - 1),
    help="Seed of the LFSRs; when left out they go on as the checkpoint has them, as the training's own test did.",
)
samples_option = click.option("--samples", type=click.IntRange(1), help="Only the first so many.")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one document of JSON, for other programs.")


def answering(tell: Callable[[Any], None]) -> Callable[[Callable[..., Any]], Callable[..., int]]:
    """Give a command the option `--json`: what it returns is printed so, or told in words.

    Parameters
    ----------
    tell : callable
        Prints what the command has returned, for people.

    Returns
    -------
    callable
        The decorator. What it makes of the command returns the exit status: that of a failure where the command's
        answer is a dict with a ``mismatch``.
    """

    def give(command: Callable[..., Any]) -> Callable[..., int]:
        @_json_option
        @wraps(command)
        def run(*arguments: Any, as_json: bool, **options: Any) -> int:
            found = command(*arguments, **options)
            if as_json:
                click.echo(json.dumps(found))
            else:
                tell(found)
            return FAILED if isinstance(found, dict) and found.get("mismatch") else 0

        return run

    return give


def examples(*commands: str) -> str:
    """Return the `epilog` of a command's help: lines that can be typed, which click leaves as they are."""
    return "\b\n" + "\n".join(["Such as", *(f"  {command}" for command in commands)])


def chosen_seed(config: NetworkConfig, seed: int | None) -> int:
    """Return the seed that an option gives; the configuration's own if the option was left out."""
    return config.seed if seed is None else seed


def trained_weights(path: Path, config: NetworkConfig) -> list[NDArray[np.int64]]:
    """Return the weights of a training's checkpoint, of this network."""
    from backspike.training.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    checkpoint.require(config)
    return checkpoint.weights


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


def first_samples(dataset: Dataset, samples: int | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return values and labels of the samples to test on; of so many of the first if an option says how many."""
    count = len(dataset.test_labels)
    if samples is not None and samples > count:
        raise BackspikeError(f"--samples must be at most {count}, as many as are tested, not {samples}")
    return dataset.test_values[:samples], dataset.test_labels[:samples]


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

    weights = trained_weights(checkpoint, config) if checkpoint else None
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, seed, settings, data_dir)
    return schedule_of(config, dataset, samples, seed, inference, weights)


def comparison_found(result: Comparison, **what: object) -> dict[str, Any]:
    """Return what a comparison has found: what was compared, given by name, how much of it, and the first mismatch."""
    return {**what, "compared": result.compared, "mismatch": result.mismatch}


def tell_comparison(found: dict[str, Any]) -> None:
    """Print the first mismatch of a comparison, or how much of what was equal."""
    if found["mismatch"]:
        click.echo(f"mismatch: {found['mismatch']}")
        return
    what = ", ".join(
        [
            found["network"],
            f"{found['samples']} samples of {found['dataset']}",
            f"seed {found['seed']}",
            *([found["simulator"]] if "simulator" in found else []),
        ]
    )
    compared = ", ".join(f"{count:,} {kind}" for kind, count in found["compared"].items())
    click.echo(f"{what}: {compared}\n0 mismatches")


def tell_evaluation(found: dict[str, Any]) -> None:
    """Print how many answers were right, in all and of each class, and which classes were taken for which.

    Parameters
    ----------
    found : dict
        As `Evaluation.to_dict` has it, and more.
    """
    click.echo(f"{found['accuracy']:.2%} of {found['samples']} samples")
    rows = [
        (of["class"], of["samples"], of["right"], _percent(of["recall"]), _percent(of["precision"]))
        for of in found["classes"]
    ]
    click.echo()
    tell_table([("class", "samples", "right", "recall", "precision"), *rows], right=True)
    click.echo()
    if len(rows) > WIDEST:
        click.echo("--json has the answers to the samples of each class")
        return
    click.echo("answers (columns) to the samples of each class (rows):")
    columns = range(len(rows))
    tell_table([("", *columns), *((row, *found["confusion"][row]) for row in columns)], right=True)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def tell_table(rows: Sequence[Sequence[object]], right: bool = False) -> None:
    """Print rows of cells, the first of which are the headings, in columns that are as wide as they must be."""
    words = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*words, strict=True)]
    for row in words:
        cells = (cell.rjust(width) if right else cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
