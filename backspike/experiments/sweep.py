"""Sweeps on Dask: the cells of a grid on all cores of this machine, or on a cluster."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from backspike.errors import BackspikeError
from backspike.model.engines import DEFAULT_ENGINE

from .definitions import Cell, Sweep
from .results import append_cell, cells_path, read_cells

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["SweepOutcome", "run_cell", "run_sweep"]

CONNECTED_WITHIN, WORKERS_WITHIN = 10, 60
"""Seconds within which a scheduler must answer, and have a worker."""


@dataclass
class SweepOutcome:
    """How many cells of a sweep had a result before, were finished now, and failed now."""

    before: int = 0
    finished: int = 0
    failed: int = 0


def run_sweep(
    sweep: Sweep,
    results: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    data_dir: Path | None = None,
    engine: str = DEFAULT_ENGINE,
    report: Callable[[str], None] | None = None,
) -> SweepOutcome:
    """Train all cells without a result; append each as it ends.

    A cell that fails is written down with its error, and the others go on; the next call tries it again. A cell whose
    worker dies goes to another worker.

    Parameters
    ----------
    sweep : Sweep
    results : Path
        Folder of the results.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://host:8786``, whose workers have this package installed; a cluster
        on this machine when left out.
    workers : int, optional
        Processes of the cluster on this machine; one a core when left out.
    data_dir : Path, optional
        Folder in which datasets are searched first, where the workers run.
    engine : str
    report : callable, optional
        Takes a line of text for each cell; with it, a progress bar goes to the standard error stream if that is a
        terminal.

    Raises
    ------
    BackspikeError
        Dask is not installed, the scheduler cannot be reached or has no workers, or a file cannot be read or written.
    """
    path = cells_path(results, sweep)
    known = read_cells(path)
    outcome = SweepOutcome()
    pending: dict[str, Cell] = {}
    for cell in sweep.cells():
        if "error" in known.get(cell.task.key, {"error": ""}):
            pending[cell.task.key] = cell
        else:
            outcome.before += 1
    if not pending:
        return outcome
    with _client(scheduler, workers, len(pending)) as client:
        from distributed import as_completed

        futures = [
            client.submit(run_cell, cell, data_dir, engine, key=f"{sweep.name}-{key}", pure=False)
            for key, cell in pending.items()
        ]
        keys = dict(zip(futures, pending, strict=True))
        bar = tqdm(total=len(futures), desc=sweep.name, unit=" cells", leave=False, disable=None if report else True)
        with bar:
            for future in as_completed(futures):
                cell = pending[keys[future]]
                line = _line(cell, future)
                append_cell(path, line)
                if "error" in line:
                    outcome.failed += 1
                else:
                    outcome.finished += 1
                if report:
                    with bar.external_write_mode():
                        report(_told(cell, line))
                bar.update()
                future.release()
    return outcome


def run_cell(cell: Cell, data_dir: Path | None, engine: str) -> dict[str, Any]:
    """Train a cell where this is called, and return its result."""
    with tempfile.TemporaryDirectory(prefix="backspike-") as folder:
        return cell.task.run(Path(folder), data_dir, engine)


def _line(cell: Cell, future: Any) -> dict[str, Any]:
    """Return what is written down of a cell that has ended, well or not."""
    line = {"key": cell.task.key, "values": cell.values, "seed": cell.task.seed}
    if future.status == "finished":
        return {**line, **future.result()}
    error = future.exception()
    return {**line, "error": str(error) if isinstance(error, BackspikeError) else f"{type(error).__name__}: {error}"}


def _told(cell: Cell, line: dict[str, Any]) -> str:
    values = ", ".join(f"{axis} {value}" for axis, value in cell.values.items())
    if "error" in line:
        return f"{values}, seed {cell.task.seed}: failed: {line['error']}"
    accuracies = f"float {line['float_accuracy']:.2%}"
    if "test_accuracy" in line:
        accuracies = f"test {line['test_accuracy']:.2%}, {accuracies}"
    return f"{values}, seed {cell.task.seed}: {accuracies}, {line['seconds']:.1f} s"


@contextmanager
def _client(scheduler: str | None, workers: int | None, cells: int) -> Iterator[Client]:
    """Give a client of the scheduler, or of a cluster on this machine that ends with it."""
    try:
        from dask.system import CPU_COUNT
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BackspikeError("a sweep needs Dask; install it with: pip install backspike[sweep]") from error
    if scheduler is None:
        # One thread a process: training holds Python's lock. No dashboard: nobody is told of it.
        processes = min(workers or CPU_COUNT, cells)
        with (
            LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.ERROR,
                preload=["backspike.experiments.worker"],
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=CONNECTED_WITHIN)
    except (OSError, ValueError) as error:
        raise BackspikeError(f"cannot reach a Dask scheduler at {scheduler}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_WITHIN)
        except TimeoutError as error:
            raise BackspikeError(f"the Dask scheduler at {scheduler} has no workers") from error
        yield client
