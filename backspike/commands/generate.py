"""``backspike generate``: the Verilog of a network."""

from __future__ import annotations

from pathlib import Path

import click

from backspike.config import load_config

from .options import PATH, config_option, examples, out_option, told, trained_weights

__all__ = ["generate"]


@click.command(
    epilog=examples(
        "backspike generate --config digits --out build/rtl",
        "backspike generate --config digits --checkpoint run/checkpoint.npz --out build/rtl",
        "backspike generate --config digits --wrapper axi --out build/rtl",
    )
)
@config_option
@click.option("--checkpoint", type=PATH, help="A training whose weights the network has at power-up.")
@click.option(
    "--wrapper",
    type=click.Choice(["axi", "wishbone"]),
    help="The bus that it is on: AXI4-Lite with AXI4-Stream, or Wishbone B4; plain streams when left out.",
)
@out_option
def generate(config_name: str, checkpoint: Path | None, wrapper: str | None, out: Path) -> None:
    """Write the Verilog of a network, and what other tools need to know of it.

    That is a JSON description, the registers as C header, CMSIS-SVD and Markdown, a testbench, a FuseSoC core, and
    scripts for Vivado and Quartus.
    """
    from backspike.hdl.package import write_package

    config = told(load_config(config_name))
    weights = trained_weights(checkpoint, config) if checkpoint else None
    for path in write_package(config, out, weights, wrapper):
        click.echo(path)
