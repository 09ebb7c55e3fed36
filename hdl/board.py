"""A network with its host link: all of a board's design but clock and pins."""

from __future__ import annotations

from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from backspike.config import NetworkConfig

from .link import HostLink
from .network import NetworkTop

__all__ = ["BoardTop"]


class BoardTop(wiring.Component):
    """A network that a host trains over a serial line, as docs/host_link.md says.

    Parameters
    ----------
    config : NetworkConfig
    divisor : int
        Clocks a bit of the line, 4 to 65,535.

    Members
    -------
    rx, tx : ``In(1)``, ``Out(1)``
        The line, 1 when idle.
    busy : ``Out(1)``
        A request is being executed or answered.
    """

    def __init__(self, config: NetworkConfig, divisor: int) -> None:
        self._config, self._divisor = config, divisor
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)})

    @property
    def probes(self) -> dict[str, str]:
        """Give the paths of `NetworkTop.probes`, below this top module."""
        return {name: f"network.{path}" for name, path in NetworkTop(self._config).probes.items()}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = HostLink(self._config, self._divisor)
        network = NetworkTop(self._config)
        m.submodules.network = ResetInserter(link.reset)(network)
        connect(m, link.samples, network.samples)
        connect(m, network.results, link.results)
        connect(m, link.requests, network.requests)
        connect(m, network.responses, link.responses)
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx), self.busy.eq(link.busy)]
        return m
