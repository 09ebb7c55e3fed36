"""Sweeps: in processes of this machine and on a Dask cluster; killed, stopped, failed, and gone on."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest

from backspike import BackspikeError
from backspike.cli import main
from backspike.experiments import sweep as module
from backspike.experiments.definitions import Cell, load_sweep
from backspike.experiments.results import append_cell, cells_path, read_cells
from backspike.experiments.sweep import run_cell, run_sweep
from backspike.experiments.worker import Worker, stop
from backspike.locks import locked
from backspike.training.checkpoint import Checkpoint

from .made_up import made_up

PATIENCE = 120
"""Seconds after which what is waited for does not come."""


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


class Cluster:
    """A Dask scheduler and two workers, each a process on this machine."""

    def __init__(self, folder: Path, *security: str) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        host = ("--protocol", "tls" if security else "tcp", "--host", "127.0.0.1", *security)
        self.start("scheduler", *host, "--port", "0", "--scheduler-file", str(file), "--no-dashboard")
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]
        for _ in range(2):
            self.start("worker", self.address, *host, "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def start(self, role: str, *arguments: str) -> None:
        log = (self.folder / f"{role}-{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-m", "dask", role, *arguments]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder))
        log.close()

    def kill(self, number: int) -> None:
        """Kill a worker, or the scheduler with -1, as a power cut would."""
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


@pytest.fixture
def four_cells(experiments: Path) -> Path:
    """Return the file of a sweep of four cells: two numbers of ticks, with two seeds each."""
    path = experiments / "studies" / "ticks.toml"
    path.write_text(path.read_text().replace("[[6, 4], [8, 6]]", "[[6, 4]]"))
    return path


def test_a_killed_worker_loses_no_cell(four_cells: Path, tmp_path: Path, cluster: Cluster) -> None:
    sweep = load_sweep(four_cells)
    results = tmp_path / "results"
    lines = cells_path(results, sweep)

    def kill_one_when_another_is_done() -> None:
        wait_for(lambda: read_cells(lines))
        cluster.kill(0)

    killer = threading.Thread(target=kill_one_when_another_is_done)
    killer.start()
    # The slow engine: the worker is at work when it is killed.
    outcome = run_sweep(sweep, results, scheduler=cluster.address, engine="numpy")
    killer.join()
    assert cluster.processes[1].wait(PATIENCE) == -signal.SIGKILL
    assert (outcome.before, outcome.finished, outcome.failed) == (0, 4, 0), lines.read_text()
    found = read_cells(lines)
    assert len(lines.read_text().splitlines()) == 4, "every cell is written down once"
    for cell in sweep.cells():
        line = found[cell.task.key]
        assert (line["values"], line["seed"]) == (cell.values, cell.task.seed)
        expected = run_cell(cell, None, "fast")
        assert line["test_accuracy"] == expected["test_accuracy"], cell.values
        assert line["float_accuracy"] == expected["float_accuracy"], cell.values
    again = run_sweep(sweep, results, scheduler="tcp://127.0.0.1:1")
    assert (again.before, again.finished, again.failed) == (4, 0, 0), "nothing left to do needs no cluster"


@pytest.fixture
def one_cell(experiments: Path) -> Path:
    """Return the file of a sweep of one cell, of several epochs."""
    path = experiments / "studies" / "one.toml"
    path.write_text('title = "t"\nexperiment = "../tiny.toml"\nseeds = [1]\nepochs = 6\n[grid]\nticks = [8]\n')
    return path


def kill_when_epochs_are_done(work: Path, pid: Callable[[], int], epochs: int) -> list[float]:
    """Kill a process of a sweep when a cell has so many epochs behind it; return the seconds that they took.

    An epoch is behind it when it is in the checkpoint: the account is written first, and can be ahead.
    """

    def done() -> int:
        checkpoint = next(work.glob("sweeps/*/*/checkpoint.npz"), None)
        return Checkpoint.load(checkpoint).epoch if checkpoint else 0

    wait_for(lambda: done() >= epochs)
    os.kill(pid(), signal.SIGKILL)
    metrics = next(work.glob("sweeps/*/*/metrics.json"))
    return [epoch["seconds"] for epoch in json.loads(metrics.read_text())["epochs"]][: done()]


def test_a_killed_worker_costs_at_most_the_epoch(one_cell: Path, tmp_path: Path, monkeypatch) -> None:
    workers: list[Worker] = []

    class Recorded(Worker):
        def __init__(self) -> None:
            super().__init__()
            workers.append(self)

    monkeypatch.setattr(module, "Worker", Recorded)
    before: list[float] = []
    killer = threading.Thread(
        target=lambda: before.extend(kill_when_epochs_are_done(tmp_path / "w", lambda: workers[0].process.pid, 2))
    )
    killer.start()
    sweep = load_sweep(one_cell)
    outcome = run_sweep(sweep, tmp_path / "results", workers=1, work=tmp_path / "w", engine="numpy")
    killer.join()
    assert (outcome.finished, outcome.failed) == (1, 0)
    assert [worker.process.returncode for worker in workers] == [-signal.SIGKILL, workers[1].process.returncode]
    (cell,) = sweep.cells()
    result = read_cells(cells_path(tmp_path / "results", sweep))[cell.task.key]
    expected = run_cell(cell, None, "fast")
    assert result["test_curve"] == expected["test_curve"]
    assert result["training"] == expected["training"]
    # Not trained again: the very seconds that the first worker took.
    assert len(before) >= 2
    assert result["epoch_seconds"][: len(before)] == [round(seconds, 3) for seconds in before]
    assert list((tmp_path / "w").rglob("*.*")) == [], "checkpoints of finished cells go"


def test_a_cell_waits_until_the_worker_that_died_over_it_has_let_go(
    one_cell: Path, tmp_path: Path, monkeypatch
) -> None:
    """A connection may be gone before the lock is, as a process ends."""
    (cell,) = load_sweep(one_cell).cells()
    folder = tmp_path / "cell"
    folder.mkdir()
    with ExitStack() as dying:
        dying.enter_context(locked(folder))
        release = threading.Timer(0.3, dying.close)
        release.start()
        assert run_cell(cell, None, "fast", folder)["test_curve"] == run_cell(cell, None, "fast")["test_curve"]
        release.join()
    assert not folder.exists()
    folder.mkdir()
    monkeypatch.setattr(module, "LET_GO_WITHIN", 0.1)
    with locked(folder), pytest.raises(BackspikeError, match=r"^another process writes to .*/cell; "):
        run_cell(cell, None, "fast", folder)


def kill_itself_for_four_ticks(cell: Cell) -> dict[str, object]:
    if cell.values["ticks"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"key": cell.task.key}


def test_a_cell_that_kills_its_workers_fails_alone(four_cells: Path) -> None:
    cells = list(load_sweep(four_cells).cells())
    assert [cell.values["ticks"] for cell in cells].count(4) == 2
    lines = list(module._on_this_machine(cells, kill_itself_for_four_ticks, 2))
    assert sorted(cell.task.key for cell, _ in lines) == sorted(cell.task.key for cell in cells)
    for cell, line in lines:
        error = f"{module.ATTEMPTS} workers died over it, the last with signal 9"
        assert line.get("error") == (error if cell.values["ticks"] == 4 else None)


def test_nobody_else_can_reach_a_worker() -> None:
    worker = Worker()
    try:
        worker.begin(os.getpid)
        assert worker.result() == worker.process.pid
        for pid in (os.getpid(), worker.process.pid):
            assert psutil.Process(pid).net_connections("inet") == []
    finally:
        stop([worker])
    assert worker.process.returncode is not None


def test_a_script_needs_no_guard(one_cell: Path, tmp_path: Path) -> None:
    one_cell.write_text(one_cell.read_text().replace("epochs = 6", "epochs = 1"))
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom backspike.experiments.definitions import load_sweep\n"
        "from backspike.experiments.sweep import run_sweep\n"
        f"print(run_sweep(load_sweep(Path({str(one_cell)!r})), Path({str(tmp_path)!r}), engine='numpy'))\n"
    )
    # A module of this name in the folder in which the script is called is no business of the workers'.
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "random.py").write_text("raise SystemExit('the wrong module')\n")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path / "elsewhere"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "SweepOutcome(before=0, finished=1, failed=0)\n", "")


def test_workers_end_with_their_parent(one_cell: Path, tmp_path: Path) -> None:
    places = ["--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    running = subprocess.Popen(
        [sys.executable, "-m", "backspike", "sweep", str(one_cell), *places, "--engine", "numpy"]
    )
    wait_for(lambda: psutil.Process(running.pid).children())
    (worker,) = psutil.Process(running.pid).children()
    kill_when_epochs_are_done(tmp_path / "work", lambda: running.pid, 1)
    running.wait()
    worker.wait(PATIENCE)
    before = Checkpoint.load(next((tmp_path / "work").rglob("checkpoint.npz")))
    assert before.epoch >= 1
    assert main(["sweep", str(one_cell), *places]) == 0


def test_a_sweep_is_run_by_one_process_at_a_time(one_cell: Path, tmp_path: Path) -> None:
    sweep = load_sweep(one_cell)
    lines = cells_path(tmp_path, sweep)
    lines.parent.mkdir()
    lines.touch()
    with locked(lines), pytest.raises(BackspikeError, match=r"^another process writes to .*one\.jsonl"):
        run_sweep(sweep, tmp_path)
    assert lines.read_text() == ""
    assert run_sweep(sweep, tmp_path).finished == 1


def test_a_forced_sweep_trains_again(one_cell: Path, tmp_path: Path) -> None:
    sweep = load_sweep(one_cell)
    (cell,) = sweep.cells()
    lines = cells_path(tmp_path, sweep)
    append_cell(lines, {**made_up(cell.task, 0.5, 0.5), "date": "of old"})
    assert run_sweep(sweep, tmp_path).before == 1
    outcome = run_sweep(sweep, tmp_path, force=True)
    assert (outcome.before, outcome.finished, outcome.failed) == (0, 1, 0)
    assert read_cells(lines)[cell.task.key]["date"] != "of old"


def test_a_lost_scheduler_is_one_sentence(experiments: Path, tmp_path: Path, cluster: Cluster, capfd) -> None:
    path = experiments / "studies" / "ticks.toml"
    sweep = load_sweep(path)
    lines = cells_path(tmp_path / "results", sweep)

    def kill_when_some_are_done() -> None:
        wait_for(lambda: read_cells(lines))
        cluster.kill(-1)

    killer = threading.Thread(target=kill_when_some_are_done)
    killer.start()
    arguments = ["sweep", str(path), "--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    assert main([*arguments, "--scheduler", cluster.address, "--engine", "numpy"]) == 2
    killer.join()
    errors = capfd.readouterr().err
    assert f"error: lost the scheduler at {cluster.address}; what is finished is kept\n" in errors
    assert "Traceback" not in errors
    found = read_cells(lines)
    assert 0 < len(found) < 8
    assert not [line for line in found.values() if "error" in line], "what was lost has not failed"


def test_a_scheduler_may_ask_for_certificates(one_cell: Path, tmp_path: Path, capsys) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificates, is not here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=backspike"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    files = ("--tls-ca-file", str(certificate), "--tls-cert", str(certificate), "--tls-key", str(key))
    cluster = Cluster(tmp_path, *files)
    try:
        assert cluster.address.startswith("tls://")
        sweep = ["sweep", str(one_cell), "--results", str(tmp_path), "--scheduler", cluster.address]
        assert main(sweep) == 2
        assert f"error: cannot reach a Dask scheduler at {cluster.address}: " in capsys.readouterr().err
        assert main([*sweep, *files[:2]]) == 2
        assert "--tls-ca-file, --tls-cert and --tls-key belong together" in capsys.readouterr().err
        assert main([*sweep, *files[:5], str(tmp_path / "none")]) == 2
        assert "/none: there is no such file" in capsys.readouterr().err
        assert main([*sweep, *files, "--work", str(tmp_path / "work")]) == 0
        assert "cells: 1 finished" in capsys.readouterr().out
    finally:
        cluster.stop()


def test_a_failed_cell_is_written_down_and_tried_again(experiments: Path, tmp_path: Path, capsys) -> None:
    """Data of five inputs is none for a network of eight; and what has a result is left alone."""
    path = experiments / "studies" / "ticks.toml"
    parts = {f"{part}_values": np.eye(9, 5) for part in ("train", "test")}
    np.savez(path.with_name("five.npz"), **parts, train_labels=np.arange(9) % 3, test_labels=np.arange(9) % 3)
    path.write_text(
        path.read_text().replace('"weight_bits, weight_frac" = [[6, 4], [8, 6]]', '"dataset.name" = ["five.npz"]')
    )
    sweep = load_sweep(path)
    cells = list(sweep.cells())
    assert len(cells) == 4
    results = tmp_path / "results"
    lines = cells_path(results, sweep)
    had = made_up(cells[0].task, 0.5, 0.5)
    append_cell(lines, had)
    arguments = ["sweep", str(path), "--results", str(results), "--workers", "1"]
    assert main(arguments) == 1
    output = capsys.readouterr().out
    assert (
        output.count("failed: ")
        == output.count("samples of shape (5,) in 3 classes, but network tiny takes shape (8,)")
        == 3
    ), output
    assert output.splitlines()[-1] == f"cells: 0 finished, 3 failed, 1 had a result; in {lines}"
    found = read_cells(lines)
    assert found[cells[0].task.key] == had
    assert all("error" in found[cell.task.key] for cell in cells[1:])

    path.write_text(path.read_text().replace('"dataset.name" = ["five.npz"]', '"leak" = [0]'))
    assert main([*arguments[:-2], "--workers", "2"]) == 0
    found = read_cells(lines)
    assert all(0 <= found[cell.task.key]["test_accuracy"] <= 1 for cell in load_sweep(path).cells())


def test_ctrl_c_ends_all_and_keeps_what_is_done(experiments: Path, tmp_path: Path) -> None:
    path = experiments / "studies" / "ticks.toml"
    path.write_text(path.read_text().replace("epochs = 1", "epochs = 5"))
    sweep = load_sweep(path)
    lines = cells_path(tmp_path / "results", sweep)
    places = ["--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    running = subprocess.Popen(
        [sys.executable, "-m", "backspike", "sweep", str(path), *places, "--engine", "numpy", "--workers", "1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: read_cells(lines))
        (worker,) = psutil.Process(running.pid).children()
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    assert running.returncode == 130
    assert not worker.is_running()
    assert "error: interrupted; what is finished is written down, and the same command goes on from there\n" in errors
    assert "Traceback" not in errors
    found = read_cells(lines)
    assert 0 < len(found) < 8
    assert not [line for line in found.values() if "error" in line], "what was stopped has not failed"


def test_a_client_that_did_not_connect_is_gone(experiments: Path, tmp_path: Path, monkeypatch) -> None:
    """Collected later, while another one starts, it would wait for the other's lock for ever."""
    from distributed import Client

    def clients() -> list[Client]:
        return [found for found in gc.get_objects() if isinstance(found, Client)]

    monkeypatch.setattr(module, "CONNECTED_WITHIN", 1)
    # Other tests may have left some that are held.
    before = clients()
    gc.disable()
    try:
        with pytest.raises(BackspikeError, match="cannot reach"):
            run_sweep(load_sweep(experiments / "studies" / "ticks.toml"), tmp_path, scheduler="tcp://127.0.0.1:1")
        assert not [found for found in clients() if not any(found is other for other in before)]
    finally:
        gc.enable()


def test_a_scheduler_that_is_not_there_is_one_sentence(experiments: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "CONNECTED_WITHIN", 1)
    sweep = load_sweep(experiments / "studies" / "ticks.toml")
    with pytest.raises(BackspikeError, match=r"^cannot reach a Dask scheduler at tcp://127\.0\.0\.1:1$"):
        run_sweep(sweep, tmp_path, scheduler="tcp://127.0.0.1:1")
    with pytest.raises(BackspikeError, match=r"^cannot reach a Dask scheduler at nonsense://x$"):
        run_sweep(sweep, tmp_path, scheduler="nonsense://x")
    for nonsense in ("", "tcp://", "tcp://h:99999", "localhost", "tcp://[::", "inproc://x", "tls://127.0.0.1:1"):
        with pytest.raises(BackspikeError, match=r"^cannot reach a Dask scheduler at ") as error:
            run_sweep(sweep, tmp_path, scheduler=nonsense)
        assert "\n" not in str(error.value)
    for workers in (0, -1):
        with pytest.raises(BackspikeError, match=f"^workers must be a whole number from 1, not {workers}$"):
            run_sweep(sweep, tmp_path, workers=workers)
