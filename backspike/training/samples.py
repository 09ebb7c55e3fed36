"""Samples in the shapes and number formats that people have them in, made into what a network takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backspike.config import NetworkConfig
from backspike.datasets.folder import ENDINGS, read_image
from backspike.datasets.samples import levels_of
from backspike.errors import BackspikeError, shown
from backspike.files import reading
from backspike.npz import read_array, read_arrays

__all__ = ["network_values", "read_samples"]


def network_values(config: NetworkConfig, samples: ArrayLike) -> NDArray[np.uint8]:
    """Return samples as a network takes them: uint8, shape (samples, n_0), or (samples, T, n_0) for recorded spikes.

    How they are scaled follows from their type alone, never from the values: so one sample means the same by itself.

    Parameters
    ----------
    config : NetworkConfig
    samples : array-like, shape (samples, ...)
        Each of n_0 values in any shape, such as that of an image; of recorded spikes, T times as many, ticks first.
        Whole numbers are from 0 to 255; floats from 0 to 1, of which 255 times as much is rounded; of booleans True is
        255. Recorded spikes may be any of these, and an input spikes where its value is above 0.

    Raises
    ------
    BackspikeError
        They are of another shape, another type, or out of range.
    """
    try:
        array: NDArray[Any] = np.asarray(samples)
    except ValueError as error:
        raise BackspikeError("samples must be an array, all of the same shape") from error
    shape = config.sample_shape
    spikes = config.input == "spikes"
    # At least one sample's axis beside that of the samples; ticks are an axis of their own.
    fitting = array.ndim >= 2 and math.prod(array.shape[1:]) == math.prod(shape)
    if not fitting or (spikes and array.shape[1] != shape[0]):
        wanted = f"{config.ticks} ticks of {config.layers[0]} inputs" if spikes else f"{config.layers[0]} values"
        raise BackspikeError(
            f"samples must be of shape {('samples', *shape)}".replace("'", "")
            + f", or any with {wanted} for each, not {array.shape}"
        )
    if array.dtype.kind not in "biuf":
        raise BackspikeError(f"samples must be whole numbers, floats or booleans, not {array.dtype}")
    most = {"f": 1, "b": 1}.get(array.dtype.kind, 255)
    # Said so that NaN is out of range, too.
    if array.size and not (array.min() >= 0 and array.max() <= most):
        allowed = "from 0 to 1, as floats are" if most == 1 else "from 0 to 255"
        raise BackspikeError(f"the values of samples must be {allowed}, not {array.min():g} to {array.max():g}")
    rows = array.reshape(len(array), *shape)
    if spikes:
        return np.ascontiguousarray(rows > 0, dtype=np.uint8)
    return np.ascontiguousarray(levels_of(rows, most))


def read_samples(path: Path, config: NetworkConfig) -> NDArray[np.uint8]:
    """Return the samples, or the one sample, of a file, as a network takes them.

    Parameters
    ----------
    path : Path
        An .npy file, an .npz archive of one array or with one that is called ``values``, or an image.
    config : NetworkConfig

    Raises
    ------
    BackspikeError
        The file is none of these, cannot be read or is damaged, or `network_values` refuses what is in it. Images are
        not scaled to the network's size.
    """
    with reading(path):
        ending = path.suffix.lower()
        if ending == ".npy":
            array = read_array(path)
        elif ending == ".npz":
            arrays = read_arrays(path)
            if len(arrays) != 1 and "values" not in arrays:
                raise BackspikeError(f"it must have one array, or one called values, not {shown([*arrays])}")
            array = arrays["values"] if "values" in arrays else next(iter(arrays.values()))
        elif ending in ENDINGS:
            array = read_image(path)
        else:
            raise BackspikeError(f"samples are read from .npy, .npz and image files, not {shown(path.suffix)}")
        # As many values as one sample has are one, unless they already are a list of one.
        single = array.size == math.prod(config.sample_shape) and (array.ndim == 1 or len(array) > 1)
        return network_values(config, array[np.newaxis] if single else array)
