"""The command `build`: a network's bitstream for a board, and what it takes and gives."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.files import make_directory, write_atomic
from backspike.link import BYTE_BITS
from backspike.locks import locked
from backspike.model.network import check_weights
from backspike.model.synapses import weights_digest

from .boards import USB, USB_BYTES, Board, SampleMemory, chosen_line, find_board
from .families import FAMILIES
from .families.family import Family, Pll
from .flow import Step, place_and_route, synthesise
from .throughput import UnknownWorkError, Work, cycles_per_sample, find_work, link_samples, samples_through_link
from .tools import tool_version

__all__ = [
    "build",
    "check_timing",
    "count_cells",
    "describe_memory",
    "find_fastest",
    "format_report",
    "report_rows",
    "summarise",
]

MARGIN = 0.95
"""Part of the clock that a build has reached which the next one should ask for."""

ROUNDS = 3
"""Clocks that are tried, besides the first, to find the fastest."""

KINDS = ("luts", "flip_flops", "block_rams", "single_port_rams", "multipliers")
"""Kinds of cells that a report counts."""

TRIES = 5
"""Seeds that are tried, unless their number is asked for, until one meets its timing."""

NEAR = 0.93
"""Part of the clock asked for from which on another seed may reach it: they differ by a few per cent."""

# What nextpnr puts before a clock on the wires for clocks, behind the way to it, and what Amaranth calls those of USB.
_GLOBAL, _TRANSPORT_CLOCKS = "$glbnet$", ("usb_clk",)

WORTH = 1.2
"""Gain from which on a build's report names what it takes to have line and chip work at the same time."""


def build(
    board_name: str,
    config: NetworkConfig,
    out: Path,
    tell: Callable[[str], None],
    *,
    seed: int = 1,
    seeds: int | None = None,
    clock: float | None = None,
    fastest: bool = False,
    baud: int | None = None,
    usb: bool = False,
    dataset: str | None = None,
    weights: Sequence[NDArray[np.int64]] | None = None,
    sample_memory: SampleMemory = None,
) -> dict[str, Any]:
    """Build a network for a board, with one or several seeds of nextpnr, and keep the seed that comes out fastest.

    Leaves in `out` the bitstream ``<name>.bin``, ``.bit`` or ``.fs``, beside the latter the netlist that it was packed
    from; ``config.toml``, the configuration as built, whose hash the device answers; ``report.json`` and
    ``report.txt``; and the logs of the tools.

    Parameters
    ----------
    board_name : str
        A key of `backspike.fpga.boards.BOARDS`.
    config : NetworkConfig
        Built as it is; `Board.load_config` gives presets as they fit the board.
    out : Path
    tell : callable
        Takes each line of text for the user.
    seed : int
        The first one.
    seeds : int, optional
        How many; when left out, as many of up to `TRIES` as it takes until one meets the timing, or is far from it.
    clock : float, optional
        Clock in MHz; the board's when left out. The PLL gives the fastest that is not above it.
    fastest : bool
        Build again for the clock that this one turns out to allow, as `find_fastest` has it.
    baud : int, optional
        Bits per second on the line; `Board.usual_baud` when left out.
    usb : bool
        The host link is at the board's own USB port, and not at a serial line.
    dataset : str, optional
        Dataset of the training whose speed is told (`find_work`).
    weights : sequence of int64 array, shape (inputs + 1, units) each, optional
        What the device has at power-up; it has none when left out. They are in RAM that can be initialised, so not in
        an iCE40's SPRAM.
    sample_memory : int, or "sdram", optional
        What samples lie in that the device plays itself: bits of an address of words in its own RAM, or the board's
        SDRAM; nothing when left out.

    Returns
    -------
    dict
        What ``report.json`` has.

    Raises
    ------
    BackspikeError
        Board, clock, line, weights or memory are impossible, another process writes to `out`, a tool is missing, the
        design does not fit, or timing is not met with any seed; in the last case the report is written, but no
        bitstream.
    """
    board = find_board(board_name)
    line = chosen_line(baud, usb) or board.usual_baud(clock or board.clock)
    pll, divisor = board.timing(clock or board.clock, line, sample_memory)
    if usb:
        # That its package is missing is said before anything is written.
        import_module("backspike.hdl.link.usb_transport")
    if weights is not None:
        check_weights(config, weights)
    make_directory(out)
    numbers = range(seed, seed + (seeds or TRIES))
    attempt = partial(
        _attempt, board, config, weights=weights, sample_memory=sample_memory, seeds=numbers, every=seeds is not None
    )
    work: Work | UnknownWorkError
    try:
        work = find_work(config, dataset)
    except UnknownWorkError as error:
        work = error
    with locked(out):
        made = attempt(pll, divisor, work=work, tell=tell)
        if fastest:
            made = find_fastest(
                made,
                lambda mhz: attempt(*board.timing(mhz, line, sample_memory), work=work, tell=tell),
                lambda mhz: board.has_timing(mhz, line, sample_memory),
            )
        _write(made, board, config, out, tell)
    return made.report


