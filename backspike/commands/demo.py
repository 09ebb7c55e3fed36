"""``backspike demo``: a training in RTL simulation."""

from __future__ import annotations

from pathlib import Path

import click

from .options import FAILED, out_option

__all__ = ["demo"]


@click.command()
@out_option
def demo(out: Path) -> None:
    """Train the digits in RTL simulation, beside the golden model.

    Leaves Verilog, a waveform of one sample, a learning curve and summary.json.
    """
    from backspike.experiments.demo import demo as run_demo

    if not run_demo(out, click.echo):
        click.get_current_context().exit(FAILED)
