"""The documentation: a site without a warning, and commands that the command line takes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from backspike.cli import commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# Placeholders of what a user has.
_OWN = re.compile(r"[….]{3}|…|NAME|FILE|CABLE|DIR")


def commands_of(page: Path) -> list[tuple[list[str], bool]]:
    """Return the words of each `backspike` command on a page, and whether it is whole: one in a block of code is."""
    found = []
    for line in page.read_text().splitlines():
        shown = re.match(r"^ {4}(?:\$ )?(?:\.venv/bin/)?(backspike .*)$", line)
        for text in [shown[1]] if shown else re.findall(r"`(backspike [^`]*)`", line):
            if not _OWN.search(text) and not text.endswith("\\"):
                found.append((shlex.split(text, comments=True)[1:], bool(shown)))
    return found


def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    """Links, tables of contents, docstrings and the command line's reference."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "dummy", "docs", str(tmp_path)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, "")


def test_there_are_commands_on_the_pages() -> None:
    assert sum(len(commands_of(page)) for page in PAGES) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_are_what_the_command_line_takes(page: Path) -> None:
    """Their options are there, and take such values; they are not run."""
    for words, whole in commands_of(page):
        command, left = commands, list(words)
        context = click.Context(command, info_name="backspike")
        try:
            while isinstance(command, click.Group) and left and not left[0].startswith("-"):
                _, command, left = command.resolve_command(context, left)
            command.make_context("backspike", left, parent=context)
        except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
            continue  # --help and --version end there
        except click.ClickException as error:
            if whole or not isinstance(error, click.MissingParameter):
                pytest.fail(f"backspike {shlex.join(words)}: {error.format_message()}")
