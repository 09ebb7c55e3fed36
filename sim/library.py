"""A design's Verilog, compiled by Verilator with a harness in C++ into a library that is called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backspike.cache import cached

from .simulators import Tools, find_tools
from .verilate import COMMON_OPTIONS, LIBRARY_OPTIONS, verilate

__all__ = ["DRIVEN", "load_library"]

DRIVEN = "_driven"
"""Top module of every library; the design, which never has that name, is its instance ``unit``."""

_HEADER = Path(__file__).with_name("device.h")
_LIBRARY = "network.so"
_VERILATOR_OPTIONS = (*COMMON_OPTIONS, "-O3", "--x-assign", "fast", "--x-initial", "unique")
# Memories are too wide to be looked at bit by bit: they are not, but the registers and ports around them are.
_COVERAGE_OPTIONS = ("--coverage-line", "--coverage-toggle", "--coverage-user")


def load_library(
    harness: Path,
    signatures: Mapping[str, tuple[Any, Sequence[Any]]],
    verilog: str,
    top: str,
    ports: Mapping[str, Any],
    probes: Sequence[str] = (),
    optimise: bool = True,
    bins: Mapping[str, str] | None = None,
) -> ctypes.CDLL:
    """Return the library of a design, built if it is not in the cache.

    Parameters
    ----------
    harness : Path
        C++ that has the design as ``Device`` (`device.h`) and defines functions ``backspike_<name>``.
    signatures : mapping
        From each function's name to the types of its result and its arguments.
    verilog, top : str
        The design, and its top module.
    ports : mapping
        `backspike.hdl.verilog.describe_ports` of it, with ``clk`` and ``rst``.
    probes : sequence of str
        Hierarchical paths, below the top module, of the signals that the harness looks at.
    optimise : bool
        Whether the compiler takes its time.
    bins : mapping, optional
        Conditions in Verilog, on signals of the design, which is ``unit``: the clocks in which they are met are
        counted, and so are the lines, branches and toggles that the simulation goes through. Without, nothing is.

    Raises
    ------
    BackspikeError
        Verilator or the compiler is missing or fails.
    """
    library = ctypes.CDLL(str(_build(harness, verilog, top, ports, probes, optimise, bins)))
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"backspike_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def _driven(top: str, ports: Mapping[str, Any], bins: Iterable[str]) -> str:
    """Return a Verilog module whose inputs come from registers.

    A clock then is one evaluation of what follows from registers. With inputs that logic follows from, the reset first
    of all, Verilator would evaluate that logic a second time, whenever an input may have changed. Bins are counted
    behind the design, a line each.
    """
    lines, connections = [], [".clk(clk)"]
    for name, port in ports.items():
        width = f"[{port['width'] - 1}:0]"
        if name != "clk":
            connections.append(f".{name}({name})" if port["direction"] == "output" else f".{name}(now__{name})")
        if port["direction"] == "input" and name != "clk":
            lines.append(f"  reg {width} now__{name};")
            lines.append(f"  always @(posedge clk) now__{name} <= {name};")
    heads = [f"{port['direction']} [{port['width'] - 1}:0] {name}" for name, port in ports.items()]
    return "\n".join(
        [
            f"module {DRIVEN}({', '.join(heads)});",
            *lines,
            f"  \\{top} unit({', '.join(connections)});",
            *(f"  cover property (@(posedge clk) {condition});" for condition in bins),
            "endmodule",
            "",
        ]
    )


def _build(
    harness: Path,
    verilog: str,
    top: str,
    ports: Mapping[str, Any],
    probes: Sequence[str],
    optimise: bool,
    bins: Mapping[str, str] | None,
) -> Path:
    """Return the path of a design's library in the cache."""
    tools, level = find_tools("verilator"), "-O1" if optimise else "-O0"
    verilator_options = [*_VERILATOR_OPTIONS, *(() if bins is None else _COVERAGE_OPTIONS)]
    runtime = [] if bins is None else ["verilated_cov"]
    common = ["native", tools.version, *verilator_options, *LIBRARY_OPTIONS]
    verilog += _driven(top, ports, (bins or {}).values())
    sources = (harness, _HEADER)
    parts = [*common, level, *(source.read_text(encoding="utf-8") for source in sources), top, verilog, *probes]
    title = f"{top} with Verilator, for {harness.name}"
    folder = cached(
        parts,
        lambda made: _compile(sources, verilog, top, probes, tools, verilator_options, level, runtime, made),
        title,
    )
    return folder / _LIBRARY


def _compile(
    sources: Sequence[Path],
    verilog: str,
    top: str,
    probes: Sequence[str],
    tools: Tools,
    verilator_options: Sequence[str],
    level: str,
    runtime: Sequence[str],
    made: Path,
) -> None:
    """Compile a harness and a design, with its probes to be seen, and put the library into ``made``."""
    build = made.with_name("build")
    build.mkdir()
    lines = ["`verilator_config"]
    for probe in probes:
        *instances, signal = probe.split(".")
        lines.append(f'public_flat_rw -module "{".".join([top, *instances])}" -var "{signal}"')
    (build / "public.vlt").write_text("\n".join(lines) + "\n")
    (build / "design.v").write_text(verilog)
    for source in sources:
        (build / source.name).write_bytes(source.read_bytes())
    options = [*verilator_options, "-o", _LIBRARY, "-CFLAGS", " ".join(LIBRARY_OPTIONS), "-LDFLAGS", "-shared"]
    verilog_files, harness = ["public.vlt", "design.v"], [sources[0].name]
    product = verilate(tools, build, top, DRIVEN, "Vnetwork", options, verilog_files, harness, level, runtime=runtime)
    (product / _LIBRARY).rename(made / _LIBRARY)
