"""Writes the test vectors of docs/semantics.md, or says whether a file of them still is what the golden model computes.

    python bench/vectors.py
    python bench/vectors.py --check

Values that are no longer those of the file mean that bits have changed: then the semantics have a new version, and the
changelog says so. Networks that are added do not.
"""

from __future__ import annotations

from pathlib import Path

import click

from backspike.files import write_atomic
from backspike.training.vectors import as_text, make_vectors

VECTORS = Path(__file__).parents[1] / "docs" / "vectors.json"


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=VECTORS, help="File to write or check.")
@click.option("--check", is_flag=True, help="Write nothing; end with status 1 if the file has other vectors.")
def main(out: Path, check: bool) -> None:
    """Write or check the test vectors."""
    text = as_text(make_vectors())
    if not check:
        write_atomic(out, text.encode())
    elif out.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{out} has other vectors than the golden model")


if __name__ == "__main__":
    main()
