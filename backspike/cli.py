"""The command line: every command, its options, and errors as one sentence."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .cache_cli import cache
from .config import PRESETS, NetworkConfig, load_config
from .console import show_log
from .errors import BackspikeError, BackspikeWarning
from .host_cli import host
from .interrupts import Terminated, raised_terminations
from .options import (
    FAILED,
    advising_resumption,
    baud_option,
    chosen_seed,
    config_option,
    data_dir_option,
    dataset_option,
    force_option,
    load_schedule,
    out_option,
    seed_option,
    setting_option,
    tell_comparison,
)
from .progress import announced, progress_bar

if TYPE_CHECKING:
    from backspike.datasets import Loader

__all__ = ["commands", "main"]

REFUSED = 2
"""Exit status of bad input or a missing prerequisite."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""

CLOSED = 141
"""Exit status when the reader of a pipe has gone, as shells have it (128 + SIGPIPE)."""

WHOLE = "finished files are whole, others were not written"
"""What an interruption leaves."""

# Commands import what they need when they run: `backspike --help` needs neither Amaranth nor scikit-learn.


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="backspike")
def commands() -> None:
    """Spiking networks that learn on chip: golden model, Verilog, and proof that both are equal."""


commands.add_command(host)
commands.add_command(cache)


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
@config_option
@out_option
def generate(config_name: str, out: Path) -> None:
    """Write the Verilog of a network, and a JSON description of it."""
    from backspike.hdl.verilog import write_design

    for path in write_design(_told(load_config(config_name)), out):
        click.echo(path)


_work_option = click.option(
    "--dataset",
    "dataset_name",
    metavar="NAME",
    help="For the speed, the dataset of the training; needed where trainings on several are on record.",
)


@commands.command("build")
@click.option("--board", "board_name", required=True, metavar="NAME", help="Such as icebreaker; see docs/boards.md.")
@config_option
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="First seed of the placement.")
@click.option("--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="How many seeds to try.")
@click.option("--clock", type=click.FloatRange(1, 400), metavar="MHZ", help="The board's own when left out.")
@click.option("--fastest", is_flag=True, help="Build again for the fastest clock that closes with a margin.")
@baud_option
@_work_option
@out_option
def build_bitstream(
    board_name: str,
    config_name: str,
    seed: int,
    seeds: int,
    clock: float | None,
    fastest: bool,
    baud: int | None,
    dataset_name: str | None,
    out: Path,
) -> None:
    """Build a network and its host link for a board: bitstream and report.

    Steps that were done before, with the same inputs and tools, are taken from a cache.
    """
    from backspike.fpga.boards import find_board
    from backspike.fpga.build import build

    config = _told(find_board(board_name).load_config(config_name))
    build(
        board_name,
        config,
        out,
        click.echo,
        seed=seed,
        seeds=seeds,
        clock=clock,
        fastest=fastest,
        baud=baud,
        dataset=dataset_name,
    )


@commands.command()
@config_option
@dataset_option
@setting_option
@data_dir_option
@click.option("--epochs", type=click.IntRange(1, 10_000), default=20, show_default=True)
@seed_option
@click.option(
    "--engine",
    type=click.Choice(["fast", "numpy", "rtl"]),
    default="fast",
    show_default=True,
    help="Golden model, compiled or in NumPy, or the Verilog in simulation.",
)
@click.option("--resume", is_flag=True, help="Go on with the training that is in --out.")
@force_option
@out_option
def train(
    config_name: str,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    epochs: int,
    seed: int | None,
    engine: str,
    resume: bool,
    force: bool,
    out: Path,
) -> None:
    """Train the golden model, beside a float network of the same layers.

    Writes checkpoint.npz, metrics.json and learning-curve.png. The seed decides everything: split, initial weights,
    random streams and order of samples. Engines differ in speed alone. Ctrl-C leaves a checkpoint, from which the same
    command with --resume goes on; so it does for more --epochs.
    """
    from backspike.datasets import load_dataset
    from backspike.model.training import train as run_training

    config = _told(load_config(config_name))
    seed = chosen_seed(config, seed)
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, seed, settings, data_dir)
    with advising_resumption("the same command with --resume goes on from there"):
        run_training(config, dataset, epochs, seed, out, click.echo, engine, resume, force=force)
    click.echo(f"written to {out}: checkpoint.npz, metrics.json, learning-curve.png")


