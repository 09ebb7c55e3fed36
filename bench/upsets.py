"""Single bits of a simulated board that flip at random clocks: what is survived, what the host is told, what hangs.

    python bench/upsets.py --count 200

Each upset meets a board of its own that learns samples, gives its weights, and learns on. Prints a table of the parts
of the board, made for docs/verification.md. Ends with status 1 if a break does not bring a board back.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import click
from tqdm import tqdm

from backspike.sim.interruptions import INTERRUPTED
from backspike.sim.upsets import PARTS, Outcome, UpsetBench


@click.command()
@click.option("--count", type=click.IntRange(1), default=200, show_default=True, help="Upsets of each part.")
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
def main(count: int, seed: int) -> None:
    """Upset a board."""
    bench, random, lost = UpsetBench(INTERRUPTED, seed), Random(seed), []
    click.echo(f"| part | bits | {' | '.join(outcome.value for outcome in Outcome)} | lasting |")
    click.echo("|---" * (len(Outcome) + 3) + "|")
    for part in PARTS:
        upsets = list(tqdm(bench.upsets(part, random, count), part, count, leave=False, disable=None))
        found = Counter(upset.outcome for upset in upsets)
        lost += [upset for upset in upsets if upset.outcome is Outcome.LOST]
        bits = sum(register.size for register in bench.of_part(part))
        shares = [f"{100 * found[outcome] / count:.1f} %" if found[outcome] else "" for outcome in Outcome]
        lasting = sum(upset.lasting for upset in upsets)
        click.echo(
            f"| {part} | {bits:,} | {' | '.join(shares)} | {f'{100 * lasting / count:.1f} %' if lasting else ''} |"
        )
    click.echo(f"\n{count} upsets of each part, within {bench.clocks:,} cycles, seed {seed}")
    for upset in lost:
        raise click.ClickException(f"no break brings it back: {upset} (seed {seed})")


if __name__ == "__main__":
    main()