def _write(made: _Attempt, board: Board, config: NetworkConfig, out: Path, tell: Callable[[str], None]) -> None:
    """Write down a build; its bitstream only if its timing is met."""
    report = made.report
    config.save(out / "config.toml")
    for step, log in ((made.netlist, "yosys.log"), (made.routed, "nextpnr.log")):
        write_atomic(out / log, (step.folder / log).read_bytes())
    table = format_report(report)
    write_atomic(out / "report.json", json.dumps(report, indent=2).encode() + b"\n")
    write_atomic(out / "report.txt", table.encode())
    tell(table.rstrip())
    for family in FAMILIES.values():
        for suffix in filter(None, (family.suffix, family.routed)):
            (out / f"{config.name}{suffix}").unlink(missing_ok=True)
    check_timing(report)
    product = board.family.bitstream(made.routed.folder)
    names = [f"{config.name}{product.suffix}"]
    write_atomic(out / names[0], product.read_bytes())
    if board.family.routed:
        names.append(f"{config.name}{board.family.routed}")
        write_atomic(out / names[1], (made.routed.folder / f"top{board.family.routed}").read_bytes())
    tell(f"in {out}: {', '.join(names)}, config.toml, report.json, report.txt, yosys.log, nextpnr.log")


@dataclass(frozen=True)
class _Attempt:
    """A build for one clock: its report, its netlist, and the place and route that is taken."""

    report: dict[str, Any]
    netlist: Step
    routed: Step


def _attempt(
    board: Board,
    config: NetworkConfig,
    pll: Pll,
    divisor: int | None,
    *,
    weights: Sequence[NDArray[np.int64]] | None,
    sample_memory: SampleMemory,
    seeds: Sequence[int],
    every: bool,
    work: Work | UnknownWorkError,
    tell: Callable[[str], None],
) -> _Attempt:
    """Synthesise for the clock of a PLL, place and route with every seed, or until none more is of use."""
    platform = board.platform()
    with tqdm(total=1 + (len(seeds) if every else 1), unit=" steps", disable=None, leave=False) as bar:
        bar.set_description("synthesis")
        start = time.perf_counter()
        netlist = synthesise(board, config, pll, divisor, weights, board.sample_memory(sample_memory, pll.frequency))
        tell(_took("synthesis", netlist, start))
        bar.update()
        routed: dict[int, Step] = {}
        reports: dict[int, dict[str, Any]] = {}
        opinions: dict[int, tuple[str, float] | None] = {}
        for number in seeds:
            bar.set_description(f"place and route, seed {number}")
            start = time.perf_counter()
            routed[number] = place_and_route(board, netlist, pll.frequency, number)
            tell(_took(f"place and route, seed {number}", routed[number], start))
            reports[number] = json.loads((routed[number].folder / "nextpnr.json").read_text())
            opinions[number] = board.family.second_opinion(routed[number].folder, platform)
            bar.update()
            if not every:
                if not NEAR <= _slack(_clocks(reports[number], pll.frequency, opinions[number])) < 1:
                    break
                bar.total += 1
    report = summarise(board, config, pll.frequency, divisor, reports, work, opinions)
    report["sample_memory"] = describe_memory(board, sample_memory)
    report["weights_sha256"] = None if weights is None else weights_digest(weights)
    report["cells"] = count_cells(json.loads((netlist.folder / "top.json").read_text()), board.family)
    return _Attempt(report, netlist, routed[report["seed"]])


def describe_memory(board: Board, kind: SampleMemory) -> dict[str, Any] | None:
    """Return what a report says of a memory for samples: what it is, and its KiB."""
    if kind is None:
        return None
    bits = kind if isinstance(kind, int) else board.sdram.address_bits if board.sdram else 0
    return {"kind": "RAM of the device" if isinstance(kind, int) else "SDRAM", "kib": (2 << bits) / 1024}


