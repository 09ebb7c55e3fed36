"""The results page: what it says is in the results, verdicts included, and it is the same for the same results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from backspike import BackspikeError
from backspike.cli import main
from backspike.experiments.definitions import load_experiment, load_sweep, load_sweeps
from backspike.experiments.report import write_report
from backspike.experiments.results import append_cell, cells_path, sweep_results, write_result
from backspike.experiments.softmax import compare_with_softmax, softmax_path
from backspike.experiments.task import Task
from backspike.experiments.trained_out import TrainedOut, trained_out_path

from .made_up import MACHINE, made_up


def page(experiments: Path, tmp_path: Path) -> str:
    write_report(experiments, tmp_path / "results", tmp_path / "docs")
    return (tmp_path / "docs" / "results.md").read_text()


def row(text: str, start: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_has_mean_deviation_and_verdict(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    for seed, accuracy in ((1, 0.30), (2, 0.40)):
        write_result(tmp_path / "results", experiment, seed, made_up(experiment.task(seed), accuracy, 0.9))
    text = page(experiments, tmp_path)
    assert row(text, "Tiny") == [
        "Tiny on random samples ([`tiny`](../experiments/tiny.toml))", "6 bits", "8", "2", "35.00 ± 7.07",
        "90.00 ± 0.00", "-55.00", "", "", "2.5", "2", "≥ 20 %: met, ≤ 50 below float: **missed**", "",
    ]  # fmt: skip
    # Rows: 20 of 4 units and 20 of 3; writes: 5 of 4; dense: 9 * 4 + 5 * 3, twice, and 4 * 3.
    assert row(text, "`tiny`")[1:] == [
        "training", "4.0", "25.0 %", "20, 20", "140", "20", "114", "1.23"
    ]  # fmt: skip
    assert "- abacus, 1 cores, wood; python 3: 1.0 hours" in text
    assert (tmp_path / "docs" / "images" / "curves.svg").read_bytes().startswith(b"<?xml")


def test_what_was_not_run_is_said(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    assert row(page(experiments, tmp_path), "Tiny")[4:] == ["", "", "", "", "", "", "0 of 2", "not run", ""]
    write_result(tmp_path / "results", experiment, 2, made_up(experiment.task(2), 0.30, 0.35))
    assert row(page(experiments, tmp_path), "Tiny")[4:7] == ["30.00", "35.00", "-5.00"]
    assert row(page(experiments, tmp_path), "Tiny")[10] == "1 of 2"


def trained_out(task: Task, chooser: int, accuracy: float) -> dict[str, Any]:
    network = TrainedOut(task, chooser)
    return {
        "key": network.key, "task": network.to_dict(), "test_accuracy": accuracy, "validation_accuracy": accuracy - 0.1,
        "schedule": {"optimiser": "adam", "rate": 0.002, "dropout": 64, "epochs": 30 + task.seed},
        "chosen_with_seed": task.seed, "train_samples": 2560, "test_samples": 64, "seconds": 900.0, "machine": MACHINE,
    }  # fmt: skip


def test_both_gaps_stand_in_a_row(experiments: Path, tmp_path: Path) -> None:
    path = experiments / "tiny.toml"
    path.write_text(
        path.read_text()
        .replace("below_float = 0.5", "below_float = 0.5\nbelow_both_floats = 0.58")
        .replace("seeds = [1, 2]", 'seeds = [1, 2]\nchosen_on = "other samples"')
    )
    # Another number of ticks is another spiking network, beside the same float network.
    text = path.read_text().replace("Tiny on", "Short on").replace('preset = "tiny"', 'preset = "tiny"\nticks = 4')
    (experiments / "short.toml").write_text(text)
    experiment = load_experiment(path)
    study = load_sweep(experiments / "studies" / "ticks.toml")
    results = tmp_path / "results"
    for seed, accuracy, best in ((1, 0.30, 0.92), (2, 0.40, 0.96)):
        write_result(results, experiment, seed, made_up(experiment.task(seed), accuracy, 0.9))
        append_cell(trained_out_path(results), trained_out(experiment.task(seed), 1, best))
    for cell in study.cells():
        append_cell(cells_path(results, study), made_up(cell.task, 0.8, 0.9))
    text = page(experiments, tmp_path)
    assert row(text, "Tiny")[4:9] == ["35.00 ± 7.07", "90.00 ± 0.00", "-55.00", "94.00 ± 2.83", "-59.00"]
    assert row(text, "Tiny")[-2:] == [
        "≥ 20 %: met, ≤ 50 below float: **missed**, ≤ 58 below both floats: **missed**", "other samples"
    ]  # fmt: skip
    assert row(text, "Short")[4:9] == ["", "", "", "94.00 ± 2.83", ""]
    assert row(text, "`short`, `tiny`")[1:] == [
        "8-4-3", "adam, 0.002, 64, 31; adam, 0.002, 64, 32", "84.00 ± 2.83", "94.00 ± 2.83", "2", "2,560, 64"
    ]  # fmt: skip
    assert "abacus, 1 cores, wood; python 3: 5.5 hours" in text, "2 and 8 of half an hour, 2 of a quarter"
    assert row(text, "4 | 6 | 4")[3:7] == ["80.00 ± 0.00", "90.00 ± 0.00", "94.00 ± 2.83", "2"]
    for picture, words in (("curves", "trained out, 94.00 %"), ("study-ticks", "float network, trained out")):
        assert words in (tmp_path / "docs" / "images" / f"{picture}.svg").read_text()
    for best, verdict in ((0.92, "met"), (0.1, "met"), (0.94, "**missed**")):
        # The one that is trained out may be the worse one: then the goal is about the other.
        for seed in (1, 2):
            append_cell(trained_out_path(results), trained_out(experiment.task(seed), 1, best))
        assert row(page(experiments, tmp_path), "Tiny")[-2].endswith(f"≤ 58 below both floats: {verdict}")


def test_a_search_says_what_samples_it_looked_at(experiments: Path, tmp_path: Path) -> None:
    (experiments / "searches").mkdir()
    path = experiments / "searches" / "rates.toml"
    lines = ['title = "Search"', 'experiment = "../tiny.toml"', "seeds = [1]", "[grid]", "ticks = [4]"]
    for setting, words in (
        ("", "the **test samples**"),
        ("[dataset]\nvalidation = 20\n", "samples that were held out of those to train on"),
    ):
        path.write_text("\n".join(lines).replace("[grid]", setting + "[grid]"))
        sweep = load_sweep(path)
        append_cell(cells_path(tmp_path / "results", sweep), made_up(next(sweep.cells()).task, 0.5, 0.9))
        assert f"1 points, 1 trainings, judged by {words}." in page(experiments, tmp_path)


def test_a_row_may_be_measured_by_another(experiments: Path, tmp_path: Path) -> None:
    text = (experiments / "tiny.toml").read_text()
    deep = text.replace("Tiny on", "Deep on").replace("accuracy = 0.2\nbelow_float = 0.5", 'not_below = "tiny"')
    (experiments / "deep.toml").write_text(deep.replace("epochs = 2", "epochs = 3"))
    one, other = (load_experiment(experiments / f"{name}.toml") for name in ("tiny", "deep"))
    write_result(tmp_path / "results", other, 1, made_up(other.task(1), 0.30, 0.3))
    assert row(page(experiments, tmp_path), "Deep")[-2] == "≥ `tiny`: not known"
    for accuracy, verdict in ((0.3, "met"), (0.31, "**missed**")):
        write_result(tmp_path / "results", one, 1, made_up(one.task(1), accuracy, 0.3))
        assert row(page(experiments, tmp_path), "Deep")[-2] == f"≥ `tiny`: {verdict}"
    (experiments / "tiny.toml").unlink()
    (experiments / "studies" / "ticks.toml").unlink()
    with pytest.raises(BackspikeError, match=r"^experiment deep: there is no experiment 'tiny'$"):
        page(experiments, tmp_path)


def test_a_study_has_a_picture_and_a_line_a_point(experiments: Path, tmp_path: Path) -> None:
    sweep = load_sweep(experiments / "studies" / "ticks.toml")
    path = cells_path(tmp_path / "results", sweep)
    for cell in sweep.cells():
        accuracy = cell.values["ticks"] / 10 + cell.task.seed / 100
        line = {"values": cell.values, "seed": cell.task.seed, **made_up(cell.task, accuracy, 0.9)}
        if cell.values == {"ticks": 8, "weight_bits": 8, "weight_frac": 6}:
            line = {"key": cell.task.key, "error": "no"} if cell.task.seed == 1 else line
        append_cell(path, line)
    text = page(experiments, tmp_path)
    assert row(text, "4 | 6 | 4")[3:7] == ["41.50 ± 0.71", "90.00 ± 0.00", "", "2"]
    assert row(text, "8 | 8 | 6")[3:7] == ["82.00", "90.00", "", "1"]
    assert row(text, "8 | 8 | 6")[7:] == ["4.0", "4.0", "140", "20", "140"]
    assert "![Accuracy against ticks: accuracy and synapses read](images/study-ticks.svg)" in text
    picture = (tmp_path / "docs" / "images" / "study-ticks.svg").read_text()
    for words in ("float network", "weight_bits 6, weight_frac 4", "synapses read per sample"):
        assert words in picture


def test_a_study_says_what_samples_it_is_about(experiments: Path, tmp_path: Path) -> None:
    path = experiments / "studies" / "ticks.toml"
    plain = path.read_text()
    held = "samples that were held out of those to train on."
    for number, (settings, words) in enumerate(
        (
            ("", None),
            ("train = 20", "10 samples are learned; accuracies are those of 10 test samples."),
            ("validation = 30", f"10 samples are learned; accuracies are those of 10 {held}"),
            ("validation = 30\ntrain = 20", f"10 samples are learned; accuracies are those of 10 {held}"),
        )
    ):
        path.write_text(plain.replace("[grid]", f"[dataset]\n{settings}\n[grid]"))
        sweep = load_sweep(path)
        results = tmp_path / str(number) / "results"
        for cell in sweep.cells():
            append_cell(cells_path(results, sweep), made_up(cell.task, 0.5, 0.9))
        text = page(experiments, tmp_path / str(number))
        (study,) = re.findall(r"^### Accuracy against ticks\n\n(.*)\n", text, re.MULTILINE)
        assert study == words if words else study.startswith("![")
    # Of a study of the number of samples, in one epoch: 10 there, and 30.
    path.write_text(plain.replace("[grid]\nticks = [4, 8]", '[grid]\n"ticks, dataset.train" = [[4, 10], [8, 30]]'))
    sweep = load_sweep(path)
    for cell in sweep.cells():
        line = made_up(cell.task, 0.5, 0.9)
        line["training"] = {**line["training"], "samples": cell.task.dataset_settings["train"]}
        append_cell(cells_path(tmp_path / "results", sweep), line)
    assert "10 to 30 samples are learned; accuracies are those of 10 test samples." in page(experiments, tmp_path)


def test_a_search_shows_the_best_first(experiments: Path, tmp_path: Path) -> None:
    (experiments / "searches").mkdir()
    path = experiments / "searches" / "rates.toml"
    path.write_text(
        'title = "Float search"\nexperiment = "../tiny.toml"\nseeds = [1]\nfloat_only = true\n[grid]\n'
        f'"baseline.rate" = [{", ".join(str(n / 100) for n in range(1, 16))}]\n'
    )
    sweep = load_sweep(path)
    for cell in sweep.cells():
        accuracy = 1 - abs(cell.values["baseline.rate"] - 0.075)
        append_cell(
            cells_path(tmp_path / "results", sweep),
            made_up(cell.task, 0.5, accuracy),
        )
    text = page(experiments, tmp_path)
    assert "15 points, 15 trainings, judged by the **test samples**." in text
    shown = re.findall(r"^\| (0\.\d+) \| (\d+\.\d+) \| 1 \|$", text, re.MULTILINE)
    assert len(shown) == 12
    assert {rate for rate, _ in shown[:2]} == {"0.07", "0.08"}
    assert [float(accuracy) for _, accuracy in shown] == sorted((float(a) for _, a in shown), reverse=True)


def test_the_page_is_the_same_again(experiments: Path, tmp_path: Path) -> None:
    experiment = load_experiment(experiments / "tiny.toml")
    write_result(tmp_path / "results", experiment, 1, made_up(experiment.task(1), 0.5, 0.6))
    compare_with_softmax(tmp_path / "results", draws=10)
    first = {path: path.read_bytes() for path in write_report(experiments, tmp_path / "results", tmp_path / "docs")}
    again = {path: path.read_bytes() for path in write_report(experiments, tmp_path / "results", tmp_path / "docs")}
    assert first == again
    assert {path.name for path in first} == {"curves.svg", "softmax.svg", "results.md"}


def test_command_line_names_files_and_damage(experiments: Path, tmp_path: Path, capsys) -> None:
    results = tmp_path / "results"
    arguments = ["experiment", "report", "--experiments", str(experiments), "--results", str(results)]
    assert main([*arguments, "--docs", str(tmp_path / "docs")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'docs' / 'results.md'}\n"
    results.mkdir()
    (results / "softmax.json").write_text("{")
    assert main([*arguments, "--docs", str(tmp_path / "docs")]) == 2
    assert "softmax.json is damaged" in capsys.readouterr().err


def test_the_projects_own_results_make_a_page(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    written = write_report(root / "experiments", root / "results", tmp_path)
    assert written[-1] == tmp_path / "results.md"
    text = written[-1].read_text()
    assert "## Searches" in text
    for picture in written[:-1]:
        assert f"images/{picture.name})" in text
    json.loads((root / "results" / "softmax.json").read_text())


def test_the_projects_own_sweeps_are_finished_with_the_settings_they_have_now() -> None:
    root = Path(__file__).parents[3]
    begun = [sweep for sweep in load_sweeps(root / "experiments") if cells_path(root / "results", sweep).exists()]
    assert begun
    for sweep in begun:
        known = sweep_results(root / "results", sweep)
        missing = [(cell.values, cell.task.seed) for cell in sweep.cells() if cell.task.key not in known]
        assert not missing, f"{sweep.name}: a setting has changed since, or `backspike sweep` was not run to its end"


def test_a_damaged_comparison_is_named(experiments: Path, tmp_path: Path) -> None:
    path = compare_with_softmax(tmp_path / "results", draws=10)
    whole = json.loads(path.read_text())
    assert "## The winner-take-all as a softmax" in page(experiments, tmp_path)
    damaged = [{key: value for key, value in whole.items() if key != missing} for missing in ("seed", "draws", "cases")]
    damaged += [{**whole, "cases": cases} for cases in ([], [1], [{}], 3)]
    for key in ("weight_frac", "temperature", "softmax", "frequencies", "draws_distance"):
        for value in (None, "x", [], [None]):
            damaged.append({**whole, "cases": [{**whole["cases"][0], key: value}]})
    for content in [*map(json.dumps, damaged), "", "[]", "{", "[" * 5000, '{"seed": NaN}']:
        softmax_path(tmp_path / "results").write_text(content)
        with pytest.raises(BackspikeError, match=r"softmax\.json") as error:
            page(experiments, tmp_path)
        assert "\n" not in str(error.value)
