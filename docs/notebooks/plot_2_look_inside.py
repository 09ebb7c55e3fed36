"""
Look inside
===========

What a network does in each tick, what its hidden units look at, and how little a trained one has to do.
"""

# %%
# A network that has learned
# --------------------------

import matplotlib.pyplot as plt
import numpy as np

from backspike import PRESETS, Model
from backspike.datasets import load_dataset

config = PRESETS["digits"]
digits = load_dataset("digits", config, seed=1)
model = Model(config, seed=1).fit(digits.train_values, digits.train_labels, epochs=5)

# %%
# What hidden units look at
# -------------------------
# A column of the first layer's weights as an image: red makes the unit spike, blue keeps it from it. Weights are whole
# numbers, as in the hardware; the last row is the bias.

weights = model.network_.weights[0]
print("weights of layer 1:", weights.shape, "from", weights.min(), "to", weights.max(), "LSB")
figure, axes = plt.subplots(4, 8, figsize=(8, 4))
for unit, place in enumerate(axes.flat):
    place.imshow(weights[:-1, unit].reshape(8, 8), cmap="RdBu_r", vmin=config.weight_min, vmax=config.weight_max)
    place.set(xticks=[], yticks=[])

# %%
# A sample is learned
# -------------------
# One the network knows little of: an untrained one sees its first digit. All layers work in every tick; a hidden unit
# whose gate is open passes an error on, as one of two trains of spikes. Errors die out once the label wins.


def draw(raster, title):
    """Show inputs, hidden spikes, both error streams and winners of each tick."""
    parts = {
        "inputs": raster.inputs.astype(int),
        "hidden spikes": raster.spikes[0].astype(int),
        "errors, hidden": raster.errors[0],
        "errors, output": raster.errors[1],
        "winners": np.eye(10, dtype=int)[raster.winners] * (raster.winners >= 0)[:, np.newaxis],
    }
    figure, axes = plt.subplots(
        len(parts), 1, figsize=(7, 6), sharex=True, layout="constrained", height_ratios=[3, 2, 2, 1, 1]
    )
    for (name, spikes), place in zip(parts.items(), axes, strict=True):
        place.imshow(spikes.T, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        place.set(yticks=[])
        place.set_ylabel(name, rotation=0, ha="right", va="center")
    axes[-1].set(xlabel="tick")
    figure.suptitle(title)


untrained = Model(config, seed=1).partial_fit(digits.train_values[:1], digits.train_labels[:1], classes=range(10))
sample, label = digits.train_values[1], int(digits.train_labels[1])
first = untrained.raster(sample, label=label)
draw(first, f"A {label} is learned by a network that has seen one digit")

# %%
# The same sample, shown to the network that has learned: the label wins nearly every tick, so there is hardly an error,
# and hardly a weight that changes.

known = model.raster(sample, label=label)
draw(known, f"The same {label}, five epochs later")
print("weights changed:", first.changes.sum(), "at first,", known.changes.sum(), "after five epochs")
assert known.changes.sum() < first.changes.sum()

# %%
# How much is left to learn
# -------------------------
# Of all samples: changes in the weights are the work of learning, and they follow the errors.

changes = {
    "one digit seen": [untrained.raster(x, label=y).changes.sum() for x, y in zip(
        digits.train_values[:60], digits.train_labels[:60], strict=True)],
    "five epochs": [model.raster(x, label=y).changes.sum() for x, y in zip(
        digits.train_values[:60], digits.train_labels[:60], strict=True)],
}  # fmt: skip
figure, place = plt.subplots(figsize=(6, 2.6), layout="constrained")
place.hist(list(changes.values()), bins=20, label=list(changes))
place.set(xlabel="weights changed by a sample", ylabel="samples")
place.legend()

# %%
# From here: :doc:`/report` makes a page of such pictures from a training, and :doc:`/live` draws them while you teach.
