"""The ports of what turns samples into lists, whichever kind of sample it is."""

from __future__ import annotations

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

from .entries import entries_layout
from .inputstreams import DrawPort
from .samples import sample_layout
from .wordstore import index_shape

__all__ = ["lister_ports"]


def lister_ports(config: NetworkConfig) -> dict[str, wiring.Member]:
    """Return the ports of what lists samples.

    ``samples``: what arrives; ``counts``: its present entry is one, and in order; ``available``, ``label``, ``learn``:
    a sample may be started, and what it says of itself; ``start``, ``showing``, ``listing``, ``ended``: see `ListPace`;
    ``draws``: the input's streams; ``entries``: the words of the lists.
    """
    return {
        "samples": In(stream.Signature(sample_layout(config))),
        "counts": In(1),
        "available": Out(1),
        "label": Out(index_shape(config.layers[-1])),
        "learn": Out(1),
        "start": In(1),
        "showing": In(1),
        "listing": In(1),
        "ended": In(1),
        "draws": Out(DrawPort(config)),
        "entries": Out(stream.Signature(entries_layout(config))),
    }
