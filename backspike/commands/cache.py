"""``backspike cache``: what is kept of builds, and how it goes."""

from __future__ import annotations

import time
from typing import Any

import click

from backspike.cache import cache_directory, kept_builds, prune, prune_leftovers, size

from .options import Number, answering, examples

__all__ = ["cache"]


def _tell_size(found: dict[str, Any]) -> None:
    click.echo(found["folder"])
    click.echo(f"builds    {_megabytes(found['build_bytes']):>12}  {found['builds']} of them")
    click.echo(f"datasets  {_megabytes(found['dataset_bytes']):>12}")


def _tell_builds(found: list[dict[str, Any]]) -> None:
    for build in found:
        click.echo(f"{build['used']}  {_megabytes(build['bytes']):>10}  {build['key'][:8]}  {build['title']}")


def _tell_pruned(found: dict[str, Any]) -> None:
    click.echo(f"builds deleted: {found['builds']}, {_megabytes(found['bytes'])}")
    click.echo(f"leftovers of killed builds deleted: {found['leftovers']}")


@click.group(invoke_without_command=True, epilog=examples("backspike cache", "backspike cache prune --days 7"))
@click.pass_context
def cache(context: click.Context) -> None:
    """Show how much is kept: simulations, netlists and bitstreams that were built, and datasets.

    All of it can be built or loaded again. It is kept in BACKSPIKE_CACHE, or in the user's cache folder.
    """
    if context.invoked_subcommand is None:
        context.invoke(show_size)


@cache.command("size", epilog=examples("backspike cache size --json"))
@answering(_tell_size)
def show_size() -> dict[str, Any]:
    """Show the cache's folder, how many builds are in it, and how big it is."""
    folder, builds = cache_directory(), kept_builds()
    return {
        "folder": str(folder),
        "builds": len(builds),
        "build_bytes": sum(build.bytes for build in builds),
        "dataset_bytes": size(folder / "datasets"),
    }


@cache.command("list", epilog=examples("backspike cache list", "backspike cache list --json"))
@answering(_tell_builds)
def list_builds() -> list[dict[str, Any]]:
    """List the builds, the one used last first: day of its last use, size, and what it is."""
    return [
        {
            "used": time.strftime("%Y-%m-%d", time.localtime(build.used)),
            "bytes": build.bytes,
            "key": build.folder.name,
            "title": build.title,
        }
        for build in kept_builds()
    ]


@cache.command("prune", epilog=examples("backspike cache prune", "backspike cache prune --days 0"))
@click.option(
    "--days",
    type=Number(0),
    default=30.0,
    show_default=True,
    help="Delete what was not used for so long; 0 for all.",
)
@answering(_tell_pruned)
def prune_builds(days: float) -> dict[str, Any]:
    """Delete builds that were not used for some time, and what killed builds have left.

    Datasets stay. A simulation that starts meanwhile may have to be started again.
    """
    leftovers = prune_leftovers(cache_directory() / "builds")
    deleted = prune(days)
    return {"builds": len(deleted), "bytes": sum(build.bytes for build in deleted), "leftovers": leftovers}


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
