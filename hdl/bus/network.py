"""A network behind the streams that all buses share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import NDArray

from backspike.config import NetworkConfig
from backspike.hdl.network import NetworkTop
from backspike.hdl.timing import sample_limit
from backspike.model.seeding import LfsrMap
from backspike.registers import BUS_PLACES, RegisterMap

from .access import access_layout, answer_layout
from .bridge import RegisterBridge
from .results import ResultQueue, ResultWriter, result_beat
from .samples import SampleReader, sample_beat

__all__ = ["BusNetwork", "access_clocks"]

_OVERHEAD = 64
"""Cycles of an access besides those for which the network makes it wait; a bound, with much to spare."""


def access_clocks(config: NetworkConfig) -> int:
    """Return a bound on the cycles from an access to its answer, for the time-outs of buses.

    The longest access waits for a whole sample, or, after a reset, for the registers' first values and for all LFSRs
    to be seeded. A word of a sample in a register waits for as many samples as can be inside.
    """
    started = 16 * len(RegisterMap(config).registers) + config.lfsr_bits * (LfsrMap(config).count + 2)
    return BUS_PLACES * (sample_limit(config) + started) + _OVERHEAD


class BusNetwork(wiring.Component):
    """A network whose registers are at addresses of bytes, and whose samples and results are words of 32 bits.

    What it promises a bus: every access is answered, once, and within as many cycles as a sample takes, whether or
    not samples are sent and results taken. Samples are let in as long as there is a place for their results.

    Parameters
    ----------
    config : NetworkConfig
    weights : sequence of int64 array, optional
        Those at power-up, see `NetworkTop`.
    places : int
        Results that can wait.

    Attributes
    ----------
    network : NetworkTop

    Members
    -------
    accesses, answers : ``In(stream.Signature(access_layout()))``, ``Out(stream.Signature(answer_layout()))``
        See `RegisterBridge`.
    words : ``In(stream.Signature(sample_beat()))``
        Samples.
    results : ``Out(stream.Signature(result_beat()))``
    blocked : ``Out(1)``
        The word that `words` shows, valid or not, would begin a sample, and no more are let in.
    reset : ``Out(1)``
        The network is being reset, and with it what has come of its samples.
    """

    def __init__(
        self,
        config: NetworkConfig,
        weights: Sequence[NDArray[np.int64]] | None = None,
        places: int = BUS_PLACES,
    ) -> None:
        self._config, self._places = config, places
        self.network = NetworkTop(config, weights)
        super().__init__(
            {
                "accesses": In(stream.Signature(access_layout())),
                "answers": Out(stream.Signature(answer_layout())),
                "words": In(stream.Signature(sample_beat())),
                "results": Out(stream.Signature(result_beat())),
                "blocked": Out(1),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.bridge = bridge = RegisterBridge(config)
        m.submodules.queue = queue = ResultQueue(config, self._places)
        m.submodules.writer = writer = ResultWriter(config)
        network, reader = self.network, SampleReader(config)
        m.submodules.network = ResetInserter(bridge.reset)(network)
        m.submodules.reader = ResetInserter(bridge.reset)(reader)
        connect(m, flipped(self.accesses), bridge.accesses)
        connect(m, bridge.answers, flipped(self.answers))
        connect(m, bridge.requests, network.requests)
        connect(m, network.responses, bridge.responses)
        connect(m, flipped(self.words), reader.words)
        connect(m, reader.samples, network.samples)
        connect(m, network.results, queue.results)
        connect(m, queue.o, writer.i)
        connect(m, writer.o, flipped(self.results))
        m.d.comb += [
            reader.admit.eq(queue.admit & ~bridge.hold),
            queue.begin.eq(reader.begin),
            queue.reset.eq(bridge.reset),
            bridge.begun.eq(reader.begun),
            bridge.status.results.eq(queue.waiting),
            bridge.status.samples.eq(queue.inside),
            bridge.status.places.eq(self._places),
            bridge.status.begun.eq(reader.begun),
            self.blocked.eq(reader.blocked),
            self.reset.eq(bridge.reset),
        ]
        return m
