"""Running an experiment: the result is that of a training, and what is finished is not run again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.cli import main
from backspike.config import load_config
from backspike.datasets import load_dataset
from backspike.experiments.definitions import load_experiment, load_experiments, load_sweeps
from backspike.experiments.results import cells_path, read_result, result_path
from backspike.experiments.run import run_experiment
from backspike.experiments.task import Task
from backspike.locks import locked
from backspike.training.checkpoint import Checkpoint
from backspike.training.trainer import train

from .made_up import made_up


def test_a_result_is_that_of_the_training(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    results, work = tmp_path / "results", tmp_path / "work"
    assert run_experiment(experiment, results, work) == 2
    task = experiment.task(2)
    expected = train(
        task.network, load_dataset("random", task.network, 2), 2, 2, tmp_path / "alone", baseline=task.baseline
    )
    result = read_result(results, experiment, 2)
    assert result is not None
    assert result["test_accuracy"] == expected.epochs[-1].test_accuracy
    assert result["float_accuracy"] == expected.float_accuracy
    assert result["task"] == task.to_dict()
    assert result["config_hash"] == task.network.hash
    assert result["test_curve"] == [epoch.test_accuracy for epoch in expected.epochs]
    assert result["training_curve"] == [epoch.training_accuracy for epoch in expected.epochs]
    one, other = (epoch.training for epoch in expected.epochs)
    assert result["training"]["samples"] == 2 * 256
    assert result["training"]["error_ticks"] == one["error_ticks"] + other["error_ticks"]
    assert result["training"]["rows"] == [sum(rows) for rows in zip(one["rows"], other["rows"], strict=True)]
    assert result["test"] == expected.epochs[-1].test
    assert (result["train_samples"], result["test_samples"]) == (256, 64)
    assert set(result["machine"]["versions"]) == {"python", "backspike", "numpy", "numba"}
    assert result["seconds"] > 0
    ours, theirs = (Checkpoint.load(path / "checkpoint.npz") for path in (work / "tiny/seed-2", tmp_path / "alone"))
    assert all((one == other).all() for one, other in zip(ours.weights, theirs.weights, strict=True))


def test_finished_seeds_are_not_run_again_unless_forced(experiments: Path, tmp_path: Path, monkeypatch) -> None:
    path = experiments / "tiny.toml"
    experiment = load_experiment(path)
    results, work = tmp_path / "results", tmp_path / "work"
    run: list[int] = []

    def instead(self: Task, *arguments: object) -> dict[str, object]:
        run.append(self.seed)
        return made_up(self, 0.5, 0.5)

    monkeypatch.setattr(Task, "run", instead)
    assert run_experiment(experiment, results, work, seeds=[2]) == 1
    assert run_experiment(experiment, results, work) == 1
    assert run == [2, 1]
    assert run_experiment(experiment, results, work) == 0
    assert run_experiment(experiment, results, work, force=True) == 2
    assert run == [2, 1, 1, 2]
    path.write_text(path.read_text().replace("epochs = 2", "epochs = 3"))
    assert read_result(results, load_experiment(path), 1) is None, "a result of the experiment as it was is none"
    assert run_experiment(load_experiment(path), results, work) == 2


def test_an_interrupted_training_goes_on(experiments: Path, tmp_path: Path, monkeypatch) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    run_experiment(experiment, tmp_path / "whole", tmp_path / "work-whole", seeds=[1])
    whole = read_result(tmp_path / "whole", experiment, 1)
    assert whole is not None

    class StoppedError(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("epoch 1/"):
            raise StoppedError

    results, work = tmp_path / "results", tmp_path / "work"
    with pytest.raises(StoppedError):
        run_experiment(experiment, results, work, seeds=[1], report=stop)
    assert read_result(results, experiment, 1) is None
    lines: list[str] = []
    run_experiment(experiment, results, work, seeds=[1], report=lines.append)
    assert any(line.startswith("going on from epoch 2") for line in lines)
    again = read_result(results, experiment, 1)
    assert again is not None
    timed = {"seconds", "epoch_seconds", "date"}
    assert {key for key in whole if whole[key] != again[key]} <= timed
    assert set(whole) == set(again)


def test_a_float_only_task_trains_the_float_network_alone(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    both = experiment.task(1).run(tmp_path / "both")
    alone = Task.from_tables({**experiment.tables, "float_only": True}, 1).run(tmp_path / "alone")
    assert alone["float_accuracy"] == both["float_accuracy"]
    assert len(alone["float_curve"]) == 2
    assert "test_accuracy" not in alone
    assert list((tmp_path / "alone").iterdir()) == []


def test_a_damaged_result_is_named(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    path = result_path(tmp_path, experiment, 1)
    path.parent.mkdir()
    for content, sentence in (("{", "is damaged: Expecting"), ("[]", "is damaged: it is no result")):
        path.write_text(content)
        with pytest.raises(BackspikeError, match=sentence):
            read_result(tmp_path, experiment, 1)


def test_command_line_runs_and_lists(experiments: Path, tmp_path: Path, capsys) -> None:
    places = ["--experiments", str(experiments), "--results", str(tmp_path / "results")]
    assert main(["experiment", "run", "tiny", "--seed", "2", *places, "--work", str(tmp_path / "work")]) == 0
    assert json.loads((tmp_path / "results" / "tiny" / "seed-2.json").read_text())["task"]["seed"] == 2
    capsys.readouterr()
    assert main(["experiment", "list", *places]) == 0
    assert capsys.readouterr().out.split() == ["tiny", "1", "of", "2", "seeds", "Tiny", "on", "random", "samples"]
    assert main(["experiment", "run", "tiny", "none", *places]) == 2
    assert capsys.readouterr().err.startswith("error: cannot read ")


def test_a_seed_that_is_none_of_the_experiment_is_refused(experiments: Path, tmp_path: Path, capsys) -> None:
    places = ["--experiments", str(experiments), "--results", str(tmp_path / "r"), "--work", str(tmp_path / "w")]
    for seed in ("3", "4294967295"):
        assert main(["experiment", "run", "tiny", "--seed", seed, *places]) == 2
        assert capsys.readouterr().err == f"error: seed {seed} is none of experiment tiny, which has 1, 2\n"
    assert main(["experiment", "run", "tiny", "--seed", "4294967296", *places]) == 2
    assert not (tmp_path / "w").exists()


def test_an_experiments_network_becomes_a_configuration_file(experiments: Path, tmp_path: Path, capsys) -> None:
    experiment, path = load_experiment(experiments / "tiny.toml"), tmp_path / "network.toml"
    write = ["experiment", "config", "tiny", "--experiments", str(experiments), "--out"]
    assert main([*write, str(path)]) == 0
    assert load_config(str(path)) == experiment.task(1).network
    assert main([*write, str(path), "--seed", "2"]) == 0
    assert load_config(str(path)) == experiment.task(2).network
    capsys.readouterr()
    assert main([*write, str(path), "--seed", "3"]) == 2
    assert capsys.readouterr().err == "error: seed 3 is none of experiment tiny, which has 1, 2\n"
    assert main([*write, "network"]) == 2
    assert capsys.readouterr().err == "error: --out must be a file whose name ends in .toml, not network\n"
    assert load_config(str(path)) == experiment.task(2).network, "as it was"


def test_results_that_cannot_be_written_are_known_at_once(experiments: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "r").write_text("a file")
    places = ["--experiments", str(experiments), "--results", str(tmp_path / "r"), "--work", str(tmp_path / "w")]
    assert main(["experiment", "run", "tiny", *places]) == 2
    assert "cannot create directory" in capsys.readouterr().err
    assert not (tmp_path / "w").exists(), "before anything is trained"
    sweep = ["sweep", str(experiments / "studies" / "ticks.toml"), *places[2:]]
    assert main(sweep) == 2
    assert "cannot create directory" in capsys.readouterr().err
    assert not (tmp_path / "w").exists(), "before anything is trained"


def test_the_tour_has_results_of_its_own(tmp_path: Path, capsys) -> None:
    """What a newcomer is told to call trains, in a clone that has the results of all other experiments."""
    root = Path(__file__).parents[3]
    (tour,) = load_experiments(root / "experiments" / "tour")
    (sweep,) = load_sweeps(root / "experiments" / "tour")
    assert not (root / "results" / tour.name).exists()
    assert not cells_path(root / "results", sweep).exists()
    for text in ((root / "README.md").read_text(), (root / "docs" / "experiments.md").read_text()):
        assert f"backspike experiment run {tour.name} --experiments experiments/tour --results build/tour" in text
        assert f"backspike sweep experiments/tour/studies/{sweep.name}.toml --results build/tour" in text
    run_experiment(tour, tmp_path, tmp_path / "work", seeds=tour.seeds[:1])
    result = read_result(tmp_path, tour, tour.seeds[0])
    assert result is not None
    assert result["test_accuracy"] >= tour.goal.accuracy
    docs = ["--docs", str(tmp_path / "docs"), "--experiments", str(root / "experiments" / "tour")]
    assert main(["experiment", "report", "--results", str(tmp_path), *docs]) == 0
    page = (tmp_path / "docs" / "results.md").read_text()
    (link,) = re.findall(rf"\[`{tour.name}`\]\((.*)\)\)", page)
    assert (tmp_path / "docs" / link).resolve() == root / "experiments" / "tour" / f"{tour.name}.toml"


def run_of(experiments: Path, tmp_path: Path, *more: str) -> list[str]:
    places = ["--experiments", str(experiments), "--results", str(tmp_path / "r"), "--work", str(tmp_path / "w")]
    return [sys.executable, "-m", "backspike", "experiment", "run", "tiny", "--seed", "1", *places, *more]


def epochs_of(text: str, epochs: int) -> str:
    return text.replace("epochs = 2", f"epochs = {epochs}")


def wait_for_the_first_epoch(folder: Path, running: subprocess.Popen) -> None:
    metrics = folder / "w" / "tiny" / "seed-1" / "metrics.json"
    while not metrics.exists() or not json.loads(metrics.read_text())["epochs"]:
        assert running.poll() is None, "it ended"
        time.sleep(0.02)


def test_ctrl_c_says_how_to_go_on(experiments: Path, tmp_path: Path) -> None:
    path = experiments / "tiny.toml"
    path.write_text(epochs_of(path.read_text(), 3))
    command = run_of(experiments, tmp_path, "--engine", "numpy")
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for_the_first_epoch(tmp_path, running)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()
    assert running.returncode == 130
    assert errors.endswith("; the same command goes on from there\n")
    assert not (tmp_path / "r" / "tiny" / "seed-1.json").exists()
    again = subprocess.run(command[:-2], capture_output=True, text=True, check=True)
    assert "going on from epoch" in again.stdout
    assert json.loads((tmp_path / "r" / "tiny" / "seed-1.json").read_text())["training"]["samples"] == 3 * 256


def test_where_ctrl_c_is_ignored_no_epoch_is_cut_short(experiments: Path, tmp_path: Path) -> None:
    """As in every script that starts it with an ampersand."""
    path = experiments / "tiny.toml"
    path.write_text(epochs_of(path.read_text(), 3))
    command = run_of(experiments, tmp_path, "--engine", "numpy")
    running = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    wait_for_the_first_epoch(tmp_path, running)
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        time.sleep(0.05)
    running.communicate()
    assert running.returncode == 0
    experiment = load_experiment(path)
    result = read_result(tmp_path / "r", experiment, 1)
    expected = experiment.task(1).run(tmp_path / "whole")
    assert result is not None
    assert {key: result[key] for key in ("test_curve", "training", "test")} == {
        key: expected[key] for key in ("test_curve", "training", "test")
    }


def test_another_training_in_the_folder_is_not_gone_on_with(experiments: Path, tmp_path: Path, capsys) -> None:
    path = experiments / "tiny.toml"
    text = path.read_text()
    arguments = run_of(experiments, tmp_path)[3:]
    assert main(arguments) == 0
    path.write_text(text.replace('preset = "tiny"', 'preset = "tiny"\nticks = 9'))
    capsys.readouterr()
    assert main(arguments) == 2
    assert "its ticks is 8, and tiny has 9" in capsys.readouterr().err
    assert json.loads((tmp_path / "r" / "tiny" / "seed-1.json").read_text())["task"]["network"]["ticks"] == 8
    assert main([*arguments, "--force"]) == 0
    assert json.loads((tmp_path / "r" / "tiny" / "seed-1.json").read_text())["task"]["network"]["ticks"] == 9


def test_force_trains_from_the_first_epoch(experiments: Path, tmp_path: Path, capsys) -> None:
    arguments = run_of(experiments, tmp_path)[3:]
    assert main(arguments) == 0
    result = tmp_path / "r" / "tiny" / "seed-1.json"
    before = json.loads(result.read_text())
    capsys.readouterr()
    assert main([*arguments, "--force"]) == 0
    output = capsys.readouterr().out
    assert "epoch 1/2:" in output
    assert "epoch 2/2:" in output
    again = json.loads(result.read_text())
    assert again["test_curve"] == before["test_curve"]
    # What was trained before is not what is told: times are never equal to the microsecond, twice.
    metrics = json.loads((tmp_path / "w" / "tiny" / "seed-1" / "metrics.json").read_text())
    assert [round(epoch["seconds"], 3) for epoch in metrics["epochs"]] == again["epoch_seconds"]


def test_two_processes_do_not_train_the_same_seed(experiments: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "w" / "tiny" / "seed-1"
    folder.mkdir(parents=True)
    with locked(folder):
        for more in ([], ["--force"]):
            assert main([*run_of(experiments, tmp_path)[3:], *more]) == 2
            assert f"another process writes to {folder}" in capsys.readouterr().err
    assert list(folder.iterdir()) == []
