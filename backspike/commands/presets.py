"""``backspike presets``: the named configurations."""

from __future__ import annotations

from typing import Any

import click

from backspike.config import PRESETS

from .options import answering, examples, tell_table

__all__ = ["presets"]


def _tell(found: dict[str, dict[str, Any]]) -> None:
    rows = [("name", "layers", "ticks", "weights", "rates", "lanes")]
    for name in found:
        config = PRESETS[name]
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


@click.command(epilog=examples("backspike presets", "backspike presets --json"))
@answering(_tell)
def presets() -> dict[str, dict[str, Any]]:
    """List the named configurations.

    With --json all their values, as a configuration file has them.
    """
    return {name: config.to_dict() for name, config in PRESETS.items()}
