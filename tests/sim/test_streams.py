import re

import numpy as np
import pytest

from backspike.sim.layout import Layout
from backspike.sim.runner import BenchError, run_bench
from tests.sim.accumulator import NEEDS_ICARUS, ON_BOTH, accumulator_ports, accumulator_verilog

BENCH = "tests.sim.accumulator_bench"
PORTS = accumulator_ports()
SEED = 7

# A stream that gives 1, 2, 3, ... with whatever `FAULT` does to it.
STREAM = """
module faulty(clk, rst, o__valid, o__ready, o__payload);
  input clk, rst, o__ready;
  output o__valid;
  output [7:0] o__payload;
  reg [7:0] count = 0, clock = 0;
  always @(posedge clk) begin
    clock <= clock + 1;
    if (o__valid & o__ready) count <= count + 1;
  end
  assign o__valid = {valid};
  assign o__payload = {payload};
endmodule
"""
OUTPUT = {"o__payload": {"direction": "output", "width": 8, "signed": False}}


def job(stalls, **more):
    generator = np.random.default_rng(SEED)
    commands = np.stack([generator.integers(0, 16, 200), generator.integers(-128, 128, 200)], axis=1)
    return {"seed": SEED, "ports": PORTS, "stalls": stalls, "commands": commands, **more}


def accumulate(simulator, parameters, test="accumulate"):
    return run_bench(BENCH, accumulator_verilog(), "accumulator", simulator=simulator, parameters=parameters, test=test)


def watch(valid, payload, stalls):
    verilog = STREAM.format(valid=valid, payload=payload)
    parameters = {"ports": OUTPUT, "stalls": stalls}
    return run_bench(BENCH, verilog, "faulty", simulator="icarus", parameters=parameters, test="watch")


@ON_BOTH
@pytest.mark.parametrize("stalls", [0, 0.2, 0.8])
def test_values_pass_in_order_whatever_the_stalls(simulator, stalls):
    results = accumulate(simulator, job(stalls))
    assert results["compared"] == results["count"] == 200, f"seed {SEED}"
    assert (results["words"] == results["expected"]).all(), f"seed {SEED}"
    assert (results["clocks"] > 800) == (stalls == 0.8), f"seed {SEED}"


@ON_BOTH
def test_without_stalls_no_clock_is_lost(simulator):
    assert accumulate(simulator, job(0))["clocks"] == 2 * 200


@ON_BOTH
def test_the_first_mismatch_is_named(simulator):
    parameters = job(0.2, lie_by=1)
    address, value = parameters["commands"][0]
    expected = f"expected {address + value + 1}, got {address + value}"
    with pytest.raises(BenchError, match=rf"o\[0\]: {expected}"):
        accumulate(simulator, parameters)


@ON_BOTH
def test_surplus_output_is_reported(simulator):
    with pytest.raises(BenchError, match="o: 1 surplus values, first 7"):
        accumulate(simulator, job(0), "forget_one")


@ON_BOTH
def test_a_stream_that_takes_nothing_is_reported(simulator):
    verilog = re.sub(r"assign i__ready = [^;]*;", "assign i__ready = 1'h0;", accumulator_verilog())
    assert verilog != accumulator_verilog()
    parameters = {"ports": PORTS}
    with pytest.raises(BenchError, match="i: not ready in 30 cycles, after 0 values"):
        run_bench(BENCH, verilog, "accumulator", simulator=simulator, parameters=parameters, test="wait_for_room")


@ON_BOTH
def test_no_bench_waits_for_ever(simulator):
    with pytest.raises(BenchError, match="the bench has not ended in 500 cycles"):
        accumulate(simulator, job(0), "wait_for_ever")


@NEEDS_ICARUS
def test_missing_output_is_reported():
    with pytest.raises(BenchError, match="o: no value in 30 cycles, after 0 values"):
        accumulate("icarus", job(0), "wait_for_nothing")


@NEEDS_ICARUS
@pytest.mark.parametrize(
    ("valid", "payload", "stalls", "complaint"),
    [
        ("1", "count", 0, "surplus values, first 0"),
        ("1", "clock", 0.5, r"payload changed from \d+ to \d+ before it was taken"),
        ("clock[0]", "count", 0.5, r"valid fell before \d+ was taken"),
        ("clock > 20 ? 1'bx : 1'b0", "count", 0, r"o__valid is X at \d+ ns"),
        ("1", "clock > 20 ? 8'bx : count", 0, "payload X+ is not defined"),
    ],
)
def test_a_stream_that_breaks_the_rules_is_caught(valid, payload, stalls, complaint):
    with pytest.raises(BenchError, match=complaint):
        watch(valid, payload, stalls)


@NEEDS_ICARUS
def test_a_silent_stream_is_in_order():
    assert watch("0", "count", 0.5) == {}


def test_fields_are_packed_from_the_least_significant_bit_up():
    layout = Layout(PORTS["i__payload"])
    assert layout.pack({"address": 3, "value": -2}) == 0xFE3
    assert layout.unpack(0xFE3) == {"address": 3, "value": -2}


def test_every_signed_number_comes_back():
    layout = Layout({"width": 4, "signed": True})
    assert [layout.unpack(layout.pack(value)) for value in range(-8, 8)] == list(range(-8, 8))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"address": 16, "value": 0}, "address must be from 0 to 15, not 16"),
        ({"address": 0, "value": -129}, "value must be from -128 to 127, not -129"),
        ({"address": 0}, "a payload must give the fields address, value, not {'address': 0}"),
        (5, "a payload must give the fields address, value, not 5"),
    ],
)
def test_what_does_not_fit_is_refused(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        Layout(PORTS["i__payload"]).pack(value)
