"""What is told of steps that take long, where there is no terminal."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from backspike import progress


@pytest.mark.parametrize(("total", "told"), [(0, "0 boards"), (1, "1 board"), (2, "2 boards"), (1200, "1,200 boards")])
def test_what_is_counted_is_in_the_right_number(total: int, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(progress, "announced", lambda step: steps.append(step) or nullcontext())
    with progress.progress_bar(total, "boards", "estimating"):
        pass
    assert steps == [f"estimating, {told}"]
