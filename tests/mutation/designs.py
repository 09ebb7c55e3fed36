"""Designs that have every file of hdl/ in them: what a mutant changes of them, and whether it can be told apart."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backspike.fpga.tools import find_tool
from backspike.programs import run_program

if TYPE_CHECKING:
    from amaranth.lib import wiring

    from backspike.config import NetworkConfig

__all__ = ["compare", "designs", "kind_of", "modules_of"]

_MODULE = re.compile(r"^module (?P<name>\S+)\n.*?^end\n", re.MULTILINE | re.DOTALL)

# Registers are matched by their names, and memories are made of registers: those of both are the same in each clock if
# they have been, and so are all outputs.
_SCRIPT = """\
read_rtlil {side}.il
hierarchy -top {top}
proc
flatten
memory_map
opt_clean
rename {top} {side}
write_rtlil {side}_flat.il
design -reset
"""
_COMPARE = """\
read_rtlil right_flat.il
read_rtlil wrong_flat.il
equiv_make right wrong both
hierarchy -top both
opt_clean
equiv_simple
equiv_induct -seq 3
equiv_status -assert
"""

SECONDS = 5
"""Of CPU, for the proof that a module does the same."""

_BASE: dict[str, Any] = {"lfsr_bits": 32, "weight_bits": 8, "weight_frac": 4, "leak": 0, "patience": 0}
_SPIKES = {**_BASE, "layers": (5, 3), "lanes": (2,), "input": "spikes", "patience": 2}
_RATE = {**_BASE, "layers": (6, 4, 3), "lanes": (2, 3), "ports": (1, 2), "banks": (2, 1), "input": "rate", "leak": 1}
_DEEP = {**_BASE, "layers": (9, 6, 4, 3), "lanes": (6, 2, 3), "banks": (1, 4, 2), "input": "rate", "patience": 1}
_STRATIFIED = {**_BASE, "layers": (9, 3), "lanes": (2,), "input": "rate", "input_lfsrs": 4, "input_lanes": 2}
_STRATIFIED["input_draws"] = "stratified"
_CROSSBAR = {**_BASE, "layers": (5, 4, 3), "synapses": "crossbar", "input_lfsrs": 4, "input_lanes": 2}
_NETWORKS = (_SPIKES, _RATE, _DEEP, _STRATIFIED, *({**_CROSSBAR, "input": kind} for kind in ("rate", "spikes")))
_MEMORY_BITS = 4
_WRITTEN = ("description.py", "fusesoc.py", "package.py", "testbench.py", "vendor.py", "verilog.py")
"""They make no hardware, but texts."""


def kind_of(file: str) -> str:
    """Return of what kind the designs are that have a file in them, by its path below hdl/."""
    if file in _WRITTEN:
        return "texts"
    if file == "timing.py":
        return "numbers"
    if file == "memory/sdram.py":
        return "controllers"
    if file.startswith("bus/"):
        return "buses"
    if file.startswith("link/usb_"):
        return "usb"
    if file.startswith(("memory/", "link/memory_")):
        return "memories"
    return "boards" if file.startswith("link/") or file == "board.py" else "networks"


def designs(kind: str) -> Iterator[str]:
    """Give all designs of a kind, made with whatever is imported as `backspike.hdl` now.

    Parameters
    ----------
    kind : str
        Of `kind_of`.

    Yields
    ------
    str
        RTLIL: of networks alone, on buses, on boards with and without a sample memory, or at USB; of SDRAM
        controllers. Of those that are texts, all texts of a network; of ``numbers``, those of `timing`.
    """
    if kind == "texts":
        yield from _texts()
    elif kind == "numbers":
        yield from _numbers()
    else:
        yield from _rtlil(kind)


def modules_of(kind: str) -> set[str]:
    """Return the names of the Python modules that the parts of a kind's designs are from."""
    from amaranth.hdl import Fragment

    modules, fragments = set(), [Fragment.get(top, None) for top in _tops(kind)]
    while fragments:
        fragment = fragments.pop()
        modules |= {type(origin).__module__ for origin in fragment.origins or ()}
        fragments += [part for part, *_ in fragment.subfragments]
    return modules


def _rtlil(kind: str) -> Iterator[str]:
    """Give the RTLIL of each design of a kind."""
    from amaranth.back import rtlil

    from backspike.hdl.verilog import find_ports

    for top in _tops(kind):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield rtlil.convert(top, name="top", ports=find_ports(top), emit_src=False)


