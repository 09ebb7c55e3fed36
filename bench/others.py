"""What a user would train the same network with instead, on the same CPU: snnTorch, and a float network in PyTorch."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import click

from backspike.config import NetworkConfig
from backspike.datasets import Dataset

__all__ = ["others"]

SECONDS = 3.0
"""How long each is measured for."""

BATCHES = (1, 16, 64, 256)


def others(config: NetworkConfig, data: Dataset) -> list[dict[str, Any]]:
    """Measure the training samples per second of other software: for each the name, network, batch size and speed.

    Those that are not installed (the extra ``bench``) are left out, which is said on the standard error stream. Only
    rate-coded networks are measured.
    """
    missing = [name for name in ("torch", "snntorch") if importlib.util.find_spec(name) is None]
    if missing:
        click.echo(f"not measured, since not installed: {', '.join(missing)} (pip install backspike[bench])", err=True)
    sizes = "-".join(map(str, config.layers))
    rows = []
    if "torch" not in missing:
        rows.append({"software": "PyTorch, float", "network": sizes, "batch": 1, "speed": _float_speed(config, data)})
    if not missing:
        speeds = {batch: _spiking_speed(config, data, batch) for batch in BATCHES}
        best = max(speeds, key=lambda batch: speeds[batch])
        for batch in dict.fromkeys((1, best)):
            network = f"{sizes}, T={config.ticks}"
            rows.append({"software": "snnTorch", "network": network, "batch": batch, "speed": speeds[batch]})
    return rows


def _rate(step: Callable[[int], None], batch: int) -> float:
    """Return the samples per second of a step that trains on a batch, after a few that are not measured."""
    for number in range(3):
        step(number)
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        step(3 + steps)
        steps += 1
    return steps * batch / (time.perf_counter() - start)


def _batches(data: Dataset, batch: int) -> Callable[[int], tuple[Any, Any]]:
    """Return what gives batch after batch of the training samples, values from 0 to 1."""
    import torch

    values, labels = torch.from_numpy(data.train_values), torch.from_numpy(data.train_labels)

    def take(number: int) -> tuple[Any, Any]:
        first = number * batch % (len(labels) - batch)
        return values[first : first + batch].float() / 255, labels[first : first + batch]

    return take


def _float_speed(config: NetworkConfig, data: Dataset) -> float:
    """Train a perceptron with one sample per step by stochastic gradient descent."""
    import torch
    from torch import nn

    parts: list[Any] = []
    for layer in config.weight_layers:
        parts += [nn.Linear(layer.inputs, layer.units), nn.ReLU()]
    model = nn.Sequential(*parts[:-1])
    optimiser, loss, take = torch.optim.SGD(model.parameters(), lr=0.01), nn.CrossEntropyLoss(), _batches(data, 1)

    def step(number: int) -> None:
        values, labels = take(number)
        optimiser.zero_grad()
        loss(model(values), labels).backward()
        optimiser.step()

    return _rate(step, 1)


def _spiking_speed(config: NetworkConfig, data: Dataset, batch: int) -> float:
    """Train a network of leaky integrate-and-fire units on rate-coded spikes, through time, by surrogate gradients."""
    import snntorch
    import torch
    from torch import nn

    layers = [nn.Linear(layer.inputs, layer.units) for layer in config.weight_layers]
    units = [snntorch.Leaky(beta=0.9) for _ in layers]
    model = nn.ModuleList([*layers, *units])
    optimiser, loss, take = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss(), _batches(data, batch)

    def step(number: int) -> None:
        values, labels = take(number)
        membranes = [unit.init_leaky() for unit in units]
        wins = torch.zeros(())
        for _ in range(config.ticks):
            spikes = torch.bernoulli(values)
            for index, (layer, unit) in enumerate(zip(layers, units, strict=True)):
                spikes, membranes[index] = unit(layer(spikes), membranes[index])
            wins = wins + spikes
        optimiser.zero_grad()
        loss(wins, labels).backward()
        optimiser.step()

    return _rate(step, batch)
