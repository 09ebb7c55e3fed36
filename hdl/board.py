"""A network with its host link and what carries its bytes: all of a board's design but clock and pins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect
from numpy.typing import NDArray

from backspike.config import NetworkConfig

from .link.host_link import HostLink
from .link.transport import pins
from .network import NetworkTop

__all__ = ["BoardTop"]


class BoardTop(wiring.Component):
    """A network that a host trains, as docs/host_link.md says.

    The transport's reset goes to link and network: what hangs in them, by whatever cause, a host can always end.

    Parameters
    ----------
    config : NetworkConfig
    transport : wiring.Component
        What carries frames between host and link (`backspike.hdl.link.transport`), a `SerialTransport` for one.

    weights : sequence of int64 array, optional
        At power-up, as those of the `NetworkTop`.

    Members
    -------
    rx, tx : ``In(1)``, ``Out(1)``
        The pins of the transport; these are those of a `SerialTransport`.
    busy : ``Out(1)``
        A request is being executed or answered.
    """

    def __init__(
        self, config: NetworkConfig, transport: wiring.Component, weights: Sequence[NDArray[np.int64]] | None = None
    ) -> None:
        self._config, self._transport, self._weights = config, transport, weights
        super().__init__({**pins(transport), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transport = transport = self._transport
        link, network = HostLink(self._config), NetworkTop(self._config, self._weights)
        m.submodules.link = ResetInserter(transport.reset)(link)
        m.submodules.network = ResetInserter(transport.reset | link.reset)(network)
        connect(m, transport.received, link.received)
        connect(m, link.answer, transport.answer)
        connect(m, link.samples, network.samples)
        connect(m, network.results, link.results)
        connect(m, link.requests, network.requests)
        connect(m, network.responses, link.responses)
        m.d.comb += self.busy.eq(link.busy)
        for name, pin in pins(transport).items():
            inside, outside = getattr(transport, name), getattr(self, name)
            m.d.comb += inside.eq(outside) if pin.flow == In else outside.eq(inside)
        return m
