"""``backspike estimate``: area and speed before synthesis."""

from __future__ import annotations

import click

from backspike.config import load_config

from .options import board_option, config_option, speed_option

__all__ = ["estimate"]


@click.command()
@config_option
@board_option("One of the boards; when left out, all whose family the model knows.")
@speed_option
def estimate(config_name: str, board_name: str | None, dataset_name: str | None) -> None:
    """Estimate what a network and its host link take on a board, before synthesis, and how fast it trains.

    A model fitted to netlists of small networks; presets have the settings with which they fit the board. Takes a few
    seconds per board, half a minute for networks of hundreds of lanes. The speed is that of a training on record; where
    there is none of this network, it is unknown.
    """
    from backspike.fpga.boards import BOARDS, find_board
    from backspike.fpga.estimate import estimate as run_estimate
    from backspike.fpga.estimate import families
    from backspike.fpga.throughput import UnknownWorkError, Work, cycles_per_sample, find_work

    known = families()
    work: Work | UnknownWorkError
    try:
        work = find_work(load_config(config_name), dataset_name)
    except UnknownWorkError as error:
        work = error
    boards = [find_board(board_name)] if board_name else [b for b in BOARDS.values() if b.family.name in known]
    for board in boards:
        config = board.load_config(config_name)
        found = run_estimate(config, board)
        has = board.capacity
        speed = "unknown"
        if isinstance(work, Work):
            speed = f"{board.clock * 1e6 / cycles_per_sample(config, work):,.0f}"
        fits = "fits" if found.fits(board) else "does not fit"
        single = (
            f"single-port RAMs {found.single_port_rams} of {has.single_port_rams}, " if has.single_port_rams else ""
        )
        click.echo(
            f"{board.name:<11} LUTs {found.luts:,}, flip-flops {found.flip_flops:,}, "
            f"logic cells {found.logic_cells:,} of {has.logic_cells:,}, "
            f"block RAMs {found.block_rams} of {has.block_rams}, {single}training samples/s {speed}, {fits}"
        )
    if isinstance(work, Work):
        click.echo(f"training samples/s as in the training on record: {work}")
    else:
        click.echo(f"training samples/s are unknown, because {work}")
