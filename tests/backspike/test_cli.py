"""The command line as a user meets it: results, and errors as one sentence with an exit status and no leftovers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest

import backspike.commands
from backspike import PRESETS, BackspikeError, BackspikeWarning, NetworkConfig, progress
from backspike.cli import COMMANDS, main, python_name
from backspike.datasets import LOADERS
from backspike.datasets.mnist import MNIST
from backspike.model import Network
from backspike.model.synapses import initial_weights
from backspike.sim.compare import Comparison
from backspike.training.checkpoint import Checkpoint

from .datasets.samples import write_images

TRAIN = ["train", "--config", "digits", "--dataset", "digits", "--epochs", "1", "--out"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that is to be refused; return its sentence."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err.removeprefix("error: ").strip()


def test_version(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"backspike, version {backspike.__version__}\n"


def test_presets_lists_each_with_its_layers(capsys) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(backspike.PRESETS)
    for line, (name, config) in zip(lines[1:], backspike.PRESETS.items(), strict=True):
        assert line.split()[:2] == [name, "-".join(map(str, config.layers))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_its_first_line_in_the_list(name, capsys) -> None:
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: backspike {name} ")
    command = getattr(import_module(f"backspike.commands.{python_name(name)}"), python_name(name))
    assert (command.name, command.help.splitlines()[0]) == (name, COMMANDS[name])


def test_every_command_is_in_the_list(capsys) -> None:
    modules = {module.name for module in iter_modules(backspike.commands.__path__)}
    assert set(map(python_name, COMMANDS)) == modules - {"device", "options"}
    assert main(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert " ".join(f"{name} {line}" for name, line in sorted(COMMANDS.items())) in said


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "main(['--help'])",
            ["backspike.commands", "backspike.config", "importlib.metadata", "logging", "numpy", "tqdm"],
        ),
        ("main(['--version'])", ["backspike.commands", "backspike.config", "numpy", "tqdm"]),
        ("main(['train', '--help'])", ["backspike.datasets", "numpy"]),
        ("main(['presets'])", ["numpy"]),
    ],
    ids=["help", "version", "help of a command", "presets"],
)
def test_nothing_is_imported_for_what_is_not_done(statement, absent) -> None:
    code = (
        f"import sys; from backspike.cli import main; assert {statement} == 0; "
        f"sys.exit(', '.join({set(absent)} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_package_has_what_it_says_when_it_is_asked_for() -> None:
    code = (
        "import sys, backspike; assert 'backspike.config' not in sys.modules; "
        "assert {*backspike.__all__, '__version__'} <= set(dir(backspike)); "
        "from backspike import *; from backspike import __version__, config, progress; "
        "assert PRESETS is config.PRESETS and isinstance(load_config('tiny'), NetworkConfig)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match=r"^module 'backspike' has no attribute 'nonsense'$"):
        _ = backspike.nonsense


def test_no_command_is_help(capsys) -> None:
    assert main([]) == 2
    assert "Usage: backspike" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "No such command 'nonsense'."),
        (["train", "--nonsense"], "No such option"),
        (["train", "--config", "digits"], "Missing option"),
        ([*TRAIN, "x", "--epochs", "0"], "Invalid value for '--epochs': 0 is not in the range"),
        ([*TRAIN, "x", "--seed", "0"], "Invalid value for '--seed': 0 is not in the range"),
        ([*TRAIN, "x", "--seed", "one"], "Invalid value for '--seed': 'one' is not a valid integer range."),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, sentence, capsys) -> None:
    assert refused(arguments, capsys).startswith(sentence)


@pytest.mark.parametrize("command", [TRAIN, ["generate", "--config", "digits", "--out"]], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("nonsense", "'nonsense' is neither a preset"),
        ("none.toml", "cannot read configuration none.toml: No such file or directory"),
        ("malformed.toml", "malformed.toml is not valid TOML: "),
        ("sizes.toml", "sizes.toml: layers[0] must be 1 to 16384 units, not 0"),
        ("bits.toml", "bits.toml: weight_bits must be a whole number from 4 to 16, not 99"),
    ],
)
def test_bad_configuration_is_one_sentence(command, config, sentence, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("malformed.toml").write_text("layers = [")
    Path("sizes.toml").write_text("layers = [0, 2]")
    Path("bits.toml").write_text("layers = [8, 2]\nweight_bits = 99")
    arguments = [*command, "out"]
    arguments[arguments.index("--config") + 1] = config
    assert refused(arguments, capsys).startswith(sentence)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (
            ["--baud", "9000000"],
            "the line cannot have 9,000,000 bits per second at 24.0 MHz: a bit would take 2.67 cycles",
        ),
        (
            ["--clock", "3"],
            "no setting of the board's PLL gives a clock of 3 MHz: those that it gives are from 16.125 to ",
        ),
        (["--clock", "20", "--baud", "3000000"], "the line cannot have 3,000,000 bits per second at 19.9 MHz: "),
        (
            ["--usb"],
            "iCEBreaker, iCE40 UP5K has no USB port that is wired to the device itself; boards that have one: ",
        ),
        (["--usb", "--baud", "9600"], "--usb and --baud exclude each other: there is no line that would have a rate"),
    ],
)
def test_a_clock_or_line_that_cannot_be_built_is_one_sentence(option, sentence, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    arguments = ["build", "--board", "icebreaker", "--config", "tiny", "--out", str(out), *option]
    assert refused(arguments, capsys).startswith(sentence)
    assert not out.exists()


@pytest.mark.parametrize("command", ["train", "build --board icebreaker", "estimate"])
def test_unknown_dataset_is_one_sentence(command, tmp_path, capsys) -> None:
    out = [] if command == "estimate" else ["--out", str(tmp_path / "out")]
    sentence = f"'nonsense' is not a dataset; known are {', '.join(LOADERS)}, and "
    assert refused([*command.split(), "--config", "tiny", "--dataset", "nonsense", *out], capsys).startswith(sentence)
    assert not (tmp_path / "out").exists()


def test_dataset_of_another_shape_is_one_sentence(tmp_path, capsys) -> None:
    arguments = ["train", "--config", "tiny", "--dataset", "digits", "--out", str(tmp_path / "out")]
    assert refused(arguments, capsys).startswith("dataset digits has samples of shape (64,) in 10 classes, but ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [TRAIN, ["generate", "--config", "tiny", "--out"]], ids=lambda c: c[0])
def test_unwritable_output_is_one_sentence(command, tmp_path, capsys) -> None:
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "out")
    assert refused([*command, out], capsys) == f"cannot create directory {out}: Not a directory"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def compare_with(checkpoint: Path, config: str = "tiny") -> list[str]:
    return ["compare", "--config", config, "--dataset", "random", "--checkpoint", str(checkpoint)]


def test_missing_checkpoint_is_one_sentence(tmp_path, capsys) -> None:
    path = tmp_path / "none.npz"
    assert refused(compare_with(path), capsys) == f"cannot read checkpoint {path}: No such file or directory"


def test_corrupt_checkpoint_is_one_sentence(tmp_path, capsys) -> None:
    path = tmp_path / "checkpoint.npz"
    Checkpoint.capture(Network(backspike.PRESETS["tiny"])).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(compare_with(path), capsys).startswith(f"checkpoint {path} is damaged: ")


def test_checkpoint_of_another_configuration_is_one_sentence(tmp_path, capsys) -> None:
    path = tmp_path / "checkpoint.npz"
    Checkpoint.capture(Network(backspike.PRESETS["tiny"])).save(path)
    assert refused(compare_with(path, "digits"), capsys).startswith("the checkpoint is of another configuration (tiny)")


def test_more_samples_than_there_are_is_one_sentence(capsys) -> None:
    arguments = ["compare", "--config", "tiny", "--dataset", "random", "--samples", "257"]
    assert refused(arguments, capsys) == "samples must be at most 256, as many as random has, not 257"


def test_unknown_simulator_is_one_sentence(capsys) -> None:
    arguments = ["compare", "--config", "tiny", "--dataset", "random", "--simulator", "nonsense"]
    sentence = "Invalid value for '--simulator': 'nonsense' is not one of 'verilator', 'icarus'."
    assert refused(arguments, capsys) == sentence


def test_mismatch_is_printed_with_exit_status_1(monkeypatch, capsys) -> None:
    where = "sample 3, tick 2, layer 1, unit 0: expected 1, got 0"
    found = Comparison(where, {"ticks": 26}, np.zeros(0, dtype=np.int64), {}, [])
    monkeypatch.setattr("backspike.sim.compare.compare", lambda *arguments, **options: found)
    assert main(["compare", "--config", "tiny", "--dataset", "random"]) == 1
    assert capsys.readouterr().out == f"mismatch: {where}\n"


def test_train_writes_what_it_says(tmp_path, capsys) -> None:
    out = tmp_path / "out"
    arguments = ["train", "--config", "tiny", "--dataset", "random", "--epochs", "2", "--seed", "5", "--out", str(out)]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("float network 8-4-3 on the same samples: test ")
    assert [line.split(":")[0] for line in lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint.npz", "learning-curve.png", "metrics.json"]
    assert json.loads((out / "metrics.json").read_text())["seed"] == 5
    assert (out / "learning-curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_interruption_is_one_sentence_and_leaves_whole_files(tmp_path, number, status, word) -> None:
    out = tmp_path / "out"
    arguments = ["train", "--config", "tiny", "--dataset", "random", "--epochs", "1000", "--out", str(out)]
    command = [sys.executable, "-m", "backspike", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith("epoch 1/"):
            assert process.poll() is None, process.stderr.read()
        time.sleep(0.3)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert re.fullmatch(
        rf"error: {word}; the training in {out} is whole up to .*epoch \d+.*; "
        "the same command with --resume goes on from there",
        errors.splitlines()[-1],
    )
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint.npz", "metrics.json"]
    assert json.loads((out / "metrics.json").read_text())["epochs"]
    with np.load(out / "checkpoint.npz") as archive:
        assert "weights_2" in archive.files


def test_a_training_is_overwritten_by_force_alone(tmp_path, capsys) -> None:
    out = tmp_path / "out"
    arguments = ["train", "--config", "tiny", "--dataset", "random", "--epochs", "1", "--out", str(out)]
    assert main(arguments) == 0
    before = (out / "checkpoint.npz").read_bytes()
    capsys.readouterr()
    assert "`backspike train --resume` goes on with it, --force overwrites it" in refused(arguments, capsys)
    assert "not both" in refused([*arguments, "--resume", "--force"], capsys)
    assert (out / "checkpoint.npz").read_bytes() == before
    assert main([*arguments, "--seed", "2", "--force"]) == 0
    assert Checkpoint.load(out / "checkpoint.npz").config.seed == 2


@pytest.mark.parametrize(("option", "seed"), [([], 7), (["--seed", "1"], 1)])
def test_the_seed_of_a_configuration_holds_unless_one_is_given(option, seed, tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "tiny.toml"
    backspike.PRESETS["tiny"].replace(seed=7).save(path)
    common = ["--config", str(path), "--dataset", "random", *option]
    out = tmp_path / "out"
    assert main(["train", *common, "--epochs", "1", "--out", str(out)]) == 0
    assert json.loads((out / "metrics.json").read_text())["seed"] == seed
    seen = []

    def compare(config, schedule, **options):
        seen.append((schedule.seed, options["seed"]))
        return Comparison("", {"ticks": 1}, np.zeros(0, dtype=np.int64), {}, [])

    monkeypatch.setattr("backspike.sim.compare.compare", compare)
    assert main(["compare", *common]) == 0
    assert seen == [(seed, seed)]
    assert f", seed {seed}, " in capsys.readouterr().out


def test_what_takes_long_is_told_without_a_terminal(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.0)
    out = tmp_path / "out"
    assert main(["train", "--config", "tiny", "--dataset", "random", "--epochs", "1", "--out", str(out)]) == 0
    told = capsys.readouterr().err.splitlines()
    for step in (
        "loading random ...",
        "looking at the samples ...",
        "float network 8-4-3, 1 epoch ...",
        "epoch 1/1, 256 samples ...",
        "epoch 1/1, training samples, 64 samples ...",
        "epoch 1/1, test samples, 64 samples ...",
    ):
        assert step in told


def test_installed_command_says_the_same() -> None:
    script = Path(sys.executable).with_name("backspike")
    result = subprocess.run([script, "train", "--config", "nonsense"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: Missing option")
    assert "Traceback" not in result.stderr


def run(*words: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    code = "import sys; from backspike.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *words], text=True, check=False, **streams)


@pytest.mark.parametrize("words", [["presets"], ["--help"], ["train", "--help"]], ids=" ".join)
def test_a_full_disk_behind_the_output_is_one_sentence(words) -> None:
    with Path("/dev/full").open("w") as full:
        result = run(*words, stdout=full, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (2, "error: cannot write: No space left on device\n")


def test_errors_that_cannot_be_told_are_in_the_exit_status() -> None:
    with Path("/dev/full").open("w") as full:
        assert run("train", "--config", "nonsense", stderr=full).returncode == 2


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_streams_are_no_reason_to_stop(closed, tmp_path) -> None:
    """As of a service: no training ends for it, and no file gets what is said."""
    out = tmp_path / "trained"
    code = "import sys; from backspike.cli import main; sys.exit(main())"
    words = ["train", "--config", "tiny", "--dataset", "random", "--epochs", "1", "--engine", "numpy", "--out", out]
    redirections = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    result = subprocess.run(
        ["sh", "-c", f'"$@" {redirections}', "sh", sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert ("written to" in result.stdout) == (1 not in closed)
    assert {path.name for path in out.iterdir()} == {"checkpoint.npz", "metrics.json", "learning-curve.png"}
    assert Checkpoint.load(out / "checkpoint.npz").epoch == 1
    assert json.loads((out / "metrics.json").read_text())["dataset"] == "random"


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = run("presets", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "/tmp/scratch"), "/tmp/scratch: No space left on device"),
        (OSError("lost"), "cannot write: lost"),
        (MemoryError(), "this takes more memory than there is"),
    ],
    ids=["path", "none", "memory"],
)
def test_what_the_machine_refuses_is_one_sentence(error, sentence, monkeypatch, capsys) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr("backspike.commands.generate.load_config", fail)
    assert refused(["generate", "--config", "digits", "--out", "nowhere"], capsys) == sentence


def test_a_warning_is_one_sentence_on_the_error_stream(monkeypatch, capsys) -> None:
    def warn(name: str) -> None:
        warnings.warn("this is hardly meant", BackspikeWarning, stacklevel=2)
        warnings.warn("this is hardly meant", BackspikeWarning, stacklevel=1)
        warnings.warn("of another kind", UserWarning, stacklevel=2)
        raise BackspikeError("stop")

    monkeypatch.setattr("backspike.commands.generate.load_config", warn)
    warnings.simplefilter("default")
    assert main(["generate", "--config", "digits", "--out", "nowhere"]) == 2
    first, second, *_, last = capsys.readouterr().err.splitlines()
    assert (first, last) == ("warning: this is hardly meant", "error: stop")
    assert second.endswith("UserWarning: of another kind")


@pytest.mark.parametrize("filtered", ["error", "ignore"])
def test_a_warning_is_a_warning_whatever_python_is_told(filtered, monkeypatch, capsys) -> None:
    def warn(name: str) -> None:
        warnings.warn("this is hardly meant", BackspikeWarning, stacklevel=2)
        raise BackspikeError("stop")

    monkeypatch.setattr("backspike.commands.generate.load_config", warn)
    with warnings.catch_warnings():
        warnings.simplefilter(filtered)
        assert main(["generate", "--config", "digits", "--out", "nowhere"]) == 2
    assert capsys.readouterr().err.splitlines() == ["warning: this is hardly meant", "error: stop"]


def listed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return what `backspike datasets` says of each dataset, and below them."""
    assert main(["datasets", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    starts = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    parts = {lines[start].split()[0]: lines[start:end] for start, end in pairwise(starts)}
    return {name: [line.strip() for line in parts.pop(name)] for name in LOADERS}, lines[starts[-2] :]


def test_datasets_are_listed_with_where_they_are(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("BACKSPIKE_DATA", str(tmp_path))
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("backspike.datasets.files.DEBIAN", tmp_path / "debian")
    write_images(tmp_path / "mnist", MNIST.files, ([1], [2]))
    write_images(tmp_path / "debian" / "fashion-mnist", MNIST.files[:3], ([1], [2]))
    with zipfile.ZipFile(tmp_path / "nmnist-small.zip", "w"):
        pass
    found, below = listed([], capsys)
    assert {name: lines[1] for name, lines in found.items() if "emnist-b" not in name} == {
        "digits": "here: needs no files",
        "mnist": f"here: {tmp_path}/mnist",
        "fashion-mnist": f"not here: Fashion-MNIST in {tmp_path}/debian/fashion-mnist is not whole: "
        "t10k-labels-idx1-ubyte.gz is missing",
        **dict.fromkeys(("emnist-digits", "emnist-letters", "emnist-mnist"), "not here; downloaded at first use"),
        "emnist-letters26": "not here, and not published for download",
        "nmnist": "not here; downloaded at first use",
        "nmnist-small": f"here: {tmp_path}/nmnist-small.zip",
        "random": "here: needs no files",
    }
    assert found["nmnist-small"][2] == (
        "settings: polarity (merged or separate; merged), pool (1 or 2; 1), milliseconds (1 to 1000; 300), "
        "threshold (1 to 255; 1), folds (0 or 2 to 10; 5)"
    )
    assert below[0] == (
        "settings of each: validation (so many of the samples to train on are held out to test on; 0), "
        "train (so many of the samples to train on, and no others; all)"
    )
    assert below[1] == f"looked for in {tmp_path}, {tmp_path}/cache/datasets, {tmp_path}/debian"


def test_datasets_of_a_given_folder_are_those_in_it_alone(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "given").mkdir()
    monkeypatch.setenv("BACKSPIKE_DATA", str(tmp_path))
    write_images(tmp_path / "mnist", MNIST.files, ([1], [2]))
    found, below = listed(["--data-dir", str(tmp_path / "given")], capsys)
    assert found["mnist"][1].startswith(f"not here: MNIST is not in {tmp_path}/given: looked for train-images-idx3-ub")
    assert found["digits"][1] == "here: needs no files"
    assert below[1] == f"looked for in {tmp_path}/given"
    sentence = f"the folder given for datasets does not exist: {tmp_path}/absent"
    assert refused(["datasets", "--data-dir", str(tmp_path / "absent")], capsys) == sentence


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_dataset_setting_is_refused_in_one_sentence(command, tmp_path, capsys) -> None:
    arguments = [command, "--config", "tiny", "--dataset", "random", "--dataset-setting"]
    rest = ["--out", str(tmp_path / "out")] if command == "train" else []
    assert refused([*arguments, "pool", *rest], capsys) == "a dataset's setting must be KEY=VALUE, not 'pool'"
    for value in ("2", "9" * 5000):
        sentence = refused([*arguments, f"pool={value}", *rest], capsys)
        assert sentence == "dataset random has no settings, so 'pool' cannot be set"


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_dataset_is_looked_for_in_the_given_folder_first(command, tmp_path, capsys) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").touch()
    arguments = [command, "--config", "mnist-ecp5", "--dataset", "mnist", "--data-dir", str(tmp_path)]
    rest = ["--out", str(tmp_path / "out")] if command == "train" else []
    assert refused([*arguments, *rest], capsys).startswith(f"MNIST in {tmp_path / 'mnist'} is not whole: train-images")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*TRAIN, ""], "Invalid value for '--out': a path must not be empty"),
        ([*TRAIN, "out", "--data-dir", ""], "Invalid value for '--data-dir': a path must not be empty"),
        (["sweep", ""], "Invalid value for 'FILE': a path must not be empty"),
        (
            ["host", "identify", "--config", "tiny", "--port", ""],
            "Invalid value for '--port': a path must not be empty",
        ),
        (["cache", "prune", "--days", "nan"], "Invalid value for '--days': 'nan' is not a finite number"),
        (["cache", "prune", "--days", "inf"], "Invalid value for '--days': 'inf' is not a finite number"),
        (
            ["build", "--board", "icebreaker", "--config", "tiny", "--out", "out", "--clock", "nan"],
            "Invalid value for '--clock': 'nan' is not a finite number",
        ),
        (
            ["host", "identify", "--config", "tiny", "--simulate", "--noise", "nan"],
            "Invalid value for '--noise': 'nan' is not a finite number",
        ),
        (
            [*TRAIN, "out", "--dataset-setting", "validation=3", "--dataset-setting", "validation=300"],
            "validation of the dataset is set twice: 3 and 300",
        ),
    ],
)
def test_words_that_are_no_value_are_refused(words, sentence, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(words, capsys) == sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["generate", "train"])
def test_ticks_in_which_nothing_is_learned_are_warned_of(command, tmp_path, monkeypatch, capsys) -> None:
    warnings.simplefilter("default")
    for module in ("backspike.hdl.package.write_package", "backspike.training.trainer.train"):
        monkeypatch.setattr(module, lambda *_, **__: [])
    config = NetworkConfig(layers=(8, 4, 3), ticks=3)
    config.save(tmp_path / "short.toml")
    config.replace(ticks=4).save(tmp_path / "long.toml")
    dataset = ["--dataset", "random"] if command == "train" else []
    for name, warned in (("short", 1), ("long", 0)):
        arguments = ["--config", str(tmp_path / f"{name}.toml"), "--out", str(tmp_path / "out"), *dataset]
        assert main([command, *arguments]) == 0
        assert capsys.readouterr().err.count("warning: with ticks = 3, weight layer 1 of 2 never changes, ") == warned


