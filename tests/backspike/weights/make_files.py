"""Make the files beside this one, with PyTorch 2.14.1, snnTorch 1.0.0, nirtorch 2.6 and nir 1.0.8.

    python tests/backspike/weights/make_files.py

needs these packages and Backspike. The networks are 64-16-10, trained on the digits; `accuracies.json` has how many of
the 360 samples to test on they answer right in PyTorch itself. Trainings differ a little from machine to machine.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import nir
import snntorch as snn
import snntorch.utils
import torch
from snntorch import surrogate
from snntorch.export_nir import export_to_nir
from torch import nn

from backspike import PRESETS
from backspike.datasets import load_dataset

FILES = Path(__file__).parent / "files"
TICKS = 32
UNITS = 16
SNN = {"spike_grad": surrogate.fast_sigmoid(), "init_hidden": True}


def spiking(hidden: nn.Module) -> nn.Module:
    """Return two fully connected layers, each with neurons of snnTorch."""
    output = snn.Leaky(torch.tensor([0.9] * 10), threshold=torch.ones(10), **SNN)
    layers = {"fc1": nn.Linear(64, UNITS), "lif1": hidden, "fc2": nn.Linear(UNITS, 10), "lif2": output}
    return nn.Sequential(OrderedDict(layers))


def answers(net: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Return logits, or spikes of each class when the values are there in every tick."""
    if not hasattr(net, "lif1"):
        return net(values)
    snn.utils.reset(net)
    return sum(net(values) for _ in range(TICKS))


def train(net: nn.Module, epochs: int, values: torch.Tensor, labels: torch.Tensor) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(answers(net, values[batch]), labels[batch]).backward()
            optimizer.step()


def main() -> None:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    digits = load_dataset("digits", PRESETS["digits"], 1)
    values, labels, tested, expected = (
        torch.tensor(array)
        for array in (digits.train_values, digits.train_labels, digits.test_values, digits.test_labels)
    )
    values, tested = values.float() / 255, tested.float() / 255
    ones = torch.ones(UNITS)
    networks = {
        "relu": (nn.Sequential(nn.Linear(64, UNITS), nn.ReLU(), nn.Linear(UNITS, 10)), 60),
        "synaptic": (spiking(snn.Synaptic(0.5 * ones, 0.9 * ones, threshold=4 * ones, **SNN)), 25),
    }
    right = {}
    for name, (net, epochs) in networks.items():
        train(net, epochs, values, labels)
        right[name] = int((answers(net, tested).argmax(1) == expected).sum())
        torch.save(net.state_dict(), FILES / f"{name}.pt")
        if name == "synaptic":
            snn.utils.reset(net)
            nir.write(FILES / f"{name}.nir", export_to_nir(net, tested[0]), compression=None)
    torch.save(nn.Sequential(nn.Linear(2, 2)), FILES / "module.pt")
    numbers = torch.arange(12)
    kinds = {
        "transposed": numbers.reshape(4, 3).T,
        "part": numbers[5:9],
        "parameter": nn.Parameter(numbers.double()),
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 2),
        **{str(kind).removeprefix("torch."): numbers.to(kind) for kind in KINDS},
    }
    torch.save({"epoch": 3, "optimizer": {"lr": 0.1}, "state_dict": kinds}, FILES / "kinds.pt")
    (FILES / "accuracies.json").write_text(json.dumps(right) + "\n")


KINDS = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip

if __name__ == "__main__":
    main()
