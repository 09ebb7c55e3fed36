"""Clock and pins of every board, placed and routed for real; a PLL that the tools take may still never lock."""

from __future__ import annotations

import json
import re

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike import PRESETS
from backspike.fpga.boards import BOARDS, Board
from backspike.fpga.families.family import Pll
from backspike.fpga.flow import Step, place_and_route, synthesise
from backspike.fpga.tools import find_tool, run_tool


class Loop(wiring.Component):
    """In the place of a network and its link: what comes in on the line goes out a clock later."""

    def __init__(self, config: object, divisor: int) -> None:
        super().__init__({"rx": In(1), "tx": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.tx.eq(self.rx)
        m.d.comb += self.busy.eq(self.tx)
        return m


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds a loop for a board."""
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("backspike.fpga.design.BoardTop", Loop)

    def run(board: Board) -> tuple[Pll, Step]:
        pll, divisor = board.timing(board.clock, board.baud)
        return pll, place_and_route(board, synthesise(board, PRESETS["tiny"], pll, divisor), pll.frequency, 1)

    return run


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_clock_and_pins(name, build):
    pll, routed = build(BOARDS[name])
    report = json.loads((routed.folder / "nextpnr.json").read_text())
    used = {cell: use["used"] for cell, use in report["utilization"].items()}
    assert sum(count for cell, count in used.items() if "PLL" in cell) == 1
    # Every clock that drives registers is known, and fast enough for its own.
    assert report["fmax"]
    for clock in report["fmax"].values():
        assert clock["achieved"] > clock.get("constraint", pll.frequency)
    assert (
        next(path for path in routed.folder.iterdir() if path.suffix in (".bin", ".bit", ".fs")).stat().st_size > 1000
    )


@pytest.mark.parametrize("name", ["ulx3s-12f", "colorlight"])
def test_the_pll_of_an_ecp5_is_set_as_ecppll_sets_it(name, build):
    pll, routed = build(BOARDS[name])
    # Tools in WebAssembly see no other folder.
    run_tool([*find_tool("ecpunpack"), "top.bit", "top.config"], routed.folder, "ecpunpack")
    words = re.findall(r"^word: (\w+) ([01]+)$", (routed.folder / "top.config").read_text(), re.MULTILINE)
    found = {word: int(bits, 2) for word, bits in words}
    # Dividers are one less there; words that are 0 are left out.
    dividers = {key: pll.parameters[key] - 1 for key in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")}
    loop = {"ICP_CURRENT": 12, "LPF_RESISTOR": 8, "MFG_ENABLE_FILTEROPAMP": 1, "MFG_GMCREF_SEL": 2}
    wanted = {**dividers, "CLKOP_CPHASE": pll.parameters["CLKOP_CPHASE"], **loop}
    assert {key: found.get(key, 0) for key in wanted} == wanted
