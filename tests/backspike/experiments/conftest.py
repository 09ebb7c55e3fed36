from __future__ import annotations

from pathlib import Path

import pytest

TINY = """
title = "Tiny on random samples"
epochs = 2
seeds = [1, 2]

[goal]
accuracy = 0.2
below_float = 0.5

[dataset]
name = "random"

[network]
preset = "tiny"

[baseline]
batch = 16
"""

SWEEP = """
title = "Accuracy against ticks"
experiment = "../tiny.toml"
epochs = 1
x = "ticks"

[grid]
ticks = [4, 8]
"weight_bits, weight_frac" = [[6, 4], [8, 6]]
"""


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    """Return a folder of experiments: one experiment, and one sweep around it."""
    folder = tmp_path / "experiments"
    (folder / "studies").mkdir(parents=True)
    (folder / "tiny.toml").write_text(TINY)
    (folder / "studies" / "ticks.toml").write_text(SWEEP)
    return folder
