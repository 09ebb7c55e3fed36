"""``backspike flash``: a build into its board."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .options import PATH, examples

__all__ = ["flash"]


@click.command(
    epilog=examples(
        "backspike flash build/digits --to flash",
        "backspike flash build/mnist --dry-run",
        "backspike flash build/light --cable ft232RL",
    )
)
@click.argument("build", type=PATH)
@click.option(
    "--to",
    "target",
    type=click.Choice(["sram", "flash"]),
    help="The chip's SRAM, until its power goes, where the board can; or its flash, whose contents are overwritten.",
)
@click.option("--cable", metavar="NAME", help="JTAG cable as openFPGALoader calls it, for a board that has none.")
@click.option("--dry-run", is_flag=True, help="Print the command and do not run it.")
def flash(build: Path, target: str | None, cable: str | None, dry_run: bool) -> None:
    """Bring what `build` has left in the folder BUILD into its board, with openFPGALoader.

    Nothing that stays is overwritten unless --to flash says so. docs/bringup.md has what to connect, and what helps
    when it does not work.
    """
    from backspike.fpga.load import load_command, run_loader

    command = load_command(build, target, cable)
    click.echo(shlex.join(command))
    if not dry_run:
        run_loader(command)