@commands.command()
@config_option
@dataset_option
@setting_option
@data_dir_option
@click.option("--samples", type=click.IntRange(1), default=20, show_default=True, help="Samples to show.")
@seed_option
@click.option("--simulator", type=click.Choice(["verilator", "icarus"]), default="verilator", show_default=True)
@click.option("--inference", is_flag=True, help="Show samples for testing, learning off.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Start from the weights of a training.")
@click.option("--waves", type=click.Path(path_type=Path), help="Write a waveform to this .fst file.")
@click.option("--fast", is_flag=True, help="Simulate natively: results of every sample, states now and then.")
@click.option(
    "--interval", type=click.IntRange(1), default=256, show_default=True, help="With --fast, samples between states."
)
@click.option(
    "--gates",
    type=click.Choice(["ice40", "ecp5"]),
    help="With --fast, simulate the netlist that synthesis makes for this family: results, weights and counters.",
)
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
    fast: bool,
    interval: int,
    gates: str | None,
) -> int:
    """Show the same samples to golden model and Verilog, and compare every state.

    Prints how much was compared and "0 mismatches", or the first mismatch with its place. The seed decides split,
    initial weights, random streams and stalls.
    """
    from backspike.sim.compare import advance, compare_fast
    from backspike.sim.compare import compare as run_comparison

    if fast and (waves or simulator != "verilator"):
        raise BackspikeError("--fast needs Verilator and writes no waveform; leave out --simulator and --waves")
    if gates and not fast:
        raise BackspikeError("--gates simulates natively; add --fast")
    config = load_config(config_name)
    seed = chosen_seed(config, seed)
    schedule = load_schedule(config, dataset_name, samples, seed, inference, checkpoint, settings, data_dir)
    with progress_bar(samples, "samples", f"comparing {config.name}") as bar:
        progress = advance(bar)
        if fast:
            simulator = f"verilator, native, netlist for {gates}" if gates else "verilator, native"
            # A netlist takes long to compile, and few samples to compare.
            result = compare_fast(
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
    return tell_comparison(result, f"{config.name}, {samples} samples of {dataset_name}, seed {seed}, {simulator}")


@commands.command()
@config_option
@click.option(
    "--board", "board_name", metavar="NAME", help="One of the boards; when left out, all whose family the model knows."
)
@_work_option
def estimate(config_name: str, board_name: str | None, dataset_name: str | None) -> None:
    """Estimate what a network with its host link takes on a board, before synthesis, and how fast it trains.

    A model fitted to netlists of small networks; presets have the settings with which they fit the board. Takes a few
    seconds a board, half a minute for networks of hundreds of lanes. The speed is that of a training on record; where
    there is none of this network, it is unknown.
    """
    from backspike.fpga.boards import BOARDS, find_board
    from backspike.fpga.estimate import CAPACITY, families
    from backspike.fpga.estimate import estimate as run_estimate
    from backspike.fpga.throughput import UnknownWorkError, Work, clocks_a_sample, find_work

    known = families()
    work: Work | UnknownWorkError
    try:
        work = find_work(load_config(config_name), dataset_name)
    except UnknownWorkError as error:
        work = error
    boards = [find_board(board_name)] if board_name else [b for b in BOARDS.values() if b.family in known]
    for board in boards:
        config = board.load_config(config_name)
        found = run_estimate(config, board)
        has = CAPACITY[board.name]
        speed = "unknown"
        if isinstance(work, Work):
            speed = f"{board.clock * 1e6 / clocks_a_sample(config, work):,.0f}"
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


@commands.command()
@out_option
def demo(out: Path) -> None:
    """Train the digits in RTL simulation, beside the golden model.

    Leaves Verilog, a waveform of one sample, a learning curve and summary.json.
    """
    from backspike.sim.demo import demo as run_demo

    if not run_demo(out, click.echo):
        click.get_current_context().exit(FAILED)


@commands.command()
@data_dir_option
def datasets(data_dir: Path | None) -> None:
    """List the datasets: what each is, whether it is here and where, and its settings.

    For each setting stands what it may be, and what it is when left out.
    """
    from backspike.datasets import LOADERS
    from backspike.datasets.files import search_path

    places = search_path(data_dir)
    for name, loader in LOADERS.items():
        click.echo(f"{name:<18}{loader.summary}")
        click.echo(f"{'':<18}{_presence(loader, data_dir)}")
        if loader.settings:
            settings = ", ".join(f"{key} ({value})" for key, value in loader.settings.items())
            click.echo(f"{'':<18}settings: {settings}")
    click.echo("a setting of each: validation (so many of the samples to train on are held out to test on; 0)")
    click.echo(f"looked for in {', '.join(map(str, places))}")


def _presence(loader: Loader, data_dir: Path | None) -> str:
    """Return where a dataset is, or that it is not here, in words."""
    if loader.find is None:
        return "here: needs no files"
    try:
        found = loader.find(data_dir)
    except BackspikeError as error:
        return f"not here: {error}"
    if found:
        folders = dict.fromkeys(path if len(found) == 1 else path.parent for path in found)
        return f"here: {', '.join(map(str, folders))}"
    return "not here; downloaded at first use" if loader.published else "not here, and not published for download"


_experiments_option = click.option(
    "--experiments",
    type=click.Path(path_type=Path),
    default=Path("experiments"),
    show_default=True,
    help="Folder of the experiments' files.",
)
_results_option = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder of their results.",
)
_work_option = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("build/experiments"),
    show_default=True,
    help="Folder for checkpoints.",
)
_engine_option = click.option("--engine", type=click.Choice(["fast", "numpy"]), default="fast", show_default=True)


