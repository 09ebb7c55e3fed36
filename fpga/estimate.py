"""What a network and its host link take on a device, before synthesis: a linear model fitted to real netlists.

Features are what the hardware is made of: lanes times the bits of a weight, units, streams, layers. The coefficients
are fitted, when asked for, to the record that `bench/area.py` makes (`fpga/area.json`), so they change with it alone.
Block RAMs follow from the shapes of the memories of weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.files import write_atomic

from .boards import Board
from .throughput import clocks_a_sample

__all__ = ["CAPACITY", "RECORD", "Estimate", "block_rams", "error_table", "estimate", "features", "write_record"]

RECORD = Path(__file__).with_name("area.json")
"""The networks that were synthesised, and their cells."""

# Cells of a netlist and how many logic cells each takes: a carry of the ECP5 has two tables, its distributed RAM four.
_LUTS = {"ice40": {"SB_LUT4": 1}, "ecp5": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}}
_FLIP_FLOPS = {"ice40": "SB_DFF", "ecp5": "TRELLIS_FF"}

# Tables and block RAMs of the devices, by the board's name.
CAPACITY = {
    "icebreaker": (5_280, 30),
    "hx8k": (7_680, 32),
    "ulx3s-12f": (24_288, 56),
    "ulx3s-25f": (24_288, 56),
    "ulx3s-45f": (43_848, 108),
    "ulx3s-85f": (83_640, 208),
    "colorlight": (24_288, 56),
}
"""Look-up tables and block RAMs of each board's device."""

# Widest word of a block RAM and, for each width, how deep it is.
_SHAPES = {"ice40": ((16, 256), (8, 512), (4, 1024), (2, 2048)), "ecp5": ((36, 512), (18, 1024), (9, 2048), (4, 4096))}


@dataclass(frozen=True)
class Estimate:
    """What a network with its host link takes.

    Attributes
    ----------
    luts, flip_flops : int
        Four-input tables and flip-flops after synthesis; place and route adds a few per cent.
    block_rams : int
        Block RAMs that the weights take, packed by themselves; the other memories add a few.
    clocks : float or None
        Clocks of a training sample, where there is a result of these layers.
    """

    luts: int
    flip_flops: int
    block_rams: int
    clocks: float | None

    def fits(self, board: Board) -> bool:
        """Whether place and route can be expected to succeed: nine tenths of the tables, and all block RAMs but two."""
        luts, blocks = CAPACITY[board.name]
        return max(self.luts, self.flip_flops) <= 0.9 * luts and self.block_rams <= blocks - 2


def features(config: NetworkConfig) -> NDArray[np.float64]:
    """Return what the area grows with, shape (4,), the last a constant 1.

    Bits of weights worked on in a clock, in all layers; classes; bits of the random states at the input.
    """
    lanes, banks = np.array(config.lanes), np.array(config.banks)
    streams = config.input_lanes or config.input_streams
    inputs = streams * config.lfsr_bits if config.input == "rate" else 0
    return np.array([float((lanes * banks).sum() * config.weight_bits), float(config.layers[-1]), float(inputs), 1.0])


def block_rams(config: NetworkConfig, board: Board) -> int:
    """Return how many block RAMs the weights take: a word of a row in each memory word, every bank by itself.

    Layers whose memories have a single port take none where synthesis puts them into single-port RAM.
    """
    total = 0
    for layer, banks in enumerate(config.banks):
        if config.ports[layer] == 1 and "-spram" in board.synthesis:
            continue
        rows, fold = -(-(config.layers[layer] + 1) // banks), config.folds[layer]
        width = config.lanes[layer] * config.weight_bits
        total += banks * min(-(-width // bits) * -(-rows * fold // deep) for bits, deep in _SHAPES[board.family])
    return total


def estimate(config: NetworkConfig, board: Board, record: Path = RECORD) -> Estimate:
    """Return what a network with its host link takes on a board.

    Raises
    ------
    BackspikeError
        The record has no networks for the board's family, or is missing.
    """
    samples = _read(record)
    counted = [sample for sample in samples if sample["family"] == board.family]
    if not counted:
        known = ", ".join(sorted({sample["family"] for sample in samples}))
        raise BackspikeError(f"there is no estimate for {board.family}, which {board.name} has; only for {known}")
    luts, flip_flops = (round(float(features(config) @ _fit(counted, kind))) for kind in ("luts", "flip_flops"))
    return Estimate(luts, flip_flops, block_rams(config, board), clocks_a_sample(config))


def error_table(samples: list[dict[str, Any]], family: str) -> str:
    """Return, for each network of a family, its cells and how far off the model is that was fitted to the others."""
    counted = [sample for sample in samples if sample["family"] == family]
    lines, errors = [f"{family}: luts and flip-flops counted, and the error of a model fitted to the others"], []
    for number, sample in enumerate(counted):
        others = counted[:number] + counted[number + 1 :]
        config, cells = NetworkConfig.from_dict(sample["config"]), []
        for kind in ("luts", "flip_flops"):
            real = _counted(sample, kind)
            errors.append(float(features(config) @ _fit(others, kind)) / real - 1)
            cells.append(f"{real:>6,} {errors[-1]:+7.1%}")
        shape = "-".join(map(str, config.layers))
        lines.append(f"{shape:<14}{','.join(map(str, config.lanes)):<8}{'  '.join(cells)}")
    size = np.abs(errors)
    lines.append(f"mean {size.mean():.1%}, largest {size.max():.1%}")
    return "\n".join(lines)


def write_record(samples: list[dict[str, Any]], path: Path) -> None:
    """Write a record, one network a line."""
    lines = ",\n".join(json.dumps(sample) for sample in samples)
    write_atomic(path, f"[\n{lines}\n]\n".encode())


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BackspikeError(f"cannot read {path}, which bench/area.py makes: {error}") from error


def _counted(sample: dict[str, Any], kind: str) -> int:
    cells, family = sample["cells"], sample["family"]
    if kind == "flip_flops":
        return sum(number for cell, number in cells.items() if cell.startswith(_FLIP_FLOPS[family]))
    return sum(weight * cells.get(cell, 0) for cell, weight in _LUTS[family].items())


def _fit(samples: list[dict[str, Any]], kind: str) -> NDArray[np.float64]:
    """Return coefficients, none below zero, with the least sum of squared relative errors.

    Of too few or too like networks, features whose coefficient would be negative are left out, the worst one first.
    """
    rows = np.array([features(NetworkConfig.from_dict(sample["config"])) for sample in samples])
    real = np.array([_counted(sample, kind) for sample in samples], dtype=float)
    used = list(range(rows.shape[1]))
    while True:
        found, *_ = np.linalg.lstsq(rows[:, used] / real[:, None], np.ones(len(real)), rcond=None)
        if (found >= 0).all():
            break
        weight = found * rows[:, used].mean(axis=0)
        del used[int(weight.argmin())]
    coefficients = np.zeros(rows.shape[1])
    coefficients[used] = found
    return coefficients
