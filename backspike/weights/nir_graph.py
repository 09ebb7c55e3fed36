"""Graphs in NIR, the Neuromorphic Intermediate Representation (J. E. Pedersen et al., 2024), read and written."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.files import LARGEST, read_file

from .chain import Chain, FloatLayer, Floats, Spiking, finite, require_shape

__all__ = ["TICK", "nir_file", "read_graph"]

TICK = 1e-4
"""Seconds that a tick is taken for: what snnTorch writes."""

LINEAR = ("Linear", "Affine")
DYNAMIC = ("LI", "CubaLI", "IF", "LIF", "CubaLIF")
"""Types of nodes that map, beside Flatten, which changes nothing."""

SPIKING = (("IF",), ("LIF",), ("CubaLIF",), ("LI", "IF"), ("LI", "LIF"))
"""What may follow the weights of any layer."""

INTEGRATING = ((), ("LI",), ("CubaLI",))
"""What may follow those of the last layer besides."""


def _library() -> Any:
    """Return the package ``nir``, whose reader of files is that of everyone else."""
    try:
        import nir
    except ImportError as error:
        raise BackspikeError("nir is missing; install it with: pip install backspike[weights]") from error
    return nir


def nir_file(config: NetworkConfig, weights: Sequence[NDArray[np.int64]]) -> dict[str, bytes]:
    """Return a network as a graph in NIR, by the file's name: what it computes in the mean, in a chain.

    For each weight layer there is an ``Affine``, float32 of shape (units, inputs). Hidden units are an ``IF`` whose
    threshold is `activation_range`, since its rate at a constant drive is the ramp of the probability that a composite
    neuron spikes with. Where membranes have memory (`leak`), an ``LI`` before it is that membrane. The last layer gives
    the potentials, divided by `temperature`: the winner is drawn from their softmax.

    NIR has neither chance nor races nor learning: what is lost is that spikes are drawn, winner-take-all, dropout, the
    end of a sample, and everything by which a network learns.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int64 array, shape (inputs + 1, units) each

    Raises
    ------
    BackspikeError
        The package `nir` is missing.
    """
    nir = _library()
    nodes: dict[str, Any] = {"input": nir.Input(input_type={"input": np.array([config.layers[0]])})}
    for layer, matrix in zip(config.weight_layers, weights, strict=True):
        ones = np.ones(layer.units)
        values = matrix / 2.0**config.weight_frac
        if not layer.hidden:
            values = values / config.temperature
        values = values.astype(np.float32)
        nodes[f"affine_{layer.number}"] = nir.Affine(weight=values[:-1].T, bias=values[-1])
        if config.leak:
            nodes[f"membrane_{layer.number}"] = nir.LI(tau=ones * TICK * 2**config.leak, r=ones, v_leak=0 * ones)
        if layer.hidden:
            nodes[f"units_{layer.number}"] = nir.IF(
                r=ones, v_threshold=ones * config.activation_range, v_reset=0 * ones
            )
    nodes["output"] = nir.Output(output_type={"output": np.array([config.layers[-1]])})
    names = list(nodes)
    file = io.BytesIO()
    nir.write(file, nir.NIRGraph(nodes, [*pairwise(names)]))
    return {f"{config.name}.nir": file.getvalue()}


def read_graph(path: Path, layers: Sequence[int], tick: float = TICK) -> Chain:
    """Return the float network in a graph: a chain of ``Linear`` or ``Affine`` nodes, each followed by its neurons.

    Neurons are ``IF``, ``LIF`` or ``CubaLIF``, the first two perhaps after an ``LI``; the last layer may have none, or
    an ``LI`` or ``CubaLI``. They are taken to reset by subtraction. A ``Flatten`` is passed over.

    NIR is in seconds, and does not say how long a tick is; a spike is taken to last for one. Of an ``IF``, `r` is taken
    for what a spike adds, as sinabs and snnTorch have it.

    Parameters
    ----------
    path : Path
    layers : sequence of int
        Units of layer 0 to L that it must have.
    tick : float
        Seconds of a tick.

    Raises
    ------
    BackspikeError
        The package `nir` is missing; or a node does not map, which the message names.
    Exception
        What `nir` and its reader of files raise on a damaged file; `reading` makes one sentence of it.
    """
    nir = _library()
    file = io.BytesIO(read_file(path))
    _check_file(file)
    # Neurons of snnTorch have one number for all units, which the check of types refuses.
    graph = nir.read(file, type_check=False)
    groups: list[list[tuple[str, Any]]] = []
    for name, node in _in_order(graph):
        kind = type(node).__name__
        if kind in LINEAR:
            groups.append([(name, node)])
        elif kind in DYNAMIC and groups:
            groups[-1].append((name, node))
        elif kind in DYNAMIC:
            raise BackspikeError(f"node {name} in it, of type {kind}, comes before any weights")
        elif kind != "Flatten":
            nested = " as recurrent layers are," if kind == "NIRGraph" else ""
            raise BackspikeError(
                f"node {name} in it, of type {kind},{nested} does not map; what does is {', '.join(LINEAR + DYNAMIC)}"
            )
    if not groups:
        raise BackspikeError("it has no weights")
    found = [_layer(group, group is groups[-1], tick) for group in groups]
    for layer, units in zip(found, layers[1:], strict=False):
        if layer.neurons and len(layer.neurons.threshold) != layer.weights.shape[1]:
            raise BackspikeError(f"node {layer.neurons.name} in it has neurons for {units} units")
    require_shape(found, layers)
    return Chain(found)


def _check_file(content: io.BytesIO) -> None:
    """Refuse what is no graph, and arrays that would not fit: packed, they are as small as one likes."""
    import h5py

    sizes: list[int] = []
    try:
        file = h5py.File(content)
    except OSError as error:
        raise BackspikeError("it is no HDF5 file, as graphs in NIR are, or damaged") from error
    with file:
        if "node" not in file:
            raise BackspikeError("it is an HDF5 file, but no graph in NIR: there is no node in it")
        file.visititems(lambda _, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    if sum(sizes) > LARGEST:
        raise BackspikeError(f"its arrays take {sum(sizes):,} bytes, more than {LARGEST:,}")


def _in_order(graph: Any) -> list[tuple[str, Any]]:
    """Return the nodes between input and output of a chain, by name."""
    following: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for before, after in graph.edges:
        for name in (before, after):
            if name not in following:
                raise BackspikeError(f"an edge of it leads to or from node {name}, which there is not")
        following[before].append(after)
    inputs = [name for name, node in graph.nodes.items() if type(node).__name__ == "Input"]
    if len(inputs) != 1:
        raise BackspikeError(f"it has {len(inputs)} inputs, not one")
    (name,), chain = inputs, []
    while True:
        if len(following[name]) != 1:
            after = ", ".join(following[name]) or "nothing"
            raise BackspikeError(f"node {name} in it is followed by {after}, and only chains map")
        (name,) = following.pop(name)
        if name not in following:
            raise BackspikeError(f"node {name} in it is in a loop, and only chains map")
        if type(graph.nodes[name]).__name__ == "Output":
            break
        chain.append((name, graph.nodes[name]))
    left = [other for other in following if other != name]
    if left:
        raise BackspikeError(f"node {left[0]} in it is not between input and output, and only chains map")
    return chain


def _layer(group: Sequence[tuple[str, Any]], last: bool, tick: float) -> FloatLayer:
    """Return the layer that a node with weights and those that follow it make."""
    (name, node), *dynamic = group
    weight = _numbers(name, "weight", node.weight)
    if weight.ndim != 2:
        raise BackspikeError(f"weight of node {name} in it must be of shape (units, inputs), not {weight.shape}")
    units = len(weight)
    bias = _numbers(name, "bias", node.bias) if type(node).__name__ == "Affine" else np.zeros(units)
    if bias.shape != (units,):
        raise BackspikeError(f"bias of node {name} in it must be of shape ({units},), not {bias.shape}")
    weights = np.concatenate([weight.T, bias[np.newaxis]])
    kinds = tuple(type(node).__name__ for _, node in dynamic)
    if kinds not in (INTEGRATING if last else ()) and kinds not in SPIKING:
        wrong = next((other for other, _ in dynamic), "what follows")
        raise BackspikeError(
            f"node {name} in it is followed by {' and '.join(kinds) or 'no neurons'}; "
            f"{wrong} does not map: hidden layers have an IF, LIF or CubaLIF, or an LI and an IF"
        )
    synapse, gain, decay = np.zeros(units), np.ones(units), np.ones(units)
    for other, neuron in dynamic:
        parameter = partial(_parameter, other, neuron, units)
        kind = type(neuron).__name__
        factor = parameter("r")
        if kind.startswith("Cuba"):
            synapse = _decay(other, "tau_syn", parameter("tau_syn"), tick)
            factor = factor * parameter("w_in")
        if kind == "LI":
            synapse = _decay(other, "tau", parameter("tau"), tick)
        elif kind != "IF":
            tau = "tau_mem" if kind.startswith("Cuba") else "tau"
            decay = _decay(other, tau, parameter(tau), tick)
        # A membrane that is read, not fired by, rests at its drive; another gets so much of it in a tick.
        if kind in ("LIF", "CubaLIF"):
            factor = factor * (1 - decay)
        gain = gain * factor
        if (gain <= 0).any():
            raise BackspikeError(f"node {other} in it must have r and w_in above 0, and a tau that is finite")
        if kind != "IF":
            # What the membrane rests at is a drive that is always there.
            weights[-1] += parameter("v_leak") * ((1 - decay) if kind in ("LIF", "CubaLIF") else 1) / gain
    if kinds in INTEGRATING:
        return FloatLayer(name, weights * gain)
    name_of_last, neuron = dynamic[-1]
    threshold = _parameter(name_of_last, neuron, units, "v_threshold")
    reset = _parameter(name_of_last, neuron, units, "v_reset")
    if (threshold <= 0).any() or reset.any():
        raise BackspikeError(f"node {name_of_last} in it must have a v_threshold above 0 and a v_reset of 0")
    return FloatLayer(name, weights, Spiking(name_of_last, decay, threshold, gain, synapse, np.ones(units)))


def _parameter(node: str, neuron: Any, units: int, name: str) -> Floats:
    """Return a parameter of neurons, shape (units,)."""
    values = _numbers(node, name, getattr(neuron, name))
    if values.size not in (1, units):
        raise BackspikeError(f"{name} of node {node} in it must be 1 or {units} numbers, not {values.size}")
    return np.broadcast_to(values.ravel(), units).copy()


def _decay(node: str, name: str, tau: Floats, tick: float) -> Floats:
    """Return what is left after a tick of what decays with a time constant."""
    for wrong in tau[tau < tick * (1 - 1e-6)]:
        raise BackspikeError(f"{name} of node {node} in it is {wrong:g} s, less than a tick of {tick:g} s")
    return np.clip(1 - tick / tau, 0, 1)


def _numbers(node: str, name: str, values: Any) -> Floats:
    return finite(f"{name} of node {node}", np.asarray(values))