@commands.group()
def experiment() -> None:
    """Experiments as files: list them, run them, and make the page of their results."""


@experiment.command("list")
@_experiments_option
@_results_option
def list_experiments(experiments: Path, results: Path) -> None:
    """List the experiments, and how many of their seeds have a result."""
    from backspike.experiments.definitions import load_experiments
    from backspike.experiments.results import read_result

    for found in load_experiments(experiments):
        done = sum(read_result(results, found, seed) is not None for seed in found.seeds)
        click.echo(f"{found.name:<24}{done} of {len(found.seeds)} seeds  {found.title}")


@experiment.command("run")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--seed", "seeds", type=click.IntRange(1, 2**32 - 1), multiple=True, help="Only this one; repeatable.")
@click.option("--force", is_flag=True, help="Train those that have a result again, from the first epoch.")
@_engine_option
@data_dir_option
@_experiments_option
@_results_option
@_work_option
def run_named_experiments(
    names: tuple[str, ...],
    seeds: tuple[int, ...],
    force: bool,
    engine: str,
    data_dir: Path | None,
    experiments: Path,
    results: Path,
    work: Path,
) -> None:
    """Train the seeds of experiments that have no result yet.

    Ctrl-C stops at any sample; the same command goes on from there.
    """
    from backspike.experiments.definitions import load_experiment
    from backspike.experiments.run import run_experiment

    for found in [load_experiment(experiments / f"{name}.toml") for name in names]:
        run_experiment(
            found,
            results,
            work,
            seeds=seeds,
            force=force,
            data_dir=data_dir,
            engine=engine,
            report=click.echo,
        )


@experiment.command()
@click.option("--draws", type=click.IntRange(1), default=100_000, show_default=True, help="Races in each case.")
@_results_option
def softmax(draws: int, results: Path) -> None:
    """Let the winner-take-all race many times, and compare it with a softmax."""
    from backspike.experiments.softmax import compare_with_softmax

    click.echo(f"written to {compare_with_softmax(results, draws)}")