def find_fastest(first: _Attempt, attempt: Callable[[float], _Attempt], possible: Callable[[float], bool]) -> _Attempt:
    """Return the build for the fastest clock whose timing is met with a margin.

    The clock asked for is at most `MARGIN` of what the build before has reached, the fastest possible one of whole MHz;
    the first build that meets its timing so is taken. What is not faster than the first one is not tried, if that one
    has met its own; and after `ROUNDS` the first one is taken, or the last, if that one has not.

    Parameters
    ----------
    first : _Attempt
        A build for any clock.
    attempt : callable
        Makes a build for a clock in MHz.
    possible : callable
        Whether a clock in MHz can be made, and the line's out of it.
    """
    made = first
    for _ in range(ROUNDS):
        clock = next(filter(possible, range(int(_reachable(made.report)), 0, -1)), 0)
        if not clock or (first.report["timing_met"] and clock <= first.report["clock_mhz"]):
            break
        made = attempt(clock)
        if made.report["timing_met"]:
            return made
    return first if first.report["timing_met"] else made


def summarise(
    board: Board,
    config: NetworkConfig,
    clock: float,
    divisor: int | None,
    reports: dict[int, dict[str, Any]],
    work: Work | UnknownWorkError,
    opinions: Mapping[int, tuple[str, float] | None] | None = None,
) -> dict[str, Any]:
    """Return the report of a build from those of nextpnr, by seed, and the work of a training or why it is not known.

    The seed taken is the one whose slowest clock, as part of its constraint, is fastest. Where another tool has given a
    speed as well (`Family.second_opinion`), the lower one counts, and both are in the report. Without a divisor the
    link is over USB, and has no bit rate.
    """
    fmax = {seed: _clocks(report, clock, (opinions or {}).get(seed)) for seed, report in reports.items()}
    slack = {seed: _slack(clocks) for seed, clocks in fmax.items()}
    best = max(slack, key=lambda seed: slack[seed])
    known = work if isinstance(work, Work) else None
    clocks = cycles_per_sample(config, known) if known else None
    baud = None if divisor is None else clock * 1e6 / divisor
    trained, entries = None if clocks is None else clock * 1e6 / clocks, known.entries if known else None
    carried = link_samples(config, USB_BYTES if baud is None else baud / BYTE_BITS, entries)
    return {
        "board": board.name,
        "name": config.name,
        "layers": list(config.layers),
        "lanes": list(config.lanes),
        "banks": list(config.banks),
        "synapses": config.synapses,
        "input_buffers": config.input_buffers,
        "config_hash": config.hash,
        "clock_mhz": clock,
        "seed": best,
        "timing_met": slack[best] >= 1,
        "clocks": fmax[best],
        "seeds": {str(seed): clocks for seed, clocks in fmax.items()},
        "device": {cell: use for cell, use in reports[best]["utilization"].items() if use["available"] and use["used"]},
        "training": str(known) if known else None,
        "training_unknown_because": None if known else str(work),
        "entries_per_sample": entries,
        "cycles_per_training_sample": clocks,
        "training_samples_per_second": trained,
        "training_samples_per_second_at_fmax": (None if clocks is None else _fmax(fmax[best]) * 1e6 / clocks),
        "link": "serial line" if divisor is not None else USB,
        "baud": baud,
        "link_samples_per_second": carried,
        "training_samples_per_second_through_link": None if entries is None else samples_through_link(trained, carried),
        "tools": [tool_version(name) for name in ("yosys", board.family.place_and_route)],
    }


def count_cells(netlist: dict[str, Any], family: Family) -> dict[str, int]:
    """Count the cells of a netlist by kind, as Yosys left them: before nextpnr packs them."""
    types = Counter(cell["type"] for cell in netlist["modules"]["top"]["cells"].values())
    return {
        kind: sum(number for name, number in types.items() if name.startswith(family.cells.get(kind, ())))
        for kind in KINDS
    }


def format_report(report: dict[str, Any]) -> str:
    """Return the report as a table that people read."""
    rows = report_rows(report)
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name.ljust(width)}  {value}\n" for name, value in rows)


