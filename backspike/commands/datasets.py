"""``backspike datasets``: what there is to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backspike.errors import BackspikeError

from .options import data_dir_option

if TYPE_CHECKING:
    from backspike.datasets import Loader

__all__ = ["datasets"]


@click.command()
@data_dir_option
def datasets(data_dir: Path | None) -> None:
    """List the datasets: what each is, whether it is here and where, and its settings.

    For each setting stands what it may be, and what it is when left out.
    """
    from backspike.datasets import LOADERS, OWN
    from backspike.datasets.files import search_path

    places = search_path(data_dir)
    for name, loader in LOADERS.items():
        click.echo(f"{name:<18}{loader.summary}")
        click.echo(f"{'':<18}{_presence(loader, data_dir)}")
        _tell_settings(loader)
    click.echo(f"{'PATH':<18}{OWN.summary}")
    _tell_settings(OWN)
    click.echo("a setting of each: validation (so many of the samples to train on are held out to test on; 0)")
    click.echo(f"looked for in {', '.join(map(str, places))}")


def _tell_settings(loader: Loader) -> None:
    if loader.settings:
        settings = ", ".join(f"{key} ({value})" for key, value in loader.settings.items())
        click.echo(f"{'':<18}settings: {settings}")


def _presence(loader: Loader, data_dir: Path | None) -> str:
    """Return where a dataset is, or that it is not here, in words."""
    if loader.find is None:
        return "here: needs no files"
    try:
        found = loader.find(data_dir)
    except BackspikeError as error:
        return f"not here: {error}"
    if found:
        folders = dict.fromkeys(path if len(found) == 1 else path.parent for path in found)
        return f"here: {', '.join(map(str, folders))}"
    return "not here; downloaded at first use" if loader.published else "not here, and not published for download"
