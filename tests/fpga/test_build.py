"""A whole build of the smallest preset, its cache, and what is said of builds that failed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from backspike import PRESETS, BackspikeError
from backspike.config import load_config
from backspike.datasets import load_dataset
from backspike.fpga import build as module
from backspike.fpga.boards import BOARDS
from backspike.fpga.build import (
    KINDS,
    build,
    check_timing,
    count_cells,
    describe_memory,
    find_fastest,
    format_report,
    summarise,
)
from backspike.fpga.families import FAMILIES, ICE40
from backspike.fpga.families.ice40 import Ice40
from backspike.fpga.flow import Step, does_not_fit
from backspike.fpga.link.device import Device
from backspike.fpga.link.serial_transport import SerialTransport
from backspike.fpga.throughput import UnknownWorkError, find_work, samples_through_link
from backspike.fpga.tools import find_tool
from backspike.locks import locked
from backspike.prerequisites import missing_programs
from backspike.sim.board import DirectLine, SimulatedBoard
from backspike.sim.built import read_built
from backspike.sim.compare import schedule_of
from backspike.training.device import compare_device

# As nextpnr-ice40 0.9 writes it, its paths left out.
REPORT = {
    "fmax": {"board.clk": {"achieved": 20.0, "constraint": 16.0}},
    "utilization": {
        "ICESTORM_LC": {"available": 5280, "used": 3000},
        "ICESTORM_RAM": {"available": 30, "used": 10},
        "SB_WARMBOOT": {"available": 1, "used": 0},
    },
}
UNKNOWN = UnknownWorkError("nobody has counted")
SLOW = {**REPORT, "fmax": {"board.clk": {"achieved": 12.0, "constraint": 16.0}}}


def test_tiny_on_an_icebreaker(tmp_path, monkeypatch):
    """Placed and routed for real; what icepack packed is what nextpnr routed; a second build comes from the cache."""
    with monkeypatch.context() as own:
        own.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
        told = []
        out, config = tmp_path / "out", BOARDS["icebreaker"].load_config("tiny")
        report = build("icebreaker", config, out, told.append)
        assert report["timing_met"]
        assert 0 < report["device"]["ICESTORM_LC"]["used"] < report["device"]["ICESTORM_LC"]["available"] == 5280
        assert report["device"]["ICESTORM_RAM"]["available"] == 30
        # Weights of both layers and the noise's table at least.
        assert report["cells"]["block_rams"] >= 3
        assert report["config_hash"] == load_config(str(out / "config.toml")).hash
        assert json.loads((out / "report.json").read_text()) == report
        bitstream = (out / "tiny.bin").read_bytes()
        # What every iCE40 bitstream begins with, after its comment.
        assert b"\x7e\xaa\x99\x7e" in bitstream[:64]
        unpack = [*find_tool("icepack"), "-u", "tiny.bin", "tiny.asc"]
        assert subprocess.run(unpack, cwd=out, capture_output=True, check=False).returncode == 0
        assert ".device 5k" in (out / "tiny.asc").read_text()

        told.clear()
        assert build("icebreaker", config, out, told.append) == report
        assert told[:2] == ["synthesis: from the cache", "place and route, seed 1: from the cache"]
        assert (out / "tiny.bin").read_bytes() == bitstream

    if not missing_programs("iceunpack", "icebox_vlog"):
        bits_learn(out / "tiny.bin")


def bits_learn(bitstream: Path) -> None:
    """What the bits make of the chip computes what the golden model does, through its own serial line.

    From power-up, with no reset but the design's own; it is also greeted if the PLL is locked later.
    """
    built = read_built(bitstream)
    schedule = schedule_of(built.config, load_dataset("random", built.config, 1), 20, 1)
    with SimulatedBoard(built.config, built=built) as board:
        line = DirectLine(board)
        Device(SerialTransport(line, line.seconds), built.config)
    with SimulatedBoard(built.config, built=built, power_up=True) as board:
        line = DirectLine(board)
        result = compare_device(Device(SerialTransport(line, line.seconds), built.config), schedule)
    assert result.mismatch == ""
    assert result.compared == {"results": 20, "weights": 9 * 4 + 5 * 3}
    assert any((before != after).any() for before, after in zip(schedule.weights, result.weights, strict=True))


def test_one_build_at_a_time_writes_to_a_folder(tmp_path) -> None:
    with locked(tmp_path), pytest.raises(BackspikeError, match=f"^another process writes to {tmp_path}"):
        build("icebreaker", PRESETS["tiny"], tmp_path, lambda line: None)
    assert not list(tmp_path.iterdir())


def test_the_fastest_seed_is_taken():
    board, config = BOARDS["icebreaker"], PRESETS["tiny"]
    report = summarise(board, config, 16.0, 16, {1: SLOW, 2: REPORT}, UNKNOWN)
    assert report["seed"] == 2
    assert report["device"] == {name: REPORT["utilization"][name] for name in ("ICESTORM_LC", "ICESTORM_RAM")}
    report["cells"] = {"luts": 2000}
    table = format_report(report)
    assert "1: 12.0 MHz, 2: 20.0 MHz" in table
    assert "3,000 of 5,280" in table
    assert "--baud" not in table
    assert re.search(r"^training samples per second +unknown, because nobody has counted$", table, re.MULTILINE)
    assert re.search(r"^host link, samples per second +4,9\d\d at least, with every input in every list$", table, re.M)
    check_timing(report)


@pytest.mark.parametrize(
    ("seeds", "reached", "tried", "taken"),
    [
        (None, (15.9, 16.1, 17.0), 2, 2),
        (None, (16.0,), 1, 1),
        (None, (14.0, 17.0), 1, None),  # too far for another placement to make up for
        (None, (15.5, 15.6, 15.7, 15.8, 15.9, 17.0), 5, None),
        (3, (16.0, 17.0, 16.5), 3, 2),
        (1, (15.9, 17.0), 1, None),
    ],
)
def test_another_seed_is_tried_where_it_may_help(seeds, reached, tried, taken, tmp_path, monkeypatch):
    placed = []

    def place(board, netlist, clock, seed):
        placed.append(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        fmax = {"board.clk": {"achieved": reached[seed - 1], "constraint": 16.0}}
        (folder / "nextpnr.json").write_text(json.dumps({**REPORT, "fmax": fmax}))
        (folder / "nextpnr.log").touch()
        (folder / "top.bin").write_bytes(bytes([seed]))
        return Step(folder, cached=False)

    (tmp_path / "top.json").write_text('{"modules": {"top": {"cells": {}}}}')
    (tmp_path / "yosys.log").touch()
    monkeypatch.setattr(module, "synthesise", lambda *given: Step(tmp_path, cached=False))
    monkeypatch.setattr(module, "place_and_route", place)
    monkeypatch.setattr(Ice40, "second_opinion", lambda *given: None)
    out = tmp_path / "out"
    if taken:
        assert build("icebreaker", PRESETS["tiny"], out, lambda line: None, seeds=seeds)["seed"] == taken
        assert (out / "tiny.bin").read_bytes() == bytes([taken])
    else:
        with pytest.raises(BackspikeError, match=r"^timing is not met on icebreaker: board\.clk reaches "):
            build("icebreaker", PRESETS["tiny"], out, lambda line: None, seeds=seeds)
        assert not (out / "tiny.bin").exists()
    assert placed == list(range(1, tried + 1))


def test_times_of_line_and_chip_add_up():
    assert samples_through_link(300, 600) == pytest.approx(200)
    assert samples_through_link(None, 600) is None


@pytest.mark.parametrize(
    ("chip", "line", "few", "baud"),
    # Whether few samples per frame are worth naming, and a faster line.
    [(300, 330, True, False), (330, 300, True, True), (90_000, 1_400, False, True), (300, 90_000, False, False)],
)
def test_the_report_names_what_makes_the_link_faster(chip, line, few, baud):
    config = PRESETS["digits"]
    report = summarise(BOARDS["icebreaker"], config, 16.0, 16, {1: REPORT}, find_work(config)) | {"cells": {}}
    through = samples_through_link(chip, line)
    report |= {"cycles_per_training_sample": 1000, "training_samples_per_second": chip, "link_samples_per_second": line}
    table = format_report(report | {"training_samples_per_second_through_link": through})
    assert re.search(rf"^host link, samples per second +{line:,} at most$", table, re.MULTILINE)
    assert re.search(rf"^training through the link +{through:,.0f}$", table, re.MULTILINE)
    assert bool(re.search(r"^with --samples-per-frame 2 +300 at most", table, re.MULTILINE)) == few
    assert ("--baud" in table) == baud


@pytest.mark.parametrize(
    ("kind", "said"),
    [(15, "64 KiB, RAM of the device"), (24, "32,768 KiB, RAM of the device"), ("sdram", "32,768 KiB, SDRAM")],
)
def test_the_report_names_the_sample_memory(kind, said):
    board = BOARDS["ulx3s-12f"]
    report = summarise(board, PRESETS["tiny"], 16.0, 16, {1: REPORT}, UNKNOWN) | {"cells": {}}
    assert "sample memory" not in format_report(report | {"sample_memory": describe_memory(board, None)})
    table = format_report(report | {"sample_memory": describe_memory(board, kind)})
    assert re.search(rf"^sample memory +{said}$", table, re.MULTILINE)


USB_CLOCK = "$glbnet$board.transport.answers.unbuffered.produce_cdc.usb_clk"


def test_the_clock_of_usb_is_not_the_network_s():
    """It has its own constraint; no speed of training is told by it, and no choice of the network's clock mends it."""
    config = PRESETS["digits"]
    board, work = BOARDS["ulx3s-12f"], find_work(config)
    clocks = {"board.clk": {"achieved": 70.0, "constraint": 60.0}, USB_CLOCK: {"achieved": 50.0, "constraint": 48.0}}
    report = summarise(board, config, 60.0, None, {1: {**REPORT, "fmax": clocks}}, work) | {"cells": {}}
    assert (report["link"], report["baud"], report["timing_met"]) == ("usb", None, True)
    at_60 = report["training_samples_per_second"]
    assert report["training_samples_per_second_at_fmax"] == pytest.approx(at_60 * 70 / 60)
    # A millisecond carries 19 packets of 64 bytes (USB 2.0, table 5-9).
    line = summarise(board, config, 60.0, 6, {1: {**REPORT, "fmax": clocks}}, work)
    ratio = report["link_samples_per_second"] / line["link_samples_per_second"]
    assert (line["link"], ratio) == ("serial line", pytest.approx(19 * 64 * 1000 / 1e6))
    table = format_report(report)
    assert re.search(r"^host link +USB, full speed: 1\.2 MB/s at most$", table, re.MULTILINE)
    assert re.search(r"^clock .*usb_clk +50\.0 MHz, 48\.0 wanted$", table, re.MULTILINE)
    assert re.search(r"^seeds +1: 70\.0 MHz$", table, re.MULTILINE)
    assert "--baud" not in table
    clocks[USB_CLOCK]["achieved"] = 40.0
    report = summarise(board, config, 60.0, None, {1: {**REPORT, "fmax": clocks}}, work)
    sentence = r"usb_clk reaches 40\.00 MHz of the 48\.00 that it has to; build with more --seeds$"
    with pytest.raises(BackspikeError, match=sentence):
        check_timing(report)


