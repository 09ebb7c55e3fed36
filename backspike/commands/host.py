"""The commands of a board at a serial port: `backspike host`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic
from backspike.locks import locked
from backspike.progress import announced, progress_bar

from .device import board_config, built_line, connect
from .options import (
    FAILED,
    PATH,
    Number,
    advising_resumption,
    answering,
    baud_option,
    board_option,
    checkpoint_option,
    chosen_seed,
    comparison_found,
    config_option,
    data_dir_option,
    dataset_option,
    examples,
    first_samples,
    force_option,
    load_schedule,
    out_option,
    sample_memory_option,
    samples_option,
    seed_option,
    setting_option,
    tell_comparison,
    tell_evaluation,
    trained_weights,
    usb_option,
)

if TYPE_CHECKING:
    from backspike.fpga.link.device import Device

__all__ = ["host"]

_checkpoint_option = click.option("--checkpoint", type=PATH, help="Load the weights of a training first.")


@click.group(
    epilog=examples(
        "backspike host identify --config digits --board icebreaker --port /dev/ttyUSB1",
        "backspike host compare --config tiny --simulate --dataset random",
    )
)
def host() -> None:
    """Train a network on a board, over a serial port.

    Every command greets the device, which resets the network but for its weights, and refuses one that is built from
    another configuration.
    """


def _tell_identity(found: dict[str, Any]) -> None:
    counted = ", ".join(f"{event} {count}" for event, count in found["frames"].items())
    click.echo(f"{found['network']}, {'-'.join(map(str, found['layers']))}, configuration {found['configuration']}")
    click.echo(f"frames: {counted}")


def _tell_checksums(found: dict[str, Any]) -> None:
    for number, checksum in enumerate(found["checksums"], start=1):
        click.echo(f"layer {number}: {checksum}")
    if found["mismatch"]:
        click.echo(f"mismatch: {found['mismatch']}")
    elif found["compared"]:
        click.echo(f"{found['compared']}: 0 mismatches")


def _on_device(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a device, and the device of them as its first argument."""

    @config_option
    @board_option("With a preset, the board that it was built for by `build`.")
    @click.option("--port", type=PATH, help="Serial port, such as /dev/ttyUSB1.")
    @click.option("--simulate", is_flag=True, help="Simulate the board instead.")
    @click.option(
        "--bitstream",
        type=PATH,
        metavar="FILE",
        help="With --simulate, what this bitstream of `build` makes of the chip, instead of the Verilog.",
    )
    @baud_option
    @usb_option
    @click.option(
        "--noise",
        type=Number(0, 1, max_open=True),
        default=0.0,
        show_default=True,
        help="With --simulate, probability that a byte on the line is damaged.",
    )
    @click.option(
        "--skew",
        type=click.FloatRange(-0.1, 0.1),
        default=0.0,
        show_default=True,
        help="With --simulate, how much longer the host's bits are than the device's: 0.02 if its clock is 2 % slow.",
    )
    @sample_memory_option(
        "With --simulate, give the board a sample memory: the SDRAM of an ULX3S, at its pins, or KIB of the device's "
        "own RAM, a power of two."
    )
    @click.option(
        "--samples-per-frame",
        type=click.IntRange(1),
        help="Whole samples sent at a time; what a frame holds when left out. For slow chips: docs/boards.md.",
    )
    @wraps(command)
    def run(
        config_name: str,
        board_name: str | None,
        port: Path | None,
        simulate: bool,
        bitstream: Path | None,
        baud: int | None,
        usb: bool,
        noise: float,
        skew: float,
        sample_memory: int | str | None,
        samples_per_frame: int | None,
        **others: Any,
    ) -> Any:
        if simulate == (port is not None):
            raise BackspikeError("either --port or --simulate says where the device is")
        if noise and not simulate:
            raise BackspikeError("--noise needs --simulate")
        if skew and not simulate:
            raise BackspikeError("--skew needs --simulate")
        if bitstream and not simulate:
            raise BackspikeError("--bitstream needs --simulate")
        if sample_memory is not None and (bitstream or not simulate):
            raise BackspikeError("--sample-memory needs --simulate, without --bitstream")
        if baud and not port:
            raise BackspikeError("--baud needs --port")
        if usb and not port:
            raise BackspikeError("--usb needs --port")
        config = board_config(config_name, board_name)
        line = built_line(config_name, board_name, baud, usb)
        with connect(
            config, board_name, port, bitstream, line, noise, skew, sample_memory, samples_per_frame
        ) as device:
            return command(device, **others)

    return run