@pytest.mark.parametrize("command", ["generate", "build --board icebreaker"])
def test_weights_of_another_network_are_refused(command, tmp_path, capsys) -> None:
    other = PRESETS["tiny"].replace(layers=(8, 5, 3), name="other")
    Checkpoint.capture(Network(other, initial_weights(other, 1))).save(tmp_path / "other.npz")
    arguments = ["--config", "tiny", "--checkpoint", str(tmp_path / "other.npz"), "--out", str(tmp_path / "out")]
    sentence = "the checkpoint is of another configuration (other): its layers is (8, 5, 3), and tiny has (8, 4, 3)"
    assert refused([*command.split(), *arguments], capsys) == sentence
    assert not (tmp_path / "out").exists()


def test_weights_of_a_checkpoint_are_in_the_verilog(tmp_path) -> None:
    config = PRESETS["tiny"]
    weights = [np.arange(36).reshape(9, 4) % 32 - 16, np.arange(15).reshape(5, 3) - 7]
    Checkpoint.capture(Network(config, weights)).save(tmp_path / "run.npz")
    for name, extra in (("without", []), ("with", ["--checkpoint", str(tmp_path / "run.npz")])):
        assert main(["generate", "--config", "tiny", "--out", str(tmp_path / name), *extra]) == 0
    without, trained = ((tmp_path / name / "tiny.v").read_text() for name in ("without", "with"))
    words = [sum((int(weight) & 63) << (6 * lane) for lane, weight in enumerate(row)) for row in weights[0]]
    stated = re.findall(r"rows_0\[\d+\] = 24'h([0-9a-f]+);", trained)
    assert [int(word, 16) for word in stated] == words
    assert not re.search(r"rows_0\[\d+\] = 24'h", without)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("host train --board ul", ["ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f"]),
        ("train --config mnist-e", ["mnist-ecp5"]),
        ("train --dataset nm", ["nmnist", "nmnist-small"]),
        ("estimate --dataset di", ["digits"]),
        ("experiment float subsets/m", ["subsets/mnist-subset"]),
        ("pres", ["presets"]),
    ],
)
def test_shells_complete_what_there_is(words, completed, capsys, monkeypatch) -> None:
    monkeypatch.setenv("_BACKSPIKE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"backspike {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    main([])
    assert capsys.readouterr().out.split() == [f"plain,{name}" for name in completed]


def test_presets_as_json_are_configurations(capsys) -> None:
    assert main(["presets", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: NetworkConfig.from_dict(values) for name, values in told.items()} == PRESETS
