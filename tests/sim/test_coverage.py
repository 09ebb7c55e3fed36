"""Coverage: what Verilator counts of a unit, what Yosys finds to be out of reach, and holes with a waiver or none."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from backspike import BackspikeError
from backspike.hdl.link.event_counters import EventCounters
from backspike.hdl.verilog import describe_ports, emit
from backspike.sim.coverage import Coverage, Design, Hole, Waiver, read_waivers, sort_out
from backspike.sim.library import load_library

FILE = "hdl/link/event_counters.py"
WIRE = {"direction": "input", "width": 1, "signed": False}
BINS = {"nothing waits": "unit.idle", "an event is counted while they are read": "unit.reading && unit.fsm_state == 1"}


@pytest.fixture(scope="module")
def simulate(tmp_path_factory):
    """Return a function that covers counters by so many clocks of random inputs, of which a mask is left."""
    unit = EventCounters(2)
    ports = {"clk": WIRE, "rst": WIRE, **describe_ports(unit)}
    verilog = emit(unit, "counters", sources=True)
    signature = {"run": (None, [ctypes.c_uint64, ctypes.c_uint32, ctypes.c_char_p])}
    harness = Path(__file__).with_name("coverage_harness.cpp")
    library = load_library(harness, signature, verilog, "counters", ports, optimise=False, bins=BINS)
    counted = tmp_path_factory.mktemp("coverage") / "coverage.dat"

    def run(coverage: Coverage, clocks: int, mask: int = 0xFFFF_FFFF) -> None:
        library.backspike_run(clocks, mask, os.fsencode(counted))
        coverage.add(Design("unit", verilog, "counters"), counted.read_text(), BINS)

    return run


def test_random_inputs_cover_a_unit_and_none_do_not(simulate) -> None:
    quiet, busy = Coverage(), Coverage()
    simulate(quiet, 100, mask=0)
    simulate(busy, 4000)
    for kind in ("line", "branch", "toggle"):
        (few, points, _), (many, same, _) = (found.counts()[FILE][kind] for found in (quiet, busy))
        assert points == same > 10
        assert few < many <= points
    always, never = BINS
    assert quiet.bins[always] >= 100
    assert 10 < busy.bins[always] < 4000
    assert quiet.bins[never] == busy.bins[never] == 0
    # A machine is in one of its states, which no constant says.
    assert {hole.text.partition(" fsm")[0] for hole in busy.holes()} == {"none of"}
    assert Hole(FILE, "toggle", "pending[1]:0->1", "unit: counters") in quiet.holes()
    # Together they have gone through what either has.
    simulate(quiet, 4000)
    assert quiet.holes() == busy.holes()
    assert quiet.bins[always] >= 100 + busy.bins[always]


HOLES = [Hole("hdl/a.py", "toggle", f"count[{bit}]:0->1", "one") for bit in (3, 4)]
HOLES.append(Hole("hdl/b.py", "branch", "full: then", "one"))


def test_holes_are_waived_one_by_one_or_stay() -> None:
    high, other = Waiver("hdl/a.py", "toggle", r"count\[[4-9]\].*", "takes years"), Waiver(".*", "branch", ".*", "why")
    waived, others = sort_out(HOLES, [high])
    assert (waived, others) == ({high: [HOLES[1]]}, [HOLES[0], HOLES[2]])
    assert sort_out(HOLES, [high, other]) == ({high: [HOLES[1]], other: [HOLES[2]]}, [HOLES[0]])


def test_a_waiver_of_what_is_covered_is_out_of_date() -> None:
    for stale in (
        Waiver("hdl/a.py", "toggle", r"count\[5\].*", "takes years"),
        Waiver("hdl/a.py", "branch", r"count.*", "takes years"),
        Waiver("hdl/c.py", "toggle", r"count.*", "takes years"),
    ):
        with pytest.raises(BackspikeError, match=r"^there is no .* that is not covered: its waiver .* out of date$"):
            sort_out(HOLES, [stale])


def test_the_waivers_of_the_project_say_why() -> None:
    from backspike.toml import read_toml

    waivers = read_waivers(read_toml(Path(__file__).parents[2] / "bench" / "board_coverage.toml"))
    assert all(len(waiver.reason.split()) > 3 for waiver in waivers)
    with pytest.raises(BackspikeError, match=r"^waiver 1 must have component, kind, text and reason, not kind$"):
        read_waivers({"waiver": [{"kind": "line"}]})
