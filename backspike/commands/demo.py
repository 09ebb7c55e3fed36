"""``backspike demo``: a training in RTL simulation."""

from __future__ import annotations

from pathlib import Path

import click

from .options import FAILED, examples, out_option

__all__ = ["demo"]


@click.command(epilog=examples("backspike demo --out demo", "backspike report demo --out demo/report.html"))
@out_option
def demo(out: Path) -> None:
    """Train the digits in RTL simulation, beside the golden model.

    Leaves Verilog, a waveform of one sample with save files for GTKWave and Surfer, a learning curve, checkpoint and
    metrics, and summary.json.
    """
    from backspike.experiments.demo import demo as run_demo

    if not run_demo(out, click.echo):
        click.get_current_context().exit(FAILED)
