"""The commands in the project's texts: where each stands, and what its words are.

A text is a page in Markdown, or the words at the head of a Makefile or an example. A command in a block of code is
whole, and one between backquotes may be shortened: by ``…``, by words in capitals for what a reader has, and by ``… X``
for what the command before it may be followed by.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backspike.toml import tomllib

ROOT = Path(__file__).parents[1]
PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "PACKAGE.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md", "Makefile")
    ),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.py")),
]

OUTSIDE = {
    "apt-get": "installs programs of the system",
    "dask": "starts a cluster",
    "git": "says what there is in the clone that it is typed in",
    "ls": "lists the ports of a machine with a board",
    "openFPGALoader": "writes to a board; the words are compared with `backspike flash` in tests/fpga/test_load.py",
    "quartus_sh": "the vendor's",
    "sudo": "changes the machine",
    "vivado": "the vendor's",
    "fusesoc": "run in tests/hdl/test_package.py",
    "gtkwave": "opens a window; its save file is read in tests/sim/test_views.py",
    "surfer": "opens a window; its command file is read in tests/sim/test_views.py",
}
"""Programs of others, and why what the texts have them do is not done here."""

OWN = ("backspike", "make", "pip", "python", "eval")
"""Programs whose commands are looked at."""


@dataclass(frozen=True)
class Command:
    """A command as a text has it.

    Parameters
    ----------
    page : Path
    line : int
        From 1.
    text : str
    whole : bool
        Whether it can be typed as it is.
    """

    page: Path
    line: int
    text: str
    whole: bool

    @property
    def words(self) -> list[str]:
        """Its words, without the folder of the program."""
        words = shlex.split(self.text, comments=True)
        return [words[0].rpartition("/")[2], *words[1:]] if words else []

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Block:
    """A block of code: indented, or between fences.

    Parameters
    ----------
    line : int
        Its first one, from 1.
    text : str
    language : str
        What its fence says, if it says anything.
    """

    line: int
    text: str
    language: str


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of code of a page."""
    found: list[Block] = []
    lines: list[str] = []
    start, fence, before = 0, None, ""

    def close(language: str) -> None:
        if any(lines):
            found.append(Block(start, "\n".join(lines).rstrip(), language))
        lines.clear()

    for number, line in enumerate(text.splitlines(), start=1):
        marks = re.match(r" *```(.*)$", line)
        if marks:
            close(fence or "")
            fence = None if fence is not None else marks[1].strip()
            start = number + 1
        elif fence is not None:
            lines.append(line)
        elif line.startswith("    ") and (lines or not before.strip()):
            start = start if lines else number
            lines.append(line[4:])
        elif lines and not line.strip():
            lines.append("")
        else:
            close("")
        before = line
    close("")
    return found


def is_shell(block: Block) -> bool:
    """Whether a block has commands: it says so, begins with a program, or has options in what is no other language."""
    if block.language:
        return block.language in ("sh", "shell", "bash", "console")
    first = re.match(r"(?:\$ )?(?:\S*/)?(\S+)", block.text)
    if first and first[1] in (*OWN, *OUTSIDE):
        return True
    if not re.search(r"(?m)^\S.* --[a-z][a-z-]*(?:[ =]|$)", block.text):
        return False
    for read in (ast.parse, tomllib.loads):
        try:
            read(block.text)
        except (SyntaxError, ValueError):
            continue
        return False
    return True


def _typed(block: Block) -> Iterator[tuple[int, str]]:
    """Return line and text of each command in a block: all lines, or, if some have a prompt, those."""
    lines = block.text.splitlines()
    prompted = any(line.startswith("$ ") for line in lines)
    variables: dict[str, str] = {}
    joined, start = "", 0
    for number, line in enumerate(lines, start=block.line):
        if prompted and not line.startswith("$ "):
            continue
        start = start if joined else number
        joined += line.removeprefix("$ ")
        if joined.endswith("\\"):
            joined = joined.removesuffix("\\")
            continue
        assigned = re.fullmatch(r"([A-Z]+)=\"(.*)\"", joined)
        if assigned:
            variables[assigned[1]] = assigned[2]
        elif joined.strip():
            for name, value in variables.items():
                joined = joined.replace(f"${name}", value)
            yield start, joined
        joined = ""


def _spans(text: str) -> Iterator[tuple[int, str]]:
    """Return line and text of what stands between backquotes and can be a command."""
    before = ""
    for span in re.finditer(r"`([^`]+)`", text):
        words = " ".join(span[1].split())
        program = words.split(" ")[0]
        line = text.count("\n", 0, span.start()) + 1
        if program == "…":
            yield line, words.replace("…", before, 1)
        elif program in (*OWN, *OUTSIDE) and " " in words:
            before = re.match(r"\S+(?: [a-z]+(?= |$))*", words)[0]
            yield line, words


def commands_of(page: Path) -> list[Command]:
    """Return the commands of a text, in its order.

    Commands that are joined by ``&&`` or ``|`` are several.
    """
    text = page.read_text()
    if page.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    elif page.suffix != ".md":
        text = re.sub(r"(?m)^(?!# ).*$", "", text)
        return [
            Command(page, number, made[1], False)
            for number, line in enumerate(text.splitlines(), start=1)
            if (made := re.match(r"# {3}(make \S+)", line))
        ]
    lines = text.splitlines()
    found = []
    for block in blocks_of(text):
        count = block.text.count("\n") + 1
        lines[block.line - 1 : block.line - 1 + count] = [""] * count
        if is_shell(block):
            found += [(line, typed, True) for line, typed in _typed(block)]
    prose = re.sub(r"(?m)^ *```.*$", "", "\n".join(lines))
    found += [(line, words, False) for line, words in _spans(prose)]
    return [
        Command(page, line, part.strip().removesuffix(" &"), whole)
        for line, words, whole in sorted(found)
        for part in re.split(r"&&|(?<=[^ ] )\|(?= )", words)
    ]
