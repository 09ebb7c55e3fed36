"""The ports of what turns samples into lists, whichever kind of sample it is."""

from __future__ import annotations

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

from .entries import entries_layout
from .input_lfsrs import DrawPort
from .samples import sample_layout
from .word_store import index_shape

__all__ = ["SampleLists"]


class SampleLists(wiring.Component):
    """What lists samples, whichever kind they are of; `PixelLists` and `RecordedSpikes` say how.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    samples : ``In(stream.Signature(sample_layout(config)))``
        What arrives.
    counts : ``In(1)``
        The present entry of `samples` is one, and in order.
    available, label, learn : ``Out(1)``, ``Out(index_shape(n_L))``, ``Out(1)``
        A sample may be started, and what it says of itself.
    start, showing, listing, ended : ``In(1)``, ``In(1)``, ``In(1)``, ``In(1)``
        See `ListPace`.
    draws : ``Out(DrawPort(config))``
        The input's LFSRs.
    entries : ``Out(stream.Signature(entries_layout(config)))``
        The words of the lists.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        super().__init__(
            {
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
        )
