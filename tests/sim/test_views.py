"""Save files for viewers: what is in them, for networks of many kinds."""

from __future__ import annotations

import re

import pytest
from amaranth.hdl import _dsl

from backspike import PRESETS, NetworkConfig
from backspike.hdl.registers import RegisterFile
from backspike.hdl.verilog import write_design
from backspike.sim.views import REQUEST_STATES, Group, groups_of, signals_of, write_views

CONFIGS = [
    PRESETS["tiny"],
    PRESETS["tiny"].replace(layers=(8, 3), lanes=(), rates=()),
    PRESETS["tiny"].replace(layers=(8, 6, 5, 3), lanes=(2, 1, 3), rates=(), unit_lanes=(1, 1), patience=2),
    PRESETS["tiny"].replace(input="spikes", dropout=(64,), leak=1),
]


def traces(groups: list[Group]) -> dict[str, int]:
    return {trace.path: trace.width for group in groups for trace in group.traces}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{'-'.join(map(str, config.layers))}-{config.input}")
def test_every_layer_has_its_signals(config: NetworkConfig, tmp_path) -> None:
    verilog = write_design(config, tmp_path)[0].read_text()
    groups = groups_of(config, verilog)
    layers = [f"layer_{number}" for number in range(1, config.depth + 1)]
    assert [group.title for group in groups] == ["tick", "samples", "input", *layers, "results", "registers"]
    assert all(re.fullmatch(r"\w+", group.title) for group in groups), "Surfer takes one word"
    shown = traces(groups)
    for path in ("clk", "samples__valid", "results__payload", "sequencer.showing", "sequencer.advance"):
        assert f"{config.name}.{path}" in shown
    for layer in config.hidden_layers:
        for flag in ("spike", "gate", "permit"):
            # Of units that take turns, those of one word at a time.
            assert shown[f"{config.name}.layer_{layer.number}.flags__{flag}"] == layer.unit_width
    for sign in ("pos", "neg"):
        assert shown[f"{config.name}.layer_{config.depth}.wta.error_{sign}"] == config.layers[-1]
    assert f"{config.name}.layer_{config.depth}.wta.winner" in shown
    for number in range(1, config.depth + 1):
        assert shown[f"{config.name}.layer_{number}.control__rate"] == 9
    assert shown[f"{config.name}.registers.fsm_state"] == (len(REQUEST_STATES) - 1).bit_length()


def test_signals_are_found_with_their_bits() -> None:
    verilog = (
        "module top(a, \\b$1 );\n  input a;\n  wire a;\n  reg [3:0] c = 4'h0;\n  wire \\x$2 ;\n  wire signed [7:0] s;\n"
        "endmodule\n\nmodule \\top.part (q);\n  output [1:0] q;\n  wire [1:0] q;\nendmodule\n"
    )
    assert signals_of(verilog) == {"top.a": 1, "top.c": 4, "top.s": 8, "top.part.q": 2}


def test_states_have_the_names_and_numbers_of_the_hardware(monkeypatch) -> None:
    made: list[_dsl.FSM] = []

    class Noted(_dsl.FSM):
        def __init__(self, data):
            super().__init__(data)
            made.append(self)

    monkeypatch.setattr(_dsl, "FSM", Noted)
    RegisterFile(CONFIGS[0]).elaborate(None)
    (states,) = made
    assert dict(states.encoding) == {name: number for number, name in enumerate(REQUEST_STATES)}


def test_the_files_of_a_waveform(tmp_path) -> None:
    config = CONFIGS[0]
    verilog = write_design(config, tmp_path)[0].read_text()
    waves = tmp_path / "a wave.of one.fst"
    files = write_views(waves, config, verilog)
    assert [path.name for path in files] == ["a wave.of one.states.txt", "a wave.of one.gtkw", "a wave.of one.sucl"]
    states, gtkwave, surfer = (path.read_text() for path in files)
    assert states.splitlines()[:2] == ["0 Renew", "1 Ready"]
    assert len(states.splitlines()) == len(REQUEST_STATES)
    assert f'[dumpfile] "{waves}"\n' in gtkwave
    assert f"^1 {files[0]}\ntiny.registers.fsm_state[2:0]\n" in gtkwave
    assert "+{errors[7:0]} tiny.layer_1.errors.register[7:0]\n" in gtkwave
    # Each group is opened and closed, and between are its signals.
    for title in ("tick", "layer_1", "layer_2"):
        inside = re.search(rf"@800200\n-{title}\n(.*?)@1000200\n-{title}\n", gtkwave, re.DOTALL)
        assert inside
        assert len(re.findall(r"^(?:\+\{.*\} )?tiny\.", inside[1], re.MULTILINE)) >= 5
    lines = surfer.splitlines()
    assert lines[:2] == ["divider_add tick", "variable_add tiny.clk"]
    assert lines[-1] == "zoom_fit"
    assert "variable_add tiny.layer_1.flags__spike" in lines[lines.index("divider_add layer_1") :]
    assert all(len(line.split()) == 2 for line in lines[:-1])
