"""``backspike presets``: the named configurations."""

from __future__ import annotations

import click

from backspike.config import PRESETS

from .options import tell_table

__all__ = ["presets"]


@click.command()
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
    tell_table(rows)
