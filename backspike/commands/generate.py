"""``backspike generate``: the Verilog of a network."""

from __future__ import annotations

from pathlib import Path

import click

from backspike.config import load_config

from .options import config_option, out_option, told

__all__ = ["generate"]


@click.command()
@config_option
@out_option
def generate(config_name: str, out: Path) -> None:
    """Write the Verilog of a network, and a JSON description of it."""
    from backspike.hdl.verilog import write_design

    for path in write_design(told(load_config(config_name)), out):
        click.echo(path)
