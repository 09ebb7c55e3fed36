"""``backspike sweep``: every point of a grid."""

from __future__ import annotations

from pathlib import Path

import click

from backspike.errors import BackspikeError
from backspike.interrupts import Terminated

from .options import FAILED, PATH, data_dir_option, engine_option, examples, results_option, work_option

__all__ = ["sweep"]


@click.command(
    epilog=examples(
        "backspike sweep experiments/studies/ticks.toml",
        "backspike sweep experiments/studies/ticks.toml --workers 4",
    )
)
@click.argument("file", type=PATH)
@click.option("--scheduler", metavar="tls://HOST:PORT", help="A Dask cluster, instead of processes on this machine.")
@click.option("--tls-ca-file", type=PATH, help="Certificate that signs those of the cluster.")
@click.option("--tls-cert", type=PATH, help="Certificate to show to the cluster.")
@click.option("--tls-key", type=PATH, help="Its key.")
@click.option("--workers", type=click.IntRange(1), help="Processes on this machine; as many as cores when left out.")
@click.option("--force", is_flag=True, help="Train the points that have a result again, from the first epoch.")
@engine_option
@data_dir_option
@results_option
@work_option
def sweep(
    file: Path,
    scheduler: str | None,
    tls_ca_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    workers: int | None,
    force: bool,
    engine: str,
    data_dir: Path | None,
    results: Path,
    work: Path,
) -> int:
    """Train every point of the grid in FILE that has no result yet.

    It may be stopped at any time; the same command goes on from there, and tries what failed again.
    """
    from backspike.experiments.definitions import load_sweep
    from backspike.experiments.results import cells_path
    from backspike.experiments.sweep import certificates, run_sweep

    loaded = load_sweep(file)
    security = None
    if tls_ca_file or tls_cert or tls_key:
        if not (scheduler and tls_ca_file and tls_cert and tls_key):
            raise BackspikeError("--tls-ca-file, --tls-cert and --tls-key belong together, and to --scheduler")
        security = certificates(tls_ca_file, tls_cert, tls_key)
    try:
        outcome = run_sweep(
            loaded,
            results,
            scheduler=scheduler,
            security=security,
            workers=workers,
            work=work,
            force=force,
            data_dir=data_dir,
            engine=engine,
            report=click.echo,
        )
    except (KeyboardInterrupt, Terminated) as interruption:
        how = "trains them all again" if force else "goes on from there"
        interruption.args = (f"what is finished is written down, and the same command {how}",)
        raise
    click.echo(
        f"cells: {outcome.finished} finished, {outcome.failed} failed, {outcome.before} had a result; "
        f"in {cells_path(results, loaded)}"
        + ("" if outcome.finished or outcome.failed else "; --force trains them again")
    )
    return FAILED if outcome.failed else 0
