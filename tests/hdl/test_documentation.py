"""Every port of every component is in the Members section of its docstring, and nothing else is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable

import pytest
from amaranth.lib import wiring

import backspike.hdl
from backspike.config import NetworkConfig
from backspike.hdl.counters import EventKind
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.memory.sdram import Sdram

CONFIG = NetworkConfig(layers=(5, 4, 3, 2))
CROSSBAR = CONFIG.replace(synapses="crossbar")
MODULES = [
    importlib.import_module(found.name) for found in pkgutil.walk_packages(backspike.hdl.__path__, "backspike.hdl.")
]
PUBLIC = [getattr(module, name) for module in MODULES for name in getattr(module, "__all__", [])]
COMPONENTS = [item for item in PUBLIC if isinstance(item, type) and issubclass(item, wiring.Component)]
SIGNATURES = [item for item in PUBLIC if isinstance(item, type) and issubclass(item, wiring.Signature)]

# How to make one of each that takes more than a configuration.
EXAMPLES: dict[str, list[tuple]] = {
    "AnswerPort": [()],
    "AnswerWriter": [()],
    "AxiLite": [()],
    "AxiLiteRegisters": [()],
    "BoardTop": [(CONFIG, SerialTransport(10))],
    "BlockRam": [(4,)],
    "BodyReader": [()],
    "BusTop": [("axi", CONFIG), ("wishbone", CONFIG)],
    "Checksum": [()],
    "ChecksumPort": [()],
    "CobsDecoder": [()],
    "CobsEncoder": [(512,)],
    "CompositeNeuron": [(CONFIG, 64, 9, 9)],
    "Crossbar": [(CROSSBAR.weight_layer(1),), (CROSSBAR.weight_layer(2),)],
    "EntryLines": [(CROSSBAR,)],
    "FlagLines": [(CROSSBAR.weight_layer(2),)],
    "EventCounters": [(7,)],
    "RecentEvents": [({"a": EventKind(), "b": EventKind(2, 3)}, 9)],
    "FrameReceiver": [()],
    "HostLink": [(CONFIG,), (CONFIG, 4)],
    "MemoryArbiter": [(4,)],
    "MemoryChecker": [(CONFIG, 4)],
    "MemoryExecutor": [(CONFIG, 4)],
    "MemoryUser": [(4,)],
    "RecordFetcher": [(CONFIG, 4)],
    "ResultKeeper": [(CONFIG, 4)],
    "RunPort": [()],
    "RunTable": [()],
    "SamplePlayer": [(CONFIG, 4)],
    "SdramController": [(Sdram(), 60)],
    "SerialTransport": [(10,)],
    "StreamWindow": [()],
    "UartReceiver": [(10,)],
    "UartTransmitter": [(10,)],
    "UsbPhy": [()],
    "UsbSerialDevice": [()],
    "UsbTransport": [()],
    "HiddenLayer": [(CONFIG.weight_layer(1),), (CONFIG.weight_layer(2),)],
    "LeapForwardLfsr": [(16, 3)],
    "Membrane": [(8, 2)],
    "Patience": [(CONFIG.replace(patience=2),)],
    "RowScanner": [(6, 3)],
    "RowSweep": [(CONFIG.weight_layer(1),), (CONFIG.weight_layer(2),)],
    "Serialiser": [(4, 3, 2)],
    "SpikeGenerator": [(16,), (16, True)],
    "DrawStrata": [(CONFIG.replace(input_draws="stratified"),)],
    "DrawPort": [(CONFIG.replace(input_draws="stratified"),)],
    "VisitJoiner": [(6, 2, 3, 2, True)],
    "SynapseArray": [(CONFIG.weight_layer(1),), (CONFIG.weight_layer(2),)],
    "Wishbone": [()],
    "WishboneRegisters": [()],
    "WordStore": [(8, 2, 4)],
    "BackwardPort": [(CONFIG.weight_layer(2),)],
    "FlagPort": [(CONFIG.weight_layer(1),)],
    "LayerControl": [()],
    "SweepEvents": [(2,)],
}


def make(kind: Callable) -> list:
    return [kind(*arguments) for arguments in EXAMPLES.get(kind.__name__, [(CONFIG,)])]


def members_section(kind: type) -> list[str]:
    """The lines of the Members section that name ports: those without an indent."""
    section = re.search(r"^ *Members\n *-------\n(.*?)(?:\n\n|\Z)", kind.__doc__ or "", re.MULTILINE | re.DOTALL)
    assert section, f"{kind.__name__} has no Members section"
    lines = section[1].rstrip().split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [line.strip() for line in lines if len(line) - len(line.lstrip()) == indent]


def test_all_components_are_found() -> None:
    names = [kind.__name__ for kind in COMPONENTS]
    assert {"NetworkTop", "WinnerTakeAll", "LeapForwardLfsr", "RegisterFile"} <= set(names)
    assert set(EXAMPLES) <= {kind.__name__ for kind in [*COMPONENTS, *SIGNATURES]}


@pytest.mark.parametrize("kind", COMPONENTS, ids=lambda kind: kind.__name__)
def test_every_port_is_described(kind: type) -> None:
    lines = members_section(kind)
    words = set(re.findall(r"\w+", "\n".join(line.split(" : ")[0] for line in lines)))
    ports = {name for component in make(kind) for name in component.signature.members}
    assert ports <= words, f"not described: {sorted(ports - words)}"
    described = {name for line in lines if " : " in line for name in line.split(" : ")[0].split(", ")}
    assert described <= ports, f"described, but not there: {sorted(described - ports)}"


@pytest.mark.parametrize("kind", SIGNATURES, ids=lambda kind: kind.__name__)
def test_every_member_of_a_signature_is_described(kind: type) -> None:
    described = set(re.findall(r"``(\w+)``", kind.__doc__ or ""))
    for signature in make(kind):
        assert set(signature.members) <= described
