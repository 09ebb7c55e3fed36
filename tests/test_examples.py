"""The examples do what they say: each is run as a user runs it, and its figures are compared with what they must be."""

from __future__ import annotations

import importlib.util
import math
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from backspike import PRESETS
from backspike.hdl.verilog import write_design
from tests.hdl.variants import NEEDS_ICARUS

FOLDER = Path(__file__).parents[1] / "examples"


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    return capsys.readouterr().out


def test_each_example_has_a_test() -> None:
    tested = {
        "composite_neuron.py",
        "litex_soc.py",
        "live_events.py",
        "network.py",
        "spike_generators.py",
        "winner_take_all.py",
    }
    assert {path.name for path in FOLDER.glob("*.py")} == tested


def test_spikes_are_copies_of_each_other_where_seeds_are_shifts(capsys: pytest.CaptureFixture[str]) -> None:
    good, shifted = printed("spike_generators.py", capsys).splitlines()
    rate, correlation = map(float, re.findall(r"rate (\S+) .* ([+-]\S+)$", good)[0])
    # 16,000 and 2,000 draws: five standard deviations.
    assert abs(rate - 96 / 256) < 0.02
    assert abs(correlation) < 0.11
    assert shifted.endswith("repeated by the next unit: +1.000")


def test_the_neuron_spikes_along_its_ramp_and_opens_its_gate_there(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed("composite_neuron.py", capsys)
    found = re.findall(r"V = +(-?\d+) LSB: P\(spike\) = (\S+), gate (\w+)", lines)
    assert [int(potential) for potential, _, _ in found] == [-8, 0, 8, 16, 24, 32, 40]
    for potential, rate, gate in found:
        share = min(max(int(potential) / 32, 0), 1)
        assert abs(float(rate) - share) <= (0.125 if 0 < share < 1 else 0), potential
        assert gate == ("open" if 0 < share < 1 else "closed")


def test_a_camera_is_answered_right(capsys: pytest.CaptureFixture[str]) -> None:
    taught, right, asked, first = re.findall(r"\d+|lying|standing", printed("live_events.py", capsys))
    assert (taught, asked) == ("300", "40")
    assert int(right) >= 36
    assert first in ("lying", "standing")


def test_winners_are_those_of_the_softmax(capsys: pytest.CaptureFixture[str]) -> None:
    shares = re.findall(r"won (\S+), softmax (\S+)", printed("winner_take_all.py", capsys))
    # Potentials of 0, 0.5, 1 and 1.5.
    total = sum(math.exp(potential / 2) for potential in range(4))
    assert len(shares) == 4
    for unit, (won, softmax) in enumerate(shares):
        assert float(softmax) == pytest.approx(math.exp(unit / 2) / total, abs=0.001)
        assert float(won) == pytest.approx(float(softmax), abs=0.08)


def test_the_network_learns_what_the_golden_model_learns(capsys: pytest.CaptureFixture[str]) -> None:
    classes, weights = printed("network.py", capsys).splitlines()
    given, expected = re.findall(r"\[.*?\]", classes)
    assert given == expected
    assert re.fullmatch(r"[1-9]\d* weights changed, equal to the golden model's", weights)


LITEX_BENCH = """\
module bench;
  reg clk = 0, rst = 1, cyc = 0, we = 0;
  reg [29:0] adr;
  reg [31:0] data;
  wire [31:0] read;
  wire ack, err;
  tiny_wishbone_system system(.sys_clk(clk), .sys_rst(rst), .master_adr(adr), .master_dat_w(data), .master_dat_r(read),
    .master_sel(4'hf), .master_cyc(cyc), .master_stb(cyc), .master_ack(ack), .master_we(we), .master_cti(3'd0),
    .master_bte(2'd0), .master_err(err));
  always #5 clk = ~clk;
  task access(input [31:0] byte_address, input write, input [31:0] value);
    begin
      @(negedge clk); adr = byte_address >> 2; we = write; data = value; cyc = 1;
      @(posedge clk); while (!(ack || err)) @(posedge clk);
      $display("%h %b%b", read, ack, err);
      @(negedge clk); cyc = 0;
    end
  endtask
  initial begin
    repeat (2) @(negedge clk); rst = 0;
    access(32'h90000000, 0, 0);
    access(32'h90000064, 1, 77);
    access(32'h90000064, 0, 0);
    access(32'h90000400, 0, 0);
    $finish;
  end
  initial #1000000 $finish;
endmodule
"""


@NEEDS_ICARUS
def test_a_system_of_litex_reaches_the_network(tmp_path: Path) -> None:
    if importlib.util.find_spec("litex") is None:
        pytest.skip("needs LiteX: pip install litex migen")
    config = PRESETS["tiny"]
    verilog, _ = write_design(config, tmp_path, wrapper="wishbone")
    command = [sys.executable, FOLDER / "litex_soc.py", verilog]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.stdout.splitlines()[-1:] == [str(tmp_path / "tiny_wishbone_system.v")], process.stderr
    (tmp_path / "bench.v").write_text(LITEX_BENCH)
    sources = ["bench.v", "tiny_wishbone.v", "tiny_wishbone_system.v"]
    subprocess.run(["iverilog", "-g2005", "-s", "bench", "-o", "bench", *sources], cwd=tmp_path, check=True)
    printed = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    lines = [line for line in printed.splitlines() if re.fullmatch(r"[0-9a-fx]{8} [01]{2}", line)]
    assert [lines[0], *lines[2:]] == ["424b5350 10", "0000004d 10", "00000000 01"], printed
    assert lines[1].endswith(" 10"), printed
