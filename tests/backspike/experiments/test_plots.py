"""Pictures of results: no text lies on another, and no legend on a line."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from backspike.experiments.plots import (
    Curve,
    Line,
    curves_picture,
    rates_picture,
    softmax_picture,
    study_picture,
    updates_picture,
    upsets_picture,
)
from backspike.training import learning_curve as single

LONG = "MNIST, 784-200-10, 9-bit weights (preset mnist-ecp5 with more patience than any that was tried before)"
X = [2, 4, 8, 16, 32, 64, 128]


def line(label: str) -> Line:
    return Line(
        label,
        X,
        [0.2, *[0.97] * 6],
        [0.01] * 7,
        [0.98] * 7,
        [None, *[0.985] * 6],
        [10.0 * x for x in X],
        [9.0 * x for x in X],
    )


def upsets() -> dict:
    labels = (
        "weights, after training",
        "weights, after training, and an epoch learned since",
        "LFSRs, during training",
    )
    lines = [{"label": label, "accuracy": [0.97, 0.6], "deviation": [0.01, 0.1]} for label in labels]
    return {"shares": [1e-4, 1e-1], "undisturbed": 0.97, "lines": lines}


UPDATES = [
    {
        "dataset": dataset,
        "leak": leak,
        "ticks": ticks,
        "layers": [{"cosine": 0.5, "mean_cosine": 0.9, "bias": 0.1}] * 2,
    }
    for dataset in ("digits", "mnist")
    for leak in (0, 1, 3)
    for ticks in (4, 64)
]
SOFTMAX = {
    "softmax": [0.1] * 10,
    "frequencies": [0.1] * 10,
    "weight_frac": 12,
    "temperature": 0.35,
    "draws_distance": 0.0224,
}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: curves_picture([Curve(LONG, [[0.5, 0.9], [0.4, 0.8]], 0.95, 0.96)] * 5),
        lambda: study_picture(LONG, "ticks", [line(f"leak {leak}") for leak in range(5)], (1000, 3000)),
        lambda: study_picture("short", "ticks", [line("")], (1000, 3000)),
        lambda: upsets_picture(upsets()),
        lambda: updates_picture(UPDATES),
        lambda: rates_picture([{"ticks": ticks, "rms": [0.1, 0.2], "ideal": [0.1, 0.1]} for ticks in X], [64, 128]),
        lambda: softmax_picture([SOFTMAX] * 8),
        lambda: single.learning_curve(LONG * 2, [0.1, 0.2], [0.1, 0.1], 0.05),
    ],
)
def test_nothing_hides_anything(draw, monkeypatch) -> None:
    from matplotlib import rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    save = Figure.savefig

    def kept(figure, *arguments, **options):
        drawn.append(figure)
        # Without it names within are drawn by lot, and the same picture is another file each time.
        assert options["format"] == "png" or rcParams["svg.hashsalt"]
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    draw()
    (figure,) = drawn
    agg = FigureCanvasAgg(figure)
    agg.draw()
    canvas = agg.get_renderer()
    axes = [place for place in figure.axes if place.get_visible()]
    legends = [legend for legend in (*figure.legends, *(place.get_legend() for place in axes)) if legend]
    assert legends
    boxes = [legend.get_window_extent(canvas) for legend in legends]
    texts = [*(place.title for place in axes), *(place.xaxis.label for place in axes), *figure.texts]
    boxes += [text.get_window_extent(canvas) for text in texts if text.get_text()]
    frames = [place.get_window_extent(canvas) for place in axes]
    for box in boxes:
        assert box.x0 >= -1, "nothing is cut"
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1
    for first, second in [*combinations(boxes, 2), *((box, frame) for box in boxes for frame in frames)]:
        assert not first.padded(-1).overlaps(second.padded(-1))


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_there_are_no_empty_axes(count: int) -> None:
    curves = curves_picture([Curve("a", [[0.5, 0.9]], 0.95)] * count)
    assert len(re.findall(rb'id="axes_\d+"', curves)) == count
    case = {"softmax": [0.5, 0.5], "frequencies": [0.5, 0.5], "weight_frac": 6, "temperature": 1, "draws_distance": 0.1}
    assert len(re.findall(rb'id="axes_\d+"', softmax_picture([case] * count))) == count
