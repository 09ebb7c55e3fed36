from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from backspike.experiments.task import Task

MACHINE = {"processor": "abacus", "cores": 1, "system": "wood", "versions": {"python": "3"}}


def made_up(task: Task, accuracy: float, float_accuracy: float) -> dict[str, Any]:
    """Return a result with round numbers: 10 samples of 4 ticks and 20 rows per layer."""
    layers = task.network.depth
    counts = {
        "samples": 10, "ticks": 40, "error_ticks": 10, "rows": [200] * layers, "writes": [50] + [0] * (layers - 1)
    }  # fmt: skip
    return {
        "key": task.key, "task": task.to_dict(), "test_accuracy": accuracy, "float_accuracy": float_accuracy,
        "test_curve": [accuracy / 2] * (task.epochs - 1) + [accuracy], "training": counts, "test": counts,
        "epoch_seconds": [4.0] * (task.epochs - 1) + [1.0], "seconds": 1800.0,
        "machine": MACHINE,
    }  # fmt: skip


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value within a value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Give a result of which one value, at any depth, is something else or missing."""
    result = copy.deepcopy(whole)
    *path, last = draw(st.sampled_from(list(places(result))))
    inner = result
    for key in path:
        inner = inner[key]
    if isinstance(inner, dict) and draw(st.booleans()):
        del inner[last]
    else:
        inner[last] = draw(VALUES)
    return result
