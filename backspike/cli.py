"""The command line: every command, its options, and errors as one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from tqdm import tqdm

from . import __version__
from .config import PRESETS, load_config
from .errors import BackspikeError

__all__ = ["commands", "main"]

FAILED = 1
"""Exit status of a command that ran and found a mismatch."""

REFUSED = 2
"""Exit status of bad input or a missing prerequisite."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""

_config_option = click.option(
    "--config", "config_name", required=True, metavar="NAME|FILE.toml", help="A preset, or a configuration file."
)
_dataset_option = click.option(
    "--dataset", "dataset_name", required=True, metavar="NAME", help="digits, mnist or random."
)
_seed_option = click.option("--seed", type=click.IntRange(1, 2**32 - 1), default=1, show_default=True)
_out_option = click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the results.")


# Commands import what they need when they run: `backspike --help` needs neither Amaranth nor scikit-learn.


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="backspike")
def commands() -> None:
    """Spiking networks that learn on chip: golden model, Verilog, and proof that both are equal."""


@commands.command()
def presets() -> None:
    """List the named configurations."""
    rows = [("name", "layers", "ticks", "weights", "rates", "lanes")]
    for name, config in PRESETS.items():
        rows.append(
            (
                name,
                "-".join(map(str, config.layers)),
                str(config.ticks),
                f"{config.weight_bits} bits, {config.weight_frac} of them fraction",
                ", ".join(f"{rate}/256" for rate in config.rates),
                ", ".join(map(str, config.lanes)),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@commands.command()
@_config_option
@_out_option
def generate(config_name: str, out: Path) -> None:
    """Write the Verilog of a network, and a JSON description of it."""
    from backspike.hdl.verilog import write_design

    for path in write_design(load_config(config_name), out):
        click.echo(path)


@commands.command()
@_config_option
@_dataset_option
@click.option("--epochs", type=click.IntRange(1, 10_000), default=20, show_default=True)
@_seed_option
@click.option("--engine", type=click.Choice(["fast", "numpy"]), default="fast", show_default=True)
@click.option("--resume", is_flag=True, help="Go on from what an interrupted training left in --out.")
@_out_option
def train(config_name: str, dataset_name: str, epochs: int, seed: int, engine: str, resume: bool, out: Path) -> None:
    """Train the golden model, beside a float network of the same layers.

    Writes checkpoint.npz, metrics.json and learning-curve.png. The seed decides everything: split, initial weights,
    random streams and order of samples. Engines differ in speed alone. Ctrl-C leaves a checkpoint to resume from.
    """
    from backspike.datasets import load_dataset
    from backspike.model.training import train as run_training

    config = load_config(config_name)
    run_training(config, load_dataset(dataset_name, config, seed), epochs, seed, out, click.echo, engine, resume)
    click.echo(f"written to {out}: checkpoint.npz, metrics.json, learning-curve.png")


@commands.command()
@_config_option
@_dataset_option
@click.option("--samples", type=click.IntRange(1), default=20, show_default=True, help="Samples to show.")
@_seed_option
@click.option("--simulator", type=click.Choice(["verilator", "icarus"]), default="verilator", show_default=True)
@click.option("--inference", is_flag=True, help="Show samples for testing, learning off.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Start from the weights of a training.")
@click.option("--waves", type=click.Path(path_type=Path), help="Write a waveform to this .fst file.")
def compare(
    config_name: str,
    dataset_name: str,
    samples: int,
    seed: int,
    simulator: str,
    inference: bool,
    checkpoint: Path | None,
    waves: Path | None,
) -> int:
    """Show the same samples to golden model and Verilog, and compare every state.

    Prints how much was compared and "0 mismatches", or the first mismatch with its place. The seed decides split,
    initial weights, random streams and stalls.
    """
    from backspike.datasets import load_dataset
    from backspike.model.checkpoint import Checkpoint
    from backspike.sim.compare import advance, schedule_of
    from backspike.sim.compare import compare as run_comparison

    config = load_config(config_name)
    weights = None
    if checkpoint:
        trained = Checkpoint.load(checkpoint)
        trained.require(config)
        weights = trained.weights
    schedule = schedule_of(config, load_dataset(dataset_name, config, seed), samples, seed, inference, weights)
    with tqdm(total=samples, unit=" samples", leave=False, disable=None) as bar:
        result = run_comparison(config, schedule, simulator=simulator, seed=seed, waves=waves, progress=advance(bar))
    if result.mismatch:
        click.echo(f"mismatch: {result.mismatch}")
        return FAILED
    compared = ", ".join(f"{count:,} {kind}" for kind, count in result.compared.items())
    click.echo(f"{config.name}, {samples} samples of {dataset_name}, seed {seed}, {simulator}: {compared}")
    click.echo("0 mismatches")
    return 0


@commands.command()
@_out_option
def demo(out: Path) -> None:
    """Train the digits in RTL simulation, beside the golden model.

    Leaves Verilog, a waveform of one sample, a learning curve and summary.json.
    """
    from backspike.sim.demo import demo as run_demo

    if not run_demo(out, click.echo):
        click.get_current_context().exit(FAILED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 for success, 1 for a mismatch, 2 for bad input or a missing prerequisite, 130 after Ctrl-C. Errors are one
    sentence on the standard error stream.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of this process when left out.
    """
    try:
        status = commands.main(arguments, prog_name="backspike", standalone_mode=False)
    except BackspikeError as error:
        click.echo(f"error: {error}", err=True)
        return REFUSED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return REFUSED
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        return REFUSED
    except click.Abort:
        click.echo("error: interrupted; finished files are whole, others were not written", err=True)
        return INTERRUPTED
    return status if isinstance(status, int) else 0
