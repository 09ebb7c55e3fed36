"""State dicts of PyTorch and snnTorch as chains of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.errors import BackspikeError

from .chain import Chain, FloatLayer, Floats, Spiking, finite

__all__ = ["chain_of"]

Module = dict[str, NDArray[Any]]

LINEAR = {"weight", "bias"}
"""Parameters of a `torch.nn.Linear`."""

NEURON = {"beta", "threshold", "graded_spikes_factor", "reset_mechanism_val", "alpha", "R", "C", "time_step"}
"""Parameters and buffers of snnTorch's neurons that map: Leaky, Synaptic (alpha) and Lapicque (R, C, time_step)."""

SUBTRACT, ZERO = 0, 1
"""Values of snnTorch's `reset_mechanism_val`; 2 is no reset."""

FOREIGN = {
    "running_mean": "is of a batch normalisation, which has to be fused into the layer before it first "
    "(torch.nn.utils.fusion.fuse_linear_bn_eval)",
    "V": "makes its neurons recurrent, and only chains map",
    "weight_ih_l0": "is of a recurrent layer, and only chains map",
}
"""Parameters that people have often, and what becomes of them."""


def chain_of(tensors: Mapping[str, NDArray[Any]], layers: Sequence[int]) -> Chain:
    """Return the chain of fully connected layers that a state dict has.

    Which layer is which follows from their shapes, and among equals from the order in which they come. The neurons of
    snnTorch follow the layers in the same order; where there are none, nothing in a state dict tells of activations,
    and hidden layers are taken to have ReLUs.

    Parameters
    ----------
    tensors : mapping
        Arrays by the names that PyTorch gives them, ``fc1.weight``, shape (units, inputs), and so on.
    layers : sequence of int
        Units of layer 0 to L that it must have.

    Raises
    ------
    BackspikeError
        A tensor is of something else, or the layers have other sizes.
    """
    modules: dict[str, Module] = {}
    for name, array in tensors.items():
        prefix, _, parameter = name.rpartition(".")
        modules.setdefault(prefix, {})[parameter] = array
    neurons = {name: module for name, module in modules.items() if "threshold" in module}
    linears = {name: module for name, module in modules.items() if name not in neurons}
    for name, found in linears.items():
        _check_linear(name, found)
    chosen = _chosen({name: module["weight"] for name, module in linears.items()}, layers)
    if len(neurons) not in (0, len(chosen) - 1, len(chosen)):
        raise BackspikeError(
            f"it has {len(chosen)} layers of weights, but {len(neurons)} of neurons ({', '.join(neurons)}); each "
            "hidden layer must have one, and the last may"
        )
    following: list[tuple[str, Module] | None] = [*neurons.items()]
    following += [None] * (len(chosen) - len(following))
    return Chain(
        [
            _layer(_title(name, "weight"), linears[name], _spiking(*found, units) if found else None)
            for name, found, units in zip(chosen, following, layers[1:], strict=True)
        ]
    )


def _title(module: str, parameter: str) -> str:
    return f"{module}.{parameter}" if module else parameter


def _check_linear(name: str, module: Module) -> None:
    """Raise `BackspikeError` unless a module is a fully connected layer."""
    for parameter, reason in FOREIGN.items():
        if parameter in module:
            raise BackspikeError(f"{_title(name, parameter)} in it {reason}")
    for parameter, array in module.items():
        if parameter == "weight" and array.ndim in (3, 4, 5):
            raise BackspikeError(
                f"{_title(name, parameter)} in it, of shape {array.shape}, is a convolution, and only fully connected "
                "layers map"
            )
        if parameter not in LINEAR or array.ndim != (2 if parameter == "weight" else 1):
            raise BackspikeError(
                f"{_title(name, parameter)} in it, of shape {array.shape}, is neither of a fully connected layer nor "
                "of a neuron of snnTorch's that maps (Leaky, Synaptic, Lapicque)"
            )
    if "weight" not in module:
        raise BackspikeError(f"{_title(name, 'bias')} in it has no weights beside it")
    units = module["weight"].shape[:1]
    if "bias" in module and module["bias"].shape != units:
        raise BackspikeError(f"{_title(name, 'bias')} in it is of shape {module['bias'].shape}, not {units}")


def _chosen(weights: Mapping[str, NDArray[Any]], layers: Sequence[int]) -> list[str]:
    """Return the names of the layers, first to last."""
    left, chosen = dict(weights), []
    for inputs, units in pairwise(layers):
        fitting = next((name for name, array in left.items() if array.shape == (units, inputs)), None)
        if fitting is None:
            break
        chosen.append(fitting)
        del left[fitting]
    if left or len(chosen) < len(layers) - 1:
        found = ", ".join(
            f"{_title(name, 'weight')} {array.shape[1]}-{array.shape[0]}" for name, array in weights.items()
        )
        raise BackspikeError(
            f"its layers ({found or 'none'}) are not those of the configuration, {'-'.join(map(str, layers))}"
        )
    return chosen


def _layer(name: str, module: Module, neurons: Spiking | None) -> FloatLayer:
    weight = finite(name, module["weight"])
    bias = finite(name.removesuffix("weight") + "bias", module.get("bias", np.zeros(len(weight))))
    return FloatLayer(name, np.concatenate([weight.T, bias[np.newaxis]]), neurons)


def _spiking(name: str, module: Module, units: int) -> Spiking:
    """Return the neurons of snnTorch that a module has."""

    def value(parameter: str, default: float | None = None) -> Floats:
        array = module.get(parameter)
        if array is None and default is not None:
            return np.full(units, default)
        if array is None:
            raise BackspikeError(f"{name} in it has a threshold, but no {parameter}, so that it is no neuron that maps")
        if array.size not in (1, units):
            raise BackspikeError(f"{_title(name, parameter)} in it must be 1 or {units} numbers, not {array.size}")
        return np.broadcast_to(finite(_title(name, parameter), array).ravel(), units).copy()

    for parameter, array in module.items():
        if parameter in FOREIGN or parameter not in NEURON:
            reason = FOREIGN.get(
                parameter, f"of shape {array.shape}, is of no neuron that maps (Leaky, Synaptic, Lapicque)"
            )
            raise BackspikeError(f"{_title(name, parameter)} in it {reason}")
    reset = int(value("reset_mechanism_val", SUBTRACT)[0])
    if reset not in (SUBTRACT, ZERO):
        raise BackspikeError(f"{name} in it has no reset: its rate is no ramp, which a composite neuron's is")
    synapse = np.clip(value("alpha", 0.0), 0, 1)
    if "C" in module:
        step, capacity = value("time_step"), value("C")
        decay, gain = 1 - step / (value("R") * capacity), step / capacity
    else:
        decay, gain = value("beta"), np.ones(units)
    if (synapse >= 1).any():
        raise BackspikeError(f"{_title(name, 'alpha')} in it must be below 1: a current that never decays has no rate")
    return Spiking(
        name=name,
        decay=np.clip(decay, 0, 1),
        threshold=_positive(_title(name, "threshold"), value("threshold")),
        # Its current is the sum of what decays, not the mean.
        gain=_positive(_title(name, "C"), gain) / (1 - synapse),
        synapse_decay=synapse,
        level=value("graded_spikes_factor", 1.0),
        reset_to_zero=reset == ZERO,
    )


def _positive(name: str, values: Floats) -> Floats:
    for wrong in values[values <= 0]:
        raise BackspikeError(f"{name} in it must be above 0, not {wrong:g}")
    return values
