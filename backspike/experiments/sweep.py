"""Sweeps: the cells of a grid on all cores of this machine, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from backspike.errors import BackspikeError
from backspike.files import make_directory
from backspike.locks import locked
from backspike.training.engines import DEFAULT_ENGINE

from .definitions import Cell, Sweep
from .results import append_cell, cells_path, own_cells, sweep_results
from .task import usable_cores
from .worker import Worker, stop

if TYPE_CHECKING:
    from distributed import Client, Security

__all__ = ["ATTEMPTS", "SweepOutcome", "certificates", "run_cell", "run_sweep"]

ATTEMPTS = 3
"""Workers that may die over a cell before it counts as failed: it may be the cell that kills them."""

CONNECTED_WITHIN, WORKERS_WITHIN = 10, 60
"""Seconds within which a scheduler must answer, and have a worker."""

LET_GO_WITHIN = 60.0
"""Seconds within which a worker that has died lets go of its cell: a system may say that it is gone before it does."""

NO_DASK = "a cluster needs Dask; install it with: pip install backspike[sweep]"

Lines = Generator[tuple[Cell, dict[str, Any]]]


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
    security: Security | None = None,
    workers: int | None = None,
    work: Path | None = None,
    force: bool = False,
    data_dir: Path | None = None,
    engine: str = DEFAULT_ENGINE,
    report: Callable[[str], None] | None = None,
) -> SweepOutcome:
    """Train all cells without a result; append each as it ends.

    A cell that fails is written down with its error, and the others go on; the next call tries it again. A cell whose
    worker dies goes on from its last epoch in another worker.

    Parameters
    ----------
    sweep : Sweep
    results : Path
        Folder of the results.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tls://host:8786``, whose workers have this package installed. When left
        out, the cells are trained by processes on this machine, which nobody else can reach.
    security : distributed.Security, optional
        Certificates for a ``tls://`` scheduler; those of Dask's own configuration when left out.
    workers : int, optional
        Processes on this machine; one per core when left out.
    work : Path, optional
        Folder, where the workers run, for the checkpoints of cells that are not finished; when left out they go with
        this call.
    force : bool
        Whether to train the cells that have a result again, each from its first epoch. An old result counts until
        there is a new one.
    data_dir : Path, optional
        Folder in which datasets are searched first, where the workers run.
    engine : str
    report : callable, optional
        Takes a line of text for each cell; with it, a progress bar goes to the standard error stream if that is a
        terminal.

    Raises
    ------
    BackspikeError
        Another process runs the same sweep; Dask is not installed, the scheduler cannot be reached, has no workers or
        is lost; or a file cannot be read or written. What is finished is written down, and the same call goes on.
    KeyboardInterrupt
        Ctrl-C; the same call goes on, in processes on this machine from the samples at which they were.
    """
    if workers is not None and workers < 1:
        raise BackspikeError(f"workers must be a whole number from 1, not {workers}")
    path = cells_path(results, sweep)
    known = sweep_results(results, sweep)
    outcome = SweepOutcome()
    cells = list(sweep.cells())
    pending = [cell for cell in cells if force or cell.task.key not in known]
    outcome.before = len(cells) - len(pending)
    if not pending:
        return outcome
    with ExitStack() as stack:
        stack.enter_context(own_cells(path))
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="backspike-")))
        # What is trained anew must not go on from what an earlier call left.
        folder = work / "sweeps" / (f"{sweep.name}-{time.time_ns()}" if force else sweep.name)
        attempt = partial(_attempt, folder=folder, data_dir=data_dir, engine=engine)
        if scheduler is None:
            lines = _on_this_machine(pending, attempt, workers or usable_cores())
        else:
            lines = _on_a_cluster(pending, attempt, scheduler, security, folder.name)
        # Whatever ends the loop, the workers end before this call does.
        stack.enter_context(closing(lines))
        bar = tqdm(total=len(pending), desc=sweep.name, unit=" cells", leave=False, disable=None if report else True)
        stack.enter_context(bar)
        for cell, line in lines:
            append_cell(path, line)
            if "error" in line:
                outcome.failed += 1
            else:
                outcome.finished += 1
            if report:
                with bar.external_write_mode():
                    report(_told(cell, line))
            bar.update()
    return outcome


def run_cell(cell: Cell, data_dir: Path | None, engine: str, folder: Path | None = None) -> dict[str, Any]:
    """Train a cell where this is called, and return its result.

    Parameters
    ----------
    cell : Cell
    data_dir : Path or None
        Folder in which datasets are searched first.
    engine : str
    folder : Path, optional
        Folder for checkpoints, from which an earlier attempt is gone on with; it goes when the cell is finished.

    Raises
    ------
    BackspikeError
        Another process has not let go of the folder within `LET_GO_WITHIN`; or of `Task.run`.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="backspike-") as temporary:
            return cell.task.run(Path(temporary), data_dir, engine)
    with locked(make_directory(folder), LET_GO_WITHIN):
        pass
    result = cell.task.run(folder, data_dir, engine)
    shutil.rmtree(folder, ignore_errors=True)
    return result


