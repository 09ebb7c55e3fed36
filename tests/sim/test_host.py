import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from backspike import PRESETS
from backspike.model import Sample
from backspike.model.seeding import seeding_start
from backspike.registers import RegisterMap
from backspike.sim.exercise import lively_weights
from backspike.sim.host import RegisterHost, sample_entries

TINY = PRESETS["tiny"]


def test_a_sample_of_pixels_is_one_list_of_those_that_are_not_dark():
    values = np.array([0, 9, 0, 0, 255, 0, 1, 0], dtype=np.uint8)
    entries = list(sample_entries(TINY, Sample(values, 2, True)))
    assert entries == [
        {"index": 1, "value": 9, "label": 2, "learn": 1, "last": 0},
        {"index": 4, "value": 255, "label": 2, "learn": 1, "last": 0},
        {"index": 6, "value": 1, "label": 2, "learn": 1, "last": 1},
    ]


def test_a_blank_sample_is_an_entry_of_value_0():
    entries = list(sample_entries(TINY, Sample(np.zeros(8, dtype=np.uint8), 1, False)))
    assert entries == [{"index": 0, "value": 0, "label": 1, "learn": 0, "last": 1}]


def test_recorded_spikes_are_a_list_a_tick():
    config = TINY.replace(input="spikes", ticks=3)
    values = np.zeros((3, 8), dtype=np.uint8)
    values[0, [2, 5]] = 1
    values[2, 7] = 1
    entries = list(sample_entries(config, Sample(values, 0, True)))
    assert [(entry["index"], entry["last"]) for entry in entries] == [(2, 0), (5, 1), (0, 1), (7, 1)]
    assert [bool(entry["value"]) for entry in entries] == [True, True, False, True]


class Registers:
    """A device's registers, with a weight window that moves on as the register map says."""

    def __init__(self, config):
        self.names = {entry.address: entry.name for entry in RegisterMap(config).registers.values()}
        self.config, self.values, self.log, self.weights = config, {}, [], {}

    def access(self, request):
        name = self.names[request["address"]]
        assert 0 <= request["data"] < 1 << 32
        if name == "WEIGHT_DATA":
            return self.weight(request)
        if request["write"]:
            self.values[name] = request["data"]
            self.log.append((name, request["data"]))
        return self.values.get(name, 0)

    def weight(self, request):
        values, layer = self.values, self.values["WEIGHT_LAYER"]
        place = (layer, values["WEIGHT_ROW"], values["WEIGHT_WORD"], values["WEIGHT_LANE"])
        shape = self.config.weight_layer(layer)
        assert place[1] < shape.rows, f"beyond the last row: {place}"
        if request["write"]:
            self.weights[place] = request["data"]
        values["WEIGHT_LANE"] += 1
        if values["WEIGHT_LANE"] == shape.lanes:
            values["WEIGHT_LANE"] = 0
            values["WEIGHT_WORD"] += 1
        if values["WEIGHT_WORD"] == shape.fold:
            values["WEIGHT_WORD"] = 0
            values["WEIGHT_ROW"] += 1
        return self.weights.get(place, 0)


@pytest.fixture
def connected():
    """Make a host whose streams go to `Registers` at once."""

    def connect(config):
        registers = Registers(config)
        answers = []

        async def send(request):
            answers.append(registers.access(request))

        async def receive():
            return answers.pop()

        return registers, RegisterHost(config, SimpleNamespace(send=send), SimpleNamespace(receive=receive))

    return connect


@pytest.mark.parametrize("lanes", [(4, 3), (3, 2), (2, 1), (1, 1)])
def test_weights_written_are_weights_read(lanes, connected):
    config = TINY.replace(lanes=lanes)
    registers, device = connected(config)
    wanted = lively_weights(config, 1)
    for layer, weights in enumerate(wanted, start=1):
        asyncio.run(device.write_weights(layer, weights))
    for layer, weights in enumerate(wanted, start=1):
        assert np.array_equal(asyncio.run(device.read_weights(layer)), weights), f"lanes {lanes}, layer {layer}"
        unit = weights.shape[1] - 1
        place = (layer, 1, *divmod(unit, config.weight_layer(layer).lanes))
        assert registers.weights[place] == int(weights[1, unit]) % 2**32


def test_lanes_without_a_unit_get_zero(connected):
    registers, device = connected(TINY.replace(lanes=(3, 2)))
    asyncio.run(device.write_weights(1, np.full((9, 4), -1)))
    surplus = [value for (_, _, word, lane), value in registers.weights.items() if 3 * word + lane >= 4]
    assert surplus == [0] * 18


def test_a_seed_is_written_before_it_is_used(connected):
    config = TINY.replace(lfsr_bits=64)
    registers, device = connected(config)
    asyncio.run(device.reseed(12345))
    start = seeding_start(12345, 64)
    assert start >> 32
    assert registers.log == [("SEED_LOW", start % 2**32), ("SEED_HIGH", start >> 32), ("CONTROL", 2)]
