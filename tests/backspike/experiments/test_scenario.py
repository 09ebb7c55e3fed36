"""The [scenario] of a file: what it says is what is done, and what it cannot say is one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.experiments.definitions import load_experiment, load_experiments, load_scenarios, load_sweep
from backspike.experiments.drift import UNDRIFTED, Drift, drawn_writer
from backspike.experiments.scenario import NETWORKS, Case, Scenario
from backspike.experiments.task import Task

from .made_up import damaged, made_up

SCENARIO = """
title = "Upset"
epochs = 1
seeds = [1, 2]
[dataset]
name = "random"
[network]
preset = "tiny"
[scenario]
after = [0, 4, 12]
rates = [64, 32]
float_rate = 0.05
[[scenario.cases]]
label = "half the weights"
upset = 0.5
[[scenario.cases]]
label = "and rehearsal"
upset = 0.5
rehearsal = 2
"""


@pytest.fixture
def upset(tmp_path: Path) -> Path:
    path = tmp_path / "experiments" / "on_chip" / "upset.toml"
    path.parent.mkdir(parents=True)
    path.write_text(SCENARIO)
    return path


def told(scenario: Scenario, share: float = 0.5) -> dict:
    """Return a result of a scenario with one accuracy throughout."""
    moments = {name: [share] * len(scenario.after) for name in NETWORKS}
    cases = [
        {test: {"learning": moments, "frozen": moments} for test in scenario.tests(case)} for case in scenario.cases
    ]
    return {"before": {name: [share] for name in NETWORKS}, "cases": cases}


def test_a_scenario_is_what_its_file_says(upset: Path) -> None:
    experiment = load_experiment(upset)
    (found,) = load_scenarios(upset.parents[1])
    assert (experiment, experiment.name) == (found, "on_chip/upset")
    assert load_experiments(upset.parents[1]) == []
    scenario = experiment.task(2).scenario
    assert scenario == Scenario(
        after=(0, 4, 12),
        rates=(64, 32),
        float_rate=0.05,
        cases=(Case(label="half the weights", upset=0.5), Case(label="and rehearsal", upset=0.5, rehearsal=2)),
    )


def test_no_float_network_is_trained_out_beside_a_scenario(upset: Path, tmp_path: Path, capsys) -> None:
    places = ["--experiments", str(upset.parents[1]), "--results", str(tmp_path / "r")]
    assert main(["experiment", "float", "on_chip/upset", *places]) == 2
    assert capsys.readouterr().err == (
        "error: experiment on_chip/upset has a scenario, whose own float network is trained by "
        "`backspike experiment run on_chip/upset`\n"
    )
    assert not (tmp_path / "r").exists()


def test_key_is_of_what_decides_the_result(upset: Path) -> None:
    task = load_experiment(upset).task(1)
    assert "scenario" not in Task(network=PRESETS["tiny"], dataset="random", epochs=1).to_dict()

    def key(old: str, new: str) -> str:
        assert old in SCENARIO
        upset.write_text(SCENARIO.replace(old, new, 1))
        return load_experiment(upset).task(1).key

    assert key("and rehearsal", "with rehearsal") == task.key
    assert key("rates =", 'x_label = "samples"\nrates =') == task.key
    others = [
        key("[0, 4, 12]", "[0, 4, 13]"),
        key("[64, 32]", "[64, 33]"),
        key("0.05", "0.06"),
        key("upset = 0.5", "upset = 0.4"),
        key("rehearsal = 2", "rehearsal = 1"),
        key("rehearsal = 2", "passes = 2"),
        key("rates =", "new_classes = [0]\nrates ="),
        key("rates =", "apart = 1\nrates ="),
    ]
    assert len({task.key, *others}) == 9


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("after = [0, 4, 12]\n", "", r"\[scenario\] must give after"),
        ("[0, 4, 12]", "[4, 12]", r"after of \[scenario\] must be whole numbers that ascend from 0 .* not \[4, 12\]"),
        ("[0, 4, 12]", "[0]", r"after of \[scenario\] must be whole numbers that ascend"),
        ("[0, 4, 12]", "[0, 4, 4]", r"after of \[scenario\] must be whole numbers that ascend"),
        ("[0, 4, 12]", "[0, 4, 2000000]", r"at most 1,000,000, two or more, not"),
        ("[0, 4, 12]", "[0, 4.5]", r"after of \[scenario\] must be whole numbers, not \[0, 4\.5\]"),
        ("[0, 4, 12]", "[0, true]", r"after of \[scenario\] must be whole numbers, not \[0, True\]"),
        ("rates = [64, 32]\n", "", r"\[scenario\] must give rates"),
        ("[64, 32]", "[64]", "there must be 2 rates, one per weight layer"),
        ("[64, 32]", "[64, 257]", "a rate must be a whole number from 0 to 256, not 257"),
        ("float_rate = 0.05\n", "", r"\[scenario\] must give float_rate"),
        ("= 0.05", "= 0", r"float_rate of \[scenario\] must be above 0 and at most 1000, not 0"),
        ("= 0.05", "= inf", r"float_rate of \[scenario\] must be a finite number"),
        ("rates =", "speed = 1\nrates =", r"'speed' is not a value of \[scenario\]; known are"),
        ("rates =", "new_classes = [3]\nrates =", r"new_classes of \[scenario\] must be from 0 to 2, not 3"),
        ("rates =", "new_classes = [1, 1]\nrates =", r"new_classes of \[scenario\] must be different"),
        ("rates =", "new_classes = [0, 1, 2]\nrates =", r"new_classes of \[scenario\] must leave a class"),
        ("rates =", "new_classes = [2]\napart = 1\nrates =", "apart and new_classes"),
        ("rates =", "apart = -1\nrates =", r"apart of \[scenario\] must be from 0 to 1,000,000, not -1"),
        ("rates =", 'x_label = "a\\nb"\nrates =', r"x_label of \[scenario\] must be one line"),
        ('label = "and rehearsal"', 'label = "half the weights"', r"each with a label of its own"),
        ('label = "and rehearsal"', "", "a case must give label"),
        ('label = "and rehearsal"', 'label = " "', "label of a case must be one line of text, not ' '"),
        ("upset = 0.5", "upset = 1.5", r"upset of case half the weights must be from 0 to 1, not 1\.5"),
        ("upset = 0.5", "dead = -0.1", r"dead of case half the weights must be from 0 to 1"),
        ("upset = 0.5", "upset = nan", "upset of case half the weights must be a finite number"),
        ("upset = 0.5", "writer = 3", r"writer of case half the weights must be from 0 to 2"),
        ("upset = 0.5", "passes = 0", r"passes of case half the weights must be from 1 to 1000, not 0"),
        ("upset = 0.5", "gradual = 1", "gradual of case half the weights must be a truth, not 1"),
        ("upset = 0.5", "gradual = true\npasses = 2", "drift with time, so that passes must be 1"),
        ("upset = 0.5", "writer = 1.0\nturn = 3", "neither can be given with it"),
        ("upset = 0.5", "shift = [1]", r"shift of case half the weights must be pixels .* not \[1\]"),
        ("upset = 0.5", 'shift = [1, "2"]', "shift of case half the weights must be numbers"),
        ("upset = 0.5", "shift = [1, 1001]", "at most 1000"),
        ("upset = 0.5", "slope = 1", "'slope' is not a value of a case"),
        ("rehearsal = 2", "rehearsal = 101", "rehearsal of case and rehearsal must be from 0 to 100, not 101"),
        ("upset = 0.5", "turn = 20", "what drifts must be square images, which samples of 8 inputs are not"),
        ('preset = "tiny"', 'preset = "tiny"\ndropout = [9]', "a scenario is for networks without dropout"),
        ('preset = "tiny"', 'preset = "tiny"\ninput = "spikes"', "a scenario is for images"),
        ("[dataset]", "float_only = true\n[dataset]", "float_only cannot be set with it"),
        ("[dataset]", "[goal]\naccuracy = 0.5\n[dataset]", r"\[goal\] and \[scenario\] cannot both be given"),
    ],
)
def test_bad_values_are_one_sentence(upset: Path, old: str, new: str, sentence: str) -> None:
    assert old in SCENARIO
    upset.write_text(SCENARIO.replace(old, new, 1))
    with pytest.raises(BackspikeError, match=f"^{re.escape(str(upset))}: .*{sentence}") as error:
        load_experiment(upset)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cases", ["[]", "[1]", '"x"', "[[1]]"])
def test_cases_are_tables(upset: Path, cases: str) -> None:
    head, _, _ = SCENARIO.partition("[[scenario.cases]]")
    upset.write_text(f"{head}cases = {cases}\n")
    with pytest.raises(BackspikeError, match="case"):
        load_experiment(upset)


def test_a_scenario_is_searched_but_no_study(upset: Path, tmp_path: Path) -> None:
    path = tmp_path / "experiments" / "searches" / "steps.toml"
    path.parent.mkdir()
    text = (
        'title = "t"\nexperiment = "../on_chip/upset.toml"\n[grid]\n'
        '"scenario.rates, scenario.float_rate" = [[[1, 2], 0.1], [[3, 4], 0.2]]\n'
    )
    path.write_text(text)
    cells = list(load_sweep(path).cells())
    assert [(cell.task.scenario.rates, cell.task.scenario.float_rate) for cell in cells[:2]] == [
        ((1, 2), 0.1), ((3, 4), 0.2)
    ]  # fmt: skip
    assert {cell.task.scenario.after for cell in cells} == {(0, 4, 12)}
    path.write_text(text.replace("[grid]", 'x = "scenario.float_rate"\n[grid]'))
    with pytest.raises(BackspikeError, match="of a scenario there are searches alone"):
        load_sweep(path)
    path.write_text(text.replace("[3, 4], 0.2", "[3, 4], -1"))
    with pytest.raises(BackspikeError, match=r"float_rate of \[scenario\] must be above 0"):
        load_sweep(path)


def test_what_a_case_does_to_images() -> None:
    assert Case(label="x", upset=0.1, rehearsal=3).drift(4) == UNDRIFTED
    assert Case(label="x", shift=(1, -2), turn=5, dead=0.25).drift(4) == Drift(right=1, down=-2, turn=5, dead=0.25)
    assert Case(label="x", writer=1.0).drift(4) == drawn_writer(4, 1.0) != drawn_writer(5, 1.0)
    assert Case(label="x", writer=1.0, dead=0.5).drift(4).dead == 0.5


@given(data=st.data())
def test_damaged_results_are_refused_or_harmless(data: st.DataObject) -> None:
    scenario = Scenario(
        after=(0, 2), rates=(1, 1), float_rate=0.1, new_classes=(1,), cases=(Case(label="a"), Case(label="b"))
    )
    whole = json.loads(json.dumps(told(scenario)))
    scenario.check(whole)
    result = data.draw(damaged(whole))
    try:
        scenario.check(result)
    except BackspikeError as error:
        sentence = str(error)
    else:
        sentence = ""
        assert 0 <= scenario.mean(result, "spiking") <= 1
    assert "\n" not in sentence


def test_the_mean_is_of_what_is_learned_and_of_what_a_case_is_about() -> None:
    scenario = Scenario(
        after=(0, 2, 4), rates=(1, 1), float_rate=0.1, new_classes=(1,), cases=(Case(label="a"), Case(label="b"))
    )
    result = json.loads(json.dumps(told(scenario, 0.0)))
    for case, shares in zip(result["cases"], ([1.0, 0.2, 0.4], [1.0, 0.6, 0.8]), strict=True):
        case["all classes"]["learning"]["float"] = shares
        case["old classes"]["learning"]["float"] = [1.0, 1.0, 1.0]
    assert scenario.mean(result, "float") == pytest.approx(0.5)
    assert scenario.mean(result, "spiking") == 0


def test_made_up_results_are_none_of_a_scenario(upset: Path) -> None:
    """What lacks the scenario is damaged, though its key is right."""
    from backspike.experiments.results import read_result, write_result

    experiment = load_experiment(upset)
    results = upset.parents[2] / "results"
    write_result(results, experiment, 1, made_up(experiment.task(1), 0.5, 0.5))
    with pytest.raises(BackspikeError, match=r"seed-1\.json: a result must give scenario"):
        read_result(results, experiment, 1)
    write_result(
        results, experiment, 1, {**made_up(experiment.task(1), 0.5, 0.5), "scenario": told(experiment.task(1).scenario)}
    )
    assert read_result(results, experiment, 1)
