"""The pictures of the results page, as SVG that is the same for the same results."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backspike.pictures import own_style, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Curve",
    "Line",
    "ScenarioLine",
    "curves_picture",
    "rates_picture",
    "scenario_picture",
    "softmax_picture",
    "study_picture",
    "updates_picture",
    "upsets_picture",
]


# Names by content: a page made again differs only where results do.
_STYLE = own_style(svg_hashsalt="backspike", svg_fonttype="none")

_LABELLED = 34
"""Points below an axis that its numbers and its label take."""

SHOWN_BELOW = 20
"""Points below the float network's accuracy that a study shows: a failure far below would flatten all else."""


@dataclass(frozen=True)
class Curve:
    """Test accuracies of an experiment: a row per seed, a column per epoch, 0 to 1; and the float networks' means.

    That of equal epochs, and of the one that is trained out, if there is one.
    """

    title: str
    accuracies: Sequence[Sequence[float]]
    float_accuracy: float
    trained_out: float | None = None


@dataclass(frozen=True)
class Line:
    """A line of a study: for each x the mean accuracy, its deviation and the float network's, 0 to 1, and the reads.

    Parameters
    ----------
    label : str
        Values of the other axes; may be empty.
    x : sequence of float or str
    accuracy, deviation, float_accuracy : sequence of float
    trained_out : sequence of float or None
        Accuracy of the float network that is trained out, where there is one.
    training_reads, inference_reads : sequence of float
        Synapses read per sample.
    """

    label: str
    x: Sequence[Any]
    accuracy: Sequence[float]
    deviation: Sequence[float]
    float_accuracy: Sequence[float]
    trained_out: Sequence[float | None]
    training_reads: Sequence[float]
    inference_reads: Sequence[float]


@dataclass(frozen=True)
class ScenarioLine:
    """How one network does in one test of a case: mean accuracies at each moment, their deviation, and those frozen.

    Parameters
    ----------
    case, test, network : str
    learning, deviation, frozen : sequence of float
        0 to 1.
    """

    case: str
    test: str
    network: str
    learning: Sequence[float]
    deviation: Sequence[float]
    frozen: Sequence[float]


