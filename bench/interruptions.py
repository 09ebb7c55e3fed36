"""A simulated board that is interrupted at thousands of random clocks: no weight may be lost, nothing may hang.

    python bench/interruptions.py --moments 2000

Samples are being learned, or weights written, when all is reset, a HELLO comes, or the host goes away and another one
comes. Each time all weights are read and must be those of the golden model between two ticks, or the first of the new
ones; then the device must learn on as the model does from there. Ends with status 1 if anything differs.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random

import click
from tqdm import trange

from backspike.errors import BackspikeError
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.exercise import lively_weights
from backspike.sim.interruptions import INTERRUPTED, KINDS, interrupt

DONE = ("nothing", "part", "all")


@click.command()
@click.option("--moments", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
def main(moments: int, seed: int) -> None:
    """Interrupt a board."""
    random, found, weights = Random(seed), Counter[tuple[str, str, str]](), lively_weights(INTERRUPTED, seed)
    begin = time.perf_counter()
    with SimulatedBoard(INTERRUPTED) as board:
        Device(SerialTransport(DirectLine(board)), INTERRUPTED).write_weights(weights)
        for moment in trange(moments, unit=" moments", disable=None):
            try:
                interruption, weights = interrupt(board, INTERRUPTED, weights, random)
            except BackspikeError as error:
                raise click.ClickException(f"moment {moment}: {error} (seed {seed})") from error
            found[interruption.kind, interruption.request.name, interruption.done] += 1
        clocks = board.clocks
    click.echo("| interruption | of | nothing done | a part | all |\n|---|---|---|---|---|")
    for kind in KINDS:
        for request in ("SAMPLES", "WRITE"):
            counts = [found[kind, request, done] for done in DONE]
            if any(counts):
                click.echo(f"| {kind} | `{request}` | {' | '.join(f'{count:,}' for count in counts)} |")
    seconds = time.perf_counter() - begin
    click.echo(f"\n{moments:,} moments, {clocks:,} cycles in {seconds:.0f} s, seed {seed}: 0 mismatches")


if __name__ == "__main__":
    main()
