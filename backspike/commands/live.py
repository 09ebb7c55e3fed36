"""``backspike live``: a network is taught by hand, on a local page."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from backspike.config import PRESETS, NetworkConfig
from backspike.errors import BackspikeError
from backspike.interrupts import Terminated
from backspike.progress import announced

from .device import board_config, built_line, connect
from .options import (
    PATH,
    Known,
    baud_option,
    board_option,
    chosen_seed,
    data_dir_option,
    examples,
    first_samples,
    optional_dataset_option,
    setting_option,
    told,
    usb_option,
)

if TYPE_CHECKING:
    from backspike.datasets import Dataset
    from backspike.model.network import Network
    from backspike.training.checkpoint import Checkpoint

__all__ = ["live"]

SPARE = 2
"""Output units for new symbols, of a network that begins from starting weights."""

KEPT = 1000
"""Samples that are asked again and again, at most, so that it takes no longer than one notices."""


@click.command(
    epilog=examples(
        "backspike live",
        "backspike live --checkpoint run/checkpoint.npz --dataset digits --spare 2 --out taught.npz",
        "backspike live --config build/digits/config.toml --port /dev/ttyUSB1 --checkpoint run/checkpoint.npz",
        "backspike live --simulate",
    )
)
@click.option(
    "--config",
    "config_name",
    type=Known(lambda: PRESETS, path=True),
    metavar="NAME|FILE.toml",
    help="A preset, or a configuration file; that of --checkpoint, or digits, when left out.",
)
@click.option("--checkpoint", type=PATH, help="Begin with the weights of a training, not with starting weights.")
@board_option("With --port and a preset, the board that it was built for by `build`.")
@click.option("--port", type=PATH, help="Teach the board at this serial port, such as /dev/ttyUSB1.")
@click.option("--simulate", is_flag=True, help="Teach a simulated board.")
@baud_option
@usb_option
@optional_dataset_option("What it can learn from beside you, and is tested on; digits where nothing else is given.")
@setting_option
@data_dir_option
@click.option(
    "--samples",
    type=click.IntRange(1),
    help=f"Test on only the first so many; on {KEPT:,} when left out.",
)
@click.option(
    "--spare",
    type=click.IntRange(0, 1000),
    help=f"Output units more, for symbols that you will teach it; {SPARE} without --checkpoint and --port, else none.",
)
@click.option("--image", metavar="HEIGHTxWIDTH", help="Size of the network's images; square when left out.")
@click.option(
    "--seed",
    type=click.IntRange(1, 2**32 - 1),
    help="Seed of starting weights and LFSRs; of a checkpoint they go on as it has them when left out.",
)
@click.option("--out", type=PATH, help="File that the page saves a checkpoint to.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.option(
    "--http-port", type=click.IntRange(1, 65535), help="TCP port of the page; one that is free when left out."
)
@click.option("--no-browser", is_flag=True, help="Print the address alone.")
def live(
    config_name: str | None,
    checkpoint: Path | None,
    board_name: str | None,
    port: Path | None,
    simulate: bool,
    baud: int | None,
    usb: bool,
    dataset_name: str | None,
    settings: dict[str, Any],
    data_dir: Path | None,
    samples: int | None,
    spare: int | None,
    image: str | None,
    seed: int | None,
    out: Path | None,
    force: bool,
    http_port: int | None,
    no_browser: bool,
) -> None:
    """Teach a network by hand: draw, see what spikes and what it answers, say what it was, and see it learn.

    Serves a page on this machine alone, until Ctrl-C, and opens it in a browser; its address has a token, without which
    nothing is answered. What computes is the golden model; with --port a board, or with --simulate a simulated one,
    compared with the golden model sample by sample. Without any option the network has the digits' preset and two spare
    output units, knows nothing, and can learn from the dataset, from you, or both. docs/live.md says more.
    """
    from backspike.live.names import read_names
    from backspike.live.network import LiveNetwork
    from backspike.live.server import LiveServer
    from backspike.live.session import LiveSession, Place

    if port is not None and simulate:
        raise BackspikeError("either --port or --simulate says where the device is")
    for option, given, needed, there in (
        ("--baud", baud, "--port", port),
        ("--usb", usb or None, "--port", port),
        ("--board", board_name, "--port or --simulate", port or simulate),
        ("--port", port, "--config, that of the build", config_name or checkpoint),
    ):
        if given is not None and not there:
            raise BackspikeError(f"{option} needs {needed}")
    if port and spare:
        raise BackspikeError("a board has the output units that it was built with, so --spare cannot add any")
    if config_name is None and checkpoint is None:
        config_name, dataset_name = "digits", dataset_name or "digits"
    if board_name and config_name is None:
        raise BackspikeError("--board needs --config: what a board has of a checkpoint, its preset says")
    for option, what in (("--dataset-setting", settings), ("--data-dir", data_dir), ("--samples", samples)):
        if what and dataset_name is None:
            raise BackspikeError(f"{option} needs --dataset")
    place = Place(out, force) if out else None
    if place:
        place.require_free()
    more = (0 if checkpoint or port else SPARE) if spare is None else spare
    config = board_config(config_name, board_name) if config_name else None
    network, trained = _network(config, checkpoint, seed, device=bool(port or simulate), more=more)
    size = _image(network.config, image)
    dataset = None
    if dataset_name is not None:
        split = trained.config.seed if trained else network.config.seed
        dataset = _dataset(dataset_name, network.config, split, settings, data_dir)
    classes = network.config.layers[-1]
    names = read_names(checkpoint, classes - more) if checkpoint else None
    named = None if names is None else [*names, *[None] * more]
    way, where = None, "the golden model"
    if port or simulate:
        line = built_line(config_name or network.config.name, board_name, baud, usb)
        # Of the seed that it was built with: another one is written to its registers.
        base = config if trained is None else config or trained.config
        assert base
        built = network.config.replace(seed=base.seed)
        way = partial(connect, built, board_name, port, None, line, 0.0, 0.0, None, None)
        where = f"the board at {port}" if port else "a simulated board"
    with closing(LiveNetwork(network, way)) as taught:
        with announced("asking the test samples"):
            session = LiveSession(
                taught,
                where,
                size,
                named or _names(classes - more, more, dataset, trained is not None),
                dataset,
                len(first_samples(dataset, samples)[1]) if dataset and samples else KEPT,
                trained.epoch if trained else 0,
                place,
            )
        server = LiveServer(session, http_port or 0)
        click.echo(f"{network.config.name}, {'-'.join(map(str, network.config.layers))}, on {where}")
        click.echo(f"{server.url}\nCtrl-C ends it.")
        if not no_browser and _has_display():
            Thread(target=webbrowser.open, args=[server.url_once], daemon=True).start()
        try:
            asyncio.run(server.serve())
        except (KeyboardInterrupt, Terminated) as interruption:
            if session.unsaved:
                interruption.args = ("what it has learned since was not saved",)
            raise


def _network(
    config: NetworkConfig | None, checkpoint: Path | None, seed: int | None, device: bool, more: int
) -> tuple[Network, Checkpoint | None]:
    """Return the network to begin with, `more` output units included; for a device, with LFSRs that were seeded."""
    from backspike.live.network import with_spare_units
    from backspike.model.network import Network
    from backspike.training.checkpoint import Checkpoint

    if checkpoint is None:
        assert config
        layers = config.layers
        config = config.replace(seed=chosen_seed(config, seed), layers=(*layers[:-1], layers[-1] + more))
        return Network(told(config)), None
    trained = Checkpoint.load(checkpoint)
    config = config or trained.config
    trained.require(config)
    network = Network(config.replace(seed=chosen_seed(config, seed)), trained.weights)
    if seed is None and not device:
        trained.apply(network)
    network.rates = list(trained.rates)
    return with_spare_units(network, more) if more else network, trained


def _image(config: NetworkConfig, size: str | None) -> tuple[int, int]:
    """Return height and width of what a network sees, if that is an image."""
    from backspike.report.images import ImageShape

    if config.input != "rate":
        raise BackspikeError(f"network {config.name} takes recorded spikes, which cannot be drawn")
    shape = ImageShape.of(config.layers[0], ImageShape.parse(size) if size else None)
    if not shape.known or shape.planes != 1:
        raise BackspikeError(
            f"the {config.layers[0]} inputs of network {config.name} are no square; --image HEIGHTxWIDTH says what "
            "image they are"
        )
    return shape.height, shape.width


def _dataset(name: str, config: NetworkConfig, seed: int, settings: dict[str, Any], data_dir: Path | None) -> Dataset:
    from backspike.datasets import load_dataset

    with announced(f"loading {name}"):
        return load_dataset(name, config, seed, settings, data_dir, spare=True)


def _names(classes: int, more: int, dataset: Dataset | None, trained: bool) -> list[str | None]:
    """Return the names of output units where none were given: their numbers, if they stand for something."""
    known = set(dataset.train_labels.tolist()) if dataset else set(range(classes)) if trained else set()
    return [str(label) if label in known else None for label in range(classes + more)]


def _has_display() -> bool:
    """Whether a browser has a window to open, and not the terminal of this very command."""
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
