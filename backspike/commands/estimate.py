"""``backspike estimate``: area and speed before synthesis."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from backspike.config import load_config
from backspike.progress import progress_bar

from .options import answering, board_option, config_option, examples, speed_option

__all__ = ["estimate"]


def _tell(found: dict[str, Any]) -> None:
    for board in found["boards"]:
        has = board["capacity"]
        single = ""
        if has["single_port_rams"]:
            single = f"single-port RAMs {board['single_port_rams']} of {has['single_port_rams']}, "
        speed = board["training_samples_per_second"]
        click.echo(
            f"{board['board']:<11} LUTs {board['luts']:,}, flip-flops {board['flip_flops']:,}, "
            f"logic cells {board['logic_cells']:,} of {has['logic_cells']:,}, "
            f"block RAMs {board['block_rams']} of {has['block_rams']}, {single}"
            f"training samples/s {'unknown' if speed is None else f'{speed:,.0f}'}, "
            f"{'fits' if board['fits'] else 'does not fit'}"
        )
    if found["training"]:
        click.echo(f"training samples/s as in the training on record: {found['training']}")
    else:
        click.echo(f"training samples/s are unknown, because {found['unknown']}")


@click.command(
    epilog=examples(
        "backspike estimate --config mnist-up5k",
        "backspike estimate --config mine.toml --board icebreaker --json",
    )
)
@config_option
@board_option("One of the boards; when left out, all whose family the model knows.")
@speed_option
@answering(_tell)
def estimate(config_name: str, board_name: str | None, dataset_name: str | None) -> dict[str, Any]:
    """Estimate what a network and its host link take on a board, before synthesis, and how fast it trains.

    A model fitted to netlists; presets have the settings with which they fit the board. Takes a few seconds per board,
    half a minute for networks of hundreds of lanes. The speed is that of a training on record; where there is none of
    this network, it is unknown.
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
    found = []
    with progress_bar(len(boards), "boards", "estimating") as bar:
        for board in boards:
            config = board.load_config(config_name)
            estimated = run_estimate(config, board)
            speed = board.clock * 1e6 / cycles_per_sample(config, work) if isinstance(work, Work) else None
            found.append(
                {
                    "board": board.name,
                    **asdict(estimated),
                    "capacity": asdict(board.capacity),
                    "training_samples_per_second": speed,
                    "fits": estimated.fits(board),
                }
            )
            bar.update()
    known_work = isinstance(work, Work)
    return {
        "boards": found,
        "training": str(work) if known_work else "",
        "unknown": "" if known_work else str(work),
    }
