"""
Learn digits
============

A network of 64 inputs, 32 hidden units and 10 classes learns 1,437 handwritten digits with nothing but spikes:
forwards, backwards, and in each change of a weight. What computes here is the golden model; with ``engine="rtl"`` it
would be the simulated Verilog, to the same last bit.
"""

# %%
# Data
# ----
# The digits come with the package. A pixel of value x spikes in a tick with the probability x / 256.

import matplotlib.pyplot as plt
import numpy as np

from backspike import PRESETS, Model
from backspike.datasets import load_dataset

config = PRESETS["digits"]
digits = load_dataset("digits", config, seed=1)
print(digits.train_values.shape, digits.test_values.shape, "values from 0 to", digits.train_values.max())

figure, axes = plt.subplots(1, 8, figsize=(8, 1.4))
for image, label, place in zip(digits.train_values, digits.train_labels, axes, strict=False):
    place.imshow(image.reshape(8, 8), cmap="gray_r")
    place.set(xticks=[], yticks=[], title=label)

# %%
# Learn
# -----
# After one epoch, and after some more of them: `fit` always begins with nothing, and the seed decides everything.

accuracies = []
for epochs in range(1, 6):
    model = Model(config, seed=1).fit(digits.train_values, digits.train_labels, epochs=epochs)
    accuracies.append(model.score(digits.test_values, digits.test_labels))
    print(f"{epochs} epochs: {accuracies[-1]:.1%} of {len(digits.test_labels)} test samples")
assert accuracies[-1] > 0.94

figure, place = plt.subplots(figsize=(5, 2.6), layout="constrained")
place.plot(range(1, 6), accuracies, marker="o")
place.set(xlabel="epochs", ylabel="test accuracy", xticks=range(1, 6))

# %%
# Ask
# ---
# The answer is a race that each class wins for some of the 32 ticks; its share of them says how sure the network is.

shares = model.predict_proba(digits.test_values)
answers = shares.argmax(axis=1)
doubtful = int(np.argmin(shares.max(axis=1)))
print(f"mean confidence: {shares.max(axis=1).mean():.0%} where right or wrong,")
print(f"                 {shares.max(axis=1)[answers != digits.test_labels].mean():.0%} where wrong")

figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.6), layout="constrained")
left.imshow(digits.test_values[doubtful].reshape(8, 8), cmap="gray_r")
left.set(xticks=[], yticks=[], title=f"a {digits.test_labels[doubtful]}, the least certain")
right.bar(range(10), shares[doubtful])
right.set(xlabel="class", ylabel="share of the ticks won", xticks=range(10))

# %%
# What is taken for what
# ----------------------

confusion = np.zeros((10, 10), int)
np.add.at(confusion, (digits.test_labels, answers), 1)
figure, place = plt.subplots(figsize=(4, 3.6), layout="constrained")
place.imshow(confusion, cmap="Blues", norm="symlog")
place.set(xlabel="answer", ylabel="label", xticks=range(10), yticks=range(10))
for row, column in np.argwhere(confusion):
    place.text(column, row, confusion[row, column], ha="center", va="center", fontsize=8)

# %%
# From here: :doc:`/notebooks_run/plot_2_look_inside`, or the same from the command line in the :doc:`/tutorial`.
