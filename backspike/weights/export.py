"""Weights for other tools: as memories of the Verilog, as arrays in C, and as a graph in NIR."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.errors import BackspikeError
from backspike.layers import WeightLayer

from .nir_graph import nir_file

__all__ = ["FORMATS", "c_header", "memory_files", "memory_words"]

Weights = Sequence[NDArray[np.int64]]


def memory_words(layer: WeightLayer, weights: NDArray[np.int64], bank: int) -> list[int]:
    """Return the words of a memory of the hardware that holds weights, in the order of their addresses.

    Row j lies in bank j modulo `banks`, in `fold` words from address ``j // banks * fold`` up. Lane n of a word is its
    bits from ``n * weight_bits`` up, in two's complement: of word k, the weight to unit ``k * lanes + n``. Lanes that
    are no unit, and words that are no row, hold zero.

    Parameters
    ----------
    layer : WeightLayer
    weights : int64 array, shape (inputs + 1, units)
        From `weight_min` to `weight_max` of the configuration.
    bank : int
        0 to `banks` - 1.
    """
    own = weights[bank :: layer.banks]
    rows = -(-layer.rows // layer.banks)
    padded = np.pad(own, ((0, rows - len(own)), (0, layer.row_lanes - layer.units)))
    bits = layer.config.weight_bits
    lanes = (padded.reshape(-1, layer.lanes) & ((1 << bits) - 1)).tolist()
    return [sum(value << (lane * bits) for lane, value in enumerate(word)) for word in lanes]


def memory_files(config: NetworkConfig, weights: Weights) -> dict[str, str]:
    """Return a file for ``$readmemh`` for each memory of weights, by the file's name: a word a line, from address 0 up.

    A name has the network's, and that of the memory among the probes of the Verilog's description. Digits are as many
    as a word takes.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int64 array, shape (inputs + 1, units) each

    Raises
    ------
    BackspikeError
        The network has no such memories: its synapses are a crossbar.
    """
    if config.synapses == "crossbar":
        raise BackspikeError(
            f'format hex is for memories, and {config.name} with synapses = "crossbar" has none; its Verilog has the '
            "weights with: backspike generate --checkpoint"
        )
    files = {}
    for layer, matrix in zip(config.weight_layers, weights, strict=True):
        digits = -(-layer.lanes * config.weight_bits // 4)
        for bank in range(layer.banks):
            words = memory_words(layer, matrix, bank)
            name = f"{config.name}.layer_{layer.number}.weights_{bank}.hex"
            files[name] = "".join(f"{word:0{digits}x}\n" for word in words)
    return files


def c_header(config: NetworkConfig, weights: Weights) -> dict[str, str]:
    """Return a header in C99 with the weights of each layer, by the file's name; C++ takes it, too.

    ``NAME_weights_1`` .. are arrays of int8_t, or int16_t where weights have more than 8 bits, in LSB, a row for each
    input and the bias row last. Macros with the name in upper case say the layers' sizes and what an LSB is worth.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int64 array, shape (inputs + 1, units) each
    """
    kind = "int8_t" if config.weight_bits <= 8 else "int16_t"
    macro = config.name.upper()
    lines = [
        f"/* Weights of {config.name}, {'-'.join(map(str, config.layers))}: an LSB is worth 2^-{config.weight_frac}, "
        "the last row of each layer is the bias. */",
        f"#ifndef {macro}_WEIGHTS_H",
        f"#define {macro}_WEIGHTS_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define {macro}_WEIGHT_LAYERS {config.depth}",
        f"#define {macro}_WEIGHT_BITS {config.weight_bits}",
        f"#define {macro}_WEIGHT_FRAC {config.weight_frac}",
        *(f"#define {macro}_UNITS_{number} {units}" for number, units in enumerate(config.layers)),
        "",
    ]
    for number, matrix in enumerate(weights, start=1):
        rows, units = matrix.shape
        lines.append(f"static const {kind} {config.name}_weights_{number}[{rows}][{units}] = {{")
        lines += [f"    {{{', '.join(map(str, row))}}}," for row in matrix.tolist()]
        lines += ["};", ""]
    lines.append(f"#endif /* {macro}_WEIGHTS_H */")
    return {f"{config.name}_weights.h": "\n".join(lines) + "\n"}


FORMATS: dict[str, Callable[[NetworkConfig, Weights], Mapping[str, str | bytes]]] = {
    "hex": memory_files,
    "header": c_header,
    "nir": nir_file,
}
"""What makes the files of each format, by the name that the command line takes."""