@pytest.mark.parametrize(("reached", "said", "clock"), [(12.0, "12.00", 11), (15.998, "15.99", 15)])
def test_timing_that_is_missed_is_one_sentence(reached, said, clock):
    clocks = {"board.clk": {"achieved": reached, "constraint": 16.0}}
    report = summarise(BOARDS["icebreaker"], PRESETS["tiny"], 16.0, 16, {1: {**REPORT, "fmax": clocks}}, UNKNOWN)
    sentence = (
        rf"^timing is not met on icebreaker: board\.clk reaches {said} MHz of the 16\.00 that it has to; "
        rf"build with --clock {clock}, or with more --seeds$"
    )
    with pytest.raises(BackspikeError, match=sentence):
        check_timing(report)


def test_of_two_speeds_the_lower_one_counts():
    """Whichever tool gave it, for the seed that is taken and for the timing that is met."""
    board, config = BOARDS["icebreaker"], PRESETS["tiny"]
    both = {1: REPORT, 2: REPORT}
    report = summarise(board, config, 16.0, 16, both, UNKNOWN, {1: ("icetime", 15.5), 2: ("icetime", 17.0)})
    assert (report["seed"], report["timing_met"]) == (2, True)
    (clock,) = report["clocks"].values()
    assert clock == {"achieved": 17.0, "constraint": clock["constraint"], "nextpnr": 20.0, "icetime": 17.0}
    table = format_report(report | {"cells": {}})
    assert re.search(r"^clock .* 17\.0 MHz \(nextpnr 20\.0, icetime 17\.0\), 16\.0 wanted$", table, re.MULTILINE)
    report = summarise(board, config, 16.0, 16, {1: REPORT}, UNKNOWN, {1: ("icetime", 15.5)})
    with pytest.raises(BackspikeError, match=r"reaches 15\.50 MHz of the 16\.00"):
        check_timing(report)
    report = summarise(board, config, 16.0, 16, {1: SLOW}, UNKNOWN, {1: ("icetime", 25.0)})
    assert not report["timing_met"]


