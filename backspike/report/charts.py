"""Charts as SVG, whose ink follows a reader's dark or light scheme, wherever they are shown."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from backspike.model.raster import Raster
from backspike.pictures import own_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SHOWN_TICKS", "CurveLine", "curves_chart", "raster_chart", "ticks_chart", "work_chart"]

SHOWN_TICKS = 128
"""Ticks of a raster that are drawn, from the first."""

_ROWS = 256
"""Rows of pixels of the largest panel of a raster: of more units several share one."""

_INK = "#0a0b0c"
"""A colour that nothing else has: it becomes that of the text around, which is dark on light, or light on dark."""

_SCHEMES = (
    b"<style>:root{--ink:#1f2328;color-scheme:light dark}"
    b"@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb}}</style>"
)

# Seen on white and on black alike, with a contrast of 3 and more, and told apart by the colour-blind.
_GREY, _BLUE, _GREEN, _ORANGE, _VIOLET = "#808080", "#3b82c4", "#1f9d6b", "#d9620a", "#9467d8"
_LINES = (_BLUE, _ORANGE, _GREEN, _VIOLET, _GREY)

_STYLE = own_style(
    svg_hashsalt="backspike",
    svg_fonttype="none",
    text_color=_INK,
    axes_edgecolor=_INK,
    axes_labelcolor=_INK,
    xtick_color=_INK,
    ytick_color=_INK,
    grid_color=_INK,
    grid_alpha=0.15,
    axes_axisbelow=True,
    axes_facecolor="none",
    figure_facecolor="none",
    savefig_facecolor="none",
    legend_frameon=False,
    font_size=9,
)


@dataclass(frozen=True)
class CurveLine:
    """A line of `curves_chart`: label, accuracies after each epoch, 0 to 1, and whether it is of a float network."""

    label: str
    accuracies: Sequence[float]
    dashed: bool = False


@_STYLE
def curves_chart(lines: Sequence[CurveLine]) -> bytes:
    """Draw accuracy against epochs.

    Lines are told apart by colour, and those of float networks by their dashes; the dashed line after one has its
    colour.
    """
    figure, axes = _chart(7.2, 3.8)
    color = -1
    for line in lines:
        color += not line.dashed
        epochs = np.arange(1, len(line.accuracies) + 1)
        axes.plot(
            epochs, 100 * np.array(line.accuracies), color=_LINES[max(color, 0) % len(_LINES)], label=line.label,
            linestyle="--" if line.dashed else "-", marker="." if line.dashed else "o", markersize=4, linewidth=1.5,
        )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="accuracy in %")
    _whole_numbers(axes)
    _legend(figure, axes)
    return _svg(figure)


@_STYLE
def work_chart(training: Sequence[float], inference: Sequence[float], dense: tuple[int, int]) -> bytes:
    """Draw synapses read per sample against epochs, in training and in the test after it.

    Parameters
    ----------
    training, inference : sequence of float
        After each epoch.
    dense : tuple of int
        Multiplications of the dense float network per sample: in inference, and in training.
    """
    figure, axes = _chart(7.2, 3.8)
    epochs = np.arange(1, len(training) + 1)
    for name, values, count, color in (
        ("training", training, dense[1], _ORANGE), ("inference", inference, dense[0], _BLUE)
    ):  # fmt: skip
        axes.plot(epochs, values, color=color, marker="o", markersize=4, label=f"synapses read, {name}")
        axes.axhline(count, color=color, linestyle="--", label=f"multiplications of the float network, {name}")
    axes.set(xlabel="epoch", ylabel="per sample")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _whole_numbers(axes)
    _legend(figure, axes)
    return _svg(figure)


@_STYLE
def ticks_chart(ticks: NDArray[np.int64], most: int) -> bytes:
    """Draw how many samples took how many ticks, of at most so many; with more than 64, in as many steps."""
    figure, axes = _chart(7.2, 2.6)
    width = -(-most // 64)
    counts = np.bincount((ticks - 1) // width)
    axes.bar(np.arange(len(counts)) * width + (width + 1) / 2, counts, 0.85 * width, color=_BLUE)
    axes.axvline(ticks.mean(), color=_INK, linestyle=":", label=f"mean, {ticks.mean():.1f}")
    axes.set(xlabel="ticks that a sample took", ylabel="samples")
    axes.set_xlim(0.5, most + 0.5)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _whole_numbers(axes)
    _legend(figure, axes)
    return _svg(figure)


@_STYLE
def raster_chart(raster: Raster, label: int) -> bytes:
    """Draw what a network did in each tick of a sample, tick for tick below each other; the first `SHOWN_TICKS`.

    Panels, from the top: spikes of the inputs; for each hidden layer its spikes and the gates that were open; for each
    layer its error spikes of both signs; who won; and how many weights of each layer changed.

    Parameters
    ----------
    raster : Raster
    label : int
        The sample's.
    """
    shown = slice(SHOWN_TICKS)
    panels: list[tuple[str, int, list[tuple[NDArray[np.bool_], str]]]] = []

    def panel(name: str, *colored: tuple[NDArray[np.bool_], str]) -> None:
        panels.append((name, colored[0][0].shape[1], [(matrix[shown], color) for matrix, color in colored]))

    panel("inputs", (raster.inputs, _GREY))
    for layer, (spikes, gates) in enumerate(zip(raster.spikes, raster.gates, strict=True), start=1):
        panel(f"layer {layer}\nspikes", (spikes, _BLUE))
        panel(f"layer {layer}\ngates open", (gates, _GREEN))
    for layer, errors in enumerate(raster.errors, start=1):
        panel(f"layer {layer}\nerrors + and -", (errors > 0, _ORANGE), (errors < 0, _VIOLET))
    classes = len(raster.result.wins)
    won = raster.winners[:, np.newaxis] == np.arange(classes)
    right = np.arange(classes) == label
    panel("winner", (won & right, _BLUE), (won & ~right, _ORANGE))

    heights = [min(1.9, max(0.55, 0.028 * units)) for _, units, _ in panels]
    heights.append(0.9)
    # Not by a layout engine: with so many panels it takes seconds.
    top, gap, bottom = 0.08, 0.12, 0.75
    height = top + sum(heights) + gap * (len(heights) - 1) + bottom
    figure = _figure(7.6, height, layout=None)
    places = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights,
        gridspec_kw={
            "left": 0.16, "right": 0.99, "top": 1 - top / height, "bottom": bottom / height,
            "hspace": gap * len(heights) / sum(heights),
        },
    )  # fmt: skip
    ticks = min(raster.ticks, SHOWN_TICKS)
    for axes, (name, units, colored) in zip(places, panels, strict=False):
        # Half a gap to the right, so that each mark is above its tick.
        extent = (-0.375, ticks - 0.375, units - 0.5, -0.5)
        axes.imshow(_marks(colored), extent=extent, aspect="auto", interpolation="none")
        _name(axes, name)
        axes.set_yticks([0, units - 1] if units > 1 else [0])
    places[-2].axhspan(label - 0.5, label + 0.5, color=_BLUE, alpha=0.2, linewidth=0)
    below = np.zeros(ticks)
    for layer, changes in enumerate(raster.changes[shown].T, start=1):
        color = _LINES[(layer - 1) % len(_LINES)]
        places[-1].bar(np.arange(ticks), changes, 0.75, below, color=color, label=f"layer {layer}")
        below += changes
    _name(places[-1], "weights\nchanged")
    places[-1].set_xlabel("tick")
    places[-1].set_xlim(-0.5, ticks - 0.5)
    _whole_numbers(places[-1])
    handles, labels = places[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(5, len(labels)), fontsize=8)
    return _svg(figure)


def _marks(colored: Sequence[tuple[NDArray[np.bool_], str]]) -> NDArray[np.uint8]:
    """Return an image with a mark for each tick and row: a gap after each tick, and between rows where they are few.

    Parameters
    ----------
    colored : sequence of (bool array, shape (ticks, units); colour)
        What is marked with each colour; the last one counts where several are.
    """
    from matplotlib.colors import to_rgba

    ticks, units = colored[0][0].shape
    share = -(-units // _ROWS)
    rows = -(-units // share)
    height, width = (4 if rows <= 64 else 1), 4
    image = np.zeros((rows * height, ticks * width, 4), dtype=np.uint8)
    inside = np.ix_(
        np.arange(rows * height) % height < max(1, height - 1), np.arange(ticks * width) % width < width - 1
    )
    for matrix, color in colored:
        padded = np.zeros((ticks, rows * share), dtype=np.bool_)
        padded[:, :units] = matrix
        marks = padded.reshape(ticks, rows, share).any(axis=2).T.repeat(height, axis=0).repeat(width, axis=1)
        place = image[inside]
        place[marks[inside]] = np.rint(255 * np.array(to_rgba(color)))
        image[inside] = place
    return image


def _chart(width: float, height: float) -> tuple[Figure, Axes]:
    figure = _figure(width, height)
    axes = figure.subplots()
    axes.grid()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    # Figure, not pyplot: no display, no global state.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def _name(axes: Axes, name: str) -> None:
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[:].set_alpha(0.4)


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(figure: Figure, axes: Axes) -> None:
    """Name the lines below the axes, where no legend can hide one."""
    handles, labels = axes.get_legend_handles_labels()
    columns = max(1, min(len(labels), 110 // (6 + max(map(len, labels)))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8)


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    metadata: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=metadata)
    content = file.getvalue()
    start = content.index(b">", content.index(b"<svg")) + 1
    return content[:start] + _SCHEMES + content[start:].replace(_INK.encode(), b"var(--ink)")
