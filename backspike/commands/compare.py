"""``backspike compare``: golden model against Verilog."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from backspike.config import load_config
from backspike.errors import BackspikeError
from backspike.progress import progress_bar

from .options import (
    PATH,
    Known,
    answering,
    chosen_seed,
    comparison_found,
    config_option,
    data_dir_option,
    dataset_option,
    examples,
    load_schedule,
    seed_option,
    setting_option,
    tell_comparison,
)

__all__ = ["compare"]


def _families() -> Iterable[str]:
    from backspike.sim.gates import FAMILIES

    return FAMILIES


@click.command(
    epilog=examples(
        "backspike compare --config digits --dataset digits --samples 100",
        "backspike compare --config tiny --dataset random --samples 5 --simulator icarus --waves wave.fst",
        "backspike compare --config digits --dataset digits --inference --checkpoint run/checkpoint.npz",
        "backspike compare --config mnist-ecp5 --dataset mnist --samples 2000 --native",
    )
)
@config_option
@dataset_option
@setting_option
@data_dir_option
@click.option("--samples", type=click.IntRange(1), default=20, show_default=True, help="Samples to show.")
@seed_option
@click.option("--simulator", type=click.Choice(["verilator", "icarus"]), default="verilator", show_default=True)
@click.option("--inference", is_flag=True, help="Show samples for testing, learning off.")
@click.option("--checkpoint", type=PATH, help="Start from the weights of a training.")
@click.option("--waves", type=PATH, help="Write a waveform to this .fst file, and save files for viewers.")
@click.option("--native", is_flag=True, help="Simulate natively: results of every sample, states now and then.")
@click.option(
    "--interval", type=click.IntRange(1), default=256, show_default=True, help="With --native, samples between states."
)
@click.option(
    "--gates",
    type=Known(_families),
    metavar="FAMILY",
    help="With --native, simulate the netlist that synthesis makes for ice40, ecp5 ...: results, weights and counters.",
)
@answering(tell_comparison)
def compare(
    config_name: str,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    samples: int,
    seed: int | None,
    simulator: str,
    inference: bool,
    checkpoint: Path | None,
    waves: Path | None,
    native: bool,
    interval: int,
    gates: str | None,
) -> dict[str, Any]:
    """Show the same samples to golden model and Verilog, and compare every state.

    Prints how much was compared and "0 mismatches", or the first mismatch with its place. The seed decides split,
    initial weights, LFSRs and stalls.

    A waveform comes with save files that have its signals in groups, layer by layer: a .gtkw for GTKWave (gtkwave
    wave.gtkw), and a command file for Surfer (surfer --command-file wave.sucl wave.fst).
    """
    from backspike.sim.compare import advance, compare_native
    from backspike.sim.compare import compare as run_comparison
    from backspike.sim.gates import models_of

    if native and (waves or simulator != "verilator"):
        raise BackspikeError("--native needs Verilator and writes no waveform; leave out --simulator and --waves")
    if gates is not None:
        models_of(gates)
        if not native:
            raise BackspikeError("--gates simulates natively; add --native")
    config = load_config(config_name)
    seed = chosen_seed(config, seed)
    schedule = load_schedule(config, dataset_name, samples, seed, inference, checkpoint, settings, data_dir)
    with progress_bar(samples, "samples", f"comparing {config.name}") as bar:
        progress = advance(bar)
        if native:
            simulator = f"verilator, native, netlist for {gates}" if gates else "verilator, native"
            # A netlist takes long to compile, and few samples to compare.
            result = compare_native(
                config,
                schedule,
                interval=interval,
                seed=seed,
                optimise=gates is None,
                gates=gates,
                progress=progress,
            )
        else:
            result = run_comparison(config, schedule, simulator=simulator, seed=seed, waves=waves, progress=progress)
    return comparison_found(
        result, network=config.name, samples=samples, dataset=dataset_name, seed=seed, simulator=simulator
    )
