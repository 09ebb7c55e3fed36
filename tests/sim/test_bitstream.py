"""Bitstreams as what they make of the chip; that one learns is in tests/fpga/test_build.py, where one is built."""

from __future__ import annotations

import json

import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.sim import icestorm
from backspike.sim.bitstream import decode
from backspike.sim.built import Built, Pin, read_built

PLL = {"FEEDBACK_PATH": "SIMPLE", "DIVR": 0, "DIVF": 63, "DIVQ": 5, "FILTER_RANGE": 1}

# As icebox_vlog writes it, cut down.
CHIP = """\
module chip_pins (input rx, output tx, output busy);
wire n1;
// (0, 1, 'clk')
// (0, 0, 'glb_netwk_1')

wire n2;
// (0, 2, 'lutff_0/in_1')

reg n3 = 0;
// (0, 1, 'slf_op_0')

wire rx;
// (13, 0, 'io_1/D_IN_0')

SB_PLL40_PAD #(
  .FEEDBACK_PATH("SIMPLE"),
  .DIVR(4'b0000),
  .DIVF(7'b0111111),
  .DIVQ(3'b101),
  .FILTER_RANGE(3'b001)
) PLL_12_31 (
  .PLLOUTGLOBAL(n1),
  .DYNAMICDELAY({1'b0, 1'b0}),
  .LOCK(n2),
  .BYPASS(n1)
);

assign busy = rx;
endmodule
"""


@pytest.fixture
def built(tmp_path) -> Built:
    """What a build for 24 MHz and 1 Mbit/s leaves, but for the bitstream's content."""
    (tmp_path / "tiny.bin").write_bytes(b"no bitstream")
    PRESETS["tiny"].save(tmp_path / "config.toml")
    report = {"board": "icebreaker", "clock_mhz": 24.0, "baud": 1_000_000.0}
    (tmp_path / "report.json").write_text(json.dumps(report))
    return read_built(tmp_path / "tiny.bin")


def test_what_lies_beside_a_bitstream_says_what_it_is(built) -> None:
    assert (built.board.name, built.config, built.divisor) == ("icebreaker", PRESETS["tiny"], 24)
    assert PLL.items() <= built.pll.parameters.items()


def test_clock_and_lock_come_from_outside(built) -> None:
    text = icestorm._without_pll(CHIP, built)
    assert "SB_PLL40" not in text
    assert "assign n1 = clk;\nassign n2 = ~rst;\n" in text


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("7'b0111111", "7'b0111110", "has a PLL whose DIVF is 7'b0111110, where 63 was asked for"),
        ('"SIMPLE"', '"DELAY"', "has a PLL whose FEEDBACK_PATH is DELAY, where SIMPLE was asked for"),
        ("SB_PLL40_PAD", "SB_OTHER", "has no PLL"),
    ],
)
def test_another_pll_than_was_asked_for_is_refused(built, old: str, new: str, sentence: str) -> None:
    with pytest.raises(BackspikeError, match=sentence):
        icestorm._without_pll(CHIP.replace(old, new), built)


def test_single_port_rams_are_where_their_pins_are() -> None:
    pins = {
        "CLOCK": (0, 1, "clk"),
        "ADDRESS_0": (0, 2, "lutff_0/in_1"),
        "ADDRESS_1": (0, 2, "lutff_1/in_1"),
        "DATAOUT_0": (0, 1, "slf_op_0"),
        "DATAOUT_1": (0, 1, "slf_op_1"),
    }
    text = icestorm._spram(CHIP, [pins])
    assert text == (
        "wire open_spram_0_1;\n"
        "SB_SPRAM256KA spram_0 (.CLOCK({n1}), .ADDRESS({1'b0, n2}), .DATAOUT({open_spram_0_1, n3}));\n"
    )
    assert icestorm._spram(CHIP, []) == ""


def test_pins_are_those_of_the_board(built) -> None:
    pins = built.pins()
    assert pins == {"rx": Pin("6", False), "tx": Pin("9", False), "busy": Pin("11", True)}
    text = icestorm._with_ports(CHIP, pins)
    assert "module chip_pins (input clk, input rst, input rx, output tx, output busy);" in text
    assert "\nwire rx;" not in text
    # The iCEBreaker's light shines where its pin is low.
    assert "assign busy = ~busy_pin;" in text
    assert ".busy(busy_pin)" in text
    with pytest.raises(BackspikeError, match="the chip's pins should be"):
        icestorm._with_ports(CHIP.replace("output tx, ", ""), pins)


def test_what_is_missing_or_cannot_be_decoded_is_said(built, monkeypatch) -> None:
    path = built.bitstream
    with pytest.raises(BackspikeError, match="there is no bitstream"):
        read_built(path.with_name("other.bin"))
    path.with_name("report.json").write_text("{}")
    with pytest.raises(BackspikeError, match=r"report\.json is damaged: it has no 'clock_mhz'"):
        read_built(path)
    path.with_name("report.json").unlink()
    with pytest.raises(BackspikeError, match=r"report\.json: No such file"):
        read_built(path)
    monkeypatch.setenv("PATH", str(path.parent))
    with pytest.raises(BackspikeError, match=r"iceunpack is missing \(Project IceStorm\)"):
        decode(built)


def test_a_board_with_sdram_is_not_simulated_so(built) -> None:
    report = {"board": "ulx3s-12f", "clock_mhz": 60.0, "baud": 1_000_000.0, "sample_memory": {"kind": "SDRAM"}}
    built.bitstream.with_name("report.json").write_text(json.dumps(report))
    with pytest.raises(BackspikeError, match=r"tiny.bin cannot be simulated: it has an SDRAM at its pins"):
        read_built(built.bitstream)
    report["sample_memory"] = {"kind": "RAM of the device"}
    built.bitstream.with_name("report.json").write_text(json.dumps(report))
    assert read_built(built.bitstream).pll.delay is None


def test_a_board_at_a_usb_port_is_not_simulated_so(built) -> None:
    report = {"board": "ulx3s-12f", "clock_mhz": 60.0, "link": "usb", "baud": None}
    built.bitstream.with_name("report.json").write_text(json.dumps(report))
    with pytest.raises(BackspikeError, match=r"tiny.bin cannot be simulated: its link is at a USB port, which is not "):
        read_built(built.bitstream)


@pytest.mark.parametrize(
    ("board", "sentence"),
    [
        ("tangnano9k", r".*tiny\.pnr\.json: No such file or directory"),
        ("colorlight", "a bitstream for Colorlight 5A-75B, ECP5 25F cannot be simulated, as no light says it is busy"),
    ],
)
def test_what_cannot_be_simulated_is_said(built, board: str, sentence: str) -> None:
    report = {"board": board, "clock_mhz": 27.0, "baud": 1_000_000.0}
    built.bitstream.with_name("report.json").write_text(json.dumps(report))
    with pytest.raises(BackspikeError, match=f"^{sentence}$"):
        decode(read_built(built.bitstream))


@pytest.mark.parametrize(("option", "value"), [("--bitstream", "tiny.bin"), ("--skew", "0.02")])
def test_what_is_of_a_simulated_board_needs_one(option, value, capsys) -> None:
    arguments = ["host", "identify", "--config", "tiny", "--port", "/dev/null", option, value]
    assert main(arguments) == 2
    assert f"{option} needs --simulate" in capsys.readouterr().err
