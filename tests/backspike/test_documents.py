"""Every command in the project's texts is run, or gone through up to its work, or read by the parser that it is for.

Those in blocks of a page are typed one after the other in one folder, as a reader would: what takes seconds runs, and
the rest ends where its work would begin. Of commands between backquotes, which may be shortened, options and their
values are looked at. A program that is neither ours nor on the list of `tests.documents` is refused, so none is
left out.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
import pytest

from backspike import BackspikeError, Model, NetworkConfig
from backspike.cli import commands, main
from backspike.commands.options import PATH
from backspike.config import load_config
from backspike.datasets import find_loader, load_dataset
from backspike.fpga.boards import find_board
from backspike.sim.gates import models_of
from backspike.toml import tomllib
from tests.documents import OUTSIDE, OWN, PAGES, ROOT, Command, blocks_of, commands_of, is_shell

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()

READ = {"bitstream", "build", "checkpoint", "file", "folders"}
"""Parameters whose paths are there before a command runs."""

WRITTEN = {"docs", "out", "page", "waves", "results", "work"}
"""Parameters whose paths are there when it has run."""

GIVEN = {"data_dir", "experiments", "port", "tls_ca_file", "tls_cert", "tls_key"}
"""Parameters whose paths come with a clone, a machine or a cluster."""

WORK = {
    "build": ["backspike.fpga.build.build"],
    "compare": ["backspike.sim.compare.compare", "backspike.sim.compare.compare_native"],
    "estimate": ["backspike.fpga.estimate.estimate"],
    "experiment": ["backspike.experiments.run.run_experiment", "backspike.experiments.report.write_report"],
    "flash": ["backspike.fpga.load.run_loader"],
    "generate": ["backspike.hdl.package.write_package"],
    "host": ["backspike.commands.host.connect"],
    "live": ["backspike.live.network.LiveNetwork"],
    "sweep": ["backspike.experiments.sweep.run_sweep"],
}
"""What takes longer than a few seconds, needs a board, or does not end: tests of its own do it, with small networks."""

RUN = {"datasets", "evaluate", "experiment config", "export", "predict", "presets", "report", "train"}
"""Commands that are run as they stand. The longest beginning of a command's names that is in one of the two decides."""


def save_images(path: Path) -> None:
    """Write what a reader has: a few samples of two classes, 64 values each."""
    values = np.random.default_rng(1).integers(0, 256, (20, 64))
    np.savez(
        path, train_values=values, train_labels=np.arange(20) % 2, test_values=values, test_labels=np.arange(20) % 2
    )


def save_folder(path: Path) -> None:
    from PIL import Image

    for name in range(20):
        (path / str(name % 2)).mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 10 * name).save(path / str(name % 2) / f"{name}.png")


def save_table(path: Path) -> None:
    rows = np.random.default_rng(1).integers(0, 256, (20, 785))
    rows[:, 0] = np.arange(20) % 10
    for name in (path, path.with_name(path.name.replace("train", "test"))):
        np.savetxt(name, rows, fmt="%d", delimiter=",")


@cache
def trained() -> bytes:
    """Return a checkpoint of the digits, as the tutorial makes one."""
    model = Model("digits")
    data = load_dataset("digits", load_config("digits"), seed=1)
    model.fit(data.train_values, data.train_labels, epochs=1).save("checkpoint.npz")
    return Path("checkpoint.npz").read_bytes()


