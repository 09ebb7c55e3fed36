"""``backspike datasets``: what there is to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backspike.errors import BackspikeError

from .options import answering, data_dir_option, examples

if TYPE_CHECKING:
    from backspike.datasets import Loader

__all__ = ["datasets"]


def _tell(found: dict[str, Any]) -> None:
    for dataset in found["datasets"]:
        _tell_dataset(dataset["name"], dataset, _presence(dataset))
    _tell_dataset("PATH", found["own"])
    click.echo(f"settings of each: {_settings(found['of_every_dataset'])}")
    click.echo(f"looked for in {', '.join(found['looked_for_in'])}")


def _tell_dataset(name: str, dataset: dict[str, Any], *presence: str) -> None:
    settings = dataset["settings"]
    lines = (dataset["summary"], *presence, *([f"settings: {_settings(settings)}"] if settings else []))
    for number, line in enumerate(lines):
        click.echo(f"{'' if number else name:<18}{line}")


def _settings(settings: dict[str, str]) -> str:
    return ", ".join(f"{key} ({value})" for key, value in settings.items())


def _presence(dataset: dict[str, Any]) -> str:
    """Return where a dataset is, or that it is not here, in words."""
    if dataset["here"]:
        return f"here: {', '.join(dataset['places']) or 'needs no files'}"
    if dataset["fault"]:
        return f"not here: {dataset['fault']}"
    return "not here; downloaded at first use" if dataset["published"] else "not here, and not published for download"


@click.command(epilog=examples("backspike datasets", "backspike datasets --data-dir data --json"))
@data_dir_option
@answering(_tell)
def datasets(data_dir: Path | None) -> dict[str, Any]:
    """List the datasets: what each is, whether it is here and where, and its settings.

    For each setting stands what it may be, and what it is when left out.
    """
    from backspike.datasets import LOADERS, OF_EVERY_DATASET, OWN
    from backspike.datasets.files import search_path

    places = search_path(data_dir)
    return {
        "datasets": [
            {"name": name, **_described(loader), **_found(loader, data_dir)} for name, loader in LOADERS.items()
        ],
        "own": _described(OWN),
        "of_every_dataset": OF_EVERY_DATASET,
        "looked_for_in": list(map(str, places)),
    }


def _described(loader: Loader) -> dict[str, Any]:
    return {"summary": loader.summary, "settings": loader.settings}


def _found(loader: Loader, data_dir: Path | None) -> dict[str, Any]:
    """Return whether a dataset is here, where, whether it can be downloaded, and what is wrong with its files."""
    found: list[Path] = []
    fault = ""
    if loader.find is not None:
        try:
            found = loader.find(data_dir)
        except BackspikeError as error:
            fault = str(error)
    return {
        "here": loader.find is None or bool(found),
        "places": list(dict.fromkeys(str(path if len(found) == 1 else path.parent) for path in found)),
        "published": loader.published,
        "fault": fault,
    }
