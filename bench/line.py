"""What a serial line leaves of a chip's speed: samples trained per second by simulated boards, through their link.

    BACKSPIKE_DATA=... python bench/line.py

The whole board is simulated, and the real driver trains it; results and weights have to be the golden model's. The
network has been trained for an epoch before, so that its lists and ticks are those of a training. Prints and saves a
page, and ends with status 1 at a mismatch.
"""

from __future__ import annotations

import copy
from pathlib import Path

import click
import numpy as np
from epoch import made_with
from table import markdown

from backspike.datasets import Dataset, load_dataset
from backspike.files import write_atomic
from backspike.fpga.boards import USUAL_BAUD, Board, find_board
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.fpga.throughput import link_samples, samples_through_link
from backspike.link import BYTE_BITS
from backspike.model import Network
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.training.device import DeviceEngine
from backspike.training.differences import MismatchError
from backspike.training.engines import load_engine
from backspike.training.order import sample_order
from backspike.training.trainer import rates_of_epoch

NETWORKS = (
    ("icebreaker", "mnist-up5k", "mnist"),
    ("icebreaker", "digits", "digits"),
    ("hx8k", "digits", "digits"),
    ("ulx3s-25f", "digits", "digits"),
)
"""Boards with a preset that fits, and the dataset that it is trained on."""

COLUMNS = [
    "board, network",
    "Mbit/s",
    "chip alone",
    "line alone",
    "both times added",
    "measured, full frames",
    "`input_buffers` samples per frame",
]

_TITLE = """\
# What a serial line leaves of a chip's speed

Samples trained per second through the host link of simulated boards, each with the bit rate of any bridge and with that
of its own, at the clock that the board is built for. The host is the real driver, and sends its next frame two bytes'
time after an answer. The chip alone: the cycles in which it was busy. The line alone: the bytes of the samples' lists.
Winners, wins and weights were the golden model's. What decides it is in [boards.md](boards.md). Written by
`python bench/line.py`.

"""


@click.command()
@click.option("--samples", type=click.IntRange(1), default=300, show_default=True, help="Of the second epoch.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/line.md"), show_default=True)
def main(samples: int, out: Path) -> None:
    """Train through lines."""
    lines = [COLUMNS]
    for name, preset, dataset in NETWORKS:
        board = find_board(name)
        network = Network(board.load_config(preset))
        config = network.config
        data = load_dataset(dataset, config, config.seed)
        order = sample_order(len(data.train_labels), config.seed, 0)
        network.rates = rates_of_epoch(config, 0)
        load_engine("fast")(network, data.train_values, data.train_labels, order, True)
        shown = sample_order(len(data.train_labels), config.seed, 1)[:samples]
        # A device has the LFSR states of its seed at first, and so does the model beside it.
        trained = Network(config, network.weights)
        trained.rates = rates_of_epoch(config, 1)
        entries = float(np.mean(np.count_nonzero(data.train_values[shown], axis=1)))
        for baud in sorted({USUAL_BAUD, board.usual_baud(board.clock)}):
            carried = link_samples(config, baud / BYTE_BITS, entries)
            full, alone = speed(board, trained, data, shown, baud, None)
            few, _ = speed(board, trained, data, shown, baud, config.input_buffers)
            added = samples_through_link(alone, carried)
            lines.append(
                [
                    f"`{name}`, `{preset}`",
                    f"{baud / 1e6:g}",
                    *(f"{number:,.0f}" for number in (alone, carried, added, full, few)),
                ]
            )
            click.echo(" ".join(lines[-1]))
    made = "; ".join(made_with().values())
    write_atomic(out, f"{_TITLE}{markdown(lines)}\n{len(shown)} samples of the second epoch each; {made}.\n".encode())


def speed(
    board: Board, trained: Network, data: Dataset, order: np.ndarray, baud: int, samples_per_frame: int | None
) -> tuple[float, float]:
    """Return the samples trained per second through a line, and by the chip alone."""
    model = copy.deepcopy(trained)
    config = model.config
    pll, divisor = board.timing(board.clock, baud)
    with SimulatedBoard(config, divisor) as simulated:
        line = DirectLine(simulated)
        # Seconds of the line are not this board's; nothing is lost on it, so that nothing need be sent again.
        device = Device(SerialTransport(line, line.seconds), config, 10.0, samples_per_frame)
        engine = DeviceEngine(device)
        # With no sample, it gives the device the model's weights, LFSRs and rates.
        engine(model, data.train_values, data.train_labels, order[:0], True)
        busy, clocks = device.counters()["CLOCKS"], simulated.clocks
        try:
            engine(model, data.train_values, data.train_labels, order, True)
            clocks = simulated.clocks - clocks
            busy = device.counters()["CLOCKS"] - busy
            engine.compare_weights(model)
        except MismatchError as error:
            raise click.ClickException(f"{board.name} at {baud:,} bits per second: {error}") from error
    return tuple(len(order) * pll.frequency * 1e6 / cycles for cycles in (clocks, busy))


if __name__ == "__main__":
    main()
