"""The hardware: one Amaranth component a concept, twins of the golden model's files.

Each unit can be used alone: ``from backspike.hdl import SpikeGenerator``. A name is imported when it is asked for, so
that who asks for one does not wait for all. `examples/` has four designs made of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .board import BoardTop
    from .bus.axi import AxiLite, AxiLiteRegisters, AxiNetwork
    from .bus.network import BusNetwork
    from .bus.pins import BusTop
    from .bus.wishbone import Wishbone, WishboneNetwork, WishboneRegisters
    from .crossbar import Crossbar
    from .input import InputLayer
    from .joiner import VisitJoiner
    from .layer import HiddenLayer, OutputLayer
    from .lfsr import LeapForwardLfsr
    from .link.host_link import HostLink
    from .network import NetworkTop
    from .neuron import CompositeNeuron, Membrane
    from .patience import Patience
    from .registers import RegisterFile, request_layout
    from .samples import sample_layout
    from .scanner import RowScanner
    from .seeding import LfsrSeeder, seed_layout
    from .serialiser import Serialiser
    from .spikes import SpikeGenerator
    from .sweep import RowSweep
    from .synapses import SynapseArray
    from .tick import TickSequencer
    from .verilog import describe_ports, emit, write_design
    from .wins import WinCounter, result_layout
    from .word_store import WordStore
    from .wta import WinnerTakeAll

_MODULES = {
    "AxiLite": "bus.axi",
    "AxiLiteRegisters": "bus.axi",
    "AxiNetwork": "bus.axi",
    "BoardTop": "board",
    "BusNetwork": "bus.network",
    "BusTop": "bus.pins",
    "CompositeNeuron": "neuron",
    "Crossbar": "crossbar",
    "HiddenLayer": "layer",
    "HostLink": "link.host_link",
    "InputLayer": "input",
    "LeapForwardLfsr": "lfsr",
    "LfsrSeeder": "seeding",
    "Membrane": "neuron",
    "NetworkTop": "network",
    "OutputLayer": "layer",
    "Patience": "patience",
    "RegisterFile": "registers",
    "RowScanner": "scanner",
    "RowSweep": "sweep",
    "Serialiser": "serialiser",
    "SpikeGenerator": "spikes",
    "SynapseArray": "synapses",
    "TickSequencer": "tick",
    "VisitJoiner": "joiner",
    "WinCounter": "wins",
    "WinnerTakeAll": "wta",
    "Wishbone": "bus.wishbone",
    "WishboneNetwork": "bus.wishbone",
    "WishboneRegisters": "bus.wishbone",
    "WordStore": "word_store",
    "describe_ports": "verilog",
    "emit": "verilog",
    "request_layout": "registers",
    "result_layout": "wins",
    "sample_layout": "samples",
    "seed_layout": "seeding",
    "write_design": "verilog",
}
"""The file of each public name; what type checkers read is above."""

__all__ = [
    "AxiLite",
    "AxiLiteRegisters",
    "AxiNetwork",
    "BoardTop",
    "BusNetwork",
    "BusTop",
    "CompositeNeuron",
    "Crossbar",
    "HiddenLayer",
    "HostLink",
    "InputLayer",
    "LeapForwardLfsr",
    "LfsrSeeder",
    "Membrane",
    "NetworkTop",
    "OutputLayer",
    "Patience",
    "RegisterFile",
    "RowScanner",
    "RowSweep",
    "Serialiser",
    "SpikeGenerator",
    "SynapseArray",
    "TickSequencer",
    "VisitJoiner",
    "WinCounter",
    "WinnerTakeAll",
    "Wishbone",
    "WishboneNetwork",
    "WishboneRegisters",
    "WordStore",
    "describe_ports",
    "emit",
    "request_layout",
    "result_layout",
    "sample_layout",
    "seed_layout",
    "write_design",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
