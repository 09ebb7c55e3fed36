"""An epoch that a simulated board plays out of its SDRAM, beside the golden model: every result's digest, all weights.

    BACKSPIKE_DATA=... python bench/board_epoch.py --config mnist-ecp5 --dataset mnist

The whole board is simulated: network, link, player, controller, and the SDRAM at its pins, which tells of every time
that is too short. The samples are put into the SDRAM's words directly, as 14 MB over a simulated line would take
longer than the epoch; orders, weights and runs go over the line, by the driver. Prints and saves a record, and ends
with status 1 at a mismatch.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np
from epoch import first_epoch, made_with, write_record
from tqdm import tqdm

from backspike.commands.options import seed_option
from backspike.fpga.link.device import Device
from backspike.fpga.link.sample_memory import SampleMemory
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.hdl.memory.sdram import Sdram
from backspike.model import Network
from backspike.model.records import digest, pack_records, results_of
from backspike.model.synapses import initial_weights
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.training.differences import weight_difference
from backspike.training.engines import load_engine
from backspike.training.trainer import rates_of_epoch

_TITLE = """\
# An epoch played out of a board's SDRAM

A whole board, simulated natively to the pins of its line and of its SDRAM, whose model checks every time
of the part, against the golden model: the digest of all results, the right answers, and in the end every
weight. [sample_memory.md](sample_memory.md) has the formats and the arithmetic. Written by
`make board-epoch`.

"""


@click.command()
@click.option("--config", "name", default="mnist-ecp5", show_default=True)
@click.option("--dataset", default="mnist", show_default=True)
@click.option("--samples", type=click.IntRange(1), help="The first so many of the epoch; all when left out.")
@seed_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/board_epoch.md"), show_default=True)
def main(name: str, dataset: str, samples: int | None, seed: int | None, out: Path) -> None:
    """Play one epoch."""
    config, data, order = first_epoch(name, dataset, samples, seed)
    seed = config.seed
    shown = np.sort(order)
    values, labels = data.train_values[shown], data.train_labels[shown]
    records = pack_records(config, values, labels)
    weights, rates = initial_weights(config, seed), rates_of_epoch(config, 0)

    start = time.perf_counter()
    with SimulatedBoard(config, sdram=Sdram()) as board:
        built = time.perf_counter()
        line = DirectLine(board)
        device = Device(SerialTransport(line, line.seconds), config, 0.2)
        device.write_weights(weights)
        memory = SampleMemory(device)
        for address in tqdm(np.flatnonzero(records.words).tolist(), unit=" words", disable=None):
            board.flip(address, int(records.words[address]))
        place = len(records.words)
        memory.write_order(place, records.addresses[np.searchsorted(shown, order)])
        device.write("CONTROL", 1)
        registers = device.registers
        clocks, begun = board.clocks, time.perf_counter()
        run = memory.run(place, len(order), learn=True, writes={**registers.rates(rates), **registers.seeding(seed)})
        with tqdm(total=len(order), unit=" samples", disable=None) as bar:
            found = memory.wait(run, bar.update)
        clocks, ran = board.clocks - clocks, time.perf_counter()
        counted, got, complaint = device.counters(), device.read_weights(), board.complaint

    network = Network(config, weights)
    network.rates = rates
    wins = load_engine("fast")(network, data.train_values, data.train_labels, order, True)
    results = results_of(wins)
    expected, right = digest(results), int(np.sum(results[:, 0] == data.train_labels[order]))
    for what, wanted, had in (
        ("samples done", len(order), found.done),
        ("damaged samples", 0, found.damaged),
        ("right answers", right, found.right),
        ("digest of the results", expected, found.digest),
        ("the SDRAM's complaint", "", complaint),
        ("weights", "", weight_difference(network.weights, got)),
    ):
        if wanted != had:
            raise click.ClickException(f"mismatch: {what}: expected {wanted!r}, got {had!r}")
    busy, waited = counted["CLOCKS"], counted["STALLS_SAMPLE"]
    record = {
        "configuration": f"{name}, SHA-256 {config.hash}",
        "samples": f"{len(order):,} of {dataset}, in the order of epoch 1, seed {seed}, {2 * place:,} bytes",
        "compared": f"digest of {found.done:,} results, {sum(matrix.size for matrix in got):,} weights",
        "mismatches": "0",
        "digest": f"{found.digest:#010x}",
        "clocks of the network": f"{busy:,}, {busy / len(order):,.1f} per sample",
        "clocks in which it had no sample": f"{waited:,} since the counters were cleared",
        "clocks of the run, as the host sees it": f"{clocks:,}, {clocks / len(order):,.1f} per sample",
        "time": f"{built - start:.0f} s to compile the Verilog, {ran - begun:.0f} s for the run",
        **made_with(),
    }
    write_record(out, record, _TITLE)


if __name__ == "__main__":
    main()