def save_tutorial(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(trained())


BROUGHT: dict[str, Callable[[Path], None] | None] = {
    "digit.png": None,
    "mine.npz": save_images,
    "mine.toml": lambda path: NetworkConfig(layers=(64, 16, 2)).save(path),
    "mine/": save_folder,
    "mnist_train.csv": save_table,
    "net.pt": None,
    "samples.npy": None,
    "run/checkpoint.npz": save_tutorial,
}
"""What a page takes for there, a reader's data and what the tutorial leaves, and how it is made here, if it can be."""


class Reached(BaseException):
    """Work that would begin here."""


# A placeholder of a value, and alternatives.
_PLACEHOLDER = re.compile(r"…|^[A-Z]{1,}(?:[:.]\S*)?$|^<")
_ALTERNATIVES = re.compile(r"^[a-z]+(?:\|[a-z]+)+$")


def alternatives(words: list[str]) -> Iterator[list[str]]:
    """Return the commands that one with ``axi|wishbone`` in it stands for."""
    yield from map(list, product(*(word.split("|") if _ALTERNATIVES.match(word) else [word] for word in words)))


def example_of(kind: click.ParamType) -> str:
    """Return a word that an option takes, in the place of a placeholder."""
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.IntRange | click.FloatRange):
        return str(kind.min or 1)
    return "1" if kind.name == "integer" else "NAME"


def any_that_takes(group: click.Group, words: list[str]) -> click.Command:
    """Return a command of a group, one that takes these options if there is one."""
    found = [command for _, command in sorted(group.commands.items())]
    wanted = {word for word in words if word.startswith("--")}
    return next(
        (command for command in found if wanted <= {name for option in command.params for name in option.opts}),
        found[0],
    )


def parsed(words: list[str], whole: bool) -> tuple[list[str], dict[str, Any]]:
    """Read the words of `backspike …` as it does, up to its work; return the command's names and what it is given.

    Raises
    ------
    click.ClickException, BackspikeError
        It would be refused.
    """
    command: click.Command = commands
    context, names, left = click.Context(command, info_name="backspike"), [], list(words)
    while left and left[0] in ("-q", "-v"):
        left = left[1:]
    while isinstance(command, click.Group) and left and re.match(r"[a-z]", left[0]):
        name, command, left = command.resolve_command(context, left)
        names.append(name)
    if names and left and isinstance(command, click.Group) and not whole:
        command = any_that_takes(command, left)
    options = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    filled: list[str] = []
    for before, word in zip([None, *left], left, strict=False):
        option = options.get(before)
        if option and not option.is_flag and _PLACEHOLDER.search(word):
            filled.append(example_of(option.type))
        elif word != "…":
            filled.append(word)
    if not whole and left and left[-1] in options and not options[left[-1]].is_flag:
        filled.append(example_of(options[left[-1]].type))
    while True:
        try:
            given = command.make_context("backspike", list(filled), parent=context).params
            break
        except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
            return names, {}  # --help and --version end there
        except click.MissingParameter as error:
            if whole or not error.param:
                raise
            filled += [error.param.opts[0]] if isinstance(error.param, click.Option) else []
            filled.append(example_of(error.param.type))
    board, config, dataset = (given.get(name) for name in ("board_name", "config_name", "dataset_name"))
    if board and board != "NAME":
        find_board(board)
    if config and config != "NAME" and not config.endswith(".toml"):
        load_config(config)
    if dataset and dataset != "NAME":
        find_loader(dataset)
    if given.get("gates", "NAME") not in (None, "NAME"):
        models_of(given["gates"])
    if names[:2] == ["experiment", "run"]:
        for name in given["names"]:
            assert (ROOT / given["experiments"] / f"{name}.toml").is_file(), f"there is no experiment {name}"
    return names, given


def paths_read(given: dict[str, Any]) -> list[str]:
    """Return the paths that a command needs."""
    found = [*given.get("folders", ()), *(given.get(name) for name in READ - {"folders"})]
    found += [given.get(name) for name in ("config_name", "dataset_name") if re.search(r"[./]", str(given.get(name)))]
    return [str(path) for path in found if path is not None and not _PLACEHOLDER.search(str(path))]


def is_made(path: str, made: list[str], text: str) -> bool:
    """Whether a path comes with a clone, is made by an earlier command of the page, or is spoken of in its text."""
    inside = any(Path(path).is_relative_to(folder) for folder in made)
    return inside or (ROOT / path).exists() or f"`{path}`" in text or path in BROUGHT


