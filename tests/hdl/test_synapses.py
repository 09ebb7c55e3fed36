"""The synapse array in hardware: every drive, error and weight, every strobe, and the clocks they come in."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Cat
from amaranth.sim import Simulator

from backspike.hdl import synapses
from backspike.hdl.ram import ram
from backspike.hdl.synapses import SynapseArray, drive_shape, error_shape
from backspike.hdl.verilog import find_ports
from backspike.sim.exercise import random_config

from .benches.simulation import simulate
from .benches.synapses import SynapseArrayBench
from .variants import FEW_AND_REST, choose

SEED = 20238


FEW = ["array_3_stalled", "array_5_free", "array_0_free"]


def variants():
    generator = random.Random(SEED)
    # Layers, lanes, banks, ports, the layer of the array; then weights of 4 to 16 bits.
    shapes = [
        ((6, 5, 3), (5, 3), (1, 1), (2, 1), 1),
        ((6, 5, 3), (5, 2), (1, 1), (1, 2), 2),
        ((1, 7, 2), (1, 1), (4, 1), (2, 2), 1),
        ((9, 7, 11), (3, 4), (1, 1), (2, 1), 2),
        ((6, 7, 3), (7, 2), (1, 4), (1, 2), 2),
        ((6, 11, 5), (4, 5), (1, 2), (2, 2), 2),
        ((13, 7, 3), (2, 2), (2, 1), (1, 2), 1),
        ((9, 11, 7), (3, 2), (1, 1), (2, 1), 2),
    ]
    variants = {}
    for number, (layers, lanes, banks, ports, layer) in enumerate([*shapes, *[(None, None, None, None, 0)] * 4]):
        fixed = {"layers": layers, "lanes": lanes, "banks": banks, "ports": ports} if layers else {}
        bits = generator.choice([4, 8, 16])
        config = random_config(generator.getrandbits(32), synapses="rows", weight_bits=bits, weight_frac=2, **fixed)
        layer = layer or generator.randint(1, config.depth)
        # All without gaps between the visits, for the clocks; every other one with gaps too.
        for stalls in (0, 0.4) if number % 2 else (0,):
            job = {"config": config.to_dict(), "layer": layer, "stalls": stalls}
            array = SynapseArray(config.weight_layer(layer))
            variants[f"array_{number}_{'stalled' if stalls else 'free'}"] = (array, job)
    return variants


@FEW_AND_REST
def test_sweeps_as_the_model_does(few: bool) -> None:
    simulate(SynapseArrayBench, choose(variants(), FEW, few), SEED)


def test_a_single_port_reads_or_writes_at_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any cycle, whatever comes in: or else it would take memories of two ports."""
    stores, draw = [], random.Random(SEED)
    monkeypatch.setattr(synapses, "ram", lambda *shape, **init: stores.append(ram(*shape, **init)) or stores[-1])
    config = random_config(SEED, synapses="rows", layers=(5, 3), lanes=(2,), banks=(2,), ports=(1,))
    array = SynapseArray(config.weight_layer(1))
    inputs = Cat(signal for signal, direction in find_ports(array).values() if direction.name == "Input")
    writes = set()

    async def testbench(context):
        for _ in range(200):
            context.set(inputs, draw.getrandbits(len(inputs)))
            await context.tick()
            for store in stores:
                (read,), (write,) = store.read_ports, store.write_ports
                writing = context.get(write.en)
                assert (context.get(read.en), context.get(read.addr)) == (not writing, context.get(write.addr)), SEED
                writes.add(writing)

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    assert (len(stores), writes) == (2, {0, 1})


def test_sums_have_room_for_their_extremes() -> None:
    generator = random.Random(SEED)
    for _ in range(200):
        config = random_config(generator.getrandbits(32))
        for layer in config.weight_layers:
            low, high = config.weight_min, config.weight_max
            drive, error = drive_shape(layer), error_shape(layer)
            # All rows and the bias at a bound; all units with an error spike, of the worse sign.
            assert -(1 << (drive.width - 1)) <= low * layer.rows, f"seed {SEED}, {config}"
            assert high * layer.rows < 1 << (drive.width - 1), f"seed {SEED}, {config}"
            assert -low * layer.units < 1 << (error.width - 1), f"seed {SEED}, {config}"
