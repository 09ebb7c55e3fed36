"""Samples: the entries in which a network takes them."""

from __future__ import annotations

from amaranth.lib import data

from backspike.config import PIXEL_BITS, NetworkConfig

from .word_store import index_shape

__all__ = ["sample_layout"]


def sample_layout(config: NetworkConfig) -> data.StructLayout:
    """Return the layout of one entry of a sample's list.

    Fields: ``index``, the input unit; ``value``, its pixel 1..255 (recorded spikes: anything but zero); ``last``,
    the end of the list; ``label`` and ``learn``, the same in every entry of a sample, which is not learned if its label
    is no class. An entry whose value is zero or whose index is not above the one before, or not below n_0, only counts
    for its flags: this is how an empty list is sent. Rate-coded samples are one list, recorded spikes T lists, one a
    tick.
    """
    return data.StructLayout(
        {
            "index": index_shape(config.layers[0]),
            "value": PIXEL_BITS,
            "label": index_shape(config.layers[-1]),
            "learn": 1,
            "last": 1,
        }
    )
