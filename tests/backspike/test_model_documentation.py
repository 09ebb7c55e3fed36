"""The programs in docs/model.md and the README run as they stand, but for the board's, which needs one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backspike import Model

ROOT = Path(__file__).parents[2]


def programs(path: str) -> list[str]:
    """Return the indented blocks of a text that import something or use what one before them has made."""
    blocks = re.findall(r"(?:^ {4}.*\n|^\n)+", (ROOT / path).read_text(), flags=re.M)
    found = ["".join(line[4:] or "\n" for line in block.splitlines(keepends=True)).strip() for block in blocks]
    return [block for block in found if re.match(r"from backspike|raster = ", block)]


@pytest.mark.parametrize("path", ["docs/model.md", "README.md"])
def test_the_programs_run(path, capsys, monkeypatch) -> None:
    # As many samples as show that it runs.
    fit, score = Model.fit, Model.score
    monkeypatch.setattr(Model, "fit", lambda self, x, y, epochs=1: fit(self, x[:300], y[:300], epochs=1))
    monkeypatch.setattr(Model, "score", lambda self, x, y: score(self, x[:100], y[:100]))
    blocks = [block for block in programs(path) if "transport" not in block]
    assert len(blocks) == (2 if path == "docs/model.md" else 1)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, path, "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert 0.3 < float(said[0]) <= 1
    if len(blocks) > 1:
        assert re.match(r"\d+ input spikes in 32 ticks; winners \[-1 ", said[1])
