"""``backspike export``: trained weights for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from backspike.config import PRESETS, load_config
from backspike.files import make_directory, write_atomic

from .options import Known, checkpoint_option, examples, out_option

__all__ = ["export"]


@click.command(
    epilog=examples(
        "backspike export --checkpoint run/checkpoint.npz --format hex --out weights",
        "backspike export --checkpoint run/checkpoint.npz --format header --out firmware",
        "backspike export --checkpoint run/checkpoint.npz --format nir --out graphs",
    )
)
@checkpoint_option
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["hex", "header", "nir"]),
    required=True,
    help="Memories, a C header, or a graph in NIR.",
)
@click.option(
    "--config",
    "config_name",
    type=Known(lambda: PRESETS, path=True),
    metavar="NAME|FILE.toml",
    help="What the Verilog is made of, where its name, lanes or banks are others than the checkpoint's.",
)
@out_option
def export(checkpoint: Path, format_name: str, config_name: str | None, out: Path) -> None:
    """Write the weights of a checkpoint for other tools.

    As hex, a file for $readmemh for each memory of weights in the Verilog, in the layout that the hardware has them in
    (docs/weights.md); as a header, arrays for C and C++; as nir, a graph of what it computes in the mean, for other
    tools of spiking networks.
    """
    from backspike.training.checkpoint import Checkpoint
    from backspike.weights.export import FORMATS

    trained = Checkpoint.load(checkpoint)
    config = load_config(config_name) if config_name else trained.config
    trained.require(config)
    files = FORMATS[format_name](config, trained.weights)
    make_directory(out)
    for name, content in files.items():
        write_atomic(out / name, content.encode() if isinstance(content, str) else content)
    click.echo(f"written to {out}: {', '.join(files)}")