def check_make(words: list[str]) -> None:
    for word in words:
        name = word.partition("=")[0]
        pattern = rf"^{name} [?:]?= " if "=" in word else rf"^{name}:"
        assert re.search(pattern, MAKEFILE, re.M), f"the Makefile has no {word}"


def check_pip(words: list[str]) -> None:
    assert words[0] == "install"
    for word in words[1:]:
        wanted = re.fullmatch(r"(?:\.|backspike)(?:\[(.*)\])?", word)
        assert wanted, f"{word} is not Backspike"
        unknown = set((wanted[1] or "").split(",")) - {"", *PROJECT["optional-dependencies"]}
        assert not unknown, f"there is no extra {', '.join(sorted(unknown))}"


def check_python(words: list[str]) -> None:
    """Read the words of a script or a module of the project as it does, if it has options."""
    module = words[1] if words[0] == "-m" else words[0].removesuffix(".py").replace("/", ".")
    left = words[2:] if words[0] == "-m" else words[1:]
    path = ROOT / module.replace(".", "/")
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"there is no {words[0]}"
    if words[0] == "-m":
        module += ".__main__"
    if module.startswith("examples."):
        return  # tests/test_examples.py runs each
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)  # as Python does for a script
        script = importlib.import_module(module).main
    script.make_context(module, list(left)) if isinstance(script, click.Command) else pytest.fail("takes no words")


CHECKS = {"make": check_make, "pip": check_pip, "python": check_python}


def checked(command: Command) -> tuple[list[str], dict[str, Any]]:
    """Read a command as the program that it is for, and say where it stands if that would refuse it."""
    program, *words = command.words
    names: list[str] = []
    given: dict[str, Any] = {}
    try:
        if program in CHECKS:
            CHECKS[program](words)
        elif program == "backspike":
            for one in alternatives(words):
                names, given = parsed(one, command.whole)
        else:
            assert program in (*OUTSIDE, "eval"), f"{program} is no program that the texts speak of"
    except click.ClickException as error:
        pytest.fail(f"{command}: {error.format_message()}")
    except (AssertionError, BackspikeError) as error:
        pytest.fail(f"{command}: {error}")
    return names, given


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_what_their_programs_take(page: Path) -> None:
    """Options, their values, and files, which an earlier command of the page has made or the page speaks of."""
    text, made = page.read_text(), []
    for command in commands_of(page):
        _, given = checked(command)
        for path in paths_read(given):
            assert is_made(path, made, text), f"{command}: nothing on the page makes {path}"
        made += [str(given[name]) for name in WRITTEN if given.get(name) is not None]