@experiment.command()
@_experiments_option
@_results_option
@click.option(
    "--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True, help="Folder of the page."
)
def report(experiments: Path, results: Path, docs: Path) -> None:
    """Make results.md and its pictures from the results, of experiments and sweeps alike."""
    from backspike.experiments.report import write_report

    for path in write_report(experiments, results, docs):
        click.echo(path)


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--scheduler", metavar="tls://HOST:PORT", help="A Dask cluster, instead of processes on this machine.")
@click.option("--tls-ca-file", type=click.Path(path_type=Path), help="Certificate that signs those of the cluster.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate to show to the cluster.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its key.")
@click.option("--workers", type=click.IntRange(1), help="Processes on this machine; as many as cores when left out.")
@click.option("--force", is_flag=True, help="Train the points that have a result again, from the first epoch.")
@_engine_option
@data_dir_option
@_results_option
@_work_option
def sweep(
    file: Path,
    scheduler: str | None,
    tls_ca_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    workers: int | None,
    force: bool,
    engine: str,
    data_dir: Path | None,
    results: Path,
    work: Path,
) -> int:
    """Train every point of the grid in FILE that has no result yet.

    It may be stopped at any time; the same command goes on from there, and tries what failed again.
    """
    from backspike.experiments.definitions import load_sweep
    from backspike.experiments.results import cells_path
    from backspike.experiments.sweep import certificates, run_sweep

    loaded = load_sweep(file)
    security = None
    if tls_ca_file or tls_cert or tls_key:
        if not (scheduler and tls_ca_file and tls_cert and tls_key):
            raise BackspikeError("--tls-ca-file, --tls-cert and --tls-key belong together, and to --scheduler")
        security = certificates(tls_ca_file, tls_cert, tls_key)
    try:
        outcome = run_sweep(
            loaded,
            results,
            scheduler=scheduler,
            security=security,
            workers=workers,
            work=work,
            force=force,
            data_dir=data_dir,
            engine=engine,
            report=click.echo,
        )
    except (KeyboardInterrupt, Terminated) as interruption:
        how = "trains them all again" if force else "goes on from there"
        interruption.args = (f"what is finished is written down, and the same command {how}",)
        raise
    click.echo(
        f"{outcome.finished} cells finished, {outcome.failed} failed, {outcome.before} had a result; "
        f"in {cells_path(results, loaded)}"
        + ("" if outcome.finished or outcome.failed else "; --force trains them again")
    )
    return FAILED if outcome.failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 for success, 1 for a mismatch, 2 for bad input, a missing prerequisite or no room to write, 130 after Ctrl-C,
    143 after SIGTERM, 129 after SIGHUP, 141 without a word when the reader of a pipe has gone. Errors and warnings are
    one sentence on the standard error stream.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of this process when left out.
    """
    show_log()
    try:
        with warnings.catch_warnings(), raised_terminations():
            warnings.showwarning = _telling()
            status = commands.main(arguments, prog_name="backspike", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except BackspikeError as error:
        return _refuse(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return REFUSED
    except click.ClickException as error:
        return _refuse(error.format_message())
    except click.Abort as error:
        cause = error.__cause__
        click.echo(f"error: interrupted; {cause.args[0] if cause and cause.args else WHOLE}", err=True)
        return INTERRUPTED
    except Terminated as termination:
        # A terminal that was closed takes no more.
        with suppress(OSError):
            click.echo(f"error: terminated; {termination.args[0] if termination.args else WHOLE}", err=True)
        return termination.status
    except SystemExit:
        # Click's answer to a closed pipe, and to nothing else; its own status means a mismatch here.
        return CLOSED
    # What no command foresaw is the machine's: mostly a full disk.
    except OSError as error:
        _leave_output()
        return _refuse(f"{error.filename or 'cannot write'}: {error.strerror or error}")
    except MemoryError:
        return _refuse("this takes more memory than there is")
    return status if isinstance(status, int) else 0


def _told(config: NetworkConfig) -> NetworkConfig:
    """Return a configuration after a warning of each value that is hardly meant."""
    for sentence in config.warnings():
        warnings.warn(sentence, BackspikeWarning, stacklevel=2)
    return config


def _refuse(sentence: str) -> int:
    # An error stream that takes nothing leaves the exit status to say it.
    with suppress(OSError):
        click.echo(f"error: {sentence}", err=True)
    return REFUSED


def _leave_output() -> None:
    """Let what the output stream could not take go nowhere, since Python would try it again when it ends."""
    # Neither a stream without a descriptor nor none at all keeps anything.
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _telling() -> Callable[..., None]:
    """Return a `warnings.showwarning` that tells each of ours once, in one sentence, wherever it comes from."""
    told = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, BackspikeWarning):
            click.echo(warnings.formatwarning(message, category, *where[:2]), err=True, nl=False)
        elif str(message) not in told:
            told.add(str(message))
            click.echo(f"warning: {message}", err=True)

    return show
