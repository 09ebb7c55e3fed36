"""What networks take on the boards that are known, the largest that fits each, and what each unit takes alone.

    python bench/resources.py

Writes `docs/resources.md`. Networks are estimated (`fpga/estimate.py`); units are synthesised.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import click
from amaranth.lib import wiring
from area import count
from table import markdown

from backspike.config import PRESETS, NetworkConfig
from backspike.files import write_atomic
from backspike.fpga import estimate
from backspike.fpga.boards import BOARDS, Board, find_board
from backspike.fpga.families.family import Capacity
from backspike.fpga.flow import synthesise
from backspike.fpga.throughput import UnknownWorkError, cycles_per_sample, find_work
from backspike.fpga.tools import tool_version
from backspike.hdl.neuron import CompositeNeuron
from backspike.hdl.spikes import SpikeGenerator
from backspike.hdl.synapses import SynapseArray, drive_shape, error_shape
from backspike.hdl.verilog import emit
from backspike.hdl.wta import WinnerTakeAll

OUT = Path("docs/resources.md")
STEP = 10
"""Hidden units by which the largest network is looked for."""

MOST = 1_000
"""Hidden units of the largest network that is tried."""

PARTS = {
    "line and COBS": r"board\.transport",
    "frames in: memory, CRC": r"board\.link\.(receiver|checksum|body)",
    "requests: what is right": r"board\.link\.checker",
    "requests: what is done, lists": r"board\.link\.executor",
    "answers: memory, sequence": r"board\.(link|answer)",
    "counters, the bits that count lately": r"board\.network\.registers\.recent",
    "registers, rates, weight window": r"board\.network\.(registers|window|access|control__rate)",
    "seeds of the LFSRs": r"board\.network\.(seeder|layer_1\.seeds)",
    "input: lists, LFSRs": r"board\.network\.source",
    "hidden layer": r"board\.network\.layer_1",
    "output layer": r"board\.network\.layer_2",
    "ticks, wins, clock and reset": "",
}
"""Parts of a board's design, each with a pattern of names; the first that matches counts."""


def synapses(config: NetworkConfig) -> int:
    """Return the weights of a network, those of bias rows included."""
    return sum(layer.rows * layer.units for layer in config.weight_layers)


def boards() -> list[Board]:
    """Return the boards of whose family there is a record, one for each size of device."""
    found: dict[Capacity, Board] = {}
    for board in BOARDS.values():
        if board.family.name in estimate.families():
            found.setdefault(board.capacity, board)
    return list(found.values())


def presets() -> list[list[str]]:
    """Return the estimates of all presets on all boards."""
    sizes, speeds = ["LUTs", "flip-flops", "logic cells", "block RAMs"], ["images/s", "images/s per 1,000 LUTs"]
    lines = [["board", "preset", *sizes, "fits", "LUTs a synapse", *speeds]]
    works = {}
    for name, preset in PRESETS.items():
        with suppress(UnknownWorkError):
            works[name] = find_work(preset)
    for board in boards():
        for name in PRESETS:
            config = board.load_config(name)
            found, clock = estimate.estimate(config, board), board.clock
            fits = found.fits(board)
            speed = clock * 1e6 / cycles_per_sample(config, works[name]) if name in works and fits else None
            rams = str(found.block_rams) + (f" + {found.single_port_rams} SP" if found.single_port_rams else "")
            lines.append(
                [
                    board.name,
                    f"`{name}`",
                    f"{found.luts:,}",
                    f"{found.flip_flops:,}",
                    f"{found.logic_cells:,} of {board.capacity.logic_cells:,}",
                    rams,
                    f"yes, at {clock:g} MHz" if fits else "no",
                    f"{found.luts / synapses(config):.2f}",
                    f"{speed:,.0f}" if speed else "-",
                    f"{1000 * speed / found.luts:,.0f}" if speed else "-",
                ]
            )
    return lines