@pytest.mark.parametrize(
    ("reached", "clocks", "taken"),
    # What is reached when the first, second, ... clock is asked for; which were asked for, and whose build is taken.
    [
        ({16: 30.0, 28: 29.0}, [28], 28),
        ({16: 30.0, 28: 26.0, 24: 24.0}, [28, 24], 24),
        ({16: 16.2}, [], 16),
        ({16: 14.0, 13: 15.0}, [13], 13),
        ({16: 30.0, 28: 27.0, 25: 24.0, 22: 20.0}, [28, 25, 22], 16),
        ({16: 30.0, 28: 15.0}, [28], 16),
        ({16: 15.0, 14: 13.0, 12: 11.0, 10: 9.0}, [14, 12, 10], 10),
        # Of 38 MHz the line's clock cannot be made.
        ({16: 41.0, 37: 40.0}, [37], 37),
        ({37: 41.0}, [], 37),
    ],
)
def test_the_fastest_clock_is_looked_for(reached, clocks, taken):
    asked = []

    def made(clock):
        fmax = {"clk": {"achieved": reached[clock], "constraint": clock}}
        return SimpleNamespace(report={"clock_mhz": clock, "timing_met": reached[clock] >= clock, "clocks": fmax})

    def attempt(clock):
        asked.append(clock)
        return made(clock)

    first = made(min(reached, key=list(reached).index))
    found = find_fastest(first, attempt, lambda clock: clock != 38)
    assert found.report["clock_mhz"] == taken
    assert asked == clocks


