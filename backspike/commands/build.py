"""``backspike build``: the bitstream of a network and its host link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import (
    PATH,
    Number,
    baud_option,
    board_option,
    config_option,
    examples,
    out_option,
    sample_memory_option,
    speed_option,
    told,
    trained_weights,
    usb_option,
)

__all__ = ["build"]


@click.command(
    epilog=examples(
        "backspike build --board icebreaker --config digits --out build/digits",
        "backspike build --board ulx3s-25f --config digits --checkpoint run/checkpoint.npz --out build/trained",
        "backspike build --board ulx3s-85f --config mnist-ecp5 --sample-memory --out build/mnist",
        "backspike build --board ulx3s-25f --config digits --usb --out build/usb",
    )
)
@board_option("Such as icebreaker; see docs/boards.md.", required=True)
@config_option
@click.option(
    "--seed", type=click.IntRange(0, 2_000_000_000), default=1, show_default=True, help="First seed of the placement."
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    help="How many seeds to try, and take the best; when left out, up to 5 until one meets the timing.",
)
@click.option("--clock", type=Number(1, 400), metavar="MHZ", help="The board's own when left out.")
@click.option("--fastest", is_flag=True, help="Build again for the fastest clock that closes with a margin.")
@baud_option
@usb_option
@sample_memory_option(
    "A memory for samples, which the device then plays itself: the board's SDRAM, or KIB of the device's own RAM, a "
    "power of two."
)
@click.option("--checkpoint", type=PATH, help="A training whose weights the device has at power-up.")
@speed_option
@out_option
def build(
    board_name: str,
    config_name: str,
    seed: int,
    seeds: int | None,
    clock: float | None,
    fastest: bool,
    baud: int | None,
    usb: bool,
    sample_memory: Any,
    checkpoint: Path | None,
    dataset_name: str | None,
    out: Path,
) -> None:
    """Build a network and its host link for a board: bitstream and report.

    Steps that were done before, with the same inputs and tools, are taken from a cache.
    """
    from backspike.fpga.boards import find_board
    from backspike.fpga.build import build as run_build

    config = told(find_board(board_name).load_config(config_name))
    weights = trained_weights(checkpoint, config) if checkpoint else None
    run_build(
        board_name,
        config,
        out,
        click.echo,
        seed=seed,
        seeds=seeds,
        clock=clock,
        fastest=fastest,
        baud=baud,
        usb=usb,
        dataset=dataset_name,
        weights=weights,
        sample_memory=sample_memory,
    )