def _attempt(cell: Cell, *, folder: Path, data_dir: Path | None, engine: str) -> dict[str, Any]:
    """Train a cell, and return what is written down of it, whether that ends well or not."""
    try:
        result = run_cell(cell, data_dir, engine, folder / cell.task.key[:16])
    except BackspikeError as error:
        return _failed(cell, str(error))
    except Exception as error:
        return _failed(cell, f"{type(error).__name__}: {error}")
    return {"key": cell.task.key, "values": cell.values, "seed": cell.task.seed, **result}


def _failed(cell: Cell, error: str) -> dict[str, Any]:
    return {"key": cell.task.key, "values": cell.values, "seed": cell.task.seed, "error": error}


def _told(cell: Cell, line: dict[str, Any]) -> str:
    values = ", ".join(f"{axis} {value}" for axis, value in cell.values.items())
    if "error" in line:
        return f"{values}, seed {cell.task.seed}: failed: {line['error']}"
    accuracies = f"float {line['float_accuracy']:.2%}"
    if "test_accuracy" in line:
        accuracies = f"test {line['test_accuracy']:.2%}, {accuracies}"
    return f"{values}, seed {cell.task.seed}: {accuracies}, {line['seconds']:.1f} s"


def _on_this_machine(cells: Sequence[Cell], attempt: Callable[[Cell], dict[str, Any]], workers: int) -> Lines:
    """Yield each cell with its line as it ends, trained by so many processes."""
    waiting = deque((cell, 1) for cell in cells)
    busy: dict[Any, tuple[Worker, Cell, int]] = {}
    idle: list[Worker] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                cell, number = waiting.popleft()
                worker = idle.pop() if idle else Worker()
                busy[worker.connection] = worker, cell, number
                with suppress(OSError):  # It has ended, which `result` will say.
                    worker.begin(attempt, cell)
            for connection in wait(list(busy)):
                worker, cell, number = busy.pop(connection)
                try:
                    line = worker.result()
                except (EOFError, OSError):
                    how = worker.ended()
                    if number < ATTEMPTS:
                        waiting.appendleft((cell, number + 1))
                    else:
                        yield cell, _failed(cell, f"{number} workers died over it, the last with {how}")
                else:
                    idle.append(worker)
                    yield cell, line
    finally:
        stop([*idle, *(worker for worker, _, _ in busy.values())])


def _on_a_cluster(
    cells: Sequence[Cell],
    attempt: Callable[[Cell], dict[str, Any]],
    scheduler: str,
    security: Security | None,
    call: str,
) -> Lines:
    """Yield each cell with its line as it ends, trained by the workers of a Dask scheduler."""
    try:
        from distributed import as_completed
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise BackspikeError(NO_DASK) from error
    # What Dask logs of a lost connection is pages of tracebacks.
    with silence_logging_cmgr(logging.CRITICAL), _client(scheduler, security) as client:
        futures = {client.submit(attempt, cell, key=f"{call}-{cell.task.key}", pure=False): cell for cell in cells}
        for future in as_completed(futures):
            cell = futures[future]
            if future.status == "error":
                failure = future.exception()
                yield cell, _failed(cell, f"{type(failure).__name__}: {failure}")
            else:
                try:
                    line = future.result()
                except (Exception, asyncio.CancelledError) as error:
                    # Not the cell's, whose own are in the line: there is nobody to ask.
                    raise BackspikeError(f"lost the scheduler at {scheduler}; what is finished is kept") from error
                yield cell, line
            future.release()


def certificates(ca_file: Path, certificate: Path, key: Path) -> Security:
    """Return what `run_sweep` shows to a ``tls://`` scheduler, and by what it knows it.

    Parameters
    ----------
    ca_file : Path
        Certificate (PEM) that the cluster's are signed with.
    certificate, key : Path
        This side's own (PEM).

    Raises
    ------
    BackspikeError
        Dask is not installed, or a file is not there.
    """
    try:
        from distributed import Security
    except ImportError as error:
        raise BackspikeError(NO_DASK) from error
    for path in (ca_file, certificate, key):
        if not path.is_file():
            raise BackspikeError(f"cannot read {path}: there is no such file")
    return Security(
        tls_ca_file=str(ca_file), tls_client_cert=str(certificate), tls_client_key=str(key), require_encryption=True
    )


def _client(scheduler: str, security: Security | None) -> Client:
    """Return a client of a scheduler that has workers."""
    from distributed import Client

    client, reason = None, ""
    try:
        client = Client(scheduler, timeout=CONNECTED_WITHIN, security=security)
    except Exception as error:  # Dask has many for words that are no address, and for certificates that do not fit.
        reason = f": {next(iter(str(error).splitlines()), '')}" if scheduler.startswith("tls:") else ""
    if client is None:
        # Dask closes a client that did not connect when it is collected, and hangs if the next one starts just then.
        gc.collect()
        raise BackspikeError(f"cannot reach a Dask scheduler at {scheduler}{reason}")
    try:
        client.wait_for_workers(1, timeout=WORKERS_WITHIN)
    except (TimeoutError, asyncio.TimeoutError) as error:
        client.close()
        raise BackspikeError(f"the Dask scheduler at {scheduler} has no workers") from error
    return client