def _configs(kinds: Iterable[Mapping[str, Any]]) -> list[NetworkConfig]:
    from backspike.sim.exercise import random_config

    return [random_config(number, **values) for number, values in enumerate(kinds)]


def _tops(kind: str) -> Iterator[wiring.Component]:
    from backspike.hdl.board import BoardTop
    from backspike.hdl.bus.pins import WRAPPERS, BusTop
    from backspike.hdl.link.serial_transport import SerialTransport
    from backspike.hdl.memory.block_ram import BlockRam
    from backspike.hdl.memory.sdram import Sdram, SdramController
    from backspike.hdl.network import NetworkTop

    spikes, rate, *_ = configs = _configs(_NETWORKS)
    if kind == "controllers":
        chip = Sdram(row_bits=3, column_bits=4)
        yield SdramController(chip, 60)
        yield SdramController(replace(chip, cas_latency=3), 133)
    elif kind == "buses":
        yield from (BusTop(wrapper, config) for wrapper in WRAPPERS for config in (spikes, rate))
    elif kind == "usb":
        from backspike.hdl.link.usb_transport import UsbTransport
        from tests.hdl.benches.usb import ClockedBoard

        yield ClockedBoard(BoardTop(rate, UsbTransport()))
    elif kind == "networks":
        yield from map(NetworkTop, configs)
    else:
        yield BoardTop(spikes, SerialTransport(5), memory=BlockRam(_MEMORY_BITS) if kind == "memories" else None)
        yield BoardTop(rate, SerialTransport(5), memory=BlockRam(_MEMORY_BITS))


def _texts() -> Iterator[str]:
    from backspike.hdl.bus.pins import WRAPPERS
    from backspike.hdl.package import write_package
    from backspike.model.synapses import initial_weights

    config = _configs([_RATE])[0]
    weights = initial_weights(config, 1)
    for wrapper in (None, *WRAPPERS):
        with tempfile.TemporaryDirectory() as folder:
            paths = write_package(config, Path(folder), weights, wrapper)
            yield "".join(f"{path.name}\n{path.read_text()}" for path in paths)


def _numbers() -> Iterator[str]:
    from backspike.hdl import timing

    for config in _configs(_NETWORKS):
        layers = config.weight_layers
        cycles = timing.layer_cycles(config, [5, *[3] * (config.depth - 1)])
        numbers = [
            timing.ENDING_CYCLES,
            cycles,
            timing.layer_cycles(config, [0] * config.depth, [1] * config.depth),
            timing.late_lists(config, cycles),
            [timing.sweep_cycles(layer, 5, late) for layer in layers for late in (0, 1)],
            [(timing.noise_cycles(layer), timing.race_cycles(layer)) for layer in layers],
            [timing.move_cycles(layer) for layer in config.hidden_layers],
            [timing.tick_cycles(config, [5] * config.depth), timing.list_cycles(config, 5)],
            [timing.first_list_cycles(config), timing.sample_cycles(config), timing.sample_limit(config)],
        ]
        yield repr(numbers)


def compare(kind: str, right: Sequence[str]) -> str:
    """Compare the designs of a kind with others: ``unchanged``, ``proven`` to do the same, or ``differs``.

    Parameters
    ----------
    kind : str
    right : sequence of str
        What `designs` gave before something was changed.

    Raises
    ------
    Exception
        Of any kind: there is a design that cannot be built.
    """
    verdict = "unchanged"
    for before, after in zip(right, designs(kind), strict=True):
        if before == after:
            continue
        if kind in ("texts", "numbers"):
            return "differs"
        modules = _differing(before, after)
        if modules:
            verdict = "proven"
        with tempfile.TemporaryDirectory() as folder:
            if not all(_same(module, before, after, Path(folder)) for module in modules):
                return "differs"
    return verdict


def _differing(right: str, wrong: str) -> list[str]:
    """Return the modules in which two designs differ."""
    before, after = ({module["name"]: module[0] for module in _MODULE.finditer(text)} for text in (right, wrong))
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _same(module: str, right: str, wrong: str, folder: Path) -> bool:
    for side, text in (("right", right), ("wrong", wrong)):
        if f"module {module}\n" not in text:
            return False
        (folder / f"{side}.il").write_text(text)
    script = "".join(_SCRIPT.format(side=side, top=module) for side in ("right", "wrong")) + _COMPARE
    (folder / "compare.ys").write_text(script)
    # What it does not show soon it does not show at all.
    limited = ["sh", "-c", f'ulimit -t {SECONDS}; exec "$@"', "sh", *find_tool("yosys"), "-q", "compare.ys"]
    return run_program(limited, folder).returncode == 0