@_STYLE
def curves_picture(curves: Sequence[Curve]) -> bytes:
    """Draw test accuracy against epochs: mean and range over the seeds, the float network's final mean as a line."""
    from matplotlib.ticker import MaxNLocator

    columns = min(3, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = _figure(4 * columns, 3.3 * rows)
    places = figure.subplots(rows, columns, squeeze=False).flat
    for curve, place in zip(curves, places, strict=False):  # in this order it takes no place too many
        values = 100 * np.array(curve.accuracies)
        epochs = np.arange(1, values.shape[1] + 1)
        place.fill_between(epochs, values.min(axis=0), values.max(axis=0), alpha=0.25, linewidth=0)
        place.plot(epochs, values.mean(axis=0), label=f"spiking, {values[:, -1].mean():.2f} %")
        _float_line(place, 100 * curve.float_accuracy, f"float, {100 * curve.float_accuracy:.2f} %")
        if curve.trained_out is not None:
            _float_line(place, 100 * curve.trained_out, f"trained out, {100 * curve.trained_out:.2f} %", ":")
        place.set_title(plain(curve.title, 40), fontsize=9)
        place.set(xlabel="epoch", ylabel="test accuracy in %")
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
        # The first epochs of a slow start would flatten all that comes after.
        low = min(np.median(values), 100 * curve.float_accuracy, 100 * (curve.trained_out or 1))
        place.set_ylim(bottom=max(values.min(), low - 3 * max(1.0, values.max() - low)) - 0.2)
        _finish(place)
    for place in list(places):
        place.set_visible(False)
    return _svg(figure)


@_STYLE
def study_picture(title: str, x_label: str, lines: Sequence[Line], dense: tuple[int, int]) -> bytes:
    """Draw accuracy and work against the x axis of a study, each with the float network as a line.

    Parameters
    ----------
    title, x_label : str
    lines : sequence of Line
    dense : tuple of int
        Multiplications of the dense float network per sample: in inference, and in training.
    """
    figure = _figure(9, 4.3)
    figure.suptitle(plain(title), fontsize=10)
    left, right = figure.subplots(1, 2)
    for line in lines:
        left.errorbar(
            line.x, 100 * np.array(line.accuracy), 100 * np.array(line.deviation), marker="o", capsize=2,
            label=line.label or "spiking",
        )  # fmt: skip
        (drawn,) = right.plot(line.x, line.training_reads, marker="o")
        right.plot(line.x, line.inference_reads, marker=".", linestyle=":", color=drawn.get_color())
    longest = max(lines, key=lambda line: len(line.x))
    reference = 100 * np.array(longest.float_accuracy)
    left.plot(longest.x, reference, color="black", linestyle="--", label="float network")
    if any(accuracy is not None for accuracy in longest.trained_out):
        best = 100 * np.array(longest.trained_out, dtype=float)
        left.plot(longest.x, best, color="black", linestyle=":", label="float network, trained out")
    lowest = min(100 * min(line.accuracy) for line in lines)
    hidden = lowest < reference.min() - SHOWN_BELOW
    if hidden:
        left.set_ylim(bottom=reference.min() - SHOWN_BELOW)
    left.set(xlabel=plain(x_label), ylabel="accuracy in %" + ("\n(lowest not shown)" if hidden else ""))
    for count, name, style in ((dense[1], "training", "-"), (dense[0], "inference", ":")):
        right.plot([], [], color="gray", linestyle=style, label=name)
        right.axhline(count, color="black", linestyle=style, label=f"{name}, float network's multiplications")
    right.set(xlabel=plain(x_label), ylabel="synapses read per sample", yscale="log")
    for place in (left, right):
        _scale(place, longest.x)
        _finish(place)
    return _svg(figure)


@_STYLE
def scenario_picture(title: str, x_label: str, after: Sequence[int], lines: Sequence[ScenarioLine]) -> bytes:
    """Draw accuracy against the samples learned since a change: a part for each case, a colour for each test.

    Moments are evenly spaced. Of frozen networks the first test alone is drawn: what the case is about.
    """
    cases = list(dict.fromkeys(line.case for line in lines))
    tests = list(dict.fromkeys(line.test for line in lines))
    columns = min(3, len(cases))
    rows = math.ceil(len(cases) / columns)
    figure = _figure(4 * columns, 3 * rows + 0.6)
    figure.suptitle(plain(title), fontsize=10)
    places = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    styles, frozen_styles = {"spiking": "-", "float": "--"}, {"spiking": ":", "float": "-."}
    moments = np.arange(len(after))
    lowest = 100 * min(min(*line.learning, *line.frozen) for line in lines)
    for number, (place, case) in enumerate(zip(places, cases, strict=False)):
        for line in (line for line in lines if line.case == case):
            color = f"C{tests.index(line.test)}"
            place.errorbar(
                moments, 100 * np.array(line.learning), 100 * np.array(line.deviation), marker=".", capsize=2,
                linestyle=styles[line.network], color=color,
            )  # fmt: skip
            if line.test == tests[0]:
                style = frozen_styles[line.network]
                place.plot(moments, 100 * np.array(line.frozen), linestyle=style, color="gray")
        place.set_title(plain(case, 45), fontsize=9)
        place.set_xticks(moments, [str(count) for count in after])
        place.set_ylim(lowest - 3, 103)
        # Below the last one of each column; the figure's own would be where the legend is.
        if number >= len(cases) - columns:
            place.set_xlabel(plain(x_label), fontsize=8)
        _finish(place, named=False)
    for place in places[len(cases) :]:
        place.set_visible(False)
    for number, test in enumerate(tests):
        places[0].plot([], [], color=f"C{number}", label=test)
    for state, shown in (("learning on", styles), ("frozen, " + tests[0], frozen_styles)):
        for network, style in shown.items():
            places[0].plot([], [], color="gray", linestyle=style, label=f"{network}, {state}")
    figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    figure.supylabel("test accuracy in %", fontsize=9)
    return _svg(figure)


@_STYLE
def softmax_picture(cases: Sequence[dict[str, Any]]) -> bytes:
    """Draw how often each class wins beside the softmax, for each case."""
    columns = 4
    rows = math.ceil(len(cases) / columns)
    figure = _figure(3 * columns, 2.4 * rows)
    places = figure.subplots(rows, columns, squeeze=False, sharey=True).flat
    for case, place in zip(cases, places, strict=False):
        classes = np.arange(len(case["softmax"]))
        place.bar(classes - 0.2, case["frequencies"], 0.4, label="winner-take-all")
        place.bar(classes + 0.2, case["softmax"], 0.4, label="softmax")
        place.set_title(
            f"F = {case['weight_frac']}, temperature {case['temperature']:g}: "
            f"distance {case['draws_distance']:.4f}", fontsize=8,
        )  # fmt: skip
        place.set_xticks(classes)
    for place in list(places):
        place.set_visible(False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    figure.supxlabel("class", fontsize=9)
    figure.supylabel("probability", fontsize=9)
    return _svg(figure)


@_STYLE
def rates_picture(rates: Sequence[dict[str, Any]], values: Sequence[int]) -> bytes:
    """Draw the error of inputs' rates against their value / 256, for each number of ticks, beside independent draws."""
    figure = _figure(6, 4)
    place = figure.subplots()
    chances = np.array(values) / 256
    for case in rates:
        (drawn,) = place.plot(chances, case["rms"], marker=".", linestyle="none", label=f"{case['ticks']} ticks")
        place.plot(chances, case["ideal"], color=drawn.get_color(), linewidth=0.8)
    place.plot([], [], color="gray", linewidth=0.8, label="independent draws")
    place.set(xlabel="value / 256", ylabel="error of the rate, root mean square", yscale="log")
    _finish(place)
    return _svg(figure)


@_STYLE
def updates_picture(cases: Sequence[dict[str, Any]]) -> bytes:
    """Draw how near the updates come to backpropagation, against ticks: a row a dataset, a line a leak and a layer."""
    names = list(dict.fromkeys(case["dataset"] for case in cases))
    columns = [("cosine", "cosine, of a sample"), ("mean_cosine", "cosine, of the mean"), ("bias", "bias of the mean")]
    figure = _figure(10, 3 * len(names))
    rows = figure.subplots(len(names), len(columns), squeeze=False)
    for name, row in zip(names, rows, strict=True):
        leaks = list(dict.fromkeys(case["leak"] for case in cases))
        for place, (key, label) in zip(row, columns, strict=True):
            for color, leak in enumerate(leaks):
                own = [case for case in cases if (case["dataset"], case["leak"]) == (name, leak)]
                ticks = [case["ticks"] for case in own]
                for layer, style in ((0, "-"), (1, ":")):
                    place.plot(
                        ticks, [case["layers"][layer][key] for case in own], marker=".", linestyle=style,
                        color=f"C{color}", label=f"leak {leak}, layer {layer + 1}",
                    )  # fmt: skip
            place.set(xlabel="ticks", ylabel=label, title=name)
            _scale(place, ticks)
            _finish(place, named=False)
    # All axes have the same lines.
    figure.legend(*rows[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return _svg(figure)


@_STYLE
def upsets_picture(content: dict[str, Any]) -> bytes:
    """Draw accuracy against the part of the bits that have flipped, and the undisturbed network's as a line."""
    figure = _figure(6, 4.3)
    place = figure.subplots()
    for line in content["lines"]:
        accuracy, deviation = 100 * np.array(line["accuracy"]), 100 * np.array(line["deviation"])
        place.errorbar(content["shares"], accuracy, deviation, marker="o", capsize=2, label=line["label"])
    _float_line(place, 100 * content["undisturbed"], "undisturbed")
    place.set(xlabel="bits that have flipped, of all", ylabel="test accuracy in %", xscale="log")
    _finish(place)
    return _svg(figure)


def _figure(width: float, height: float) -> Figure:
    # Figure, not pyplot: no display, no global state.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _float_line(place: Axes, percent: float, label: str, style: str = "--") -> None:
    place.axhline(percent, color="black", linestyle=style, label=label)


def _scale(place: Axes, x: Sequence[Any]) -> None:
    """Spread an axis of powers evenly, and mark the points that were measured."""
    if all(isinstance(value, int | float) for value in x):
        if min(x) > 0 and max(x) >= 16 * min(x):
            place.set_xscale("log", base=2)
        place.set_xticks(list(x), [f"{value:g}" for value in x])
        place.minorticks_off()


def _finish(place: Axes, named: bool = True) -> None:
    """Draw a grid and, unless something else names the lines, a legend: below the axes, where it hides none of them."""
    from matplotlib.figure import Figure
    from matplotlib.transforms import ScaledTranslation

    place.grid(alpha=0.3)
    place.tick_params(labelsize=8)
    if named:
        figure = place.get_figure()
        assert isinstance(figure, Figure), "there are no figures in figures here"
        _, labels = place.get_legend_handles_labels()
        letters = 18 * figure.get_figwidth() * place.get_position().width
        place.legend(
            loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=0, frameon=False, fontsize=7,
            bbox_transform=place.transAxes + ScaledTranslation(0, -_LABELLED / 72, figure.dpi_scale_trans),
            ncols=max(1, int(letters / (6 + max(map(len, labels))))),
        )  # fmt: skip


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