def helps(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Return each command of the command line with its names."""
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from helps(command.get_command(context, name), (*names, name))


HELPS = dict(helps(commands))


@pytest.mark.parametrize("names", HELPS, ids=" ".join)
def test_examples_of_helps_are_what_the_commands_take(names: tuple[str, ...]) -> None:
    shown = (HELPS[names].epilog or "").split("\n\n")[0]
    typed = [line.strip() for line in shown.splitlines() if line.startswith("  ")]
    for line in typed:
        assert line.startswith("backspike "), line
        checked(Command(ROOT / "backspike" / "cli.py", 1, line, True))


def test_every_path_of_the_command_line_is_read_written_or_given() -> None:
    paths = {option.name for command in HELPS.values() for option in command.params if option.type is PATH}
    assert paths <= READ | WRITTEN | GIVEN


def test_a_block_with_options_is_a_block_of_commands() -> None:
    """A program that is misspelt is no reason to take its command for something else."""
    for page in PAGES:
        for block in blocks_of(page.read_text()) if page.suffix == ".md" else []:
            first = block.text.split()[0]
            assert block.language or is_shell(block) == (first in ("$", *OWN, *OUTSIDE) or first.startswith("TLS=")), (
                f"{page}:{block.line}: {first}"
            )
    found = [command for page in PAGES for command in commands_of(page)]
    assert sum(command.whole for command in found) > 40
    assert len(found) > 150
    assert {command.words[0] for command in found} == {*OWN, *OUTSIDE}, "no program of the list is one of no text"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("    backspike train --config digits --dataset digits --epoch 5 --out run", "No such option"),
        ("    backspike train --config digits --dataset digits", "Missing option '--out'"),
        ("    backspike train --config digit --dataset digits --out run", "'digit' is neither a preset"),
        ("    backspike build --board icebraker --config digits --out run", "'icebraker'"),
        ("    backspike experiment run mnits", "there is no experiment mnits"),
        ("    backspke presets --json", "backspke is no program"),
        ("`backspike generate --wrapper axi|wishbon`", "'wishbon' is not one of"),
        ("`backspike host train`, `… --simulat`", "No such option"),
        ("`backspike compare … --gates ice41`", "ice41"),
        ("`make tests`", "the Makefile has no tests"),
        ("`pip install .[simulation]`", "there is no extra simulation"),
        ("`python bench/nothing.py`", "there is no bench/nothing.py"),
        ("`python bench/work.py --nothing`", "No such option"),
    ],
)
def test_a_wrong_command_is_told_with_its_place(line: str, sentence: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tests.documents.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{line}\n")
    with pytest.raises(pytest.fail.Exception, match=f"page.md:3: .*{re.escape(sentence)}"):
        list(map(checked, commands_of(page)))


def test_a_file_that_nothing_makes_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tests.documents.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("\n    backspike evaluate --checkpoint made.npz --dataset digits\n")
    with pytest.raises(AssertionError, match=r"page.md:2: .*: nothing on the page makes made.npz"):
        test_commands_are_what_their_programs_take(page)


def test_a_shell_completes_after_what_the_reference_says() -> None:
    (line,) = [found.text for page in PAGES for found in commands_of(page) if found.words[0] == "eval"]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/"}
    command = ["bash", "-c", f"{line}; complete -p backspike"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert said.strip().endswith("backspike")


def stop_before_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def reach(*_: object, **__: object) -> NoReturn:
        raise Reached

    for places in WORK.values():
        for place in places:
            monkeypatch.setattr(place, reach)


def type_block(command: Command, text: str) -> None:
    """Run a whole command, or go up to its work."""
    names, given = checked(command)
    assert names, f"{command}: no command that a page tells to type"
    for path in paths_read(given):
        make = BROUGHT.get(path)
        if make and not Path(path).exists():
            make(Path(path))
    if not all(Path(path).exists() for path in paths_read(given)) or any(map(_PLACEHOLDER.search, command.words)):
        return  # made by what was not done, a bitstream, say, or left to the reader
    parts = (" ".join(names[:count]) for count in range(len(names), 0, -1))
    found = next((part for part in parts if part in RUN or part in WORK), None)
    assert found, f"{command}: neither run nor left out"
    if found in RUN:
        assert main(command.words[1:]) == 0, str(command)
    else:
        with pytest.raises(Reached):
            pytest.fail(f"{command}: exit status {main(command.words[1:])}")


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.suffix == ".md" and any(found.whole for found in commands_of(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_commands_of_a_page_can_be_typed(page: Path, tmp_path: Path, monkeypatch) -> None:
    """One after the other, in an empty folder, with what stands between them: programs and configurations."""
    monkeypatch.chdir(tmp_path)
    stop_before_work(monkeypatch)
    Path("experiments").symlink_to(ROOT / "experiments")
    text = page.read_text()
    typed = {command.line: command for command in commands_of(page) if command.whole}
    for block in blocks_of(text):
        saved = re.search(r"`(\S+)`[^`]*$", "\n".join(text.splitlines()[: block.line - 1]))
        if saved and saved[1].endswith(".toml") and "layers" in block.text:
            Path(saved[1]).write_text(block.text)
        elif "np.savez(" in block.text and "sklearn" in block.text:
            exec(compile(block.text, str(page), "exec"), {})
        for line in range(block.line, block.line + block.text.count("\n") + 1):
            if line in typed and typed[line].words[0] == "backspike":
                type_block(typed[line], text)