def _load_checkpoint(device: Device, path: Path) -> None:
    """Load the weights of a checkpoint, and read them back."""
    from backspike.training.differences import MismatchError, weight_difference

    weights = trained_weights(path, device.config)
    with progress_bar(2 * device.weight_words, "weights", "loading") as bar:
        device.write_weights(weights, bar.update)
        difference = weight_difference(weights, device.read_weights(bar.update))
    if difference:
        raise MismatchError(difference)


def _failing_on_mismatch(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print a mismatch that a command raises, and give the exit status of a failure."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        from backspike.training.differences import MismatchError

        try:
            return command(*arguments, **options)
        except MismatchError as error:
            click.echo(json.dumps({"mismatch": str(error)}) if options.get("as_json") else f"mismatch: {error}")
            return FAILED

    return run


@host.command(
    epilog=examples(
        "backspike host identify --config digits --board icebreaker --port /dev/ttyUSB1",
    )
)
@_on_device
@answering(_tell_identity)
def identify(device: Device) -> dict[str, Any]:
    """Say what the device is, and what its link has counted."""
    config = device.config
    return {
        "network": config.name,
        "layers": list(config.layers),
        "configuration": config.hash[:8],
        "frames": {event.name.lower(): count for event, count in device.link_counters().items()},
    }


@host.command(
    epilog=examples(
        "backspike host load --config digits --board icebreaker --port /dev/ttyUSB1 --checkpoint run/checkpoint.npz",
    )
)
@_failing_on_mismatch
@_on_device
@checkpoint_option
def load(device: Device, checkpoint: Path) -> None:
    """Load the weights of a checkpoint, and read them back."""
    _load_checkpoint(device, checkpoint)
    click.echo(f"loaded {checkpoint}, read back: 0 mismatches")


@host.command(
    epilog=examples(
        "backspike host checksum --config tiny --board icebreaker --port /dev/ttyUSB1 --checkpoint run/checkpoint.npz",
    )
)
@_on_device
@click.option("--checkpoint", type=PATH, help="Compare with the weights of a training.")
@answering(_tell_checksums)
def checksum(device: Device, checkpoint: Path | None) -> dict[str, Any]:
    """Print the CRC-32 of each layer's weights, which the device sums up itself.

    Much quicker than reading them: another sum says that a weight has changed, by an upset for instance. With
    --checkpoint the exit status is 1 if a layer's weights are not those.
    """
    from backspike.registers import window_checksum

    layers = device.config.weight_layers
    expected: list[int] = []
    if checkpoint:
        expected = list(map(window_checksum, layers, trained_weights(checkpoint, device.config)))
    found = device.weight_checksums()
    wrong = [number for number, pair in enumerate(zip(found, expected, strict=False), start=1) if len({*pair}) > 1]
    compared = f"weights of {checkpoint}" if checkpoint else ""
    return {
        "checksums": [f"{each:08x}" for each in found],
        "compared": compared,
        "mismatch": f"other weights than {checkpoint} in layers {', '.join(map(str, wrong))}" if wrong else "",
    }


@host.command(
    epilog=examples(
        "backspike host train --config digits --board icebreaker --port /dev/ttyUSB1 --dataset digits --out run",
        "backspike host train --config tiny --simulate --dataset random --epochs 1 --out run",
    )
)
@_failing_on_mismatch
@_on_device
@dataset_option
@setting_option
@data_dir_option
@click.option("--epochs", type=click.IntRange(1, 10_000), default=20, show_default=True)
@seed_option
@click.option(
    "--samples-on-board",
    is_flag=True,
    help="Load the samples into the board's memory once; the board plays the epochs, and tests itself.",
)
@click.option("--resume", is_flag=True, help="With --samples-on-board, go on from what is in the folder.")
@click.option("--no-compare", is_flag=True, help="With --samples-on-board, do without the golden model.")
@force_option
@out_option
def train(
    device: Device,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    epochs: int,
    seed: int | None,
    samples_on_board: bool,
    resume: bool,
    no_compare: bool,
    force: bool,
    out: Path,
) -> None:
    """Train on the device, with the golden model beside it.

    Results of all samples, and all weights after each epoch, are compared. Writes what `backspike train` writes, the
    checkpoint byte for byte. A device cannot go on where it was interrupted; `backspike train --resume` can.

    With --samples-on-board the line is no limit: docs/sample_memory.md. That is another training, as the LFSRs are
    seeded in each epoch; so it can be tested on the board, and goes on with --resume from its last checkpoint. The
    golden model does the same in the end, and digests, counts and weights are compared. Writes checkpoint.npz and
    board.json.
    """
    if not samples_on_board:
        for chosen, option in ((resume, "--resume"), (no_compare, "--no-compare")):
            if chosen:
                raise BackspikeError(f"{option} needs --samples-on-board")
    from backspike.datasets import load_dataset
    from backspike.training.device import DeviceEngine
    from backspike.training.on_board import train_on_board
    from backspike.training.trainer import train as run_training

    config = device.config
    seed = chosen_seed(config, seed)
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, seed, settings, data_dir)
    if samples_on_board:
        done = train_on_board(
            device,
            config,
            dataset,
            epochs,
            seed,
            out,
            click.echo,
            resume=resume,
            force=force,
            compare=not no_compare,
        )
        compared = f"{done.compared} of {epochs} epochs compared, 0 mismatches" if done.compared else "not compared"
        click.echo(f"written to {out}: checkpoint.npz, board.json; {compared}")
        return
    engine = DeviceEngine(device)
    try:
        with advising_resumption("`backspike train --resume` goes on from there"):
            run_training(config, dataset, epochs, seed, out, click.echo, engine, force=force, picture=True)
    # What a serial port raises, and a device that answers no more, or wrongly.
    except (OSError, BackspikeError):
        if engine.shown:
            click.echo(
                f"stopped after {engine.shown:,} samples; {out / 'checkpoint.npz'} is of the last whole epoch, "
                "and backspike train --resume goes on from it without the device",
                err=True,
            )
        raise
    click.echo(f"written to {out}: checkpoint.npz, metrics.json, learning-curve.png; 0 mismatches")


