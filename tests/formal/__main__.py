"""`make formal`: all proofs with their broken twins, one after the other, and a table of them in build/formal/.

Names, or parts of them, choose some: ``python -m tests.formal lfsr cobs``. The folder then keeps what others have shown
before.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .catalogue import PROOFS
from .proof import SOLVER, Proof, missing_tool, prove

FOLDER = Path("build/formal")
HEAD = "| component | proven | method | seconds (CPU) | broken twin: clock, claim |\n|---|---|---|---|---|\n"


def row(proof: Proof, shown: dict[str, object]) -> str:
    """Return a proof's line of the table."""
    result = "" if shown["passed"] else "**fails**: "
    twin = f"{shown['twin_step']}, {shown['twin_broken']}" if shown["twin_step"] is not None else "**not found**"
    seconds = f"{shown['wall']:.0f} ({shown['cpu']:.0f})"
    return f"| {proof.component} | {result}{proof.claim} | {proof.method} | {seconds} | {twin} |\n"


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Run the proofs."""
    missing = missing_tool()
    if missing:
        raise click.ClickException(missing)
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / "proofs.json"
    results = json.loads(kept.read_text()) if names and kept.exists() else {}
    failed = []
    chosen = [proof for proof in PROOFS if not names or any(name in proof.name for name in names)]
    if not chosen:
        raise click.ClickException(f"no proof has {' or '.join(names)} in its name")
    for proof in chosen:
        outcome = prove(proof, FOLDER / proof.name)
        twin = prove(proof, FOLDER / f"{proof.name}-twin", twin=True)
        shown = {"passed": outcome.passed, "wall": outcome.wall, "cpu": outcome.cpu}
        shown |= {"twin_step": twin.step, "twin_broken": twin.broken, "twin_cpu": twin.cpu}
        results[proof.name] = shown
        good = outcome.passed and twin.step is not None
        if not good:
            failed.append(proof.name)
        verdict = "holds" if outcome.passed else f"FAILS in clock {outcome.step}: {outcome.broken}"
        said = f"twin fails in clock {twin.step}" if twin.step is not None else "TWIN DOES NOT FAIL"
        click.echo(f"{proof.name:24} {verdict}; {said}; {outcome.wall:.1f} s ({outcome.cpu:.1f} s of CPU)")
        kept.write_text(json.dumps(results, indent=1) + "\n")
    lines = [row(proof, results[proof.name]) for proof in PROOFS if proof.name in results]
    (FOLDER / "proofs.md").write_text(HEAD + "".join(lines))
    total = sum(result["cpu"] + result["twin_cpu"] for result in results.values())
    click.echo(f"{len(lines)} proofs by {SOLVER}, {total:.0f} s of CPU with their twins: {FOLDER / 'proofs.md'}")
    if failed:
        click.echo(f"not as it should be: {', '.join(failed)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
