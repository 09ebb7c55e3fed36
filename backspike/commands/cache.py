"""``backspike cache``: what is kept of builds, and how it goes."""

from __future__ import annotations

import time

import click

from backspike.cache import cache_directory, kept_builds, prune, prune_leftovers, size

from .options import Number

__all__ = ["cache"]


@click.group(invoke_without_command=True)
@click.pass_context
def cache(context: click.Context) -> None:
    """Show how much is kept: simulations, netlists and bitstreams that were built, and datasets.

    All of it can be built or loaded again. It is kept in BACKSPIKE_CACHE, or in the user's cache folder.
    """
    if context.invoked_subcommand is None:
        context.invoke(show_size)


@cache.command("size")
def show_size() -> None:
    """Show the cache's folder, how many builds are in it, and how big it is."""
    folder, builds = cache_directory(), kept_builds()
    click.echo(folder)
    click.echo(f"builds    {_megabytes(sum(build.bytes for build in builds)):>12}  {len(builds)} of them")
    click.echo(f"datasets  {_megabytes(size(folder / 'datasets')):>12}")


@cache.command("list")
def list_builds() -> None:
    """List the builds, the one used last first: day of its last use, size, and what it is."""
    for build in kept_builds():
        day = time.strftime("%Y-%m-%d", time.localtime(build.used))
        click.echo(f"{day}  {_megabytes(build.bytes):>10}  {build.folder.name[:8]}  {build.title}")


@cache.command("prune")
@click.option(
    "--days",
    type=Number(0),
    default=30.0,
    show_default=True,
    help="Delete what was not used for so long; 0 for all.",
)
def prune_builds(days: float) -> None:
    """Delete builds that were not used for some time, and what killed builds have left.

    Datasets stay. A simulation that starts meanwhile may have to be started again.
    """
    leftovers = prune_leftovers(cache_directory() / "builds")
    deleted = prune(days)
    click.echo(f"builds deleted: {len(deleted)}, {_megabytes(sum(build.bytes for build in deleted))}")
    click.echo(f"leftovers of killed builds deleted: {leftovers}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
