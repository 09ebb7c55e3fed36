"""Folders in which a file is damaged anyhow: each is read, or refused in a sentence that names the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backspike import BackspikeError
from backspike.report.build_section import build_section
from backspike.report.folders import read_folders
from backspike.report.training_section import _beside_float, _early_exit, _simulation, _summary, _work
from tests.backspike.experiments.made_up import damaged

from .conftest import BUILD

SUMMARY = {
    "mismatches": 0,
    "compared": {"samples": 12, "weights": 3456},
    "clocks_per_sample": 70.4,
    "clocks_per_tick": 8.8,
}
SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, name: str, content: object) -> None:
    """Read a folder whose file has this content, and make of it what needs no samples."""
    (folder / name).write_text(json.dumps(content))
    refusal = ""
    try:
        trainings, builds = read_folders([folder])
    except BackspikeError as error:
        refusal = str(error)
    if refusal:
        assert str(folder / name) in refusal or "are not of one training" in refusal
        assert "\n" not in refusal
        return
    for build in builds:
        build_section(build, trainings)
    for training in trainings:
        _summary(training)
        _beside_float(training)
        _early_exit(training, "not shown")
        if training.simulation:
            _simulation(training)


@SETTINGS
@given(content=damaged(BUILD))
def test_a_builds_report(content, build, tmp_path) -> None:
    read(shutil.copytree(build, tmp_path / "build", dirs_exist_ok=True), "report.json", content)


@SETTINGS
@given(content=damaged(SUMMARY))
def test_a_simulations_summary(content, training, tmp_path) -> None:
    read(shutil.copytree(training, tmp_path / "run", dirs_exist_ok=True), "summary.json", content)


@SETTINGS
@given(data=st.data())
def test_a_trainings_account(data, training, tmp_path) -> None:
    whole = json.loads((training / "metrics.json").read_text())
    folder = shutil.copytree(training, tmp_path / "run", dirs_exist_ok=True)
    read(folder, "metrics.json", data.draw(damaged(whole)))


@pytest.mark.parametrize("number", [10**400, -1, True, "9", None, 1e300])
def test_no_number_is_too_large_to_be_shown(number, build, tmp_path) -> None:
    folder = shutil.copytree(build, tmp_path / "build")
    (folder / "report.json").write_text(json.dumps(BUILD | {"device": {"LC": {"used": 1, "available": number}}}))
    with pytest.raises(BackspikeError, match=r"report\.json is damaged: available is "):
        read_folders([folder])


def test_fewer_accuracies_than_epochs(training, tmp_path) -> None:
    folder = shutil.copytree(training, tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"float_accuracies": metrics["float_accuracies"][:1]}))
    with pytest.raises(BackspikeError, match="the float network has fewer accuracies than there are epochs"):
        read_folders([folder])
    assert _work(read_folders([training])[0][0]).pictures
