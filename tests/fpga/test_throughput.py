"""How fast networks train: by hand for a mean tick, and never from a training of another kind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.cli import main
from backspike.experiments.definitions import load_experiments
from backspike.experiments.results import read_result
from backspike.fpga.boards import BOARDS
from backspike.fpga.contents import contents
from backspike.fpga.throughput import (
    RECORD,
    UnknownWorkError,
    Work,
    cycles_per_sample,
    deciding_values,
    find_work,
    link_samples,
)

ROOT = Path(__file__).parents[2]
CONFIG = NetworkConfig(layers=(784, 200, 10), ticks=32, patience=8, lanes=(200, 10), unit_lanes=(40,))


def line(config: NetworkConfig = CONFIG, dataset: str = "mnist", **more) -> dict:
    counts = {"samples": 2, "ticks": 20, "rows": [1200, 400], "entries": 150.0, "fullest": {"2": 1.5}}
    values = {"dataset": dataset, "dataset_settings": {}, "epochs": 3, "seed": 1, "network": deciding_values(config)}
    return values | counts | more


@pytest.fixture
def recorded(tmp_path):
    """Return a record of the lines given."""

    def write(*lines):
        path = tmp_path / "work.json"
        path.write_text(json.dumps(lines))
        return path

    return write


def test_cycles_per_sample_follow_the_rows(recorded):
    """10 ticks of 60 and 20 rows, 60 rows and what moving the units takes, and four cycles per sample."""
    work = find_work(CONFIG, path=recorded(line()))
    assert (work.ticks, work.rows, work.entries, str(work)) == (10, (60, 20), 150, "mnist, 3 epochs")
    assert cycles_per_sample(CONFIG, work) == 10 * (60 + 7) + 4
    # The bank with most has 45 of the first layer's.
    assert cycles_per_sample(CONFIG.replace(banks=(2, 2)), work) == 10 * (45 + 7) + 4
    # Of four it is not known; then the second layer takes longer, whose list begins two cycles later.
    assert cycles_per_sample(CONFIG.replace(banks=(4, 1)), work) == 10 * (22 + 7) + 4
    assert cycles_per_sample(CONFIG.replace(unit_lanes=(200,)), work) == 10 * (60 + 1) + 4


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"seed": 9},
        {"lanes": (4, 2), "unit_lanes": (2,)},
        {"banks": (2, 2)},
        {"ports": (1, 2)},
        {"input_lanes": 1},
        {"input_buffers": 1},
        {"inference_patience": 3},
    ],
)
def test_what_decides_no_work_finds_it(change, recorded):
    assert find_work(CONFIG.replace(**change), path=recorded(line())).ticks == 10


OTHER = {
    "layers": (784, 201, 10), "ticks": 33, "weight_bits": 9, "weight_frac": 5, "activation_range": 4.0,
    "error_range": 2.0, "leak": 1, "temperature": 0.5, "rates": (1, 2), "rate_decay": 0.5, "dropout": (9,),
    "patience": 0, "lfsr_bits": 64, "input": "spikes", "input_lfsrs": 4,
    "input_draws": "stratified",
}  # fmt: skip


@pytest.mark.parametrize("key", OTHER)
def test_what_decides_the_work_is_not_overlooked(key, recorded):
    assert OTHER.keys() == deciding_values(CONFIG).keys()
    other = CONFIG.replace(**{"rates": (16, 16), "unit_lanes": (), "lanes": (), key: OTHER[key]})
    nearest = "" if key == "layers" else rf"; the nearest \(mnist, 3 epochs\) has {key} = .*"
    with pytest.raises(UnknownWorkError, match=rf"^no training of this network is on record{nearest}$"):
        find_work(other, path=recorded(line(), line(CONFIG.replace(leak=3, temperature=4.0, ticks=9))))


def test_the_dataset_is_part_of_the_work(recorded):
    path = recorded(
        line(), line(dataset="fashion-mnist", ticks=40), line(dataset="nmnist", dataset_settings={"pool": 2})
    )
    assert find_work(CONFIG, "fashion-mnist", path).ticks == 20
    assert find_work(CONFIG, "nmnist", path).dataset == "nmnist pool=2"
    there = "fashion-mnist and mnist and nmnist pool=2"
    with pytest.raises(UnknownWorkError, match=f"^it depends on the dataset, and trainings on {there} are on record: "):
        find_work(CONFIG, path=path)
    with pytest.raises(
        UnknownWorkError, match=f"^no training of this network on 'digits' is on record, only on {there}$"
    ):
        find_work(CONFIG, "digits", path)


@pytest.mark.parametrize("content", ["", "[1]", "[{}]", "{}1", '[{"dataset": 3}]'])
def test_a_damaged_record_is_one_sentence(content, tmp_path):
    (tmp_path / "work.json").write_text(content)
    with pytest.raises(BackspikeError, match=rf"^(cannot read )?{re.escape(str(tmp_path))}.*"):
        find_work(CONFIG, path=tmp_path / "work.json")


def test_the_line_carries_what_a_frame_holds():
    """8 non-zero inputs are 20 bytes of a body: at a million bits per second not quite 5,000 samples."""
    assert 4_900 < link_samples(PRESETS["tiny"], 1e5) < 5_000
    assert link_samples(CONFIG, 1e5, 150.0) / link_samples(CONFIG, 1e5) == pytest.approx((4 + 2 * 784) / (4 + 2 * 150))
    spikes = CONFIG.replace(input="spikes", ticks=10)
    assert link_samples(CONFIG, 1e5, 8.0) / link_samples(spikes, 1e5, 8.0) == pytest.approx((40 + 16) / (4 + 16))
    assert link_samples(CONFIG, 1e5) / link_samples(spikes, 1e5) == pytest.approx(10)


def test_the_record_is_that_of_the_results():
    """Every experiment with a result is in it, as its first seed was counted; and presets but the smallest."""
    lines = json.loads(RECORD.read_text())
    works = [Work.from_dict(line) for line in lines]
    for experiment in load_experiments(ROOT / "experiments"):
        task = experiment.task(experiment.seeds[0])
        result = read_result(ROOT / "results", experiment, task.seed)
        assert result
        counted = result["training"]
        rows = tuple(number / counted["ticks"] for number in counted["rows"])
        found = find_work(task.network, task.dataset)
        assert (found.rows, found.ticks) == (rows, counted["ticks"] / counted["samples"])
    assert {
        name for name, config in PRESETS.items() if deciding_values(config) in [work.network for work in works]
    } == {
        "digits",
        "digits-deep",
        "mnist-ecp5",
        "mnist-up5k",
    }


def test_the_speed_is_told_wherever_the_command_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["estimate", "--config", "digits", "--board", "icebreaker"]) == 0
    line, training = capsys.readouterr().out.splitlines()
    assert re.search(r" training samples/s 2,0\d\d, fits$", line)
    assert training == "training samples/s as in the training on record: digits, 20 epochs"
    # What the others would be made of takes seconds to find out, and decides no speed.
    made_of = contents(BOARDS["icebreaker"].load_config("digits"))
    monkeypatch.setattr("backspike.fpga.estimate.contents", lambda config: made_of)
    PRESETS["digits"].replace(patience=3).save(tmp_path / "digits.toml")
    assert main(["estimate", "--config", "digits.toml", "--board", "icebreaker"]) == 0
    line, training = capsys.readouterr().out.splitlines()
    assert " training samples/s unknown, " in line
    assert training.endswith("the nearest (digits, 20 epochs) has patience = 0")
    # A value that the file of one of the two leaves out.
    for preset, changes, nearest in (
        ("digits-deep", {"input_draws": "stratified"}, "input_draws = independent"),
        ("digits", {"input_draws": "stratified", "ticks": 16, "temperature": 0.5, "leak": 2}, "leak = 1"),
    ):
        PRESETS[preset].replace(**changes).save(tmp_path / "digits.toml")
        assert main(["estimate", "--config", "digits.toml", "--board", "icebreaker"]) == 0
        assert capsys.readouterr().out.rstrip().endswith(f"the nearest (digits, 20 epochs) has {nearest}")


def test_the_record_is_in_the_package():
    program = "from backspike.fpga.throughput import RECORD; print(RECORD.name, RECORD.exists())"
    run = subprocess.run([sys.executable, "-c", program], cwd="/", env=dict(os.environ), capture_output=True, text=True)
    assert run.stdout == "work.json True\n"
    text = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'"backspike.fpga" = \[.*"work.json".*\]', text)