def report_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of that table: what is told, and what it is."""
    rows = [("network", f"{report['name']}, {'-'.join(map(str, report['layers']))}, on {report['board']}")]
    if report.get("synapses") == "crossbar":
        rows.append(("synapses", "crossbar"))
    else:
        rows.append(("lanes; banks", "; ".join(", ".join(map(str, report[key])) for key in ("lanes", "banks"))))
    if memory := report.get("sample_memory"):
        rows.append(("sample memory", f"{memory['kib']:,.0f} KiB, {memory['kind']}"))
    rows += [(kind.replace("_", " "), f"{number:,}") for kind, number in report["cells"].items() if number]
    rows += [(cell, f"{use['used']:,} of {use['available']:,}") for cell, use in report["device"].items()]
    for name, found in report["clocks"].items():
        tools = {tool: speed for tool, speed in found.items() if tool not in ("achieved", "constraint")}
        said = f" ({', '.join(f'{tool} {speed:.1f}' for tool, speed in tools.items())})" if tools else ""
        rows.append((f"clock {name}", f"{found['achieved']:.1f} MHz{said}, {found['constraint']:.1f} wanted"))
    slowest = {seed: _fmax(clocks) for seed, clocks in report["seeds"].items()}
    rows.append(("seeds", ", ".join(f"{seed}: {mhz:.1f} MHz" for seed, mhz in slowest.items())))
    rows.append(("seed taken", str(report["seed"])))
    if report["cycles_per_training_sample"] is not None:
        rows.append(("cycles per training sample", f"{report['cycles_per_training_sample']:,.0f} (estimate)"))
        rows.append(
            ("training samples per second", f"{report['training_samples_per_second']:,.0f} ({report['training']})")
        )
    else:
        rows.append(("training samples per second", f"unknown, because {report['training_unknown_because']}"))
    if report.get("link") == USB:
        rows.append(("host link", f"USB, full speed: {USB_BYTES / 1e6:.1f} MB/s at most"))
    bound = "at least, with every input in every list" if report["entries_per_sample"] is None else "at most"
    rows.append(("host link, samples per second", f"{report['link_samples_per_second']:,.0f} {bound}"))
    through = report["training_samples_per_second_through_link"]
    if through is not None:
        trained, carried = report["training_samples_per_second"], report["link_samples_per_second"]
        rows.append(("training through the link", f"{through:,.0f}"))
        if min(trained, carried) > WORTH * through:
            option = f"with --samples-per-frame {report['input_buffers']}"
            rows.append((option, f"{min(trained, carried):,.0f} at most, as chip and line work at the same time"))
        if trained > carried and report.get("link") != USB:
            rows.append(("with a higher --baud", "more, as the line is the slower"))
    return rows


def check_timing(report: dict[str, Any]) -> None:
    """Raise `BackspikeError` if no seed has met the timing."""
    if not report["timing_met"]:
        name, found = _slowest(report["clocks"])
        # No choice of the network's clock makes one faster that is always the same.
        other = "" if _of_transport(name) else f"--clock {_reachable(report):.0f}, or with "
        # Rounded to the nearest, one that misses by little would be said to reach what it has to.
        reached, wanted = math.floor(100 * found["achieved"]) / 100, math.ceil(100 * found["constraint"]) / 100
        raise BackspikeError(
            f"timing is not met on {report['board']}: {name} reaches {reached:.2f} MHz of the {wanted:.2f} that it "
            f"has to; build with {other}more --seeds"
        )


def _of_transport(clock: str) -> bool:
    """Return whether a clock, by nextpnr's name of it, is the host link's own, and not that of the network."""
    return clock.rpartition(".")[2].removeprefix(_GLOBAL) in _TRANSPORT_CLOCKS


def _own(clocks: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the clocks of the network, which a user chooses."""
    return {name: found for name, found in clocks.items() if not _of_transport(name)}


def _fmax(clocks: dict[str, dict[str, float]]) -> float:
    """Return the clock in MHz that the network can have."""
    return min(found["achieved"] for found in _own(clocks).values())


def _slowest(clocks: dict[str, dict[str, float]]) -> tuple[str, dict[str, float]]:
    """Return name and speed of the clock that reaches the least part of its constraint."""
    return min(clocks.items(), key=lambda item: item[1]["achieved"] / item[1]["constraint"])


def _reachable(report: dict[str, Any]) -> float:
    """Return the clock in MHz that a build like the one reported should ask for."""
    found = _slowest(_own(report["clocks"]))[1]
    clock: float = report["clock_mhz"]
    return MARGIN * clock * found["achieved"] / found["constraint"]


def _clocks(report: dict[str, Any], clock: float, opinion: tuple[str, float] | None) -> dict[str, dict[str, float]]:
    """Return the clocks of nextpnr's report; one that has no constraint of its own has the design's.

    The speed that another tool has given is of the slowest path, so it is for the slowest clock.
    """
    clocks = {
        name: {"achieved": float(found["achieved"]), "constraint": float(found.get("constraint") or clock)}
        for name, found in report["fmax"].items()
    }
    if opinion:
        tool, speed = opinion
        slowest = min(clocks.values(), key=lambda found: found["achieved"] / found["constraint"])
        slowest |= {"nextpnr": slowest["achieved"], tool: speed, "achieved": min(slowest["achieved"], speed)}
    return clocks


def _slack(clocks: Mapping[str, Mapping[str, float]]) -> float:
    """Return what the slowest of a report's clocks has reached, as a part of its constraint."""
    return min(found["achieved"] / found["constraint"] for found in clocks.values())


def _took(what: str, step: Step, start: float) -> str:
    return f"{what}: {'from the cache' if step.cached else f'{time.perf_counter() - start:.0f} s'}"
