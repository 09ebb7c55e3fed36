"""The register map: kinds, what docs/hardware.md says of each, and what a host writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from backspike.config import NetworkConfig
from backspike.registers import WINDOW, RegisterKind, RegisterMap, bus_registers, window_weights, window_words

CONFIG = NetworkConfig(layers=(5, 7, 4, 3), lanes=(3, 4, 2))
DOCUMENT = Path(__file__).parents[2] / "docs" / "hardware.md"
ACCESS = {"read": False, "write": True, "both": True}


def documented() -> dict[str, bool]:
    """Return of each register of `CONFIG` whether the table of docs/hardware.md lets it be written."""
    section = re.search(r"^## Registers\n(.*?)^## ", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    found, layers = {}, range(1, CONFIG.depth + 1)
    for names, access in re.findall(r"^\| (`.*?) \| (\w+) \|", section[1], re.MULTILINE):
        listed = re.findall(r"`(\w+)(?:_\*)?`", names)
        for name in listed:
            # A name that is cut short goes on from the first one of its line.
            whole = listed[0].rpartition("_")[0] + name if name.startswith("_") else name
            for full in [whole.removesuffix("l") + str(layer) for layer in layers] if whole[-2:] == "_l" else [whole]:
                found[full] = ACCESS[access]
    return found


def test_the_table_of_the_docs_is_the_map() -> None:
    registers = RegisterMap(CONFIG).registers
    assert {name: entry.writable for name, entry in registers.items()} == documented()
    assert [entry.address for entry in registers.values()] == list(range(len(registers)))
    assert all(registers[name].name == name for name in registers)


def test_every_register_is_of_one_kind() -> None:
    registers = RegisterMap(CONFIG)
    kinds = [name for kind in RegisterKind for name in registers.of_kind(kind)]
    assert sorted(kinds) == sorted(registers.registers)
    assert list(registers.of_kind(RegisterKind.WINDOW)) == list(WINDOW)
    assert list(registers.of_kind(RegisterKind.RATE)) == list(registers.rates((1, 2, 3)))
    assert list(registers.of_kind(RegisterKind.WEIGHT)) == ["WEIGHT_DATA"]
    assert {*registers.rows, *registers.stalls.values()} < registers.counters.keys()


def test_what_a_bus_adds_is_beyond_the_registers_of_any_network_that_it_takes() -> None:
    for streams in (False, True):
        added = bus_registers(streams)
        assert [entry.address for entry in added.values()] == list(range(0x200, 0x200 + len(added)))
        assert added.keys().isdisjoint(RegisterMap(CONFIG).registers)
        assert all(added[name].name == name for name in added)
    assert {name for name in bus_registers(True) if name not in bus_registers(False)} == {"SAMPLE", "RESULT"}
    assert [entry.access.value for entry in bus_registers(True).values()] == ["read", "write", "write", "both"]


def test_writes_of_a_host_are_to_registers_that_hold_them() -> None:
    registers, layer = RegisterMap(CONFIG), CONFIG.weight_layer(2)
    window = registers.window(layer, row=7, unit=3)
    assert window == {"WEIGHT_LAYER": 2, "WEIGHT_ROW": 7, "WEIGHT_WORD": 0, "WEIGHT_LANE": 3}
    assert registers.window(CONFIG.weight_layer(1), 2, 6) == {**window, "WEIGHT_LAYER": 1, "WEIGHT_ROW": 2,
                                                              "WEIGHT_WORD": 2, "WEIGHT_LANE": 0}  # fmt: skip
    for writes in (window, registers.seeding(2**32 - 1), registers.clearing(), registers.rates((0, 256, 1))):
        for name, value in writes.items():
            assert registers[name].writable
            assert 0 <= value <= registers[name].largest


@pytest.mark.parametrize("number", [1, 2, 3])
def test_weights_go_through_the_window_and_back(number: int) -> None:
    layer = CONFIG.weight_layer(number)
    weights = np.random.default_rng(number).integers(-128, 128, layer.shape)
    words = window_words(layer, weights)
    assert words.shape == (layer.rows * layer.row_lanes,)
    for row in range(layer.rows):
        lanes = words[row * layer.row_lanes : (row + 1) * layer.row_lanes].tolist()
        assert lanes == weights[row].tolist() + [0] * (layer.row_lanes - layer.units)
    # Lanes that are no unit may hold anything.
    words.reshape(layer.shape[0], -1)[:, layer.units :] = -7
    read = (words & 0xFFFF_FFFF).astype(np.uint32)
    assert np.array_equal(window_weights(layer, read), weights)


@pytest.mark.parametrize("streams", [False, True])
def test_fields_are_given_by_plain_numbers_which_all_pythons_show_alike(streams: bool) -> None:
    registers = {**RegisterMap(CONFIG).registers, **bus_registers(streams=streams)}
    fields = [(register.name, field) for register in registers.values() for field in register.fields]
    assert [name for name, _ in fields].count("CONTROL") == 2
    assert [
        (name, field) for name, field in fields if type(field.offset) is not int or type(field.width) is not int
    ] == []
