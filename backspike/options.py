"""What commands share: options, and the exit status of one that failed."""

from __future__ import annotations

from pathlib import Path

import click

from .errors import BackspikeError

__all__ = [
    "FAILED",
    "baud_option",
    "config_option",
    "data_dir_option",
    "dataset_option",
    "out_option",
    "seed_option",
    "setting_option",
]

FAILED = 1
"""Exit status of a command that ran and found a mismatch or a failure."""

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
    "--data-dir", type=click.Path(path_type=Path), help="Folder in which datasets are looked for first."
)
setting_option = click.option(
    "--dataset-setting",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    callback=lambda context, option, words: dict(_setting(word) for word in words),
    help="A setting of the dataset, such as pool=2 of nmnist; repeatable.",
)
seed_option = click.option("--seed", type=click.IntRange(1, 2**32 - 1), default=1, show_default=True)
out_option = click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the results.")


def _setting(word: str) -> tuple[str, int | str]:
    """Return key and value of ``key=value``: a whole number if it is one."""
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise BackspikeError(f"a dataset's setting must be KEY=VALUE, not {word!r}")
    return key, int(value) if value.isdecimal() else value
