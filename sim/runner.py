"""Run a cocotb bench on emitted Verilog, on Verilator or Icarus, and get its results back."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from backspike.cache import cached
from backspike.errors import BackspikeError
from backspike.files import make_directory
from backspike.programs import clean_environment, run_program

try:
    import cocotb_tools.config
    from cocotb_tools.runner import Runner, get_runner
except ModuleNotFoundError as error:
    raise BackspikeError("cocotb is missing; install it with: pip install backspike[sim]") from error

from .exchange import BenchError, load_values, store_values
from .simulators import Tools, find_tools
from .verilate import COMMON_OPTIONS, verilate

__all__ = ["BenchError", "parameters", "run_bench", "save_results"]

_PARAMETERS, _RESULTS = "BACKSPIKE_PARAMETERS", "BACKSPIKE_RESULTS"
_VERILATOR_OPTIONS = (*COMMON_OPTIONS, "--x-assign", "unique", "--x-initial", "fast")
# The bench, in Python, takes most of the time: what the compiler takes longer for is not won back.
_OPTIMISATION = "-O1"
_VERILATOR_SEEDS = 2**31 - 1
# What cocotb's runner raises: for a program that fails, one that is not there, a Python without a library, and for one
# that cannot be executed.
_RUNNER_ERRORS = (RuntimeError, SystemExit, ValueError, OSError)

# What of Verilator's own library writes a waveform.
_TRACES = {".vcd": "verilated_vcd_c", ".fst": "verilated_fst_c"}

_ICARUS_WAVES = """\
module _waves;
  string path;
  initial if ($value$plusargs("dumpfile_path=%s", path)) begin
    $dumpfile(path);
    $dumpvars(0, {top});
  end
endmodule
"""


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

    A design is built once: builds are kept in `backspike.cache`, by a hash of the Verilog and all that the build
    depends on. Nothing is printed; that a build begins is logged.

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


# -- the bench's side -----------------------------------------------------------------------------------------------


def parameters() -> dict[str, Any]:
    """Return, inside a bench, the parameters that were given to `run_bench`."""
    return load_values(Path(os.environ[_PARAMETERS]))


def save_results(**values: Any) -> None:
    """Hand over, inside a bench, what `run_bench` returns: NumPy arrays and whatever JSON can hold."""
    store_values(Path(os.environ[_RESULTS]), values)


# -- build ----------------------------------------------------------------------------------------------------------


def _build(verilog: str, top: str, tools: Tools, public: Sequence[str] | None, wave_suffix: str) -> Path:
    """Return the folder with the simulation's executable, built if it is not in the cache."""
    title = f"{top} with {tools.simulator.capitalize()}"
    parts = ["bench", tools.simulator, tools.version, version("cocotb"), wave_suffix]
    if tools.simulator == "icarus":
        parts += [top, verilog]
        return cached(parts, lambda made: _compile_icarus(verilog, top, made, wave_suffix), title)
    parts += [*_VERILATOR_OPTIONS, _OPTIMISATION]
    seen = ["*"] if public is None else sorted(public)
    control = _public(verilog, top, public)
    return cached(
        [*parts, top, verilog, *seen],
        lambda made: _compile(verilog, top, tools, made, wave_suffix, control),
        f"{title}, for cocotb",
    )


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
    wave_suffix: str,
    control: str | None,
) -> None:
    """Build a simulation on Verilator, and put its executable into ``made``.

    Not by cocotb's runner, whose paths are absolute: make takes none with a space, and a build would belong to one
    installation of cocotb.
    """
    build = made.with_name("build")
    build.mkdir()
    share = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    (build / "verilator.cpp").write_bytes(share.read_bytes())
    (build / "design.v").write_text(verilog)
    sources = ["design.v"]
    options = ["--vpi", "--public-flat-rw", "-o", top, "-LDFLAGS", "-L../cocotb -lcocotbvpi_verilator"]
    options += [*_VERILATOR_OPTIONS, "--timescale", "1ns/1ps"]
    options += ["--trace"] if wave_suffix else []
    options += ["--trace-fst"] if wave_suffix == ".fst" else []
    if control is not None:
        (build / "public.vlt").write_text(control)
        sources.insert(0, "public.vlt")
        options.append("--no-public-flat-rw")
    variables = [f"VM_TRACE={int(bool(wave_suffix))}"]
    runtime = ["verilated_vpi", *([_TRACES[wave_suffix]] if wave_suffix else [])]
    links = {"cocotb": cocotb_tools.config.libs_dir}
    product = verilate(
        tools, build, top, top, "Vtop", options, sources, ["verilator.cpp"], _OPTIMISATION, variables, links, runtime
    )
    shutil.copy2(product / top, made)


def _compile_icarus(verilog: str, top: str, made: Path, wave_suffix: str) -> None:
    """Build a simulation on Icarus, ``sim.vvp``, in ``made``.

    Not by cocotb's runner: absolute paths would be part of it, and in Verilog and Icarus's own files be strings.
    """
    build = made.with_name("build")
    build.mkdir()
    (build / "design.v").write_text(verilog)
    (build / "options").write_text("+timescale+1ns/1ps\n")
    (build / "waves.v").write_text(_ICARUS_WAVES.format(top=top))
    waves = ["-s", "_waves", "waves.v"] if wave_suffix else []
    command = ["iverilog", "-o", "sim.vvp", "-s", top, "-g2012", "-f", "options", "design.v", *waves]
    # It hands the names of its temporary files to a shell without quotes.
    process = run_program(command, build, environment={"TMPDIR": "."})
    if process.returncode:
        lines = (process.stderr + process.stdout).splitlines()
        reason = next((line for line in lines if "error" in line.lower()), f"it ended with {process.returncode}")
        raise BackspikeError(f"icarus cannot build {top}: {reason.strip()}")
    shutil.copy2(build / "sim.vvp", made)


# -- run ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Set the environment that cocotb's runner starts programs in, and undo it."""
    before = dict(os.environ)
    wanted = clean_environment(changes)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
        plusargs = [f"+dumpfile_path={trace.name}"] if waves else []  # `%s` ends at a space
    else:
        # Where the Verilog says X, as for a word that is read while it is written, Verilator has something random.
        plusargs = [f"+verilator+seed+{seed % _VERILATOR_SEEDS + 1}", "+verilator+rand+reset+2"]
    exchange = {_PARAMETERS: str(scratch / "parameters.npz"), _RESULTS: str(scratch / "results.npz")}
    if module.startswith("backspike."):
        # These say themselves what is wrong: pytest, which takes as long to start as all else, need not find it out.
        exchange["COCOTB_REWRITE_ASSERTION_FILES"] = ""
    libraries = [str(cocotb_tools.config.libs_dir), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    died: BaseException | None = None
    with _environment({"LD_LIBRARY_PATH": os.pathsep.join(libraries)}):
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
                test_args=["--trace-file", trace.name] if waves and not icarus else [],
                extra_env=exchange,
                log_file=log,
            )
        except _RUNNER_ERRORS as error:
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
    return f"the simulator died after the last test ({died})" if died else None