@host.command(
    epilog=examples(
        "backspike host evaluate --config digits --board icebreaker --port /dev/ttyUSB1 --dataset digits --json",
    )
)
@_failing_on_mismatch
@_on_device
@dataset_option
@setting_option
@data_dir_option
@samples_option
@_checkpoint_option
@seed_option
@answering(tell_evaluation)
def evaluate(
    device: Device,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    samples: int | None,
    checkpoint: Path | None,
    seed: int | None,
) -> dict[str, Any]:
    """Show the test samples, learning off, and say how many answers are right.

    With the weights that the device has, or those of a checkpoint. The seed decides the split. Prints what
    `backspike evaluate` does.
    """
    from backspike.datasets import load_dataset
    from backspike.training.device import evaluate_device

    config = device.config
    seed = chosen_seed(config, seed)
    with announced(f"loading {dataset_name}"):
        dataset = load_dataset(dataset_name, config, seed, settings, data_dir)
    values, labels = first_samples(dataset, samples)
    if checkpoint:
        _load_checkpoint(device, checkpoint)
    elif not device.has_weights():
        raise BackspikeError("the device has no weights yet; --checkpoint loads those of a training")
    with progress_bar(len(labels), "samples", "evaluating") as bar:
        evaluation = evaluate_device(device, values, labels, bar.update)
    return {"dataset": dataset.name, "seed": seed, **evaluation.to_dict()}


