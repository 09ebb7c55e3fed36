"""Layouts of ports and probes: to the last bit, and those that Amaranth has for the same shapes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from amaranth.hdl import Shape, ShapeCastable, signed
from amaranth.lib import data, enum

from backspike.config import PRESETS, NetworkConfig
from backspike.hdl.description import Probe, below, describe_layout
from backspike.hdl.input_lfsrs import InputLfsrs
from backspike.hdl.layer import HiddenLayer, OutputLayer
from backspike.hdl.network import NetworkTop
from backspike.hdl.verilog import describe_ports
from backspike.model.fields import StateKind
from backspike.model.state import state_entries
from backspike.sim.exercise import random_config
from backspike.sim.layout import Layout

SEED = 3511
WORDS = 20

CONFIGS: dict[str, NetworkConfig] = {
    **PRESETS,
    "nmnist": NetworkConfig(layers=(578, 40, 10), name="nmnist", input="spikes", ticks=64, leak=2, lanes=(16, 3)),
    "one layer": NetworkConfig(layers=(9, 5), name="one", banks=(4,), lanes=(2,)),
    **{f"random {seed}": random_config(seed) for seed in (2, 5, 11)},
}


class Colour(enum.Enum, shape=2):
    """A shape of Amaranth's own that is no layout."""

    RED = 0
    GREEN = 1
    BLUE = 2
    BLACK = 3


# A structure declared as a class; its annotations are shapes, not texts.
FIELDS = {"low": signed(3), "colours": data.ArrayLayout(Colour, 2)}
Pair = type(data.Struct)("Pair", (data.Struct,), {"__annotations__": FIELDS})

SHAPES = {
    "bit": 1,
    "nothing": 0,
    "signed": signed(5),
    "range": range(-3, 12),
    "enumeration": Colour,
    "class": Pair,
    "array of arrays": data.ArrayLayout(data.ArrayLayout(signed(3), 4), 2),
    "structures in an array in a structure": data.StructLayout(
        {"flag": 1, "parts": data.ArrayLayout(data.StructLayout({"a": 2, "none": 0, "b": signed(7)}), 3), "pair": Pair}
    ),
}


def amaranths(shape: Any, bits: int) -> Any:
    """Return what Amaranth makes of some bits: numbers, lists and dictionaries."""
    while isinstance(shape, ShapeCastable) and not isinstance(shape, data.Layout):
        shape = shape.as_shape()
    if isinstance(shape, data.Layout):
        parts = {name: amaranths(field.shape, bits >> field.offset & (1 << field.width) - 1) for name, field in shape}
        # Amaranth's own view of the whole agrees with those of its fields.
        constant = shape.from_bits(bits)
        for name, field in shape:
            part = constant[name]
            value = part.as_bits() if isinstance(part, data.Const) else getattr(part, "value", part)
            assert int(value) & (1 << field.width) - 1 == bits >> field.offset & (1 << field.width) - 1
        return list(parts.values()) if isinstance(shape, data.ArrayLayout) else parts
    width, negative = Shape.cast(shape).width, Shape.cast(shape).signed
    return bits - (1 << width) if negative and bits >> width - 1 else bits


def leaves(description: dict[str, Any], offset: int = 0) -> Iterator[tuple[int, int]]:
    """Give lowest bit and width of each number that a description ends in."""
    if "elements" in description:
        element = description["elements"]
        for index in range(element["count"]):
            yield from leaves(element, offset + index * element["width"])
    elif "fields" in description:
        for field in description["fields"].values():
            yield from leaves(field, offset + field["offset"])
    else:
        yield offset, description["width"]


