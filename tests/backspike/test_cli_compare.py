"""`backspike compare` and `backspike generate` as a user meets them: results, exit statuses, and no leftovers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backspike import PRESETS
from backspike.cli import main
from backspike.model import Network
from backspike.training.checkpoint import Checkpoint
from tests.sim.accumulator import NEEDS_ICARUS

ROOT = Path(__file__).parents[2]
TINY = ["compare", "--config", "tiny", "--dataset", "random", "--simulator", "icarus"]


@pytest.fixture(autouse=True)
def empty_temporary_directory(tmp_path, monkeypatch):
    """Give commands a folder for their temporary files, in which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    assert list(folder.iterdir()) == []


@NEEDS_ICARUS
def test_equal_states_are_counted_with_exit_status_0(capfd):
    assert main([*TINY, "--samples", "3", "--seed", "5"]) == 0
    output, errors = capfd.readouterr()
    counts = "3 samples, 24 ticks, 744 spikes, gates and errors, 153 weights, 33 LFSR states"
    assert output == f"tiny, 3 samples of random, seed 5, icarus: {counts}\n0 mismatches\n"
    # That it is built is said there, and nothing else.
    assert re.fullmatch(r"(building .*\n)?", errors), errors


@NEEDS_ICARUS
def test_trained_weights_are_compared_in_inference(tmp_path, capfd):
    path = tmp_path / "checkpoint.npz"
    Checkpoint.capture(Network(PRESETS["tiny"])).save(path)
    assert main([*TINY, "--samples", "2", "--inference", "--checkpoint", str(path)]) == 0
    assert capfd.readouterr().out.endswith("\n0 mismatches\n")


@NEEDS_ICARUS
def test_a_difference_is_named_with_exit_status_1(monkeypatch, capfd):
    from backspike.hdl.verilog import write_design

    def of_another_seed(config, directory):
        return write_design(config.replace(seed=2), directory)

    monkeypatch.setattr("backspike.sim.compare.write_design", of_another_seed)
    assert main([*TINY, "--samples", "2"]) == 1
    output, errors = capfd.readouterr()
    assert re.fullmatch(r"mismatch: sample \d, .*: expected -?\d+, got -?\d+\n", output), output
    # Told where the Verilog of this seed has not been built before.
    assert errors in ("", "building tiny with Icarus ...\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--dataset", "nonsense"], "'nonsense' is not a dataset; known are digits"),
        (["--dataset", "digits"], "dataset digits has samples of shape (64,) in 10 classes, but network tiny takes"),
        (["--samples", "257"], "samples must be at most 256, as many as random has, not 257"),
        (["--samples", "65", "--inference"], "samples must be at most 64, as many as random has, not 65"),
        (["--samples", "0"], "Invalid value for '--samples': 0 is not in the range x>=1."),
        (["--config", "nonsense"], "'nonsense' is neither a preset"),
        (["--checkpoint", "none.npz"], "cannot read checkpoint none.npz: No such file or directory"),
        (["--checkpoint", "damaged.npz"], "checkpoint damaged.npz is damaged: "),
        (["--checkpoint", "digits.npz"], "the checkpoint is of another configuration (digits)"),
        (["--waves", "file/waves.fst"], "cannot create directory file: File exists"),
        (["--gates", "gowin"], "gates must be one of ice40, ecp5, not 'gowin'"),
        (["--gates", "ice40"], "--gates simulates natively; add --native"),
        (["--waves", "waves.txt"], "icarus writes waveforms as .fst, not as 'waves.txt'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_one_sentence(changes, sentence, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    for name in ("tiny", "digits"):
        Checkpoint.capture(Network(PRESETS[name])).save(Path(f"{name}.npz"))
    Path("damaged.npz").write_bytes(Path("tiny.npz").read_bytes()[:-100])
    before = sorted(Path().iterdir())
    assert main([*TINY, *changes]) == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors.startswith(f"error: {sentence}")
    assert errors.count("\n") == 1, errors
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("simulator", "sentence"),
    [
        ("icarus", "iverilog is missing (Icarus Verilog); install it with: apt-get install iverilog"),
        ("verilator", "g++ is missing (a C++ compiler); install it with: apt-get install g++"),
    ],
)
def test_a_missing_simulator_is_one_sentence(simulator, sentence, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["compare", "--config", "tiny", "--dataset", "random", "--simulator", simulator]) == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors == f"error: {sentence}\n"


