"""The examples do what they say: each is run as a user runs it, and its figures are compared with what they must be."""

from __future__ import annotations

import math
import re
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    return capsys.readouterr().out


def test_each_example_has_a_test() -> None:
    tested = {"composite_neuron.py", "network.py", "spike_generators.py", "winner_take_all.py"}
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
