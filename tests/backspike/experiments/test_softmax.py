"""The comparison with a softmax: the exact distribution is exact, and the draws are near it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from backspike.cli import main
from backspike.experiments.softmax import CASES, softmax, table_distribution
from backspike.model.wta import gumbel_table


def test_distribution_of_a_small_table_by_enumeration() -> None:
    table = np.array([-2, -1, 0, 0, 3])
    potentials = np.array([1, 0, 1, -1])
    wins = np.zeros(4)
    for draw in product(table, repeat=4):
        wins[np.argmax(potentials + np.array(draw))] += 1
    assert table_distribution(potentials, table) == pytest.approx(wins / 5**4)


def test_table_comes_to_the_softmax_as_the_grid_gets_finer() -> None:
    potentials = np.array([0.5, 0.0, -1.0, 1.25])
    wanted = softmax(potentials, 1.0)
    assert wanted == pytest.approx(np.exp(potentials) / np.exp(potentials).sum())
    distances = []
    for fraction in (4, 8, 12):
        exact = table_distribution((potentials * 2**fraction).astype(np.int64), gumbel_table(fraction, 1.0))
        assert exact.sum() == pytest.approx(1)
        distances.append(np.abs(exact - wanted).sum() / 2)
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 1e-3


def test_command_writes_every_case(tmp_path: Path, capsys) -> None:
    assert main(["experiment", "softmax", "--draws", "500", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"written to {tmp_path / 'softmax.json'}\n"
    content = json.loads((tmp_path / "softmax.json").read_text())
    assert [(case["weight_frac"], case["temperature"]) for case in content["cases"]] == CASES
    for case in content["cases"]:
        for name in ("softmax", "table", "frequencies"):
            assert sum(case[name]) == pytest.approx(1)
        wanted, got = np.array(case["softmax"]), np.array(case["frequencies"])
        assert case["draws_distance"] == pytest.approx(np.abs(wanted - got).sum() / 2)
        # Five hundred ideal draws are so far off in the mean; three times that is far beyond any deviation.
        assert case["draws_distance"] < 3 * case["ideal_distance"] + case["table_distance"], "seed 1"
        assert case["ideal_distance"] > 0.01