def whole_rows(units: int) -> NetworkConfig:
    """Return 784-units-10 as `mnist-ecp5`: a row per cycle."""
    return PRESETS["mnist-ecp5"].replace(layers=(784, units, 10), lanes=(units, 10), unit_lanes=(units // 5,))


def few_lanes(units: int) -> NetworkConfig:
    """Return 784-units-10 as `mnist-up5k`: two synapses per cycle."""
    return PRESETS["mnist-up5k"].replace(layers=(784, units, 10))


def largest() -> list[list[str]]:
    """Return for each board and kind of network the most hidden units that fit."""
    lines = [["board", "network", "hidden units", "synapses", "logic cells", "block RAMs"]]
    kinds = {"a row per cycle, 9-bit weights": whole_rows, "two synapses per cycle, 8-bit weights": few_lanes}
    for board in boards():
        for kind, network in kinds.items():
            # Half the range is left out with each network that is tried.
            fitting, beyond = 0, MOST // STEP + 1
            while beyond - fitting > 1:
                middle = (fitting + beyond) // 2
                if estimate.estimate(network(middle * STEP), board).fits(board):
                    fitting = middle
                else:
                    beyond = middle
            if not fitting:
                lines.append([board.name, kind, f"none of {STEP} or more", "-", "-", "-"])
                continue
            config = network(fitting * STEP)
            found = estimate.estimate(config, board)
            cells = [f"{synapses(config):,}", f"{found.logic_cells:,}", f"{found.block_rams:,}"]
            lines.append([board.name, kind, str(fitting * STEP), *cells])
            click.echo(" ".join(lines[-1]), err=True)
    return lines


def units() -> list[list[str]]:
    """Return what units take alone, as they are in `mnist-ecp5`."""
    config = PRESETS["mnist-ecp5"]
    hidden = config.weight_layer(1)
    parts: dict[str, wiring.Component] = {
        "spike generator": SpikeGenerator(config.lfsr_bits),
        "composite neuron": CompositeNeuron(
            config, hidden.dropout, drive_shape(hidden).width, error_shape(hidden.above).width
        ),
        "winner-take-all of ten": WinnerTakeAll(config),
    }
    lines = [["unit", *(f"{family}: LUTs, flip-flops, block RAMs" for family in estimate.families())]]
    lines += [[name] for name in parts] + [["synapse lane"]]
    sizes = [config.replace(layers=(784, n, 10), lanes=(n, 10), unit_lanes=(n,)) for n in (16, 24)]
    arrays = [SynapseArray(size.weight_layer(1)) for size in sizes]
    verilog = [emit(part, "unit") for part in parts.values()]
    narrow, wide = (emit(array, "unit") for array in arrays)
    for family in estimate.families():
        for line, text in zip(lines[1:], verilog, strict=False):
            cells = estimate.counted(count(text, "unit", family), family)
            line.append(", ".join(f"{number:,}" for number in cells.values()))
        # What a lane more takes: an eighth of what eight do.
        few, many = (estimate.counted(count(text, "unit", family), family) for text in (narrow, wide))
        lines[-1].append(", ".join(f"{(many[kind] - few[kind]) / 8:.1f}" for kind in few))
    return lines


def parts(preset: str, board: Board) -> list[list[str]]:
    """Return where the cells of a preset's netlist on an iCE40 board are.

    A table has the name of the register or the port next to it, which Yosys gives it; where parts share one, this is a
    guess. A flip-flop whose input is not a table of its own takes a logic cell alone.
    """
    pll, divisor = board.timing(board.clock, board.usual_baud(board.clock))
    folder = synthesise(board, board.load_config(preset), pll, divisor).folder
    cells = json.loads((folder / "top.json").read_text())["modules"]["top"]["cells"]
    bits = [bit for cell in cells.values() for ends in cell["connections"].values() for bit in ends]
    uses = Counter(bits)
    tables = {cell["connections"]["O"][0] for cell in cells.values() if cell["type"] == "SB_LUT4"}
    found: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for name, cell in cells.items():
        part = next(part for part, pattern in PARTS.items() if re.match(pattern, name))
        kind = cell["type"].removeprefix("SB_").split("_")[0]
        if kind.startswith("DFF"):
            own = cell["connections"]["D"][0]
            found[part]["flip-flops"] += 1
            found[part]["alone"] += not (own in tables and uses[own] == 2)
        found[part][kind] += 1
    lines = [["part", "cells", "LUTs", "flip-flops", "of these alone", "block RAMs"]]
    for part, kinds in sorted(found.items(), key=lambda item: -item[1]["LUT4"] - item[1]["alone"]):
        numbers = [kinds["LUT4"] + kinds["alone"], kinds["LUT4"], kinds["flip-flops"], kinds["alone"], kinds["RAM40"]]
        lines.append([part, *(f"{number:,}" for number in numbers)])
    return lines


@click.command()
def main() -> None:
    """Estimate, synthesise and write the page."""
    page = f"""# Resources

Made by `python bench/resources.py` with {tool_version("yosys")}. Networks are estimates, with their host link, before
place and route; how good they are is in [hardware.md](hardware.md). What was built is in [boards.md](boards.md).

## Presets on boards

Lanes are those that `backspike build` takes for the board. Images per second are those trained at the clock that the
board is built for, from the clocks of a mean sample in a whole training; SP is a RAM with a single port.

{markdown(presets())}
## The largest networks

784-N-10, N in steps of {STEP}, up to {MOST:,}: the most that can be expected to fit.

{markdown(largest())}
## Where the cells are

Of `tiny` on the iCEBreaker, after synthesis; cells are LUTs, and flip-flops that share none. Place and route adds those
that carry chains take alone.

{markdown(parts("tiny", find_board("icebreaker")))}
The layers and the input are the network's; the rest, link and registers, is what every board has. No single thing in
it is large any more. Registers on their way take a cell for each bit: a value to write and a response are 64. The bits
that count lately are needed since events come in every cycle, and a counter has its turn once in `4 * counters` of
them. The CRC takes a byte per cycle; taken bit by bit it would be smaller, and an answer eight times as long in the
making.

## Units alone

As they are in `mnist-ecp5`, synthesised by themselves. A spike generator and a neuron have no state of their own.

{markdown(units())}"""
    write_atomic(OUT, page.encode())
    click.echo(page)


if __name__ == "__main__":
    main()
