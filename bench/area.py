"""Area of networks after synthesis: the record that `backspike estimate` is fitted to.

    python bench/area.py             synthesises what the record lacks or has of other Verilog, and fits
    python bench/area.py --fit       fits again to the record as it is

It leaves `fpga/area.json`: for each network its configuration, what it is made of and the cells that Yosys makes of it,
and prints how far the model is from each of them when it is fitted to the others only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import click

from backspike.config import NetworkConfig
from backspike.fpga import estimate
from backspike.fpga.contents import contents
from backspike.hdl.board import BoardTop
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.verilog import emit
from backspike.sim.gates import FAMILIES, synthesise

_DIVISOR = 16
"""Cycles per bit of the host's line; it hardly changes the area."""

_SMALL: dict[str, Any] = {"ticks": 16, "rates": (64, 64)}

# Small networks, in which each part is once large and once small: lanes, weights, units, depth, LFSRs.
NETWORKS: tuple[dict[str, Any], ...] = (
    {"layers": (8, 4, 3), "lanes": (4, 3), "weight_bits": 6, "weight_frac": 4, "input_lfsrs": 2},
    {"layers": (8, 4, 3), "lanes": (1, 1), "input_lfsrs": 1, "input_lanes": 1},
    {"layers": (64, 8, 4), "lanes": (2, 1), "input_lanes": 1},
    {"layers": (64, 16, 10), "lanes": (4, 2), "input_lanes": 1},
    {"layers": (64, 16, 10), "lanes": (8, 5), "unit_lanes": (2,)},
    {"layers": (200, 24, 6), "lanes": (4, 2), "input_lfsrs": 4},
    {"layers": (64, 16, 4), "lanes": (8, 4), "weight_bits": 12, "weight_frac": 10},
    {"layers": (32, 10), "lanes": (5,), "rates": (64,)},
    {"layers": (32, 8, 8, 4), "lanes": (2, 2, 2), "rates": (64, 64, 64)},
    {"layers": (64, 32, 10), "lanes": (2, 2), "unit_lanes": (1,), "input_lanes": 1},
    {"layers": (32, 12, 4), "lanes": (12, 4), "input_lfsrs": 16},
    {"layers": (100, 20, 5), "lanes": (10, 5), "weight_bits": 6, "weight_frac": 4},
    {"layers": (100, 40, 10), "lanes": (40, 10), "unit_lanes": (8,), "weight_bits": 9, "weight_frac": 8},
    {"layers": (100, 32, 10), "lanes": (16, 10), "banks": (2, 2), "unit_lanes": (4,)},
)

# Many lanes, as `mnist-ecp5` has them: fitted to small networks alone the model is too low there. No iCE40 has room.
LARGE: tuple[dict[str, Any], ...] = (
    {"layers": (784, 80, 10), "lanes": (80, 10), "unit_lanes": (16,), "weight_bits": 9, "weight_frac": 8},
    {"layers": (784, 200, 10), "lanes": (200, 10), "unit_lanes": (40,), "weight_bits": 9, "weight_frac": 8},
)


def networks(family: str) -> list[NetworkConfig]:
    """Return the configurations that the record has of a family."""
    chosen = NETWORKS + (LARGE if family == "ecp5" else ())
    return [NetworkConfig(name=f"area_{number}", **(_SMALL | values)) for number, values in enumerate(chosen)]


def count(verilog: str, top: str, family: str) -> dict[str, int]:
    """Return how many cells of each kind the netlist of a design has."""
    netlist = synthesise(verilog, top, family)
    return dict(sorted(Counter(re.findall(r"^  ([A-Z][A-Z0-9_]+) (?:#|\\|\w)", netlist, re.MULTILINE)).items()))


def _verilog(config: NetworkConfig) -> str:
    return emit(BoardTop(config, SerialTransport(_DIVISOR)), config.name)


def _digest(verilog: str) -> str:
    return hashlib.sha256(verilog.encode()).hexdigest()


@click.command()
@click.option("--fit", "only_fit", is_flag=True, help="Fit to the record as it is.")
@click.option("--family", "families", type=click.Choice(list(FAMILIES)), multiple=True, default=list(FAMILIES))
@click.option("--record", type=click.Path(path_type=Path), default=estimate.RECORD, show_default=False)
def main(only_fit: bool, families: tuple[str, ...], record: Path) -> None:
    """Synthesise what the record lacks, and fit."""
    samples = json.loads(record.read_text()) if record.exists() else []
    if not only_fit:
        designs = {config.name: (config, _verilog(config)) for family in FAMILIES for config in networks(family)}
        wanted = {(family, _digest(designs[config.name][1])) for family in FAMILIES for config in networks(family)}
        samples = [sample for sample in samples if (sample["family"], sample["verilog_sha256"]) in wanted]
        for sample in samples:
            sample["contents"] = contents(NetworkConfig.from_dict(sample["config"])).to_dict()
        done = {(sample["family"], sample["verilog_sha256"]) for sample in samples}
        for family in families:
            for name in (config.name for config in networks(family)):
                config, verilog = designs[name]
                if (family, _digest(verilog)) in done:
                    continue
                cells = count(verilog, name, family)
                found = {
                    "family": family,
                    "config": config.to_dict(),
                    "contents": contents(config).to_dict(),
                    "cells": cells,
                    "verilog_sha256": _digest(verilog),
                }
                samples.append(found)
                estimate.write_record(samples, record)
                click.echo(f"{name} {family}: {cells}")
        estimate.write_record(samples, record)
    for family in families:
        click.echo(estimate.error_table(samples, family))


if __name__ == "__main__":
    main()
