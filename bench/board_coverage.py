"""What whole boards go through beside the golden model: coverage of their Verilog by component, and bins of the tick.

    python bench/board_coverage.py

Boards of several configurations are trained, asked, reset and disturbed by their host; every answer, weight and counter
has to be that of the golden model. What their Verilog goes through is counted by Verilator, what happens in their ticks
by the model. Points that were missed, and that Yosys does not find to be out of reach, and empty bins are holes: each
has to have a waiver in board_coverage.toml, which says why, and each waiver has to have holes. Ends with status 1 if
that is not so, or a board differs. Leaves the tables in build/coverage/coverage.md.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

import click
import numpy as np

from backspike.config import NetworkConfig, load_config
from backspike.datasets import load_dataset
from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic
from backspike.fpga.link.device import Device
from backspike.fpga.link.samples import pack_samples
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.compare import schedule_of
from backspike.sim.coverage import KINDS, Coverage, Design, Hole, Waiver, phases, read_waivers, sort_out
from backspike.sim.exercise import lively_weights, random_config
from backspike.sim.requests import Conversation
from backspike.sim.tick_bins import TICK_BINS, TickBins, ending_bins
from backspike.toml import read_toml
from backspike.training.device import compare_device

CONFIGS = ("tiny",)
"""Presets, and seeds of random configurations: those that waivers are written for."""

WAIVERS = Path(__file__).with_suffix(".toml")
OUT = Path("build/coverage")
SAMPLES = 30
RANDOM = 300
DAMAGED = 100
RESETS = 40
NOISE = 0.002


def exercise(board: SimulatedBoard, config: NetworkConfig, seed: int, ticks: TickBins) -> int:
    """Have a board go through everything beside the golden model; return how many samples were shown.

    Raises
    ------
    BackspikeError
        The board differs from the model.
    """
    random = Random(seed)
    conversation = Conversation(board, config, random, ticks.show)
    conversation.hello(b"", 0)
    for part in range(2):
        dataset = load_dataset("random", config, seed + part)
        values, labels = dataset.train_values, dataset.train_labels
        learn = np.arange(SAMPLES) % 4 != 3
        conversation.load(lively_weights(config, seed + part))
        conversation.show(values[:SAMPLES], labels[:SAMPLES], learn)
        conversation.compare()
        conversation.access(6)
        conversation.add_up()
        conversation.damage(DAMAGED)
        for _ in range(5):
            conversation.interrupt()
        for number in range(RESETS):
            conversation.load(lively_weights(config, seed + number))
            body = next(pack_samples(values[number : number + 3], labels[number : number + 3], True)).content
            clocks = 100 + int(2 ** random.uniform(0, 10))
            for disturb in (conversation.hello, conversation.reset, partial(conversation.reset, by_break=True)):
                disturb(body, clocks)
            conversation.meanwhile(body)
        conversation.load(lively_weights(config, seed + part), rate=0)
        conversation.show(values[:2], labels[:2], np.ones(2, dtype=np.bool_))
        conversation.run(RANDOM)
    return conversation.model.shown


def measure(name: str, seed: int, out: Path) -> str:
    """Exercise a board of a configuration; leave what it went through in a folder, and return it in a line.

    Raises
    ------
    BackspikeError
        The board differs from the model, or a tool is missing.
    """
    config, ticks, begin = config_of(name), TickBins(), time.process_time()
    bins, clocks, samples = phases(config), 0, 0
    make_directory(out)
    for part, noise in enumerate((0.0, NOISE)):
        with SimulatedBoard(config, noise=noise, bins=bins) as board:
            if noise:
                schedule = schedule_of(config, load_dataset("random", config, seed), SAMPLES, seed)
                mismatch = compare_device(Device(SerialTransport(DirectLine(board)), config), schedule).mismatch
                if mismatch:
                    raise BackspikeError(f"{config.name}, on a line with noise: {mismatch}")
            else:
                samples = exercise(board, config, seed, ticks)
            board.write_coverage(out / f"{name}_{part}.dat")
            write_atomic(out / f"{name}.v", board.verilog.encode())
            clocks += board.clocks
    found = {"ticks": ticks.hits, "line": f"{config.name}: {clocks:,} cycles, {samples:,} samples, seed {seed}"}
    write_atomic(out / f"{name}.json", json.dumps(found).encode())
    return f"{found['line']} ({time.process_time() - begin:.0f} s)"


def config_of(name: str) -> NetworkConfig:
    """Return a preset, or the random configuration of a seed."""
    return random_config(int(name)) if name.isdecimal() else load_config(name)


def gather(names: Sequence[str], out: Path) -> tuple[Coverage, Counter[str], list[str]]:
    """Return what the boards went through, by the Verilog and by the model, and a line on each."""
    coverage, ticks, lines = Coverage(), Counter[str](), []
    for name in names:
        config = config_of(name)
        design = Design(config.name, (out / f"{name}.v").read_text(encoding="utf-8"), f"{config.name}_board")
        for part in range(2):
            coverage.add(design, (out / f"{name}_{part}.dat").read_text(encoding="utf-8"), phases(config))
        found = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        ticks.update(found["ticks"])
        lines.append(found["line"])
    return coverage, ticks, lines


def wanted_bins(configs: Iterable[NetworkConfig]) -> list[str]:
    """Return all bins that may not be empty."""
    configs = list(configs)
    endings = [name for config in configs for name in ending_bins(config)]
    return [*TICK_BINS, *endings, *dict.fromkeys(name for config in configs for name in phases(config))]


def table(
    coverage: Coverage, waived: Mapping[Waiver, Sequence[Hole]], hits: Mapping[str, int], lines: list[str]
) -> str:
    """Return the tables in Markdown; `hits` are those of all bins."""
    accepted = Counter((hole.component, hole.kind) for spoken_of in waived.values() for hole in spoken_of)
    total: Counter[tuple[str, str]] = Counter()
    rows = []
    for component, counts in coverage.counts().items():
        for kind in KINDS:
            hit, points, unreachable = counts[kind]
            total.update({(kind, "hit"): hit, (kind, "all"): points - unreachable})
            total.update({(kind, "waived"): accepted[component, kind]})
        cells = (_share(hit, points - out, accepted[component, kind]) for kind, (hit, points, out) in counts.items())
        rows.append(f"| `{component}` | {' | '.join(cells)} |")
    cells = (_share(total[kind, "hit"], total[kind, "all"], total[kind, "waived"]) for kind in KINDS)
    text = [
        "| component | lines | branches | toggles |",
        "|---|---|---|---|",
        *rows,
        f"| all | {' | '.join(cells)} |",
        "",
    ]
    text += ["| holes | of | why they are none |", "|---|---|---|"]
    text += [f"| {len(spoken_of)} | `{waiver.component}` | {waiver.reason} |" for waiver, spoken_of in waived.items()]
    text += [
        "",
        "| bin | hits |",
        "|---|---|",
        *(f"| {name} | {count:,} |" for name, count in hits.items()),
        "",
        *lines,
    ]
    return "\n".join(text) + "\n"


def _share(hit: int, reachable: int, accepted: int) -> str:
    if not reachable:
        return ""
    return f"{100 * hit / reachable:.1f} % of {reachable:,}" + (f", {accepted:,} waived" if accepted else "")


@click.command()
@click.option("--config", "names", multiple=True, default=CONFIGS, show_default=True, help="Preset, or random seed.")
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
@click.option("--keep", is_flag=True, help="Take the simulations that are there: for work on the waivers.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, show_default=True)
def main(names: tuple[str, ...], seed: int, jobs: int, keep: bool, out: Path) -> None:
    """Measure coverage."""
    try:
        if not keep:
            with ProcessPoolExecutor(jobs) as pool:
                for line in pool.map(partial(measure, seed=seed, out=out), names):
                    click.echo(line)
        coverage, ticks, lines = gather(names, out)
        hits = {name: (ticks + coverage.bins)[name] for name in wanted_bins(map(config_of, names))}
        empty = [Hole("bins", "bin", name, "no board") for name, count in hits.items() if not count]
        waived, holes = sort_out([*coverage.holes(), *empty], read_waivers(read_toml(WAIVERS)))
    except BackspikeError as error:
        raise click.ClickException(f"{error} (seed {seed})") from error
    write_atomic(out / "coverage.md", table(coverage, waived, hits, lines).encode())
    for hole in holes:
        click.echo(f"not covered: {hole}")
    click.echo(f"{out / 'coverage.md'}: {len(holes)} holes without a waiver, seed {seed}")
    if holes:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