@host.command(
    epilog=examples(
        "backspike host read --config digits --board icebreaker --port /dev/ttyUSB1 --out checkpoint.npz",
    )
)
@_on_device
@click.option("--out", type=PATH, required=True, help="The checkpoint to be written.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def read(device: Device, out: Path, force: bool) -> None:
    """Read the weights back into a checkpoint.

    Its LFSRs are those that the greeting has put the device's into: freshly seeded.
    """
    from backspike.model import Network
    from backspike.training.checkpoint import Checkpoint

    # A training that has its checkpoint there is left alone.
    with locked(make_directory(out.parent)):
        if out.exists() and not force:
            raise BackspikeError(f"{out} is there already; --force overwrites it")
        with progress_bar(device.weight_words, "weights", "reading") as bar:
            weights = device.read_weights(bar.update)
        Checkpoint.capture(Network(device.config, weights)).save(out)
    click.echo(f"written to {out}")


@host.command(
    epilog=examples(
        "backspike host compare --config digits --board icebreaker --port /dev/ttyUSB1 --dataset digits --samples 100",
        "backspike host compare --config tiny --simulate --dataset random --noise 0.001",
    )
)
@_on_device
@dataset_option
@setting_option
@data_dir_option
@click.option("--samples", type=click.IntRange(1), default=100, show_default=True, help="Samples to show.")
@click.option("--inference", is_flag=True, help="Show samples for testing, learning off.")
@click.option("--checkpoint", type=PATH, help="Start from the weights of a training.")
@seed_option
@answering(tell_comparison)
def compare(
    device: Device,
    dataset_name: str,
    settings: dict[str, Any],
    data_dir: Path | None,
    samples: int,
    inference: bool,
    checkpoint: Path | None,
    seed: int | None,
) -> dict[str, Any]:
    """Show the same samples to device and golden model, and compare results, weights and counters.

    Prints how much was compared and "0 mismatches", or the first mismatch.
    """
    from backspike.training.device import compare_device

    config = device.config
    seed = chosen_seed(config, seed)
    schedule = load_schedule(config, dataset_name, samples, seed, inference, checkpoint, settings, data_dir)
    with progress_bar(samples, "samples", f"comparing {config.name}") as bar:
        result = compare_device(device, schedule, bar.update)
    return comparison_found(result, network=config.name, samples=samples, dataset=dataset_name, seed=seed)


@host.command(
    epilog=examples(
        "backspike host selftest --config digits --board icebreaker --port /dev/ttyUSB1 --out selftest.json",
        "backspike host selftest --config tiny --simulate --out selftest.json",
    )
)
@_on_device
@click.option(
    "--samples", type=click.IntRange(1, 256), default=256, show_default=True, help="Random samples to be learned."
)
@seed_option
@click.option("--out", type=PATH, required=True, help="The report to be written, as JSON: it can be sent to others.")
def selftest(device: Device, samples: int, seed: int | None, out: Path) -> int:
    """Try link, registers, memory and learning of a board that was just loaded.

    Its weights are lost. Says of each part what was done and what was wrong, and writes a report with all that was
    counted, the configuration and the versions; neither the port's name nor any path is in it. The status is 1 if
    anything was wrong. Learning is compared with the golden model, bit for bit.
    """
    from backspike.training.selftest import report_of
    from backspike.training.selftest import selftest as run_selftest

    make_directory(out.parent)
    stages = []
    for stage in run_selftest(device, samples, chosen_seed(device.config, seed)):
        stages.append(stage)
        click.echo(f"{stage.name}: {f'FAILED: {stage.fault}' if stage.fault else f'ok, {stage.done}'}")
    report = report_of(device, stages)
    write_atomic(out, json.dumps(report, indent=2).encode() + b"\n")
    click.echo(f"written to {out}")
    return 0 if report["passed"] else FAILED
