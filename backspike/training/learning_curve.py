"""The picture of a training: accuracy against epochs, with the float network's as the line to reach."""

from __future__ import annotations

import io
from collections.abc import Sequence

from backspike.pictures import own_style, plain

__all__ = ["learning_curve"]


@own_style()
def learning_curve(title: str, train: Sequence[float], test: Sequence[float], float_accuracy: float) -> bytes:
    """Draw a learning curve and return it as a PNG file's content.

    Parameters
    ----------
    title : str
    train, test : sequence of float
        Accuracy after each epoch, 0 to 1, learning off: on training samples, and on the test samples.
    float_accuracy : float
        Test accuracy of the float network, 0 to 1.

    Raises
    ------
    BackspikeError
        Matplotlib is missing, or cannot be loaded.
    """
    # Figure, not pyplot: no display, no global state.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(test) + 1)
    axes.plot(
        epochs, [100 * value for value in test], marker="o", label=f"test samples, {100 * test[-1]:.1f} % in the end"
    )
    axes.plot(epochs, [100 * value for value in train], marker=".", alpha=0.6, label="training samples")
    axes.axhline(
        100 * float_accuracy, color="black", linestyle="--", label=f"float network, test, {100 * float_accuracy:.1f} %"
    )
    axes.set(title=plain(title, 70), xlabel="epoch", ylabel="accuracy in %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    # Below the axes, where it can hide no line.
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