def test_what_does_not_fit_is_one_sentence():
    log = (
        "Info: Device utilisation:\n"
        "Info: \t         ICESTORM_LC:  6761/   5280   128%\n"
        "Info: \t        ICESTORM_RAM:    30/     30   100%\n"
        "ERROR: Unable to place cell 'x', no BELs remaining to implement cell type 'ICESTORM_LC'\n"
    )
    error = does_not_fit(log, BOARDS["icebreaker"])
    assert str(error).startswith("the design does not fit iCEBreaker, iCE40 UP5K: it takes 6,761 of 5,280 ICESTORM_LC;")
    assert does_not_fit(log.replace("6761", "5280"), BOARDS["icebreaker"]) is None


def test_cells_of_every_family_are_counted_by_kind():
    """No cell counts twice, and none that nobody would look for under that name."""
    for family in FAMILIES.values():
        prefixes = [prefix for prefixes in family.cells.values() for prefix in prefixes]
        types = {f"{number}": {"type": f"{prefix}X"} for number, prefix in enumerate(prefixes)}
        counts = count_cells({"modules": {"top": {"cells": types}}}, family)
        assert counts == {kind: len(family.cells.get(kind, ())) for kind in KINDS}


def test_cells_are_counted_by_kind():
    types = ["SB_LUT4", "SB_LUT4", "SB_DFFSR", "SB_DFF", "SB_RAM40_4K", "SB_SPRAM256KA", "SB_MAC16", "SB_CARRY"]
    netlist = {"modules": {"top": {"cells": {str(n): {"type": name} for n, name in enumerate(types)}}}}
    assert count_cells(netlist, ICE40) == {
        "luts": 2,
        "flip_flops": 2,
        "block_rams": 1,
        "single_port_rams": 1,
        "multipliers": 1,
    }
