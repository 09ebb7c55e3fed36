"""Counts of work: means over samples, and the float network's multiplications."""

from __future__ import annotations

import pytest

from backspike.experiments.work import dense_work, inference_work, training_work


def counts(samples: int, ticks: int, rows: list[int], writes: list[int]) -> dict:
    return {"samples": samples, "ticks": ticks, "error_ticks": ticks // 2, "rows": rows, "writes": writes}


RESULTS = [
    {
        "task": {"network": {"layers": [3, 4, 2]}},
        "training": counts(10, 40, [100, 50], [20, 10]),
        "test": counts(5, 20, [50, 20], [0, 0]),
    },
    {
        "task": {"network": {"layers": [3, 4, 2]}},
        "training": counts(30, 100, [300, 150], [20, 10]),
        "test": counts(5, 30, [50, 30], [0, 0]),
    },
]


def test_training_is_the_mean_over_all_samples() -> None:
    work = training_work(RESULTS)
    assert (work.ticks, work.error_ticks, work.rows) == (3.5, 1.75, [10, 5])
    assert work.reads == 10 * 4 + 5 * 2
    assert work.writes == 1 * 4 + 0.5 * 2


def test_inference_is_the_mean_too() -> None:
    work = inference_work(RESULTS)
    assert (work.ticks, work.rows, work.writes) == (5, [10, 5], 0)
    assert work.reads == 10 * 4 + 5 * 2


@pytest.mark.parametrize(
    ("layers", "inference", "training"),
    [((3, 4), 16, 32), ((3, 4, 2), 16 + 10, 2 * 26 + 8), ((3, 4, 5, 2), 16 + 25 + 12, 2 * 53 + 20 + 10)],
)
def test_dense_network_by_hand(layers, inference, training) -> None:
    work = dense_work(layers)
    assert (work.inference, work.training) == (inference, training)
