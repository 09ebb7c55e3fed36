"""
From snnTorch to a chip
=======================

A network that snnTorch has trained is read from its state dict, put into the whole numbers of the hardware, asked
beside the float network, and then learns on as it would on a chip. PyTorch is not needed: reading its files takes none.
"""

# %%
# What was trained
# ----------------
# In snnTorch, by gradients through time, on the same digits with values of 0 to 1::
#
#     net = nn.Sequential(OrderedDict(
#         fc1=nn.Linear(64, 16), lif1=snn.Synaptic(0.5, 0.9, threshold=4, init_hidden=True),
#         fc2=nn.Linear(16, 10), lif2=snn.Leaky(0.9, threshold=1, init_hidden=True),
#     ))
#     ...
#     torch.save(net.state_dict(), "net.pt")
#
# The file here is one that snnTorch has left, and that the tests read too (``make_files.py`` beside it made it). Put
# your own in its place.

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt

from backspike import PRESETS, Model
from backspike.datasets import load_dataset
from backspike.model import Network
from backspike.training.baseline import features
from backspike.training.checkpoint import Checkpoint
from backspike.weights import fit_chain, read_chain

FILE = Path("../../tests/backspike/weights/files/synaptic.pt")

config = PRESETS["digits"].replace(name="imported", layers=(64, 16, 10), lanes=(16, 10), rates=(64, 64))
chain = read_chain(FILE, config.layers)
for layer in chain.layers:
    print(layer.name, layer.weights.shape)

# %%
# Into the hardware's numbers
# ---------------------------
# A hidden unit of the chip spikes with the probability clip(V / A, 0, 1). Each layer is multiplied so that its own
# activation becomes that ramp, then rounded to 8 bits. The report says what that cost.

digits = load_dataset("digits", config, seed=1)
fit = fit_chain(chain, config, features(digits.train_values[:1000]))
for layer in fit.layers:
    print(f"{layer.name}: {layer.scale:.1f} LSB per 1, {layer.saturated:.1%} cut, rounding {layer.rounding:.1%}")

figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="constrained")
for number, (layer, weights, place) in enumerate(zip(chain.layers, fit.weights, axes, strict=True), start=1):
    place.scatter(layer.weights.ravel(), weights.ravel(), s=2)
    place.set(title=f"layer {number}", xlabel="weight in snnTorch", ylabel="on the chip, LSB")

# %%
# Both are asked
# --------------

answers = chain.classes(features(digits.test_values), config.ticks)
imported = Network(config, fit.weights)
folder = TemporaryDirectory()
path = Path(folder.name) / "checkpoint.npz"
Checkpoint.capture(imported).save(path)
model = Model.load(path)
accuracies = {
    "snnTorch": (answers == digits.test_labels).mean(),
    "imported": model.score(digits.test_values, digits.test_labels),
}

# %%
# And then it learns
# ------------------
# What a chip for inference cannot: all layers, from the imported weights on, sample by sample. A change is let through
# with the probability 64/256 here, a quarter of what the preset learns with from nothing: less is lost.

for epoch in range(1, 6):
    model.partial_fit(digits.train_values, digits.train_labels)
    accuracies[f"+{epoch}"] = model.score(digits.test_values, digits.test_labels)
for name, accuracy in accuracies.items():
    print(f"{name:<10} {accuracy:.1%}")
assert accuracies["imported"] > 0.85
assert accuracies["+5"] > accuracies["imported"]

figure, place = plt.subplots(figsize=(6, 2.6), layout="constrained")
place.plot(list(accuracies), list(accuracies.values()), marker="o")
place.set(xlabel="epochs learned on", ylabel="test accuracy")

# %%
# Onto a board
# ------------
# The checkpoint is what ``backspike build --checkpoint`` puts into a bitstream, whose device then knows the digits at
# power-up, and learns on; ``backspike export`` writes its memories for other flows. :doc:`/weights` has the commands,
# and all that maps.

model.save(path)
print(f"{path.name}: {path.stat().st_size} bytes")
folder.cleanup()
