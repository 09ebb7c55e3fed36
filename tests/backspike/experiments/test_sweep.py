"""Sweeps: on a cluster of this machine, and on real processes of which one is killed; stopped, failed, and gone on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.cli import main
from backspike.experiments import sweep as module
from backspike.experiments.definitions import load_sweep
from backspike.experiments.results import append_cell, cells_path, read_cells
from backspike.experiments.sweep import run_cell, run_sweep

PATIENCE = 120
"""Seconds after which what is waited for does not come."""


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


class Cluster:
    """A Dask scheduler and two workers, each a process on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file), "--no-dashboard")
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]
        for _ in range(2):
            self.start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")

    def start(self, role: str, *arguments: str) -> None:
        log = (self.folder / f"{role}-{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-m", "dask", role, *arguments]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder))
        log.close()

    def kill(self, number: int) -> None:
        """Kill a worker as a power cut would."""
        os.kill(self.processes[1 + number].pid, signal.SIGKILL)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


def test_a_killed_worker_loses_no_cell(experiments: Path, tmp_path: Path, cluster: Cluster) -> None:
    path = experiments / "studies" / "ticks.toml"
    path.write_text(path.read_text().replace("epochs = 1", "epochs = 2"))
    sweep = load_sweep(path)
    results = tmp_path / "results"
    lines = cells_path(results, sweep)

    def kill_one_when_some_are_done() -> None:
        wait_for(lambda: len(read_cells(lines)) >= 2)
        cluster.kill(0)

    killer = threading.Thread(target=kill_one_when_some_are_done)
    killer.start()
    # The slow engine: the worker is at work when it is killed.
    outcome = run_sweep(sweep, results, scheduler=cluster.address, engine="numpy")
    killer.join()
    assert cluster.processes[1].wait(PATIENCE) == -signal.SIGKILL
    assert (outcome.before, outcome.finished, outcome.failed) == (0, 8, 0)
    found = read_cells(lines)
    assert len(lines.read_text().splitlines()) == 8, "every cell is written down once"
    for cell in sweep.cells():
        line = found[cell.task.key]
        assert (line["values"], line["seed"]) == (cell.values, cell.task.seed)
        expected = run_cell(cell, None, "fast")
        assert line["test_accuracy"] == expected["test_accuracy"], cell.values
        assert line["float_accuracy"] == expected["float_accuracy"], cell.values
    again = run_sweep(sweep, results, scheduler="tcp://127.0.0.1:1")
    assert (again.before, again.finished, again.failed) == (8, 0, 0), "nothing left to do needs no cluster"


def test_a_failed_cell_is_written_down_and_tried_again(experiments: Path, tmp_path: Path, capsys) -> None:
    """Recorded spikes of four ticks fit the cells of four ticks alone; and what has a result is left alone."""
    path = experiments / "studies" / "ticks.toml"
    path.write_text(
        path.read_text().replace('"weight_bits, weight_frac" = [[6, 4], [8, 6]]', '"dataset.pool" = [1]\nleak = [0]')
    )
    sweep = load_sweep(path)
    cells = list(sweep.cells())
    assert len(cells) == 4
    results = tmp_path / "results"
    lines = cells_path(results, sweep)
    append_cell(lines, {"key": cells[0].task.key, "test_accuracy": 0.5})
    arguments = ["sweep", str(path), "--results", str(results), "--workers", "1"]
    assert main(arguments) == 1
    output = capsys.readouterr().out
    assert output.count("failed: dataset random has no settings, so 'pool' cannot be set") == 3
    assert output.splitlines()[-1] == f"0 cells finished, 3 failed, 1 had a result; in {lines}"
    found = read_cells(lines)
    assert found[cells[0].task.key] == {"key": cells[0].task.key, "test_accuracy": 0.5}
    assert all("error" in found[cell.task.key] for cell in cells[1:])

    path.write_text(path.read_text().replace('"dataset.pool" = [1]\n', ""))
    assert main([*arguments[:-2], "--workers", "2"]) == 0
    found = read_cells(lines)
    assert all(0 <= found[cell.task.key]["test_accuracy"] <= 1 for cell in load_sweep(path).cells())


def test_ctrl_c_ends_all_and_keeps_what_is_done(experiments: Path, tmp_path: Path) -> None:
    path = experiments / "studies" / "ticks.toml"
    path.write_text(path.read_text().replace("epochs = 1", "epochs = 5"))
    sweep = load_sweep(path)
    lines = cells_path(tmp_path / "results", sweep)
    command = [sys.executable, "-m", "backspike", "sweep", str(path), "--results", str(tmp_path / "results")]
    # A group of its own: Ctrl-C at a terminal reaches the workers too.
    running = subprocess.Popen(
        [*command, "--engine", "numpy", "--workers", "1"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_for(lambda: read_cells(lines))
        os.killpg(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "error: interrupted" in errors
    assert "Traceback" not in errors
    found = read_cells(lines)
    assert 0 < len(found) < 8
    assert not [line for line in found.values() if "error" in line], "what was stopped has not failed"
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.killpg(running.pid, 0))


def test_a_scheduler_that_is_not_there_is_one_sentence(experiments: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "CONNECTED_WITHIN", 1)
    sweep = load_sweep(experiments / "studies" / "ticks.toml")
    with pytest.raises(BackspikeError, match=r"^cannot reach a Dask scheduler at tcp://127\.0\.0\.1:1$"):
        run_sweep(sweep, tmp_path, scheduler="tcp://127.0.0.1:1")
    with pytest.raises(BackspikeError, match=r"^cannot reach a Dask scheduler at nonsense://x$"):
        run_sweep(sweep, tmp_path, scheduler="nonsense://x")