def check(shape: Any, where: str) -> None:
    """Compare what a description says of random words with what Amaranth does, and that it covers every bit once."""
    generator = random.Random(f"{SEED} {where}")
    described = json.loads(json.dumps(describe_layout(shape)))
    layout = Layout(described)
    assert layout.width == Shape.cast(shape).width, where
    covered = sorted((first, width) for first, width in leaves(described) if width)
    end = 0
    for first, width in covered:
        assert first == end, f"{where}: bit {end} is in no field, or in two"
        end += width
    assert end == layout.width, where
    for bits in (0, (1 << layout.width) - 1, *(generator.getrandbits(layout.width or 1) for _ in range(WORDS))):
        bits &= (1 << layout.width) - 1
        value = layout.unpack(bits)
        assert value == amaranths(shape, bits), f"{where}, seed {SEED}: {bits:#x}"
        assert layout.pack(value) == bits, f"{where}, seed {SEED}: {bits:#x}"


@pytest.mark.parametrize("name", SHAPES)
def test_any_shape_is_described(name: str) -> None:
    check(SHAPES[name], name)


def test_a_description_says_where_a_field_is() -> None:
    assert describe_layout(SHAPES["structures in an array in a structure"])["fields"]["parts"] == {
        "offset": 1,
        "width": 27,
        "signed": False,
        "elements": {
            "count": 3,
            "width": 9,
            "signed": False,
            "fields": {
                "a": {"offset": 0, "width": 2, "signed": False},
                "none": {"offset": 2, "width": 0, "signed": False},
                "b": {"offset": 2, "width": 7, "signed": True},
            },
        },
    }


def probes_of(config: NetworkConfig) -> dict[str, Probe]:
    """Return the probes with Amaranth's shapes, by the names that `NetworkTop.probes` has for them."""
    parts = [("source.lfsrs", InputLfsrs.probes(config))]
    parts += [(f"layer_{layer.number}", HiddenLayer.probes(layer)) for layer in config.hidden_layers]
    parts.append((f"layer_{config.depth}", OutputLayer.probes(config)))
    return {f"layer_{n}.{name}": probe for n, part in enumerate(parts) for name, probe in below(*part).items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_ports_and_probes_are_described_to_the_last_bit(name: str) -> None:
    top = NetworkTop(CONFIGS[name])
    top._MustUse__silence = True  # never elaborated
    ports = describe_ports(top)
    for path, member, _ in top.signature.flatten(top):
        port = "__".join(map(str, path))
        check(member.shape, port)
        assert {key: ports[port][key] for key in describe_layout(member.shape)} == describe_layout(member.shape)
    probes = top.probes
    shapes = probes_of(CONFIGS[name])
    assert probes.keys() - shapes.keys() == {"ticked"}
    for probe, shape in shapes.items():
        check(shape.shape, probe)
        assert probes[probe]["layout"] == describe_layout(shape.shape)


@pytest.mark.parametrize("name", CONFIGS)
def test_probes_hold_every_state_of_the_model(name: str) -> None:
    """Each of them once, but for weights, which every bank has a part of."""
    config = CONFIGS[name]
    top = NetworkTop(config)
    top._MustUse__silence = True
    held = [state for probe in top.probes.values() for state in probe["states"]]
    for state, entry in state_entries(config).items():
        banks = config.weight_layer(entry.layer).banks if entry.field.kind is StateKind.WEIGHT else 1
        expected = 0 if entry.field.kind is StateKind.MEMBRANE and not config.leak else banks
        assert held.count(state) == expected, state
    assert {state.rpartition("_")[0] for state in set(held) - state_entries(config).keys()} <= {"next_errors"}


def test_a_probe_says_what_it_is_and_how_long() -> None:
    bit, row = ({"width": width, "signed": negative} for width, negative in ((1, False), (4, True)))
    signal, rows = Probe("unit.gate", 1, field="gates"), Probe("weights.store", signed(4), words=20, field="weights")
    assert signal.to_dict(2) == {
        "path": "unit.gate",
        "memory": False,
        "words": 1,
        "layout": bit,
        "states": ["gates_2"],
    }
    assert rows.to_dict(1) == {
        "path": "weights.store",
        "memory": True,
        "words": 20,
        "layout": row,
        "states": ["weights_1"],
    }
