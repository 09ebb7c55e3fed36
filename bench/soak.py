"""Random configurations, Verilog against golden model: every sample's result, and states and counters in the end.

    python bench/soak.py --count 200

Folds, banks, depths and all other values are drawn from all that is allowed; samples come back to back, some learned
and some not, in every other configuration with random stalls on all streams. Prints each configuration that differs
and ends with status 1 if there is one.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import click
import numpy as np
from tqdm import tqdm

from backspike.datasets import load_dataset
from backspike.sim.compare import compare_native, schedule_of
from backspike.sim.exercise import random_config

SAMPLES = 64
LEARNED = 14
"""Of 20 samples in a row."""

INTERVAL = 9
STALLS = 0.3


def check(seed: int) -> str:
    """Compare one configuration; return its first mismatch, empty if there is none."""
    config = random_config(seed)
    schedule = schedule_of(config, load_dataset("random", config, seed), SAMPLES, seed)
    schedule = replace(schedule, learn=np.arange(SAMPLES) % 20 < LEARNED)
    stalls = STALLS if seed % 2 else 0.0
    return compare_native(config, schedule, interval=INTERVAL, seed=seed, stalls=stalls, optimise=False).mismatch


@click.command()
@click.option("--first", type=click.IntRange(1), default=1, show_default=True, help="First seed.")
@click.option("--count", type=click.IntRange(1), default=200, show_default=True, help="Configurations.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
def main(first: int, count: int, jobs: int) -> None:
    """Compare many random configurations."""
    seeds = range(first, first + count)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="backspike-soak-") as cache:
        # Nobody needs these builds again.
        os.environ["BACKSPIKE_CACHE"] = cache
        with ProcessPoolExecutor(jobs) as pool, tqdm(total=count, unit=" configurations", disable=None) as bar:
            for seed, mismatch in zip(seeds, pool.map(check, seeds), strict=True):
                bar.update()
                if mismatch:
                    failed += 1
                    bar.write(f"mismatch with {random_config(seed)} (seed {seed}): {mismatch}")
    click.echo(f"{count} random configurations from seed {first}, {SAMPLES} samples each: {failed} mismatches")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
