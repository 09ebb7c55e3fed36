"""What a network and its host link take on a device, before synthesis: a linear model fitted to real netlists.

Look-up tables and flip-flops grow with what the design is made of (`contents.py`), by coefficients that are fitted,
when asked for, to the record that `bench/area.py` makes (`fpga/area.json`): they change with it alone. Block RAMs are
not fitted: they follow from the shapes of the memories, as Yosys maps them; those that a board has left are filled as a
build fills them (`blocks.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.files import read_json, reading, write_atomic

from .blocks import REGISTERS_PREFERRED, choose
from .boards import Board
from .contents import Contents, Memory, contents
from .families import area_of

__all__ = [
    "RECORD",
    "Estimate",
    "counted",
    "error_table",
    "estimate",
    "families",
    "features",
    "ram_cells",
    "write_record",
]

RECORD = Path(__file__).with_name("area.json")
"""The networks that were synthesised, and their cells."""

KINDS = ("luts", "flip_flops")

# A bit that is chosen among several tables costs something too.
_CHOICE = 0.5


@dataclass(frozen=True)
class Estimate:
    """What a network with its host link takes.

    Attributes
    ----------
    luts, flip_flops : int
        Four-input tables and flip-flops after synthesis.
    logic_cells : int
        What place and route makes of them: LCs of an iCE40, TRELLIS_COMBs of an ECP5.
    block_rams, single_port_rams : int
    """

    luts: int
    flip_flops: int
    logic_cells: int
    block_rams: int
    single_port_rams: int

    def fits(self, board: Board) -> bool:
        """Whether place and route can be expected to succeed: nearly all logic cells, and all RAMs."""
        has = board.capacity
        return (
            self.logic_cells <= area_of(board.family.name).full * has.logic_cells
            and self.block_rams <= has.block_rams
            and self.single_port_rams <= has.single_port_rams
        )


def ram_cells(memories: tuple[Memory, ...], family: str, single_port: bool, blocks: int = 0) -> dict[str, int]:
    """Return the block RAMs, single-port RAMs, tables of distributed RAM, and bits in registers that memories take.

    Parameters
    ----------
    memories : tuple of Memory
    family : str
        ``"ice40"`` or ``"ecp5"``.
    single_port : bool
        The device has RAMs with a single port for the memories that need no more.
    blocks : int
        Block RAMs of the device: those that are left are given to memories that would be registers.
    """
    area = area_of(family)
    small: list[tuple[int, int]] = []
    found = {"block_rams": 0, "single_port_rams": 0, "distributed": 0, "registers": 0}
    for memory in memories:
        amounts = {"registers": memory.width * memory.depth, "block_rams": _least(memory, area.shapes)}
        if single_port and memory.single:
            amounts["single_port_rams"] = _least(memory, area.single_port)
        if area.distributed:
            bits, words, tables = area.distributed
            part = replace(memory, width=-(-memory.width // memory.enables))
            amounts["distributed"] = tables * memory.enables * _least(part, ((bits, words),))
        costs: dict[str, float] = {kind: area.costs[kind] * amount for kind, amount in amounts.items()}
        costs["registers"] -= REGISTERS_PREFERRED
        if area.distributed:
            costs["distributed"] += _CHOICE * memory.width * ((memory.depth - 1) // area.distributed[1])
        kind = min(costs, key=lambda kind: costs[kind])
        found[kind] += amounts[kind]
        if kind == "registers" and not area.distributed:
            small.append((amounts["registers"], amounts["block_rams"]))
    for number in choose(small, blocks - found["block_rams"]):
        found["registers"] -= small[number][0]
        found["block_rams"] += small[number][1]
    return found


def _least(memory: Memory, shapes: tuple[tuple[int, int], ...]) -> int:
    return min(-(-memory.width // bits) * -(-memory.depth // deep) for bits, deep in shapes)


def families(record: Path = RECORD) -> list[str]:
    """Return the families that the record has networks of."""
    return sorted({sample["family"] for sample in _read(record)})


def features(
    made_of: Contents, family: str, kind: str, single_port: bool = False, blocks: int = 0
) -> NDArray[np.float64]:
    """Return what tables (``kind`` "luts") or flip-flops grow with, the last a constant 1; RAMs as of `ram_cells`."""
    rams = ram_cells(made_of.memories, family, single_port, blocks)
    if kind == "flip_flops":
        return np.array([made_of.registers, rams["registers"], 1.0])
    return np.array([made_of.sums, made_of.comparisons, rams["registers"] + rams["distributed"], 1.0])


def estimate(config: NetworkConfig, board: Board, record: Path = RECORD) -> Estimate:
    """Return what a network with its host link takes on a board; takes as long as `contents`.

    Raises
    ------
    BackspikeError
        The cells of the board's family are not estimated, or the record has no networks of it, or is missing.
    """
    area = area_of(board.family.name)
    networks = [sample for sample in _read(record) if sample["family"] == board.family.name]
    if not networks:
        raise BackspikeError(f"{record} has no networks of the family {board.family.name}")
    made_of = contents(config)
    has, family = board.capacity, board.family.name
    device = (has.single_port_rams > 0, has.block_rams)
    cells = {kind: round(float(features(made_of, family, kind, *device) @ _fit(networks, kind))) for kind in KINDS}
    rams = ram_cells(made_of.memories, family, *device)
    luts, flip_flops = (cells[kind] for kind in KINDS)
    logic_cells = round(area.tables_per_cell * luts + area.flip_flops_per_cell * flip_flops)
    return Estimate(luts, flip_flops, logic_cells, rams["block_rams"], rams["single_port_rams"])


def error_table(samples: list[dict[str, Any]], family: str) -> str:
    """Return, for each network of a family, its cells and how far off the model is that was fitted to the others."""
    own = [sample for sample in samples if sample["family"] == family]
    lines, errors = (
        [f"{family}: luts and flip-flops counted, the error of a model fitted to the others; block RAMs"],
        [],
    )
    for number, sample in enumerate(own):
        others = own[:number] + own[number + 1 :]
        config, cells = NetworkConfig.from_dict(sample["config"]), []
        made_of = Contents.from_dict(sample["contents"])
        for kind in KINDS:
            real = _counted(sample, kind)
            errors.append(float(features(made_of, family, kind) @ _fit(others, kind)) / real - 1)
            cells.append(f"{real:>6,} {errors[-1]:+7.1%}")
        wanted = ram_cells(made_of.memories, family, False)["block_rams"]
        cells.append(f"{_counted(sample, 'block_rams'):>4} {wanted:>4}")
        shape = "-".join(map(str, config.layers))
        lines.append(f"{shape:<14}{','.join(map(str, config.lanes)):<8}{'  '.join(cells)}")
    size = np.abs(errors)
    lines.append(f"mean {size.mean():.1%}, largest {size.max():.1%}")
    return "\n".join(lines)


def write_record(samples: list[dict[str, Any]], path: Path) -> None:
    """Write a record, one network per line."""
    lines = ",\n".join(json.dumps(sample) for sample in samples)
    write_atomic(path, f"[\n{lines}\n]\n".encode())


def _read(path: Path) -> list[dict[str, Any]]:
    with reading(path, "the record of bench/area.py"):
        return [dict(sample) for sample in read_json(path, "the record of bench/area.py")]


def counted(cells: dict[str, int], family: str) -> dict[str, int]:
    """Return the tables, flip-flops and block RAMs of a netlist, from its cells by name."""

    def those(start: str) -> int:
        return sum(number for cell, number in cells.items() if cell.startswith(start))

    area = area_of(family)
    luts = sum(weight * cells.get(cell, 0) for cell, weight in area.luts.items())
    return {"luts": luts, "flip_flops": those(area.flip_flops), "block_rams": those(area.block_rams)}


def _counted(sample: dict[str, Any], kind: str) -> int:
    return counted(sample["cells"], sample["family"])[kind]


def _fit(samples: list[dict[str, Any]], kind: str) -> NDArray[np.float64]:
    """Return coefficients, none below zero, with the least sum of squared relative errors.

    Of too few or too like networks, features whose coefficient would be negative are left out, the worst one first.
    """
    rows = np.array([features(Contents.from_dict(sample["contents"]), sample["family"], kind) for sample in samples])
    real = np.array([_counted(sample, kind) for sample in samples], dtype=float)
    used = [column for column in range(rows.shape[1]) if rows[:, column].any()]
    while True:
        found, *_ = np.linalg.lstsq(rows[:, used] / real[:, None], np.ones(len(real)), rcond=None)
        if (found >= 0).all():
            break
        weight = found * rows[:, used].mean(axis=0)
        del used[int(weight.argmin())]
    coefficients = np.zeros(rows.shape[1])
    coefficients[used] = found
    return coefficients
