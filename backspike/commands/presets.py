"""``backspike presets``: the named configurations."""

from __future__ import annotations

import json

import click

from backspike.config import PRESETS

from .options import examples, json_option, tell_table

__all__ = ["presets"]


@click.command(epilog=examples("backspike presets", "backspike presets --json"))
@json_option
def presets(as_json: bool) -> None:
    """List the named configurations.

    With --json all their values, as a configuration file has them.
    """
    if as_json:
        click.echo(json.dumps({name: config.to_dict() for name, config in PRESETS.items()}, indent=2))
        return
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