@NEEDS_ICARUS
def test_interruption_is_one_sentence_and_leaves_nothing(tmp_path):
    """Ctrl-C reaches the whole process group, and a `kill -INT` the command alone: either way it ends soon."""
    command = [sys.executable, "-m", "backspike", *TINY, "--samples", "256"]
    for reach in (os.killpg, os.kill):
        with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, start_new_session=True) as process:
            deadline = time.monotonic() + 60
            while not list((tmp_path / "temporary").glob("backspike-tiny-*/results.xml")):
                log = list((tmp_path / "temporary").glob("backspike-tiny-*/simulation.log"))
                if log and log[0].stat().st_size:
                    break
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            reach(process.pid, signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        assert process.returncode == 130, (output, errors)
        assert output == ""
        assert errors.splitlines()[-1] == "error: interrupted; finished files are whole, others were not written"
        for kept in (tmp_path / "temporary").iterdir():  # the log of a bench that did not end well
            assert kept.name.startswith("backspike-tiny-")
            shutil.rmtree(kept)


# -- generate -------------------------------------------------------------------------------------------------------

GENERATED = (
    *("tiny.v", "tiny.json", "tiny_registers.h", "tiny.svd", "tiny_registers.md"),
    *("tiny_tb.sv", "tiny.core", "tiny_vivado.tcl", "tiny_quartus.tcl"),
)


def test_generate_writes_what_it_says(tmp_path, capsys):
    assert main(["generate", "--config", "tiny", "--out", str(tmp_path / "new" / "out")]) == 0
    paths = [tmp_path / "new" / "out" / name for name in GENERATED]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in paths]
    assert sorted(paths) == sorted((tmp_path / "new" / "out").iterdir())
    assert json.loads(paths[1].read_text())["config"] == PRESETS["tiny"].to_dict()


def test_generate_puts_a_network_on_a_bus(tmp_path, capsys):
    assert main(["generate", "--config", "tiny", "--wrapper", "wishbone", "--out", str(tmp_path / "out")]) == 0
    names = [name.replace("tiny", "tiny_wishbone") for name in GENERATED]
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "out" / name) for name in names]
    assert json.loads((tmp_path / "out" / "tiny_wishbone.json").read_text())["bus"]["kind"] == "wishbone"
    assert main(["generate", "--config", "tiny", "--wrapper", "avalon", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error == "error: Invalid value for '--wrapper': 'avalon' is not one of 'axi', 'wishbone'.\n"


def test_generate_refuses_a_folder_at_once_that_cannot_be_made(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr("backspike.hdl.verilog.emit", None)  # not reached
    out = tmp_path / "file" / "out"
    assert main(["generate", "--config", "mnist-ecp5", "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"error: cannot create directory {out}: Not a directory\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "temporary"]


def test_generate_refuses_a_folder_at_once_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("backspike.hdl.verilog.emit", None)  # not reached
    monkeypatch.setattr("backspike.files.os.access", lambda path, mode: False)  # root may write anywhere
    assert main(["generate", "--config", "mnist-ecp5", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"error: cannot write to directory {tmp_path / 'out'}\n"


def test_generated_files_are_the_same_in_every_run_and_name_no_local_path(tmp_path):
    contents = []
    for seed in "01":
        out = tmp_path / f"out{seed}"
        command = [sys.executable, "-m", "backspike", "generate", "--config", "tiny", "--out", str(out)]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
        contents.append({path.name: path.read_text() for path in out.iterdir()})
    assert contents[0] == contents[1]
    assert contents[0].keys() == set(GENERATED)
    for text in contents[0].values():
        for path in (tmp_path, ROOT, Path(sys.prefix), Path.home()):
            assert str(path) not in text
