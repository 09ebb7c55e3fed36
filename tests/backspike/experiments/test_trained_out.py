"""Float networks trained out beside experiments: what is written down, what is found again, and who chooses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backspike import BackspikeError
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.experiments import report
from backspike.experiments import trained_out as module
from backspike.experiments.definitions import Experiment, load_experiment
from backspike.experiments.results import read_cells
from backspike.experiments.trained_out import TrainedOutRecord, run_trained_out, trained_out_path
from backspike.training.baseline import FloatNetwork
from backspike.training.trained_out import RATES, Schedule, Trial, run_trial, train_out

from .conftest import TINY
from .made_up import damaged

TRIED = [
    ("adam", 0.004, 64), ("adam", 0.008, 64), ("adam", 0.016, 64), ("adam", 0.008, 0), ("momentum", 0.02, 64),
    ("momentum", 0.04, 64), ("momentum", 0.01, 64), ("momentum", 0.005, 64), ("momentum", 0.01, 0),
]  # fmt: skip
"""What the fixture `quick` lets be tried."""


def tasks(experiment: Experiment) -> list:
    return [experiment.task(seed) for seed in experiment.seeds]


def lines_of(results: Path) -> list[dict[str, Any]]:
    return list(map(json.loads, trained_out_path(results).read_text().splitlines()))


@pytest.fixture
def quick(monkeypatch) -> list[tuple[Any, ...]]:
    """Let trials take no time: a rate of 0.008 is best, without dropout; return what is tried, seeds first."""
    tried: list[tuple[Any, ...]] = []

    def instead(config, dataset, seed, optimiser, rate, dropout, clip=0.0) -> Trial:
        tried.append((seed, optimiser, rate, dropout))
        best = {"adam": 0.5, "momentum": 0.4}[optimiser]
        return Trial(optimiser, rate, dropout, [best - abs(rate - 0.008) - dropout / 10_000] * 6)

    monkeypatch.setattr(module, "run_trial", instead)
    return tried


def official(experiments: Path, monkeypatch) -> None:
    """Let the dataset of every seed be that of seed 1, as where there is an official split."""
    monkeypatch.setattr(
        module, "load_dataset", lambda name, network, seed, *rest: load_dataset(name, network, 1, *rest)
    )


def test_a_result_is_that_of_the_training(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    assert TrainedOutRecord(tmp_path).beside(tasks(experiment)) == []
    assert run_trained_out(experiment, tmp_path, seeds=[2]) == 1
    (result,) = TrainedOutRecord(tmp_path).beside(tasks(experiment))
    network = experiment.task(2).network
    dataset = load_dataset("random", network, 2)
    schedule = Schedule(**result["schedule"])
    expected = train_out(network, dataset, 2, schedule).accuracy(dataset.test_values, dataset.test_labels)
    assert result["test_accuracy"] == expected
    assert (result["train_samples"], result["test_samples"]) == (256, 64)
    *trials, last = lines_of(tmp_path)
    assert last == result
    assert [trials[0]["trial"][key] for key in ("optimiser", "rate", "dropout")] == ["adam", RATES["adam"], 64]
    best = max((Trial(**t["trial"]) for t in trials), key=lambda trial: trial.accuracy)
    assert best.schedule == schedule
    assert result["validation_accuracy"] == best.accuracy
    assert best == run_trial(network, dataset, 2, best.optimiser, best.rate, best.dropout)
    assert set(result["machine"]["versions"]) == {"python", "backspike", "numpy", "numba"}


def test_test_labels_change_the_accuracy_alone(experiments: Path, tmp_path: Path, monkeypatch) -> None:
    """The trials, and so the schedule, are the same."""
    monkeypatch.setattr("backspike.training.trained_out.MOST_EPOCHS", 5)
    experiment = load_experiment(experiments / "tiny.toml")
    run_trained_out(experiment, tmp_path / "one", seeds=[1])

    def shuffled(*arguments: Any) -> Any:
        dataset = load_dataset(*arguments)
        return replace(dataset, test_labels=(dataset.test_labels + 1) % 3)

    monkeypatch.setattr(module, "load_dataset", shuffled)
    run_trained_out(experiment, tmp_path / "two", seeds=[1])
    timed = {"seconds", "date"}
    one, two = (
        [{k: line[k] for k in line if k not in timed} for line in lines_of(tmp_path / n)] for n in ("one", "two")
    )
    assert one[:-1] == two[:-1]
    assert {key for key in one[-1] if one[-1][key] != two[-1][key]} == {"test_accuracy"}


def test_each_seed_chooses_for_itself_where_it_has_other_samples(experiments: Path, tmp_path: Path, quick) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    assert run_trained_out(experiment, tmp_path) == 2
    assert quick == [(seed, *point) for seed in (1, 2) for point in TRIED]
    found = TrainedOutRecord(tmp_path).beside(tasks(experiment))
    assert [result["chosen_with_seed"] for result in found] == [1, 2]
    assert all(
        result["schedule"] == {"optimiser": "adam", "rate": 0.008, "dropout": 0, "epochs": 5} for result in found
    )


def test_the_first_seed_chooses_for_all_where_they_have_the_same_samples(
    experiments: Path, tmp_path: Path, quick, monkeypatch
) -> None:
    official(experiments, monkeypatch)
    experiment = load_experiment(experiments / "tiny.toml")
    assert run_trained_out(experiment, tmp_path, seeds=[2]) == 1
    assert {seed for seed, *_ in quick} == {1}
    assert run_trained_out(experiment, tmp_path) == 1
    assert len(quick) == len(TRIED), "the trials are there already"
    one, two = TrainedOutRecord(tmp_path).beside(tasks(experiment))
    assert one["chosen_with_seed"] == two["chosen_with_seed"] == 1
    assert (one["task"]["seed"], two["task"]["seed"]) == (1, 2)
    other = {line["key"]: line for line in lines_of(tmp_path)}
    run_trained_out(experiment, tmp_path / "in order")
    again = read_cells(trained_out_path(tmp_path / "in order"))
    assert set(again) == set(other)
    assert all(again[key].get("test_accuracy") == other[key].get("test_accuracy") for key in again)


def test_what_is_finished_is_not_trained_again_unless_forced(experiments: Path, tmp_path: Path, quick) -> None:
    path = experiments / "tiny.toml"
    experiment = load_experiment(path)
    told: list[str] = []
    assert run_trained_out(experiment, tmp_path) == 2
    assert run_trained_out(experiment, tmp_path, report=told.append) == 0
    assert len(quick) == 2 * len(TRIED)
    assert [line.partition(":")[0] for line in told] == ["tiny, seed 1", "tiny, seed 2"]
    assert run_trained_out(experiment, tmp_path, seeds=[2], force=True) == 1
    assert len(quick) == 3 * len(TRIED)
    assert len(TrainedOutRecord(tmp_path).beside(tasks(experiment))) == 2
    text = path.read_text()
    # What is of spikes alone, or of the network of equal epochs.
    for same in ('preset = "tiny"\nticks = 4', 'preset = "tiny"\ndropout = [32]'):
        path.write_text(text.replace('preset = "tiny"', same).replace("batch = 16", "rate = 0.5"))
        assert run_trained_out(load_experiment(path), tmp_path) == 0
    path.write_text(text.replace('preset = "tiny"', 'preset = "tiny"\nlayers = [8, 5, 3]'))
    assert run_trained_out(load_experiment(path), tmp_path) == 2


def test_an_interrupted_search_goes_on_after_its_last_trial(
    experiments: Path, tmp_path: Path, quick, monkeypatch
) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    work = module.run_trial

    def stop(*arguments: Any, **named: Any) -> Trial:
        if len(quick) == 3:
            raise KeyboardInterrupt
        return work(*arguments, **named)

    monkeypatch.setattr(module, "run_trial", stop)
    with pytest.raises(KeyboardInterrupt):
        run_trained_out(experiment, tmp_path, seeds=[1])
    monkeypatch.setattr(module, "run_trial", work)
    assert TrainedOutRecord(tmp_path).beside(tasks(experiment)) == []
    assert run_trained_out(experiment, tmp_path, seeds=[1]) == 1
    assert [tuple(point) for _, *point in quick] == TRIED


def test_without_hidden_units_no_dropout_is_tried(experiments: Path, tmp_path: Path, quick) -> None:
    path = experiments / "tiny.toml"
    path.write_text(path.read_text().replace('preset = "tiny"', "layers = [8, 3]\nticks = 8"))
    run_trained_out(load_experiment(path), tmp_path, seeds=[1])
    assert {dropout for *_, dropout in quick} == {64}


def test_command_line(experiments: Path, tmp_path: Path, quick, capsys) -> None:
    places = ["--experiments", str(experiments), "--results", str(tmp_path / "r")]
    assert main(["experiment", "float", "tiny", "--seed", "2", *places]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "tiny, seed 2: 8-4-3 on random, trained out"
    assert told[2] == "adam, rate 0.008, dropout 64/256: 49.36% on the validation part after 5 of 6 epochs"
    assert told[-1].startswith("tiny, seed 2: test ")
    assert main(["experiment", "float", "tiny", "--seed", "3", *places]) == 2
    assert capsys.readouterr().err == "error: seed 3 is none of experiment tiny, which has 1, 2\n"
    assert main(["experiment", "float", "none", *places]) == 2
    (tmp_path / "r" / "trained-out.jsonl").write_text('{"key"\n{"key": "a"}\n')
    assert main(["experiment", "float", "tiny", *places]) == 2
    assert "line 1 of" in capsys.readouterr().err


@pytest.mark.parametrize("line", [0, -1], ids=["trial", "result"])
@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_line_is_refused_by_name_or_no_part_of_it(line: int, data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "tiny.toml").write_text(TINY)
        experiment = load_experiment(place / "tiny.toml")
        at_once = {
            "run_trial": lambda config, dataset, seed, *how: Trial(*how[:3], [0.5] * 6),
            "train_out": lambda config, dataset, seed, schedule, clip: FloatNetwork(config.layers, seed, clip),
        }
        with mock.patch.multiple(module, **at_once):
            run_trained_out(experiment, place, seeds=[1])
            lines = lines_of(place)
            lines[line] = data.draw(damaged(lines[line]))
            trained_out_path(place).write_text("".join(json.dumps(part) + "\n" for part in lines))
            sentence = ""
            try:
                found = TrainedOutRecord(place).beside(tasks(experiment))
                report._trained_out(report._Page(place), [report._Row(experiment, [], found)])
                run_trained_out(experiment, place, seeds=[1])
            except BackspikeError as error:
                sentence = str(error)
            assert "trained-out.jsonl" in sentence or not sentence
            assert "\n" not in sentence
