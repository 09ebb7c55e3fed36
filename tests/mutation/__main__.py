"""`make mutation`: the mutation score of each file of hdl/, and a table in docs/verification.md and build/mutation/.

Names of files, or parts of others, choose some: ``python -m tests.mutation cobs uart``. The folder then keeps what
others have shown before. ``--resume`` keeps the verdicts that are there, of a run that was stopped or wanted fewer
mutants; ``--survivors`` tries those again that have survived, after tests have become stricter.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import click

from backspike.files import write_atomic

from .catalogue import ROOT, files
from .measure import EFFECTIVE, Verdict, cpu_seconds, measure
from .mutants import find_mutants
from .trial import HDL

FOLDER = Path("build/mutation")
DOCUMENT = ROOT / "docs" / "verification.md"
SEED = 1
WANTED = 40
GOAL = 0.98
HEAD = """\
| file | mutants | tried | invalid | no effect | proven equal | argued equal | effective | killed by unit | by whole | \
survived | score |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def score(kinds: Counter[str]) -> float:
    """Return the share of the mutants with an effect that are killed."""
    effective = sum(kinds[kind] for kind in EFFECTIVE)
    return (effective - kinds["survived"]) / effective if effective else 1.0


def row(name: str, mutants: int, kinds: Counter[str]) -> str:
    """Return a line of the table."""
    effective = sum(kinds[kind] for kind in EFFECTIVE)
    counts = [kinds[kind] for kind in ("invalid", "unchanged", "proven", "argued")]
    counts += [effective, *(kinds[kind] for kind in EFFECTIVE)]
    shown = [name, mutants, sum(kinds.values()), *counts, f"{100 * score(kinds):.1f} %" if effective else "-"]
    return f"| {' | '.join(map(str, shown))} |\n"


def table(results: dict[str, list[dict[str, object]]]) -> str:
    """Return the table of all files that have results."""
    lines, total, all_kinds = [], 0, Counter[str]()
    for file in files():
        if file in results:
            mutants = sum(map(len, find_mutants(file, (HDL / file).read_text())))
            kinds = Counter(str(verdict["kind"]) for verdict in results[file])
            lines.append(row(file, mutants, kinds))
            total, all_kinds = total + mutants, all_kinds + kinds
    return HEAD + "".join(lines) + row("**all**", total, all_kinds)


def merged(old: str, new: str) -> str:
    """Return a table with the lines of a new one, and those of an old one about files that the new one has not."""
    lines = {line.split(" | ")[0][2:]: line for text in (old, new) for line in text.removeprefix(HEAD).splitlines()}
    lines = {file: lines[file] for file in files() if file in lines}
    mutants, kinds = 0, Counter[str]()
    for line in lines.values():
        counts = [int(cell) for cell in line.split(" | ")[1:11]]
        mutants += counts[0]
        kinds.update(dict(zip(("invalid", "unchanged", "proven", "argued"), counts[2:6], strict=True)))
        kinds.update(dict(zip(EFFECTIVE, counts[7:], strict=True)))
    return HEAD + "".join(f"{line}\n" for line in lines.values()) + row("**all**", mutants, kinds)


def publish(text: str) -> None:
    """Put the table into the documentation; lines of files that it has not stay there."""
    document = DOCUMENT.read_text()
    old = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")
    DOCUMENT.write_text(old.sub(lambda found: merged(found[0], text), document))


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seed", default=SEED, show_default=True, help="Of the order in which mutants are drawn.")
@click.option("--wanted", default=WANTED, show_default=True, help="Mutants with an effect, of each file.")
@click.option("--jobs", default=1, show_default=True, help="Processes at once.")
@click.option("--survivors", is_flag=True, help="Only those that survived before.")
@click.option("--resume", is_flag=True, help="Verdicts that are there stay; the mutants that have none are tried.")
@click.option("--change", "changes", multiple=True, help="Only this mutant, as results.json calls it.")
@click.option("--folder", default=FOLDER, show_default=True, type=click.Path(path_type=Path), help="Where results go.")
def main(
    names: tuple[str, ...],
    seed: int,
    wanted: int,
    jobs: int,
    survivors: bool,
    resume: bool,
    changes: tuple[str, ...],
    folder: Path,
) -> None:
    """Measure mutation scores."""
    parts = {name for name in names if name not in files()}
    chosen = [file for file in files() if not names or file in names or any(part in file for part in parts)]
    if not chosen:
        raise click.ClickException(f"no file of hdl/ has {' or '.join(names)} in its name")
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() and (names or survivors or resume or changes) else {}
    # Of files whose run was stopped: no score without those that only a whole can kill.
    stopped = folder / "stopped.json"
    begun = json.loads(stopped.read_text()) if stopped.exists() and resume else {}
    click.echo(f"seed {seed}, {wanted} mutants with an effect of each file")
    for file in chosen:
        before = cpu_seconds()
        old = results.get(file, []) if survivors or changes else []
        again = {*changes, *(str(verdict["change"]) for verdict in old if survivors and verdict["kind"] == "survived")}
        if survivors and not again:
            continue
        there = [Verdict(**verdict) for verdict in [*results.get(file, []), *begun.get(file, [])]] if resume else []
        known = {verdict.change: verdict for verdict in there if verdict.change not in again}
        begun[file] = []
        for verdict in measure(file, seed, wanted, jobs, again or None, known):
            begun[file].append(verdict.to_dict())
            write_atomic(stopped, json.dumps(begun).encode())
            if verdict.kind == "survived":
                click.echo(f"  {file}:{verdict.line} survived: {verdict.change}")
        results[file] = [verdict for verdict in old if verdict["change"] not in again] + begun.pop(file)
        write_atomic(kept, json.dumps(results, indent=1).encode() + b"\n")
        write_atomic(stopped, json.dumps(begun).encode())
        kinds = Counter(str(verdict["kind"]) for verdict in results[file])
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        click.echo(f"{file:26} {100 * score(kinds):5.1f} %: {counts}; {cpu_seconds() - before:.0f} s of CPU")
    text = table(results)
    (folder / "mutants.md").write_text(text)
    if folder == FOLDER:
        publish(text)
    click.echo(f"{cpu_seconds():.0f} s of CPU: {folder / 'mutants.md'}")
    failed = [
        file for file in chosen if score(Counter(str(verdict["kind"]) for verdict in results.get(file, []))) < GOAL
    ]
    if failed:
        click.echo(f"below {GOAL:.0%}: {', '.join(failed)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
