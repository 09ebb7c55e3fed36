"""Netlists after synthesis, simulated with the models of their cells, against the golden model."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from backspike import PRESETS, BackspikeError
from backspike.cli import main
from backspike.datasets import load_dataset
from backspike.sim import gates as module
from backspike.sim import native
from backspike.sim.compare import compare_native, schedule_of
from backspike.sim.gates import FAMILIES, cell_models, gate_level, synthesise
from backspike.sim.runner import run_bench
from tests.sim.accumulator import NEEDS_ICARUS, accumulator_verilog

TINY = PRESETS["tiny"]
# A cell that only this family has; if its netlist has none, it was made for another.
LOGIC = {"ice40": "SB_LUT4", "ecp5": "LUT4"}

PINS = {"CE": "enable", "WE": "write", "RST": "reset"}
BUSES = {"AD": ("address", 14), "DI": ("data", 18), "DO": ("output", 18)}


def block_ram(widths: tuple[int, int], modes: tuple[str, str], reset: str, words: list[int]) -> str:
    """Return Verilog of a DP16KD with its pins in buses, and the model of the cell."""
    slices = [
        sum(word << 20 * place for place, word in enumerate(words[start : start + 16])) for start in range(0, 1024, 16)
    ]
    settings = {f"INITVAL_{number:02X}": f"320'h{value:x}" for number, value in enumerate(slices)}
    settings["RESETMODE"] = f'"{reset}"'
    pins = {"OCEA": "1'b1", "OCEB": "1'b1", **{f"CS{port}{bit}": "1'b0" for port in "AB" for bit in range(3)}}
    ports = ["input clk"]
    for port, width, mode in zip("ab", widths, modes, strict=True):
        upper = port.upper()
        settings |= {f"DATA_WIDTH_{upper}": str(width), f"WRITEMODE_{upper}": f'"{mode}"'}
        pins[f"CLK{upper}"] = "clk"
        pins |= {f"{pin}{upper}": f"{name}_{port}" for pin, name in PINS.items()}
        ports += [f"input {name}_{port}" for name in PINS.values()]
        for bus, (name, bits) in BUSES.items():
            ports.append(f"{'output' if bus == 'DO' else 'input'} [{bits - 1}:0] {name}_{port}")
            pins |= {f"{bus}{upper}{bit}": f"{name}_{port}[{bit}]" for bit in range(bits)}
    joined = [", ".join(f".{name}({value})" for name, value in part.items()) for part in (settings, pins)]
    body = f"module ram({', '.join(ports)});\nDP16KD #({joined[0]}) cell_0 ({joined[1]});\nendmodule\n"
    return body + (module._CELLS / "ecp5_dp16kd.v").read_text()


@NEEDS_ICARUS
@pytest.mark.parametrize(
    ("widths", "modes", "reset"),
    [
        ((1, 18), ("NORMAL", "READBEFOREWRITE"), "SYNC"),
        ((2, 9), ("WRITETHROUGH", "NORMAL"), "SYNC"),
        ((4, 4), ("READBEFOREWRITE", "WRITETHROUGH"), "SYNC"),
        ((9, 18), ("READBEFOREWRITE", "READBEFOREWRITE"), "ASYNC"),
        ((36, 36), ("NORMAL", "NORMAL"), "SYNC"),
        ((36, 9), ("NORMAL", "NORMAL"), "SYNC"),
    ],
)
def test_the_block_ram_is_a_memory(widths, modes, reset) -> None:
    seed = widths[0] * 100 + widths[1]
    # Ports of few bits seldom meet.
    clocks = 3000 if min(widths) < 4 else 1500
    words = np.random.default_rng(seed).integers(0, 2**18, 1024).tolist()
    job = {"seed": seed, "widths": widths, "modes": modes, "reset": reset, "words": np.array(words), "clocks": clocks}
    design = block_ram(widths, modes, reset, words)
    found = run_bench("tests.sim.cells_bench", design, "ram", simulator="icarus", parameters=job, test="both_ports")
    assert found["met"] > 100


@NEEDS_ICARUS
def test_the_multiplier_multiplies() -> None:
    widths = {"A": ("a", 18), "B": ("b", 18), "P": ("product", 36)}
    pins = {f"{bus}{bit}": f"{name}[{bit}]" for bus, (name, bits) in widths.items() for bit in range(bits)}
    joined = ", ".join(
        f".{pin}({value})" for pin, value in {**pins, "SIGNEDA": "signed_a", "SIGNEDB": "signed_b"}.items()
    )
    ports = "input [17:0] a, b, input signed_a, signed_b, output [35:0] product"
    design = f"module times({ports});\nMULT18X18D cell_0 ({joined});\nendmodule\n"
    design += (module._CELLS / "ecp5_mult18x18d.v").read_text()
    run_bench("tests.sim.cells_bench", design, "times", simulator="icarus", parameters={"seed": 5}, test="product")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_netlist_of_tiny_equals_the_model(family: str, monkeypatch) -> None:
    netlists = []
    monkeypatch.setattr(native, "gate_level", lambda *given: netlists.append(gate_level(*given)) or netlists[-1])
    shown = schedule_of(TINY, load_dataset("random", TINY, 3), 60, 3)
    shown = replace(shown, learn=np.arange(60) % 25 < 20)  # learning and inference in turn
    seen: list[int] = []
    looks = {"interval": 10, "progress": seen.append}
    result = compare_native(TINY, shown, seed=3, stalls=0.2, optimise=False, gates=family, **looks)
    assert result.mismatch == ""
    assert result.compared == {"samples": 60, "ticks": 480, "weights": len(seen) * (9 * 4 + 5 * 3)}
    assert result.lfsrs is None
    assert any((end != start).any() for start, end in zip(shown.weights, result.weights, strict=True))
    netlist, _, _ = netlists[0].partition("`define NO_INCLUDES")
    assert re.findall(r"^module (\S+?)\(", netlist, re.MULTILINE) == ["tiny"]
    assert len(re.findall(rf"^  {LOGIC[family]} #", netlist, re.MULTILINE)) > 1000
    assert "always" not in netlist


def test_tables_that_are_wrong_are_found(monkeypatch) -> None:
    def damaged(*given: str) -> str:
        netlist = gate_level(*given)
        # The tables of the array of synapses give the opposite of everything.
        changed = re.sub(
            r"(SB_LUT4 #\(\s*\.LUT_INIT\(16'h)([0-9a-f]{4})(\)\s*\) \\layer_1\.sweep\.synapses)",
            lambda found: f"{found[1]}{int(found[2], 16) ^ 0xFFFF:04x}{found[3]}",
            netlist,
        )
        assert changed != netlist
        return changed

    monkeypatch.setattr(native, "gate_level", damaged)
    result = compare_native(
        TINY, schedule_of(TINY, load_dataset("random", TINY, 3), 60, 3), optimise=False, gates="ice40"
    )
    assert result.mismatch
    assert result.weights == []


@pytest.mark.parametrize("family", FAMILIES)
def test_models_are_those_of_yosys(family: str) -> None:
    assert f"module {LOGIC[family]} " in cell_models(family).replace("(", " (")


def test_what_cannot_be_synthesised_is_one_sentence() -> None:
    with pytest.raises(BackspikeError, match=r"^gates must be one of ice40, ecp5, not 'gowin'$"):
        gate_level("", "top", "gowin")
    with pytest.raises(BackspikeError, match=r"^accumulator cannot be synthesised for ice40: .*syntax error"):
        synthesise(accumulator_verilog().replace("endmodule", "", 1), "accumulator", "ice40")


def test_the_command_line_asks_for_native_simulation(capsys) -> None:
    assert main(["compare", "--config", "tiny", "--dataset", "random", "--gates", "ice40"]) == 2
    assert capsys.readouterr().err == "error: --gates simulates natively; add --native\n"
