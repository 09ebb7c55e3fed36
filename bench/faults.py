"""Damaged frames on the host link of a simulated board: none may be taken, hang the device, or change a weight.

    python bench/faults.py --frames 100000

Bits flipped, bytes lost, doubled or foreign, frames cut short, too long or out of order; each would change weights,
train or reset the network if it were taken. Every few hundred frames what the link has counted is compared with what
docs/host_link.md demands; in the end all weights are read back, and the network trains beside the golden model. Ends
with status 1 if anything differs.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random

import click
import numpy as np
from tqdm import tqdm

from backspike.config import load_config
from backspike.datasets import load_dataset
from backspike.errors import BackspikeError
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.link import LinkEvent
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.compare import schedule_of
from backspike.sim.exercise import lively_weights
from backspike.sim.faults import inject
from backspike.training.device import compare_device
from backspike.training.differences import weight_difference

BATCH = 500
SAMPLES = 100


@click.command()
@click.option("--frames", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--config", "name", default="tiny", show_default=True)
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
def main(frames: int, name: str, seed: int) -> None:
    """Send damaged frames."""
    config, random = load_config(name), Random(seed)
    kinds: Counter[str] = Counter()
    counted: Counter[LinkEvent] = Counter()
    with SimulatedBoard(config) as board, tqdm(total=frames, unit=" frames", disable=None) as bar:
        device, weights = Device(SerialTransport(DirectLine(board)), config), lively_weights(config, seed)
        device.write_weights(weights)
        begin, clocks = time.perf_counter(), board.clocks
        try:
            for start in range(0, frames, BATCH):
                count = min(BATCH, frames - start)
                drawn, refused = inject(board, device, random, count)
                kinds, counted = kinds + drawn, counted + refused
                bar.update(count)
        except BackspikeError as error:
            raise click.ClickException(f"{error} (seed {seed})") from error
        seconds, clocks = time.perf_counter() - begin, board.clocks - clocks
        difference = weight_difference(weights, device.read_weights())
        schedule = schedule_of(config, load_dataset("random", config, seed), SAMPLES, seed)
        difference = difference or compare_device(device, schedule).mismatch
    click.echo(f"{frames:,} damaged frames: {_listing(kinds)}")
    click.echo(f"refused: {_listing(Counter({event.name.lower(): count for event, count in counted.items()}))}")
    click.echo(f"taken: 0; {clocks:,} cycles in {seconds:.0f} s, seed {seed}")
    if difference:
        raise click.ClickException(f"mismatch: {difference} (seed {seed})")
    click.echo(f"{np.sum([matrix.size for matrix in weights])} weights as before, then {SAMPLES} samples: 0 mismatches")


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


if __name__ == "__main__":
    main()
