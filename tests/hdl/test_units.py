"""A few variants of every unit as Verilog, on both simulators: in one design, since a build takes longer than a bench.

Each unit's own test has all its variants, on Amaranth's simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import (
    test_counters,
    test_lfsr,
    test_neuron,
    test_registers,
    test_seeding,
    test_spikes,
    test_synapses,
    test_visits,
    test_word_store,
    test_wta,
)
from .benches.bench import Bench
from .link import test_cobs, test_event_counters, test_lists, test_uart
from .variants import ON_BOTH, Kinds, check

SEED = 20270


class Unit(NamedTuple):
    """A unit's bench and variants, and a few of them that show each side of it; the first two are built as Verilog."""

    bench: type[Bench]
    variants: Callable[[], Kinds]
    few: Sequence[str]


UNITS = {
    "cobs": Unit(test_cobs.CobsBench, test_cobs.variants, ["decoder", "encoder_512"]),
    "counters": Unit(test_counters.RecentEventsBench, test_counters.variants, ["kinds_4"]),
    "event_counters": Unit(test_event_counters.EventCountersBench, test_event_counters.variants, ["kinds_2"]),
    "generator": Unit(test_spikes.GeneratorBench, test_spikes.generators, ["wide_16", "wide_64", "stratified"]),
    "input_layer": Unit(test_spikes.InputLayerBench, test_spikes.input_layers, test_spikes.FEW),
    "joiner": Unit(test_visits.VisitJoinerBench, test_visits.joiners, ["units_24_4_2_4", "units_40_8_4_8"]),
    "lfsr": Unit(test_lfsr.RandomSteps, test_lfsr.variants, ["most", "seeding_40", "least", "drawing_24"]),
    "lists": Unit(test_lists.ListBench, test_lists.variants, ["few", "spikes"]),
    "membrane": Unit(test_neuron.MembraneBench, test_neuron.membranes, ["leak_0_of_5", "leak_3_of_30"]),
    "neuron": Unit(test_neuron.NeuronBench, test_neuron.neurons, ["neuron_0", "neuron_4"]),
    "registers": Unit(test_registers.RegisterFileBench, test_registers.variants, test_registers.FEW),
    "scanner": Unit(test_visits.RowScannerBench, test_visits.scanners, test_visits.FEW_SCANNERS),
    "serialiser": Unit(test_visits.SerialiserBench, test_visits.serialisers, ["slots_8_free", "slots_16_stalled"]),
    "seeding": Unit(test_seeding.LfsrSeederBench, test_seeding.variants, ["wide_16", "wide_40"]),
    "synapses": Unit(test_synapses.SynapseArrayBench, test_synapses.variants, test_synapses.FEW),
    "uart": Unit(test_uart.UartBench, test_uart.variants, test_uart.FEW),
    "word_store": Unit(
        test_word_store.WordStoreBench, test_word_store.variants, ["depth_1_of_4", "depth_5_of_3_fresh"]
    ),
    "wta": Unit(test_wta.WinnerTakeAllBench, test_wta.variants, ["race_1", "race_2"]),
}


@ON_BOTH
def test_units_do_as_verilog_what_they_do_elsewhere(simulator: str) -> None:
    variants, benches = {}, {}
    for name, unit in UNITS.items():
        # A reset in the middle of its bench would be that of all: it has a test of its own on each simulator.
        if name != "word_store":
            drawn = unit.variants()
            for variant in unit.few[:2]:
                variants[f"{name}_{variant}"] = drawn[variant]
                benches[f"{name}_{variant}"] = unit.bench
    check([benches], variants, simulator, SEED, "units")
