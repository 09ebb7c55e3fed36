"""What all commands have alike: examples in their help, less and more to be told, documents of JSON, completion."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import click
import numpy as np
import pytest

from backspike import progress
from backspike.cli import commands, main
from backspike.commands.options import Known, experiments_folder
from backspike.programs import run_program
from backspike.sim.compare import Comparison

from .test_cli import refused

FIGURES = {
    *("cache size", "cache list", "cache prune", "compare", "datasets", "estimate", "evaluate", "experiment list"),
    *("host checksum", "host compare", "host evaluate", "host identify", "import", "predict", "presets"),
}
"""Commands that print figures; others write them to files, say which, and need no other form."""


def every(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Return each command of the command line with its name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found
            yield from every(found, f"{name} {inner}".strip())


EVERY = dict(every(commands))


@pytest.fixture(autouse=True)
def level_as_it_was() -> Iterator[None]:
    log = logging.getLogger("backspike")
    before = log.level
    yield
    log.setLevel(before)


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_examples_and_can_say_less_or_more(name: str) -> None:
    command = EVERY[name]
    lines = [line for line in (command.epilog or "").splitlines() if line.startswith(f"  backspike {name}".rstrip())]
    assert lines
    taken = {word for option in command.params for word in option.opts}
    assert {"-q", "-v"} <= taken
    assert ("--json" in taken) == (name in FIGURES)


def test_what_has_names_can_be_completed() -> None:
    for name, command in EVERY.items():
        for option in command.params:
            if option.name in {"board_name", "config_name", "dataset_name", "gates", "names"}:
                assert isinstance(option.type, Known), f"{name}: {option.name}"
                assert list(option.type._names())


@pytest.mark.parametrize("words", [["-q", "train"], ["train", "--quiet"]])
def test_quiet_leaves_results_and_errors(words, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.0)
    arguments = ["--config", "tiny", "--dataset", "random", "--epochs", "1", "--out", str(tmp_path / "out")]
    assert main([*words, *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines()[-1].startswith("written to ")
    assert "--force overwrites it" in refused([*words, *arguments], capsys)
    # The next call tells again.
    assert main(["train", *arguments, "--force"]) == 0
    assert "loading random ..." in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("words", [["-v", "presets"], ["presets", "-v"], ["cache", "size", "--verbose"]])
def test_verbose_tells_of_programs(words, capsys) -> None:
    assert main(words) == 0
    capsys.readouterr()
    run_program(["true", "of two words"])
    assert capsys.readouterr().err == "running true 'of two words'\n"
    assert main(["presets"]) == 0
    run_program(["true"])
    assert capsys.readouterr().err == ""


def test_less_and_more_are_refused(capsys) -> None:
    for words in (["-q", "-v", "presets"], ["-q", "presets", "-v"]):
        assert refused(words, capsys) == "-q and -v are opposites; give one of them"


@pytest.mark.parametrize("mismatch", ["", "sample 3, tick 2, layer 1, unit 0: expected 1, got 0"])
def test_a_comparison_as_json_has_the_status_of_its_words(mismatch, monkeypatch, capsys) -> None:
    found = Comparison(mismatch, {"ticks": 26}, np.zeros(0, dtype=np.int64), {}, [])
    monkeypatch.setattr("backspike.sim.compare.compare", lambda *arguments, **options: found)
    assert main(["compare", "--config", "tiny", "--dataset", "random", "--json"]) == bool(mismatch)
    assert json.loads(capsys.readouterr().out) == {
        "network": "tiny",
        "samples": 20,
        "dataset": "random",
        "seed": 1,
        "simulator": "verilator",
        "compared": {"ticks": 26},
        "mismatch": mismatch,
    }


def test_lists_as_json(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def read(*words: str):
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert read("cache", "size") == {"folder": str(tmp_path), "builds": 0, "build_bytes": 0, "dataset_bytes": 0}
    assert read("cache", "list") == []
    assert read("cache", "prune") == {"builds": 0, "bytes": 0, "leftovers": 0}
    digits, *_ = read("datasets")["datasets"]
    assert (digits["name"], digits["here"], digits["places"], digits["fault"]) == ("digits", True, [], "")
    (short,) = read("experiment", "list", "--experiments", str(experiments_folder() / "tour"))
    assert (short["name"], short["done"]) == ("digits-short", 0)
    (board,) = read("estimate", "--config", "tiny", "--board", "icebreaker")["boards"]
    assert board["fits"]
    assert board["capacity"]["logic_cells"] == 5280
    assert 0 < board["logic_cells"] < 5280
