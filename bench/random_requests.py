"""Frames with a right CRC and random contents, on a simulated board and on the golden model of one.

    python bench/random_requests.py --frames 300000

Requests of all kinds, and of none: odd lengths, lists and registers, labels that are no class, seeds and rates of any
value, resets and repetitions at any time. Every answer has to be the one that docs/host_link.md and the golden model
demand; every 1,000 requests all weights, those of lanes that are no unit included, and all counters are read and
compared. Ends with status 1 if anything differs.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random

import click
from tqdm import tqdm

from backspike.config import load_config
from backspike.errors import BackspikeError
from backspike.sim.board import SimulatedBoard
from backspike.sim.exercise import random_config
from backspike.sim.requests import Conversation

INTERVAL = 1000


@click.command()
@click.option("--frames", type=click.IntRange(1), default=300_000, show_default=True)
@click.option("--config", "name", default="tiny", show_default=True, help="Or the seed of a random configuration.")
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
def main(frames: int, name: str, seed: int) -> None:
    """Send random requests."""
    config, random = random_config(int(name)) if name.isdecimal() else load_config(name), Random(seed)
    try:
        with SimulatedBoard(config) as board, tqdm(total=frames, unit=" frames", disable=None) as bar:
            conversation = Conversation(board, config, random)
            begin, clocks = time.perf_counter(), board.clocks
            kinds, events = conversation.run(frames, INTERVAL, bar.update)
            seconds, clocks = time.perf_counter() - begin, board.clocks - clocks
    except BackspikeError as error:
        raise click.ClickException(f"{error} (seed {seed})") from error
    click.echo(f"{frames:,} frames: {_listing(kinds)}")
    click.echo(f"counted as {_listing(Counter({event.name.lower(): count for event, count in events.items()}))}")
    click.echo(f"{conversation.model.shown:,} samples shown, {conversation.comparisons} times all weights and counters")
    click.echo(f"{clocks:,} cycles in {seconds:.0f} s, {config.name}, seed {seed}: 0 mismatches")


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


if __name__ == "__main__":
    main()
