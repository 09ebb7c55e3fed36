from __future__ import annotations

from typing import Any

from backspike.experiments.task import Task

MACHINE = {"processor": "abacus", "cores": 1, "system": "wood", "versions": {"python": "3"}}


def made_up(task: Task, accuracy: float, float_accuracy: float) -> dict[str, Any]:
    """Return a result with round numbers: 10 samples of 4 ticks and 20 rows a layer."""
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
