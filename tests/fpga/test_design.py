"""Clock and pins of every board, placed and routed for real; a PLL that the tools take may still never lock."""

from __future__ import annotations

import json
import re

import pytest
from amaranth import Cat, Fragment, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from backspike import PRESETS, BackspikeError
from backspike.fpga.boards import BOARDS, USB, USUAL_BAUD, Board
from backspike.fpga.families.family import Pll
from backspike.fpga.flow import Step, place_and_route, synthesise
from backspike.fpga.tools import find_tool, run_tool
from backspike.hdl.link.transport import pins
from backspike.hdl.ram import UNDEFINED
from backspike.prerequisites import missing_programs
from backspike.sim import ecp5
from backspike.sim.board import SimulatedBoard
from backspike.sim.built import Built
from backspike.sim.trellis import Chip

# A board of each family whose bitstreams are decoded, and the programs that take.
DECODED = {"icebreaker": ("iceunpack", "icebox_vlog"), "ulx3s-12f": (), "tangnano9k": ()}


class Loop(wiring.Component):
    """In the place of a network and its link: what comes in on the line goes out some clocks later.

    It goes through a block RAM and, where there are any, a distributed one, which begin with ones, as the line does; on
    an UP5K through a single-port RAM, too, which begins with anything.
    """

    def __init__(self, config: object, transport: object, weights: object, memory: object = None) -> None:
        self._transport = transport
        super().__init__({"rx": In(1), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform) -> Module:
        # Amaranth complains of what is made and never elaborated, whenever it is found to be garbage.
        Fragment.get(self._transport, None)
        m = Module()
        here = Signal(8)
        m.d.sync += here.eq(here + 1)
        line = self.rx
        if getattr(platform, "device", "") == "iCE40UP5K":
            line = self.single_port(m, here, line)
        m.submodules.block = block = Memory(shape=1, depth=256, init=[1] * 256, attrs={"ram_style": "block"})
        m.submodules.table = table = Memory(shape=1, depth=16, init=[1] * 16)
        written, read = block.write_port(), block.read_port()
        # Never the word that is written: what comes then is the device's choice.
        m.d.comb += [read.addr.eq(here + 1), written.addr.eq(here), written.data.eq(line), written.en.eq(1)]
        then, now = table.write_port(), table.read_port(domain="comb")
        # Four clocks a word: if these came in another order, bits on the line would, too.
        m.d.comb += [now.addr.eq(here[2:6] + 1), then.addr.eq(here[2:6]), then.data.eq(read.data), then.en.eq(1)]
        m.d.sync += self.tx.eq(now.data)
        m.d.comb += self.busy.eq(ResetSignal() | ~self.tx)
        return m

    @staticmethod
    def single_port(m: Module, here: Signal, line: Signal) -> Value:
        """Return the line as it was 128 clocks before, every other of which it is looked at; 1 until then."""
        memory = Memory(shape=16, depth=64, init=[], attrs={"ram_style": "huge", "no_rw_check": 1, UNDEFINED: 1})
        m.submodules.huge = memory
        filled = Signal(2)
        written, read = memory.write_port(), memory.read_port()
        m.d.comb += [read.addr.eq(here[1:]), written.addr.eq(here[1:]), written.data.eq(line.replicate(16))]
        m.d.comb += [read.en.eq(~here[0]), written.en.eq(here[0])]
        with m.If((here == 0) & ~filled.all()):
            m.d.sync += filled.eq(filled + 1)
        kept = Signal()
        with m.If(here[0]):
            # Models and tools differ in what is there after a write.
            m.d.sync += kept.eq(read.data.all())
        return kept | ~filled.all()


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds a loop for a board, whatever there is in the cache."""
    monkeypatch.setattr("backspike.fpga.design.BoardTop", Loop)

    def run(board: Board) -> tuple[Built, Step]:
        pll, divisor = board.timing(board.clock, USUAL_BAUD)
        with monkeypatch.context() as own:
            own.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
            routed = place_and_route(board, synthesise(board, PRESETS["tiny"], pll, divisor), pll.frequency, 1)
        return Built(board.family.bitstream(routed.folder), board, PRESETS["tiny"], divisor, pll), routed

    return run


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_clock_and_pins(name, build):
    built, routed = build(BOARDS[name])
    report = json.loads((routed.folder / "nextpnr.json").read_text())
    used = {cell: use["used"] for cell, use in report["utilization"].items()}
    assert sum(count for cell, count in used.items() if "PLL" in cell) == 1
    # Every clock that drives registers is known, and fast enough for its own.
    assert report["fmax"]
    for clock in report["fmax"].values():
        assert clock["achieved"] > clock.get("constraint", built.pll.frequency)
    assert built.bitstream.stat().st_size > 1000
    if name in ("ulx3s-12f", "colorlight"):
        set_as_ecppll_sets_it(built.pll, routed)
    if name == "ulx3s-12f":
        others_are_refused(built)
    if name == "tangnano9k":
        unpacked_as_asked(built.pll, routed)
    if name in DECODED and not missing_programs(*DECODED[name]):
        comes_back(built)


class UsbLoop(wiring.Component):
    """In the place of a network and its link at a USB port: what D+ is, D- is some clocks later."""

    def __init__(self, config: object, transport: wiring.Component, weights: object, memory: object = None) -> None:
        super().__init__({**pins(transport), "busy": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        there, here = Signal(8), Signal(8)
        m.d.usb += there.eq(Cat(self.d_p.i, there))
        m.d.sync += here.eq(Cat(self.d_n.i, here))
        m.d.comb += [self.d_n.o.eq(there[-1]), self.d_n.oe.eq(1), self.pullup.o.eq(~ResetSignal("usb"))]
        m.d.comb += self.busy.eq(here[-1])
        return m


def test_a_usb_port_has_a_clock_of_its_own(tmp_path, monkeypatch):
    """From a second PLL, as the bits set it; nextpnr derives its constraint from the oscillator's."""
    monkeypatch.setattr("backspike.fpga.design.BoardTop", UsbLoop)
    board = BOARDS["ulx3s-12f"]
    pll, divisor = board.timing(board.clock, USB)
    with monkeypatch.context() as own:
        own.setenv("BACKSPIKE_CACHE", str(tmp_path / "cache"))
        routed = place_and_route(board, synthesise(board, PRESETS["tiny"], pll, divisor), pll.frequency, 1)
    report = json.loads((routed.folder / "nextpnr.json").read_text())
    assert report["utilization"]["EHXPLLL"]["used"] == 2
    found = {name.rpartition(".")[2].removeprefix("$glbnet$"): clock for name, clock in report["fmax"].items()}
    assert found.keys() == {"clk", "usb_clk"}
    assert found["usb_clk"]["constraint"] == pytest.approx(48, abs=0.01)
    assert found["clk"]["constraint"] == pytest.approx(60, abs=0.01)
    assert all(clock["achieved"] > clock["constraint"] for clock in found.values())
    run_tool([*find_tool("ecpunpack"), "top.bit", "top.config"], routed.folder, "ecpunpack")
    text = (routed.folder / "top.config").read_text()
    # Dividers are one less there: 25 x 12 / 5 MHz is fed back, and what is eight times that is divided.
    parameters = board.family.exact(25, 48).parameters
    words = {int(bits, 2) + 1 for bits in re.findall(r"^word: CLKOS_DIV ([01]+)$", text, re.MULTILINE)}
    assert parameters["CLKOS_DIV"] in words


def set_as_ecppll_sets_it(pll: Pll, routed: Step) -> None:
    # Tools in WebAssembly see no other folder.
    run_tool([*find_tool("ecpunpack"), "top.bit", "top.config"], routed.folder, "ecpunpack")
    words = re.findall(r"^word: (\w+) ([01]+)$", (routed.folder / "top.config").read_text(), re.MULTILINE)
    found = {word: int(bits, 2) for word, bits in words}
    # Dividers are one less there; words that are 0 are left out.
    dividers = {key: pll.parameters[key] - 1 for key in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")}
    loop = {"ICP_CURRENT": 12, "LPF_RESISTOR": 8, "MFG_ENABLE_FILTEROPAMP": 1, "MFG_GMCREF_SEL": 2}
    wanted = {**dividers, "CLKOP_CPHASE": pll.parameters["CLKOP_CPHASE"], **loop}
    assert {key: found.get(key, 0) for key in wanted} == wanted


def unpacked_as_asked(pll: Pll, routed: Step) -> None:
    """What apycula's own reader finds in a Gowin's bitstream, its PLL and its outputs, is what the packer was given."""
    run_tool([*find_tool("gowin_unpack"), "-d", "GW1N-9C", "-o", "top.v", "top.fs"], routed.folder, "gowin_unpack")
    text = (routed.folder / "top.v").read_text()
    found = dict(re.findall(r"^defparam PLL_\d\.(\w+) = (\d+);", text, re.MULTILINE))
    dividers = ("IDIV_SEL", "FBDIV_SEL", "ODIV_SEL")
    assert {name: int(found[name]) for name in dividers} == {name: pll.parameters[name] for name in dividers}
    # Pin 17, the line's, is IOB2A, and pin 10, the light's, IOL15A: the last row's second column, and the first column.
    outputs = re.findall(r"^IOBUF (R\d+C\d+)_IOBUF_(\w) ", text, re.MULTILINE)
    assert sorted(outputs) == [("R15C1", "A"), ("R29C2", "A")]


def others_are_refused(built: Built) -> None:
    """A bitstream with another setting of the PLL, or another pin, than was asked for."""
    text = (built.bitstream.parent / "top.config").read_text()
    for found, other, sentence in (
        (r"word: CLKOP_DIV \d+", "word: CLKOP_DIV 0000001", r"has a PLL whose CLKOP_DIV is 1, where 9 was asked for$"),
        (r"enum: PIOB.BASE_TYPE INPUT_\w+\n", "", r"has a pin for rx that is "),
    ):
        assert len(re.findall(found, text)) == 1
        with pytest.raises(BackspikeError, match=sentence):
            ecp5._module(Chip(re.sub(found, other, text)), built)


def comes_back(built: Built) -> None:
    """What the bits make of the chip is the loop: its memories, clock, reset and pins.

    Also if the PLL is locked from the first clock on.
    """
    sent = bytes(range(0, 256, 5))
    for power_up in (False, True):
        with SimulatedBoard(built.config, built=built, power_up=power_up) as board:
            # The design's own reset goes by.
            assert board.exchange(b"") == b""
            assert board.exchange(sent) == sent
