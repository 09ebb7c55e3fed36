"""The weight window: a host's access to a weight, on its way to the layer that has it."""

from __future__ import annotations

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from backspike.config import NetworkConfig

from .synapses import WeightPort

__all__ = ["WeightWindow"]


class WeightWindow(wiring.Component):
    """Gives an access to one of the layers, and that layer's answer back. Combinational.

    An access to layer 0, or to one that there is not, is given to none, and never done.

    Parameters
    ----------
    config : NetworkConfig

    Members
    -------
    access : ``In(WeightPort(config))``
    layer : ``In(range(L + 1))``
        Number of the layer that it is for.
    layers : ``Out(WeightPort(config)).array(L)``
        To each of the layers.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(
            {
                "access": In(WeightPort(config)),
                "layer": In(range(config.depth + 1)),
                "layers": Out(WeightPort(config)).array(config.depth),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access = self.access
        for number, port in enumerate(self.layers, start=1):
            chosen = self.layer == number
            m.d.comb += [
                port.valid.eq(access.valid & chosen),
                port.write.eq(access.write),
                port.row.eq(access.row),
                port.word.eq(access.word),
                port.lane.eq(access.lane),
                port.w_data.eq(access.w_data),
            ]
            with m.If(chosen):
                m.d.comb += [access.r_data.eq(port.r_data), access.done.eq(port.done)]
        return m
